"""Own fields of tasks, for programs: who decides about fields adds one, who may edit a task fills it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.tasks.fields import TASK_FIELDS
from box.core.fields.models import Field
from box.core.fields.values import values_of
from box.core.files.models import File
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db
GROUP = "task.item.userfield"


def field(name: str, type_id: str = "string", **more: Any) -> dict[str, Any]:
    return {"PARAMS": {"FIELD_NAME": name, "USER_TYPE_ID": type_id, "LABEL": name.title(), **more}}


def own(task: Task) -> dict[str, tuple[Any, ...]]:
    return {field.code: values for field, values in values_of(TASK_FIELDS, task.pk).items()}


def test_a_field_is_added_read_changed_and_taken_away(olga: User, anna: User) -> None:
    program = program_of(olga)
    number = program.call(f"{GROUP}.add", **field("YARD"))
    (row,) = program_of(anna).call(f"{GROUP}.getlist", ORDER={"ID": "ASC"}, FILTER={"FIELD_NAME": "UF_YARD"})
    assert (row["ID"], row["FIELD_NAME"], row["ENTITY_ID"]) == (str(number), "UF_YARD", "TASKS_TASK")
    assert "EDIT_FORM_LABEL" not in row
    assert program_of(anna).call(f"{GROUP}.get", ID=number)["EDIT_FORM_LABEL"] == {"en": "Yard", "ru": "Yard"}
    label = {"en": "Shipyard", "ru": "Верфь"}
    assert program.call(f"{GROUP}.update", ID=number, DATA={"EDIT_FORM_LABEL": label}) is True
    assert Field.objects.get(pk=number).name == "Верфь"
    assert program.call(f"{GROUP}.delete", ID=number) is True
    assert program.error(f"{GROUP}.get", ID=number) == (400, "ERROR_NOT_FOUND")
    # What stood in it comes back with it.
    assert program.call(f"{GROUP}.add", **field("UF_YARD")) == number
    assert {"ID": "string", "title": "text"} in program.call(f"{GROUP}.gettypes")


def test_only_who_decides_about_fields_may(olga: User, anna: User) -> None:
    number = program_of(olga).call(f"{GROUP}.add", **field("YARD"))
    program = program_of(anna)
    for verb, given in (
        ("add", field("OTHER")),
        ("add", field("OTHER", "of no kind")),
        ("update", {"ID": number, "DATA": {"MANDATORY": "Y"}}),
        ("delete", {"ID": number}),
    ):
        assert program.error(f"{GROUP}.{verb}", **given) == (403, "ACCESS_DENIED"), verb
    assert not Field.objects.get().is_required
    assert program_of(olga, "crm").error(f"{GROUP}.getlist") == (403, "insufficient_scope")


def test_a_field_of_another_set_is_none_of_tasks(olga: User) -> None:
    program = program_of(olga)
    deals = program.call("crm.deal.userfield.add", FIELDS={"FIELD_NAME": "HULL", "USER_TYPE_ID": "string"})
    for verb, more in (("get", {}), ("update", {"DATA": {"MANDATORY": "Y"}}), ("delete", {})):
        given = {"ID": deals, **more}
        assert program.error(f"{GROUP}.{verb}", **given) == (400, "ERROR_NOT_FOUND"), verb


def test_a_task_has_what_a_program_has_written(olga: User, anna: User, boris: User) -> None:
    decides, program = program_of(olga), program_of(anna)
    for name, type_id, more in (
        ("YARD", "string", {}),
        ("CREW_SIZE", "double", {}),
        ("PILOTS", "employee", {"MULTIPLE": "Y"}),
        ("HULL", "enumeration", {"LIST": [{"VALUE": "Oak"}, {"VALUE": "Steel"}]}),
        ("PLAN", "file", {}),
    ):
        decides.call(f"{GROUP}.add", **field(name, type_id, **more))
    oak, steel = Field.objects.get(code="UF_HULL").options
    fields = {
        "TITLE": "Build", "RESPONSIBLE_ID": anna.pk, "UF_YARD": "North", "UF_CREW_SIZE": "12",
        "UF_PILOTS": [anna.pk, boris.pk], "UF_HULL": oak.pk,
        "UF_PLAN": {"fileData": ["plan.txt", b64encode(b"Lines").decode()]},
    }  # fmt: skip
    task = program.call("tasks.task.add", fields=fields)["task"]
    file = File.objects.get(name="plan.txt")
    own_of = {name: value for name, value in task.items() if name.startswith("uf")}
    assert own_of == {
        "ufTaskWebdavFiles": False, "ufCrmTask": False, "ufYard": "North", "ufCrewSize": "12",
        "ufPilots": [str(anna.pk), str(boris.pk)], "ufHull": str(oak.pk), "ufPlan": str(file.pk),
    }  # fmt: skip
    program.call("tasks.task.update", taskId=task["id"], fields={"UF_HULL": steel.pk, "UF_YARD": ""})
    again = program.call("tasks.task.get", taskId=task["id"])["task"]
    assert (again["ufHull"], again["ufYard"], again["ufCrewSize"]) == (str(steel.pk), False, "12")
    found = program.call("tasks.task.list", filter={"UF_CREW_SIZE": "12"})["tasks"]
    assert [one["id"] for one in found] == [task["id"]]
    assert program.call("tasks.task.list", filter={"UF_CREW_SIZE": "13"})["tasks"] == []


def test_what_was_taken_off_a_list_is_sent_back_as_it_stands(olga: User, anna: User) -> None:
    decides, program = program_of(olga), program_of(anna)
    number = decides.call(
        f"{GROUP}.add", **field("HULL", "enumeration", LIST=[{"VALUE": "Oak"}, {"VALUE": "Steel"}])
    )
    oak, _steel = Field.objects.get(code="UF_HULL").options
    task = program.call("tasks.task.add", fields={"TITLE": "Build", "UF_HULL": oak.pk})["task"]
    decides.call(f"{GROUP}.update", ID=number, DATA={"LIST": [{"ID": oak.pk, "DEL": "Y"}]})
    sent = {"TITLE": "Build it", "UF_HULL": task["ufHull"]}
    program.call("tasks.task.update", taskId=task["id"], fields=sent)
    assert program.call("tasks.task.get", taskId=task["id"])["task"]["ufHull"] == str(oak.pk)
    # For another one it is nothing to choose.
    assert program.error("tasks.task.add", fields=sent)[0] == 400


def test_what_is_wrong_changes_nothing(olga: User, anna: User, boris: User, give: Give) -> None:
    program_of(olga).call(f"{GROUP}.add", **field("CREW", "double"))
    task = give()
    for program, fields, status in (
        (program_of(anna), {"UF_CREW": "many"}, 400),
        (program_of(anna), {"UF_OTHER": "1"}, 400),
        # Whoever does it may not say what it is.
        (program_of(boris), {"UF_CREW": "5"}, 403),
    ):
        given = {"taskId": task.pk, "fields": {"TITLE": "Other", **fields}}
        assert program.error("tasks.task.update", **given)[0] == status
    task.refresh_from_db()
    assert task.title != "Other" and own(task) == {}


def test_a_list_costs_the_same_for_many(olga: User, anna: User, give: Give) -> None:
    program_of(olga).call(f"{GROUP}.add", **field("YARD"))
    program = program_of(anna)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            program.call("tasks.task.list")
        return len(found)

    program.call("tasks.task.add", fields={"TITLE": "One", "UF_YARD": "North"})
    queries()
    few = queries()
    for number in range(8):
        program.call("tasks.task.add", fields={"TITLE": f"{number}", "UF_YARD": "South"})
    assert queries() == few
