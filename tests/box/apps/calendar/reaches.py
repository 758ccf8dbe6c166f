"""Whom this room's messages and results reach."""

from __future__ import annotations

from collections.abc import Callable

from box.apps.calendar.actions import create_calendar
from box.apps.calendar.actions.meetings import add_topic, prepare_meeting
from box.apps.calendar.models import Event, Meeting
from box.apps.calendar.occurrences import Occurrence
from tests.box.apps.calendar.conftest import draft, planned
from tests.box.reach import Found, Push, World


def _planned(whose: str, word: str = "x") -> Callable[[World], Event]:
    def plan(world: World) -> Event:
        anna = world.cast.anna
        if whose == "anna and boris":
            return planned(anna, draft(word, invited=(f"U{world.cast.boris.pk}",)))
        codes = {"sales": world.cast.sales.code_with_below, "partners": world.partners.code}
        return planned(anna, draft(word), code=codes.get(whose, ""))

    return plan


def _found(whose: str) -> Callable[[World, str], object]:
    return lambda world, word: _planned(whose, word)(world)


def _meeting(world: World) -> Meeting:
    event = _planned("anna and boris")(world)
    return prepare_meeting(Occurrence(event, event.starts_at, event.ends_at), by=world.cast.anna)


PUSHES = (
    Push("calendar", "meeting", _meeting, "anna boris"),
    Push(
        "calendar",
        "topic",
        lambda world: add_topic(_meeting(world), "Budget", by=world.cast.anna),
        "anna boris",
    ),
    Push("calendar", "changed", _planned("sales"), "anna boris"),
    Push("calendar", "changed", _planned("partners"), "anna erik"),
    Push("calendar", "changed", _planned("anna and boris"), "anna boris"),
    Push("calendar", "changed", _planned("anna"), "anna"),
    Push("calendar", "changed", lambda world: create_calendar("x", "plum", by=world.cast.anna), "anna"),
)
FOUND = (
    Found("calendar.event", _found("sales"), "olga anna boris"),
    Found("calendar.event", _found("partners"), "olga anna erik"),
    Found("calendar.event", _found("anna and boris"), "anna boris"),
    Found("calendar.event", _found("anna"), "anna"),
)
