"""What a task waits for, and what is moved with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.tasks.actions.dependencies import add_dependency, move_back, move_task, plan_move
from box.apps.tasks.actions.locking import Gone
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import delete_tasks
from box.apps.tasks.models import Dependency, Task
from box.core.events.models import Event
from tests.box.apps.tasks.conftest import DAY, ZERO, planned

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db


def day(number: float) -> datetime:
    return ZERO + number * DAY


def changed(tasks: list[Task]) -> list[int]:
    """Of which of these it was told that they are others now, in its order."""
    rows = Event.objects.filter(kind="tasks.TaskChanged").order_by("pk")
    found = [row.payload["task_id"] for row in rows]
    return [tasks.index(Task(pk=pk)) for pk in found]


def test_what_it_waits_for_is_there_and_seen_by_whoever_says_so(give: Give, anna: User, cara: User) -> None:
    hidden, hers, gone = give("Hidden"), give("Hers", by=cara, to=cara), give("Gone", by=cara, to=cara)
    delete_tasks([gone], by=cara)
    for before in (hidden, gone):
        with pytest.raises(Gone):
            add_dependency(before, hers, by=cara)
    other = give("Other", by=cara, to=cara)
    with pytest.raises(ValidationError, match="how it follows"):
        add_dependency(other, hers, "xx", by=cara)
    assert not Dependency.objects.exists()
    add_dependency(other, hers, by=cara)
    told = Event.objects.get(kind="tasks.DependencyChanged")
    assert told.payload == {"task_id": hers.pk, "by_id": cara.pk, "before_id": other.pk, "is_added": True}


def test_a_task_waits_for_so_many_others_and_for_each_once(
    anna: User, chain: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.dependencies.MOST_LINKS", 1)
    first, second, third = chain
    with pytest.raises(ValidationError, match="at most 1"):
        add_dependency(first, third, by=anna)
    add_dependency(second, third, "ss", by=anna)
    assert Dependency.objects.get(after=third).kind == "ss"


def test_it_is_late_where_it_would_end_after_its_deadline(give: Give) -> None:
    task = planned(give, "Draw", 0, 2, deadline_at=day(3))

    def is_late(task: Task, ends: float) -> bool:
        (moved,) = plan_move(task, ZERO, day(ends))
        return moved.is_late

    assert [is_late(task, ends) for ends in (1, 3, 3.1)] == [False, False, True]
    assert not is_late(planned(give, "Build", 0), 9)
    # A deadline that is all there is of a task is moved itself.
    assert not is_late(give("Count", deadline_at=ZERO), 1)


def test_nothing_ends_before_it_begins_nor_at_once(anna: User, chain: list[Task]) -> None:
    for ends in (ZERO, day(-1)):
        with pytest.raises(ValidationError, match="before the start"):
            plan_move(chain[0], ZERO, ends)
        with pytest.raises(ValidationError, match="before the start"):
            move_task(chain[0], ZERO, ends, by=anna)


def test_every_task_that_is_moved_is_told_of_and_one_that_stays_is_not(anna: User, chain: list[Task]) -> None:
    assert move_task(chain[0], ZERO, day(1), by=anna)[0] == []
    assert changed(chain) == []
    _moves, note = move_task(chain[0], day(1), day(2), by=anna)
    assert changed(chain) == [0, 1, 2]
    assert move_back(note, by=anna) == 3
    assert sorted(changed(chain)) == [0, 0, 1, 1, 2, 2]


def test_what_is_over_since_is_not_moved_back_nor_by_itself(anna: User, chain: list[Task]) -> None:
    _moves, note = move_task(chain[0], day(4), day(5), by=anna)
    complete_task(chain[2], by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        move_back(note, by=anna)
    with pytest.raises(Gone):
        move_task(chain[2], day(9), day(10), by=anna)
    assert [one.starts_at for one in Task.objects.order_by("pk")] == [day(4), day(5), day(6)]


def test_what_has_no_dates_is_pushed_by_nothing_and_gets_some_where_it_is_put(
    give: Give, anna: User, chain: list[Task]
) -> None:
    some_day = give("Some day")
    add_dependency(chain[0], some_day, by=anna)
    assert [one.task for one in plan_move(chain[0], day(4), day(5))] == chain
    moves, note = move_task(some_day, day(1), day(2), by=anna)
    assert [(one.task, one.was == one.now) for one in moves] == [(some_day, True)]
    some_day.refresh_from_db()
    assert (some_day.starts_at, some_day.ends_at) == (day(1), day(2))
    move_back(note, by=anna)
    some_day.refresh_from_db()
    assert (some_day.starts_at, some_day.ends_at) == (None, None)


def test_no_more_are_moved_at_once_than_anybody_overlooks(
    chain: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.dependencies.MOST_MOVED", 3)
    assert len(plan_move(chain[0], day(4), day(5))) == 3
    monkeypatch.setattr("box.apps.tasks.actions.dependencies.MOST_MOVED", 2)
    with pytest.raises(ValidationError, match="More than 2"):
        plan_move(chain[0], day(4), day(5))


def test_first_stands_what_was_moved_and_then_what_begins_first(give: Give, anna: User) -> None:
    late, early = planned(give, "Late", 2), planned(give, "Early", 1)
    root = planned(give, "Root", 0)
    add_dependency(root, late, "fs", 24 * 60, by=anna)
    add_dependency(root, early, by=anna)
    moves = plan_move(root, day(5), day(6))
    assert [(one.task, one.now.starts) for one in moves] == [(root, day(5)), (early, day(6)), (late, day(7))]


def test_of_a_task_that_moves_what_was_said_of_it_moves_and_nothing_is_made_up(give: Give) -> None:
    """But for the end that was dragged."""
    task = give()
    table: list[tuple[dict[str, float], tuple[float, float], dict[str, float]]] = [
        ({}, (2, 3), {"starts_at": 2, "ends_at": 3}),
        ({"deadline_at": 3}, (1, 4), {"deadline_at": 4}),
        ({"deadline_at": 3}, (1, 3), {"starts_at": 1}),
        ({"ends_at": 3}, (1, 4), {"ends_at": 4}),
        ({"ends_at": 3, "deadline_at": 5}, (1, 4), {"ends_at": 4}),
        ({"starts_at": 1, "deadline_at": 3}, (2, 4), {"starts_at": 2, "deadline_at": 4}),
        ({"starts_at": 1, "ends_at": 3}, (2, 4), {"starts_at": 2, "ends_at": 4}),
        ({"starts_at": 1, "ends_at": 3}, (1, 4), {"ends_at": 4}),
        ({"starts_at": 1, "ends_at": 3}, (0, 3), {"starts_at": 0}),
        ({"starts_at": 1}, (2, 3), {"starts_at": 2, "ends_at": 3}),
    ]
    for had, (starts, ends), written in table:
        columns = {name: day(had[name]) if name in had else None for name in ("starts_at", "ends_at")}
        deadline = day(had["deadline_at"]) if "deadline_at" in had else None
        Task.objects.filter(pk=task.pk).update(created_at=ZERO, deadline_at=deadline, **columns)
        (moved,) = plan_move(task, day(starts), day(ends))
        assert moved.columns == {name: day(number) for name, number in written.items()}, had
