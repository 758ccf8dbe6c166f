"""Dependencies, and the chart on which they are seen and moved."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.tasks.actions.baselines import drop_baseline, take_baseline
from box.apps.tasks.actions.dependencies import (
    add_dependency,
    move_back,
    move_task,
    plan_move,
    remove_dependency,
)
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task, delete_tasks
from box.apps.tasks.gantt import WIDEST, Row, Zoom, chart_of
from box.apps.tasks.models import Baseline, BaselineBar, Dependency, Task
from box.core.accounts.models import User
from box.core.events.models import Event
from tests import cast
from tests.box.apps.tasks.conftest import DAY, ZERO, planned
from tests.box.core.groups.test_actions import group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.groups.models import Group
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def days_of(*tasks: Task) -> list[int]:
    """The first day of each, counted from the beginning."""
    found = Task.objects.in_bulk([one.pk for one in tasks])
    return [(starts - ZERO).days for one in tasks if (starts := found[one.pk].starts_at)]


def at(task: Task, first: int, days: int = 1) -> dict[str, int]:
    starts = ZERO + first * DAY
    return {"starts": int(starts.timestamp()), "ends": int((starts + days * DAY).timestamp())}


def test_what_would_move_is_shown_and_nothing_is_written(
    as_person: Browser, anna: User, chain: list[Task]
) -> None:
    page = as_person(anna).get(f"/tasks/{chain[0].pk}/schedule/", at(chain[0], 4)).content.decode()
    assert all(title in page for title in ("Draw", "Build", "Paint"))
    assert page.count("Boris") >= 3
    assert days_of(*chain) == [0, 1, 2]


def test_dropped_it_moves_all_that_follows_and_undo_takes_it_back(
    as_person: Browser, anna: User, chain: list[Task]
) -> None:
    browser = as_person(anna)
    answer = browser.post(f"/tasks/{chain[0].pk}/schedule/", at(chain[0], 4))
    assert days_of(*chain) == [4, 5, 6]
    assert "3 tasks are moved." in answer.headers["HX-Trigger"]
    _moves, note = move_task(chain[0], ZERO + 6 * DAY, ZERO + 7 * DAY, by=anna)
    assert browser.post("/tasks/gantt/undo/", {"note": note}).status_code == 200
    assert days_of(*chain) == [4, 5, 6]


def test_undo_is_refused_once_somebody_has_changed_it(anna: User, boris: User, chain: list[Task]) -> None:
    _moves, note = move_task(chain[0], ZERO + 4 * DAY, ZERO + 5 * DAY, by=anna)
    with pytest.raises(ValidationError, match="Somebody else"):
        move_back(note, by=boris)
    change_task(chain[2], {"ends_at": ZERO + 20 * DAY}, by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        move_back(note, by=anna)
    assert days_of(*chain) == [4, 5, 6]


def test_what_follows_is_moved_also_where_it_is_anothers(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    """Who has linked it agreed."""
    mine = planned(give, "Draw", 0, observer_ids=(cara.pk,))
    hers = planned(give, "Build", 1, by=cara, to=cara)
    add_dependency(mine, hers, by=cara)
    move_task(mine, ZERO + 3 * DAY, ZERO + 4 * DAY, by=anna)
    assert days_of(mine, hers) == [3, 4]


def test_of_tasks_that_one_does_not_see_only_their_number_is_said(
    as_person: Browser, give: Give, anna: User, cara: User
) -> None:
    mine = planned(give, "Draw", 0, observer_ids=(cara.pk,))
    add_dependency(mine, planned(give, "Secret", 1, by=cara, to=cara), by=cara)
    page = as_person(anna).get(f"/tasks/{mine.pk}/schedule/", at(mine, 3)).content.decode()
    assert "Secret" not in page
    assert "and 1 task that you do not see" in page


def test_only_whoever_gave_it_plans_it(give: Give, anna: User, boris: User, chain: list[Task]) -> None:
    with pytest.raises(PermissionDenied):
        move_task(chain[0], ZERO + 4 * DAY, ZERO + 5 * DAY, by=boris)
    with pytest.raises(PermissionDenied):
        add_dependency(chain[2], give("More"), by=boris)
    with pytest.raises(PermissionDenied):
        remove_dependency(Dependency.objects.earliest("pk"), by=boris)
    assert days_of(*chain) == [0, 1, 2]


def test_what_waits_no_more_is_told_once(anna: User, chain: list[Task]) -> None:
    link = Dependency.objects.get(after=chain[1])
    for _twice in range(2):
        remove_dependency(link, by=anna)
    assert [one.before for one in Dependency.objects.all()] == [chain[1]]
    told = Event.objects.filter(kind="tasks.DependencyChanged", payload__is_added=False)
    assert [one.payload for one in told] == [
        {"task_id": chain[1].pk, "by_id": anna.pk, "before_id": chain[0].pk, "is_added": False}
    ]


def test_a_deadline_alone_is_moved_by_whoever_may_move_it(give: Give, boris: User) -> None:
    task = give("Count", deadline_at=ZERO)
    move_task(task, ZERO, ZERO + DAY, by=boris)
    task.refresh_from_db()
    assert (task.deadline_at, task.ends_at, task.starts_at) == (ZERO + DAY, None, None)
    fixed = give("Weigh", deadline_at=ZERO, may_move_deadline=False)
    with pytest.raises(PermissionDenied):
        move_task(fixed, ZERO, ZERO + DAY, by=boris)


def test_stretched_it_keeps_its_other_end(anna: User, chain: list[Task]) -> None:
    move_task(chain[0], ZERO, ZERO + 3 * DAY, by=anna)
    chain[0].refresh_from_db()
    assert (chain[0].starts_at, chain[0].ends_at) == (ZERO, ZERO + 3 * DAY)
    assert days_of(*chain[1:]) == [3, 4]


def test_what_is_over_is_pushed_no_more(anna: User, chain: list[Task]) -> None:
    complete_task(chain[1], by=anna)
    assert [one.task for one in plan_move(chain[0], ZERO + 4 * DAY, ZERO + 5 * DAY)] == [chain[0]]


def test_a_circle_and_oneself_are_refused(anna: User, chain: list[Task]) -> None:
    for before, after in ((chain[2], chain[0]), (chain[0], chain[0])):
        with pytest.raises(ValidationError, match="circle"):
            add_dependency(before, after, by=anna)
    assert Dependency.objects.count() == 2


def test_a_lag_is_a_year_at_most(anna: User, chain: list[Task]) -> None:
    add_dependency(chain[0], chain[2], "fs", 366 * 1440, by=anna)
    with pytest.raises(ValidationError, match="a year"):
        add_dependency(chain[0], chain[2], "fs", 366 * 1440 + 1, by=anna)


def test_on_its_card_one_says_what_it_comes_after(as_person: Browser, give: Give, anna: User) -> None:
    first, second = give("Draw"), give("Build")
    address = f"/tasks/{second.pk}/dependencies/"
    browser = as_person(anna)
    assert browser.post(address, {"before": "Nothing", "kind": "fs"}).status_code == 422
    browser.post(address, {"before": "draw", "kind": "ss", "lag": "1.5"})
    made = Dependency.objects.get()
    assert (made.before, made.after, made.kind, made.lag_minutes) == (first, second, "ss", 2160)
    page = browser.get(second.get_absolute_url()).content.decode()
    assert "begins once it has begun" in page
    browser.delete(f"/tasks/dependencies/{made.pk}/")
    assert not Dependency.objects.exists()


def test_the_chart_shows_bars_links_and_what_has_no_dates(
    as_person: Browser, give: Give, anna: User, boris: User, chain: list[Task]
) -> None:
    give("Some day")
    give("Late", deadline_at=datetime(2020, 1, 1, tzinfo=UTC))
    for zoom in ("hours", "days", "weeks", "months", "quarters", "no such"):
        page = as_person(boris).get(f"/tasks/gantt/?role=do&zoom={zoom}").content.decode()
        assert page.count('class="gantt-task') == 4
        assert page.count('class="gantt-link critical"') == 2
        assert "no dates" in page
        assert "gantt-task overdue" in page


@pytest.mark.parametrize("address", ["/tasks/gantt/?q=Draw&role=gave", "/tasks/workload/?q=Draw&role=gave"])
def test_what_is_filtered_is_drawn_in_its_place(
    as_person: Browser, anna: User, chain: list[Task], address: str
) -> None:
    page = as_person(anna).get(address, headers={"HX-Request": "true"})
    assert page.content.startswith(b'<section id="list"')
    assert b'id="list-tools" hx-swap-oob="true"' in page.content
    assert page.headers["HX-Replace-Url"] == address


def test_only_what_one_may_plan_is_movable(
    as_person: Browser, anna: User, boris: User, chain: list[Task]
) -> None:
    assert as_person(anna).get("/tasks/gantt/?role=gave").content.decode().count(" movable") == 3
    assert as_person(boris).get("/tasks/gantt/?role=do").content.decode().count(" movable") == 0


def test_five_hundred_cost_the_queries_of_one(
    as_person: Browser, anna: User, boris: User, give: Give
) -> None:
    browser = as_person(anna)
    planned(give, "Draw", 0)
    browser.get("/tasks/gantt/?role=gave")
    with CaptureQueriesContext(connection) as for_one:
        browser.get("/tasks/gantt/?role=gave")
    first = Task.objects.get()
    for place in range(40):
        task = planned(give, f"Part {place}", place, parent=first)
        add_dependency(first, task, by=anna)
    with CaptureQueriesContext(connection) as for_many:
        page = browser.get("/tasks/gantt/?role=gave").content.decode()
    assert page.count("depth-1") == 40
    assert len(for_many) == len(for_one) <= 10


def test_what_is_planned_years_away_is_a_step_away(as_person: Browser, anna: User, give: Give) -> None:
    """Not everything can be drawn: what lies beside it says where it is, and leads there."""
    now = timezone.now()
    near, far = give("Near", starts_at=now, ends_at=now + DAY), planned(give, "Far", 0)
    browser = as_person(anna)

    def drawn(address: str) -> tuple[str, dict[str, float]]:
        """Where it leads to the one that is not drawn, and where bars are."""
        page = browser.get(address).content.decode()
        (there,) = re.findall(r'class="small gantt-away"\s+href="([^"]+)"', page)
        bars = re.findall(r'data-task="(\d+)".*?gantt-bar" x="([^"]+)"', page, re.DOTALL)
        return there.replace("&amp;", "&"), {task: float(left) for task, left in bars}

    there, bars = drawn("/tasks/gantt/?role=gave")
    assert f"on={timezone.localdate(ZERO)}" in there
    assert bars[str(far.pk)] > WIDEST > bars[str(near.pk)] > 0
    back, bars = drawn(there)
    assert f"on={timezone.localdate(now)}" in back
    assert WIDEST > bars[str(far.pk)] > 0 > bars[str(near.pk)]
    for nothing in ("x", "9999-12-31", "2031-02-30"):
        assert drawn(f"/tasks/gantt/?role=gave&on={nothing}")[0] == there


def test_moments_that_are_none_are_refused(as_person: Browser, anna: User, chain: list[Task]) -> None:
    browser, address = as_person(anna), f"/tasks/{chain[0].pk}/schedule/"
    for starts, ends in (("x", "1"), ("", ""), ("-5", "9"), ("9" * 14, "9" * 14)):
        assert browser.get(address, {"starts": starts, "ends": ends}).status_code == 400
    sent = at(chain[0], 4)
    assert browser.post(address, {"starts": sent["ends"], "ends": sent["starts"]}).status_code == 422
    assert days_of(*chain) == [0, 1, 2]


# Baselines


@pytest.fixture
def project(anna: User, boris: User, give: Give) -> Group:
    """Of anna and boris, with a task of two days."""
    made = group_of(anna, boris)
    planned(give, "Dig", 0, 2, project=made, by=User.objects.get(pk=anna.pk))
    return made


def again(person: User) -> User:
    found: User = User.objects.get(pk=person.pk)
    return found


def drawn(reader: User, baseline: Baseline) -> Row:
    tasks = list(Task.objects.filter(project=baseline.project).as_shown())
    chart = chart_of(tasks, reader=reader, zoom=Zoom.DAYS, now=ZERO, baseline=baseline)
    (row,) = chart.rows
    return row


def test_a_baseline_keeps_the_dates_and_the_chart_says_what_moved(anna: User, project: Group) -> None:
    kept = take_baseline(project, " First  plan ", by=again(anna))
    assert (kept.name, kept.taken_by) == ("First plan", anna)
    task = Task.objects.get(project=project)
    row = drawn(anna, kept)
    assert row.kept is not None
    assert (row.kept.x, row.kept.width, row.kept.days) == (row.x, row.width, 0)
    move_task(task, ZERO + 3 * DAY, ZERO + 5 * DAY, by=anna)
    row = drawn(anna, kept)
    assert row.kept is not None
    assert (row.kept.days, row.x - row.kept.x) == (3, 3 * 40)
    move_task(task, ZERO - DAY, ZERO + DAY, by=anna)
    row = drawn(anna, kept)
    assert row.kept is not None
    assert row.kept.days == -1
    # An hour is a day too, and not nothing.
    move_task(task, ZERO, ZERO + 2 * DAY + DAY / 24, by=anna)
    row = drawn(anna, kept)
    assert row.kept is not None
    assert row.kept.days == 1


def test_one_of_several_baselines_is_drawn_and_said(
    as_person: Browser, anna: User, boris: User, project: Group
) -> None:
    first = take_baseline(project, "First", by=again(anna))
    move_task(Task.objects.get(project=project), ZERO + 3 * DAY, ZERO + 5 * DAY, by=anna)
    second = take_baseline(project, "Second", by=again(anna))
    browser = as_person(boris)
    here = f"/tasks/gantt/?role=all&project={project.pk}"
    assert "gantt-kept" not in browser.get(here).content.decode()
    shown = browser.get(f"{here}&baseline={first.pk}").content.decode()
    assert "3 days later now" in shown
    assert f'value="{second.pk}">Second' in shown
    # What is renewed after a drag shows the same.
    assert f"baseline={first.pk}" in re.findall(r'<gantt-chart[^>]*data-src="(.*?)"', shown)[0]
    assert "As planned" in browser.get(f"{here}&baseline={second.pk}").content.decode()
    # Of another project nothing is shown, nor where none is named.
    assert "gantt-kept" not in browser.get(f"/tasks/gantt/?role=all&baseline={first.pk}").content.decode()


def test_its_moderators_keep_and_drop_baselines(
    as_person: Browser, anna: User, boris: User, cara: User, project: Group
) -> None:
    address = f"/tasks/projects/{project.pk}/baselines/"
    nonce = str(uuid4())
    with pytest.raises(PermissionDenied):
        take_baseline(project, "Mine", by=boris)
    assert as_person(cara).get(address).status_code == 404
    for _twice in range(2):
        assert as_person(anna).post(address, {"name": "Plan", "nonce": nonce}).status_code == 302
    kept = Baseline.objects.get()
    assert "Plan" in as_person(boris).get(address).content.decode()
    with pytest.raises(PermissionDenied):
        drop_baseline(kept, by=boris)
    drop_baseline(kept, by=again(anna))
    assert not BaselineBar.objects.exists()
    assert Task.objects.filter(project=project).exists()


def test_a_baseline_is_of_its_project_alone_and_of_what_is_there(
    give: Give, anna: User, project: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = group_of(anna, name="Another")
    by = again(anna)
    planned(give, "Elsewhere", 0, project=other, by=by)
    gone = planned(give, "Gone", 1, project=project, by=by)
    delete_tasks([gone], by=by)
    give("No dates", project=project, by=by)
    monkeypatch.setattr("box.apps.tasks.actions.baselines.MOST_BASELINES", 1)
    monkeypatch.setattr("box.apps.tasks.actions.baselines.MOST_TASKS", 2)
    dropped, kept = take_baseline(other, "B", by=by), take_baseline(project, "A", by=by)
    assert [bar.task.title for bar in kept.bars.select_related("task")] == ["Dig"]
    for _twice in range(2):
        drop_baseline(dropped, by=by)
    assert list(Baseline.objects.all()) == [kept]
    told = Event.objects.filter(kind__startswith="tasks.Baseline").order_by("pk")
    assert [(one.kind, one.payload) for one in told] == [
        (f"tasks.Baseline{what}", {"group_id": group.pk, "name": name, "by_id": anna.pk})
        for what, group, name in (("Taken", other, "B"), ("Taken", project, "A"), ("Dropped", other, "B"))
    ]


def test_what_cannot_be_kept_is_refused(anna: User, project: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    by = again(anna)
    for name in ("", " ", "x" * 81):
        with pytest.raises(ValidationError, match="name of at most 80"):
            take_baseline(project, name, by=by)
    monkeypatch.setattr("box.apps.tasks.actions.baselines.MOST_BASELINES", 1)
    take_baseline(project, "x" * 80, by=by)
    with pytest.raises(ValidationError, match="drop one"):
        take_baseline(project, "Another", by=by)
    Baseline.objects.all().delete()
    monkeypatch.setattr("box.apps.tasks.actions.baselines.MOST_TASKS", 0)
    with pytest.raises(ValidationError, match="0 tasks at most"):
        take_baseline(project, "Plan", by=by)
    Task.objects.filter(project=project).update(starts_at=None, ends_at=None, deadline_at=None)
    monkeypatch.setattr("box.apps.tasks.actions.baselines.MOST_TASKS", 10)
    with pytest.raises(ValidationError, match="has dates yet"):
        take_baseline(project, "Plan", by=by)


@pytest.mark.django_db(transaction=True)
def test_two_who_link_at_once_close_no_circle() -> None:
    anna = cast.person("Anna")
    one, other = (add_task(TaskDraft(title=title, responsible=anna), by=anna) for title in ("One", "Other"))
    begin = Barrier(2)

    def link(pair: tuple[Task, Task]) -> str:
        try:
            begin.wait(60)
            add_dependency(*pair, by=anna)
        except ValidationError:
            return "refused"
        finally:
            connection.close()
        return "linked"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(link, [(one, other), (other, one)]))
    assert said == ["linked", "refused"]
