"""What the console writes by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from box.console.access import BACKUPS
from box.console.backups.watching import Known, Plan, decide
from box.console.models import Bulletin, Trouble
from box.core.access.principals import people_behind
from box.core.access.roles import current
from box.core.accounts.models import User
from box.core.notify.actions import notify
from box.core.registry.capabilities import Ref

if TYPE_CHECKING:
    from appliance.client import BackupWarning

BULLETIN = "console.bulletin"
ILL, WELL = "console.backups_ill", "console.backups_well"


@transaction.atomic
def tell_of_backups(found: Iterable[BackupWarning], *, now: datetime) -> Plan:
    """Notes what is wrong, and tells whoever looks after backups; nothing twice, and the end of it too."""
    found = list(found)
    open_now = {one.key: one for one in Trouble.objects.open().select_for_update()}
    known = [
        Known(one.key, one.kind, one.seen_at, one.gone_at, one.told_at is not None)
        for one in open_now.values()
    ]
    plan = decide(known, found, now=now)
    Trouble.objects.bulk_create(
        Trouble(key=one.key, kind=one.kind, target=one.target, about=one.about, seen_at=now)
        for one in plan.new
    )
    for keys, values in (
        (plan.back, {"gone_at": None}),
        (plan.gone, {"gone_at": now}),
        (plan.ended, {"ended_at": now}),
        (plan.told, {"told_at": now}),
    ):
        if keys:
            Trouble.objects.open().filter(key__in=keys).update(**values)
    if plan.told:
        _tell(ILL, [one for one in found if one.key in plan.told], now=now)
    elif plan.is_well_again:
        _tell(WELL, [], now=now)
    return plan


def _tell(kind: str, troubles: list[BackupWarning], *, now: datetime) -> None:
    said = [{name: asdict(one)[name] for name in ("kind", "target", "about")} for one in troubles]
    bulletin = Bulletin.objects.create(made_at=now, troubles=said)
    for person in those_who_look_after_backups():
        notify(person, kind, about=Ref(BULLETIN, bulletin.pk), key=f"{BULLETIN}:{bulletin.pk}")


def those_who_look_after_backups() -> list[User]:
    """Administrators, and whoever holds the right through a role."""
    holds = Q(is_administrator=True) | people_behind(current().holders[BACKUPS])
    return list(User.objects.active().filter(holds).distinct())
