"""Posts and announcements, and what belongs to each of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from markupsafe import Markup

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.access.principals import EVERYONE, is_person
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.files.models import File
from box.core.lists.preferences import kept_by
from box.core.registry.capabilities import Card, Ref
from box.core.registry.environment import url
from box.lib.prepared import Param
from box.lib.rich_text import LONGEST_TAG

KIND = "feed.post"
LIST = "feed.posts"
"""What saved views of the feed are kept under."""
PAGE = 20
IS_FAVOURITE = models.Q(is_favourite=True)


class PostQuerySet(AudienceQuerySet["Post"]):
    def visible_to(self, user: User) -> Self:
        return super().visible_to(user).there()

    def there(self) -> Self:
        """Not those that were deleted a moment ago and may still be brought back."""
        return self.filter(deleted_at=None)

    def tagged(self, tag: str) -> Self:
        return self.filter(tag_links__tag=tag.lower())

    def by(self, author_id: int) -> Self:
        return self.filter(author=author_id)

    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)

    def favourites_of(self, user: User) -> Self:
        return self.filter(marks__user=user, marks__is_favourite=True)

    def published_from(self, moment: datetime) -> Self:
        """Since this moment, found by the key: ids and moments grow together."""
        return self.filter(id__gte=first_since(moment))

    def published_before(self, moment: datetime) -> Self:
        return self.filter(id__lt=first_since(moment))

    def with_pinned(self) -> Self:
        """Each row knows `pinned_ids`: whether there is anything on top costs a page no query."""
        return self.annotate(pinned_ids=_pinned_ids())

    def with_preferences_of(self, user_id: int | Param) -> Self:
        """Each row knows what is `kept` of the feed as a list: saved views cost a page no query."""
        return self.annotate(kept=kept_by(user_id, LIST))

    def to_be_read_by(self, user: User) -> Self:
        """Announcements since this person came that they have not confirmed to have read as they are now."""
        read = Receipt.objects.filter(
            user=user,
            post=models.OuterRef("pk"),
            version__gte=models.OuterRef("announcement__required_version"),
        )
        waiting = self.of_kind(Post.Kind.ANNOUNCEMENT).filter(created_at__gte=user.joined_at)
        return waiting.filter(~models.Exists(read)).exclude(author=user)

    def pinned(self) -> Self:
        return self.filter(pinned_at__isnull=False).order_by("-pinned_at")

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, post_id: int | Param) -> Self:
        """The page below this post."""
        return self.filter(id__lt=post_id)

    def after(self, post_id: int) -> Self:
        """What was published since this post."""
        return self.filter(id__gt=post_id)

    def addressed_to(self, code: str | Param) -> Self:
        """What was written for this department or group: one index answers it, in the feed's order."""
        return self.filter(addressees__code=code)

    def as_shown(self) -> Self:
        """With all that a list shows of a post itself; see `presenters` for the rest."""
        return self.select_related("author", "thread").defer("text")


def _pinned_ids() -> RawSQL:
    # In words of its own, as what follows: every page of the feed would pay for composing it.
    pinned = f'SELECT id FROM "{Post._meta.db_table}" WHERE pinned_at IS NOT NULL'  # noqa: S608
    return RawSQL(f"ARRAY({pinned})", [], output_field=ArrayField(models.BigIntegerField()))  # noqa: S611


def first_since(moment: datetime) -> Coalesce:
    """The id of the first post since this moment; above all of them where there is none."""
    first = Post.objects.filter(created_at__gte=moment).order_by("created_at", "id").values("id")[:1]
    return Coalesce(Subquery(first), models.Value(2**62))


class Post(AudienceModel):
    class Kind(models.TextChoices):
        POST = "post", _("posts")
        POLL = "poll", _("polls")
        ANNOUNCEMENT = "announcement", _("announcements")
        BADGE = "badge", _("badges and gifts")
        SYSTEM = "system", _("news of the portal")

    author = models.ForeignKey(User, models.PROTECT, related_name="posts", db_index=False)
    # As it is searched and quoted; `html` is the same as it is shown, clean: see box.lib.rich_text.
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=timezone.now)
    thread = models.OneToOneField(Thread, models.PROTECT, related_name="post")
    files = models.ManyToManyField(File, through="PostFile", related_name="posts")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.POST, db_default=Kind.POST)
    # Raised by each change of the text; see PostVersion.
    version = models.PositiveIntegerField(default=1, db_default=1)
    edited_at = models.DateTimeField(null=True)
    pinned_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    # What only some posts have, such as the objects that their links lead to; a list reads it with the post.
    details = models.JSONField(null=True)

    objects = PostQuerySet.as_manager()

    # Of rows that `with_pinned` read.
    pinned_ids: list[int]
    # Of rows that `with_preferences_of` read; see `box.core.lists.preferences`.
    kept: dict[str, Any]

    class Meta(AudienceModel.Meta):
        abstract = False
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index(fields=["author", "-id"], name="post_by_author"),
            models.Index(fields=["kind", "-id"], name="post_by_kind"),
            models.Index(fields=["created_at", "id"], name="post_by_moment"),
            models.Index(
                fields=["-pinned_at"], name="post_pinned", condition=models.Q(pinned_at__isnull=False)
            ),
            models.Index(
                fields=["deleted_at"], name="post_deleted", condition=models.Q(deleted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    def get_absolute_url(self) -> str:
        return url("feed:post", self.pk)


class PostAddressee(models.Model):
    """A department or group that a post is for: the codes of its audience that have a feed of their own."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="addressees")
    code = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "post"], name="post_addressee_once")]

    def __str__(self) -> str:
        return f"{self.post_id} for {self.code}"


class PostTag(models.Model):
    """A word that a post is found by, in small letters."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="tag_links")
    tag = models.CharField(max_length=LONGEST_TAG)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "post"], name="post_tag_once")]

    def __str__(self) -> str:
        return f"#{self.tag}"


class Announcement(models.Model):
    """A post that its readers confirm to have read: this version of it, or a newer one."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="announcement")
    required_version = models.PositiveIntegerField(default=1)
    # The day by which it is to be read: in its morning those who have not are reminded, of each version once.
    read_by_on = models.DateField(null=True)
    reminded_version = models.PositiveIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"announcement {self.post_id}"


class Receipt(models.Model):
    """That somebody has read an announcement, in which version, and when. Who has not has no row."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="receipts", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user", "version"], name="receipt_once")]

    def __str__(self) -> str:
        return f"{self.user_id} has read {self.post_id}, version {self.version}"


class PostVersion(models.Model):
    """A text that a post has had, or has: kept from its first change on."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    html = models.TextField(blank=True)
    editor = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "number"], name="post_version_once")]

    def __str__(self) -> str:
        return f"{self.post_id}, version {self.number}"

    @property
    def body(self) -> Markup:
        return Markup(self.html)  # noqa: S704 - cleaned when it was written


class Mark(models.Model):
    """What one person has made of a post for themselves."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    post = models.ForeignKey(Post, models.CASCADE, related_name="marks")
    is_favourite = models.BooleanField(default=False)
    is_hidden = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "post"], name="mark_once")]
        indexes = [
            models.Index(
                fields=["user", "-post"], name="mark_favourite", condition=models.Q(is_favourite=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.post_id}"


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


def addressees_of(audience: Iterable[str]) -> list[str]:
    """The codes of an audience that name neither one person nor all."""
    return [code for code in audience if code != EVERYONE and not is_person(code)]


def post_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    posts = Post.objects.visible_to(reader).filter(pk__in=ids).select_related("author").defer("html")
    return {
        post.pk: Card(post.ref, str(post), post.get_absolute_url(), icon="news", people=(post.author.face,))
        for post in posts
    }
