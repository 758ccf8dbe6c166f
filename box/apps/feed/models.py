"""Posts. The feed is ordered by id."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.urls import reverse
from django.utils import timezone

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.files.models import File
from box.core.registry.capabilities import Card, Ref

KIND = "feed.post"
PAGE = 20


class PostQuerySet(AudienceQuerySet["Post"]):
    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, post_id: int) -> Self:
        """The page below this post."""
        return self.filter(id__lt=post_id)

    def after(self, post_id: int) -> Self:
        """What was published since this post."""
        return self.filter(id__gt=post_id)

    def as_shown(self) -> Self:
        """With all that a list shows of a post, in as many queries for fifty posts as for one."""
        attached = PostFile.objects.select_related("file__blob")
        return self.select_related("author", "thread").prefetch_related(
            models.Prefetch("postfile_set", attached)
        )


class Post(AudienceModel):
    author = models.ForeignKey(User, models.PROTECT, related_name="posts", db_index=False)
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    thread = models.OneToOneField(Thread, models.PROTECT, related_name="post")
    files = models.ManyToManyField(File, through="PostFile", related_name="posts")

    objects = PostQuerySet.as_manager()

    class Meta(AudienceModel.Meta):
        abstract = False
        indexes = [*AudienceModel.Meta.indexes, models.Index(fields=["author", "-id"], name="post_by_author")]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def attached(self) -> list[File]:
        """The files in the author's order."""
        return [link.file for link in self.postfile_set.all()]

    def get_absolute_url(self) -> str:
        return reverse("feed:post", args=[self.pk])


class PostFile(models.Model):
    """A file of a post, in the order in which the author put them."""

    post = models.ForeignKey(Post, models.CASCADE)
    file = models.ForeignKey(File, models.PROTECT)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["post", "file"], name="post_file_once")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.file_id}"


def post_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    posts = Post.objects.visible_to(reader).filter(pk__in=ids)
    return {post.pk: Card(post.ref, str(post), post.get_absolute_url()) for post in posts}
