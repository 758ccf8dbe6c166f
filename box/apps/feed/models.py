"""Posts. The feed is ordered by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from markupsafe import Markup

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.access.principals import EVERYONE, is_person
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.files.models import Blob, File
from box.core.registry.capabilities import Card, Ref
from box.lib.prepared import Param
from box.lib.rich import LONGEST_TAG

KIND = "feed.post"
SCHEDULED = "feed.scheduled"
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
        return self.filter(id__gte=_first_since(moment))

    def published_before(self, moment: datetime) -> Self:
        return self.filter(id__lt=_first_since(moment))

    def with_pinned(self) -> Self:
        """Each row knows `pinned_ids`: whether there is anything on top costs a page no query."""
        return self.annotate(pinned_ids=_pinned_ids())

    def with_views_of(self, user_id: int | Param) -> Self:
        """Each row knows `saved_views`: those chips beside the feed cost a page no query."""
        return self.annotate(saved_views=_chips_of(user_id))

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
        """With all that a list shows of a post itself; see `showing` for the rest."""
        return self.select_related("author", "thread").defer("text")


def _pinned_ids() -> RawSQL:
    # In words of its own, as what follows: every page of the feed would pay for composing it.
    pinned = f'SELECT id FROM "{Post._meta.db_table}" WHERE pinned_at IS NOT NULL'  # noqa: S608
    return RawSQL(f"ARRAY({pinned})", [], output_field=ArrayField(models.BigIntegerField()))  # noqa: S611


def _chips_of(user_id: int | Param) -> RawSQL:
    table = SavedView._meta.db_table
    chip = "jsonb_build_object('pk', id, 'name', name, 'query', query)"
    chips = f"SELECT jsonb_agg({chip} ORDER BY position, id) FROM {table} WHERE user_id = %s"  # noqa: S608
    return RawSQL(f"({chips})", [user_id], output_field=models.JSONField())  # noqa: S611


def _first_since(moment: datetime) -> Coalesce:
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
    # As it is searched and quoted; `html` is the same as it is shown, clean: see box.lib.rich.
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    thread = models.OneToOneField(Thread, models.PROTECT, related_name="post")
    files = models.ManyToManyField(File, through="PostFile", related_name="posts")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.POST)
    # Raised by each change of the text; see PostVersion.
    version = models.PositiveIntegerField(default=1)
    edited_at = models.DateTimeField(null=True)
    pinned_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    # What only some posts have, such as the objects that their links lead to; a list reads it with the post.
    details = models.JSONField(null=True)

    objects = PostQuerySet.as_manager()

    # Of rows that `with_pinned` read.
    pinned_ids: list[int]
    # Of rows that `with_views_of` read: `pk`, `name` and `query` of each, or nothing at all.
    saved_views: list[dict[str, Any]] | None

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
        return reverse("feed:post", args=[self.pk])


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


class Announcement(models.Model):
    """A post that its readers confirm to have read: this version of it, or a newer one."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="announcement")
    required_version = models.PositiveIntegerField(default=1)
    # The day by which it is to be read: in its morning those who have not are reminded, of each version once.
    read_by_on = models.DateField(null=True)
    reminded_version = models.PositiveIntegerField(default=0)

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


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user).order_by("position", "id")


class SavedView(models.Model):
    """A filter of the feed that somebody has given a name: a chip beside their feed."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=60)
    # As `Filter.query` says it.
    query = models.CharField(max_length=500)
    position = models.PositiveIntegerField(default=0)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name


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


class KeptDraft(models.Model):
    """What somebody has begun to write in one place, as their browser keeps it too: see `drafts.js`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    place = models.CharField(max_length=60)
    content = models.JSONField()
    # The browser that wrote it, by a name it gave itself, and how often it was written.
    browser = models.CharField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField(default=timezone.now)
    files = models.ManyToManyField(File, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "place"], name="kept_draft_once")]
        indexes = [models.Index(fields=["saved_at"], name="kept_draft_by_age")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.place}"


class Badge(models.Model):
    """What one thanks a colleague with, or gives them for a holiday: called what its administrator likes, in
    both languages, with one of the drawn pictures or one of the company's own."""

    class Picture(models.TextChoices):
        STAR = "star", _("star")
        HEART = "heart", _("heart")
        HANDS = "hands", _("hands")
        BULB = "bulb", _("light bulb")
        ROCKET = "rocket", _("rocket")
        CUP = "cup", _("cup")
        SHIELD = "shield", _("shield")
        FLOWER = "flower", _("flower")
        GIFT = "gift", _("gift")
        CAKE = "cake", _("cake")
        TREE = "tree", _("fir tree")

    name_en = models.CharField(_("name in English"), max_length=60)
    name_ru = models.CharField(_("name in Russian"), max_length=60)
    picture = models.CharField(_("picture"), max_length=12, choices=Picture, default=Picture.STAR)
    # A small square one, ready to be shown, in place of the drawn one.
    own_picture = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+", editable=False)
    is_gift = models.BooleanField(_("a gift for a holiday"), default=False)
    # Given no more; what was given stays.
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["is_gift", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def names(self) -> dict[str, str]:
        return {"en": self.name_en, "ru": self.name_ru}

    @property
    def name(self) -> str:
        """In the reader's language."""
        return in_language(self.names)


def in_language(names: Mapping[str, str]) -> str:
    """That of the names which is in the reader's language."""
    return names.get(get_language() or "en") or names["en"]


class Award(models.Model):
    """A badge or gift that somebody was given, by a post of its own."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="award")
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="awards")
    # The badge's own when it was given, as `Post.details` has it: the blob stays as long as it is shown.
    own_picture = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="awards")

    def __str__(self) -> str:
        return f"{self.badge_id} for {self.user_id}"


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


def addressees_of(audience: Iterable[str]) -> list[str]:
    """The codes of an audience that name neither one person nor all."""
    return [code for code in audience if code != EVERYONE and not is_person(code)]


def draft_address(draft: str, by: User) -> str:
    """See `box.core.registry.capabilities.Creator`: the composer with the draft in it."""
    return f"{reverse('feed:list')}?{urlencode({'draft': draft})}"


def post_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    posts = Post.objects.visible_to(reader).filter(pk__in=ids)
    return {post.pk: Card(post.ref, str(post), post.get_absolute_url()) for post in posts}


def scheduled_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """Of the reader's own that wait: see `box.core.registry.capabilities.CardMaker`."""
    waiting = ScheduledPost.objects.filter(pk__in=ids, author=reader)
    return {one.pk: Card(Ref(SCHEDULED, one.pk), str(one), reverse("feed:scheduled")) for one in waiting}
