"""What people keep for themselves: posts for later, drafts."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone
from markupsafe import Markup

from box.core.accounts.models import User
from box.core.files.models import File
from box.core.registry.capabilities import Card, Ref

SCHEDULED = "feed.scheduled"


class ScheduledPost(models.Model):
    """A post that waits for its moment. It is checked and published as if its author had sent it then."""

    author = models.ForeignKey(User, models.CASCADE, related_name="+")
    publish_at = models.DateTimeField()
    html = models.TextField(blank=True)
    # As it is listed.
    text = models.TextField(blank=True)
    audience = ArrayField(models.TextField())
    # The fields of a poll's `Question`; nothing where it asks nothing.
    question = models.JSONField(null=True)
    is_announcement = models.BooleanField(default=False)
    read_by_on = models.DateField(null=True)
    files = models.ManyToManyField(File, through="ScheduledFile", related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # Why it could not be published, for its author, who decides what becomes of it.
    problem = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["publish_at"], name="scheduled_due", condition=models.Q(problem="")),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written


class ScheduledFile(models.Model):
    """An upload that waits with the post: whatever a row points at, the sweep leaves."""

    post = models.ForeignKey(ScheduledPost, models.CASCADE, related_name="file_links")
    file = models.ForeignKey(File, models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["post", "file"], name="scheduled_file_once")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.file_id}"


def draft_address(draft: str, by: User) -> str:
    """See `box.core.registry.capabilities.Creator`: the composer with the draft in it."""
    return f"{reverse('feed:list')}?{urlencode({'draft': draft})}"


def scheduled_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """Of the reader's own that wait: see `box.core.registry.capabilities.CardMaker`."""
    waiting = ScheduledPost.objects.filter(pk__in=ids, author=reader)
    return {one.pk: Card(Ref(SCHEDULED, one.pk), str(one), reverse("feed:scheduled")) for one in waiting}
