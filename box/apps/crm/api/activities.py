"""What was done with clients and what comes next, for programs.

Source: https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-add.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.actions.activities import (
    NewActivity,
    add_activity,
    complete_activity,
    delete_activity,
    move_activity,
)
from box.apps.crm.api.fields import moment_of, person_at, whole
from box.apps.crm.api.records import All, Changed, New, One, declare_method
from box.apps.crm.models import Activity, ActivityBinding, Record
from box.core.registry.filtering import (
    ExternalId,
    Flag,
    Moment,
    Named,
    Number,
    Related,
    Text,
    condition_of,
    order_of,
)
from box.core.registry.rest import Call, Listing, listed, not_found, one_text, shaped, truth

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.filtering import Filterable

Kind = Activity.Kind
# 6 is "of a provider": what Bitrix24 has no number for is told by PROVIDER_ID.
_TYPES = {Kind.MEETING: 1, Kind.CALL: 2, Kind.TASK: 3, Kind.EMAIL: 4}
_BY_TYPE = {str(number): kind for kind, number in _TYPES.items()}
_DIRECTIONS = {"": "0", "in": "1", "out": "2"}
_BY_DIRECTION = {number: word for word, number in _DIRECTIONS.items()}
_EXTERNAL = {
    "ORIGIN_ID": "external_id", "ORIGINATOR_ID": "external_source", "ORIGIN_VERSION": "external_version",
}  # fmt: skip
_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "OWNER_ID": Related("bindings__record"),
    "OWNER_TYPE_ID": Number("bindings__record__type"),
    "TYPE_ID": Named({number: Q(kind=kind) for number, kind in _BY_TYPE.items()}),
    "COMPLETED": Flag(Q(done_at__isnull=False)),
    "RESPONSIBLE_ID": Related("responsible"),
    "SUBJECT": Text("subject"),
    "DEADLINE": Moment("deadline"),
    "CREATED": Moment("created_at"),
    **{name: ExternalId(column) for name, column in _EXTERNAL.items()},
}
_ACTIVITY = dict.fromkeys(
    (
        *("ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "PROVIDER_ID", "SUBJECT", "DESCRIPTION", "DIRECTION"),
        *(
            "COMPLETED",
            "RESPONSIBLE_ID",
            "RESULT",
            "AUTHOR_ID",
            "START_TIME",
            "END_TIME",
            "DEADLINE",
            "CREATED",
        ),
        *_EXTERNAL,
    ),
    "string",
)


def _visible(user: User) -> Any:
    seen = Record.objects.visible_to(user).there()
    on = ActivityBinding.objects.filter(record__in=seen)
    return Activity.objects.filter(pk__in=on.values("activity"))


def activities(call: Call) -> Listing[Activity]:
    given, seen = call.values["FILTER"], Record.objects.visible_to(call.user).there()
    condition = condition_of(given, _FILTERS)
    if any("OWNER" in name.upper() for name in given):
        # In one call: the owner that is asked for is one that the person sees.
        condition &= Q(bindings__record__in=seen)
    rows = _visible(call.user).filter(condition).distinct()
    order = order_of(
        "ID",
        call.values["ORDER"],
        {"ID": "id", "DEADLINE": "deadline", "CREATED": "created_at", **_EXTERNAL},
    )
    return Listing(rows, lambda page: _shown(page, call.user), order)


def activity(call: Call) -> dict[str, Any]:
    return _shown([_found(call)], call.user)[0]


def _found(call: Call) -> Activity:
    found: Activity | None = _visible(call.user).filter(pk=call.values["ID"]).first()
    if found is None:
        raise not_found(_("There is no such activity, or you don't see it."))
    return found


def _shown(rows: Sequence[Activity], reader: User) -> list[dict[str, Any]]:
    """Its owner is the first of its records that the reader sees."""
    bound = ActivityBinding.objects.filter(
        activity__in=rows, record__in=Record.objects.visible_to(reader).there()
    )
    owners: dict[int, tuple[int, int]] = {}
    for activity_id, record_id, type_id in bound.order_by("-pk").values_list(
        "activity_id", "record_id", "record__type"
    ):
        owners[activity_id] = record_id, type_id
    return [_row(one, *owners.get(one.pk, (0, 0))) for one in rows]


def _row(one: Activity, owner_id: int, type_id: int) -> dict[str, Any]:
    return {
        "ID": str(one.pk), "OWNER_ID": str(owner_id), "OWNER_TYPE_ID": str(type_id),
        "TYPE_ID": str(_TYPES.get(Kind(one.kind), 6)), "PROVIDER_ID": f"CRM_{one.kind.upper()}",
        "SUBJECT": one.subject, "DESCRIPTION": one.text, "RESULT": one.result,
        "DIRECTION": _DIRECTIONS[one.direction], "COMPLETED": "Y" if one.done_at else "N",
        "RESPONSIBLE_ID": str(one.responsible_id), "AUTHOR_ID": str(one.created_by_id or ""),
        "START_TIME": moment_of(one.at), "END_TIME": moment_of(one.done_at),
        "DEADLINE": moment_of(one.deadline), "CREATED": moment_of(one.created_at),
        **{name: getattr(one, column) for name, column in _EXTERNAL.items()},
    }  # fmt: skip


def add(call: Call) -> Activity:
    sent = _sent(call)
    owner = Record.objects.visible_to(call.user).there().filter(pk=whole(sent.get("OWNER_ID"))).first()
    if owner is None or str(owner.type_id) != str(sent.get("OWNER_TYPE_ID", owner.type_id)):
        raise not_found(_("There is no such record, or you don't see it."))
    kind = _BY_TYPE.get(str(sent.get("TYPE_ID", "")))
    if kind is None:
        raise ValidationError(_("TYPE_ID: write one of: %(words)s.") % {"words": ", ".join(_BY_TYPE)})
    is_done = truth(sent.get("COMPLETED", "N") or "N")
    deadline = _time(sent, "DEADLINE") or _time(sent, "END_TIME")
    external: dict[str, Any] = {column: one_text(sent.get(name)) for name, column in _EXTERNAL.items()}
    new = NewActivity(
        kind=kind, subject=str(sent.get("SUBJECT") or kind.label), text=str(sent.get("DESCRIPTION") or ""),
        direction=_BY_DIRECTION.get(str(sent.get("DIRECTION", "0")), ""), at=_time(sent, "START_TIME"),
        deadline=None if is_done else deadline,
        responsible=person_at(sent.get("RESPONSIBLE_ID") or call.author.pk, call.user),
        **external,
    )  # fmt: skip
    return add_activity(new, [owner], by=call.author)


def change(call: Call) -> bool:
    """Whether it is done, and when it is to be."""
    one, sent = _found(call), _sent(call)
    with transaction.atomic():
        if deadline := _time(sent, "DEADLINE"):
            move_activity(one, deadline, by=call.user)
        if "COMPLETED" in sent and truth(sent["COMPLETED"]):
            complete_activity(one, result=str(sent.get("RESULT") or ""), by=call.user)
    return True


def remove(call: Call) -> bool:
    delete_activity(_found(call), by=call.user)
    return True


def _sent(call: Call) -> Mapping[str, Any]:
    return {str(name).upper(): value for name, value in call.values["FIELDS"].items()}


def _time(sent: Mapping[str, Any], name: str) -> datetime | None:
    if not sent.get(name):
        return None
    try:
        moment = parse_datetime(str(sent[name]))
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError(
            f"{name}: {_('Write a moment in ISO 8601, such as 2026-01-31T09:00:00+03:00.')}"
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def declare() -> None:
    adds = gettext_lazy("Writes down or plans an activity; answers with its number.")
    moves = gettext_lazy("Moves an activity, or says that it is done.")
    seen = gettext_lazy("Activities on the time lines that you see.")
    yes, makes = {"type": "boolean"}, {"makes": Activity, "takes_over": True}
    for verb, about, parameters, answer, result, more in (
        ("list", seen, All, activities, listed(**_ACTIVITY), {"filters": _FILTERS}),
        ("get", gettext_lazy("An activity."), One, activity, shaped(**_ACTIVITY), {}),
        ("add", adds, New, add, {"type": "integer"}, makes),
        ("update", moves, Changed, change, yes, {}),
        ("delete", gettext_lazy("Takes an activity away."), One, remove, yes, {}),
    ):
        declare_method(f"crm.activity.{verb}", about, parameters, answer, result, **more)
