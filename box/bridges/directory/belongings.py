"""Whose entry in a directory is whose, when people are erased or two accounts become one: what a directory
says of the one, it says of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory.models import Change, Link
from box.bridges.directory.ownership import release_person, renumber_members
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, Stays

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


def _linked(person: User) -> list[str]:
    """The directories whose entries the person was."""
    return list(_links(person).values_list("connection__name", flat=True))


def _forget(person: User, by: User) -> None:
    """Their groups too: whoever is taken in anew by the same entry joins them again. Raises ValidationError
    for whose entry the next run would take in: with all that it says of them."""
    for link in _links(person).select_related("connection"):
        if not link.leaving_why:
            raise ValidationError(
                _(
                    "%(source)s still has %(name)s, and would bring everything back: remove the entry there,"
                    " or leave it out by the filter, synchronise, and erase then."
                )
                % {"source": link.connection.name, "name": person.name},
                code="still-there",
            )
        _forget_in_logs(link, person.name)
        renumber_members(link.connection, {link.stable_id: ""})
        link.connection.conflicts.filter(stable_id=link.stable_id).delete()
        link.delete()


def _forget_in_logs(link: Link, name: str) -> None:
    """What runs did stays counted; of whom and what it said goes."""
    of_it = Change.objects.filter(run__connection=link.connection)
    mine = Q(object_id=link.object_id) | Q(stable_id=link.stable_id)
    of_it.filter(mine, kind=Link.Kind.PERSON).update(name="", dn="", old="", new="", reason="")
    # Others name them as their manager, and departments have or lose them as their head.
    of_it.filter(field="manager", new=link.dn).update(new="", reason="")
    for column in ("old", "new"):
        of_it.filter(field="head", **{column: name}).update(**{column: ""})


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
    if first is None or second is None or first.has_left or second.has_left:
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
    left = link if link.has_left else own
    if left is not None:
        left.delete()
        stays = own if left is link else link
        if stays is None or stays.connection_id != left.connection_id:
            release_person(left.connection, pair.kept)
    if left is not link:
        link.object_id = pair.kept
        link.save(update_fields=["object_id"])


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
