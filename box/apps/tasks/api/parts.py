"""What belongs to a task, for programs: its checklist, what is said below it, and its project's stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.access import can_comment
from box.apps.tasks.actions.checklists import (
    add_items,
    assign_item,
    check_item,
    date_item,
    delete_item,
    rename_item,
)
from box.apps.tasks.actions.stages import put_into_stage, stages_of
from box.apps.tasks.api.tasks import INTEGER, OfTask, found, giver, person_named, said
from box.apps.tasks.models import ChecklistItem, Task, TaskStage
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Comment
from box.core.discussion.presenters import files_of
from box.core.files.rest import address_of_file, from_drives
from box.core.groups.models import Group
from box.core.people.bbcode import bbcode_of, html_of
from box.core.registry.filtering import (
    Filterable,
    Moment,
    Number,
    Related,
    condition_of,
    order_of,
)
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    Download,
    Listing,
    ListParameters,
    MethodGroup,
    Parameters,
    Sorting,
    download_address,
    downloads,
    not_found,
    one_text,
    shaped,
    truth,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.files.presenters import Attached

FILE = "task.file"
"""Of a download: a file of a comment."""
_YES_NO = {True: "Y", False: "N"}
_GROUPS = {
    name: MethodGroup(
        prefix=f"task.{name}.", room="tasks", scopes=("task",), source=f"{DOCS}tasks/{page}/index.html"
    )
    for name, page in (
        ("checklistitem", "checklist-item"), ("commentitem", "comment-item"), ("stages", "stages"),
    )
}  # fmt: skip


class OfItem(OfTask):
    ITEMID = forms.IntegerField(help_text=gettext_lazy("The line of the checklist."))


class WithFields(OfTask):
    FIELDS = Conditions(
        required=False, help_text=gettext_lazy("The fields of what is written, such as TITLE.")
    )
    ARFIELDS = Conditions(required=False, help_text=gettext_lazy("The older name of FIELDS."))


class ItemFields(OfItem, WithFields):
    pass


class CommentFields(OfTask):
    FIELDS = Conditions(help_text=gettext_lazy("POST_MESSAGE: what is said."))


class Several(OfTask, ListParameters):
    pass


class Said(Several):
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"ID": "ASC"}.'))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))


_COMMENT_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "AUTHOR_ID": Related("author"),
    "POST_DATE": Moment("created_at"),
}
_COMMENT_ORDERS = {"ID": "id", "AUTHOR_ID": "author", "POST_DATE": "created_at"}


class OfProject(Parameters):
    ENTITYID = forms.IntegerField(help_text=gettext_lazy("The group; 0 is one's own plan."))


class IntoStage(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The task."))
    STAGEID = forms.IntegerField(help_text=gettext_lazy("The stage."))


# The checklist


def items(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/checklist-item/task-checklist-item-get-list.html"""
    return Listing(found(call).items.select_related("assignee"), _items_shown, ("id",))


def item(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/checklist-item/task-checklist-item-get.html"""
    return _items_shown([_item(call)])[0]


def new_item(call: Call) -> ChecklistItem:
    """https://apidocs.bitrix24.com/api-reference/tasks/checklist-item/task-checklist-item-add.html"""
    given = upper(_fields(call), "TITLE", "SORT_INDEX", *_LINE)
    title = " ".join(one_text(given.get("TITLE")).split())
    with transaction.atomic():
        (made,) = add_items(found(call), title, by=call.author)
        return _written(made, given, by=call.author)


def change_item(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/checklist-item/task-checklist-item-update.html"""
    given, one = upper(_fields(call), "TITLE", *_LINE), _item(call)
    with transaction.atomic():
        if "TITLE" in given:
            one = rename_item(one, one_text(given["TITLE"]), by=call.user)
        _written(one, given, by=call.user)
    return True


# What a line has beside its text. Bitrix24 knows no day of a line: DEADLINE is ours, named as a task's.
_LINE = ("IS_COMPLETE", "DEADLINE", "MEMBERS")


def _written(one: ChecklistItem, given: Mapping[str, Any], *, by: User) -> ChecklistItem:
    if "DEADLINE" in given:
        one = date_item(one, _day(given["DEADLINE"]), by=by)
    if "MEMBERS" in given:
        one = assign_item(one, _member(given["MEMBERS"], by), by=by)
    if "IS_COMPLETE" in given:
        one = check_item(one, truth(given["IS_COMPLETE"]), by=by)
    return one


def _day(value: Any) -> date | None:
    """2026-12-01, or the day of a moment; nothing: none. Raises ValidationError."""
    text = one_text(value)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise ValidationError(_("Write a day such as 2026-12-01."), code="day") from None


def _member(value: Any, by: User) -> User | None:
    """`{"13": {"TYPE": "A"}}`: whoever does the line, of whom there is one here; nothing: nobody. Raises
    ValidationError."""
    said = dict(value) if isinstance(value, Mapping) else None
    if not value:
        return None
    if (
        said is None
        or len(said) != 1
        or not all(isinstance(one, Mapping) and one.get("TYPE") == "A" for one in said.values())
    ):
        raise ValidationError(_('MEMBERS: name one person, {"13": {"TYPE": "A"}}.'), code="members")
    return person_named(next(iter(said)), by)


def _fields(call: Call) -> Mapping[str, Any]:
    """Raises ValidationError."""
    found: Mapping[str, Any] = call.values["FIELDS"] or call.values["ARFIELDS"]
    if not found:
        raise ValidationError(f"FIELDS: {_('Write values by the names of fields.')}", code="required")
    return found


def drop_item(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/checklist-item/task-checklist-item-delete.html"""
    delete_item(_item(call), by=call.user)
    return True


def _ticking(is_done: bool) -> Callable[[Call], Any]:
    def answer(call: Call) -> Any:
        check_item(_item(call), is_done, by=call.user)
        return True

    return answer


def _item(call: Call) -> ChecklistItem:
    one = found(call).items.select_related("assignee").filter(pk=call.values["ITEMID"]).first()
    if one is None:
        raise not_found(_("There is no such line in this checklist."))
    return one


def _items_shown(rows: Sequence[ChecklistItem]) -> list[dict[str, Any]]:
    return [
        {
            "ID": str(one.pk),
            "TASK_ID": str(one.task_id),
            "PARENT_ID": "0",
            "TITLE": one.text,
            "IS_COMPLETE": _YES_NO[one.done_at is not None],
            "TOGGLED_BY": str(one.done_by_id) if one.done_by_id else None,
            "TOGGLED_DATE": said(one.done_at),
            "DEADLINE": one.due_on.isoformat() if one.due_on else None,
            "MEMBERS": _members(one.assignee) if one.assignee else {},
        }
        for one in rows
    ]


def _members(person: User) -> dict[str, dict[str, str]]:
    return {str(person.pk): {"ID": str(person.pk), "TYPE": "A", "NAME": person.name}}


_ITEM = shaped(
    **dict.fromkeys(("ID", "TASK_ID", "PARENT_ID", "TITLE", "IS_COMPLETE"), "string"),
    **dict.fromkeys(("TOGGLED_BY", "TOGGLED_DATE", "DEADLINE"), "string?"),
)
_ITEM["properties"]["MEMBERS"] = {
    "type": "object",
    "additionalProperties": shaped(**dict.fromkeys(("ID", "TYPE", "NAME"), "string")),
}


# What is said below


def comments(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/comment-item/task-comment-item-get-list.html"""
    rows = Comment.objects.filter(thread=found(call).thread_id, is_deleted=False).select_related("author")
    rows = rows.filter(condition_of(call.values["FILTER"], _COMMENT_FILTERS))
    order = order_of("", call.values["ORDER"], _COMMENT_ORDERS)
    return Listing(rows, lambda page: _comments_shown(page, call), order)


def say(call: Call) -> Comment:
    """https://apidocs.bitrix24.com/api-reference/tasks/comment-item/task-comment-item-add.html"""
    task = found(call)
    if not can_comment(call.user, task):
        raise PermissionDenied(_("You cannot comment on this task."))
    given = upper(call.values["FIELDS"], "POST_MESSAGE", "AUTHOR_ID", "POST_DATE", "UF_FORUM_MESSAGE_DOC")
    author = call.author
    if (named := given.get("AUTHOR_ID")) not in (None, "", 0, "0"):
        author = giver(person_named(named, call.user), call)
    html = html_of(one_text(given.get("POST_MESSAGE")))
    hanging = from_drives(given.get("UF_FORUM_MESSAGE_DOC"), reader=call.user, by=author)
    # POST_DATE is passed over: what is not taken over is said now.
    return add_comment(task.thread, html=html, file_ids=hanging, by=author)


def _comments_shown(rows: Sequence[Comment], call: Call) -> list[dict[str, Any]]:
    hanging = files_of([one.pk for one in rows])
    return [
        {
            "ID": str(one.pk),
            "AUTHOR_ID": str(one.author_id),
            "AUTHOR_NAME": one.author.name,
            "POST_MESSAGE": bbcode_of(one.html, [file.pk for file in hanging.get(one.pk, ())]),
            "POST_DATE": said(one.created_at),
            **_attached(hanging.get(one.pk, ()), call),
        }
        for one in rows
    ]


def _attached(files: Sequence[Attached], call: Call) -> dict[str, Any]:
    """By the number of the attachment, which is the file's own here; nothing where none hangs there."""
    told = {
        str(file.pk): {
            "ATTACHMENT_ID": str(file.pk),
            "FILE_ID": str(file.pk),
            "NAME": file.name,
            "SIZE": str(file.size),
            **dict.fromkeys(("DOWNLOAD_URL", "VIEW_URL"), download_address(FILE, file.pk, call)),
        }
        for file in files
    }
    return {"ATTACHED_OBJECTS": told} if told else {}


_COMMENT = shaped(**dict.fromkeys(("ID", "AUTHOR_ID", "AUTHOR_NAME", "POST_MESSAGE", "POST_DATE"), "string"))
_COMMENT["properties"]["ATTACHED_OBJECTS"] = {
    "type": "object",
    "additionalProperties": shaped(
        **dict.fromkeys(("ATTACHMENT_ID", "FILE_ID", "NAME", "SIZE", "DOWNLOAD_URL", "VIEW_URL"), "string")
    ),
}


# Stages


def stages(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/stages/task-stages-get.html"""
    owner = owner_meant(call.values["ENTITYID"], call.user)
    return {
        str(one.pk): {
            "ID": str(one.pk),
            "TITLE": str(one.label),
            "SORT": str((place + 1) * 100),
            "COLOR": one.color.removeprefix("#"),
            "ENTITY_ID": str(call.values["ENTITYID"]),
        }
        for place, one in enumerate(stages_of(owner))
    }


STAGE = dict.fromkeys(("ID", "TITLE", "SORT", "COLOR", "ENTITY_ID"), "string")


def move_into_stage(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/tasks/stages/task-stages-move-task.html"""
    call.values["TASKID"] = call.values["ID"]
    task = found(call)
    put_into_stage(task, stage_seen(call.values["STAGEID"], call.user, of=task), None, None, by=call.user)
    return True


def stage_seen(pk: int, user: User, *, of: Task | None = None) -> TaskStage:
    """One of their own, of a project that they are in, or of the project of a task that they see."""
    stage = TaskStage.objects.select_related("project", "user").filter(pk=pk).first()
    if stage is not None and stage.project_id is not None:
        is_seen = of is not None and of.project_id == stage.project_id
        is_seen = is_seen or Group.objects.of(user).filter(pk=stage.project_id).exists()
    else:
        is_seen = stage is not None and stage.user_id == user.pk
    if stage is None or not is_seen:
        raise not_found(_("There is no such stage, or it is not yours."))
    return stage


def owner_meant(group_id: int, user: User) -> Group | User:
    """Whose stages: a group's that the person is in, or with 0 their own."""
    if not group_id:
        return user
    group = Group.objects.of(user).filter(pk=group_id).first()
    if group is None:
        raise not_found(_("There is no such group, or you are no member of it."))
    return group


def upper(given: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Raises ValidationError for a field that is not known: none is passed over."""
    values = {name.upper(): value for name, value in given.items()}
    if unknown := sorted(values.keys() - set(known)):
        raise ValidationError(_("%(name)s is no field here.") % {"name": unknown[0][:40]}, code="unknown")
    return values


def declare() -> None:
    downloads.add(FILE, Download("task", "tasks", address_of_file))
    done: Mapping[str, Any] = {"type": "boolean"}
    for name, about, parameters, answer, result, makes in (
        (
            "checklistitem.add",
            gettext_lazy("Adds a line to a checklist; answers with its number."),
            WithFields,
            new_item,
            INTEGER,
            ChecklistItem,
        ),
        ("checklistitem.get", gettext_lazy("A line of a checklist."), OfItem, item, _ITEM, None),
        (
            "checklistitem.getlist",
            gettext_lazy("The checklist of a task."),
            Several,
            items,
            {"type": "array", "items": _ITEM},
            None,
        ),
        (
            "checklistitem.update",
            gettext_lazy("Changes a line of a checklist."),
            ItemFields,
            change_item,
            done,
            None,
        ),
        (
            "checklistitem.delete",
            gettext_lazy("Deletes a line of a checklist."),
            OfItem,
            drop_item,
            done,
            None,
        ),
        ("checklistitem.complete", gettext_lazy("Ticks a line off."), OfItem, _ticking(True), done, None),
        (
            "checklistitem.renew",
            gettext_lazy("Ticks a line off no more."),
            OfItem,
            _ticking(False),
            done,
            None,
        ),
        (
            "commentitem.add",
            gettext_lazy("Comments on a task; answers with the number."),
            CommentFields,
            say,
            INTEGER,
            Comment,
        ),
        (
            "commentitem.getlist",
            gettext_lazy("What is said below a task."),
            Said,
            comments,
            {"type": "array", "items": _COMMENT},
            None,
        ),
        (
            "stages.get",
            gettext_lazy("The stages of a project, or of one's own plan."),
            OfProject,
            stages,
            {"type": "object", "additionalProperties": shaped(**STAGE)},
            None,
        ),
        (
            "stages.movetask",
            gettext_lazy("Puts a task into a stage."),
            IntoStage,
            move_into_stage,
            done,
            None,
        ),
    ):
        group, _dot, verb = name.partition(".")
        filters = {"filters": _COMMENT_FILTERS} if parameters is Said else {}
        is_new = makes is not None
        _GROUPS[group].add(verb, about, parameters, answer, result, makes=makes, takes_over=is_new, **filters)
