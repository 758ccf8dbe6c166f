"""A thread stands under one object of any room and holds its comments and reactions."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone
from markupsafe import Markup

from box.core.accounts.models import User
from box.core.files.models import File
from box.lib.hot_models import HotModel

# Code points: a family of four is seven, the flag of Wales as well.
LONGEST_EMOJI = 16


class Thread(models.Model):
    """The counts are kept with each write, so that a list of objects reads them with the objects."""

    kind = models.CharField(max_length=40)
    comments_count = models.PositiveIntegerField(default=0)
    likes_count = models.PositiveIntegerField(default=0)
    dislikes_count = models.PositiveIntegerField(default=0)
    # By emoji how many have given it; nothing where nobody has given any.
    emoji_counts = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} thread {self.pk}"


class CommentQuerySet(models.QuerySet["Comment"]):
    def top(self) -> Self:
        """What answers the object itself, not another comment."""
        return self.filter(parent=None)

    def with_authors(self) -> Self:
        return self.select_related("author")


class Comment(HotModel):
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="comments", db_index=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="comments")
    # As it is searched and quoted; `html` is the same as it is shown, clean: see box.lib.rich_text.
    text = models.TextField()
    html = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    # An answer to another comment. One level: an answer to an answer stands beside it.
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="replies")
    # Taken back, but with answers below it: what it said is gone.
    is_deleted = models.BooleanField(default=False, db_default=False)

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["thread", "id"], name="comment_in_thread")]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written


class CommentFile(models.Model):
    """A file of a comment, in the order in which its author put them."""

    comment = models.ForeignKey(Comment, models.CASCADE, related_name="file_links")
    file = models.ForeignKey(File, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["comment", "file"], name="comment_file_once")]

    def __str__(self) -> str:
        return f"{self.comment_id}: {self.file_id}"


class Follower(models.Model):
    """Whether somebody wants to hear what is said in a thread. Nobody's row: they have not said."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="followers", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    is_on = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thread", "user"], name="follower_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {'follows' if self.is_on else 'left'} {self.thread_id}"


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


class EmojiReaction(models.Model):
    """Beside liking: anything that one character says, each once a person."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="emoji_reactions", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=LONGEST_EMOJI)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thread", "user", "emoji"], name="emoji_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.emoji}"
