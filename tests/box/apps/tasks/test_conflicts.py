"""Two people have the form of a task open at once: nobody takes back unseen what the other has written."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.tasks.actions.conflicts import COLUMNS, EditConflict, base_of, edit_task
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import change_task
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.fields.values import values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db
DEADLINE = datetime(2035, 1, 31, 18, 0, 42, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def task(give: Give, cara: User) -> Task:
    return give(
        text="All of them", html="<p>All of them</p>", tags=("store",), deadline_at=DEADLINE,
        accomplice_ids=(cara.pk,), estimate_minutes=90,
    )  # fmt: skip


def opened(browser: Client, task: Task) -> dict[str, Any]:
    """What the form sends where nobody has touched it."""
    page = browser.get(f"/tasks/{task.pk}/edit/").content.decode()
    found = re.search(r'name="base" value="([^"]+)"', page)
    assert found
    assert re.fullmatch(r"(\S+:[0-9a-f]{12} ?)+", found[1])
    people = {role: list(task.participants.filter(role=role)) for role in ("accomplice", "observer")}
    return {
        "base": found[1],
        "title": task.title,
        "text": task.text,
        "html": task.html,
        "responsible": f"U{task.responsible_id}",
        "accomplices": [f"U{one.user_id}" for one in people["accomplice"]],
        "observers": [f"U{one.user_id}" for one in people["observer"]],
        "deadline_at": timezone.localtime(task.deadline_at).strftime("%Y-%m-%dT%H:%M"),
        "estimate_minutes": "1:30",
        "priority": str(task.priority),
        "tags": ", ".join(task.tags),
        "needs_acceptance": "on",
        "may_move_deadline": "on",
    }


def save(browser: Client, task: Task, sent: dict[str, Any], *, status: int = 302) -> str:
    answer = browser.post(f"/tasks/{task.pk}/edit/", sent)
    assert answer.status_code == status
    task.refresh_from_db()
    return answer.content.decode()


def test_what_others_have_changed_and_one_has_not_stays(
    as_person: Browser, task: Task, anna: User, boris: User, olga: User
) -> None:
    browser = as_person(anna)
    sent = opened(browser, task)
    later = DEADLINE.replace(day=15)
    theirs = {"deadline_at": later, "text": "Half", "html": "<p>Half</p>", "tags": ["yard"]}
    change_task(task, {**theirs, "observer_ids": (boris.pk, olga.pk), "accomplice_ids": ()}, by=olga)
    save(browser, task, {**sent, "title": "Weigh them"})
    assert (task.title, task.deadline_at, task.text, task.tags) == ("Weigh them", later, "Half", ["yard"])
    assert list(task.participants.values_list("user", "role")) == [(olga.pk, "observer")]


def test_whoever_was_given_it_meanwhile_keeps_it(
    as_person: Browser, task: Task, anna: User, cara: User, olga: User
) -> None:
    browser = as_person(anna)
    sent = opened(browser, task)
    Task.objects.filter(pk=task.pk).update(responsible=olga)
    save(browser, task, {**sent, "title": "Weigh them"})
    assert task.responsible == olga
    sent = opened(browser, task)
    save(browser, task, {**sent, "responsible": f"U{cara.pk}"})
    assert task.responsible == cara


def test_what_both_have_changed_is_asked_about_once(
    as_person: Browser, task: Task, anna: User, olga: User
) -> None:
    browser = as_person(anna)
    sent = opened(browser, task)
    change_task(task, {"title": "Count again", "tags": ["yard"]}, by=olga)
    mine = {**sent, "title": "Weigh them", "text": "Each", "html": "<p>Each</p>"}
    page = save(browser, task, mine, status=422)
    assert "Changed meanwhile: What is to be done. Save again" in page
    assert 'value="Weigh them"' in page
    # Nothing of it was written.
    assert (task.title, task.text) == ("Count again", "All of them")
    base = re.search(r'name="base" value="([^"]+)"', page)
    assert base
    save(browser, task, {**mine, "base": base[1]})
    # It is one's own now, and what was not asked about stays the other's.
    assert (task.title, task.text, task.tags) == ("Weigh them", "Each", ["yard"])


def test_whoever_writes_the_same_is_asked_nothing(
    as_person: Browser, task: Task, anna: User, olga: User
) -> None:
    browser = as_person(anna)
    sent = opened(browser, task)
    change_task(task, {"title": "Weigh them"}, by=olga)
    save(browser, task, {**sent, "title": " Weigh  them"})
    assert task.title == "Weigh them"


def test_a_form_that_nobody_has_touched_writes_nothing(as_person: Browser, task: Task, anna: User) -> None:
    was = task.changed_at
    save(as_person(anna), task, opened(as_person(anna), task))
    assert (task.changed_at, task.deadline_at) == (was, DEADLINE)


def test_a_form_of_before_there_was_a_base_is_written_as_it_was_sent(
    as_person: Browser, task: Task, anna: User, olga: User
) -> None:
    sent = {**opened(as_person(anna), task), "base": "", "title": "Weigh them"}
    change_task(task, {"tags": ["yard"]}, by=olga)
    save(as_person(anna), task, sent)
    assert (task.title, task.tags) == ("Weigh them", ["store"])


def test_what_is_closed_is_changed_also_by_a_form_without_a_base(
    as_person: Browser, task: Task, anna: User
) -> None:
    complete_task(task, by=anna)
    save(as_person(anna), task, {**opened(as_person(anna), task), "base": "", "title": "Weigh them"})
    assert (task.title, task.is_open) == ("Weigh them", False)


@pytest.mark.parametrize("base", ["title", "title: :title ::", "title:000000000000 " * 2000])
def test_of_a_base_that_is_nonsense_one_is_asked(
    as_person: Browser, task: Task, anna: User, base: str
) -> None:
    sent = {**opened(as_person(anna), task), "base": base, "title": "Weigh them"}
    assert "meanwhile" in save(as_person(anna), task, sent, status=422)
    assert task.title == "Count the boxes"


def test_own_fields_are_fields_too(as_person: Browser, task: Task, anna: User, olga: User) -> None:
    one, other = (
        add_field(TASK_FIELDS, FieldDraft(name=name, kind=Field.Kind.TEXT), by=olga)
        for name in ("Yard", "Gate")
    )
    change_task(task, {"fields": {one: ("first",), other: ("north",)}}, by=olga)
    browser = as_person(anna)
    sent = {**opened(browser, task), one.key: "first", other.key: "north"}
    change_task(task, {"fields": {one: ("second",)}}, by=olga)
    save(browser, task, {**sent, other.key: "south"})
    assert values_of(TASK_FIELDS, task.pk) == {one: ("second",), other: ("south",)}
    page = save(browser, task, {**sent, one.key: "third"}, status=422)
    assert "Changed meanwhile: Yard. Save again" in page


def changes_of(task: Task, **more: Any) -> dict[str, Any]:
    """What an untouched form says, for the action."""
    shown = {name: getattr(task, name) for name in COLUMNS}
    people = {"accomplice_ids": tuple(task.participants.values_list("user", flat=True)), "observer_ids": ()}
    return {**shown, "text": task.text, "html": task.html, **people, "fields": {}, **more}


def test_all_of_it_is_written_or_nothing(task: Task, anna: User, erik: User) -> None:
    """The guest may not be given it, and so the title stays as well."""
    with pytest.raises(ValidationError, match="outside guest"):
        edit_task(task, changes_of(task, title="Weigh"), responsible=erik, base=base_of(task), by=anna)
    task.refresh_from_db()
    assert task.title == "Count the boxes"


def test_a_conflict_names_every_field(task: Task, anna: User, olga: User) -> None:
    base = base_of(task)
    sent = changes_of(task, title="Mine", priority=0)
    change_task(task, {"title": "Other", "priority": 2, "tags": []}, by=olga)
    with pytest.raises(EditConflict) as caught:
        edit_task(task, sent, responsible=task.responsible, base=base, by=anna)
    assert (caught.value.names, caught.value.code) == (["title", "priority"], "conflict")
    assert caught.value.messages == ["It was changed meanwhile: reload the page."]
    edit_task(task, sent, responsible=task.responsible, base=caught.value.base, by=anna)
    task.refresh_from_db()
    assert (task.title, task.priority, task.tags) == ("Mine", 0, [])
