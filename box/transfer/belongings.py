"""What migrations know of people: who has begun one, as whom they were recognised, how they were called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy, ngettext

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, Settled, Stays
from box.transfer.exports import remove_export
from box.transfer.models import Export, Identity, Match, Remark

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


def _matches_of(person: User) -> QuerySet[Match]:
    """Also of whom it has added."""
    added = Identity.objects.filter(
        kind="person", ours=person.pk, migration=OuterRef("migration"), theirs=OuterRef("theirs")
    )
    return Match.objects.filter(Q(user=person) | Exists(added))


def _known(person: User) -> list[str]:
    count = _matches_of(person).count()
    said = ngettext("%(num)s line of a migration", "%(num)s lines of migrations", count)
    return [said % {"num": count}] if count else []


def _end_exports(pair: Pair) -> None:
    """What was written for one account is not for another."""
    for export in Export.objects.filter(by=pair.gone).select_related("by"):
        remove_export(export, by=export.by)


def _forget(person: User, by: User) -> None:
    """The numbers stay, for what they made still leads to them; what was exported for them goes."""
    for export in Export.objects.filter(by=person):
        remove_export(export, by=by)
    _matches_of(person).update(name="", email="")
    for word in filter(None, (person.name, person.email)):
        Remark.objects.filter(text__icontains=word).delete()


def _follow(pair: Pair) -> None:
    """What a migration knows as one account is the other from now on."""
    Identity.objects.filter(kind="person", ours=pair.gone).update(ours=pair.kept)


BELONGINGS = Belongings(
    gettext_lazy("Migrations"),
    {
        "transfer.Migration.by": Belongs(Stays(DECIDED)),
        "transfer.Export.by": Belongs(Deleted(), Settled(_end_exports)),
        "transfer.Match.user": Belongs(Stays(DECIDED)),
    },
    found=_known,
    erase=_forget,
    follow=_follow,
)
