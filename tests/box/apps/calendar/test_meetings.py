"""Agenda, minutes that several write at once, decisions that become tasks."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.calendar.actions import (
    Scope,
    change_event,
    move_event,
    purge_removed,
    remove_event,
    take_back,
)
from box.apps.calendar.actions.meetings import (
    MOST_TOPICS,
    add_decision,
    add_topic,
    change_topic,
    close_topic,
    delete_decision,
    delete_topic,
    move_topic,
    note_presence,
    prepare_meeting,
    send_record,
    write_minutes,
)
from box.apps.calendar.meetings import meeting_at
from box.apps.calendar.models import (
    KEPT_REMOVED,
    LONGEST_DECISION,
    LONGEST_MINUTES,
    LONGEST_TOPIC,
    Event,
    Meeting,
    Topic,
)
from box.apps.calendar.occurrences import Occurrence
from box.core.events.delivery import deliver_all
from box.core.events.models import Event as Told
from box.core.notify.models import Notification
from box.core.registry.capabilities import cards_of, workshops
from box.core.registry.settings import store
from tests.box.apps.calendar.conftest import TEN, draft, planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

WEEK, DAY, HOUR = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def event(anna: User, boris: User) -> Event:
    return planned(anna, draft(invited=(f"U{boris.pk}",)))


def first_time(event: Event) -> Occurrence:
    return Occurrence(event, event.starts_at, event.ends_at)


@pytest.fixture
def meeting(event: Event, anna: User) -> Meeting:
    return prepare_meeting(first_time(event), by=anna)


def titles(meeting: Meeting) -> list[str]:
    return list(meeting.topics.order_by("position", "id").values_list("title", flat=True))


def test_it_is_prepared_once_from_the_card_of_the_event(
    as_person: Browser, event: Event, anna: User, boris: User, cara: User
) -> None:
    assert "Prepare the agenda" in as_person(boris).get(event.get_absolute_url()).content.decode()
    answers = [as_person(one).post(f"/calendar/events/{event.pk}/meeting/") for one in (boris, anna)]
    meeting = Meeting.objects.get()
    assert {answer.headers["Location"] for answer in answers} == {meeting.get_absolute_url()}
    assert "Agenda and minutes" in as_person(boris).get(event.get_absolute_url()).content.decode()
    assert as_person(cara).post(f"/calendar/events/{event.pk}/meeting/").status_code == 404
    assert as_person(cara).get(meeting.get_absolute_url()).status_code == 404


def test_the_agenda_says_when_what_begins_and_whether_it_is_too_much(
    as_person: Browser, meeting: Meeting, anna: User
) -> None:
    browser, here = as_person(anna), f"/calendar/meetings/{meeting.pk}/"
    for title, minutes in (("Budget", "20"), ("Rooms", ""), ("Dates", "45")):
        browser.post(f"{here}topics/", {"title": title, "planned_minutes": minutes})
    page = browser.get(here).content.decode()
    assert titles(meeting) == ["Budget", "Rooms", "Dates"]
    assert "10:20" in page
    assert '<span class="danger">1:05 planned of 1:00' in page


def test_two_who_write_at_once_lose_no_line(meeting: Meeting, anna: User, boris: User) -> None:
    topic = add_topic(meeting, "Budget", by=anna)
    write_minutes(topic, "We have 5", "", by=anna)
    write_minutes(topic, "We have 5\nBoris: too little", "We have 5", by=boris)
    found = write_minutes(topic, "We have 5\nAnna: enough", "We have 5", by=anna)
    assert found.minutes == "We have 5\nBoris: too little\nAnna: enough"


def test_the_page_is_answered_with_the_text_as_it_is_then(
    as_person: Browser, meeting: Meeting, anna: User, boris: User
) -> None:
    topic = add_topic(meeting, "Budget", by=anna)
    write_minutes(topic, "Theirs", "", by=boris)
    sent = {"text": "Mine", "base": ""}
    answer = as_person(anna).post(
        f"/calendar/topics/{topic.pk}/minutes/", sent, headers={"Accept": "text/plain"}
    )
    assert answer.content.decode() == "Theirs\nMine"
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_minutes_have_an_end(meeting: Meeting, anna: User) -> None:
    topic = add_topic(meeting, "Budget", by=anna)
    write_minutes(topic, "x" * LONGEST_MINUTES, "", by=anna)
    with pytest.raises(ValidationError, match="too long"):
        write_minutes(topic, "x" * (LONGEST_MINUTES + 1), "", by=anna)


def test_what_several_have_written_has_an_end(
    meeting: Meeting, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.meetings.LONGEST_MINUTES", 10)
    topic = add_topic(meeting, "Budget", by=anna)
    write_minutes(topic, "a" * 10, "", by=anna)
    assert write_minutes(topic, "b" * 10, "", by=boris).minutes == f"{'a' * 10}\n{'b' * 9}"


def test_where_there_are_no_tasks_a_decision_becomes_none(
    meeting: Meeting, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store({"services.tasks": False})
    assert add_decision(meeting, "Ask the bank", responsible=boris, by=anna).work is None
    store({"services.tasks": True})
    monkeypatch.delitem(workshops._offers, "tasks")
    decision = add_decision(meeting, "Ask the bank", responsible=boris, by=anna)
    assert (decision.work, decision.responsible) == (None, boris)


def test_a_decision_with_somebody_who_does_it_becomes_a_task(
    as_person: Browser, meeting: Meeting, anna: User, boris: User
) -> None:
    topic = add_topic(meeting, "Budget", by=anna)
    browser = as_person(anna)
    sent = {"text": "Ask the bank", "responsible": boris.pk, "due_on": "2026-12-04", "topic": topic.pk}
    browser.post(f"/calendar/meetings/{meeting.pk}/decisions/", sent)
    browser.post(f"/calendar/meetings/{meeting.pk}/decisions/", {"text": "We like it"})
    asked, liked = meeting.decisions.order_by("id")
    assert (asked.responsible, asked.due_on, asked.topic) == (boris, date(2026, 12, 4), topic)
    assert liked.work is None
    assert asked.work is not None
    card = cards_of([asked.work], boris)[asked.work]
    assert (card.title, [one.pk for one in card.people]) == ("Ask the bank", [boris.pk])
    task = as_person(boris).get(card.url).content.decode()
    assert meeting.get_absolute_url() in task
    assert card.url in browser.get(meeting.get_absolute_url()).content.decode()


def test_a_series_keeps_what_was_left_open(anna: User) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    first = prepare_meeting(Occurrence(series, TEN, TEN + HOUR), by=anna)
    for title in ("Budget", "Rooms", "Dates"):
        add_topic(first, title, 10, by=anna)
    close_topic(first.topics.get(title="Rooms"), True, by=anna)
    second = prepare_meeting(Occurrence(series, TEN + WEEK, TEN + WEEK + HOUR), by=anna)
    assert titles(second) == ["Budget", "Dates"]
    close_topic(second.topics.get(title="Dates"), True, by=anna)
    third = prepare_meeting(Occurrence(series, TEN + 2 * WEEK, TEN + 2 * WEEK + HOUR), by=anna)
    assert [(one.title, one.times_carried, one.planned_minutes) for one in third.topics.all()] == [
        ("Budget", 2, 10)
    ]
    before = told()
    again = prepare_meeting(Occurrence(series, TEN + WEEK, TEN + WEEK + HOUR), by=anna)
    assert (again, Meeting.objects.count()) == (second, 3)
    assert (titles(second), told()) == (["Budget", "Dates"], before)


def test_what_was_left_open_comes_in_its_order_from_the_same_series(anna: User) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    first = prepare_meeting(Occurrence(series, TEN, TEN + HOUR), by=anna)
    _budget, rooms = (add_topic(first, title, by=anna) for title in ("Budget", "Rooms"))
    move_topic(rooms, -1, by=anna)
    other = prepare_meeting(first_time(planned(anna, draft("Other", TEN + DAY))), by=anna)
    add_topic(other, "Elsewhere", by=anna)
    second = prepare_meeting(Occurrence(series, TEN + WEEK, TEN + WEEK + HOUR), by=anna)
    assert titles(second) == ["Rooms", "Budget"]


def test_a_time_that_was_moved_is_talked_about_as_one_of_its_series(anna: User) -> None:
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4")), TEN + WEEK
    once = move_event(series, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    meeting = prepare_meeting(first_time(once), by=anna)
    assert (meeting.event, meeting.at, meeting.held_as) == (series, second, once)


def test_topics_are_moved_renamed_and_deleted(meeting: Meeting, anna: User) -> None:
    budget, rooms, dates = (add_topic(meeting, title, by=anna) for title in ("Budget", "Rooms", "Dates"))
    move_topic(dates, -1, by=anna)
    change_topic(rooms, "Large rooms", 15, by=anna)
    rooms.refresh_from_db()
    assert rooms.planned_minutes == 15
    assert titles(meeting) == ["Budget", "Dates", "Large rooms"]
    delete_topic(budget, by=anna)
    assert titles(meeting) == ["Dates", "Large rooms"]
    with pytest.raises(ValidationError, match="not there any more"):
        change_topic(budget, "Again", None, by=anna)


def told() -> list[int | None]:
    """Of which topic each change is, None of the meeting."""
    rows = Told.objects.filter(kind="calendar.MeetingChanged").order_by("pk")
    return [row.payload["topic_id"] for row in rows]


def test_no_topic_goes_beyond_the_end_and_a_new_one_comes_last(meeting: Meeting, anna: User) -> None:
    budget, rooms, dates = (add_topic(meeting, title, by=anna) for title in ("Budget", "Rooms", "Dates"))
    move_topic(budget, 9, by=anna)
    add_topic(meeting, "Lunch", by=anna)
    assert titles(meeting) == ["Rooms", "Dates", "Budget", "Lunch"]
    move_topic(dates, -9, by=anna)
    assert titles(meeting) == ["Dates", "Rooms", "Budget", "Lunch"]
    assert rooms in meeting.topics.all()


def test_what_is_done_and_what_is_written_is_told_once(meeting: Meeting, anna: User) -> None:
    budget, rooms = (add_topic(meeting, title, by=anna) for title in (" The  budget ", "Rooms"))
    Told.objects.all().delete()
    for is_done in (False, True, True, False):
        close_topic(budget, is_done, by=anna)
    write_minutes(budget, "One\r\nTwo", "", by=anna)
    write_minutes(budget, "One\nTwo", "One\nTwo", by=anna)
    budget.refresh_from_db()
    rooms.refresh_from_db()
    assert (budget.title, budget.minutes, budget.is_done) == ("The budget", "One\nTwo", False)
    assert rooms.minutes == ""
    assert told() == [budget.pk] * 3
    delete_topic(rooms, by=anna)
    assert told()[-1] is None


def test_a_topic_and_a_decision_are_as_long_as_they_may_be(
    meeting: Meeting, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_topic(meeting, "x" * LONGEST_TOPIC, 1, by=anna)
    add_topic(meeting, "x", 600, by=anna)
    add_decision(meeting, "x" * LONGEST_DECISION, by=anna)
    for title in ("x" * (LONGEST_TOPIC + 1), " "):
        with pytest.raises(ValidationError, match="Write the topic"):
            add_topic(meeting, title, by=anna)
    for text in ("x" * (LONGEST_DECISION + 1), " "):
        with pytest.raises(ValidationError, match="what was decided"):
            add_decision(meeting, text, by=anna)
    monkeypatch.setattr("box.apps.calendar.actions.meetings.MOST_DECISIONS", 2)
    add_decision(meeting, " We  like it ", by=anna)
    with pytest.raises(ValidationError, match="Too many decisions"):
        add_decision(meeting, "One more", by=anna)
    assert meeting.decisions.latest("id").text == "We like it"


def test_a_decision_is_of_a_topic_of_its_meeting_and_goes_without_its_task(
    meeting: Meeting, anna: User, boris: User
) -> None:
    other = prepare_meeting(first_time(planned(anna)), by=anna)
    foreign, own = add_topic(other, "Elsewhere", by=anna), add_topic(meeting, "Here", by=anna)
    lost, kept = (
        add_decision(meeting, "Ask", topic=one, responsible=boris, by=anna) for one in (foreign, own)
    )
    assert (lost.topic, kept.topic) == (None, own)
    assert lost.work is not None
    delete_decision(lost, by=anna)
    assert list(meeting.decisions.all()) == [kept]
    assert cards_of([lost.work], boris)
    delete_topic(own, by=anna)
    assert [one.topic for one in meeting.decisions.all()] == [None]


def test_what_was_decided_is_to_be_done_by_the_end_of_its_day(
    meeting: Meeting, anna: User, boris: User
) -> None:
    day = date(2026, 12, 4)
    dated, undated = (
        add_decision(meeting, "Ask", responsible=boris, due_on=due_on, by=anna) for due_on in (day, None)
    )
    assert dated.work is not None
    assert undated.work is not None
    deadline = workshops["tasks"].deadline
    assert deadline(dated.work.id) == datetime.combine(day, time(18), timezone.get_current_timezone())
    assert deadline(undated.work.id) is None


def test_each_change_of_a_meeting_is_told_once(event: Event, anna: User, boris: User) -> None:
    meeting = prepare_meeting(first_time(event), by=anna)
    assert prepare_meeting(first_time(event), by=boris) == meeting
    assert told() == [None]
    topic = add_topic(meeting, "Budget", by=anna)
    change_topic(topic, "The budget", None, by=anna)
    assert told() == [None, topic.pk, topic.pk]
    move_topic(topic, 1, by=anna)
    decision = add_decision(meeting, "Ask", by=anna)
    delete_decision(decision, by=anna)
    note_presence(meeting, boris, True, by=anna)
    delete_topic(topic, by=anna)
    send_record(meeting, by=anna)
    assert told()[3:] == [None] * 6


def test_an_event_that_moves_takes_its_agenda_along(event: Event, meeting: Meeting, anna: User) -> None:
    moved = move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna).event
    assert prepare_meeting(first_time(moved), by=anna) == meeting


def test_nothing_is_written_down_of_what_was_removed(event: Event, meeting: Meeting, anna: User) -> None:
    remove_event(event, by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        add_topic(meeting, "Budget", by=anna)
    with pytest.raises(PermissionDenied):
        prepare_meeting(first_time(Event.objects.get(pk=event.pk)), by=anna)
    event.delete()
    with pytest.raises(ValidationError, match="not there any more"):
        add_topic(meeting, "Budget", by=anna)


def test_an_agenda_has_an_end(meeting: Meeting, anna: User) -> None:
    Topic.objects.bulk_create(Topic(meeting=meeting, title="x") for _ in range(MOST_TOPICS - 1))
    add_topic(meeting, "The last", by=anna)
    with pytest.raises(ValidationError, match="at most 60"):
        add_topic(meeting, "One more", by=anna)
    for minutes in (0, 601):
        with pytest.raises(ValidationError, match="600 minutes"):
            change_topic(meeting.topics.latest("id"), "The last", minutes, by=anna)


def test_who_was_there_is_of_those_who_take_part(
    meeting: Meeting, anna: User, boris: User, cara: User
) -> None:
    for is_there in (True, True):
        note_presence(meeting, boris, is_there, by=anna)
    assert [one.user for one in meeting.present.all()] == [boris]
    # Of another meeting it says nothing.
    other = prepare_meeting(first_time(planned(anna, draft(invited=(f"U{boris.pk}",)))), by=anna)
    note_presence(other, boris, False, by=anna)
    assert [one.user for one in meeting.present.all()] == [boris]
    note_presence(meeting, anna, True, by=anna)
    note_presence(meeting, boris, False, by=anna)
    assert [one.user for one in meeting.present.all()] == [anna]
    with pytest.raises(ValidationError, match="does not take part"):
        note_presence(meeting, cara, True, by=anna)


def test_the_record_goes_to_all_who_take_part(
    as_person: Browser, meeting: Meeting, anna: User, boris: User
) -> None:
    as_person(anna).post(f"/calendar/meetings/{meeting.pk}/record/")
    deliver_all()
    told = Notification.objects.get(kind="calendar.record")
    assert (told.user, told.actor, told.about_kind, told.about_id) == (
        boris,
        anna,
        "calendar.meeting",
        meeting.pk,
    )
    meeting.refresh_from_db()
    assert (meeting.sent_by, meeting.sent_at) == (anna, timezone.now())


def test_whoever_only_sees_it_writes_nothing(as_person: Browser, anna: User, cara: User, boris: User) -> None:
    from box.apps.calendar.actions import change_calendar, main_calendar
    from box.core.access.principals import code_of

    calendar = main_calendar(code_of(anna))
    change_calendar(calendar, name="", color=calendar.color, is_open=True, by=anna)
    meeting = prepare_meeting(first_time(planned(anna)), by=anna)
    topic = add_topic(meeting, "Budget", by=anna)
    assert as_person(cara).get(meeting.get_absolute_url()).status_code == 200
    for attempt in (
        lambda: add_topic(meeting, "Mine", by=cara),
        lambda: write_minutes(topic, "Mine", "", by=cara),
        lambda: add_decision(meeting, "Mine", by=cara),
        lambda: send_record(meeting, by=cara),
        lambda: note_presence(meeting, anna, True, by=cara),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert titles(meeting) == ["Budget"]


def test_the_page_costs_the_same_for_many(
    as_person: Browser, meeting: Meeting, anna: User, boris: User
) -> None:
    def more(number: int) -> None:
        topic = add_topic(meeting, f"Topic {number}", by=anna)
        add_decision(meeting, f"Decision {number}", topic=topic, responsible=boris, by=anna)

    browser, here = as_person(anna), meeting.get_absolute_url()
    more(0)
    browser.get(here)
    with CaptureQueriesContext(connection) as for_one:
        browser.get(here)
    for number in range(1, 12):
        more(number)
    with CaptureQueriesContext(connection) as for_many:
        assert "Decision 11" in browser.get(here).content.decode()
    assert len(for_many) == len(for_one) <= 12


def test_who_is_invited_to_one_time_alone_has_its_meeting_and_no_other(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3", invited=(f"U{cara.pk}",)))
    second = TEN + timedelta(weeks=1)
    wanted = draft(starts=second, invited=(f"U{boris.pk}",))
    once = change_event(series, wanted, scope=Scope.THIS, at=second, by=anna).event
    first_time = prepare_meeting(Occurrence(series, TEN, TEN + timedelta(hours=1)), by=anna)
    browser = as_person(boris)
    assert browser.post(f"/calendar/events/{once.pk}/meeting/").status_code == 302
    found = Meeting.objects.get(at=second)
    topic = add_topic(found, "Budget", by=boris)
    assert write_minutes(topic, "Agreed", "", by=boris).minutes == "Agreed"
    page = browser.get(found.get_absolute_url()).content.decode()
    assert boris.name in page
    assert f"/calendar/events/{once.pk}/" in page
    assert browser.get(first_time.get_absolute_url()).status_code == 404
    send_record(found, by=anna)
    deliver_all()
    told = Notification.objects.filter(kind="calendar.record").values_list("user", flat=True)
    assert list(told) == [boris.pk]
    assert as_person(cara).get(found.get_absolute_url()).status_code == 404, "she is not at this time"
    assert as_person(cara).get(first_time.get_absolute_url()).status_code == 200
    remove_event(once, scope=Scope.THIS, by=anna)
    assert browser.get(found.get_absolute_url()).status_code == 404
    purge_removed(timezone.now() + KEPT_REMOVED + DAY)
    assert as_person(cara).get(found.get_absolute_url()).status_code == 404, "nor after a month"


@pytest.mark.parametrize("scope", [Scope.ALL, Scope.FOLLOWING])
def test_by_another_rhythm_minutes_of_a_time_of_its_own_are_read_by_those_who_were_there(
    as_person: Browser, anna: User, boris: User, cara: User, scope: Scope
) -> None:
    both = (f"U{anna.pk}", f"U{cara.pk}")
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3", invited=both)), TEN + WEEK
    wanted = draft("Alone", starts=second, invited=(f"U{boris.pk}",))
    once = change_event(series, wanted, scope=Scope.THIS, at=second, by=anna).event
    found = prepare_meeting(first_time(once), by=boris)
    write_minutes(add_topic(found, "Budget", by=boris), "Agreed", "", by=boris)
    at = TEN if scope is Scope.ALL else second
    daily = draft(starts=at, rule="FREQ=DAILY;COUNT=2", invited=both)
    change = change_event(series, daily, scope=scope, at=at, by=anna)
    for _while in ("another rhythm", "taken back"):
        page = as_person(boris).get(found.get_absolute_url()).content.decode()
        assert "Agreed" in page
        assert "Alone" in page
        assert as_person(anna).get(found.get_absolute_url()).status_code == 200
        assert as_person(cara).get(found.get_absolute_url()).status_code == 404, "she was not there"
        if change.revision.taken_back_at is None:
            take_back(change.revision, by=anna)
            change.revision.refresh_from_db()


def test_the_agenda_of_a_time_is_its_series_again_when_its_own_event_is_taken_back(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3", invited=(f"U{cara.pk}",))), TEN + WEEK
    found = prepare_meeting(Occurrence(series, second, second + HOUR), by=cara)
    wanted = draft(starts=second + HOUR, invited=(f"U{boris.pk}",))
    change = change_event(series, wanted, scope=Scope.THIS, at=second, by=anna)
    assert as_person(cara).get(found.get_absolute_url()).status_code == 404
    take_back(change.revision, by=anna)
    assert as_person(cara).get(found.get_absolute_url()).status_code == 200
    assert as_person(boris).get(found.get_absolute_url()).status_code == 404
    assert Meeting.objects.get().held_as == series


def test_what_was_left_open_is_carried_over_a_cut(anna: User) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=6"))
    times = [TEN + number * WEEK for number in range(6)]
    other = prepare_meeting(first_time(planned(anna, draft("Other", TEN + DAY))), by=anna)
    add_topic(other, "Elsewhere", by=anna)
    first = prepare_meeting(Occurrence(series, TEN, TEN + HOUR), by=anna)
    add_topic(first, "Budget", by=anna)
    rest = series
    for at in times[2:4]:
        wanted = draft("Later", starts=at, rule=rest.rule)
        rest = change_event(rest, wanted, scope=Scope.FOLLOWING, at=at, by=anna).event
    # Nothing was talked about in the second of the three.
    later = prepare_meeting(Occurrence(rest, times[3], times[3] + HOUR), by=anna)
    assert [(one.title, one.times_carried) for one in later.topics.all()] == [("Budget", 1)]
    remove_event(series, by=anna)
    again = planned(anna, draft("Again", starts=times[5], rule="FREQ=WEEKLY;COUNT=2"))
    assert titles(prepare_meeting(first_time(again), by=anna)) == []


def at_time(series: Event, at: datetime) -> Meeting | None:
    return meeting_at(Occurrence(series, at, at + HOUR))


@pytest.mark.parametrize("by", [HOUR, WEEK, -WEEK], ids=str)
def test_agendas_go_with_a_series_that_is_moved_and_back_when_that_is_taken_back(
    anna: User, by: timedelta
) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    times = [TEN + number * WEEK for number in range(4)]
    made = [prepare_meeting(Occurrence(series, at, at + HOUR), by=anna) for at in times]
    once = change_event(
        series, draft(title="Otherwise", starts=times[1] + HOUR), scope=Scope.THIS, at=times[1], by=anna
    ).event
    change_event(series, draft(title="Moved", starts=times[2] + HOUR), scope=Scope.THIS, at=times[2], by=anna)
    change = move_event(series, series.starts_at + by, series.ends_at + by, by=anna, scope=Scope.ALL)
    series.refresh_from_db()
    once.refresh_from_db()
    assert [at_time(series, at + by) for at in times] == made
    assert once.original_at == times[1] + by
    take_back(change.revision, by=anna)
    assert [at_time(series, at) for at in times] == made


def test_agendas_to_come_are_of_the_series_that_comes(anna: User) -> None:
    series = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    times = [TEN + number * WEEK for number in range(4)]
    made = [prepare_meeting(Occurrence(series, at, at + HOUR), by=anna) for at in times]
    wanted = draft(title="Later", starts=times[2] + HOUR, rule=series.rule)
    change = change_event(series, wanted, scope=Scope.FOLLOWING, at=times[2], by=anna)
    rest = change.event
    series.refresh_from_db()
    assert rest != series
    assert [at_time(series, at) for at in times] == [*made[:2], None, None]
    assert [at_time(rest, at + HOUR) for at in times[2:]] == made[2:]
    take_back(change.revision, by=anna)
    assert [at_time(series, at) for at in times] == made
