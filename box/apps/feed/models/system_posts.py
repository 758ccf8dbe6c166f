"""What the portal tells by itself."""

from __future__ import annotations

from django.db import models

from box.apps.feed.models.posts import Post


class SystemEntry(models.Model):
    """What the portal tells by itself, under a key, so that it tells it once. Much of one day is one post."""

    key = models.CharField(max_length=80, unique=True)
    # None where the post was deleted: the portal doesn't insist.
    post = models.ForeignKey(Post, models.SET_NULL, null=True, related_name="+")
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class SystemFact(models.Model):
    """One of the things that an entry tells of."""

    key = models.CharField(max_length=80, unique=True)
    entry = models.ForeignKey(SystemEntry, models.CASCADE, related_name="facts")

    def __str__(self) -> str:
        return self.key
