"""Places in the structure, when people are erased or two accounts become one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.registry.belongings import Belongings, Belongs, Deleted, OneEach, Pair
from box.core.structure import actions
from box.core.structure.models import Department, Membership

_RANK = "CASE {0}.role WHEN 'head' THEN 2 WHEN 'deputy' THEN 1 ELSE 0 END"
_HIGHER = f"{_RANK.format('gone')} > {_RANK.format('kept')}"


def _known(person: User) -> list[str]:
    own = Department.objects.filter(memberships__user=person)
    return list(own.by_name().values_list("name", flat=True))


def _forget(person: User, by: User) -> None:
    # Whoever owned where they belonged does so no more: the accounts room, which is asked last, says so.
    actions.place(person, {}, by=None)


def _moves(gone: User, kept: User) -> list[str]:
    return [] if "departments" in kept.owners else _known(gone)


def _before(pair: Pair) -> None:
    """Where an outside source decides where one of them belongs, the person belongs nowhere else."""
    actions.lock()
    owners = {person.pk: person.owners for person in User.objects.filter(pk__in=(pair.gone, pair.kept))}
    if "departments" in owners.get(pair.gone, {}):
        Membership.objects.filter(user=pair.kept).delete()
    elif "departments" in owners.get(pair.kept, {}):
        Membership.objects.filter(user=pair.gone).delete()


BELONGINGS = Belongings(
    gettext_lazy("Place in the structure"),
    {"org.Membership.user": Belongs(Deleted(), OneEach("department", better=_HIGHER))},
    found=_known,
    erase=_forget,
    moves=_moves,
    before=_before,
)
