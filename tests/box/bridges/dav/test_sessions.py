"""Clients of CalDAV, replayed request by request, and what they ask of scheduling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from box.apps.calendar.actions import main_calendar
from box.bridges.dav.scheduling import LARGEST_QUESTION, MOST_ASKED
from box.core.people.absences import Away, write_absence
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.bridges.dav.phones import NAMES, Phone
from tests.box.bridges.dav.sessions import FREE_BUSY, SESSIONS

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as HttpResponse

    from box.core.accounts.models import User
    from tests.box.bridges.dav.sessions import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SPACES = {**NAMES, "CS": "http://calendarserver.org/ns/", "I": "http://apple.com/ns/ical/"}


def answered(phone: Phone, one: Exchange, known: dict[str, str]) -> HttpResponse:
    headers = {name: _filled(value, known) for name, value in one.headers.items()}
    kind = headers.pop("Content-Type", "")
    return phone.send(one.method, _filled(one.path, known), _filled(one.body, known), kind, headers)


def _filled(text: str, known: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: known[match[1]], text)


def found(answer: HttpResponse, path: str) -> list[Any]:
    """Elements that were found, wherever in a multistatus."""
    root = ElementTree.fromstring(answer.content)
    below = [
        one
        for propstat in root.iterfind("D:response/D:propstat", SPACES)
        if " 200 " in propstat.findtext("D:status", "", SPACES)
        for one in propstat.iterfind(f"D:prop/{path}", SPACES)
    ]
    return below or root.findall(f"D:{path}", SPACES)


def says(answer: HttpResponse, what: str) -> bool:
    if what.startswith("DAV: "):
        return what.removeprefix("DAV: ") in answer.headers["DAV"].split(", ")
    path, _equals, text = what.partition("=")
    if re.fullmatch(r"(?:(?:D|C|CS|I):[\w-]+/?)+", path):
        return any(text in (one.text or "") for one in found(answer, path))
    return what in answer.content.decode().replace("\r\n ", "").replace("\n ", "")


@pytest.mark.parametrize("client", SESSIONS)
def test_a_client_is_understood_from_its_first_request_to_its_last(
    client: str, anna: User, boris: User
) -> None:
    planned(boris, draft("Talk of salaries"))
    phone = Phone(anna)
    calendar = f"{phone.home}calendar-{main_calendar(f'U{anna.pk}').pk}/"
    known = {"me": phone.home, "calendar": calendar, "event": f"{calendar}of-a-client.ics"}
    for number, one in enumerate(SESSIONS[client]):
        answer = answered(phone, one, known)
        what = f"{number}: {one.method} {one.path}: {answer.content.decode()[:1500]}"
        assert answer.status_code == one.status, what
        assert [each for each in one.has if not says(answer, _filled(each, known))] == [], what
        assert [each for each in one.lacks if says(answer, _filled(each, known))] == [], what
        for name, source in one.keeps.items():
            is_header = source in answer.headers
            kept = answer.headers[source] if is_header else found(answer, source)[0].text
            assert kept, what
            known[name] = kept


def ask(phone: Phone, text: str, path: str = "") -> HttpResponse:
    return phone.send("POST", path or f"{phone.home}outbox/", text, "text/calendar", {})


def test_who_is_away_is_taken_for_whole_days(anna: User, boris: User) -> None:
    write_absence(boris, Away("vacation", TEN.date(), TEN.date()), by=boris)
    told = ask(Phone(anna), FREE_BUSY).content.decode()
    # A whole day of whoever asks, as far as the question goes.
    assert "PERIOD:20261201T000000Z/20261201T210000Z" in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ORGANIZER:mailto:anna@", "ORGANIZER:mailto:boris@"),
        ("DTEND:20261208T000000Z", "DTEND:20270401T000000Z"),
        ("DTEND:20261208T000000Z", "DTEND:20261201T000000Z"),
        ("DTEND:20261208T000000Z", "DTEND;VALUE=DATE:20261208"),
        ("DTEND:20261208T000000Z", "DTEND:99991231T235959Z"),
        ("DTSTART:20261201T000000Z", "X-START:1"),
        ("BEGIN:VFREEBUSY", "BEGIN:VEVENT"),
        ("UID:question-1", "ATTENDEE:mailto:x@y.test\r\n" * MOST_ASKED + "UID:question-1"),
        ("UID:question-1", "X-LONG:" + "x" * LARGEST_QUESTION),
    ],
)
def test_a_question_that_is_none_is_refused(anna: User, old: str, new: str) -> None:
    assert old in FREE_BUSY
    assert ask(Phone(anna), FREE_BUSY.replace(old, new)).status_code == 403


def test_boxes_are_ones_own_and_nothing_is_put_into_them(anna: User, boris: User) -> None:
    phone, other = Phone(anna), Phone(boris)
    assert ask(phone, FREE_BUSY, f"{other.home}outbox/").status_code == 405
    for path in (phone.home, f"{phone.home}inbox/"):
        assert ask(phone, FREE_BUSY, path).status_code == 405
    for name in ("inbox", "outbox"):
        assert phone.put(f"{phone.home}{name}/1.ics", "UID:1", "DTSTART:20261201T100000Z").status_code == 403
        assert phone.ask("MKCALENDAR", f"{phone.home}{name}/").status_code in {403, 405, 409}
        assert phone.ask("DELETE", f"{phone.home}{name}/").status_code == 403
    assert not [path for path in phone.calendars().values() if path.endswith(("/inbox/", "/outbox/"))]
