"""Numbers as a PBX says them, to those that a card or a colleague is found by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from box.bridges.telephony.calls import Call, Leg
from box.lib import phones

MOST_RULES = 50


@dataclass(frozen=True)
class TrunkRule:
    """How a line writes numbers: `TrunkRule("line", strip="9", prepend="+")`."""

    endpoint: str
    """`PJSIP/line`; empty: any."""
    strip: str = ""
    """What stands before a number and is none of it: the digit for an outside line."""
    prepend: str = ""


@dataclass(frozen=True)
class Numbering:
    """What a company knows of its numbers."""

    region: str = "RU"
    area: str = ""
    """Before a number of this city: `495`."""
    extension_length: int = 6
    """Up to so many digits it is an extension."""
    rules: Sequence[TrunkRule] = ()
    lines: frozenset[str] = frozenset()
    """Endpoints that lead outside."""

    def e164(self, number: str, endpoint: str = "") -> str | None:
        """None for a withheld number, an extension, and what no network knows."""
        number = number.strip()
        for rule in self.rules[:MOST_RULES]:
            if rule.endpoint in ("", endpoint) and (not rule.strip or number.startswith(rule.strip)):
                number = rule.prepend + number[len(rule.strip) :]
                break
        if self.is_extension(number):
            return None
        found = phones.normal(number, self.region)
        if found is None and self.area and number.isdigit():
            found = phones.normal(self.area + number, self.region)
        return found

    def is_extension(self, number: str) -> bool:
        return phones.is_short(number) and len(number.strip()) <= self.extension_length

    def direction(self, call: Call) -> str:
        """One of "in", "out" and "internal"."""
        if call.endpoint in self.lines or self._joined(call) is not None:
            return "in"
        outside = any(leg.endpoint in self.lines for leg in call.legs.values() if leg.is_called)
        return "out" if outside else "internal"

    def _joined(self, call: Call) -> Leg | None:
        """Whoever called from outside, and was connected to a call that had begun within."""
        legs = sorted(call.legs.values(), key=attrgetter("started_at"))
        return next((leg for leg in legs if not leg.is_called and leg.endpoint in self.lines), None)

    def outside(self, call: Call) -> str | None:
        """The number of the one outside, in E.164: the caller's, or the dialled one's."""
        match self.direction(call):
            case "in":
                if call.endpoint not in self.lines and (joined := self._joined(call)) is not None:
                    return self.e164(joined.number, joined.endpoint)
                return self.e164(call.caller, call.endpoint)
            case "out":
                legs = [leg for leg in call.legs.values() if leg.endpoint in self.lines]
                return next(
                    (found for leg in legs if (found := self.e164(leg.number, leg.endpoint))), None
                ) or self.e164(call.called)
        return None
