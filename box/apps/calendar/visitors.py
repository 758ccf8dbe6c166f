"""What people outside send to a booking page, checked before anything is done with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.calendar.actions.appointments import VisitorDraft
from box.lib.moments import refuse_distant
from box.lib.questions import Kind, Question, check_answer, questions_in, text_in

if TYPE_CHECKING:
    from box.apps.calendar.models import BookingPage

LONGEST_ZONE = 64
# A name is written into a calendar and a letter, and is no place for an address of a website.
_NO_NAME = re.compile(r"[/:@<>\x00-\x1f]|\bwww\.")


def who(page: BookingPage) -> tuple[Question, ...]:
    """What is asked of every visitor, before the page's own questions."""
    return (
        Question("name", Kind.NAME, _("Your name"), is_required=True),
        Question("email", Kind.EMAIL, _("Your e-mail"), is_required=True),
        *questions_in(page.questions),
    )


def checked(page: BookingPage, given: Mapping[str, Any], *, language: str) -> tuple[datetime, VisitorDraft]:
    """The time and the visitor. Raises ValidationError by the names of what is wrong."""
    problems: dict[str, str] = {}
    asked = who(page)
    for one in asked:
        try:
            check_answer(one, text_in(given, one.name))
        except ValidationError as error:
            problems[one.name] = " ".join(error.messages)
    if "name" not in problems and _NO_NAME.search(text_in(given, "name")):
        problems["name"] = _("Please write your name, and nothing else.")
    if page.consent and given.get("consent") is not True:
        problems["consent"] = _("Please agree to this first.")
    start = moment_in(given.get("start"))
    if start is None:
        problems["start"] = _("Please choose a time.")
    if problems or start is None:
        raise ValidationError(problems)
    answers = tuple((one.label, text_in(given, one.name)) for one in asked[2:])
    visitor = VisitorDraft(
        name=" ".join(text_in(given, "name").split()), email=text_in(given, "email").lower(),
        language=language, zone=zone_in(given.get("zone"), page.zone),
        answers=tuple(pair for pair in answers if pair[1]), consent=page.consent,
    )  # fmt: skip
    return start, visitor


def moment_in(seconds: object) -> datetime | None:
    """Seconds since 1970, as a page names a time; None: that is no moment."""
    text = str(seconds or "")
    if not re.fullmatch(r"\d{1,11}", text, re.ASCII):
        return None
    try:
        found = datetime.fromtimestamp(int(text), UTC)
        refuse_distant(found)
    except (OverflowError, ValueError, OSError, ValidationError):
        return None
    return found


def zone_in(name: object, otherwise: str) -> str:
    """The visitor's own time zone, or this one where theirs is none that is known here."""
    text = str(name or "")
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return otherwise
    return text if len(text) <= LONGEST_ZONE else otherwise
