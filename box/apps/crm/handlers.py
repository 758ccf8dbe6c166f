"""What the CRM does when something happens elsewhere."""

from __future__ import annotations

from box.apps.calls.events import CallFinished, CallNoted, MissedCallSettled
from box.apps.crm.actions.audiences import renew_audiences_of
from box.apps.crm.actions.calls import note_call, settle_call, write_call_down
from box.apps.crm.models import Record
from box.apps.crm.robots import handlers as robots  # noqa: F401 - declares its own
from box.core.access.events import AccessChanged
from box.core.accounts.models import User
from box.core.events.outbox import on


@on(AccessChanged)
def follow_who_is_responsible(event: AccessChanged) -> None:
    """Whoever reaches a department's records reaches those of the people who are in it now."""
    with_records = Record.objects.filter(responsible__in=event.user_ids).values("responsible").distinct()
    for person in User.objects.filter(pk__in=with_records):
        renew_audiences_of(person)


@on(CallFinished)
def write_down(event: CallFinished) -> None:
    write_call_down(event)


@on(MissedCallSettled)
def complete(event: MissedCallSettled) -> None:
    settle_call(event)


@on(CallNoted)
def note(event: CallNoted) -> None:
    note_call(event)
