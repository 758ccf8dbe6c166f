"""`voximplant.statistic.get`: the log of calls, for programs that keep one of their own.

Source: https://apidocs.bitrix24.com/api-reference/telephony/voximplant/voximplant-statistic-get.html. Calls
between extensions are not in it, as in the cloud; who sees which calls is as on the page of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.clients import clients_behind
from box.apps.calls.models import LoggedCall, Recording
from box.apps.calls.playback import address_of_sound
from box.core.registry.filtering import (
    Filterable,
    Moment,
    Named,
    Number,
    Related,
    Text,
    condition_of,
    order_of,
    several,
)
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    Download,
    Listing,
    ListParameters,
    Method,
    Sorting,
    download_address,
    downloads,
    listed,
    methods,
    not_found,
)
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.capabilities import Card

SCOPE, ROOM = "telephony", "calls"
RECORDING = "calls.recording"
"""Of a download."""
_OUT, _IN = LoggedCall.Direction.OUT, LoggedCall.Direction.IN
_TYPES = {_OUT: "1", _IN: "2"}
_ENDS = {
    LoggedCall.Result.ANSWERED: ("200", "Success call"),
    LoggedCall.Result.BY_PBX: ("200", "Success call"),
    LoggedCall.Result.NO_ANSWER: ("304", "Skipped call"),
    LoggedCall.Result.BUSY: ("486", "Busy"),
    LoggedCall.Result.FAILED: ("OTHER", "Undefined"),
}
_CLIENTS = ("crm.contact", "crm.company", "crm.lead")
"""What a call is told to be with, the first of them that there is."""


@dataclass(frozen=True)
class CallKey:
    """What programs call a call: as the exchange does that told of it, or by our number."""

    def condition(self, operator: str, value: Any) -> Q:
        own = [number for one in several(value) if (number := whole_number(str(one))) is not None]
        return Text("external_key").condition(operator, value) | Q(external_key="", pk__in=own)


def _ending(code: str) -> Q:
    return Q(result__in=[result for result, (its, _reason) in _ENDS.items() if its == code])


FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "CALL_ID": CallKey(),
    "EXTERNAL_CALL_ID": Text("external_key"),
    "PORTAL_USER_ID": Related("user"),
    "PORTAL_NUMBER": Text("line"),
    "PHONE_NUMBER": Text("number"),
    "CALL_TYPE": Named({number: Q(direction=direction) for direction, number in _TYPES.items()}),
    "CALL_DURATION": Number("talk_seconds"),
    "CALL_START_DATE": Moment("started_at"),
    "CALL_FAILED_CODE": Named(
        {code: _ending(code) for code in sorted({code for code, _r in _ENDS.values()})}
    ),
    "COMMENT": Text("note"),
}
_ORDERS = {
    "ID": "id",
    "CALL_START_DATE": "started_at",
    "CALL_DURATION": "talk_seconds",
    "PHONE_NUMBER": "number",
    "PORTAL_USER_ID": "user",
}


class StatisticGet(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    SORT = forms.CharField(required=False, max_length=40, help_text=gettext_lazy("The field to sort by."))
    ORDER = Sorting(required=False, help_text=gettext_lazy("ASC or DESC."))


def statistic(call: Call) -> Any:
    given = call.values
    kept = Recording.objects.filter(state=Recording.State.KEPT).order_by("id")
    found = (
        LoggedCall.objects.visible_to(call.user)
        .over()
        .filter(condition_of(given["FILTER"], FILTERS), direction__in=list(_TYPES))
        .prefetch_related(Prefetch("recordings", kept))
    )
    return Listing(found, partial(_shown, call), order_of(given["SORT"], given["ORDER"], _ORDERS))


def _shown(call: Call, calls: Sequence[LoggedCall]) -> list[dict[str, Any]]:
    behind = clients_behind([one.number for one in calls], call.user)
    return [_row(one, behind.get(one.number, ()), call) for one in calls]


def _row(one: LoggedCall, clients: Iterable[Card], call: Call) -> dict[str, Any]:
    code, reason = (
        _ENDS.get(LoggedCall.Result(one.result), ("OTHER", "Undefined")) if one.result else ("", "")
    )
    client = _nearest(clients)
    recording = next(iter(one.recordings.all()), None)
    return {
        "ID": str(one.pk),
        "PORTAL_USER_ID": str(one.user_id or ""),
        "PORTAL_NUMBER": one.line,
        "PHONE_NUMBER": one.number,
        "CALL_ID": one.external_key or str(one.pk),
        "EXTERNAL_CALL_ID": one.external_key or None,
        "CALL_CATEGORY": "external",
        "CALL_LOG": None,
        "CALL_DURATION": str(one.talk_seconds),
        "CALL_START_DATE": timezone.localtime(one.started_at).isoformat(timespec="seconds"),
        "CALL_RECORD_URL": download_address(RECORDING, recording.pk, call) if recording else "",
        "CALL_VOTE": None,
        "COST": "0.0000",
        "COST_CURRENCY": "",
        "CALL_FAILED_CODE": code,
        "CALL_FAILED_REASON": reason,
        "CRM_ENTITY_TYPE": client.ref.kind.removeprefix("crm.").upper() if client else "",
        "CRM_ENTITY_ID": str(client.ref.id) if client else "",
        "CRM_ACTIVITY_ID": "",
        "REST_APP_ID": None,
        "REST_APP_NAME": None,
        "TRANSCRIPT_ID": None,
        "TRANSCRIPT_PENDING": "N",
        "SESSION_ID": None,
        "REDIAL_ATTEMPT": None,
        "COMMENT": one.note or None,
        "RECORD_DURATION": str(recording.seconds) if recording else None,
        "RECORD_FILE_ID": recording.pk if recording else None,
        "CALL_TYPE": _TYPES[LoggedCall.Direction(one.direction)],
    }


def _nearest(clients: Iterable[Card]) -> Card | None:
    known = [one for one in clients if one.ref.kind in _CLIENTS]
    return min(known, key=lambda one: _CLIENTS.index(one.ref.kind), default=None)


def address_of_recording(user: User, pk: int, host: str) -> str:
    """See `box.core.registry.rest.Download`."""
    seen = LoggedCall.objects.visible_to(user)
    kept = Recording.objects.select_related("blob", "logged").filter(pk=pk, logged__in=seen).first()
    if kept is None or kept.blob is None:
        raise not_found(_("There is no such recording, or you don't see it."))
    return address_of_sound(user, kept, host)


_MAY_BE_NONE = (
    *(
        "EXTERNAL_CALL_ID",
        "COMMENT",
        "RECORD_DURATION",
        "CALL_LOG",
        "CALL_VOTE",
        "REST_APP_ID",
        "REST_APP_NAME",
    ),
    *("TRANSCRIPT_ID", "SESSION_ID", "REDIAL_ATTEMPT"),
)


def declare() -> None:
    downloads.add(RECORDING, Download(SCOPE, ROOM, address_of_recording))
    texts = (
        *("ID", "PORTAL_USER_ID", "PORTAL_NUMBER", "PHONE_NUMBER", "CALL_ID", "CALL_CATEGORY"),
        *("CALL_DURATION", "CALL_START_DATE", "CALL_RECORD_URL", "COST", "COST_CURRENCY", "CALL_FAILED_CODE"),
        *("CALL_FAILED_REASON", "CRM_ENTITY_TYPE", "CRM_ENTITY_ID", "CRM_ACTIVITY_ID", "CALL_TYPE"),
        "TRANSCRIPT_PENDING",
    )
    methods.add(
        "voximplant.statistic.get",
        Method(
            room=ROOM,
            scopes=(SCOPE,),
            about=gettext_lazy("Calls that are over, with filters."),
            parameters=StatisticGet,
            answer=statistic,
            filters=FILTERS,
            result=listed(
                **dict.fromkeys(texts, "string"),
                **dict.fromkeys(_MAY_BE_NONE, "string?"),
                RECORD_FILE_ID="integer?",
            ),
            source=f"{DOCS}telephony/voximplant/voximplant-statistic-get.html",
        ),
    )
