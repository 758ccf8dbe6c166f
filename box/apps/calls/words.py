"""How calls are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from box.core.registry.company import PHONE_REGION
from box.lib import phones

if TYPE_CHECKING:
    from box.apps.calls.models import LoggedCall


@dataclass(frozen=True)
class Outcome:
    label: str
    tone: str = ""


def number_shown(call: LoggedCall) -> str:
    return phone_shown(call.number) or call.caller_name or _("withheld number")


def phone_shown(number: str) -> str:
    return phones.shown(number, PHONE_REGION.value) if number.startswith("+") else number


def outcome(call: LoggedCall) -> Outcome:
    """What came of it, in a word or two."""
    if not call.is_over:
        going = pgettext("call", "talking") if call.answered_at else pgettext("call", "ringing")
        return Outcome(going, "warn")
    if call.is_missed:
        if call.settled_at is None:
            return Outcome(pgettext("call", "missed"), "bad")
        return Outcome(pgettext("call", "missed, done"))
    if call.answered_at is not None:
        return Outcome(pgettext("call", "answered"), "good")
    said = {
        call.Result.BUSY: pgettext("call", "busy"),
        call.Result.FAILED: pgettext("call", "did not get through"),
        call.Result.BY_PBX: pgettext("call", "announcement"),
    }
    return Outcome(
        said.get(call.Result(call.result), pgettext("call", "not answered")) if call.result else ""
    )


def length(seconds: int) -> str:
    """`3:07`, `1:02:45`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
