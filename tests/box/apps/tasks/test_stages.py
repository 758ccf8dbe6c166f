"""Boards whose columns people make themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.tasks.actions.stages import (
    MOST_STAGES,
    add_stage,
    change_stage,
    delete_stage,
    move_stage,
    put_into_stage,
    stages_of,
)
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task
from box.apps.tasks.models import Placement, Task, TaskStage
from box.apps.tasks.states import State
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, create_group, invite_people, join_group
from box.core.groups.models import Group
from tests import cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def warehouse(anna: User, boris: User) -> Group:
    group = create_group(NewGroup("Warehouse"), by=anna)
    invite_people(group, [boris], by=anna)
    join_group(group, by=boris)
    return group


@pytest.fixture
def project(anna: User, boris: User) -> Group:
    return warehouse(anna, boris)


def standing(owner: Group | User, *tasks: Task) -> list[str]:
    """In which stage each was put."""
    names = dict(
        Placement.objects.filter(stage__in=TaskStage.objects.of(owner)).values_list("task", "stage__name")
    )
    return [names.get(task.pk, "") for task in tasks]


def test_a_task_is_dragged_from_stage_to_stage(
    as_person: Browser, give: Give, anna: User, boris: User, project: Group
) -> None:
    task = give("Count", project=project)
    first, second, third = stages_of(project)
    browser, here = as_person(boris), f"/tasks/projects/{project.pk}/"
    for stage in (second, third):
        moved = {"do": "move", "card": task.pk, "column": stage.pk}
        assert browser.post(here, moved, headers={"HX-Request": "true"}).status_code == 200
    assert standing(project, task) == ["Done"]
    page = browser.get(here).content.decode()
    assert f'data-key="{third.pk}"' in page
    deliver_all()
    assert "put it into “Done”" in browser.get(f"/history/tasks.task/{task.pk}/").content.decode()
    assert first.placements.count() == 0


def test_ones_own_plan_is_nobody_elses(
    as_person: Browser, give: Give, anna: User, boris: User, project: Group
) -> None:
    task = give("Count", project=project)
    _none, today, _week = stages_of(boris)
    put_into_stage(task, today, None, None, by=boris)
    assert standing(boris, task) == ["Today"]
    assert standing(project, task) == [""]
    with pytest.raises(PermissionDenied):
        put_into_stage(task, today, None, None, by=anna)
    deliver_all()
    told = as_person(boris).get(f"/history/tasks.task/{task.pk}/").content.decode()
    assert "gave the task" in told
    assert "Today" not in told


def test_whoever_has_no_part_in_it_moves_nothing(give: Give, cara: User, project: Group) -> None:
    task = give("Count", project=project)
    with pytest.raises(PermissionDenied):
        put_into_stage(task, stages_of(project)[1], None, None, by=cara)
    assert not Placement.objects.exists()


def test_what_has_left_the_project_is_put_nowhere(give: Give, anna: User, project: Group) -> None:
    task, stage = give("Count", project=project), stages_of(project)[1]
    change_task(task, {"project": None}, by=anna)
    with pytest.raises(ValidationError, match="not in this project"):
        put_into_stage(task, stage, None, None, by=anna)


def test_moderators_keep_the_stages(as_person: Browser, anna: User, boris: User, project: Group) -> None:
    browser, here = as_person(anna), f"/tasks/projects/{project.pk}/stages/"
    browser.post(here, {"name": " To  check "})
    assert [one.name for one in stages_of(project)] == ["New", "In work", "Done", "To check"]
    last = stages_of(project)[3]
    browser.post(f"/tasks/stages/{last.pk}/", {"to": "left"})
    browser.post(f"/tasks/stages/{last.pk}/", {"name": "Checked"})
    assert [one.name for one in stages_of(project)] == ["New", "In work", "Checked", "Done"]
    for attempt in (
        lambda: add_stage(project, "Mine", by=boris),
        lambda: change_stage(last, {"name": "Mine"}, by=boris),
        lambda: move_stage(last, 1, by=boris),
        lambda: delete_stage(last, by=boris),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert len(stages_of(project)) == 4


def test_what_stood_in_a_deleted_stage_is_in_the_first_and_one_stage_stays(
    as_person: Browser, give: Give, anna: User, project: Group
) -> None:
    task = give("Count", project=project)
    first, second, third = stages_of(project)
    put_into_stage(task, second, None, None, by=anna)
    delete_stage(second, by=anna)
    page = as_person(anna).get(f"/tasks/projects/{project.pk}/").content.decode()
    column = page[page.index(f'data-key="{first.pk}"') : page.index(f'data-key="{third.pk}"')]
    assert "Count" in column
    delete_stage(third, by=anna)
    with pytest.raises(ValidationError, match="at least one"):
        delete_stage(first, by=anna)


def called(owner: Group | User) -> list[str]:
    return [one.name for one in stages_of(owner)]


def test_of_two_boards_each_has_its_own_stages(anna: User, project: Group) -> None:
    assert called(project) == ["New", "In work", "Done"]
    assert called(anna) == ["Not planned", "Today", "This week"]
    last = add_stage(project, "Last", by=anna)
    move_stage(last, -1, by=anna)
    assert called(project) == ["New", "In work", "Last", "Done"]
    # Further than it goes it is at the end.
    move_stage(last, -9, by=anna)
    assert called(project) == ["Last", "New", "In work", "Done"]
    move_stage(last, 9, by=anna)
    assert called(project) == ["New", "In work", "Done", "Last"]
    new, in_work, done, last = stages_of(project)
    delete_stage(done, by=anna)
    add_stage(project, "Behind", by=anna)
    assert called(project) == ["New", "In work", "Last", "Behind"]
    for stage in (new, in_work, last):
        delete_stage(stage, by=anna)
    (behind,) = stages_of(project)
    with pytest.raises(ValidationError, match="at least one"):
        delete_stage(behind, by=anna)
    add_stage(project, "After it", by=anna)
    assert called(project) == ["Behind", "After it"]
    assert called(anna) == ["Not planned", "Today", "This week"]


def test_every_change_of_a_board_is_told(anna: User, project: Group) -> None:
    stage, *_others = stages_of(project)
    own, *_others = stages_of(anna)
    add_stage(project, "x" * 60, by=anna)
    change_stage(stage, {"color": "#112233"}, by=anna)
    move_stage(stage, 1, by=anna)
    delete_stage(stage, by=anna)
    change_stage(own, {"name": "Some day"}, by=anna)
    for name in (" ", "x" * 61):
        with pytest.raises(ValidationError, match="60 characters"):
            add_stage(anna, name, by=anna)
    # It is there no more.
    with pytest.raises(ValidationError, match="not there"):
        change_stage(stage, {"name": "New"}, by=anna)
    told = Event.objects.filter(kind="tasks.StagesChanged").order_by("pk")
    assert [one.payload["group_id"] for one in told] == [*[project.pk] * 4, None]
    assert {one.payload["by_id"] for one in told} == {anna.pk}


def test_a_task_is_put_into_one_stage_of_a_board_and_stays_where_it_is_in_the_others(
    give: Give, boris: User, cara: User, project: Group
) -> None:
    task, other = give("Count", project=project, observer_ids=(cara.pk,)), give("Weigh", project=project)
    _new, in_work, done = stages_of(project)
    put_into_stage(other, in_work, None, None, by=boris)
    put_into_stage(task, in_work, None, None, by=boris)
    put_into_stage(task, stages_of(boris)[1], None, None, by=boris)
    for _twice in range(2):
        put_into_stage(task, done, other.pk, None, by=boris)
    assert (standing(project, task, other), standing(boris, task)) == (["Done", "In work"], ["Today"])
    told = Event.objects.filter(kind="tasks.TaskPlaced").order_by("pk")
    assert [(one.payload["task_id"], one.payload["is_own"]) for one in told] == [
        (other.pk, False), (task.pk, False), (task.pk, True), (task.pk, False),
    ]  # fmt: skip
    assert list(Task.objects.order_by("rank")) == [other, task]
    # Who only watches keeps a plan of her own, and moves the card nowhere else.
    put_into_stage(task, stages_of(cara)[2], None, other.pk, by=cara)
    assert (standing(cara, task), list(Task.objects.order_by("rank"))) == (["This week"], [other, task])


def test_a_board_has_so_many_stages_at_most(anna: User) -> None:
    stages_of(anna)
    for number in range(MOST_STAGES - 3):
        add_stage(anna, f"TaskStage {number}", by=anna)
    with pytest.raises(ValidationError, match="at most 20"):
        add_stage(anna, "One more", by=anna)
    with pytest.raises(ValidationError, match="60 characters"):
        change_stage(stages_of(anna)[0], {"name": "x" * 61}, by=anna)


def test_usual_stages_are_called_in_the_readers_language_until_somebody_names_them(
    as_person: Browser, anna: User, boris: User, project: Group
) -> None:
    boris.language = "ru"
    boris.save(update_fields=["language"])
    stages_of(project)

    stage = stages_of(project)[1]

    def seen(person: User) -> list[str]:
        page = as_person(person).get(f"/tasks/projects/{project.pk}/").content.decode()
        column = page.partition(f'data-key="{stage.pk}"')[2][:1000]
        return [name for name in ("In work", "В работе", "Checked") if name in column]

    assert (seen(anna), seen(boris)) == (["In work"], ["В работе"])
    here, browser = f"/tasks/stages/{stage.pk}/", as_person(anna)
    # To save what one has read names nothing.
    browser.post(here, {"name": "In work", "color": "#AA3300"})
    assert (seen(boris), stages_of(project)[1].color) == (["В работе"], "#aa3300")
    browser.post(here, {"name": "Checked", "color": "#aa3300"})
    assert (seen(anna), seen(boris)) == (["Checked"], ["Checked"])


def test_a_stage_gets_the_color_that_is_chosen(as_person: Browser, anna: User) -> None:
    browser, here = as_person(anna), "/tasks/plan/stages/"
    browser.post(here, {"name": "Later", "color": "#112233"})
    last = stages_of(anna)[-1]
    assert (last.name, last.color) == ("Later", "#112233")
    assert 'value="#112233"' in browser.get(here).content.decode()
    refused = browser.post(f"/tasks/stages/{last.pk}/", {"name": "Soon", "color": "red"})
    assert "such as #17695a" in refused.content.decode()
    assert stages_of(anna)[-1].name == "Later"


def test_the_board_costs_the_same_for_many(
    as_person: Browser, give: Give, anna: User, project: Group
) -> None:
    browser, here = as_person(anna), f"/tasks/projects/{project.pk}/"
    give("Count", project=project)
    browser.get(here)
    with CaptureQueriesContext(connection) as for_one:
        browser.get(here)
    for number in range(12):
        task = give(f"Number {number}", project=project)
        put_into_stage(task, stages_of(project)[number % 3], None, None, by=anna)
    with CaptureQueriesContext(connection) as for_many:
        assert "Number 11" in browser.get(here).content.decode()
    assert len(for_many) == len(for_one) <= 12


@pytest.mark.django_db(transaction=True)
def test_two_who_drag_the_same_card_leave_it_in_one_stage() -> None:
    """Where the later one has put it; and both moves are told of."""
    anna, boris = cast.person("Anna"), cast.person("Boris")
    project = warehouse(anna, boris)
    first, second, third = stages_of(project)
    above, card, below = (
        add_task(TaskDraft(title=title, responsible=boris, project=project), by=anna) for title in "ABC"
    )

    def drag(person: User, stage: TaskStage) -> None:
        put_into_stage(card, stage, above.pk, below.pk, by=person)

    for _round in range(8):
        put_into_stage(card, first, None, None, by=anna)
        moves = Event.objects.filter(kind__endswith="TaskPlaced").count()
        at_once(drag, (anna, second), (boris, third))
        (stands,) = Placement.objects.filter(task=card).values_list("stage", flat=True)
        told = list(Event.objects.filter(kind__endswith="TaskPlaced").order_by("pk")[moves:])
        assert sorted(event.payload["by_id"] for event in told) == [anna.pk, boris.pk]
        assert stands == {anna.pk: second.pk, boris.pk: third.pk}[told[-1].payload["by_id"]]


@pytest.mark.django_db(transaction=True)
def test_a_card_that_is_completed_while_it_is_dragged_stays_completed() -> None:
    """On the board of states, where a move is a step: the slower one is told how it stands."""
    anna, boris = cast.person("Anna"), cast.person("Boris")
    browsers = {person: cast.browser(person) for person in (anna, boris)}

    def drag(person: User, to: State) -> int:
        sent = {"do": "move", "card": card.pk, "column": to.value}
        address = "/tasks/board/state/?role=all"
        answer = browsers[person].post(address, sent, headers={"HX-Request": "true"})
        return answer.status_code

    for _round in range(6):
        card = add_task(TaskDraft(title="Count", responsible=boris), by=anna)
        of_anna, of_boris = at_once(drag, (anna, State.COMPLETED), (boris, State.IN_PROGRESS))
        card.refresh_from_db()
        assert (of_anna, card.state) == (200, State.COMPLETED)
        was_first = Event.objects.filter(kind__endswith="TaskStarted", payload__task_id=card.pk).exists()
        assert (of_boris == 200) == was_first
        assert was_first or of_boris in {403, 409}


@pytest.mark.django_db(transaction=True)
def test_a_card_is_not_put_into_a_stage_that_is_being_deleted() -> None:
    anna, boris = cast.person("Anna"), cast.person("Boris")
    project = warehouse(anna, boris)
    stages_of(project)
    card = add_task(TaskDraft(title="Count", responsible=boris, project=project), by=anna)

    def put(stage: TaskStage) -> None:
        put_into_stage(card, stage, None, None, by=boris)

    def delete(stage: TaskStage) -> None:
        delete_stage(stage, by=anna)

    for number in range(8):
        stage = add_stage(project, f"Passing {number}", by=anna)
        at_once(lambda act, one: act(one), (put, stage), (delete, stage))
        assert not Placement.objects.filter(task=card).exists()


def at_once(act: Callable[..., Any], *given: tuple[Any, ...]) -> list[Any]:
    """What each of these calls answers, or by what it is refused."""
    together = Barrier(len(given))

    def run(arguments: tuple[Any, ...]) -> Any:
        try:
            together.wait(60)
            return act(*arguments)
        except (ValidationError, PermissionDenied) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(run, given))
