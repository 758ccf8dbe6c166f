"""What is sent to break the server of calendars, or to read and remember more than is one's own."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch
from xml.etree import ElementTree

import pytest
from vobject.icalendar import getTzid

from box.apps.calendar.actions import EventDraft, create_event, main_calendar
from box.apps.calendar.models import Event
from box.bridges.dav.actions import remove_device
from box.bridges.dav.models import SyncState
from box.bridges.dav.server import MOST_ELEMENTS
from box.bridges.dav.session import LARGEST_OBJECT, LARGEST_REQUEST
from box.bridges.dav.skeleton import MOST_PARTS, skeleton
from box.core.accounts.models import Failures, User
from tests.box.bridges.dav.phones import XML, Phone
from tests.box.oddities import Taken

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TIMES = ("DTSTART;TZID=Europe/Moscow:20261201T100000", "DTEND;TZID=Europe/Moscow:20261201T110000")


def own(phone: Phone) -> str:
    return f"{phone.home}calendar-{main_calendar(f'U{phone.user.pk}').pk}/"


def test_a_rule_that_never_comes_true_is_followed_by_nobody(anna: User) -> None:
    phone = Phone(anna)
    rules = ("FREQ=DAILY;INTERVAL=7;BYDAY=WE;COUNT=5", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")
    with patch("dateutil.rrule.rrulestr", side_effect=AssertionError("A rule was followed.")):
        answers = [
            phone.put(f"{own(phone)}{number}.ics", f"UID:{number}", *TIMES, f"RRULE:{rule}")
            for number, rule in enumerate(rules)
        ]
    assert [one.status_code for one in answers] == [403, 403]
    assert not Event.objects.exists()


def test_a_rule_to_the_end_of_time_has_none(anna: User) -> None:
    phone = Phone(anna)
    rule = "RRULE:FREQ=YEARLY;UNTIL=99991231T235959Z"
    assert phone.put(f"{own(phone)}1.ics", "UID:1", *TIMES, rule).status_code == 201
    assert Event.objects.get().rule == "FREQ=YEARLY"


def test_a_zone_that_a_text_describes_is_not_kept_for_the_process(anna: User) -> None:
    phone = Phone(anna)
    zone = (
        "BEGIN:VTIMEZONE", "TZID:Of Annas making", "BEGIN:STANDARD", "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0500", "TZOFFSETTO:+0500", "END:STANDARD", "END:VTIMEZONE",
    )  # fmt: skip
    event = ("DTSTART;TZID=Of Annas making:20261201T100000", "DURATION:PT1H")
    lines = (
        "UID:1",
        *event,
        "END:VEVENT",
        *zone,
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID:20261201T050000Z",
        *event,
    )
    assert phone.put(f"{own(phone)}1.ics", *lines).status_code == 201
    assert f"{Event.objects.get().starts_at:%H:%M}" == "05:00"
    assert getTzid("Of Annas making") is None


def test_an_object_has_so_many_parts_and_bytes_and_no_more(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}1.ics"
    many = ["BEGIN:VALARM", "END:VALARM"] * (MOST_PARTS - 2)
    assert phone.put(address, "UID:1", *TIMES, *many, "BEGIN:VALARM", "END:VALARM").status_code == 403
    assert phone.put(address, "UID:1", *TIMES, "DESCRIPTION:" + "a" * LARGEST_OBJECT).status_code == 413
    assert phone.put(address, "UID:1", *TIMES, *many).status_code == 201
    assert skeleton("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\nEND:VEVENT\n") == ""


@pytest.mark.parametrize("before", ["UID:1", "BEGIN:VALARM"])
def test_a_line_that_only_vobject_sees_is_not_handed_to_it(before: str) -> None:
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{before}\rRRULE:FREQ=SECONDLY\nEND:VEVENT\nEND:VCALENDAR\n"
    assert "RRULE" not in skeleton(text)


def test_no_more_is_taken_than_is_read(settings: Settings) -> None:
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE >= LARGEST_REQUEST


def test_little_is_asked_of_each_of_many_objects(anna: User) -> None:
    phone = Phone(anna)

    def asked(count: int) -> int:
        names = "".join(f"<a{number}/>" for number in range(count))
        body = f'<propfind xmlns="DAV:"><prop>{names}</prop></propfind>'
        return phone.ask("PROPFIND", phone.home, body, Depth="1").status_code

    assert (asked(MOST_ELEMENTS - 2), asked(MOST_ELEMENTS - 1)) == (207, 400)
    hrefs = f"<href>{phone.home}people/1.vcf</href>" * MOST_ELEMENTS
    spaces = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
    body = f"<C:addressbook-multiget {spaces}>{hrefs}</C:addressbook-multiget>"
    assert phone.ask("REPORT", f"{phone.home}people/", body).status_code == 207
    entities = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"
    assert phone.ask("PROPFIND", phone.home, entities).status_code == 400


@pytest.mark.parametrize("charset", ["utf-16-le", "none-such", "rot13"])
def test_a_request_is_read_in_no_codec_of_its_own(charset: str, anna: User) -> None:
    """One of 2 MB in punycode, which takes the square of it, kept a worker for minutes."""
    phone = Phone(anna)
    body = '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
    body += " " * (len(body) % 2)
    kind = f"text/xml; charset={charset}"
    assert phone.send("PROPFIND", phone.home, body, kind, {"Depth": "0"}).status_code == 207


@pytest.mark.parametrize("sign", ["\x01", "\x1b", "\ufffe"])
def test_a_sign_that_xml_has_no_way_to_say_keeps_nobody_from_the_rest(
    sign: str, anna: User, boris: User
) -> None:
    """One title, or one name, and no program read any of it, of anybody's who was asked or works here."""
    starts = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draft = EventDraft(
        title=f"Lu{sign}nch", starts_at=starts, ends_at=starts + timedelta(hours=1), zone="Europe/Moscow",
        invited=(f"U{boris.pk}",),
    )  # fmt: skip
    create_event(main_calendar(f"U{anna.pk}"), draft, by=anna)
    User.objects.filter(pk=anna.pk).update(position=f"Di{sign}rector")
    phone = Phone(boris)
    assert "Lunch" in _told(phone, own(phone), "C:calendar-query", "C:calendar-data")
    assert "Director" in _told(phone, f"{phone.home}people/", "CR:addressbook-query", "CR:address-data")


def _told(phone: Phone, path: str, question: str, data: str) -> str:
    """All texts of a collection."""
    room = question[: question.index(":")]
    component = "VCALENDAR" if room == "C" else "FN"
    part = "comp-filter" if room == "C" else "prop-filter"
    body = (
        f"<{question} {XML}><D:prop><{data}/></D:prop>"
        f'<{room}:filter><{room}:{part} name="{component}"/></{room}:filter></{question}>'
    )
    answer = phone.ask("REPORT", path, body, Depth="1")
    assert answer.status_code == 207
    return "".join(ElementTree.fromstring(answer.content).itertext())


REQUESTS = {
    "deep": "<a>" * (LARGEST_REQUEST // 3 - 10),
    "wide": f"<propfind xmlns='DAV:'>{'<a/>' * (LARGEST_REQUEST // 4 - 20)}</propfind>",
    "attributes": f"<propfind {' '.join(f'a{number}=""' for number in range(LARGEST_REQUEST // 12))}/>",
    "names": "".join(f"<n{number}:a xmlns:n{number}='u'>" for number in range(LARGEST_REQUEST // 32)),
    "text": f"<propfind xmlns='DAV:'>{'&amp;' * (LARGEST_REQUEST // 5 - 20)}</propfind>",
}


@pytest.mark.parametrize("request_body", REQUESTS.values(), ids=REQUESTS)
def test_the_largest_request_takes_no_more_than_it_is_worth(request_body: str, anna: User) -> None:
    phone, taken = Phone(anna), Taken()
    assert len(request_body) <= LARGEST_REQUEST
    for method in ("PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR"):
        with taken.by(method):
            status = phone.ask(method, own(phone), request_body, Depth="1").status_code
        assert status < 500
    taken.tell("CalDAV")
    assert taken.too_much() == []


OBJECTS = {
    "deep": "BEGIN:VEVENT\n" * (LARGEST_OBJECT // 13),
    "folded": "SUMMARY:x" + "\n x" * (LARGEST_OBJECT // 3 - 100),
    "many parameters": f"DTSTART{';A=b' * (LARGEST_OBJECT // 4 - 100)}:20261201T100000Z",
    "many people": "ATTENDEE:mailto:a@example.com\n" * (LARGEST_OBJECT // 31),
    "many dates": f"RDATE:{','.join(['20261201T100000Z'] * (LARGEST_OBJECT // 17 - 100))}",
}


@pytest.mark.parametrize("lines", OBJECTS.values(), ids=OBJECTS)
def test_the_largest_object_takes_no_more_than_it_is_worth(lines: str, anna: User) -> None:
    phone, taken = Phone(anna), Taken()
    with taken.by("PUT"):
        answer = phone.put(f"{own(phone)}1.ics", "UID:1", *TIMES, *lines.splitlines())
    assert answer.status_code in (201, 400, 403, 413)
    taken.tell("An object of CalDAV")
    assert taken.too_much() == []


def test_what_tags_say_of_people_is_not_remembered(anna: User, boris: User) -> None:
    boris.phone = "+7 495 123-45-67"
    boris.save()
    phone = Phone(anna)
    token, _known = phone.sync(f"{phone.home}people/")
    kept = zlib.decompress(bytes(SyncState.objects.get().packed)).decode()
    assert set(json.loads(kept)) == {f"{anna.pk}.vcf", f"{boris.pk}.vcf"}
    assert boris.phone not in kept
    boris.phone = ""
    boris.save()
    assert set(phone.sync(f"{phone.home}people/", token)[1]) == {f"{boris.pk}.vcf"}


def test_a_collection_is_called_so_that_its_states_are_kept(anna: User) -> None:
    phone = Phone(anna)
    assert phone.ask("MKCALENDAR", f"{phone.home}{'a' * 65}/").status_code == 403
    assert phone.ask("MKCALENDAR", f"{phone.home}{'a' * 64}/").status_code == 201
    assert phone.sync(f"{phone.home}{'a' * 64}/")[1] == {}


def test_a_phone_whose_device_was_removed_guesses_nothing(anna: User, boris: User) -> None:
    phone = Phone(anna)
    assert phone.device is not None
    remove_device(phone.device, by=anna)
    assert phone.ask("OPTIONS", phone.home).status_code == 401
    assert not Failures.objects.filter(count__gt=0).exclude(key__in=_quotas()).exists()
    phone.user = boris
    assert phone.ask("OPTIONS", phone.home).status_code == 401
    assert Failures.objects.exclude(key__in=_quotas()).count() == 2


def _quotas() -> list[str]:
    from box.core.accounts.digests import digest

    return [digest("quota:dav:127.0.0.0/24")]


def test_a_login_that_no_database_takes_is_nobodys(anna: User) -> None:
    phone = Phone(anna)
    phone.user = User(login="an\x00na", pk=anna.pk)
    assert phone.ask("OPTIONS", phone.home).status_code == 401
