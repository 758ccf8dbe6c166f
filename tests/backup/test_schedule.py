from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backup.retention import Reason, Rule
from backup.schedule import Schedule, calendar, is_due, is_late, kind_of_next, next_run, runs

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

schedules = st.builds(Schedule, st.times(), st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]), st.integers(1, 31))


@given(schedules, st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001 - given a zone below
def test_runs_go_forward_and_are_never_further_apart_than_asked(schedule: Schedule, naive: datetime) -> None:
    after = naive.replace(tzinfo=BERLIN)
    coming = runs(schedule, after=after, zone=BERLIN)
    first, second = next(coming), next(coming)
    assert after < first < second
    # The day on which summer time ends has an hour more.
    assert second - first <= timedelta(hours=schedule.every_hours + 1)


def test_a_daily_backup_begins_at_its_time_in_the_companys_zone() -> None:
    run = next_run(Schedule(time(2, 0)), after=NOON, zone=MOSCOW)
    assert run == datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


def test_an_hour_that_is_skipped_in_spring_is_not_lost() -> None:
    evening = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    run = next_run(Schedule(time(2, 30)), after=evening, zone=BERLIN)
    assert run.astimezone(BERLIN).date() == date(2026, 3, 29)


def test_the_first_backup_is_due_at_once_and_the_next_in_its_time() -> None:
    daily = Schedule(time(2, 0))
    assert is_due(daily, last=None, now=NOON, zone=MOSCOW)
    assert not is_due(daily, last=NOON, now=NOON + timedelta(hours=10), zone=MOSCOW)
    assert is_due(daily, last=NOON, now=NOON + timedelta(hours=11), zone=MOSCOW)


def test_a_clock_that_was_set_back_stops_no_backups() -> None:
    daily = Schedule(time(2, 0))
    a_year_ahead = NOON + timedelta(days=365)
    assert not is_due(daily, last=a_year_ahead, now=NOON, zone=MOSCOW)
    assert next_run(daily, after=min(a_year_ahead, NOON), zone=MOSCOW) < NOON + timedelta(days=1)


def test_one_missed_turn_is_a_reason_to_warn() -> None:
    daily = Schedule(time(2, 0))
    assert not is_late(daily, last=NOON, now=NOON + timedelta(hours=20), zone=MOSCOW)
    assert is_late(daily, last=NOON, now=NOON + timedelta(hours=36), zone=MOSCOW)
    assert not is_late(daily, last=None, now=NOON, zone=MOSCOW)


def test_a_full_backup_comes_when_the_last_is_old_enough_or_there_is_none() -> None:
    weekly = Schedule(full_every_days=7)
    assert kind_of_next(weekly, last_full=None, now=NOON, zone=MOSCOW) == "full"
    assert kind_of_next(weekly, last_full=NOON - timedelta(days=6), now=NOON, zone=MOSCOW) == "incr"
    assert kind_of_next(weekly, last_full=NOON - timedelta(days=7), now=NOON, zone=MOSCOW) == "full"


def test_the_calendar_shows_what_there_will_be() -> None:
    shown = calendar(Schedule(time(2, 0)), Rule(1, 3, 2, 2), now=NOON, zone=MOSCOW, days=90)
    moments = [moment for moment, _ in shown]
    assert moments == sorted(moments)
    assert len({moment.astimezone(MOSCOW).date() for moment in moments[-3:]}) == 3
    assert any(moment < NOON + timedelta(days=70) for moment in moments)


def test_the_calendar_keeps_what_a_target_locks() -> None:
    rule = Rule(1, 1, 0, 0)
    shown = calendar(Schedule(time(2, 0)), rule, now=NOON, zone=MOSCOW, days=90, locked_days=30)
    young = [reasons for moment, reasons in shown if moment > NOON + timedelta(days=60)]
    assert len(young) == 30
    assert all(Reason.LOCKED in reasons for reasons in young)
    # What is older stays for what builds on it alone.
    old = [reasons for moment, reasons in shown if moment <= NOON + timedelta(days=60)]
    assert 0 < len(old) <= 7
    assert all(reasons == {Reason.CHAIN} for reasons in old)
