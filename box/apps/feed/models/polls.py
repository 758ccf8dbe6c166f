"""Questions that a post asks, and who has answered."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models

from box.apps.feed.models.posts import Post
from box.core.accounts.models import User


class Poll(models.Model):
    """What a post asks. Its numbers are kept with each vote, so that a list reads them as they are."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="poll")
    is_multiple = models.BooleanField(default=False)
    is_anonymous = models.BooleanField(default=False)
    closes_at = models.DateTimeField(null=True)
    voters_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"poll of {self.post_id}"

    def is_closed(self, now: datetime) -> bool:
        return self.closes_at is not None and self.closes_at <= now


class PollOption(models.Model):
    poll = models.ForeignKey(Poll, models.CASCADE, related_name="options")
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=200)
    votes_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.text


class Ballot(models.Model):
    """That somebody has voted. In an anonymous poll not for what: nobody can look it up, whoever they are."""

    poll = models.ForeignKey(Poll, models.CASCADE, related_name="ballots", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    chosen = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["poll", "user"], name="ballot_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.poll_id}"
