"""Whose entry in a directory is whose, when people are erased or two accounts become one: what a directory
says of the one, it says of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory.models import Link
from box.bridges.directory.ownership import renumber_members
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, Stays, run

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


def _linked(person: User) -> list[str]:
    """The directories whose entries the person was."""
    return list(_links(person).values_list("connection__name", flat=True))


def _forget(person: User, by: User) -> None:
    """Their groups too: whoever is taken in anew by the same entry joins them again."""
    for link in _links(person).select_related("connection"):
        renumber_members(link.connection, {link.stable_id: ""})
        link.delete()


def _links(person: User) -> QuerySet[Link]:
    return Link.objects.filter(kind=Link.Kind.PERSON, object_id=person.pk)


def _link_of(person: User) -> Link | None:
    return Link.objects.people().filter(object_id=person.pk).select_related("connection").first()


def _entry(gone: User, kept: User) -> list[str]:
    link = _link_of(gone)
    return [f"{link.connection.name}: {link.dn}"] if link else []


def _why_not(gone: User, kept: User) -> str:
    """A person is one entry: with two, each run would write the one over the other."""
    first, second = _link_of(gone), _link_of(kept)
    if first is None or second is None or first.leaving_since or second.leaving_since:
        return ""
    if first.connection_id == second.connection_id:
        return _(
            "Both accounts come from %(source)s, where they are two entries: disable or remove one of them"
            " there, synchronise, and merge then."
        ) % {"source": first.connection.name}
    return _(
        "The accounts come from two directories, %(one)s and %(other)s: disable or remove the entry in one of"
        " them, synchronise, and merge then."
    ) % {"one": first.connection.name, "other": second.connection.name}


def _follow(pair: Pair) -> None:
    """An entry that is gone from its directory stays behind: the person would leave with it."""
    links = {
        link.object_id: link
        for link in Link.objects.people()
        .filter(object_id__in=(pair.gone, pair.kept))
        .select_related("connection")
    }
    link, own = links.get(pair.gone), links.get(pair.kept)
    if link is None:
        return
    left = link if link.leaving_since else own
    if left is not None:
        left.delete()
        stays = own if left is link else link
        if stays is None or stays.connection_id != left.connection_id:
            _release(pair, left.connection.name)
    if left is not link:
        link.object_id = pair.kept
        link.save(update_fields=["object_id"])


def _release(pair: Pair, source: str) -> None:
    run(
        "UPDATE accounts_profile SET owners = COALESCE("
        "  (SELECT jsonb_object_agg(key, value) FROM jsonb_each(owners)"
        "    WHERE value <> to_jsonb(%(source)s::text)), '{}') WHERE user_id = %(kept)s",
        pair,
        source=source,
    )


BELONGINGS = Belongings(
    gettext_lazy("Directory"),
    {
        "directory.Run.by": Belongs(Stays(DECIDED)),
        "directory.Conflict.person": Belongs(Deleted()),
        "directory.Conflict.decided_by": Belongs(Stays(DECIDED)),
    },
    found=_linked,
    erase=_forget,
    moves=_entry,
    refused=_why_not,
    follow=_follow,
)
