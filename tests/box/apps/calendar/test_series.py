"""Of a series one time, one and all after it, or all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from box.apps.calendar.actions import (
    EventDraft,
    GuestDraft,
    Scope,
    answer_event,
    change_event,
    move_event,
    purge_removed,
    remove_event,
    take_back,
)
from box.apps.calendar.actions.attendees import attendees_of
from box.apps.calendar.actions.events import change_excluded, draft_of
from box.apps.calendar.models import Event, Revision
from box.apps.calendar.occurrences import occurrence_at, occurrences
from box.core.events.models import Event as Told
from tests.box.apps.calendar.conftest import FAR, MOSCOW, TEN, draft, planned, whole_days

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department
    from tests.clock import Clock

pytestmark = pytest.mark.django_db

WEEK, DAY, HOUR = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1)


def shown(before: datetime = FAR) -> list[str]:
    """All times there are, as a reader in Moscow sees them."""
    found = occurrences(Event.objects.there().overlapping(TEN - WEEK, before), TEN - WEEK, before)
    return [f"{one.starts_at.astimezone(MOSCOW):%d.%m %H:%M} {one.event.title}" for one in found]


@pytest.fixture
def weekly(anna: User) -> Event:
    return planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))


FOUR = ["01.12 10:00 Stand-up", "08.12 10:00 Stand-up", "15.12 10:00 Stand-up", "22.12 10:00 Stand-up"]


def test_it_takes_place_as_often_as_the_rule_says(weekly: Event) -> None:
    assert shown() == FOUR
    assert weekly.span.upper == TEN + 3 * WEEK + HOUR


def test_a_new_series_may_leave_times_out_and_what_takes_place_once_none(anna: User) -> None:
    planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4", excluded=(TEN + 2 * WEEK, TEN + WEEK)))
    assert shown() == [FOUR[0], FOUR[3]]
    assert planned(anna, draft("Once", excluded=(TEN,))).excluded == []


def test_one_time_is_moved_and_the_others_stay(anna: User, weekly: Event) -> None:
    at = TEN + WEEK
    move_event(weekly, at + 4 * HOUR, at + 5 * HOUR, scope=Scope.THIS, at=at, by=anna)
    assert shown() == [FOUR[0], "08.12 14:00 Stand-up", *FOUR[2:]]


def test_an_exception_is_moved_again_and_remains_that_time(anna: User, weekly: Event) -> None:
    at = TEN + WEEK
    made = move_event(weekly, at + HOUR, at + 2 * HOUR, scope=Scope.THIS, at=at, by=anna).event
    move_event(made, at + 3 * HOUR, at + 4 * HOUR, scope=Scope.THIS, by=anna)
    assert shown() == [FOUR[0], "08.12 13:00 Stand-up", *FOUR[2:]]
    made.refresh_from_db()
    assert (made.series_id, made.original_at) == (weekly.pk, at)


def test_this_and_all_that_follow_are_another_series_with_what_is_left(anna: User, weekly: Event) -> None:
    at = TEN + 2 * WEEK
    change = change_event(
        weekly, draft("Call", at + HOUR, rule=weekly.rule), scope=Scope.FOLLOWING, at=at, by=anna
    )
    assert shown() == [*FOUR[:2], "15.12 11:00 Call", "22.12 11:00 Call"]
    assert change.event.rule == "FREQ=WEEKLY;COUNT=2"


def test_exceptions_go_with_the_part_that_their_time_is_of(anna: User, weekly: Event) -> None:
    second, third, fourth = (TEN + number * WEEK for number in (1, 2, 3))
    for at in (second, fourth):
        move_event(weekly, at + 8 * HOUR, at + 9 * HOUR, scope=Scope.THIS, at=at, by=anna)
    weekly.refresh_from_db()
    rest = move_event(weekly, third + HOUR, third + 2 * HOUR, scope=Scope.FOLLOWING, at=third, by=anna).event
    assert shown() == [
        FOUR[0], "08.12 18:00 Stand-up", "15.12 11:00 Stand-up", "22.12 18:00 Stand-up",
    ]  # fmt: skip
    assert [one.original_at for one in weekly.exceptions.all()] == [second]
    assert [one.original_at for one in rest.exceptions.all()] == [fourth + HOUR]


def test_the_time_from_which_others_are_meant_may_be_another_event_by_now(anna: User, weekly: Event) -> None:
    second = TEN + WEEK
    once = move_event(weekly, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    wanted = draft("Call", second + 5 * HOUR, rule=weekly.rule)
    rest = change_event(once, wanted, scope=Scope.FOLLOWING, by=anna).event
    assert shown() == [FOUR[0], "08.12 11:00 Stand-up", "15.12 15:00 Call", "22.12 15:00 Call"]
    weekly.refresh_from_db()
    assert (weekly.excluded, rest.excluded) == ([], [second + 5 * HOUR])


def test_what_follows_by_another_rule_has_nothing_of_the_old_one(
    anna: User, boris: User, weekly: Event
) -> None:
    invited = (f"U{boris.pk}",)
    change_event(weekly, draft(rule=weekly.rule, invited=invited), by=anna)
    answer_event(weekly, "tentative", by=boris)
    third, fourth = TEN + 2 * WEEK, TEN + 3 * WEEK
    move_event(weekly, fourth + 8 * HOUR, fourth + 9 * HOUR, scope=Scope.THIS, at=fourth, by=anna)
    wanted = draft("Daily", third, rule="FREQ=DAILY;COUNT=8", invited=invited)
    rest = change_event(weekly, wanted, scope=Scope.FOLLOWING, at=third, by=anna).event
    assert shown() == [*FOUR[:2], *(f"{day}.12 10:00 Daily" for day in range(15, 23))]
    assert rest.attendances.get(user=boris).answer == "waiting"


def test_all_times_move_when_any_of_them_is_dropped_elsewhere(anna: User, weekly: Event) -> None:
    at = TEN + 2 * WEEK
    day_later = at + timedelta(days=1, hours=1)
    move_event(weekly, day_later, day_later + HOUR, scope=Scope.ALL, at=at, by=anna)
    assert shown() == [f"{day}.12 11:00 Stand-up" for day in ("02", "09", "16", "23")]


def test_what_names_its_day_of_the_week_follows_to_another(anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3"))
    move_event(event, TEN + timedelta(days=1), TEN + timedelta(days=1, hours=1), at=TEN, by=anna)
    event.refresh_from_db()
    assert event.rule == "FREQ=WEEKLY;BYDAY=WE,FR;COUNT=3"
    assert shown() == [f"{day}.12 10:00 Stand-up" for day in ("02", "04", "09")]


def test_exceptions_stay_exceptions_when_all_move(anna: User, weekly: Event) -> None:
    second = TEN + WEEK
    move_event(weekly, second + 8 * HOUR, second + 9 * HOUR, scope=Scope.THIS, at=second, by=anna)
    weekly.refresh_from_db()
    move_event(weekly, TEN + HOUR, TEN + 2 * HOUR, scope=Scope.ALL, at=TEN, by=anna)
    assert shown() == [
        "01.12 11:00 Stand-up", "08.12 18:00 Stand-up", "15.12 11:00 Stand-up", "22.12 11:00 Stand-up",
    ]  # fmt: skip
    assert [one.original_at for one in weekly.exceptions.all()] == [second + HOUR]


def test_another_rhythm_has_no_exceptions_of_the_old_one(anna: User, weekly: Event) -> None:
    second, third = TEN + WEEK, TEN + 2 * WEEK
    move_event(weekly, second + 8 * HOUR, second + 9 * HOUR, scope=Scope.THIS, at=second, by=anna)
    remove_event(weekly, scope=Scope.THIS, at=third, by=anna)
    change_event(weekly, draft(rule="FREQ=DAILY;COUNT=15"), by=anna)
    assert shown() == [f"{day:02}.12 10:00 Stand-up" for day in range(1, 16)]


@pytest.mark.parametrize(
    ("what", "at", "rule"),
    [
        # Any of the days that it names.
        (draft(rule="FREQ=WEEKLY;BYDAY=TU,TH"), TEN + 2 * DAY, "FREQ=WEEKLY;BYDAY=WE,FR"),
        # When it is still yesterday in UTC.
        (
            draft(starts=TEN.replace(hour=1), rule="FREQ=WEEKLY;BYDAY=TU"),
            TEN.replace(hour=1),
            "FREQ=WEEKLY;BYDAY=WE",
        ),
        # West of Greenwich a day begins later than its midnight in UTC.
        (
            whole_days(zone="America/New_York", rule="FREQ=WEEKLY;BYDAY=MO"),
            datetime(2026, 12, 7, tzinfo=UTC),
            "FREQ=WEEKLY;BYDAY=TU",
        ),
    ],
)
def test_a_series_goes_on_a_day_later_wherever_it_was_taken_hold_of(
    anna: User, what: EventDraft, at: datetime, rule: str
) -> None:
    event = planned(anna, what)
    move_event(event, at + DAY, at + DAY + event.duration, at=at, by=anna)
    event.refresh_from_db()
    assert event.rule == rule
    assert occurrence_at(event, at + DAY) is not None


def test_whole_days_stay_whole_days_when_a_series_is_moved_in_summer(anna: User) -> None:
    event = planned(anna, whole_days(zone="Europe/Berlin", rule="FREQ=MONTHLY;COUNT=9"))
    july = datetime(2027, 7, 7, tzinfo=UTC)
    move_event(event, july + DAY, july + 2 * DAY, at=july, by=anna)
    event.refresh_from_db()
    assert event.starts_at == datetime(2026, 12, 8, tzinfo=UTC)


def test_what_takes_place_in_the_hour_that_comes_twice_stays_there(anna: User) -> None:
    """On 31 October 2027 the clocks of Berlin go back at three."""
    again_half_past_two = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    event = planned(anna, draft(starts=again_half_past_two, zone="Europe/Berlin"))
    change_event(event, draft("Renamed", again_half_past_two, zone="Europe/Berlin"), by=anna)
    event.refresh_from_db()
    assert event.starts_at == again_half_past_two


def test_local_time_stays_when_a_series_moves_over_a_change_of_the_clock(anna: User) -> None:
    """On 28 March 2027 the clocks of Berlin go forward."""
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2027, 3, 22, 9, tzinfo=berlin)
    event = planned(anna, draft("Berlin", start, zone="Europe/Berlin", rule="FREQ=WEEKLY;COUNT=2"))
    at = datetime(2027, 3, 29, 9, tzinfo=berlin)
    move_event(event, at + HOUR, at + 2 * HOUR, scope=Scope.ALL, at=at, by=anna)
    found = occurrences([Event.objects.get()], start - WEEK, start + 3 * WEEK)
    assert [one.starts_at.astimezone(berlin).hour for one in found] == [10, 10]
    assert [one.starts_at.astimezone(UTC).hour for one in found] == [9, 8]


@pytest.mark.parametrize(
    ("scope", "left"),
    [(Scope.THIS, [FOUR[0], *FOUR[2:]]), (Scope.FOLLOWING, FOUR[:1]), (Scope.ALL, [])],
)
def test_removing_leaves_the_other_times(anna: User, weekly: Event, scope: Scope, left: list[str]) -> None:
    revision = remove_event(weekly, scope=scope, at=TEN + WEEK, by=anna)
    assert shown() == left
    take_back(revision, by=anna)
    assert shown() == FOUR


@pytest.mark.parametrize("scope", list(Scope))
def test_a_move_is_taken_back_whatever_times_it_was_of(anna: User, weekly: Event, scope: Scope) -> None:
    at = TEN + WEEK
    change = move_event(weekly, at + HOUR, at + 2 * HOUR, scope=scope, at=at, by=anna)
    assert shown() != FOUR
    take_back(Revision.objects.get(pk=change.revision.pk), by=anna)
    assert shown() == FOUR
    weekly.refresh_from_db()
    assert (weekly.rule, weekly.excluded, weekly.starts_at) == ("FREQ=WEEKLY;COUNT=4", [], TEN)
    assert (weekly.span.lower, weekly.span.upper) == (TEN, TEN + 3 * WEEK + HOUR)


def test_only_the_newest_change_is_taken_back(anna: User, weekly: Event) -> None:
    first = move_event(weekly, TEN + HOUR, TEN + 2 * HOUR, at=TEN, by=anna)
    weekly.refresh_from_db()
    move_event(weekly, TEN + 3 * HOUR, TEN + 4 * HOUR, at=weekly.starts_at, by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        take_back(first.revision, by=anna)


def test_whole_days_stay_whole_days(anna: User) -> None:
    event = planned(anna, whole_days(days=3))
    assert (event.starts_at, event.ends_at) == (
        datetime(2026, 12, 7, tzinfo=UTC),
        datetime(2026, 12, 10, tzinfo=UTC),
    )
    moved = datetime(2026, 12, 8, tzinfo=UTC)
    move_event(event, moved, moved + timedelta(days=3), by=anna)
    event.refresh_from_db()
    assert event.starts_at == moved
    move_event(event, TEN, TEN + HOUR, is_all_day=False, by=anna)
    event.refresh_from_db()
    assert (event.is_all_day, event.duration) == (False, HOUR)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (draft(hours=0), "ends before"),
        (draft(hours=24 * 366 + 1), "a year"),
        (draft(" "), "blank"),
        (draft("x" * 201), "200"),
        (draft(rule="FREQ=HOURLY"), "FREQ"),
        (draft(zone="Nowhere/Else"), "zone"),
        (draft(zone="../../etc/passwd"), "zone"),
        (draft(starts=datetime(2201, 1, 1, tzinfo=UTC)), "far away"),
        (draft(is_all_day=True), "midnight"),
        (draft(starts=datetime(2026, 12, 7, tzinfo=UTC), hours=34, is_all_day=True), "midnight"),
        (draft(starts=datetime(2026, 12, 7, 0, 30, tzinfo=UTC), hours=24, is_all_day=True), "midnight"),
        (draft(rule="FREQ=DAILY;UNTIL=20261130"), "never take place"),
        (draft(invited=("U999999",)), "invite"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_there(anna: User, what: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        planned(anna, what)  # type: ignore[arg-type]
    assert not Event.objects.exists()


def test_what_is_written_is_kept_tidy(anna: User) -> None:
    event = planned(anna, draft(" Stand \n up ", place=" Room   3 ", description=" One\r\nTwo \n"))
    assert (event.title, event.place, event.description) == ("Stand up", "Room 3", "One\nTwo")


def test_a_start_that_the_rule_does_not_name_becomes_the_first_that_it_does(anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;BYDAY=FR;COUNT=1"))
    assert event.starts_at == datetime(2026, 12, 4, 10, tzinfo=MOSCOW)


def test_who_only_looks_changes_nothing(anna: User, boris: User, weekly: Event) -> None:
    with pytest.raises(PermissionDenied):
        change_event(weekly, draft_of(weekly), by=boris)
    with pytest.raises(PermissionDenied):
        remove_event(weekly, by=boris)
    revision = remove_event(weekly, by=anna)
    with pytest.raises(PermissionDenied):
        take_back(revision, by=boris)


def test_what_was_removed_a_month_ago_is_gone_for_good(anna: User, weekly: Event) -> None:
    remove_event(weekly, by=anna)
    weekly.refresh_from_db()
    assert weekly.removed_at is not None
    assert purge_removed(weekly.removed_at + timedelta(days=30)) == 0
    assert purge_removed(weekly.removed_at + timedelta(days=30, seconds=1)) == 1


def test_an_event_lasts_a_leap_year_at_most(anna: User) -> None:
    assert planned(anna, draft(hours=24 * 366)).duration == timedelta(days=366)


def test_of_a_time_that_is_another_event_by_now_the_series_is_meant_unless_it_alone_is(
    anna: User, weekly: Event
) -> None:
    at = TEN + WEEK
    made = move_event(weekly, at + HOUR, at + 2 * HOUR, scope=Scope.THIS, at=at, by=anna).event
    revision = remove_event(made, scope=Scope.FOLLOWING, by=anna)
    assert shown() == FOUR[:1]
    take_back(revision, by=anna)
    remove_event(made, scope=Scope.THIS, by=anna)
    assert shown() == [FOUR[0], *FOUR[2:]]
    remove_event(weekly, scope=Scope.ALL, by=anna)
    assert shown() == []


def test_where_no_time_is_said_the_first_is_meant_and_one_that_is_not_there_is_refused(
    anna: User, weekly: Event
) -> None:
    second = TEN + WEEK
    move_event(weekly, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna)
    for scope in Scope:
        with pytest.raises(ValidationError, match="no such time"):
            remove_event(weekly, scope=scope, at=TEN + HOUR, by=anna)
    remove_event(weekly, scope=Scope.THIS, by=anna)
    assert shown() == ["08.12 11:00 Stand-up", *FOUR[2:]]
    remove_event(weekly, by=anna)
    with pytest.raises(ValidationError, match="was removed"):
        move_event(weekly, TEN, TEN + HOUR, by=anna)


def test_from_the_first_time_on_is_the_whole_series(anna: User, weekly: Event) -> None:
    change = move_event(weekly, TEN + HOUR, TEN + 2 * HOUR, scope=Scope.FOLLOWING, at=TEN, by=anna)
    assert (change.event, Event.objects.count()) == (weekly, 1)
    assert shown() == [one.replace("10:00", "11:00") for one in FOUR]


def test_of_what_takes_place_once_its_only_time_is_meant(anna: User) -> None:
    event = planned(anna)
    change_event(event, draft("Renamed"), scope=Scope.FOLLOWING, at=TEN + HOUR, by=anna)
    assert shown() == ["01.12 10:00 Renamed"]
    remove_event(event, scope=Scope.FOLLOWING, at=TEN + HOUR, by=anna)
    assert shown() == []


def test_a_time_of_a_series_is_no_series_itself(anna: User, weekly: Event) -> None:
    second = TEN + WEEK
    once = move_event(weekly, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    change_event(once, draft("Once", second + HOUR, rule=weekly.rule), scope=Scope.THIS, by=anna)
    assert shown() == [FOUR[0], "08.12 11:00 Once", *FOUR[2:]]


def test_a_series_that_ends_earlier_keeps_the_times_before_and_when_others_were_removed(
    clock: Clock, anna: User, weekly: Event
) -> None:
    second, third, fourth = (TEN + number * WEEK for number in (1, 2, 3))
    for at in (second, fourth):
        move_event(weekly, at + HOUR, at + 2 * HOUR, scope=Scope.THIS, at=at, by=anna)
    last = weekly.exceptions.get(original_at=fourth)
    remove_event(last, scope=Scope.THIS, by=anna)
    removed_at = clock.now
    clock.move(days=1)
    remove_event(weekly, scope=Scope.FOLLOWING, at=third, by=anna)
    assert shown() == [FOUR[0], "08.12 11:00 Stand-up"]
    last.refresh_from_db()
    assert last.removed_at == removed_at


def test_what_does_not_take_place_stays_so_on_both_sides_of_a_cut(anna: User, weekly: Event) -> None:
    for number in (1, 3):
        remove_event(weekly, scope=Scope.THIS, at=TEN + number * WEEK, by=anna)
    third = TEN + 2 * WEEK
    weekly.refresh_from_db()
    change = change_event(
        weekly, draft("Call", third + HOUR, rule=weekly.rule), scope=Scope.FOLLOWING, at=third, by=anna
    )
    assert shown() == [FOUR[0], "15.12 11:00 Call"]
    weekly.refresh_from_db()
    assert (weekly.excluded, change.event.excluded) == ([TEN + WEEK], [TEN + 3 * WEEK + HOUR])


def test_a_series_has_so_many_exceptions_and_no_more(
    anna: User, weekly: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.events.MOST_EXCEPTIONS", 2)
    change_excluded(weekly, [TEN + WEEK, TEN], by=anna)
    assert shown() == FOUR[2:]
    with pytest.raises(ValidationError, match="2 exceptions at most"):
        remove_event(weekly, scope=Scope.THIS, at=TEN + 2 * WEEK, by=anna)
    weekly.refresh_from_db()
    assert weekly.excluded == [TEN, TEN + WEEK]


# Who takes part


@pytest.mark.parametrize("scope", list(Scope))
def test_whoever_made_an_event_takes_part_whoever_else_is_asked(
    anna: User, boris: User, cara: User, scope: Scope
) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4", invited=(f"U{boris.pk}",)))
    at = TEN + WEEK
    wanted = draft(starts=at, rule=event.rule, invited=(f"U{cara.pk}",))
    made = change_event(event, wanted, scope=scope, at=at, by=anna).event
    assert attendees_of(made) == {anna.pk, cara.pk}
    told = Told.objects.filter(kind="calendar.EventChanged", payload__event_id=made.pk).latest("pk")
    assert told.payload["former_user_ids"] == [boris.pk]


@pytest.mark.parametrize("scope", [Scope.THIS, Scope.FOLLOWING])
def test_who_has_answered_for_a_series_has_answered_for_what_is_made_of_it_at_the_same_time(
    anna: User, boris: User, scope: Scope
) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4", invited=(f"U{boris.pk}",)))
    answer_event(event, "tentative", by=boris)
    answered_at = event.attendances.get(user=boris).answered_at
    second, third = TEN + WEEK, TEN + 2 * WEEK
    moved = move_event(event, third + HOUR, third + 2 * HOUR, scope=scope, at=third, by=anna).event
    mine = moved.attendances.get(user=boris)
    assert (mine.answer, mine.answered_at) == ("waiting", None)
    event.refresh_from_db()
    wanted = draft("Other words", second, rule=event.rule, invited=(f"U{boris.pk}",))
    made = change_event(event, wanted, scope=scope, at=second, by=anna).event
    mine = made.attendances.get(user=boris)
    assert (mine.answer, mine.answered_at) == ("tentative", answered_at)


@pytest.mark.parametrize("scope", [Scope.THIS, Scope.FOLLOWING])
def test_who_has_answered_is_asked_anew_where_it_takes_longer(
    anna: User, boris: User, weekly: Event, scope: Scope
) -> None:
    invited, second = (f"U{boris.pk}",), TEN + WEEK
    change_event(weekly, draft(rule=weekly.rule, invited=invited), by=anna)
    answer_event(weekly, "tentative", by=boris)
    wanted = draft(starts=second, hours=2, rule=weekly.rule, invited=invited)
    made = change_event(weekly, wanted, scope=scope, at=second, by=anna).event
    assert made.attendances.get(user=boris).answer == "waiting"


def test_whoever_moves_an_event_comes_and_the_others_are_asked_anew(
    anna: User, boris: User, olga: User, sales: Department
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}", f"U{olga.pk}")), code=sales.code_with_below)
    answer_event(event, "declined", comment="On leave", proposed_at=TEN + HOUR, by=olga)
    answer_event(event, "tentative", by=boris)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=boris)
    assert dict(event.attendances.values_list("user", "answer")) == {
        anna.pk: "accepted", boris.pk: "tentative", olga.pk: "waiting",
    }  # fmt: skip
    theirs = event.attendances.get(user=olga)
    assert (theirs.comment, theirs.proposed_at, theirs.answered_at) == ("", None, None)


def test_those_who_take_part_are_busy_as_long_as_a_series_goes_on(
    anna: User, boris: User, weekly: Event
) -> None:
    change_event(weekly, draft(rule=weekly.rule, invited=(f"U{boris.pk}",)), by=anna)
    remove_event(weekly, scope=Scope.FOLLOWING, at=TEN + WEEK, by=anna)
    weekly.refresh_from_db()
    assert {one.span.upper for one in (weekly, *weekly.attendances.all())} == {TEN + HOUR}
    move_event(weekly, TEN + HOUR, TEN + 3 * HOUR, by=anna)
    assert {one.span.upper for one in weekly.attendances.all()} == {TEN + 3 * HOUR}


# What is told, and taken back


def test_each_change_is_a_version_more_and_says_whose_it_was(
    anna: User, boris: User, sales: Department
) -> None:
    event = planned(anna, code=sales.code_with_below)
    versions = [event.version]

    def renewed() -> Event:
        event.refresh_from_db()
        versions.append(event.version)
        return event

    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=boris)
    assert renewed().changed_by == boris
    revision = remove_event(event, by=boris)
    assert renewed().removed_at is not None
    (told,) = Told.objects.filter(kind="calendar.EventRemoved")
    assert told.payload == {
        "event_id": event.pk, "by_id": boris.pk, "version": event.version, "user_ids": [anna.pk],
    }  # fmt: skip
    # Programs take in what has a higher number than what they know.
    take_back(revision, by=anna)
    assert renewed().changed_by == anna
    assert [one - versions[0] for one in versions] == [0, 1, 2, 3]


def told(event: Event) -> list[tuple[bool, bool]]:
    """Of each change, whether its times are others and whether it was cut."""
    rows = Told.objects.filter(kind="calendar.EventChanged", payload__event_id=event.pk).order_by("pk")
    return [(row.payload["is_moved"], row.payload["is_cut"]) for row in rows]


def test_each_change_is_told_with_whether_the_times_are_others(anna: User, weekly: Event) -> None:
    second, third = TEN + WEEK, TEN + 2 * WEEK
    change_event(weekly, draft("Call", rule=weekly.rule), by=anna)
    remove_event(weekly, scope=Scope.THIS, at=TEN, by=anna)
    change_excluded(weekly, [], by=anna)
    wanted = draft("Rest", third, rule=weekly.rule)
    rest = change_event(weekly, wanted, scope=Scope.FOLLOWING, at=third, by=anna).event
    revision = remove_event(weekly, scope=Scope.FOLLOWING, at=second, by=anna)
    take_back(revision, by=anna)
    is_moved, is_cut = (True, False), (False, True)
    assert told(weekly) == [(False, False), is_moved, is_moved, is_cut, is_moved, is_moved]
    assert told(rest) == [(False, False)]


def test_when_it_was_changed_last_is_known(clock: Clock, anna: User) -> None:
    event = planned(anna)
    clock.move(hours=1)
    change = change_event(event, draft("Renamed"), by=anna)
    event.refresh_from_db()
    assert event.changed_at == clock.now
    clock.move(hours=1)
    take_back(change.revision, by=anna)
    event.refresh_from_db()
    assert event.changed_at == clock.now


def test_with_a_change_go_those_whom_it_has_asked_and_those_come_back_whom_it_had_dropped(
    anna: User, boris: User, cara: User
) -> None:
    zoe, yan = GuestDraft("zoe@example.com"), GuestDraft("yan@example.com")
    other = planned(anna, draft("Other"))
    event = planned(anna, draft(invited=(f"U{boris.pk}",), guests=(zoe,)))
    answer_event(event, "tentative", by=boris)
    change = change_event(event, draft(invited=(f"U{cara.pk}",), guests=(yan,)), by=anna)
    take_back(change.revision, by=anna)
    event.refresh_from_db()
    assert dict(event.attendances.values_list("user", "answer")) == {
        anna.pk: "accepted", boris.pk: "tentative",
    }  # fmt: skip
    assert f"U{cara.pk}" not in event.audience
    assert [one.email for one in event.guests.asked()] == ["zoe@example.com"]
    other.refresh_from_db()
    assert other.removed_at is None
    with pytest.raises(ValidationError, match="changed since"):
        take_back(change.revision, by=anna)
