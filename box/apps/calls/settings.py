"""What an administrator chooses about calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from box.bridges.telephony.relays import MOST, is_address
from box.core.registry.settings import Setting

SECTION = "calls"


class RelaysField(forms.CharField):
    """Addresses of relays, one a line."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=2000, **more)

    def clean(self, value: Any) -> str:
        words = str(super().clean(value)).split()
        for word in words:
            if not is_address(word):
                said = _("“%(word)s” is no relay: write it like turn:relay.example.com:3478.")
                raise forms.ValidationError(said, params={"word": word[:60]})
        if len(words) > MOST:
            raise forms.ValidationError(_("At most %(most)s of them."), params={"most": MOST})
        return "\n".join(words)


def _number(least: int, most: int) -> forms.Field:
    return forms.IntegerField(min_value=least, max_value=most)


OPENS_CARD = Setting(
    "calls.opens_card",
    default=False,
    section=SECTION,
    label=_("Open the client's card when a call is answered"),
    help=_("In the window in which the employee works at that moment; otherwise a click opens it."),
)
RESPONSIBLE_FIRST = Setting(
    "calls.responsible_first",
    default=True,
    section=SECTION,
    label=_("Ring the responsible employee first"),
    help=_(
        "A client who is known is put through to whoever looks after them; then the call goes the usual way."
    ),
)
CLOSES = Setting(
    "calls.closes",
    default=False,
    section=SECTION,
    label=_("Take no calls outside working hours"),
    help=_(
        "By the company's working calendar: the PBX is told that it is closed, and hangs up, or plays what it"
        " has for that."
    ),
)
ANSWERS_WITHIN = Setting(
    "calls.answers_within",
    20,
    SECTION,
    _("Seconds within which a call should be answered"),
    _("The service level of the reports is the share of calls that were."),
    field=lambda: _number(1, 600),
)
CALL_BACK_WITHIN = Setting(
    "calls.call_back_within",
    60,
    SECTION,
    _("Minutes within which a missed call should be returned"),
    _("It becomes a next step of whoever is responsible for the client, with this deadline."),
    field=lambda: _number(5, 7 * 24 * 60),
)
MAKES_LEADS = Setting(
    "calls.makes_leads",
    "none",
    SECTION,
    _("Make a lead of a number that nobody knows"),
    _("Of an incoming call, for whoever answered it, or whose telephone rang first."),
    field=lambda: forms.ChoiceField(
        choices=(
            ("none", _("no: the employee decides")),
            ("missed", _("of missed calls")),
            ("every", _("of every call")),
        )
    ),
)
RECORDINGS_KEPT = Setting(
    "calls.recordings_kept",
    180,
    SECTION,
    _("Days for which recordings are kept"),
    _("Then they are deleted, unless they are held. The call stays in the log."),
    field=lambda: _number(1, 3650),
)
RELAYS = Setting(
    "calls.relays",
    "",
    SECTION,
    _("Relays for telephones in browsers outside"),
    _(
        "Servers of the company's own (TURN), such as turn:relay.example.com:3478 and"
        " turns:relay.example.com:5349, one a line. Empty: who works elsewhere needs the VPN for calls."
    ),
    field=lambda: RelaysField(required=False),
)
RELAYS_SECRET = Setting(
    "calls.relays_secret",
    "",
    SECTION,
    _("Secret of the relays"),
    _("What stands in their configuration as static-auth-secret."),
    is_secret=True,
)
ALL = (
    OPENS_CARD,
    RESPONSIBLE_FIRST,
    CLOSES,
    ANSWERS_WITHIN,
    CALL_BACK_WITHIN,
    MAKES_LEADS,
    RECORDINGS_KEPT,
    RELAYS,
    RELAYS_SECRET,
)


def check(values: Mapping[str, Any]) -> None:
    """See `box.core.registry.settings.Section`."""
    needs = any(not one.startswith("stun:") for one in str(values.get(RELAYS.key, "")).split())
    if needs and not (values.get(RELAYS_SECRET.key) or RELAYS_SECRET.value):
        said = _("Give the secret that the relays know: without it they let nobody through.")
        raise forms.ValidationError({RELAYS_SECRET.key: said})
