"""Every view of tasks and calendars fits and has nothing grave for axe: narrow and wide, light and dark."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import Person, settled
from tests.e2e.planning import planned, tomorrow
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.test_planning import given
from tests.e2e.words import Words


def drawn(page: Page) -> None:
    expect(page.locator(".calendar-title")).not_to_be_empty()
    expect(page.locator(".cal-event").first).to_be_visible()


TASKS = (
    "/tasks/",
    "/tasks/?role=all",
    "/tasks/?overdue=yes",
    "/tasks/board/state/",
    "/tasks/board/deadline/",
    "/tasks/plan/",
    "/tasks/plan/stages/",
    "/tasks/gantt/",
    "/tasks/workload/",
    "/tasks/report/person/",
    "/tasks/report/period/",
    "/tasks/time/",
    "/tasks/time/?by=person",
    "/tasks/templates/",
    "/tasks/templates/new/",
    "/tasks/trash/",
    "/tasks/new/",
    "/imports/tasks.tasks/",
    "/tasks/{task}/",
    "/tasks/{task}/edit/",
    "/tasks/{task}/time/",
    "/tasks/projects/{project}/",
    "/tasks/projects/{project}/stages/",
    "/tasks/projects/{project}/baselines/",
)
CALENDAR = (
    "/calendar/?view=day&on={day}",
    "/calendar/?view=week&on={day}",
    "/calendar/?view=month&on={day}",
    "/calendar/?view=agenda&on={day}",
    "/calendar/team/?on={day}",
    "/calendar/rooms/?on={day}",
    "/calendar/rooms/new/",
    "/calendar/rooms/requests/",
    "/calendar/events/new/",
    "/calendar/events/{event}/",
    "/calendar/events/{event}/edition/",
    "/calendar/calendars/new/",
    "/calendar/calendars/{calendar}/",
    "/calendar/meetings/{meeting}/",
    "/calendar/booking/",
    "/calendar/booking/new/",
    "/imports/calendar.events/",
    "/profile/devices/",
    "/profile/devices/new/",
)


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", secrets.token_hex(4), words=words, administers=True)


def test_every_view_of_tasks(anna: Person) -> None:
    project = anna.hand.group(f"Store {secrets.token_hex(3)}")
    title = "Donaudampfschifffahrtsgesellschaftskapitänsmützenbestellung und Versandvorbereitung"
    late = "2026-01-31T18:00"
    task = given(anna, title, project=str(project), deadline_at=late, tags="store, urgent", priority="2")
    given(anna, "Count the boxes", project=str(project))
    assert anna.hand.post(f"/tasks/{task}/items/", text="Open the door\nCount").status == 302
    places = {"task": task, "project": project}
    found = looked_at(anna, TASKS, places)
    assert not found, "\n".join(found)


def test_every_view_of_calendars(anna: Person, olga: Portal) -> None:
    mark = secrets.token_hex(3)
    room = olga.post(
        "/calendar/rooms/new/", nonce=secrets.token_hex(16), name=f"Blue {mark}", capacity="8", audience="UA"
    )
    assert room.status in {200, 302}
    event = planned(
        anna, "Donaudampfschifffahrtsgesellschaftskapitänsversammlung", place="Room 3", repeats="daily"
    )
    meeting = anna.hand.post(f"/calendar/events/{event}/meeting/").headers["Location"]
    form = anna.hand.get("/calendar/events/new/").data.decode()
    calendar = re.search(r'name="calendar".*?<option value="(\d+)"', form, re.DOTALL)
    assert calendar is not None
    places = {
        "day": tomorrow(), "event": event, "calendar": calendar[1],
        "meeting": re.findall(r"\d+", meeting)[0],
    }  # fmt: skip
    found = looked_at(anna, CALENDAR, places)
    assert not found, "\n".join(found)


def looked_at(person: Person, addresses: tuple[str, ...], places: Mapping[str, object]) -> list[str]:
    found = []
    for one in addresses:
        page = person.open(one.format(**places))
        if "view=" in one:
            drawn(page)
        settled(page)
        found += [f"{one} {problem}" for problem in found_in(page, EVERY_LOOK)]
    return found
