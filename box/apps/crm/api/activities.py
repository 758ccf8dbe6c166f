"""What was done with clients and what comes next, for programs.

Source: https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/crm-activity-add.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
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


def _on(reader: User) -> QuerySet[ActivityBinding]:
    """That activities stand on the time lines that this person sees."""
    return ActivityBinding.objects.filter(record__in=Record.objects.visible_to(reader).there())


@dataclass(frozen=True)
class Owned:
    """Activities of such a record: of what the reader does not see there are none, and without them are as
    many as without one that there is not."""

    record: Filterable
    reader: User | None = None
    """Nobody where the filters there are are only named."""

    def condition(self, operator: str, value: Any) -> Q:
        condition = self.record.condition(operator, value)
        if self.reader is None:
            return Q(pk__in=[])
        return Q(pk__in=_on(self.reader).filter(condition).values("activity"))


_OWNERS: Mapping[str, Filterable] = {
    "OWNER_ID": Related("record"),
    "OWNER_TYPE_ID": Number("record__type"),
}
_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    **{name: Owned(record) for name, record in _OWNERS.items()},
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
    return Activity.objects.filter(pk__in=_on(user).values("activity"))


def activities(call: Call) -> Listing[Activity]:
    given, reader = call.values["FILTER"], call.user
    known = {**_FILTERS, **{name: Owned(record, reader) for name, record in _OWNERS.items()}}
    condition = condition_of(given, known)
    together = {name: value for name, value in given.items() if name.lstrip("=@").upper() in _OWNERS}
    if len(together) > 1:
        # An owner of this number and this type is one record.
        on_one = _on(reader).filter(condition_of(together, _OWNERS))
        condition &= Q(pk__in=on_one.values("activity"))
    rows = _visible(reader).filter(condition)
    order = order_of(
        "ID",
        call.values["ORDER"],
        {"ID": "id", "DEADLINE": "deadline", "CREATED": "created_at", **_EXTERNAL},
    )
    return Listing(rows, lambda page: _shown(page, reader), order)


def activity(call: Call) -> dict[str, Any]:
    return _shown([_found(call)], call.user)[0]


def _found(call: Call) -> Activity:
    found: Activity | None = _visible(call.user).filter(pk=call.values["ID"]).first()
    if found is None:
        raise not_found(_("There is no such activity, or you don't see it."))
    return found


def _shown(rows: Sequence[Activity], reader: User) -> list[dict[str, Any]]:
    """Its owner is the first of its records that the reader sees."""
    bound = _on(reader).filter(activity__in=rows)
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
