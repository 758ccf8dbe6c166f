"""What the feed keeps for a person alone, for when it is to be forgotten. What they have published stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.apps.feed.events import PostEdited
from box.apps.feed.models import Award, KeptDraft, Mark, Post, PostTag, PostVersion, ScheduledPost
from box.core.events.outbox import emit_all
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def kept(person: User) -> list[str]:
    """Drafts and the like, counted in words."""
    drafts = KeptDraft.objects.filter(user=person).count()
    waiting = ScheduledPost.objects.filter(author=person).count()
    said = [
        ngettext("%(num)s draft", "%(num)s drafts", drafts) % {"num": drafts} if drafts else "",
        ngettext("%(num)s scheduled post", "%(num)s scheduled posts", waiting) % {"num": waiting}
        if waiting
        else "",
    ]
    return list(filter(None, said))


def known_of(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`."""
    badges = Award.objects.filter(user=person).count()
    said = ngettext(
        "what was said with %(num)s badge or gift", "what was said with %(num)s badges and gifts", badges
    )
    return [*kept(person), *([said % {"num": badges}] if badges else [])]


def forget(person: User, by: User) -> None:
    _forget_praise(person, by)
    Mark.objects.filter(user=person).delete()
    KeptDraft.objects.filter(user=person).delete()
    ScheduledPost.objects.filter(author=person).delete()


def _forget_praise(person: User, by: User) -> None:
    """That somebody was thanked stays in the feed; what for, which speaks of nobody else, does not."""
    posts = Post.objects.filter(award__user=person)
    ids = list(posts.values_list("pk", flat=True))
    badge = Award.objects.filter(post=OuterRef("pk")).values("badge__name_en")[:1]
    posts.update(html="", text=Subquery(badge))
    for row in Post.objects.filter(pk__in=ids, details__cards__isnull=False).only("details"):
        row.details = {"award": (row.details or {})["award"]}
        row.save(update_fields=["details"])
    for rows in (PostVersion, PostTag):
        rows.objects.filter(post__in=ids).delete()
    Award.objects.filter(user=person).delete()
    emit_all([PostEdited(post_id=pk, by_id=by.pk) for pk in ids])


ERASER = Eraser(
    _("Feed"),
    known_of,
    forget,
    (
        *(f"feed.{name}.user" for name in ("KeptDraft", "Mark", "Award")),
        "feed.ScheduledPost.author",
    ),
)
