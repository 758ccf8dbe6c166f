"""What an administrator chooses about calls."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.registry.settings import Setting

SECTION = "calls"


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
RECORDINGS_KEPT = Setting(
    "calls.recordings_kept",
    180,
    SECTION,
    _("Days for which recordings are kept"),
    _("Then they are deleted, unless they are held. The call stays in the log."),
    field=lambda: _number(1, 3650),
)
ALL = (OPENS_CARD, RESPONSIBLE_FIRST, CLOSES, ANSWERS_WITHIN, CALL_BACK_WITHIN, RECORDINGS_KEPT)
