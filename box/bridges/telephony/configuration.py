"""What is set up of a PBX in the portal, as the plan of its configuration."""

from __future__ import annotations

from typing import Protocol

from box.bridges.telephony import plan
from box.bridges.telephony.models import CallMenu, CallQueue, Extension, Pbx, Trunk
from box.bridges.telephony.originate import Caller, request
from box.core.portal.calendar import DAYS, working_hours
from box.core.registry.company import company_zone
from box.core.registry.offers import Offers


class Configuration(Protocol):
    """Whoever makes all files of a PBX's configuration, by name: an app, with scripts of its own beside what
    the generator writes. Raises Unwritable, NotAllowed, RecordingRefused and ValueError."""

    def __call__(
        self,
        pbx: Pbx,
        *,
        asterisk: plan.Release,
        boxes: tuple[str, ...],
        records: bool,
        transcodes_opus: bool,
        base: str,
    ) -> dict[str, str]: ...


configurations: Offers[Configuration] = Offers("configurations of PBXs")


def plan_of(
    pbx: Pbx,
    *,
    asterisk: plan.Release,
    boxes: tuple[str, ...],
    records: bool,
    transcodes_opus: bool = False,
    recording_command: str = "",
) -> plan.Plan:
    """Telephones that only the PBX knows stay its own: of these the portal has no password. Raises NotAllowed
    for a forwarding to what may not be called, and SealBroken."""
    return plan.Plan(
        pbx.secret,
        asterisk=asterisk,
        box_addresses=boxes,
        manager_port=pbx.port,
        manager_user=pbx.user,
        transcodes_opus=transcodes_opus,
        agi_host=pbx.asks_at or "",
        phones=tuple(_phone(pbx, one) for one in _extensions(pbx)),
        queues=tuple(_queue(one) for one in pbx.call_queues.order_by("number")),
        trunks=tuple(_trunk(one) for one in pbx.trunks.order_by("name")),
        menus=tuple(_menu(one) for one in pbx.call_menus.order_by("number")),
        hours=_hours(),
        outgoing_prefixes=tuple(one.lstrip("+") for one in pbx.prefixes),
        forbidden_prefixes=tuple(one.lstrip("+") for one in pbx.forbidden),
        dial_prefix=pbx.dial_prefix,
        records=records,
        recording_folder=pbx.recordings_there,
        recording_command=recording_command,
        database=pbx.logs == Pbx.Logs.TABLES,
    )


def _extensions(pbx: Pbx) -> list[Extension]:
    return list(pbx.extensions.select_related("user").order_by("number"))


def _phone(pbx: Pbx, one: Extension) -> plan.Phone:
    return plan.Phone(
        one.number,
        one.user.name if one.user else one.number,
        "",
        is_browser=one.is_browser,
        is_own=not one.is_browser,
        forwards_to=forward_goal(one, pbx) if one.forwards_to else "",
        forwards_after=one.forwards_after,
    )


def forward_goal(extension: Extension, pbx: Pbx) -> str:
    """What the PBX dials where this extension forwards to: under the rules of every call. Raises
    NotAllowed."""
    whoever = Caller("", extension.endpoint, extension.number, is_working=True)
    return request(whoever, extension.forwards_to, pbx.originate_rules)["Exten"]


def _queue(one: CallQueue) -> plan.Queue:
    return plan.Queue(
        one.name,
        one.number,
        tuple(one.members),
        strategy=one.strategy,
        rings_seconds=one.rings_seconds,
        waits_seconds=one.waits_seconds,
        is_group=one.is_group,
        otherwise=one.otherwise,
    )


def _menu(one: CallMenu) -> plan.Menu:
    return plan.Menu(one.number, one.sound, one.choices, otherwise=one.otherwise)


def _trunk(one: Trunk) -> plan.Trunk:
    return plan.Trunk(
        one.name,
        one.host,
        one.user,
        one.password,
        caller_id=one.caller_id,
        numbers=tuple(one.numbers),
        answers=one.answers,
        closed=one.closed,
    )


def _hours() -> plan.Hours | None:
    begin, end = working_hours()
    days = frozenset(DAYS.value)
    return plan.Hours(begin, end, days, str(company_zone())) if days else None
