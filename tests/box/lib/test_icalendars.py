"""Calendar files as Google, Outlook and iOS write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from icalendar.timezone import tzp

from box.lib.icalendars import LARGEST, Item, NotCalendar, read, rows
from box.lib.icalendars.parser import MOST_ZONES
from box.lib.icalendars.zones import zone_named

MOSCOW = "Europe/Moscow"
OUTLOOK_ZONE = """\
BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def calendar(*lines: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""]).encode()


def event(*lines: str, zone: str = "") -> Item:
    body = zone.strip().split("\n") if zone else []
    (item,) = read(calendar(*body, "BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"), zone=MOSCOW).items
    return item


def starts(*lines: str, zone: str = "") -> tuple[str, str]:
    item = event(*lines, zone=zone)
    assert item.starts_at is not None
    return item.zone, item.starts_at.astimezone(UTC).strftime("%d %H:%M")


def test_zones_are_found_by_whatever_programs_call_them() -> None:
    assert starts("DTSTART;TZID=Europe/Berlin:20260701T100000") == ("Europe/Berlin", "01 08:00")
    assert starts("DTSTART;TZID=Russian Standard Time:20260701T100000") == (MOSCOW, "01 07:00")
    path = "/freeassociation.sourceforge.net/Europe/Berlin"
    assert starts(f"DTSTART;TZID={path}:20260701T100000") == ("Europe/Berlin", "01 08:00")
    assert starts("DTSTART;TZID=GMT+0500:20260701T100000") == ("Asia/Yekaterinburg", "01 05:00")
    assert starts("DTSTART;TZID=Etc/GMT-3:20260701T100000") == ("Etc/GMT-3", "01 07:00")
    assert starts("DTSTART:20260701T100000Z") == (MOSCOW, "01 10:00")
    assert starts("DTSTART:20260701T100000") == (MOSCOW, "01 07:00")
    assert starts("DTSTART;TZID=Nowhere at all:20260701T100000") == (MOSCOW, "01 07:00")


def test_a_zone_of_its_own_making_is_found_by_its_offsets() -> None:
    line = "DTSTART;TZID=Customized Time Zone:20260701T100000"
    assert starts(line, zone=OUTLOOK_ZONE) == ("Europe/Berlin", "01 08:00")


def test_offsets_that_no_place_has_fall_back_to_the_reader() -> None:
    assert zone_named("UTC-13:30", {}, MOSCOW) == MOSCOW
    assert zone_named("UTC-12", {}, MOSCOW) == "Etc/GMT+12"


def test_a_day_left_out_is_the_time_of_that_day() -> None:
    item = event(
        "DTSTART;TZID=Europe/Moscow:20260701T100000", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260702"
    )
    assert item.excluded == (datetime(2026, 7, 2, 7, tzinfo=UTC),)


def test_doubled_alarms_and_rules_are_folded() -> None:
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "END:VALARM")
    after = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:PT15M", "END:VALARM")
    item = event("DTSTART:20260701T100000Z", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY", *alarm, *alarm, *after)
    assert (item.rule, item.alarms) == ("FREQ=DAILY", (15,))


def test_lengths_that_are_missing_or_turned_round_are_usual_ones() -> None:
    plain = event("DTSTART:20260701T100000Z")
    turned = event("DTSTART:20260701T100000Z", "DTEND:20260701T090000Z")
    whole = event("DTSTART;VALUE=DATE:20260701")
    lengths = [one.ends_at - one.starts_at for one in (plain, turned, whole) if one.ends_at and one.starts_at]
    assert [one.total_seconds() / 60 for one in lengths] == [30, 30, 24 * 60]


def test_addresses_are_read_however_they_are_written() -> None:
    item = event(
        "DTSTART:20260701T100000Z", "ORGANIZER:MAILTO:Anna@Example.com",
        'ATTENDEE;CN="Zoe";PARTSTAT=ACCEPTED:mailto:zoe@example.com', "ATTENDEE:mailto:ZOE@example.com",
        "ATTENDEE:urn:uuid:4",
    )  # fmt: skip
    assert item.organizer == "anna@example.com"
    assert [(one.email, one.name, one.answer) for one in item.attendees] == [
        ("zoe@example.com", "Zoe", "ACCEPTED")
    ]


def test_what_one_event_lacks_spoils_no_other() -> None:
    found = read(calendar("BEGIN:VEVENT", "UID:1", "END:VEVENT", "BEGIN:VEVENT", "DTSTART:20260701T100000Z",
                          "DTSTAMP:yesterday", "SUMMARY:There", "END:VEVENT"), zone=MOSCOW)  # fmt: skip
    assert ([one.title for one in found.items], found.refused) == (["There"], 1)


def test_what_has_no_place_here_is_kept_and_what_only_its_program_needs_is_not() -> None:
    item = event(
        "DTSTART:20260701T100000Z", "CATEGORIES:Work,Home", "X-COLOUR:red", "X-MOZ-LASTACK:20260701T100000Z"
    )
    assert item.kept.split("\n") == ["CATEGORIES:Work,Home", "X-COLOUR:red"]


def test_rows_have_each_series_before_what_is_otherwise_in_it() -> None:
    data = calendar(
        "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Europe/Moscow:20260708T120000", "SUMMARY:Late",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260708T090000", "END:VEVENT",
        "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Europe/Moscow:20260701T100000", "SUMMARY:Weekly",
        "RRULE:FREQ=WEEKLY", "END:VEVENT",
        "BEGIN:VEVENT", "UID:2", "DTSTART:20260701T100000Z", "STATUS:CANCELLED", "END:VEVENT",
    )  # fmt: skip
    heads, *found = rows(data, zone=MOSCOW)
    shown = [dict(zip(heads, row, strict=True)) for row in found]
    assert [one["Title"] for one in shown] == ["Weekly", "Late"]
    assert (shown[0]["Starts"], shown[1]["Instead of"]) == ("2026-07-01 10:00+03:00", "20260708T070000Z")


def test_nothing_larger_than_a_calendar_is_parsed() -> None:
    with pytest.raises(NotCalendar, match="larger"):
        read(b" " * (LARGEST + 1), zone=MOSCOW)
    with pytest.raises(NotCalendar, match="nested"):
        read(calendar(*["BEGIN:VEVENT"] * 9), zone=MOSCOW)
    with pytest.raises(NotCalendar):
        read(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", zone=MOSCOW)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("X:\n" * 400_000, "lines"),
        (f"CATEGORIES:{'a,' * 1_000_001}\n", "values"),
        (f"X{';A=b' * 1_000_001}:\n", "values"),
    ],
    ids=["lines", "values", "parameters"],
)
def test_what_takes_longest_to_parse_has_an_end(line: str, match: str) -> None:
    """3 MB of short lines took 24 s of a worker, 16 MB of commas 38 s."""
    with pytest.raises(NotCalendar, match=match):
        read(calendar("BEGIN:VEVENT", "DTSTART:20260701T100000Z", line, "END:VEVENT"), zone=MOSCOW)


def test_zones_of_a_file_are_bounded_and_forgotten() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Of A File\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Of A File:20261201T100000\r\nEND:VEVENT\r\n"
    text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n"
    (item,) = read(text.format(zone * MOST_ZONES + event).encode(), zone="Asia/Omsk").items
    assert item.zone == "Europe/Moscow"
    assert tzp.timezone("Of A File") is None
    with pytest.raises(NotCalendar, match="time zones"):
        read(text.format(zone * (MOST_ZONES + 1) + event).encode(), zone="Asia/Omsk")
