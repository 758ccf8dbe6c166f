"""Tasks from tables: previewed, taken in, undone."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from box.apps.tasks.actions.states import start_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.importing import KEY
from box.apps.tasks.models import Task
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.groups.actions import NewGroup, create_group
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import, start_undo
from box.core.imports.importers import importers
from box.core.imports.models import ImportRun
from box.core.imports.preview import preview
from box.core.notify.models import Notification
from tests import cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

TABLE = """\
Задача;Исполнитель;Соисполнители;Крайний срок;Оценка;Приоритет;Теги;Проект;Чек-лист;ID
Посчитать ящики;Boris Test;Cara Test;01.12.2031 14:30;2:30;высокий;склад, #срочно;Склад;открыть, посчитать;a-1
Взвесить ящики;;;2031-12-02;;;;;;a-2
;Boris Test;;;;;;;;
Покрасить;Zoltan;;;;;;;;
Покрасить;;;31.31.2031;;;;;;
Покрасить;;;;давно;;;;;
"""


def imported(text: str, by: User, name: str = "a.csv") -> ImportRun:
    run = begin_import(importers[KEY], io.BytesIO(text.encode()), name, by=by)
    start_import(run, run.columns, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def test_a_table_is_previewed_and_its_rows_become_tasks(anna: User, boris: User, cara: User) -> None:
    project = create_group(NewGroup("Склад"), by=anna)
    run = begin_import(importers[KEY], io.BytesIO(TABLE.encode()), "a.csv", by=anna)
    shown = preview(run, run.columns)
    assert [one.is_bad for one in shown] == [False, False, True, True, True, True]
    assert "02.12.2031 18:00" in shown[1].cells
    assert not Task.objects.exists()
    run = imported(TABLE, anna)
    assert (run.created, run.failed) == (2, 4)
    first, second = Task.objects.order_by("pk")
    assert (first.title, first.responsible, first.created_by) == ("Посчитать ящики", boris, anna)
    assert list(first.participants.values_list("user", flat=True)) == [cara.pk]
    assert first.deadline_at == datetime(2031, 12, 1, 14, 30, tzinfo=timezone.get_current_timezone())
    assert (first.estimate_minutes, first.priority, first.project) == (150, Task.Priority.HIGH, project)
    assert first.tags == ["склад", "срочно"]
    assert [one.text for one in first.items.order_by("rank")] == ["открыть, посчитать"]
    assert (second.responsible, second.project) == (anna, None)


def test_hours_are_those_of_whoever_imports(anna: User) -> None:
    anna.time_zone = "Asia/Vladivostok"
    anna.save(update_fields=["time_zone"])
    imported("Title,Deadline\nCount,2031-12-02\n", anna)
    there = ZoneInfo("Asia/Vladivostok")
    assert Task.objects.get().deadline_at == datetime(2031, 12, 2, 18, tzinfo=there)


def test_a_row_that_is_there_adds_nothing_and_anothers_identifier_hides_nothing(
    anna: User, boris: User, give: Give
) -> None:
    give("Private", by=boris, to=boris, external_id="A-2")
    table = "Title,ID\nCount,a-1\nWeigh,a-2\nCount once more,A-1\n"
    run = imported(table, anna)
    assert (run.created, run.failed) == (2, 1)
    assert imported(table, anna).created == 0
    assert Task.objects.filter(created_by=anna).count() == 2


@pytest.mark.parametrize(("is_begun", "left"), [(False, 0), (True, 2)])
def test_what_was_imported_goes_again_unless_somebody_works_on_it(
    anna: User, boris: User, *, is_begun: bool, left: int
) -> None:
    run = imported("Title,Responsible\nCount,Boris Test\nWeigh,Boris Test\n", anna)
    if is_begun:
        start_task(Task.objects.get(title="Count"), by=boris)
    start_undo(run, by=anna)
    jobs.import_once(run.pk)
    assert Task.objects.there().count() == left


@pytest.mark.parametrize("what", ["people", "fields", "said"])
def test_nor_where_somebody_has_added_to_it(anna: User, boris: User, olga: User, *, what: str) -> None:
    size = add_field(TASK_FIELDS, FieldDraft("Size", Field.Kind.NUMBER), by=olga)
    run = imported("Title,Responsible\nCount,Boris Test\nWeigh,Boris Test\n", anna)
    task = Task.objects.get(title="Count")
    match what:
        case "people":
            change_task(task, {"observer_ids": (olga.pk,)}, by=anna)
        case "fields":
            change_task(task, {"fields": {size: (Decimal(5),)}}, by=anna)
        case _:
            add_comment(task.thread, "Half of them are empty.", by=boris)
    start_undo(run, by=anna)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    assert (Task.objects.there().count(), run.status) == (2, "done")
    assert "changed since" in run.problem


def test_a_moment_with_its_zone_is_that_moment(anna: User) -> None:
    imported("Title,Deadline\nCount,2031-12-01T18:00:00+05:00\n", anna)
    expected = datetime(2031, 12, 1, 18, tzinfo=ZoneInfo("Asia/Yekaterinburg"))
    assert Task.objects.get().deadline_at == expected


def test_what_an_importer_may_not_do_is_the_problem_of_its_row(anna: User, boris: User, cara: User) -> None:
    create_group(NewGroup("Website"), by=cara)
    run = imported(
        "Title,Project,Planned start,Planned end\nCount,Website,,\nWeigh,,2.12.2031,1.12.2031\n", anna
    )
    assert (run.created, run.failed) == (0, 2)
    assert not Task.objects.exists()


def test_who_is_given_a_task_hears_of_it(anna: User, boris: User) -> None:
    imported("Title,Responsible\nCount,Boris Test\n", anna)
    deliver_all()
    assert Notification.objects.filter(user=boris, kind="tasks.given").exists()


def test_guests_import_nothing(erik: User, anna: User, as_person: Callable[[User], Client]) -> None:
    assert importers[KEY].can_import(anna)
    assert not importers[KEY].can_import(erik)
    assert "/imports/tasks.tasks/" in as_person(anna).get("/tasks/").content.decode()
    assert "/imports/tasks.tasks/" not in as_person(erik).get("/tasks/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_what_an_undo_has_looked_at_nobody_changes_before_it_is_over() -> None:
    anna = cast.person("Anna")
    task, other = (add_task(TaskDraft(title=title, responsible=anna), by=anna) for title in ("One", "Two"))

    def is_held(pk: int) -> bool:
        try:
            with transaction.atomic():
                Task.objects.select_for_update(no_key=True, nowait=True).get(pk=pk)
        except OperationalError:
            return True
        finally:
            connection.close()
        return False

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        assert importers[KEY].states([task.pk])
        assert list(pool.map(is_held, [task.pk, other.pk])) == [True, False]
