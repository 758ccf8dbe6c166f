"""Clients of CalDAV, replayed request by request, and what they ask of scheduling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from django.core.exceptions import PermissionDenied

from box.apps.calendar.actions import main_calendar
from box.bridges.dav.scheduling import LARGEST_QUESTION, MOST_ASKED
from box.core.access.principals import EVERYONE
from box.core.accounts.actions import dismiss_user
from box.core.people.absences import Away, write_absence
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.bridges.dav.phones import NAMES, Phone
from tests.box.bridges.dav.sessions import FREE_BUSY, MEETING, SESSIONS

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as HttpResponse

    from box.core.accounts.models import User
    from tests.box.bridges.dav.sessions import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

EVIL = "Evil/Place"
ZONE = (
    f"BEGIN:VTIMEZONE\r\nTZID:{EVIL}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"
    "TZOFFSETTO:+0200\r\nRRULE:FREQ=DAILY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)
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
    if what.startswith("Schedule-Tag: "):
        return bool(answer.headers["Schedule-Tag"] == what.removeprefix("Schedule-Tag: "))
    if what.startswith("DAV: "):
        return what.removeprefix("DAV: ") in answer.headers["DAV"].split(", ")
    if what == "ETag":
        return what in answer.headers
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
        follow(number, one, phone, known)


def follow(number: int, one: Exchange, phone: Phone, known: dict[str, str]) -> None:
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


def test_what_others_answer_is_no_change_to_who_goes_by_the_schedule_tag(anna: User, boris: User) -> None:
    phones = {"anna": Phone(anna), "boris": Phone(boris)}
    places = {
        name: f"{phone.home}calendar-{main_calendar(f'U{phone.user.pk}').pk}/"
        for name, phone in phones.items()
    }
    known = {"calendar": places["anna"], "event": f"{places['anna']}together.ics"}
    known["of_boris"] = f"{places['boris']}together.ics"
    for number, (who, one) in enumerate(MEETING):
        follow(number, one, phones[who], known)


def test_what_is_no_meeting_has_no_schedule_tag(anna: User, boris: User, olga: User) -> None:
    """Also one of others, at which somebody only looks."""
    phone, event = Phone(anna), planned(anna)
    address = f"{phone.home}calendar-{event.calendar_id}/{event.pk}.ics"
    assert "Schedule-Tag" not in phone.ask("GET", address).headers
    assert phone.properties(address, "C:schedule-tag")[address] == {}
    text = phone.text(address)
    for wanted in ("*", phone.ask("GET", address).headers["ETag"]):
        assert phone.ask("PUT", address, text, If_Schedule_Tag_Match=wanted).status_code == 412
    meeting = planned(olga, draft(invited=(f"U{boris.pk}",)), code=EVERYONE)
    looked_at = f"{phone.home}calendar-{meeting.calendar_id}/{meeting.pk}.ics"
    assert "PARTSTAT" in phone.text(looked_at)
    assert "Schedule-Tag" not in phone.ask("GET", looked_at).headers


def test_the_tag_of_what_was_sent_is_only_told_where_it_is_kept_as_it_was(anna: User) -> None:
    """RFC 4791, section 5.3.4: a program takes its own text for what it has the tag of."""
    phone = Phone(anna)
    address = f"{phone.home}calendar-{main_calendar(f'U{anna.pk}').pk}/sent.ics"
    made = phone.put(address, "UID:sent", "DTSTART:20261201T100000Z", "SUMMARY:Sent")
    assert (made.status_code, "ETag" in made.headers) == (201, False)
    kept = phone.ask("GET", address)
    again = phone.ask("PUT", address, kept.content.decode(), If_Match=kept.headers["ETag"])
    assert again.headers["ETag"] == kept.headers["ETag"]
    changed = phone.change(address, "SUMMARY:Sent", "SUMMARY:Changed")
    assert (changed.status_code, "ETag" in changed.headers) == (204, False)
    assert "SUMMARY:Changed" in phone.text(address)


def test_who_looks_through_an_inbox_finds_it_empty(anna: User) -> None:
    """As `caldav` does it."""
    phone = Phone(anna)
    for box in ("inbox", "outbox"):
        assert phone.query(f"{phone.home}{box}/", "20261101T000000Z", "20261201T000000Z") == []


def ask(phone: Phone, text: str, path: str = "") -> HttpResponse:
    return phone.send("POST", path or f"{phone.home}outbox/", text, "text/calendar", {})


def test_who_is_away_is_taken_for_whole_days(anna: User, boris: User) -> None:
    write_absence(boris, Away("vacation", TEN.date(), TEN.date()), by=boris)
    told = ask(Phone(anna), FREE_BUSY).content.decode()
    # A whole day of whoever asks, as far as the question goes.
    assert "PERIOD:20261201T000000Z/20261201T210000Z" in told


def test_a_question_by_the_clock_is_one_by_the_clock_of_who_asks(anna: User, boris: User) -> None:
    """As `caldav` asks."""
    planned(boris)
    asked = FREE_BUSY.replace("DTSTART:20261201T000000Z", "DTSTART:20261201T000000")
    assert asked != FREE_BUSY
    told = ask(Phone(anna), asked).content.decode()
    assert "DTSTART:20261130T210000Z" in told
    assert "PERIOD:20261201T070000Z/" in told


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
        ("BEGIN:VFREEBUSY", "BEGIN:X\r\n" * 9 + "END:X\r\n" * 9 + "BEGIN:VFREEBUSY"),
        # Its offset would be looked for day by day, or second by second, from 1970 on.
        ("DTSTART:20261201T000000Z", f"DTSTART;TZID={EVIL}:20261201T000000"),
    ],
)
def test_a_question_that_is_none_is_refused(anna: User, old: str, new: str) -> None:
    assert old in FREE_BUSY
    asked = FREE_BUSY.replace("BEGIN:VFREEBUSY", f"{ZONE}BEGIN:VFREEBUSY").replace(old, new)
    assert ask(Phone(anna), asked).status_code == 403


def test_outsiders_ask_nobody_and_who_has_left_is_nobody(
    anna: User, boris: User, cara: User, erik: User
) -> None:
    planned(anna)
    dismiss_user(boris, by=None)
    with pytest.raises(PermissionDenied):
        Phone(erik)
    about = "ATTENDEE:mailto:anna@example.com\r\nATTENDEE:mailto:boris@example.com\r\n"
    told = ask(Phone(cara), of(cara, about)).content.decode()
    assert [told.count(one) for one in ("2.0;", "3.7;", "BEGIN:VFREEBUSY")] == [1, 1, 1]
    assert "FREEBUSY;FBTYPE=BUSY" in told


def of(user: User, attendees: str) -> str:
    """The question, asked by this person about these people."""
    lines = [line for line in FREE_BUSY.split("\r\n") if not line.startswith(("ATTENDEE", " "))]
    asked = "\r\n".join(lines).replace("mailto:anna@example.com", f"mailto:{user.email}")
    return asked.replace("UID:question-1\r\n", f"UID:question-1\r\n{attendees}")


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
