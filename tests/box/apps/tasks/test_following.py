"""Who hears of what, and the numbers in the menu."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from box.apps.tasks import handlers
from box.apps.tasks.actions.checklists import add_items, assign_item, check_item, date_item
from box.apps.tasks.actions.deadlines import tell_of_day, tell_overdue
from box.apps.tasks.actions.states import Standing, accept_task, complete_task, return_task, start_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task, delegate_task, delete_tasks
from box.apps.tasks.cards import day_cards
from box.apps.tasks.counters import attention_count, counts, recount_all, waits_now
from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.models import Counter, Notification
from box.core.push.models import PushMessage
from box.core.registry.origin import importing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.box.apps.tasks.conftest import Give

HOUR = timedelta(hours=1)


def told() -> set[tuple[str, str]]:
    """Who was told what since this was last asked."""
    deliver_all()
    rows = Notification.objects.filter(kind__startswith="tasks.")
    found = {(one.user.first_name, one.kind.removeprefix("tasks.")) for one in rows.select_related("user")}
    rows.delete()
    return found


def test_who_is_given_a_task_hears_of_it_and_who_helps_and_watches(
    give: Give, cara: User, olga: User
) -> None:
    give(accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))
    assert told() == {("Boris", "given"), ("Cara", "helps"), ("Olga", "watches")}


def test_nobody_is_told_what_they_did_themselves(give: Give, anna: User) -> None:
    give(to=anna)
    assert told() == set()


def test_each_hears_of_the_steps_that_wait_for_them(give: Give, anna: User, boris: User, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    told()
    start_task(task, by=boris)
    assert told() == set()
    complete_task(task, by=boris)
    assert told() == {("Anna", "submitted")}
    return_task(task, by=anna)
    assert told() == {("Boris", "returned")}
    complete_task(task, by=boris)
    told()
    accept_task(task, by=anna)
    assert told() == {("Boris", "accepted")}


def test_all_in_it_hear_that_it_is_done_and_that_the_deadline_moved(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give(observer_ids=(cara.pk,), needs_acceptance=False)
    told()
    change_task(task, {"deadline_at": timezone.now() + HOUR}, by=boris)
    assert told() == {("Anna", "moved"), ("Cara", "moved")}
    change_task(task, {"title": "Weigh"}, by=anna)
    assert told() == set()
    complete_task(task, by=boris)
    assert told() == {("Anna", "completed"), ("Cara", "completed")}


def test_who_gave_it_hears_that_it_was_passed_on(give: Give, boris: User, cara: User) -> None:
    task = give()
    told()
    delegate_task(task, cara, by=boris)
    assert told() == {("Anna", "passed-on"), ("Cara", "given")}


def test_those_in_it_hear_of_comments(give: Give, boris: User, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    told()
    add_comment(task.thread, "I begin tomorrow", by=boris)
    assert told() == {("Anna", "commented"), ("Cara", "commented")}


def test_a_passed_deadline_is_told_once_to_those_who_can_do_something(
    give: Give, boris: User, cara: User, olga: User
) -> None:
    now = timezone.now()
    task = give(deadline_at=now, accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))
    told()
    assert tell_overdue(now) == 0
    assert tell_overdue(now + HOUR) == 1
    assert told() == {("Anna", "overdue"), ("Boris", "overdue"), ("Cara", "overdue")}
    assert tell_overdue(now + HOUR) == 0
    # Another deadline passes anew.
    change_task(task, {"deadline_at": now + 2 * HOUR}, by=boris)
    told()
    assert tell_overdue(now + 3 * HOUR) == 1


def test_what_is_late_is_shown_and_counted_as_it_is_told(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    """Whoever has left hears nothing."""
    now = timezone.now()
    task = give(deadline_at=now - HOUR, accomplice_ids=(cara.pk,))
    User.objects.filter(pk=cara.pk).update(status=User.Status.DISMISSED)
    Event.objects.all().delete()
    assert tell_overdue(now) == 1
    assert set(Notification.objects.values_list("user", flat=True)) == {anna.pk, boris.pk}
    message = PushMessage.objects.get(topic="tasks", kind="changed")
    assert (message.audience, message.payload) == (task.audience, {"id": task.pk, "by": None})
    assert Counter.objects.get(user=boris, key="tasks").value == 1


def test_what_is_late_longest_is_told_of_first(give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.deadlines.BATCH", 1)
    now = timezone.now()
    later, sooner = (give(deadline_at=now + hours * HOUR) for hours in (2, 1))
    assert tell_overdue(now + 3 * HOUR) == 1
    assert Task.objects.get(is_overdue_told=True) == sooner
    assert tell_overdue(now + 3 * HOUR) == 1
    assert Task.objects.get(pk=later.pk).is_overdue_told


def test_of_what_is_done_only_whoever_accepts_it_hears_that_it_is_late(give: Give, boris: User) -> None:
    now = timezone.now()
    task = give(deadline_at=now + HOUR)
    complete_task(task, by=boris)
    told()
    tell_overdue(now + 2 * HOUR)
    assert told() == {("Anna", "overdue")}


def test_the_menu_counts_what_one_can_do_something_about(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    now = timezone.now()
    give("On time", deadline_at=now + HOUR)
    late = give("Late", deadline_at=now - HOUR, accomplice_ids=(cara.pk,))
    deliver_all()
    assert {one.user: one.value for one in Counter.objects.filter(key="tasks")} == {boris: 1, cara: 1}
    complete_task(late, by=boris)
    deliver_all()
    assert {one.user: one.value for one in Counter.objects.filter(key="tasks")} == {anna: 1}
    accept_task(late, by=anna)
    deliver_all()
    assert not Counter.objects.filter(key="tasks").exists()


def test_whose_number_a_task_is_in_is_asked_of_one_as_of_all(give: Give, anna: User, boris: User) -> None:
    now = timezone.now()
    open_, late, done = give(), give(deadline_at=now - HOUR), give(deadline_at=now - HOUR)
    review = complete_task(give(needs_acceptance=True), by=boris)
    done = accept_task(complete_task(done, by=boris), by=anna)
    gone = give(deadline_at=now - HOUR)
    delete_tasks([gone], by=anna)
    gone.refresh_from_db()
    for task, waits in ((open_, False), (late, True), (review, True), (done, False), (gone, False)):
        assert waits_now(task, now) == waits, task.title
    assert (attention_count(boris, now), attention_count(anna, now)) == (1, 1)


def test_what_is_taken_over_is_counted_too(anna: User, boris: User) -> None:
    now = timezone.now()
    with importing(at=now - 3 * HOUR):
        add_task(TaskDraft(title="Late", responsible=boris, deadline_at=now - HOUR), by=anna)
    deliver_all()
    assert {one.user: one.value for one in Counter.objects.filter(key="tasks")} == {boris: 1}


def test_of_many_that_are_taken_over_each_is_counted_once(
    give: Give, anna: User, boris: User, cara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def note(people: Iterable[User]) -> None:
        found = list(people)
        counted.extend(sorted(person.pk for person in found))
        recount_all(found)

    monkeypatch.setattr(handlers, "recount_all", note)
    late, now = timezone.now() - HOUR, timezone.now()
    with importing(at=late):
        for _number in range(3):
            give(deadline_at=late, accomplice_ids=(cara.pk,))
        give()
        give(by=cara, standing=Standing(State.IN_REVIEW, now, boris))
        give(deadline_at=late, standing=Standing(State.COMPLETED, now, boris))
    assert told() == set()
    assert counted == sorted([anna.pk, boris.pk, cara.pk])
    assert {one.user: one.value for one in Counter.objects.filter(key="tasks")} == {boris: 3, cara: 4}


def test_the_number_changes_when_a_deadline_passes(give: Give, boris: User) -> None:
    now = timezone.now()
    give(deadline_at=now + HOUR)
    deliver_all()
    assert attention_count(boris, now) == 0
    assert attention_count(boris, now + 2 * HOUR) == 1


def test_beside_a_role_stands_what_is_most_urgent(give: Give, boris: User) -> None:
    now = timezone.now()
    give("Late", deadline_at=now - HOUR)
    give("Today", deadline_at=now + HOUR)
    give("Some time")
    counted = counts(Task.objects.open().done_by(boris), now)
    assert (counted.open, counted.overdue, counted.due, counted.to_accept) == (3, 1, 1, 0)
    assert (counted.tone, counted.urgent) == ("bad", 1)


MORNING = datetime(2030, 1, 31, 8, tzinfo=ZoneInfo("Europe/Moscow"))


@pytest.fixture
def in_moscow(boris: User) -> None:
    boris.time_zone = "Europe/Moscow"
    boris.save(update_fields=["time_zone"])


def test_in_the_morning_one_word_says_what_is_due(give: Give, boris: User, in_moscow: None) -> None:
    give("Today", deadline_at=MORNING + 3 * HOUR)
    give("Late", deadline_at=MORNING - 24 * HOUR)
    give("Tomorrow", deadline_at=MORNING + 24 * HOUR)
    told()
    for moment in (MORNING, MORNING + HOUR):
        tell_of_day(moment)
    assert told() == {("Boris", "today")}
    number = MORNING.date().toordinal()
    with timezone.override(ZoneInfo("Europe/Moscow")):
        assert day_cards([number], boris)[number].title.endswith(": 1 due, 1 overdue")


@pytest.mark.parametrize("moment", [MORNING - timedelta(seconds=1), MORNING + 4 * HOUR])
def test_the_word_comes_in_the_morning_or_not_at_all(
    give: Give, boris: User, in_moscow: None, moment: datetime
) -> None:
    give(deadline_at=MORNING + 3 * HOUR)
    told()
    tell_of_day(moment)
    assert told() == set()


def test_the_morning_names_lines_of_checklists_to_whom_they_were_given(
    give: Give, anna: User, boris: User, cara: User, in_moscow: None
) -> None:
    task = give(accomplice_ids=(cara.pk,))
    today = MORNING.date()
    hers, his, later, done = add_items(task, "Count\nWeigh\nPaint\nOpen", by=anna)
    assign_item(hers, cara, by=anna)
    for item, day in ((hers, today), (his, today - timedelta(days=1)), (later, today + timedelta(days=1))):
        date_item(item, day, by=anna)
    check_item(date_item(done, today, by=anna), True, by=boris)
    told()
    tell_of_day(MORNING)
    tell_of_day(MORNING + HOUR)
    assert told() == {("Boris", "today"), ("Cara", "today")}
    number = today.toordinal()
    with timezone.override(ZoneInfo("Europe/Moscow")):
        for person in (boris, cara):
            assert day_cards([number], person)[number].title.endswith(": 1 line of a checklist")
        assert day_cards([number], anna)[number].title.endswith(": all is done")
    complete_task(task, by=boris)
    accept_task(Task.objects.get(pk=task.pk), by=anna)
    with timezone.override(ZoneInfo("Europe/Moscow")):
        assert day_cards([number], cara)[number].title.endswith(": all is done")


def test_it_is_morning_where_each_of_them_lives(
    give: Give, anna: User, boris: User, cara: User, in_moscow: None
) -> None:
    vladivostok = ZoneInfo("Asia/Vladivostok")
    for person in (anna, cara):
        person.time_zone = vladivostok.key
        person.save(update_fields=["time_zone"])
    for person in (anna, boris):
        give(to=person, deadline_at=MORNING + 3 * HOUR)
    (line,) = add_items(give(to=anna, accomplice_ids=(cara.pk,)), "Weigh", by=anna)
    date_item(assign_item(line, cara, by=anna), MORNING.date(), by=anna)
    told()
    assert tell_of_day(MORNING.replace(tzinfo=vladivostok)) == 2
    assert told() == {("Anna", "today"), ("Cara", "today")}
    assert tell_of_day(MORNING) == 1
    assert told() == {("Boris", "today")}


def test_who_has_nothing_due_is_not_bothered(give: Give, boris: User, in_moscow: None) -> None:
    give(deadline_at=MORNING + 17 * HOUR)
    _some_day, later = add_items(give("No deadline"), "Some day\nLater", by=boris)
    date_item(later, MORNING.date() + timedelta(days=1), by=boris)
    told()
    tell_of_day(MORNING)
    assert told() == set()


def test_whoever_has_done_their_part_hears_nothing_in_the_morning(
    give: Give, boris: User, in_moscow: None
) -> None:
    complete_task(give(deadline_at=MORNING + 3 * HOUR), by=boris)
    told()
    tell_of_day(MORNING)
    assert told() == set()
