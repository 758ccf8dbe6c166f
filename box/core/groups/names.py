"""Groups as principals: what they are called, and who may write to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from box.core.access.principals import codes_of
from box.core.groups.models import Group
from box.core.structure.names import MOST_FOUND, Ids, Principal, PrincipalKind
from box.lib.prepared import Asked, Param, Prepared, Rows

if TYPE_CHECKING:
    from box.core.accounts.models import User

_NAMES = Prepared(lambda: Group.objects.filter(id__in_array=Param("ids")).values_list("id", "name", "kind"))


def _query(ids: Ids, reader: User | None) -> Asked:
    return _NAMES.asked(ids=_all(ids))


def _named(rows: Rows, reader: User | None) -> Iterable[Principal]:
    for pk, name, kind in rows:
        if _may_know(reader, pk, kind):
            yield Principal(f"G{pk}", name, _("group"))
            yield Principal(f"GM{pk}", _("%(group)s: moderators") % {"group": name}, _("group"))


def _may_know(reader: User | None, pk: int, kind: str) -> bool:
    if reader is None or reader.is_administrator or f"G{pk}" in codes_of(reader):
        return True
    return kind != Group.Kind.SECRET and not reader.is_extranet


def _found_for(user: User, text: str) -> Iterable[Principal]:
    for group in Group.objects.of(user).standing().matching(text).by_name()[:MOST_FOUND]:
        yield Principal(group.code, group.name, _("group"))


def _writable_by(user: User, ids: Ids) -> Iterable[str]:
    """Only members write into a group, and nobody into one of the archive."""
    own = codes_of(user)
    standing = Group.objects.standing().filter(pk__in=_all(ids)).values_list("pk", flat=True)
    return {f"{letters}{pk}" for pk in standing if f"G{pk}" in own for letters in ids if pk in ids[letters]}


def _all(ids: Ids) -> list[int]:
    return sorted({pk for of_letters in ids.values() for pk in of_letters})


GROUPS = PrincipalKind(("G", "GM"), _query, _named, _found_for, _writable_by)
