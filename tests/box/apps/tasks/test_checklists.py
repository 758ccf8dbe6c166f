"""What is ticked off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.tasks.actions.checklists import (
    MOST_ITEMS,
    add_items,
    assign_item,
    check_item,
    date_item,
    delete_item,
    move_item,
    rename_item,
)
from box.apps.tasks.models import LONGEST_ITEM, ChecklistItem, Task
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.history.presenters import history_of
from box.core.notify.models import Notification
from box.lib.moments import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]


def texts(task: Task) -> list[str]:
    return list(task.items.order_by("rank", "id").values_list("text", flat=True))


def counts(task: Task) -> tuple[int, int]:
    task.refresh_from_db()
    return task.items_done, task.items_count


def test_a_line_is_an_item_and_several_are_pasted_at_once(give: Give, boris: User) -> None:
    task = give()
    add_items(task, "Open the door", by=boris)
    add_items(task, "- Count\n\n * Weigh \n• Write it down", by=boris)
    assert texts(task) == ["Open the door", "Count", "Weigh", "Write it down"]
    assert counts(task) == (0, 4)


@pytest.mark.parametrize(
    "text",
    ["", " \n - \n", "x" * (LONGEST_ITEM + 1), "x\n" + "x" * (LONGEST_ITEM + 1), "x\n" * (MOST_ITEMS + 1)],
)
def test_what_is_no_list_is_refused_and_nothing_is_added(give: Give, boris: User, text: str) -> None:
    task = give()
    with pytest.raises(ValidationError):
        add_items(task, text, by=boris)
    assert counts(task) == (0, 0)


def test_the_longest_list_and_the_longest_line_are_taken(give: Give, boris: User) -> None:
    task = give()
    add_items(task, "\n".join(["x" * LONGEST_ITEM] * MOST_ITEMS), by=boris)
    assert counts(task) == (0, MOST_ITEMS)
    with pytest.raises(ValidationError, match="200 lines"):
        add_items(task, "one more", by=boris)


def test_ticked_off_once_and_taken_back(give: Give, anna: User, boris: User) -> None:
    task = give()
    item, _other = add_items(task, "Count\nWeigh", by=boris)
    for _again in range(2):
        item = check_item(item, True, by=boris)
    assert (item.done_by, counts(task)) == (boris, (1, 2))
    check_item(item, False, by=anna)
    assert counts(task) == (0, 2)
    deliver_all()
    said = [line.sentence for line in history_of(task.ref).lines]
    assert said[:3] == ["ticked off no more: Count", "ticked off: Count", "added to the list: Weigh"]


def test_of_two_lists_each_is_counted_by_itself(give: Give, boris: User) -> None:
    task, other = give(), give("Weigh")
    add_items(other, "Wait", by=boris)
    (item,) = add_items(task, "Count", by=boris)
    check_item(item, True, by=boris)
    assert (counts(task), counts(other)) == ((1, 1), (0, 1))


def test_only_whoever_works_on_it_touches_the_list(give: Give, boris: User, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    (item,) = add_items(task, "Count", by=boris)
    with pytest.raises(PermissionDenied):
        check_item(item, True, by=cara)
    with pytest.raises(PermissionDenied):
        add_items(task, "More", by=cara)
    assert counts(task) == (0, 1)


def test_a_line_moves_between_any_two(give: Give, boris: User) -> None:
    task = give()
    one, two, three = add_items(task, "1\n2\n3", by=boris)
    move_item(three, None, by=boris)
    assert texts(task) == ["3", "1", "2"]
    move_item(three, one, by=boris)
    assert texts(task) == ["1", "3", "2"]
    move_item(one, two, by=boris)
    assert texts(task) == ["3", "2", "1"]
    with pytest.raises(ValidationError, match="not there"):
        move_item(one, one, by=boris)
    ChecklistItem.objects.filter(pk=two.pk).delete()
    with pytest.raises(ValidationError, match="not there"):
        move_item(one, two, by=boris)


def test_a_line_belongs_to_one_of_those_in_the_task(
    give: Give, anna: User, boris: User, cara: User, olga: User
) -> None:
    task = give(accomplice_ids=(cara.pk,))
    (item,) = add_items(task, "Count", by=boris)
    deliver_all()
    Notification.objects.all().delete()
    assert assign_item(item, cara, by=boris).assignee == cara
    deliver_all()
    assert {(one.user, one.kind) for one in Notification.objects.all()} == {(cara, "tasks.assigned")}
    with pytest.raises(ValidationError, match="in the task"):
        assign_item(item, olga, by=boris)
    assert assign_item(item, None, by=anna).assignee is None


def test_a_line_gets_another_text_or_goes(give: Give, boris: User) -> None:
    task = give()
    (item,) = add_items(task, "Count", by=boris)
    check_item(item, True, by=boris)
    assert rename_item(item, " Count   twice ", by=boris).text == "Count twice"
    with pytest.raises(ValidationError):
        rename_item(item, " ", by=boris)
    delete_item(item, by=boris)
    assert counts(task) == (0, 0)
    with pytest.raises(ValidationError, match="not there"):
        check_item(item, False, by=boris)


def test_every_change_of_a_line_is_told_and_what_changes_nothing_is_not(
    give: Give, boris: User, cara: User
) -> None:
    task, today = give(accomplice_ids=(cara.pk,)), timezone.localdate()
    (item,) = add_items(task, "Count", by=boris)
    changes: list[tuple[str, Callable[[], object]]] = [
        ("renamed", lambda: rename_item(item, "Weigh", by=boris)),
        ("assigned", lambda: assign_item(item, cara, by=boris)),
        ("dated", lambda: date_item(item, today, by=boris)),
        ("done", lambda: check_item(item, True, by=boris)),
        ("undone", lambda: check_item(item, False, by=boris)),
    ]
    for change, make in changes:
        Event.objects.all().delete()
        make()
        make()
        (told,) = Event.objects.filter(kind="tasks.ChecklistChanged")
        whose = None if change == "renamed" else cara.pk
        assert told.payload == {
            "task_id": task.pk, "by_id": boris.pk, "change": change, "text": "Weigh", "user_id": whose,
        }  # fmt: skip
    move_item(item, None, by=boris)
    delete_item(item, by=boris)
    said = Event.objects.filter(kind="tasks.ChecklistChanged").order_by("id")
    assert [one.payload["change"] for one in said] == ["undone", "moved", "deleted"]


def test_a_line_is_as_long_in_the_end_as_it_may_be_at_first(give: Give, boris: User) -> None:
    (item,) = add_items(give(), "Count", by=boris)
    assert rename_item(item, "x" * LONGEST_ITEM, by=boris).text == "x" * LONGEST_ITEM
    with pytest.raises(ValidationError, match="at most"):
        rename_item(item, "x" * (LONGEST_ITEM + 1), by=boris)


def test_a_line_may_be_of_whoever_gave_the_task_does_it_or_watches(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    (item,) = add_items(give(observer_ids=(cara.pk,)), "Count", by=boris)
    for person in (anna, boris, cara):
        assert assign_item(item, person, by=boris).assignee == person


def test_a_day_is_between_the_first_and_the_last_of_the_calendar(give: Give, boris: User) -> None:
    (item,) = add_items(give(), "Count", by=boris)
    for day in (EARLIEST.date(), LATEST.date()):
        assert date_item(item, day, by=boris).due_on == day
    with pytest.raises(ValidationError, match="too far"):
        date_item(item, LATEST.date() + timedelta(days=1), by=boris)


def test_the_page_ticks_moves_and_names(as_person: Browser, give: Give, boris: User) -> None:
    task, browser = give(), as_person(boris)
    htmx = {"HX-Request": "true"}
    answer = browser.post(f"/tasks/{task.pk}/items/", {"text": "Count\nWeigh"}, headers=htmx)
    assert "Weigh" in answer.content.decode()
    one, two = task.items.order_by("rank")
    browser.post(f"/tasks/items/{one.pk}/", {"done": "1"})
    browser.post(f"/tasks/items/{two.pk}/place/", {"after": ""})
    browser.post(f"/tasks/items/{two.pk}/", {"assignee": boris.pk})
    browser.post(f"/tasks/items/{two.pk}/", {"text": "Weigh again"})
    assert [(item.text, item.done_by, item.assignee) for item in task.items.order_by("rank")] == [
        ("Weigh again", None, boris),
        ("Count", boris, None),
    ]
    assert browser.post(f"/tasks/items/{two.pk}/place/", {"after": 10**9}, headers=htmx).status_code == 422
    browser.delete(f"/tasks/items/{two.pk}/")
    assert texts(task) == ["Count"]


def test_a_line_has_a_day_of_its_own_and_is_late_the_day_after(give: Give, boris: User, cara: User) -> None:
    task, today = give(observer_ids=(cara.pk,)), timezone.localdate()
    item, other = add_items(task, "Count\nWeigh", by=boris)
    item = date_item(item, today, by=boris)
    assert not item.is_late(today)
    assert item.is_late(today + timedelta(days=1))
    assert not other.is_late(today)
    assert not check_item(item, True, by=boris).is_late(today + timedelta(days=1))
    assert date_item(item, None, by=boris).due_on is None
    with pytest.raises(PermissionDenied):
        date_item(item, today, by=cara)
    with pytest.raises(ValidationError, match="too far"):
        date_item(item, date(1, 1, 1), by=boris)


def test_the_page_gives_a_line_its_day(as_person: Browser, give: Give, boris: User) -> None:
    task, browser = give(), as_person(boris)
    (item,) = add_items(task, "Count", by=boris)
    htmx = {"HX-Request": "true"}
    shown = browser.post(f"/tasks/items/{item.pk}/", {"due_on": "2020-01-31"}, headers=htmx).content.decode()
    assert 'task-due small bad"' in shown
    assert browser.post(f"/tasks/items/{item.pk}/", {"due_on": "soon"}, headers=htmx).status_code == 422
    item.refresh_from_db()
    assert item.due_on == date(2020, 1, 31)
