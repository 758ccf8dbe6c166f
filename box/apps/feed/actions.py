"""Every write to the feed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.feed.access import can_announce, can_post_to_all
from box.apps.feed.events import PostDeleted, PostEdited, PostPublished
from box.apps.feed.models import (
    KIND,
    Announcement,
    Award,
    Badge,
    Mark,
    Post,
    PostAddressee,
    PostFile,
    PostTag,
    PostVersion,
    addressees_of,
)
from box.apps.feed.polls import Question, open_poll
from box.core.access.principals import EVERYONE, audience_for, code_of, is_private
from box.core.accounts.models import User
from box.core.discussion.actions import files_below, open_thread
from box.core.events.outbox import emit
from box.core.files import actions as files
from box.core.files.pictures import small_picture
from box.core.people.mentions import context_of
from box.core.registry.capabilities import Ref, card_routes
from box.core.registry.origin import is_importing, moment
from box.core.structure.names import unaddressable
from box.lib.rich_text import Rich, cleaned, from_text
from box.lib.tag_balancing import TooMuch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

LONGEST_POST = 100_000
MOST_FILES = 100
MOST_CARDS = 5
# Of a badge's own picture, in pixels: twice the largest that it is shown.
SIDE = 128


@dataclass(frozen=True)
class Prize:
    """A badge or gift for somebody, by their ids."""

    badge_id: int
    user_id: int


@dataclass(frozen=True)
class Draft:
    """A post to be: plain text, or what an editor gives. `audience` are principals' codes; `file_ids` are
    uploads of the author."""

    text: str = ""
    audience: tuple[str, ...] = (EVERYONE,)
    file_ids: tuple[int, ...] = ()
    html: str = ""
    question: Question | None = None
    is_announcement: bool = False
    read_by_on: date | None = None
    award: Prize | None = None

    @property
    def kind(self) -> Post.Kind:
        if self.award:
            return Post.Kind.BADGE
        if self.question:
            return Post.Kind.POLL
        return Post.Kind.ANNOUNCEMENT if self.is_announcement else Post.Kind.POST


def checked(draft: Draft, *, by: User) -> Rich:
    """What it says, clean. Raises ValidationError for an empty or too long post and an audience that is
    unknown or not this person's to address, PermissionDenied for what they may not write."""
    if draft.is_announcement and draft.question:
        raise ValidationError(_("A poll or an announcement: choose one of the two."), code="kind")
    if draft.is_announcement and not (is_importing() or can_announce(by)):
        raise PermissionDenied(_("You may not write announcements."))
    rich = _written(draft, by=by)
    if is_importing():
        return rich
    if draft.question and not rich.text:
        raise ValidationError(_("Write what you ask."), code="empty")
    if len(draft.file_ids) > MOST_FILES:
        raise ValidationError(_("Too many files: %(most)s at most.") % {"most": MOST_FILES})
    if not draft.audience:
        raise ValidationError(_("Choose who will see this post."), code="audience")
    if unknown := unaddressable(by, draft.audience):
        raise ValidationError(
            _("Choose the audience again: it is unknown here (%(codes)s).")
            % {"codes": ", ".join(sorted(unknown))},
            code="audience",
        )
    if EVERYONE in draft.audience and not can_post_to_all(by):
        raise ValidationError(
            _("You may not write to all employees here: choose departments or people."), code="audience"
        )
    if draft.read_by_on and not draft.is_announcement:
        raise ValidationError(_("Only an announcement is read by a day."), code="read_by_on")
    return rich


@transaction.atomic
def publish_post(draft: Draft, *, by: User) -> Post:
    """Raises what `checked` does, and ValidationError for others' files."""
    rich = checked(draft, by=by)
    prize = _prize_of(draft, by=by)
    # Whoever is thanked sees it, whomever else it is for.
    audience = audience_for(by, [*draft.audience, *([code_of(prize[1])] if prize else [])])
    post = Post.objects.create(
        author=by,
        # What a notification of it says.
        text=rich.text or (prize[0].name if prize else ""),
        html=rich.html,
        details=_with_award(_details_of(rich), prize),
        kind=draft.kind,
        audience=audience,
        is_private=is_private(audience),
        thread=open_thread(KIND),
        created_at=moment(),
    )
    PostAddressee.objects.bulk_create(PostAddressee(post=post, code=code) for code in addressees_of(audience))
    attach_files(post, draft.file_ids, by=by)
    PostTag.objects.bulk_create(PostTag(post=post, tag=tag) for tag in rich.tags)
    if draft.question:
        open_poll(post, draft.question, now=moment())
    if prize:
        Award.objects.create(post=post, badge=prize[0], user=prize[1], own_picture_id=prize[0].own_picture_id)
    if draft.is_announcement:
        Announcement.objects.create(post=post, read_by_on=draft.read_by_on)
    emit(PostPublished(post_id=post.pk, by_id=by.pk))
    return post


def attach_files(post: Post, file_ids: Sequence[int], *, by: User) -> None:
    """Behind those that it has, for whoever sees it. Within a transaction; raises `files.NotYours`."""
    if not file_ids:
        return
    count = PostFile.objects.filter(post=post).count()
    attached = files.attach(file_ids, audience=post.audience, by=by)
    PostFile.objects.bulk_create(
        PostFile(post=post, file=file, position=position) for position, file in enumerate(attached, count)
    )


def _prize_of(draft: Draft, *, by: User) -> tuple[Badge, User] | None:
    if draft.award is None:
        return None
    badge = Badge.objects.filter(pk=draft.award.badge_id, retired_at=None).first()
    person = User.objects.active().employees().filter(pk=draft.award.user_id).first()
    if badge is None:
        raise ValidationError(_("Choose a badge or a gift."), code="badge")
    if person is None or by.is_extranet:
        raise ValidationError(_("Choose a colleague who works here."), code="person")
    if person.pk == by.pk:
        raise ValidationError(_("You cannot thank yourself here."), code="person")
    return badge, person


def _with_award(details: dict[str, Any] | None, prize: tuple[Badge, User] | None) -> dict[str, Any] | None:
    """The badge as it was called when it was given: it stays so, and a list reads it with the post."""
    if prize is None:
        return details
    badge, person = prize
    award = {
        "person": person.pk,
        "names": badge.names,
        "picture": badge.picture,
        "own_picture": badge.own_picture_id,
        "is_gift": badge.is_gift,
    }
    return {**(details or {}), "award": award}


def _written(draft: Draft, *, by: User) -> Rich:
    context = context_of(by, tag_url=tag_url, pictures=draft.file_ids)
    try:
        rich = cleaned(draft.html or from_text(draft.text), context)
    except TooMuch:
        raise _too_long() from None
    if rich.is_empty and not draft.file_ids and not draft.award:
        raise ValidationError(_("Write something, or add a file."), code="empty")
    if len(rich.text) > LONGEST_POST:
        raise _too_long()
    return rich


def _details_of(rich: Rich) -> dict[str, Any] | None:
    """The objects of the portal that the text links to, for their cards."""
    refs = (_ref_of(path) for path in rich.links)
    cards = list(dict.fromkeys(str(ref) for ref in refs if ref))[:MOST_CARDS]
    return {"cards": cards} if cards else None


def _ref_of(path: str) -> Ref | None:
    with suppress(Resolver404, ValueError):
        found = resolve(urlsplit(path).path)
        if found.view_name in card_routes and "pk" in found.kwargs:
            return Ref(card_routes[found.view_name], found.kwargs["pk"])
    return None


def _too_long() -> ValidationError:
    return ValidationError(_("This post is too long: %(most)s characters at most.") % {"most": LONGEST_POST})


def tag_url(tag: str) -> str:
    """Where the posts with this tag are."""
    return f"{reverse('feed:list')}?{urlencode({'tag': tag})}"


@transaction.atomic
def edit_post(
    post: Post, text: str = "", *, html: str = "", version: int, is_read_again: bool = False, by: User
) -> None:
    """Changes the text. `version` is the one that was changed: raises ValidationError if it is no longer the
    newest, for then somebody else's change would be lost unseen.

    With `is_read_again` an announcement must be read anew, as it says now.
    """
    row = Post.objects.select_for_update().select_related("author").get(pk=post.pk)
    if row.version != version:
        raise ValidationError(
            _("It was changed meanwhile: copy your text, and look at the newest version."), code="version"
        )
    file_ids = tuple(row.files.values_list("pk", flat=True))
    rich = _written(Draft(text, file_ids=file_ids, html=html), by=by)
    if rich.html == row.html:
        return
    now = timezone.now()
    if row.version == 1:
        _keep_version(row, editor=row.author, at=row.created_at)
    row.text, row.html, row.version, row.edited_at = rich.text, rich.html, row.version + 1, now
    row.details = _with_cards(row.details, _details_of(rich))
    row.save(update_fields=["text", "html", "version", "edited_at", "details"])
    _keep_version(row, editor=by, at=now)
    if is_read_again:
        Announcement.objects.filter(pk=row.pk).update(required_version=row.version)
    row.tag_links.exclude(tag__in=rich.tags).delete()
    PostTag.objects.bulk_create((PostTag(post=row, tag=tag) for tag in rich.tags), ignore_conflicts=True)
    emit(PostEdited(post_id=row.pk, by_id=by.pk))


@transaction.atomic
def readdress(post: Post, html: str) -> None:
    """The same text with other addresses in its links: nobody has edited it, and no version was before."""
    file_ids = tuple(post.files.values_list("pk", flat=True))
    rich = _written(Draft(file_ids=file_ids, html=html), by=post.author)
    post.text, post.html, post.details = rich.text, rich.html, _with_cards(post.details, _details_of(rich))
    post.save(update_fields=["text", "html", "details"])


def _with_cards(details: dict[str, Any] | None, found: dict[str, Any] | None) -> dict[str, Any] | None:
    others = {key: value for key, value in (details or {}).items() if key != "cards"}
    return {**others, **(found or {})} or None


def _keep_version(post: Post, *, editor: User, at: datetime) -> None:
    PostVersion.objects.create(post=post, number=post.version, html=post.html, editor=editor, written_at=at)


def pin(post: Post, is_pinned: bool, *, by: User) -> None:
    """Puts the post on top of the feed of all who see it, or back into its place."""
    post.pinned_at = timezone.now() if is_pinned else None
    post.save(update_fields=["pinned_at"])


def mark(post: Post, *, by: User, **marks: bool) -> None:
    """`is_favourite`, `is_hidden`: what the person makes of a post for themselves."""
    Mark.objects.update_or_create(user=by, post=post, defaults=marks)


@transaction.atomic
def delete_post(post: Post, *, by: User) -> None:
    """Takes the post and its files out of sight. It can be restored for a while, then all of it goes."""
    if Post.objects.there().filter(pk=post.pk).update(deleted_at=timezone.now(), pinned_at=None):
        files.change_audience(_files_of(post), audience=[code_of(post.author)])
        emit(PostDeleted(post_id=post.pk, by_id=by.pk))


@transaction.atomic
def restore_post(post: Post, *, by: User) -> None:
    """Brings a post back that was deleted a moment ago, with its files and all that was said."""
    if Post.objects.filter(pk=post.pk, deleted_at__isnull=False).update(deleted_at=None):
        files.change_audience(_files_of(post), audience=post.audience)
        emit(PostEdited(post_id=post.pk, by_id=by.pk))


def _files_of(post: Post) -> list[int]:
    """Its own, and those of what was said below it."""
    return [*post.files.values_list("pk", flat=True), *files_below(post.thread_id)]


@transaction.atomic
def forget_post(post: Post) -> None:
    """Takes the post away for good, with its discussion and files; the blobs go with the sweep."""
    thread, file_ids = post.thread, _files_of(post)
    post.delete()
    thread.delete()
    files.delete_files(file_ids)


def save_badge(badge: Badge, *, picture: IO[bytes] | None = None, is_drawn: bool = False, by: User) -> None:
    """A new one, or called otherwise from now on: what was given stays as it was called, with its picture.

    `picture` becomes its own one; `is_drawn` takes that away. Raises ValidationError for what is no picture,
    and StoreUnavailable; nothing is changed then.
    """
    own = small_picture(picture, _whole, side=SIDE) if picture else None
    with transaction.atomic():
        if own:
            own.save()
        if own or is_drawn:
            badge.own_picture = own
        badge.save()


def _whole(image: Image.Image) -> Image.Image:
    """All of the picture, with nothing around it: a badge may have any shape."""
    from PIL import Image, ImageOps

    clear = (0, 0, 0, 0)
    return ImageOps.pad(image.convert("RGBA"), (SIDE, SIDE), Image.Resampling.LANCZOS, color=clear)


def retire_badge(badge: Badge, *, by: User) -> None:
    """Nobody is given it any more."""
    badge.retired_at = timezone.now()
    badge.save(update_fields=["retired_at"])
