"""The plans of what people look at all day: an index finds it, however many tasks the company has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.tasks.demo import FIELDS
from box.apps.tasks.models import KIND, Task
from box.apps.tasks.states import State
from box.core.boards.paging import ordered
from box.core.discussion.models import Thread
from box.core.lists.keyset import Keyset
from box.lib.bulk import analyze, copy_rows, reserve_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from box.core.accounts.models import User

COUNT = 6000


@pytest.fixture
def many(anna: User, boris: User, cara: User) -> None:
    """Of which each of anna and boris has a few, and cara the rest."""
    ids, threads = reserve_ids(Task, COUNT), reserve_ids(Thread, COUNT)
    counts = ("id", "kind", "comments_count", "likes_count", "dislikes_count")
    copy_rows(Thread, counts, ((pk, KIND, 0, 0, 0) for pk in threads))
    now = timezone.now()

    def rows() -> Iterator[tuple[object, ...]]:
        for number, (pk, thread) in enumerate(zip(ids, threads, strict=True)):
            doer, giver = (boris, anna) if number % 100 == 0 else (cara, cara)
            yield (
                *(pk, f"Task {number}", "", "", State.WAITING, now, 1, giver.pk, doer.pk, None),
                *(now + timedelta(minutes=number), None, [], True, True, now, now, None, None, False),
                *(thread, sorted({f"U{giver.pk}", f"U{doer.pk}"}), False, "i", 0, 0, 0),
            )

    copy_rows(Task, FIELDS, rows())
    analyze(Task)


def plan(rows: QuerySet[Task, Task]) -> str:
    return rows.explain()


@pytest.mark.parametrize(
    ("role", "index"), [("do", "task_doing"), ("gave", "task_given"), ("", "task_audience")]
)
def test_a_list_by_role_is_found_by_its_index(
    many: None, anna: User, boris: User, role: str, index: str
) -> None:
    reader = anna if role == "gave" else boris
    by_deadline = Keyset(("deadline_at",), is_nullable=True)
    said = plan(by_deadline.ordered(Task.objects.open().in_role(reader, role))[:51])
    assert index in said
    assert "Seq Scan on tasks_task" not in said


def test_a_column_of_a_board_is_read_in_its_order(many: None, boris: User) -> None:
    said = plan(ordered(Task.objects.open().done_by(boris).filter(state=State.WAITING))[:21])
    assert "task_on_board" in said
    assert "Sort" not in said


def test_what_one_sees_is_gathered_by_the_audience(many: None, boris: User) -> None:
    assert "task_audience" in plan(Task.objects.visible_to(boris).open())


def test_one_task_is_found_by_its_number_and_not_among_all_that_one_sees(many: None, cara: User) -> None:
    task = Task.objects.done_by(cara).order_by("pk").last()
    assert task is not None
    said = plan(Task.objects.each_visible_to(cara).there().filter(pk=task.pk))
    assert "tasks_task_pkey" in said
    assert "task_audience" not in said


def test_what_became_overdue_is_found_among_what_was_not_told(many: None) -> None:
    Task.objects.update(is_overdue_told=True)
    analyze(Task)
    late = Task.objects.overdue(timezone.now()).filter(is_overdue_told=False).order_by("deadline_at")
    assert "task_overdue_untold" in plan(late[:100])
