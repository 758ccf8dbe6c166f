"""Click to call: whether it may be, and how it is asked of the PBX. Toll fraud lives on what this would let
through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

_EXTENSION = re.compile(r"[0-9]{1,15}")
_DIALLED = re.compile(r"\+?[0-9]{2,15}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_ENDPOINT = re.compile(r"(?:PJSIP|SIP)/[A-Za-z0-9_.-]{1,80}")
_UNIQUEID = re.compile(r"[A-Za-z0-9_.-]{1,150}")
RINGS_SECONDS = 30


class NotAllowed(Exception):
    """The call is not placed; the text says why, and who can change that."""


@dataclass(frozen=True)
class Rules:
    """What the settings allow."""

    context: str
    """The only one that is ever asked for."""
    prefixes: Sequence[str] = ()
    """Of numbers outside, as they are dialled: `+7`, `+4930`."""
    forbidden: Sequence[str] = ()
    """Prefixes that are not called though a shorter one allows them: `+7809`, satellites."""
    dial_prefix: str = ""
    """What the PBX wants before a number outside."""
    keeps_plus: bool = False


@dataclass(frozen=True)
class Caller:
    """Who clicks, and where their phone is."""

    name: str
    endpoint: str
    number: str
    is_working: bool
    """Neither suspended nor dismissed."""
    may_call_outside: bool = True


def request(caller: Caller, goal: str, rules: Rules) -> dict[str, str]:
    """Headers of AMI's Originate: first the employee's phone rings, then the goal's. Raises NotAllowed.

    `goal` is an extension or a number in E.164. Nothing of it reaches the PBX but digits.
    """
    if not caller.is_working:
        raise NotAllowed(_("Only who works here calls from here."))
    if not _ENDPOINT.fullmatch(caller.endpoint) or not _EXTENSION.fullmatch(caller.number):
        raise NotAllowed(
            _("You have no extension yet: an administrator gives you one in the settings of telephony.")
        )
    if not _WORD.fullmatch(rules.context):
        raise NotAllowed(
            _("No context is set for calls: an administrator sets it in the settings of telephony.")
        )
    return {
        "Channel": caller.endpoint,
        "Context": rules.context,
        "Exten": _dialled(caller, goal, rules),
        "Priority": "1",
        "Async": "true",
        "Timeout": str(RINGS_SECONDS * 1000),
        "CallerID": f'"{_plain(caller.name)}" <{caller.number}>',
    }


def transfer(caller: Caller, leg: str, goal: str, rules: Rules) -> dict[str, str]:
    """Headers of AMI's BlindTransfer and Atxfer: `leg` is the Uniqueid of the channel that passes the call
    on, which Asterisk takes for its name. The goal is under the same rules as a call. Raises NotAllowed."""
    headers = request(caller, goal, rules)
    return {"Channel": _channel(leg), "Context": headers["Context"], "Exten": headers["Exten"]}


def redirect(leg: str, context: str, extension: str) -> dict[str, str]:
    """Headers of AMI's Redirect, of the channel with this Uniqueid: what it did ends, and it goes on there.
    Raises NotAllowed."""
    if not _WORD.fullmatch(context) or not _EXTENSION.fullmatch(extension):
        raise NotAllowed(
            _("Nobody can be put on hold from here: an administrator sets that in the settings of telephony.")
        )
    return {"Channel": _channel(leg), "Context": context, "Exten": extension, "Priority": "1"}


def hang_up(leg: str) -> dict[str, str]:
    """Headers of AMI's Hangup. Raises NotAllowed."""
    return {"Channel": _channel(leg), "Cause": "16"}


def _channel(leg: str) -> str:
    # A pattern between slashes would mean many channels.
    if not _UNIQUEID.fullmatch(leg):
        raise NotAllowed(_("This call is over."))
    return leg


def _dialled(caller: Caller, goal: str, rules: Rules) -> str:
    if _EXTENSION.fullmatch(goal) and len(goal) <= 6:
        return goal
    if not _DIALLED.fullmatch(goal) or not goal.startswith("+"):
        raise NotAllowed(_("This is no number that can be called."))
    if not caller.may_call_outside:
        raise NotAllowed(_("You may call inside only: an administrator can change that."))
    allowed, refused = (
        max((len(one) for one in some if one and goal.startswith(one)), default=0)
        for some in (rules.prefixes, rules.forbidden)
    )
    if allowed <= refused:
        raise NotAllowed(
            _("Numbers that begin with %(digits)s are not called from here: an administrator can allow them.")
            % {"digits": goal[:4]}
        )
    return rules.dial_prefix + (goal if rules.keeps_plus else goal.removeprefix("+"))


def _plain(name: str) -> str:
    """Of a name what a caller ID can hold."""
    return re.sub(r"[^\w .\-]", "", name)[:40].strip()
