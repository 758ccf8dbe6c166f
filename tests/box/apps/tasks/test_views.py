"""The pages: the list, the line above it, giving and changing, what a card lets people do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.tasks.actions.stages import stages_of
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import delete_tasks
from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.groups.actions import NewGroup, create_group, join_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def page(browser: Client, address: str, **query: Any) -> str:
    return browser.get(address, query).content.decode()


def test_the_roles_divide_what_one_has_to_do_with(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    give("Boris counts")
    give("Boris counts and cara helps", accomplice_ids=(cara.pk,))
    give("Cara watches", observer_ids=(cara.pk,))
    own = as_person(boris)
    assert "Boris counts" in page(own, "/tasks/", role="do")
    assert "Boris counts" not in page(own, "/tasks/", role="gave")
    assert "Boris counts" in page(as_person(anna), "/tasks/", role="gave")
    helps = page(as_person(cara), "/tasks/", role="help")
    assert "cara helps" in helps
    assert "Cara watches" not in helps
    watches = page(as_person(cara), "/tasks/", role="watch")
    assert "Cara watches" in watches
    assert "cara helps" not in watches
    mine = page(as_person(cara), "/tasks/")
    assert "Cara watches" in mine
    assert "cara helps" in mine


def test_all_that_one_sees_is_no_more_than_that(
    as_person: Browser, give: Give, anna: User, cara: User
) -> None:
    group = create_group(NewGroup("Website"), by=cara)
    give("Cara's own", by=cara, to=cara, project=group)
    assert "Cara&#39;s own" not in page(as_person(anna), "/tasks/", role="all")
    assert "Cara&#39;s own" in page(as_person(cara), "/tasks/", role="all")


def test_what_is_over_is_shown_to_whoever_asks_for_it(
    as_person: Browser, give: Give, anna: User, boris: User
) -> None:
    complete_task(give("Over and done", needs_acceptance=False), by=boris)
    delete_tasks([give("Thrown away")], by=anna)
    browser = as_person(anna)
    assert "Over and done" not in page(browser, "/tasks/")
    shown = page(browser, "/tasks/", state=State.COMPLETED)
    assert "Over and done" in shown
    assert "Thrown away" not in shown
    assert "Over and done" in page(browser, "/tasks/", q="over done")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"overdue": "yes"}, {"Late"}),
        ({"overdue": "no"}, {"Today", "Some time"}),
        ({"tag": "Store"}, {"Some time"}),
        ({"priority": "2"}, {"Late"}),
        ({"responsible": "me"}, set()),
        ({"deadline.is": "empty"}, {"Some time"}),
        ({"q": "lat"}, {"Late"}),
    ],
)
def test_the_list_is_narrowed_down(
    as_person: Browser, give: Give, anna: User, query: dict[str, str], found: set[str]
) -> None:
    now = timezone.now()
    give("Late", deadline_at=now - timedelta(days=2), priority=2)
    give("Today", deadline_at=now + timedelta(minutes=1))
    give("Some time", tags=("store",))
    shown = as_person(anna).get("/tasks/", query, headers=HTMX).content.decode()
    assert {title for title in ("Late", "Today", "Some time") if f">{title}</a>" in shown} == found


def test_the_list_costs_the_same_for_many_as_for_one(as_person: Browser, give: Give, anna: User) -> None:
    browser = as_person(anna)
    give("The first")
    for address in ("/tasks/", "/tasks/?role=all"):
        browser.get(address)
        with CaptureQueriesContext(connection) as for_one:
            browser.get(address)
        for number in range(8):
            give(f"Number {number}", deadline_at=timezone.now(), tags=("a",))
        with CaptureQueriesContext(connection) as for_many:
            browser.get(address)
        assert len(for_many) == len(for_one) <= 14


def test_a_line_says_what_it_was_understood_as_and_becomes_a_task(
    as_person: Browser, anna: User, boris: User
) -> None:
    browser = as_person(anna)
    line = {"line": "Report tomorrow 18:00 @boris #finance !"}
    echo = browser.get("/tasks/quick/", line, headers=HTMX).content.decode()
    assert "Boris Test" in echo
    assert "#finance" in echo
    assert not Task.objects.exists()
    sent = {**line, "nonce": str(uuid4())}
    for _again in range(2):
        assert browser.post("/tasks/quick/", sent, headers=HTMX).status_code == 200
    task = Task.objects.get()
    assert (task.title, task.responsible, task.tags, task.priority) == ("Report", boris, ["finance"], 2)
    deadline = task.deadline_at
    assert deadline is not None
    assert timezone.localtime(deadline).strftime("%H:%M") == "18:00"


def test_a_line_for_somebody_unknown_becomes_nobodys_task(as_person: Browser, anna: User) -> None:
    sent = {"line": "Report @zoltan", "nonce": str(uuid4())}
    answer = as_person(anna).post("/tasks/quick/", sent, headers=HTMX)
    assert answer.status_code == 422
    assert "@zoltan" in answer.content.decode()
    assert not Task.objects.exists()


def test_a_line_means_only_people_and_groups_of_its_writer(
    as_person: Browser, anna: User, boris: User
) -> None:
    create_group(NewGroup("Plans", kind="secret"), by=boris)
    sent = {"line": "Report +plans", "nonce": str(uuid4())}
    assert as_person(anna).post("/tasks/quick/", sent, headers=HTMX).status_code == 422
    assert as_person(boris).post("/tasks/quick/", sent, headers=HTMX).status_code == 200
    project = Task.objects.get().project
    assert project is not None
    assert project.name == "Plans"


def given(boris: User, cara: User, **more: Any) -> dict[str, Any]:
    return {
        "title": "Count",
        "text": "All of them",
        "responsible": f"U{boris.pk}",
        "accomplices": [f"U{cara.pk}"],
        "deadline_at": "2030-01-31T18:00",
        "estimate_minutes": "2:30",
        "priority": "2",
        "tags": "store, Boxes",
        "may_move_deadline": "on",
        "nonce": str(uuid4()),
        **more,
    }


def test_a_form_becomes_one_task_however_often_it_is_sent(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    browser, sent = as_person(anna), given(boris, cara)
    first, second = (browser.post("/tasks/new/", sent) for _ in range(2))
    task = Task.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == task.get_absolute_url()
    assert (task.responsible, task.estimate_minutes, task.tags) == (boris, 150, ["store", "boxes"])
    assert (task.needs_acceptance, task.may_move_deadline) == (False, True)
    assert list(task.participants.values_list("user", flat=True)) == [cara.pk]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "required"),
        ({"estimate_minutes": "soon"}, "such as 2:30"),
        ({"responsible": "D1"}, "Choose the people again"),
        ({"starts_at": "2030-01-02T10:00", "ends_at": "2030-01-01T10:00"}, "before the start"),
    ],
)
def test_a_form_with_something_wrong_says_so_and_makes_nothing(
    as_person: Browser, anna: User, boris: User, cara: User, wrong: dict[str, str], said: str
) -> None:
    answer = as_person(anna).post("/tasks/new/", given(boris, cara, **wrong))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Task.objects.exists()


def test_a_task_is_changed_and_given_to_another(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give()
    sent = given(cara, boris, title="Weigh", observers=[])
    assert as_person(anna).post(f"/tasks/{task.pk}/edit/", sent).status_code == 302
    task.refresh_from_db()
    assert (task.title, task.responsible, task.text) == ("Weigh", cara, "All of them")


def test_the_card_offers_what_one_may_do_and_nothing_else(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give(observer_ids=(cara.pk,))
    address = task.get_absolute_url()
    steps = {
        name: {step for step in ("start", "complete", "accept", "defer") if f'value="{step}"' in shown}
        for name, shown in (
            ("anna", page(as_person(anna), address)),
            ("boris", page(as_person(boris), address)),
            ("cara", page(as_person(cara), address)),
        )
    }
    assert steps == {
        "anna": {"complete", "defer"},
        "boris": {"start", "complete", "defer"},
        "cara": set(),
    }


def test_a_step_answers_with_the_card_as_it_is_now(as_person: Browser, give: Give, boris: User) -> None:
    task = give()
    answer = as_person(boris).post(f"/tasks/{task.pk}/step/", {"step": "start"}, headers=HTMX)
    assert "Boris Test is working on it" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert as_person(boris).post(f"/tasks/{task.pk}/step/", {"step": "fly"}).status_code == 400


def test_many_are_completed_at_once_and_taken_back(as_person: Browser, give: Give, boris: User) -> None:
    tasks = [give(f"Number {number}", needs_acceptance=False) for number in range(3)]
    browser = as_person(boris)
    sent = {"do": "bulk:complete", "row": [task.pk for task in tasks]}
    answer = browser.post("/tasks/", sent, headers=HTMX).content.decode()
    assert Task.objects.filter(state=State.COMPLETED).count() == 3
    note = answer.partition('name="note" value="')[2].partition('"')[0]
    browser.post("/tasks/", {"do": "undo:complete", "note": note}, headers=HTMX)
    assert Task.objects.filter(state=State.WAITING, closed_at=None).count() == 3


def test_deadlines_of_many_move_and_move_back(as_person: Browser, give: Give, anna: User) -> None:
    deadline = timezone.now().replace(microsecond=0)
    task = give(deadline_at=deadline)
    browser = as_person(anna)
    sent = {"do": "bulk:week-later", "row": [task.pk]}
    answer = browser.post("/tasks/", sent, headers=HTMX).content.decode()
    task.refresh_from_db()
    assert task.deadline_at == deadline + timedelta(weeks=1)
    note = answer.partition('name="note" value="')[2].partition('"')[0]
    browser.post("/tasks/", {"do": "undo:week-later", "note": note}, headers=HTMX)
    task.refresh_from_db()
    assert task.deadline_at == deadline


def test_the_card_costs_the_same_however_many_are_in_it(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User, olga: User
) -> None:
    def cost(person: User, task: Task) -> int:
        browser = as_person(person)
        browser.get(task.get_absolute_url())
        with CaptureQueriesContext(connection) as asked:
            browser.get(task.get_absolute_url())
        # Now: the next request begins the log anew.
        return len(asked)

    task = give()
    for_nothing = cost(anna, task)
    give("Below", parent=task)
    for_few = cost(anna, task)
    assert 5 < for_nothing < for_few <= 10
    full = give("Full", accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))
    for number in range(4):
        give(f"Below {number}", parent=full)
    assert [cost(person, full) for person in (anna, boris, cara)] == [for_few] * 3


def test_words_that_are_looked_for_are_so_many_at_most(give: Give, anna: User) -> None:
    """Each is a condition that every row is asked."""
    task = give("one two three four five six seven eight")
    assert list(Task.objects.matching(f"{task.title} nine")) == [task]
    assert not Task.objects.matching("one nine").exists()


def test_what_was_given_since_waits_behind_a_chip(
    as_person: Browser, give: Give, anna: User, boris: User
) -> None:
    newest = give("Old").pk
    give("New")
    address = f"/tasks/news/?after={newest}"
    assert "1 new task" in page(as_person(boris), address)
    assert "new task" not in as_person(anna).get(address, headers=HTMX).content.decode()


def test_a_group_shows_its_tasks_to_its_members(as_person: Browser, give: Give, anna: User) -> None:
    group = create_group(NewGroup("Website"), by=anna)
    give("Draw the logo", to=anna, project=group)
    assert "Draw the logo" in page(as_person(anna), f"/groups/{group.pk}/", show="tasks")


def test_it_reads_in_russian(as_person: Browser, give: Give, anna: User) -> None:
    task = give()
    anna.language = "ru"
    anna.save()
    browser = as_person(anna)
    assert "Постановщик" in page(browser, "/tasks/")
    assert "исполнитель ещё не приступил" in page(browser, task.get_absolute_url())


def test_a_task_is_made_of_a_post_and_of_a_comment_and_of_what_was_selected_in_it(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    post = publish_post(Draft("The door is broken.\nWho mends it?", (f"U{boris.pk}",)), by=anna)
    comment = add_comment(post.thread, "I could on Friday", by=boris)
    browser = as_person(anna)
    assert f"of=feed.post%3A{post.pk}" in page(browser, f"/feed/{post.pk}/menu/")
    assert f"of=feed.comment%3A{comment.pk}" in page(browser, f"/feed/{post.pk}/")
    begun = page(browser, "/tasks/new/", of=f"feed.post:{post.pk}")
    assert 'value="The door is broken."' in begun
    assert f"/feed/{post.pk}/" in begun
    assert "I could on Friday" in page(browser, "/tasks/new/", of=f"feed.comment:{comment.pk}")
    assert 'value="Who mends it?"' in page(
        browser, "/tasks/new/", of=f"feed.post:{post.pk}", text="Who mends it?"
    )
    # Of what one does not see nothing is begun, and what means nothing neither.
    for said in (f"feed.post:{post.pk}", "feed.post:x", "zzz.zzz:1"):
        assert "door" not in page(as_person(cara), "/tasks/new/", of=said)


def test_several_lines_that_are_pasted_are_as_many_tasks(as_person: Browser, anna: User, boris: User) -> None:
    lines = "Count the boxes tomorrow @boris\n\n  Weigh them #store\nPaint them @Boris !\n"
    browser = as_person(anna)
    look = browser.post("/tasks/quick/", {"line": lines, "look": "1"}, headers=HTMX).content.decode()
    assert look.count("quick-said") == 3
    assert not Task.objects.exists()
    sent = {"line": lines, "nonce": str(uuid4())}
    for _again in range(2):
        assert "3 tasks are given." in browser.post("/tasks/quick/", sent, headers=HTMX).content.decode()
    assert list(Task.objects.order_by("pk").values_list("title", "responsible")) == [
        ("Count the boxes", boris.pk), ("Weigh them", anna.pk), ("Paint them", boris.pk),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("Count the boxes\nWeigh them @zoltan", "Nobody here is called"),
        ("\n".join(["Count"] * 51), "at most 50 tasks"),
        ("\n".join(f"Count @b{number} @c{number}" for number in range(31)), "at most 60 people"),
    ],
)
def test_of_several_lines_all_become_tasks_or_none(
    as_person: Browser, anna: User, lines: str, why: str
) -> None:
    sent = {"line": lines, "nonce": str(uuid4())}
    answer = as_person(anna).post("/tasks/quick/", sent, headers=HTMX)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Task.objects.exists()


def test_fifty_lines_are_looked_up_as_one_is(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    costs = []
    for count in (1, 1, 50):
        with CaptureQueriesContext(connection) as asked:
            browser.post("/tasks/quick/", {"line": "Count @boris\n" * count, "look": "1"}, headers=HTMX)
        costs.append(len(asked))
    assert costs[1] == costs[2]


def test_a_deadline_and_who_does_it_are_changed_where_they_stand(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give("Count the boxes")
    browser, there = as_person(anna), f"/tasks/?edit=deadline&row={task.pk}"
    assert 'name="deadline_at"' in page(browser, there)
    row = browser.post(there, {"deadline_at": "2031-03-04T18:00"}, headers=HTMX).content.decode()
    assert f'data-row="{task.pk}"' in row
    task.refresh_from_db()
    assert timezone.localtime(task.deadline_at).isoformat()[:16] == "2031-03-04T18:00"
    wrong = browser.post(there, {"deadline_at": "soon"}, headers=HTMX)
    assert (wrong.status_code, wrong.headers["HX-Retarget"]) == (422, "closest td")

    there = f"/tasks/?edit=responsible&row={task.pk}"
    assert "Boris Test" in page(browser, there)
    # Who is there already stands first among what is sent.
    sent = {"responsible": [f"U{boris.pk}", f"U{cara.pk}"]}
    assert "Cara" in browser.post(there, sent, headers=HTMX).content.decode()
    task.refresh_from_db()
    assert task.responsible == cara
    assert browser.post(there, {"responsible": "U0"}, headers=HTMX).status_code == 422


def test_a_stage_is_changed_where_it_stands(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    project = create_group(NewGroup("Store"), by=anna)
    for person in (boris, cara):
        join_group(project, by=person)
    anna, boris, cara = (User.objects.get(pk=one.pk) for one in (anna, boris, cara))
    task = give("Count the boxes", by=anna, to=boris, project=project)
    browser, there = as_person(boris), f"/tasks/?edit=stage&row={task.pk}"
    assert "New" in page(browser, "/tasks/")
    form = page(browser, there)
    stages = dict(re.findall(r'value="(\d+)"[^>]*>([^<]+)</option>', form))
    work = next(pk for pk, name in stages.items() if name == "In work")
    row = browser.post(there, {"stage": work}, headers=HTMX).content.decode()
    assert "In work" in row
    assert task.placements.get().stage_id == int(work)
    assert f'value="{work}" selected' in page(browser, there)
    # Nobody puts it into a stage of another board, and who only sees it into none.
    other = stages_of(create_group(NewGroup("Office"), by=anna))[0]
    assert browser.post(there, {"stage": f"{other.pk}"}, headers=HTMX).status_code == 422
    assert as_person(cara).post(there, {"stage": work}, headers=HTMX).status_code == 403
    hers = page(as_person(cara), f"/tasks/?role=all&project={project.pk}").replace("&amp;", "&")
    assert "In work" in hers
    assert "?edit=stage" not in hers
    loose = give("Alone", by=anna, to=boris)
    assert browser.post(f"/tasks/?edit=stage&row={loose.pk}", {"stage": work}, headers=HTMX).status_code in {
        403,
        422,
    }


def test_stages_of_many_cost_as_little_as_of_one(as_person: Browser, give: Give, anna: User) -> None:
    browser, costs = as_person(anna), []
    projects = [create_group(NewGroup(f"Store {number}"), by=anna) for number in range(3)]
    anna = User.objects.get(pk=anna.pk)
    give("First", by=anna, to=anna, project=projects[0])
    for count in (0, 0, 9):
        for number in range(count):
            give(f"More {number}", by=anna, to=anna, project=projects[number % 3])
        with CaptureQueriesContext(connection) as asked:
            assert "New" in page(browser, "/tasks/")
        costs.append(len(asked))
    assert costs[1] == costs[2] <= 10


def test_a_cell_is_changed_by_nobody_else(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    watched = give("Count the boxes", observer_ids=(cara.pk,), may_move_deadline=False)
    his, hers = (page(as_person(one), "/tasks/").replace("&amp;", "&") for one in (boris, cara))
    assert f"?edit=responsible&row={watched.pk}" in his
    assert f"?edit=deadline&row={watched.pk}" not in his
    assert "?edit=" not in hers
    for person, column, status in (
        (boris, "deadline", 403), (cara, "deadline", 403), (cara, "responsible", 403), (boris, "title", 404),
    ):  # fmt: skip
        sent = {"deadline_at": "2031-03-04T18:00", "responsible": f"U{person.pk}"}
        answer = as_person(person).post(f"/tasks/?edit={column}&row={watched.pk}", sent, headers=HTMX)
        assert answer.status_code == status, (person, column)
    private = give("Nobody else's", by=anna, to=anna)
    assert as_person(cara).get(f"/tasks/?edit=deadline&row={private.pk}").status_code == 404
    watched.refresh_from_db()
    assert (watched.responsible, watched.deadline_at) == (boris, None)


def grouped(browser: Client, **query: Any) -> list[str]:
    """Headings and titles, in their order."""
    shown = browser.get("/tasks/", query, headers=HTMX).content.decode()
    marks = re.findall(
        r'scope="rowgroup"[^>]*>([^<]*)<|class="task-title[^>]*>(?:<span.*?</span>)?([^<]+)<', shown
    )
    return [f"[{group}]" if group else title for group, title in marks]


def test_rows_stand_in_groups(as_person: Browser, give: Give, anna: User, boris: User, cara: User) -> None:
    store = create_group(NewGroup("Store"), by=anna)
    give("B1", to=boris)
    give("C1", to=cara, project=store)
    give("B2", to=boris, project=store)
    browser = as_person(anna)
    assert grouped(browser, group="responsible") == ["[Boris Test]", "B1", "B2", "[Cara Test]", "C1"]
    assert grouped(browser, group="responsible", sort="-responsible") == [
        "[Cara Test]", "C1", "[Boris Test]", "B2", "B1",
    ]  # fmt: skip
    assert grouped(browser, group="project") == ["[Store]", "C1", "B2", "[not said]", "B1"]
    # What the list cannot be grouped by, it is not.
    assert grouped(browser, group="title") == ["B1", "C1", "B2"]
    # It is part of the choice: another filter keeps it, and so does another way to look at it.
    shown = page(browser, "/tasks/", group="project", state="waiting").replace("&amp;", "&")
    assert "group=project" in re.findall(r'href="/tasks/board/state/\?([^"]*)"', shown)[0]


def test_groups_go_on_over_pages(as_person: Browser, give: Give, anna: User, boris: User, cara: User) -> None:
    for number in range(60):
        give(f"N{number:02}", to=boris if number % 2 else cara)
    browser = as_person(anna)
    first = page(browser, "/tasks/", group="responsible")
    following = re.search(r'class="list-more" hx-get="([^"]+)"', first)
    assert following is not None
    second = browser.get(following[1].replace("&amp;", "&"), headers=HTMX).content.decode()
    titles = re.findall(r">(N\d\d)<", first) + re.findall(r">(N\d\d)<", second)
    assert titles == [f"N{number:02}" for number in (*range(1, 60, 2), *range(0, 60, 2))]


def test_sums_stand_below_columns_that_are_shown(
    as_person: Browser, give: Give, anna: User, boris: User
) -> None:
    for minutes in (90, 45):
        give("Count", estimate_minutes=minutes)
    give("Weigh", estimate_minutes=600)
    browser = as_person(anna)
    assert "list-sums" not in page(browser, "/tasks/", q="count")
    browser.post("/tasks/", {"do": "columns", "column": ["title", "estimate", "spent"]})
    shown = page(browser, "/tasks/", q="count").partition("list-sums")[2]
    assert re.findall(r'class="number">([^<]+)<', shown)[:2] == ["2:15", "0:00"]
