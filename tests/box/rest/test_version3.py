"""Version 3 of the REST API: its addresses, its errors, and tasks by it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.tasks.actions.tasks import TaskDraft, add_task, delete_tasks
from box.apps.tasks.models import Task
from tests.box.rest.calling import Program, program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
V3 = "BITRIX_REST_V3_EXCEPTION_"


def ask(program: Program, method: str, *, key: str = "", **given: Any) -> Any:
    address = program.address.replace("/rest/", "/rest/api/")
    headers = {"Idempotency-Key": key} if key else {}
    return program.client.post(f"{address}/{method}", json.dumps(given), "application/json", headers=headers)


def error(program: Program, method: str, **given: Any) -> tuple[int, str]:
    answer = ask(program, method, **given)
    return answer.status_code, answer.json()["error"]["code"].removeprefix(V3)


def test_a_task_is_given_read_changed_and_thrown_away(anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    fields = {"title": "Build", "creatorId": anna.pk, "responsibleId": boris.pk, "priority": "high"}
    made = ask(program, "tasks.task.add", fields=fields).json()["result"]["item"]
    assert (made["title"], made["responsibleId"], made["priority"]) == ("Build", boris.pk, "high")
    assert (made["status"], made["parentId"], made["groupId"]) == ("pending", None, None)
    changed = ask(
        program, "tasks.task.update", id=made["id"], fields={"title": "Build it", "status": "deferred"}
    )
    assert changed.json()["result"] == {"result": True}
    told = ask(program, "tasks.task.get", id=made["id"], select=["title", "responsible.name", "parent.title"])
    item = told.json()["result"]["item"]
    assert (item["title"], item["status"]) == ("Build it", "deferred")
    assert item["responsible"] == {"name": boris.name}
    assert item["parent"] is None
    assert ask(program, "tasks.task.delete", id=made["id"]).json()["result"] == {"result": True}
    assert not Task.objects.there().exists()


def test_a_key_tells_the_number_alone_of_what_is_not_seen_any_more(anna: User, olga: User) -> None:
    program = program_of(anna, "task")
    sent: dict[str, Any] = {"key": "k", "fields": {"title": "Build", "responsibleId": anna.pk}}
    first, second = (ask(program, "tasks.task.add", **sent).json()["result"] for _ in range(2))
    assert first == second
    task = Task.objects.get()
    delete_tasks([task], by=olga)
    assert ask(program, "tasks.task.add", **sent).json()["result"] == task.pk


def test_errors_have_the_shape_of_the_version(anna: User, boris: User, cara: User) -> None:
    program = program_of(anna, "task")
    refused = ask(program, "tasks.task.get", id="soon").json()["error"]
    assert refused["code"] == f"{V3}VALIDATION_REQUESTVALIDATIONEXCEPTION"
    assert [one["field"] for one in refused["validation"]] == ["id"]
    fields = {"title": "Build", "responsibleId": boris.pk}
    pk = ask(program, "tasks.task.add", fields=fields).json()["result"]["item"]["id"]
    assert error(program_of(cara, "task"), "tasks.task.get", id=pk) == (400, "ENTITYNOTFOUNDEXCEPTION")
    assert error(program_of(boris, "task"), "tasks.task.delete", id=pk) == (403, "ACCESSDENIEDEXCEPTION")
    unknown = (400, "UNKNOWNDTOPROPERTYEXCEPTION")
    assert error(program, "tasks.task.get", id=pk, select=["responsible.password"]) == unknown
    assert error(program, "tasks.task.update", id=pk, fields={"storyPoints": 3}) == unknown
    assert error(program, "tasks.task.update", id=pk, fields={"status": "lost"})[0] == 400
    assert error(program, "tasks.task.nothing") == (404, "METHODNOTFOUNDEXCEPTION")
    # The methods of before are not among them.
    assert error(program, "user.get") == (404, "METHODNOTFOUNDEXCEPTION")
    assert error(program_of(anna, "user"), "tasks.task.get", id=pk) == (403, "insufficient_scope")
    assert Task.objects.get(pk=pk).title == "Build"


def test_nothing_is_told_of_what_they_do_not_see(anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    above = add_task(TaskDraft(title="Between us", responsible=anna), by=anna)
    below = add_task(TaskDraft(title="Build", responsible=boris, parent=above), by=anna)
    asked: dict[str, Any] = {"id": below.pk, "select": ["parent.title", "responsible.name"]}
    assert ask(program, "tasks.task.get", **asked).json()["result"]["item"]["parent"] == {
        "title": "Between us"
    }
    item = ask(program_of(boris, "task"), "tasks.task.get", **asked).json()["result"]["item"]
    assert (item["parent"], item["responsible"]) == (None, {"name": boris.name})
    # What the scopes of people keep from a program it does not get through tasks.
    asked["select"] = ["responsible.email"]
    assert error(program, "tasks.task.get", **asked) == (403, "insufficient_scope")
    assert error(program_of(anna, "task", "user_brief"), "tasks.task.get", **asked)[0] == 403
    told = ask(program_of(anna, "task", "user_basic"), "tasks.task.get", **asked).json()["result"]["item"]
    assert told["responsible"] == {"email": boris.email}


def test_its_secret_stands_in_no_log_either(anna: User, caplog: pytest.LogCaptureFixture) -> None:
    program = program_of(anna, "task")
    with caplog.at_level(logging.DEBUG):
        answer = ask(program, "nothing.here")
    assert answer.status_code == 404
    assert program.secret not in caplog.text
    assert program.secret not in answer.content.decode()
    assert (
        program.client.post("/rest/api/1/wrong/tasks.task.get", "{}", "application/json").status_code == 401
    )
