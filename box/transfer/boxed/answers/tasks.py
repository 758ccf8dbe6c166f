"""Tasks with their checklists, comments and time.

Source of the tables: `b_tasks…` of the module tasks; what is said below a task is a topic of the forum
(`b_forum_message`), in which the first message is the task itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from box.lib.php_serialized import several
from box.lib.plain_text import text_of
from box.transfer.boxed.answers.base import Listed, Method, Question, Row, by_key
from box.transfer.boxed.answers.disk import attached_to
from box.transfer.boxed.answers.own_fields import values_of
from box.transfer.boxed.answers.reactions import reactions_to

_THERE = "b_tasks WHERE (ZOMBIE IS NULL OR ZOMBIE <> 'Y')"
_NAMES = {
    "ID": "id", "PARENT_ID": "parentId", "TITLE": "title", "STATUS": "status", "PRIORITY": "priority",
    "GROUP_ID": "groupId", "CREATED_BY": "createdBy", "RESPONSIBLE_ID": "responsibleId",
    "CLOSED_BY": "closedBy", "TIME_ESTIMATE": "timeEstimate", "TASK_CONTROL": "taskControl",
    "ALLOW_CHANGE_DEADLINE": "allowChangeDeadline", "XML_ID": "xmlId",
}  # fmt: skip
_MOMENTS = {
    "CREATED_DATE": "createdDate", "CHANGED_DATE": "changedDate", "CLOSED_DATE": "closedDate",
    "ACTIVITY_DATE": "activityDate", "DEADLINE": "deadline", "START_DATE_PLAN": "startDatePlan",
    "END_DATE_PLAN": "endDatePlan",
}  # fmt: skip
_TAGS = (
    "SELECT TASK_ID, NAME FROM b_tasks_tag WHERE TASK_ID IN ({0}) UNION"
    " SELECT t.TASK_ID, l.NAME FROM b_tasks_task_tag t JOIN b_tasks_label l ON l.ID = t.TAG_ID WHERE"
    " t.TASK_ID IN ({0})"
    " ORDER BY 1, 2"
)

# The table also holds what follows from what was said, one over the other.
_WAITS = (
    "SELECT TASK_ID, DEPENDS_ON_ID, TYPE FROM b_tasks_proj_dep WHERE TASK_ID IN ({}) AND DIRECT = 1"
    " ORDER BY TASK_ID, DEPENDS_ON_ID"
)
_RELATED = (
    "SELECT TASK_ID, DEPENDS_ON_ID FROM b_tasks_dependence WHERE TASK_ID IN ({}) ORDER BY TASK_ID,"
    " DEPENDS_ON_ID"
)


def _tasks(question: Question) -> Listed:
    found = by_key(question, _THERE)
    ids = [str(row["ID"]) for row in found.rows]
    numbers = ", ".join(str(int(one)) for one in ids) or "0"
    members: dict[tuple[str, str], list[str]] = {}
    sql = f"SELECT * FROM b_tasks_member WHERE TASK_ID IN ({numbers}) ORDER BY rowid"
    for row in question.extract.rows(sql):
        members.setdefault((str(row["TASK_ID"]), str(row["TYPE"])), []).append(str(row["USER_ID"]))
    tags: dict[str, list[str]] = {}
    for row in question.extract.rows(_TAGS.format(numbers)):
        tags.setdefault(str(row["TASK_ID"]), []).append(str(row["NAME"]))
    own = question.extract.own("b_uts_tasks_task", ids)
    values = values_of(question, "task", ids)
    links, reactions = _links(question, numbers), reactions_to(question, "TASK", ids)
    told = [
        {
            **_told(question, row, members, tags, own),
            **values.get(str(row["ID"]), {}),
            **links[str(row["ID"])],
            "reactions": reactions.get(str(row["ID"])),
        }
        for row in found.rows
    ]
    return replace(found, rows=told)


def _links(question: Question, numbers: str) -> Mapping[str, Row]:
    """What they wait for, by planners' kinds of waiting, and tasks that are named before them without one."""
    found: dict[str, Row] = defaultdict(lambda: {"waitsFor": [], "related": []})
    for row in question.extract.rows(_WAITS.format(numbers)):
        waits = {"task": row["DEPENDS_ON_ID"], "kind": row["TYPE"]}
        found[str(row["TASK_ID"])]["waitsFor"].append(waits)
    for row in question.extract.rows(_RELATED.format(numbers)):
        related = {"kind": "tasks.task", "id": row["DEPENDS_ON_ID"]}
        found[str(row["TASK_ID"])]["related"].append(related)
    return found


def _told(
    question: Question,
    row: Row,
    members: Mapping[tuple[str, str], Sequence[str]],
    tags: Mapping[str, Sequence[str]],
    own: Mapping[str, Mapping[str, str | None]],
) -> Row:
    theirs = str(row["ID"])
    text = row["DESCRIPTION"] or ""
    return {
        **{name: row[column] for column, name in _NAMES.items()},
        **{name: question.moment(row[column]) for column, name in _MOMENTS.items()},
        # Those of many years ago are HTML.
        "description": text_of(text) if row["DESCRIPTION_IN_BBCODE"] == "N" else text,
        "accomplices": list(members.get((theirs, "A"), ())),
        "auditors": list(members.get((theirs, "U"), ())),
        "tags": {
            str(place): {"id": place, "title": name} for place, name in enumerate(tags.get(theirs, ()), 1)
        },
        "ufCrmTask": several(own.get(theirs, {}).get("UF_CRM_TASK")),
        "ufTaskWebdavFiles": several(own.get(theirs, {}).get("UF_TASK_WEBDAV_FILES")),
    }


def _checklist(question: Question) -> list[Row]:
    sql = (
        "SELECT i.*, (SELECT t.PARENT_ID FROM b_tasks_checklist_items_tree t WHERE t.CHILD_ID = i.ID"
        " AND t.LEVEL = 1) AS PARENT_ID FROM b_tasks_checklist_items i WHERE i.TASK_ID = ? ORDER BY"
        " i.SORT_INDEX, i.ID"
    )
    rows = question.extract.rows(sql, [question.number("taskid")])
    return [
        {**row, "PARENT_ID": row["PARENT_ID"] or "0", "TOGGLED_DATE": question.moment(row["TOGGLED_DATE"])}
        for row in rows
    ]


def _comments(question: Question) -> list[Row]:
    """What people have said; the program's own notes have a type."""
    sql = (
        "SELECT m.* FROM b_tasks t JOIN b_forum_message m ON m.TOPIC_ID = t.FORUM_TOPIC_ID WHERE t.ID = ?"
        " AND t.FORUM_TOPIC_ID > 0 AND coalesce(m.NEW_TOPIC, 'N') <> 'Y' AND coalesce(m.SERVICE_TYPE, 0) = 0"
        " ORDER BY m.ID"
    )
    rows = question.extract.rows(sql, [question.number("taskid")])
    files = attached_to(question, "ForumMessageConnector", [str(row["ID"]) for row in rows])
    return [
        {
            "ID": row["ID"],
            "AUTHOR_ID": row["AUTHOR_ID"],
            "POST_DATE": question.moment(row["POST_DATE"]),
            "POST_MESSAGE": row["POST_MESSAGE"],
            "ATTACHED_OBJECTS": {
                str(one["ID"]): {
                    "ATTACHMENT_ID": one["ID"],
                    "NAME": one["NAME"],
                    "SIZE": one["SIZE"],
                    "FILE_ID": one["OBJECT_ID"],
                    "DOWNLOAD_URL": one["DOWNLOAD_URL"],
                }
                for one in files.get(str(row["ID"]), ())
            },
        }
        for row in rows
    ]


def _time(question: Question) -> list[Row]:
    sql = "SELECT * FROM b_tasks_elapsed_time WHERE TASK_ID = ? ORDER BY ID"
    rows: list[dict[str, Any]] = list(question.extract.rows(sql, [question.number("taskid")]))
    for row in rows:
        row["CREATED_DATE"] = question.moment(row["CREATED_DATE"])
        # Older ones know minutes alone.
        row["SECONDS"] = row["SECONDS"] or str(60 * int(row["MINUTES"] or 0))
    return rows


METHODS: Mapping[str, Method] = {
    "tasks.task.list": _tasks,
    "task.checklistitem.getlist": _checklist,
    "task.commentitem.getlist": _comments,
    "task.elapseditem.getlist": _time,
}
