from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from dateutil.tz import resolve_imaginary
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from box.lib.moments import LATEST
from box.lib.recurrence import FARTHEST, BadRule, Frequency, Rule, Weekday, parse
from box.lib.recurrence_text import in_words

MOSCOW, BERLIN, NEW_YORK = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
# Lord Howe moves its clocks by half an hour, and Azores crossed midnight when they did.
ZONES = [MOSCOW, BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Atlantic/Azores"), UTC]

weekdays = st.lists(st.integers(0, 6), max_size=4, unique=True)
intervals = st.integers(1, 5)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    frequency = draw(st.sampled_from(list(Frequency)))
    found = {"frequency": frequency, "interval": draw(intervals)}
    if frequency is Frequency.WEEKLY:
        found["weekdays"] = tuple(Weekday(day) for day in draw(weekdays))
        found["week_start"] = draw(st.sampled_from([0, 6]))
    if frequency is Frequency.DAILY:
        found["weekdays"] = tuple(Weekday(day) for day in draw(weekdays))
    if frequency in (Frequency.MONTHLY, Frequency.YEARLY):
        match draw(st.sampled_from(["start", "days", "nth", "chosen", "thirteenth"])):
            case "days":
                days = st.integers(-31, 31).filter(bool)
                found["month_days"] = tuple(draw(st.lists(days, min_size=1, max_size=3, unique=True)))
            case "nth":
                nths = st.integers(-4, 4).filter(bool)
                found["weekdays"] = (Weekday(draw(st.integers(0, 6)), draw(nths)),)
            case "chosen":
                found["weekdays"] = tuple(Weekday(day) for day in draw(weekdays.filter(bool)))
                places = st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=3, unique=True)
                found["positions"] = tuple(draw(places))
            case "thirteenth":
                found["weekdays"], found["month_days"] = (Weekday(4),), (13, -1)
    if draw(st.booleans()):
        found["months"] = tuple(draw(st.lists(st.integers(1, 12), max_size=2, unique=True)))
    if draw(st.booleans()):
        found["count"] = draw(st.integers(1, 20))
    return Rule(**found)  # type: ignore[arg-type]


days = st.integers(0, 4000).map(lambda day: datetime(2020, 1, 1) + timedelta(days=day))  # noqa: DTZ001 - local
starts = st.builds(lambda day, minute: day + timedelta(minutes=minute), days, st.integers(0, 1439))


def by_dateutil(rule: Rule, start: datetime, zone: ZoneInfo, most: int) -> list[datetime]:
    """What the rule names by dateutil's own reading, from its own beginning, in local time."""
    found = islice(rrulestr(str(rule), dtstart=start), most)
    return [resolve_imaginary(one.replace(tzinfo=zone)).astimezone(UTC) for one in found]


@given(rules(), starts, st.sampled_from(ZONES))
def test_it_happens_when_dateutil_says_in_local_time(rule: Rule, start: datetime, zone: ZoneInfo) -> None:
    begin = start.replace(tzinfo=zone)
    before = begin + timedelta(days=800)
    expected = [one for one in by_dateutil(rule, start, zone, 900) if begin <= one < before]
    assert [one.astimezone(UTC) for one in rule.between(begin, begin, before)] == expected


@given(rules(), starts, st.sampled_from(ZONES), st.integers(0, 2500), st.integers(1, 200))
def test_a_stretch_far_away_holds_what_counting_from_the_start_finds_there(
    rule: Rule, start: datetime, zone: ZoneInfo, ahead: int, length: int
) -> None:
    begin = start.replace(tzinfo=zone)
    since = begin + timedelta(days=ahead)
    before = since + timedelta(days=length)
    all_of_them = list(rule.between(begin, begin, before))
    assert list(rule.between(begin, since, before)) == [one for one in all_of_them if one >= since]


@given(rules())
def test_what_is_written_is_read_again(rule: Rule) -> None:
    assert parse(str(rule)) == rule


@given(rules(), starts, st.integers(0, 600))
def test_a_rule_that_is_cut_in_two_names_what_it_named_before(rule: Rule, start: datetime, nth: int) -> None:
    begin = start.replace(tzinfo=BERLIN)
    far = begin + timedelta(days=700)
    whole = list(rule.between(begin, begin, far))
    if not whole:
        return
    cut = whole[nth % len(whole)]
    before, rest = rule.cut_at(begin, cut)
    kept = [one for one in whole if one < cut]
    assert list(before.between(begin, begin, far)) == kept
    assert before.last(begin) == (kept[-1] if kept else None)
    # In the hour that a clock leaves out all is an hour later, and a series that begins there stays so.
    if rule.interval == 1 and cut.time() == begin.time():
        assert list(rest.complete(begin.date()).between(cut, cut, far)) == [
            one for one in whole if one >= cut
        ]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;INTERVAL=7",
        "FREQ=DAILY;INTERVAL=7;BYDAY=WE",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=7",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=31",
        "FREQ=YEARLY;BYDAY=MO;BYSETPOS=366",
        "FREQ=YEARLY;INTERVAL=1000;BYMONTHDAY=30;BYMONTH=2,4;BYDAY=MO;BYSETPOS=9;COUNT=2",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=3660",
    ],
)
def test_what_hardly_ever_happens_is_looked_for_within_a_stretch(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Any employee may write such a rule, and programs send thousands."""
    looked = 0
    named = Rule._named

    def counted(rule: Rule, days: list[date]) -> list[date]:
        nonlocal looked
        looked += len(days)
        return named(rule, days)

    monkeypatch.setattr(Rule, "_named", counted)
    rule, start = parse(text), datetime(2026, 11, 24, 10, tzinfo=MOSCOW)
    rule.first(start)
    assert looked <= (FARTHEST + timedelta(days=2000)).days
    looked = 0
    last = rule.last(start)
    assert looked <= 366 * (2200 - 2026)
    assert last is None or last < LATEST


def test_ten_in_the_morning_stays_ten_over_both_changes_of_the_clock() -> None:
    start = datetime(2026, 3, 28, 10, tzinfo=BERLIN)
    found = list(parse("FREQ=DAILY").between(start, start, start + timedelta(days=3)))
    assert [one.hour for one in found] == [10, 10, 10]
    assert [one.astimezone(UTC).hour for one in found] == [9, 8, 8]


def test_a_time_that_the_clock_leaves_out_is_an_hour_later_and_the_next_day_itself_again() -> None:
    start = datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)
    found = parse("FREQ=DAILY;COUNT=3").between(start, start, start + timedelta(days=9))
    assert [f"{one:%d %H:%M}" for one in found] == ["28 02:30", "29 03:30", "30 02:30"]


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    start = datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN)
    second = list(parse("FREQ=DAILY;COUNT=2").between(start, start, start + timedelta(days=9)))[1]
    assert second.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_an_end_in_utc_is_a_moment_and_an_end_without_a_time_a_whole_day() -> None:
    start = datetime(2026, 12, 28, 23, tzinfo=MOSCOW)
    far = start + timedelta(days=30)
    to_the_moment = parse("FREQ=DAILY;UNTIL=20261230T200000Z")
    assert [one.day for one in to_the_moment.between(start, start, far)] == [28, 29, 30]
    a_second_less = parse("FREQ=DAILY;UNTIL=20261230T195959Z")
    assert [one.day for one in a_second_less.between(start, start, far)] == [28, 29]
    assert [one.day for one in parse("FREQ=DAILY;UNTIL=20261230").between(start, start, far)] == [28, 29, 30]


def test_the_next_time_is_later_than_the_moment_itself() -> None:
    start = datetime(2026, 11, 24, 10, tzinfo=MOSCOW)
    rule = parse("FREQ=WEEKLY;INTERVAL=2")
    assert rule.next_after(start, start) == datetime(2026, 12, 8, 10, tzinfo=MOSCOW)
    assert rule.first(start) == start
    leap_day = datetime(2096, 2, 29, tzinfo=UTC)
    assert parse("FREQ=YEARLY").next_after(leap_day, leap_day) == datetime(2104, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("FREQ=DAILY", None),
        ("FREQ=DAILY;COUNT=3", date(2026, 11, 26)),
        ("FREQ=WEEKLY;UNTIL=20261231", date(2026, 12, 29)),
        ("FREQ=YEARLY;UNTIL=20990101", date(2098, 11, 24)),
        ("FREQ=DAILY;UNTIL=20261101", None),
    ],
)
def test_the_last_time(text: str, last: date | None) -> None:
    found = parse(text).last(datetime(2026, 11, 24, 10, tzinfo=MOSCOW))
    assert (found.date() if found else None) == last


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no part"),
        ("FREQ=HOURLY", "FREQ is"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR"),
        ("FREQ=DAILY;INTERVAL=0", "interval"),
        ("FREQ=DAILY;INTERVAL=1001", "interval"),
        ("FREQ=DAILY;COUNT=0", "COUNT is"),
        ("FREQ=DAILY;COUNT=3661", "COUNT is"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "not by both"),
        ("FREQ=DAILY;UNTIL=20270230", "no end"),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", "UNTIL is from 1900 to 2199"),
        ("FREQ=DAILY;UNTIL=18991231", "UNTIL is from 1900 to 2199"),
        ("FREQ=WEEKLY;BYDAY=2TU", "counted"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "weekly"),
        ("FREQ=MONTHLY;BYDAY=6TU", "no day"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "chooses"),
        ("FREQ=DAILY;BYDAY=MO;BYSETPOS=2", "BYSETPOS is from 1 to 1 "),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=-8", "BYSETPOS is from 1 to 7 "),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=32", "BYSETPOS is from 1 to 31 "),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("FREQ=DAILY;COUNT=١", "no number"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 200), "at most"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadRule, match=why):
        parse(text)


@pytest.mark.parametrize("until", ["99991231T235959Z", "99991231", "22000101T000000"])
def test_the_end_of_time_is_no_end(until: str) -> None:
    """As Outlook says it; reckoned with, it broke a whole import off, and answered a phone with a 500."""
    rule = parse(f"FREQ=YEARLY;UNTIL={until}")
    assert str(rule) == "FREQ=YEARLY"
    assert rule.last(datetime(2026, 11, 24, 10, tzinfo=UTC)) is None
    assert parse("FREQ=DAILY;UNTIL=21991231").until == date(2199, 12, 31)


def test_the_largest_that_is_allowed_is_allowed() -> None:
    assert parse("FREQ=DAILY;INTERVAL=1000;COUNT=3660").count == 3660
    assert parse("RRULE:freq=yearly;bymonth=2;bymonthday=29;").month_days == (29,)


@pytest.mark.parametrize(
    ("text", "english", "russian"),
    [
        ("FREQ=DAILY", "every day", "каждый день"),
        ("FREQ=DAILY;INTERVAL=3", "every 3 days", "раз в 3 дня"),
        ("FREQ=WEEKLY", "every Tuesday", "каждый вторник"),
        ("FREQ=WEEKLY;INTERVAL=2", "every second Tuesday", "каждый второй вторник"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", "every second Wednesday", "каждую вторую среду"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday", "по будням"),
        ("FREQ=WEEKLY;BYDAY=TU,TH", "on Tuesdays and Thursdays", "по вторникам и четвергам"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=SU", "every 3 weeks on Sundays", "раз в 3 недели по воскресеньям"),
        ("FREQ=MONTHLY", "on day 24 of every month", "24-го числа каждого месяца"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "on the last day of every month", "в последний день каждого месяца"),
        ("FREQ=MONTHLY;BYDAY=2WE", "on the 2nd Wednesday of every month", "в 2-ю среду каждого месяца"),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1SU", "on the last Sunday every 2 months",
         "в последнее воскресенье раз в 2 месяца"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "on the last weekday of every month",
         "в последний будний день каждого месяца"),
        ("FREQ=YEARLY", "every year on November 24", "каждый год 24 ноября"),
        ("FREQ=DAILY;COUNT=5", "every day, 5 times", "каждый день, 5 раз"),
        ("FREQ=WEEKLY;UNTIL=20261231T205959Z", "every Tuesday, until December 31, 2026",
         "каждый вторник, по 31 декабря 2026\u202fг."),
        ("FREQ=MONTHLY;BYMONTH=3,6;BYMONTHDAY=1", "by a rule of its own", "по особому правилу"),
    ],
)  # fmt: skip
def test_a_rule_reads_as_one_says_it(text: str, english: str, russian: str) -> None:
    start = datetime(2026, 11, 24, 10, tzinfo=MOSCOW)
    with translation.override("en"):
        assert in_words(parse(text), start) == english
    with translation.override("ru"):
        assert in_words(parse(text), start).replace("\xa0", "\u202f") == russian
