"""What addresses outside can be told of the CRM.

Source: https://apidocs.bitrix24.com/api-reference/crm/deals/events/index.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from box.apps.crm import events
from box.apps.crm.api import ROOM
from box.apps.crm.api.records import CLASSIC
from box.apps.crm.models import Record
from box.core.registry.rest import HookEvent, hook_events, numbered

_LABELS = {
    "lead": (_("A lead was added"), _("A lead was changed"), _("A lead was deleted")),
    "deal": (_("A deal was added"), _("A deal was changed"), _("A deal was deleted")),
    "contact": (_("A contact was added"), _("A contact was changed"), _("A contact was deleted")),
    "company": (_("A client's company was added"), _("A client's company was changed"),
                _("A client's company was deleted")),
    "quote": (_("A quote was added"), _("A quote was changed"), _("A quote was deleted")),
}  # fmt: skip

type Data = Callable[[Any], Mapping[str, Any] | Sequence[Mapping[str, Any]] | None]


def _one(type_id: int) -> Data:
    def data(event: Any) -> Mapping[str, Any] | None:
        is_ours = Record.objects.filter(pk=event.record_id, type=type_id).exists()
        return numbered(event.record_id) if is_ours else None

    return data


def _several(type_id: int) -> Data:
    """What is in the trash is still there to be asked for its type; of what is gone for good nobody hears."""

    def data(event: events.RecordsDeleted) -> list[Mapping[str, Any]] | None:
        ours = Record.objects.filter(pk__in=event.record_ids, type=type_id).order_by("pk")
        return [numbered(pk) for pk in ours.values_list("pk", flat=True)] or None

    return data


def _activity(event: events.ActivityPlanned | events.ActivityDone) -> Mapping[str, Any]:
    return numbered(event.activity_id)


def declare() -> None:
    for name, type_id in CLASSIC.items():
        added, changed, deleted = _LABELS[name]
        key = f"ONCRM{name.upper()}"
        hook_events.add(f"{key}ADD", HookEvent(ROOM, added, events.RecordAdded, _one(type_id)))
        hook_events.add(f"{key}UPDATE", HookEvent(ROOM, changed, events.RecordChanged, _one(type_id)))
        hook_events.add(f"{key}DELETE", HookEvent(ROOM, deleted, events.RecordsDeleted, _several(type_id)))
        if type_id in {1, 2}:
            moved = {1: _("A lead came into another stage"), 2: _("A deal came into another stage")}[type_id]
            hook_events.add(f"{key}MOVEDTOSTAGE", HookEvent(ROOM, moved, events.RecordMoved, _one(type_id)))
    for word, label, event in (
        ("ADD", _("An activity was planned or written down"), events.ActivityPlanned),
        ("UPDATE", _("An activity was done"), events.ActivityDone),
    ):
        hook_events.add(f"ONCRMACTIVITY{word}", HookEvent(ROOM, label, event, _activity))
