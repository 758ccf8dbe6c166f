"""Tasks for programs: what their person may, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.apps.drive.actions.tree import root_of
from box.apps.tasks.actions.tasks import delete_tasks
from box.apps.tasks.models import Dependency, Participant, Placement, Task
from box.apps.tasks.states import State
from box.core.access.principals import code_of
from box.core.files.models import File
from box.core.files.store import store as the_store
from box.core.groups.actions import NewGroup, create_group
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from typing import Any

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db


def fields(boris: User, **more: Any) -> dict[str, Any]:
    return {"TITLE": "Count the boxes", "RESPONSIBLE_ID": boris.pk, **more}


def test_a_program_gives_a_task_once_for_one_key(anna: User, boris: User, cara: User) -> None:
    program = program_of(anna, "task")
    sent = fields(
        boris,
        DEADLINE="2030-01-31T18:00:00+03:00",
        PRIORITY=2,
        AUDITORS=[cara.pk],
        TAGS=["store"],
        TIME_ESTIMATE=5400,
        TASK_CONTROL="N",
    )
    first, second = (
        program.ask("tasks.task.add", key="k", fields=sent).json()["result"]["task"] for _ in range(2)
    )
    task = Task.objects.get()
    assert first == second
    assert (first["id"], first["title"], first["status"]) == (str(task.pk), "Count the boxes", "2")
    assert (first["auditors"], first["tags"], first["timeEstimate"]) == ([str(cara.pk)], ["store"], "5400")
    assert (task.estimate_minutes, task.needs_acceptance, task.priority) == (90, False, 2)
    assert task.participants.get().role == Participant.Role.OBSERVER
    assert task.deadline_at is not None
    assert task.deadline_at.isoformat() == "2030-01-31T15:00:00+00:00"


def test_a_key_tells_the_number_alone_of_what_was_thrown_away(anna: User, boris: User, olga: User) -> None:
    program = program_of(anna, "task")
    program.ask("tasks.task.add", key="k", fields=fields(boris))
    task = Task.objects.get()
    delete_tasks([task], by=olga)
    again = program.ask("tasks.task.add", key="k", fields=fields(boris))
    assert again.json()["result"] == task.pk
    assert "boxes" not in again.content.decode()


def test_a_program_finds_what_its_person_sees(give: Give, anna: User, boris: User, cara: User) -> None:
    give("One", deadline_at=None)
    two = give("Two", priority=2)
    found = program_of(boris, "task").call(
        "tasks.task.list", filter={"PRIORITY": 2, "STATUS": [2, 3]}, order={"ID": "ASC"}
    )
    assert [one["id"] for one in found["tasks"]] == [str(two.pk)]
    outsider = program_of(cara, "task")
    assert outsider.call("tasks.task.list") == {"tasks": []}
    assert outsider.error("tasks.task.get", taskId=two.pk)[1] == "ERROR_NOT_FOUND"
    assert outsider.error("tasks.task.update", taskId=two.pk, fields={"TITLE": "x"})[1] == "ERROR_NOT_FOUND"


def test_a_program_takes_the_steps_that_its_person_may(give: Give, anna: User, boris: User) -> None:
    task = give()
    his, hers = program_of(boris, "task"), program_of(anna, "task")
    assert his.call("tasks.task.start", taskId=task.pk)["task"]["status"] == "3"
    assert his.call("tasks.task.complete", taskId=task.pk)["task"]["status"] == "4"
    assert his.ask("tasks.task.approve", taskId=task.pk).status_code == 403
    assert hers.call("tasks.task.disapprove", taskId=task.pk)["task"]["status"] == "2"
    his.call("tasks.task.complete", taskId=task.pk)
    assert hers.call("tasks.task.approve", taskId=task.pk)["task"]["status"] == "5"
    task.refresh_from_db()
    assert task.state == State.COMPLETED


def test_a_program_changes_passes_on_and_throws_away(give: Give, anna: User, boris: User, cara: User) -> None:
    task, program = give(), program_of(anna, "task")
    program.call("tasks.task.update", taskId=task.pk, fields={"TITLE": "Weigh", "DEADLINE": "2030-01-31"})
    program.call("tasks.task.delegate", taskId=task.pk, userId=cara.pk)
    shown = program.call("tasks.task.get", taskId=task.pk)["task"]
    assert (shown["title"], shown["responsibleId"]) == ("Weigh", str(cara.pk))
    assert shown["deadline"].startswith("2030-01-31T18:00:00")
    assert program_of(cara, "task").ask("tasks.task.delete", taskId=task.pk).status_code == 403
    program.call("tasks.task.delete", taskId=task.pk)
    assert not Task.objects.there().exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"TITLE": ""},
        {"DEADLINE": "soon"},
        {"DEADLINE": "2030-13-01"},
        {"RESPONSIBLE_ID": "anna"},
        {"RESPONSIBLE_ID": 10**9},
        {"GROUP_ID": 10**9},
        {"PARENT_ID": 10**9},
        {"COLOUR": "red"},
    ],
)
def test_what_means_nothing_is_refused_and_nothing_is_made(
    anna: User, boris: User, wrong: dict[str, Any]
) -> None:
    answer = program_of(anna, "task").ask("tasks.task.add", fields=fields(boris, **wrong))
    assert answer.status_code == 400
    assert answer.json()["error_description"]
    assert not Task.objects.exists()


def test_a_program_writes_down_time(give: Give, boris: User, cara: User) -> None:
    task = give()
    program = program_of(boris, "task")
    made = program.call(
        "task.elapseditem.add", taskId=task.pk, arFields={"SECONDS": 90, "COMMENT_TEXT": "At the store"}
    )
    (entry,) = program.call("task.elapseditem.getlist", taskId=task.pk)
    assert (entry["ID"], entry["MINUTES"], entry["COMMENT_TEXT"]) == (str(made), "2", "At the store")
    assert program_of(cara, "task").error("task.elapseditem.getlist", taskId=task.pk)[1] == "ERROR_NOT_FOUND"


def test_a_program_keeps_the_checklist(give: Give, anna: User, boris: User, cara: User) -> None:
    task, program = give(), program_of(boris, "task")
    pk = program.call("task.checklistitem.add", taskId=task.pk, arFields={"TITLE": "Open the door"})
    program.call("task.checklistitem.add", taskId=task.pk, arFields={"TITLE": "Go in", "IS_COMPLETE": "Y"})
    program.call("task.checklistitem.update", taskId=task.pk, itemId=pk, arFields={"TITLE": "Open it"})
    program.call("task.checklistitem.complete", taskId=task.pk, itemId=pk)
    found = program.call("task.checklistitem.getlist", taskId=task.pk)
    assert [(one["TITLE"], one["IS_COMPLETE"]) for one in found] == [("Open it", "Y"), ("Go in", "Y")]
    program.call("task.checklistitem.renew", taskId=task.pk, itemId=pk)
    assert program.call("task.checklistitem.get", taskId=task.pk, itemId=pk)["IS_COMPLETE"] == "N"
    program.call("task.checklistitem.delete", taskId=task.pk, itemId=pk)
    assert task.items.get().text == "Go in"
    line = {"DEADLINE": "2026-12-24", "MEMBERS": {str(boris.pk): {"TYPE": "A"}}}
    pk = program.call("task.checklistitem.add", taskId=task.pk, arFields={"TITLE": "Wrap", **line})
    told = program.call("task.checklistitem.get", taskId=task.pk, itemId=pk)
    assert (told["DEADLINE"], told["MEMBERS"][str(boris.pk)]["TYPE"]) == ("2026-12-24", "A")
    for bad in ({"DEADLINE": "soon"}, {"MEMBERS": {str(cara.pk): {"TYPE": "A"}}}, {"MEMBERS": ["x"]}):
        program.error("task.checklistitem.update", taskId=task.pk, itemId=pk, arFields=bad)
    program.call(
        "task.checklistitem.update", taskId=task.pk, itemId=pk, arFields={"DEADLINE": "", "MEMBERS": ""}
    )
    told = program.call("task.checklistitem.get", taskId=task.pk, itemId=pk)
    assert (told["TITLE"], told["DEADLINE"], told["MEMBERS"]) == ("Wrap", None, {})
    program.call("task.checklistitem.delete", taskId=task.pk, itemId=pk)
    other = give("Another")
    asked = {"taskId": other.pk, "itemId": task.items.get().pk}
    assert program.error("task.checklistitem.delete", **asked)[1] == "ERROR_NOT_FOUND"
    assert (
        program_of(cara, "task").error("task.checklistitem.getlist", taskId=task.pk)[1] == "ERROR_NOT_FOUND"
    )


def test_an_observer_keeps_no_checklist(give: Give, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    status, _code = program_of(cara, "task").error(
        "task.checklistitem.add", taskId=task.pk, arFields={"TITLE": "x"}
    )
    assert status == 403
    assert not task.items.exists()


def test_a_program_comments_and_reads_what_is_said(give: Give, anna: User, boris: User) -> None:
    task = give()
    pk = program_of(boris, "task").call(
        "task.commentitem.add", taskId=task.pk, fields={"POST_MESSAGE": "I begin tomorrow"}
    )
    (said,) = program_of(anna, "task").call("task.commentitem.getlist", taskId=task.pk)
    assert (said["ID"], said["AUTHOR_ID"], said["POST_MESSAGE"]) == (
        str(pk),
        str(boris.pk),
        "I begin tomorrow",
    )


def test_what_lies_on_a_drive_hangs_on_tasks_and_comments(
    anna: User, boris: User, cara: User, store: S3Store
) -> None:
    program = program_of(anna, "task", "disk")
    drive = root_of(code_of(anna), by=anna)
    put = program.call("disk.folder.uploadfile", id=drive.pk, fileContent=["plan.txt", "UGxhbg=="])
    hung = {"UF_TASK_WEBDAV_FILES": [f"n{put['ID']}"]}
    pk = program.call("tasks.task.add", fields=fields(boris, **hung))["task"]["id"]
    (file,) = Task.objects.get(pk=pk).files.all()
    assert (file.name, file.owner, b"".join(the_store().read(file.blob.key))) == ("plan.txt", anna, b"Plan")
    said = {"POST_MESSAGE": "Look", "UF_FORUM_MESSAGE_DOC": [f"n{put['ID']}"], "POST_DATE": "2026-01-01"}
    program.call("task.commentitem.add", taskId=pk, fields=said)
    (comment,) = program.call("task.commentitem.getlist", taskId=pk)
    assert [one["NAME"] for one in comment["ATTACHED_OBJECTS"].values()] == ["plan.txt"]
    # What cara does not see she hangs on nothing.
    before = Task.objects.count()
    hers = program_of(cara, "task")
    assert hers.error("tasks.task.add", fields=fields(boris, **hung)) == (400, "ERROR_NOT_FOUND")
    for wrong in ([put["ID"]], ["n0"], ["n1", "x"], [f"n{one}" for one in range(1, 102)]):
        given = fields(boris, UF_TASK_WEBDAV_FILES=wrong)
        assert program.error("tasks.task.add", fields=given)[0] == 400
    refused = program.error("tasks.task.update", taskId=pk, fields=hung)
    assert refused == (400, "ERROR_ARGUMENT")
    assert (Task.objects.count(), File.objects.count()) == (before, 3)


def test_nobody_comments_in_the_name_of_others(give: Give, anna: User, boris: User, olga: User) -> None:
    task = give()
    named = {"POST_MESSAGE": "Done", "AUTHOR_ID": boris.pk}
    assert program_of(anna, "task").error("task.commentitem.add", taskId=task.pk, fields=named)[0] == 403
    over = program_of(olga, "task", "korobka_transfer")
    over.call("task.commentitem.add", taskId=task.pk, fields=named)
    (said,) = program_of(anna, "task").call("task.commentitem.getlist", taskId=task.pk)
    assert said["AUTHOR_ID"] == str(boris.pk)


def test_a_line_of_a_checklist_goes_by_either_name(give: Give, anna: User) -> None:
    task, program = give(), program_of(anna, "task")
    for name in ("fields", "arFields"):
        program.call("task.checklistitem.add", taskId=task.pk, **{name: {"TITLE": name, "SORT_INDEX": 1}})
    assert [one["TITLE"] for one in program.call("task.checklistitem.getlist", taskId=task.pk)] == [
        "fields", "arFields",
    ]  # fmt: skip
    assert program.error("task.checklistitem.add", taskId=task.pk) == (400, "ERROR_ARGUMENT")


def test_a_program_puts_a_task_into_a_stage(give: Give, anna: User, boris: User, cara: User) -> None:
    group = create_group(NewGroup("Warehouse"), by=anna)
    task, program = give(to=anna, project=group), program_of(anna, "task")
    stages = program.call("task.stages.get", entityId=group.pk)
    assert [one["TITLE"] for one in stages.values()] == ["New", "In work", "Done"]
    last = list(stages)[-1]
    assert program.call("task.stages.movetask", id=task.pk, stageId=last) is True
    assert Placement.objects.get(task=task).stage_id == int(last)
    own = list(program_of(cara, "task").call("task.stages.get", entityId=0))
    assert program.error("task.stages.movetask", id=task.pk, stageId=own[0])[1] == "ERROR_NOT_FOUND"
    assert program_of(cara, "task").error("task.stages.get", entityId=group.pk)[1] == "ERROR_NOT_FOUND"


def test_stages_are_made_placed_called_and_removed(anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    project = create_group(NewGroup("Store"), by=anna)

    def names(entity: int) -> list[str]:
        found = program.ask("task.stages.get", entityId=entity).json()["result"]
        return [one["TITLE"] for one in found.values()]

    usual = names(project.pk)
    said = {"TITLE": "Testing", "ENTITY_ID": project.pk, "AFTER_ID": 0}
    pk = program.ask("task.stages.add", fields=said).json()["result"]
    assert names(project.pk) == ["Testing", *usual]
    first = min(int(one) for one in program.ask("task.stages.get", entityId=project.pk).json()["result"])
    changed = {"TITLE": "Trials", "AFTER_ID": first}
    assert program.ask("task.stages.update", id=pk, fields=changed).json()["result"]
    assert "Trials" in names(project.pk)[1:]
    stranger = program_of(boris, "task")
    others: dict[str, dict[str, Any]] = {"update": {"fields": {"TITLE": "Mine"}}, "delete": {}}
    for name, given in others.items():
        assert stranger.ask(f"task.stages.{name}", id=pk, **given).status_code == 400
    assert stranger.ask("task.stages.add", fields=said).status_code == 400
    assert program.ask("task.stages.add", fields={"TITLE": ""}).status_code == 400
    assert program.ask("task.stages.delete", id=pk).json()["result"] is True
    assert names(project.pk) == usual


def test_a_stage_has_the_color_that_is_said_and_another_one_only_where_it_is_a_color(anna: User) -> None:
    program, project = program_of(anna, "task"), create_group(NewGroup("Store"), by=anna)

    def known() -> dict[str, Any]:
        found: dict[str, Any] = program.ask("task.stages.get", entityId=project.pk).json()["result"]
        return found

    def color(stage: int) -> str:
        said: str = known()[str(stage)]["COLOR"]
        return said

    said = {"TITLE": "Testing", "ENTITY_ID": project.pk, "COLOR": "FFAB00"}
    pk = program.ask("task.stages.add", fields=said).json()["result"]
    assert color(pk) == "ffab00"
    assert program.ask("task.stages.update", id=pk, fields={"COLOR": "#00c4fb"}).status_code == 200
    assert color(pk) == "00c4fb"
    for wrong in ("red", "12345", "1234567", "ffab00;--x:1", "ffab0\n"):
        refused = program.ask("task.stages.update", id=pk, fields={"TITLE": "No", "COLOR": wrong})
        assert refused.status_code == 400
        assert program.ask("task.stages.add", fields={**said, "COLOR": wrong}).status_code == 400
    # What is refused has changed nothing, whichever part of it was wrong.
    before = known()
    for fields in ({"TITLE": "No", "AFTER_ID": 999_999}, {"COLOR": "112233", "AFTER_ID": "x"}):
        assert program.ask("task.stages.update", id=pk, fields=fields).status_code == 400
    assert program.ask("task.stages.add", fields={**said, "AFTER_ID": 999_999}).status_code == 400
    assert (color(pk), before[str(pk)]["TITLE"], known()) == ("00c4fb", "Testing", before)


def test_one_task_waits_for_another_and_no_more(anna: User, boris: User, give: Give) -> None:
    first, second = give(), give("Pack the boxes")
    program = program_of(anna, "task")
    linked: dict[str, Any] = {"taskIdFrom": first.pk, "taskIdTo": second.pk}
    assert program.ask("task.dependence.add", linkType=2, **linked).json()["result"] == []
    (link,) = Dependency.objects.all()
    assert (link.before, link.after, link.kind) == (first, second, Dependency.Kind.FINISH_START)
    assert program.ask("task.dependence.add", linkType=4, **linked).status_code == 400
    assert program_of(boris, "task").ask("task.dependence.delete", **linked).status_code == 403
    assert program.ask("task.dependence.delete", **linked).json()["result"] == []
    assert program.ask("task.dependence.delete", **linked).status_code == 400
    assert not Dependency.objects.exists()


ODD: tuple[Any, ...] = ([], ["a"], {"a": "b"}, None, "", " ", "x" * 70_000, "\u2028", "-")
"""What no line and no stage is called."""


@pytest.mark.parametrize("odd", ODD, ids=[repr(one)[:12] for one in ODD])
def test_what_is_no_text_is_no_title(give: Give, anna: User, odd: Any) -> None:
    """Nor is `None` a title of five letters, nor a list one with brackets."""
    task, program = give(to=anna), program_of(anna, "task")
    pk = program.call("task.checklistitem.add", taskId=task.pk, fields={"TITLE": "Open"})
    stage = next(iter(program.call("task.stages.get", entityId=0)))
    refused: list[tuple[str, dict[str, Any]]] = [
        ("task.checklistitem.add", {"taskId": task.pk}),
        ("task.checklistitem.update", {"taskId": task.pk, "itemId": pk}),
        ("task.stages.add", {}),
        ("task.stages.update", {"id": stage}),
        ("tasks.task.add", {}),
        ("tasks.task.update", {"taskId": task.pk}),
    ]
    if odd in ("-", "\u2028"):
        # A stage and a task may be called so, and so may a line that is there already.
        refused = refused[:1]
    before = task.title
    for method, given in refused:
        assert program.error(method, fields={"TITLE": odd}, **given)[0] == 400, method
    assert [one.text for one in task.items.all()] == ["Open"]
    assert [one.title for one in Task.objects.all()] == [before]


@pytest.mark.parametrize("odd", [True, 1.9, -1, "1e3", "٣", [1], {"a": 1}, 10**30, "9" * 5000])
def test_what_is_no_number_is_neither_a_place_nor_a_project(anna: User, odd: Any) -> None:
    program, project = program_of(anna, "task"), create_group(NewGroup("Store"), by=anna)
    known = program.call("task.stages.get", entityId=project.pk)
    said = {"TITLE": "Testing", "ENTITY_ID": project.pk}
    for name in ("ENTITY_ID", "AFTER_ID"):
        assert program.error("task.stages.add", fields={**said, name: odd})[0] == 400
    first = next(iter(known))
    assert program.error("task.stages.update", id=first, fields={"TITLE": "No", "AFTER_ID": odd})[0] == 400
    assert program.call("task.stages.get", entityId=project.pk) == known


def test_a_stage_of_a_secret_project_is_none_to_a_stranger(give: Give, anna: User, boris: User) -> None:
    """Whatever is done with its number, the answer is that of a number of nothing."""
    secret = create_group(NewGroup("Merger", "", "secret"), by=boris)
    (stage, *_others) = program_of(boris, "task").call("task.stages.get", entityId=secret.pk)
    task, program = give(to=anna), program_of(anna, "task")
    asked: dict[str, dict[str, Any]] = {
        "movetask": {"id": task.pk, "stageId": stage},
        "update": {"id": stage, "fields": {"TITLE": "Mine"}},
        "delete": {"id": stage},
    }
    for name, given in asked.items():
        nothing = {key: 999_999 if one == stage else one for key, one in given.items()}
        told = [program.ask(f"task.stages.{name}", **one).json() for one in (given, nothing)]
        assert told[0] == told[1], name
        assert told[0]["error"] == "ERROR_NOT_FOUND"
    # Whoever helps with a task of the project moves it there without being in the project.
    helped = give(to=boris, by=boris, project=secret, accomplice_ids=(anna.pk,))
    assert program.call("task.stages.movetask", id=helped.pk, stageId=stage) is True


def test_a_program_finds_a_task_by_its_external_id(anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    made = program.call("tasks.task.add", fields=fields(boris, XML_ID="1C-5"))["task"]
    other = program.call("tasks.task.add", fields=fields(boris))["task"]
    assert (made["xmlId"], other["xmlId"]) == ("1C-5", None)
    (found,) = program.call("tasks.task.list", filter={"XML_ID": "1c-5"}, select=["ID", "XML_ID"])["tasks"]
    assert found["id"] == made["id"]
    program.call("tasks.task.update", taskId=other["id"], fields={"XML_ID": "1C-6"})
    rows = program.call("tasks.task.list", filter={"!XML_ID": ""}, order={"XML_ID": "DESC"})["tasks"]
    assert [row["xmlId"] for row in rows] == ["1C-6", "1C-5"]
    assert program.error("tasks.task.add", fields=fields(boris, XML_ID="x" * 256)) == (400, "ERROR_ARGUMENT")
    assert Task.objects.count() == 2
