"""`UF_CRM_TASK`: programs say which clients a task belongs to, and read of those that their person sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.models import RecordType
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.registry.capabilities import Ref
from box.core.registry.settings import store as set_settings
from box.core.relations.actions import relate
from box.core.relations.models import Relation
from tests.box.apps.crm.conftest import added, allow
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db

OWN = 1058
"""The type of a company's own entities."""


def link(record: Record) -> Ref:
    return Ref("crm.record", record.pk)


def bound(task: Task) -> set[int]:
    """Numbers of the records that it belongs to, whoever sees them."""
    return {row.end_beside(task.ref).id for row in Relation.objects.of(task.ref)}


@pytest.fixture
def clients(anna: User) -> dict[str, Record]:
    """By their codes; each is seen by whoever looks after it, and anna does."""
    RecordType.objects.create(pk=OWN, slug="permit", name="Permit", plural="Permits", has_stages=False)
    made = {}
    for slug, letters in (
        ("lead", "L"),
        ("deal", "D"),
        ("contact", "C"),
        ("company", "CO"),
        ("permit", "T422"),
    ):
        record = added(slug, anna, f"A {slug}")
        made[f"{letters}_{record.pk}"] = record
    for scope in ("t1", "t2", "t3", "t4", f"t{OWN}"):
        allow(employees_role(), scope, Level.OWN)
    return made


def test_a_task_is_given_and_read_with_the_clients_that_it_belongs_to(
    clients: dict[str, Record], anna: User, boris: User
) -> None:
    program = program_of(anna, "task")
    sent = {"TITLE": "Count", "RESPONSIBLE_ID": boris.pk, "UF_CRM_TASK": list(clients)}
    told = program.call("tasks.task.add", fields=sent)["task"]
    assert told["ufCrmTask"] == list(clients)
    again = program.call("tasks.task.get", taskId=told["id"], select=["ID", "UF_CRM_TASK"])["task"]
    assert again["ufCrmTask"] == list(clients)
    # He does it, and sees none of them.
    assert program_of(boris, "task").call("tasks.task.get", taskId=told["id"])["task"]["ufCrmTask"] is False


def test_what_one_does_not_see_stays_when_the_others_are_said_anew(
    clients: dict[str, Record], give: Give, anna: User, boris: User
) -> None:
    task, his = give(), added("deal", boris, "His")
    relate(task.ref, [link(one) for one in clients.values()], by=anna)
    relate(task.ref, [link(his)], by=boris)
    lead, deal, *_rest = clients
    program = program_of(anna, "task")
    program.call("tasks.task.update", taskId=task.pk, fields={"UF_CRM_TASK": {"0": deal, "1": lead}})
    assert bound(task) == {his.pk, clients[lead].pk, clients[deal].pk}
    program.call("tasks.task.update", taskId=task.pk, fields={"UF_CRM_TASK": ""})
    assert bound(task) == {his.pk}
    assert program_of(boris, "task").call("tasks.task.get", taskId=task.pk)["task"]["ufCrmTask"] == [
        f"D_{his.pk}"
    ]


@pytest.mark.parametrize(
    "code", ["D_{hidden}", "L_{mine}", "D_0", "D_x", "X_5", "T_5", f"D_{10**18}", "5", "T_"]
)
def test_what_names_nothing_that_one_sees_is_refused_and_nothing_is_made(
    code: str, clients: dict[str, Record], give: Give, anna: User, boris: User
) -> None:
    hidden, task = added("deal", boris), give()
    mine = next(one for said, one in clients.items() if said.startswith("D_"))
    code = code.format(hidden=hidden.pk, mine=mine.pk)
    program = program_of(anna, "task")
    fields: dict[str, Any] = {"TITLE": "Weigh", "UF_CRM_TASK": [f"D_{mine.pk}", code]}
    for method, more in (("add", {"RESPONSIBLE_ID": boris.pk}), ("update", {})):
        answer = program.ask(f"tasks.task.{method}", taskId=task.pk, fields=fields | more)
        assert answer.status_code == 400
        assert code in answer.json()["error_description"]
    assert not Relation.objects.exists()
    task.refresh_from_db()
    assert task.title == "Count the boxes"


def test_who_only_watches_binds_nothing(give: Give, anna: User, cara: User) -> None:
    task, hers = give(observer_ids=(cara.pk,)), added("deal", cara)
    program = program_of(cara, "task")
    asked: dict[str, Any] = {"taskId": task.pk, "fields": {"UF_CRM_TASK": [f"D_{hers.pk}"]}}
    assert program.ask("tasks.task.update", **asked).status_code == 403
    assert not Relation.objects.exists()


def found(by: User, **condition: Any) -> set[str]:
    told = program_of(by, "task").call("tasks.task.list", filter=condition, select=["ID"])
    return {one["title"] for one in told["tasks"]}


def test_tasks_are_found_by_what_they_belong_to_and_by_nothing_that_is_hidden(
    clients: dict[str, Record], give: Give, anna: User, boris: User
) -> None:
    lead, deal, *_rest = clients
    for title, codes in (("One", [lead]), ("Two", [deal, lead]), ("None", [])):
        relate(give(title).ref, [link(clients[code]) for code in codes], by=anna)
    assert found(anna, UF_CRM_TASK=lead) == {"One", "Two"}
    assert found(anna, UF_CRM_TASK=[deal, "D_999999"]) == {"Two"}
    assert found(anna, **{"!UF_CRM_TASK": deal}) == {"One", "None"}
    # The tasks are his, too; which of them are about anna's deal is not his to know.
    assert found(boris, UF_CRM_TASK=deal) == set()
    program = program_of(anna, "task")
    for wrong in ({"UF_CRM_TASK": ""}, {">UF_CRM_TASK": deal}):
        assert program.ask("tasks.task.list", filter=wrong).status_code == 400


def test_without_a_crm_it_is_empty(clients: dict[str, Record], give: Give, anna: User) -> None:
    task, code = give(), next(iter(clients))
    relate(task.ref, [link(clients[code])], by=anna)
    set_settings({"services.crm": False})
    program = program_of(anna, "task")
    assert program.call("tasks.task.get", taskId=task.pk)["task"]["ufCrmTask"] is False
    assert found(anna, UF_CRM_TASK=code) == set()
    program.call("tasks.task.update", taskId=task.pk, fields={"UF_CRM_TASK": []})
    assert program.ask("tasks.task.update", taskId=task.pk, fields={"UF_CRM_TASK": code}).status_code == 400
    assert bound(task) == {clients[code].pk}


def test_a_page_costs_the_same_however_many_belong_to_its_tasks(
    clients: dict[str, Record], give: Give, anna: User
) -> None:
    program = program_of(anna, "task")
    costs = []
    for codes in ([next(iter(clients))], list(clients)):
        for title in codes:
            relate(give(title).ref, [link(clients[code]) for code in codes], by=anna)
        program.call("tasks.task.list")
        with CaptureQueriesContext(connection) as asked:
            program.call("tasks.task.list")
        costs.append(len(asked))
    assert costs[0] == costs[1]
