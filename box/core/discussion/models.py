"""A thread stands under one object of any room and holds its comments and reactions."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from box.core.accounts.models import User


class Thread(models.Model):
    """The counts are kept with each write, so that a list of objects reads them with the objects."""

    kind = models.CharField(max_length=40)
    comments_count = models.PositiveIntegerField(default=0)
    likes_count = models.PositiveIntegerField(default=0)
    dislikes_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} thread {self.pk}"


class CommentQuerySet(models.QuerySet["Comment"]):
    def latest_of(self, thread_ids: list[int], *, each: int) -> Self:
        """The newest `each` comments of every thread, oldest first, in one query that the index answers."""
        newest = Comment.objects.filter(thread=models.OuterRef("thread")).order_by("-id").values("id")
        floor = models.Subquery(newest[each - 1 : each])
        return (
            self.filter(thread__in=thread_ids)
            .filter(models.Q(id__gte=models.functions.Coalesce(floor, 0)))
            .order_by("thread", "id")
        )

    def with_authors(self) -> Self:
        return self.select_related("author")


class Comment(models.Model):
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="comments", db_index=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="comments")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["thread", "id"], name="comment_in_thread")]

    def __str__(self) -> str:
        return self.text[:80]


class Reaction(models.Model):
    class Value(models.IntegerChoices):
        DISLIKE = -1
        LIKE = 1

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="reactions", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="reactions")
    value = models.SmallIntegerField(choices=Value)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thread", "user"], name="reaction_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.value:+d}"
