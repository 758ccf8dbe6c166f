"""What the stand-in does when it is told to write: by method, as the documentation of each says.

Written from https://github.com/bitrix-tools/b24-rest-docs, method by method; not from the box's own code.
What a method needs and did not get is refused with its own words; what it knows nothing of is passed over,
and noted.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.cloud.portal import Refused, camel, listed

if TYPE_CHECKING:
    from tests.cloud.company import Company

type Given = Mapping[str, Any]

NOW = "2026-11-27T10:00:00+03:00"
OWNER = 1
"""Whose webhook it is."""
_USER = {
    *("EMAIL", "NAME", "LAST_NAME", "SECOND_NAME", "WORK_POSITION", "PERSONAL_MOBILE", "PERSONAL_BIRTHDAY"),
    *("UF_DEPARTMENT", "EXTRANET", "SONET_GROUP_ID", "PERSONAL_PHOTO"),
}
_TASK = {
    *("TITLE", "DESCRIPTION", "CREATED_BY", "RESPONSIBLE_ID", "ACCOMPLICES", "AUDITORS", "PRIORITY", "TAGS"),
    *("TIME_ESTIMATE", "TASK_CONTROL", "ALLOW_CHANGE_DEADLINE", "DEADLINE", "START_DATE_PLAN"),
    *("END_DATE_PLAN", "GROUP_ID", "PARENT_ID", "UF_TASK_WEBDAV_FILES", "XML_ID", "STATUS", "UF_CRM_TASK"),
}
_RECORD = {
    *("TITLE", "ASSIGNED_BY_ID", "COMMENTS", "SOURCE_ID", "SOURCE_DESCRIPTION", "OPENED", "ORIGINATOR_ID"),
    *("ORIGIN_ID", "NAME", "SECOND_NAME", "LAST_NAME", "POST", "BIRTHDATE", "PHONE", "EMAIL", "WEB", "IM"),
    *("ADDRESS", "COMPANY_ID", "CONTACT_ID", "CONTACT_IDS", "OPPORTUNITY", "CURRENCY_ID", "STATUS_ID"),
    *("IS_MANUAL_OPPORTUNITY", "STAGE_ID", "CATEGORY_ID", "BEGINDATE", "CLOSEDATE"),
}
_ACTIVITY = {
    *("OWNER_TYPE_ID", "OWNER_ID", "TYPE_ID", "SUBJECT", "DESCRIPTION", "DESCRIPTION_TYPE", "DIRECTION"),
    *(
        "START_TIME",
        "END_TIME",
        "COMPLETED",
        "RESPONSIBLE_ID",
        "COMMUNICATIONS",
        "ORIGINATOR_ID",
        "ORIGIN_ID",
    ),
}
_EVENT = {
    *("type", "ownerId", "from", "to", "skip_time", "timezone_from", "timezone_to", "section", "name"),
    *("auto_detect_section", "description", "location", "accessibility", "private_event", "rrule"),
    *("is_meeting", "host", "attendees", "meeting"),
}


def writes(company: Company) -> dict[str, Callable[[Given], Any]]:
    told: dict[str, Callable[[Company, Given], Any]] = {
        "department.add": _add_department,
        "department.update": _update_department,
        "user.add": _add_user,
        "user.update": _update_user,
        "sonet_group.create": _create_group,
        "sonet_group.user.add": _add_members,
        "sonet_group.user.update": _set_role,
        "sonet_group.update": _update_group,
        "log.blogpost.add": _add_post,
        "log.blogcomment.add": _add_comment,
        "tasks.task.add": _add_task,
        "tasks.task.update": _update_task,
        "task.item.userfield.add": _add_task_field,
        "task.checklistitem.add": _add_check,
        "task.dependence.add": _link,
        "task.dependence.delete": _unlink,
        "task.elapseditem.add": _add_time,
        "task.commentitem.add": _add_task_comment,
        "disk.storage.addfolder": partial(_add_folder, place="storage"),
        "disk.folder.addsubfolder": partial(_add_folder, place="folder"),
        "disk.storage.uploadfile": partial(_upload, place="storage"),
        "disk.folder.uploadfile": partial(_upload, place="folder"),
        "disk.file.uploadversion": _upload_version,
        "crm.category.add": _add_category,
        "crm.status.add": _add_status,
        "crm.activity.add": _add_activity,
        "crm.activity.update": _update_activity,
        "crm.timeline.comment.add": _add_note,
        "calendar.event.add": _add_event,
        "calendar.event.update": _update_event,
        **{f"crm.{kind}.add": partial(_add_record, kind=kind) for kind in company.records},
        **{f"crm.{kind}.update": partial(_update_record, kind=kind) for kind in company.records},
        **{f"crm.{kind}.userfield.add": partial(_add_field, kind=kind) for kind in company.records},
        **{f"crm.{kind}.productrows.set": partial(_set_products, kind=kind) for kind in ("lead", "deal")},
    }
    return {name: partial(act, company) for name, act in told.items()}


# What several need


def _fields(company: Company, given: Given, known: set[str], of: str) -> dict[str, Any]:
    company.unknown |= {f"{of}: {name}" for name in given if name not in known and not name.startswith("UF_")}
    return {name: given[name] for name in given}


def _number(value: Any) -> int:
    text = str(value or "0")
    return int(text) if text.isdecimal() else 0


def _numbers(value: Any) -> list[int]:
    return [_number(one) for one in listed(value)]


def _one(rows: list[dict[str, Any]], pk: Any, key: str = "ID") -> dict[str, Any]:
    found = next((row for row in rows if row[key] == _number(pk)), None)
    if found is None:
        raise Refused("ERROR_NOT_FOUND", "Not found")
    return found


def _user(company: Company, pk: Any) -> int:
    """Somebody who is there; the owner of the webhook where nobody is named."""
    number = _number(pk) or OWNER
    if number not in {row["ID"] for row in company.people}:
        raise Refused("ERROR_CORE", "User not found")
    return number


def _bytes(value: Any) -> tuple[str, bytes]:
    name, content = listed(value)
    return str(name), b64decode(str(content), validate=True)


# The company


def _add_department(company: Company, given: Given) -> int:
    if not str(given.get("NAME") or "").strip():
        raise Refused("ERROR_CORE", "No name of the section<br>")
    parent = _number(given.get("PARENT"))
    if parent not in {row["ID"] for row in company.departments}:
        raise Refused("ERROR_CORE", "There must be one section at the top of the structure")
    _fields(company, given, {"NAME", "SORT", "PARENT", "UF_HEAD"}, "department")
    return company.department(company.number(), given["NAME"], parent, _number(given.get("UF_HEAD")))


def _update_department(company: Company, given: Given) -> bool:
    row = _one(company.departments, given.get("ID"))
    if "UF_HEAD" in given:
        row["UF_HEAD"] = _user(company, given["UF_HEAD"])
    return True


def _add_user(company: Company, given: Given) -> int:
    email = str(given.get("EMAIL") or "")
    if "@" not in email:
        raise Refused("ERROR_ARGUMENT", "wrong_email")
    if email.casefold() in {str(row["EMAIL"]).casefold() for row in company.people}:
        raise Refused("ERROR_ARGUMENT", "A user with this e-mail exists already")
    departments = _numbers(given.get("UF_DEPARTMENT"))
    if not departments:
        raise Refused("ERROR_ARGUMENT", "no_extranet_field")
    _fields(company, given, _USER, "user")
    more = {
        name: given[name] for name in ("SECOND_NAME", "WORK_POSITION", "PERSONAL_MOBILE") if name in given
    }
    pk = company.person(company.number(), str(given.get("NAME") or ""), str(given.get("LAST_NAME") or ""),
                        EMAIL=email, UF_DEPARTMENT=departments, **more)  # fmt: skip
    company.storage(company.number(), "user", pk, str(given.get("NAME") or ""))
    company.invited.append(email)
    return pk


def _update_user(company: Company, given: Given) -> bool:
    row = _one(company.people, given.get("ID"))
    _fields(company, given, {"ID", *_USER}, "user")
    if "PERSONAL_PHOTO" in given:
        row["PERSONAL_PHOTO"] = company.keep(*_bytes(given["PERSONAL_PHOTO"]))
    return True


def _create_group(company: Company, given: Given) -> int:
    if not str(given.get("NAME") or "").strip():
        raise Refused("", "Cannot create group")
    known = {"NAME", "DESCRIPTION", "VISIBLE", "OPENED", "CLOSED", "PROJECT", "OWNER_ID", "INITIATE_PERMS"}
    fields = _fields(company, given, known, "group")
    owner = _user(company, fields.pop("OWNER_ID", OWNER))
    pk = company.number()
    company.storage(company.number(), "group", pk, fields["NAME"])
    return company.group(pk, fields.pop("NAME"), owner, **{"OPENED": "N", "DATE_CREATE": NOW, **fields})


def _add_members(company: Company, given: Given) -> list[str]:
    group = _one(company.groups, given.get("GROUP_ID"))
    users = _numbers(given.get("USER_ID"))
    if not users:
        raise Refused("", "Wrong user IDs")
    if group["CLOSED"] == "Y":
        raise Refused("", "No permissions to add users")
    members, added = company.members[group["ID"]], []
    for user in users:
        if user not in {row["USER_ID"] for row in members}:
            members.append({"USER_ID": _user(company, user), "ROLE": "K"})
            added.append(str(user))
    return added


def _set_role(company: Company, given: Given) -> list[str]:
    group = _one(company.groups, given.get("GROUP_ID"))
    users = _numbers(given.get("USER_ID"))
    for row in company.members[group["ID"]]:
        if row["USER_ID"] in users and row["ROLE"] != "A":
            row["ROLE"] = given["ROLE"]
    return [str(one) for one in users]


def _update_group(company: Company, given: Given) -> int:
    row = _one(company.groups, given.get("GROUP_ID"))
    known = ("NAME", "DESCRIPTION", "VISIBLE", "OPENED", "CLOSED")
    row |= {name: given[name] for name in known if name in given}
    return int(row["ID"])


# The feed


def _attached(company: Company, given: Any) -> list[int]:
    return [company.attach(*_bytes(one)) for one in listed(given)]


def _add_post(company: Company, given: Given) -> int:
    text = str(given.get("POST_MESSAGE") or "")
    if not text:
        code = "SONET_CONTROLLER_LIVEFEED_BLOGPOST_ADD_ERROR"
        raise Refused(code, "Blog post hasn't been added")
    known = {"POST_MESSAGE", "POST_TITLE", "DEST", "FILES", "IMPORTANT", "IMPORTANT_DATE_END", "USER_ID"}
    _fields(company, given, known, "post")
    author = _user(company, given.get("USER_ID"))
    rights = (*map(str, listed(given.get("DEST")) or ["UA"]), f"U{author}")
    more: dict[str, Any] = {
        "FILES": _attached(company, given.get("FILES")),
        "_important": given.get("IMPORTANT"),
    }
    if number := str(given.get("UF_BLOG_POST_VOTE") or ""):
        (question,) = listed(given[f"UF_BLOG_POST_VOTE_{number}_DATA"]["QUESTIONS"])
        answers: Mapping[str, tuple[int, ...]] = {one["MESSAGE"]: () for one in listed(question["ANSWERS"])}
        more["UF_BLOG_POST_VOTE"] = company.poll(
            question["QUESTION"],
            answers,
            field_type=_number(question["FIELD_TYPE"]),
            anonymity=_number(given[f"UF_BLOG_POST_VOTE_{number}_DATA"]["ANONYMITY"]),
        )
    return company.post(company.number(), author, text, rights, **more)


def _add_comment(company: Company, given: Given) -> int:
    post, author = _number(given.get("POST_ID")), _user(company, given.get("USER_ID"))
    if post not in {row["ID"] for row in company.posts}:
        raise Refused("", "No post found")
    files, text = _attached(company, given.get("FILES")), str(given.get("TEXT") or "")
    for row in company.comments:
        if not files and (row["_by"], row["_post"], row["text"]) == (author, post, text):
            raise Refused("", "Duplicate comment")
    return company.comment(company.number(), author, post, text, tuple(files))


# Tasks


def _link(company: Company, given: Given) -> list[Any]:
    pair = _pair(company, given)
    if pair in company.links:
        raise Refused("ILLEGAL_NEW_LINK", "The tasks are linked already")
    company.links[pair] = _number(given.get("linkType"))
    return []


def _unlink(company: Company, given: Given) -> list[Any]:
    if company.links.pop(_pair(company, given), None) is None:
        raise Refused("ACTION_FAILED", "The tasks are not linked")
    return []


def _pair(company: Company, given: Given) -> tuple[int, int]:
    before, after = (_one(company.tasks, given.get(name), "id")["id"] for name in ("taskIdFrom", "taskIdTo"))
    return before, after


def _task_fields(company: Company, given: Given) -> dict[str, Any]:
    fields = _fields(company, given, _TASK, "task")
    if ("START_DATE_PLAN" in fields) != ("END_DATE_PLAN" in fields):
        raise Refused("ERROR_CORE", "Both dates of the plan are needed")
    names = {
        "TITLE": "title", "DESCRIPTION": "description", "PRIORITY": "priority", "DEADLINE": "deadline",
        "START_DATE_PLAN": "startDatePlan", "END_DATE_PLAN": "endDatePlan", "TIME_ESTIMATE": "timeEstimate",
        "TASK_CONTROL": "taskControl", "ALLOW_CHANGE_DEADLINE": "allowChangeDeadline", "XML_ID": "XML_ID",
        "STATUS": "status",
    }  # fmt: skip
    row = {names[name]: fields[name] for name in names if name in fields}
    for name, ours in (("ACCOMPLICES", "accomplices"), ("AUDITORS", "auditors")):
        if name in fields:
            row[ours] = [_user(company, one) for one in listed(fields[name])]
    if "XML_ID" in fields:
        row["xmlId"] = fields["XML_ID"]
    own = {one["FIELD_NAME"] for one in company.own_fields.get("task", ())}
    row |= {
        camel(name): listed(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if name in own
    }
    company.unknown |= {f"task: {name}" for name in fields if name not in _TASK | own}
    if "UF_CRM_TASK" in fields:
        row["ufCrmTask"] = [_bound(company, one) for one in listed(fields["UF_CRM_TASK"])]
    if "TAGS" in fields:
        row["tags"] = {str(n): {"id": n, "title": one} for n, one in enumerate(listed(fields["TAGS"]), 1)}
    if parent := fields.get("PARENT_ID"):
        row["parentId"] = _one(company.tasks, parent, "id")["id"]
    if group := fields.get("GROUP_ID"):
        row["groupId"] = _one(company.groups, group)["ID"]
    if files := listed(fields.get("UF_TASK_WEBDAV_FILES")):
        row["ufTaskWebdavFiles"] = [_hang(company, one) for one in files]
    return row


def _bound(company: Company, code: Any) -> str:
    letters, _sign, number = str(code).partition("_")
    kind = {"L": "lead", "D": "deal", "C": "contact", "CO": "company"}[letters]
    return f"{letters}_{_one(company.records[kind], number)['ID']}"


def _hang(company: Company, code: Any) -> int:
    """A file of the disk, by its number behind an `n`, becomes an attachment."""
    number = str(code)
    found = next((row for row in company.objects if f"n{row['ID']}" == number), None)
    if found is None:
        raise Refused("ERROR_CORE", "The file was not found")
    return company.attach(found["NAME"], company.contents[found["_path"]])


def _add_task(company: Company, given: Given) -> dict[str, Any]:
    fields = given.get("fields") or {}
    if not fields.get("TITLE") or not fields.get("RESPONSIBLE_ID"):
        raise Refused("ERROR_CORE", "The title or the responsible person is missing")
    row = _task_fields(company, fields)
    pk = company.task(company.number(), row.pop("title"), _user(company, fields.get("CREATED_BY")),
                      _user(company, fields["RESPONSIBLE_ID"]), **row)  # fmt: skip
    return {"task": {"id": pk, "title": fields["TITLE"]}}


def _update_task(company: Company, given: Given) -> dict[str, Any]:
    row = _one(company.tasks, given.get("taskId"), "id")
    fields = given.get("fields") or {}
    row |= _task_fields(company, fields)
    if _number(row.get("status")) == 5:
        row |= {"closedDate": NOW, "closedBy": row["responsibleId"]}
    return {"task": {"id": row["id"]}}


def _add_check(company: Company, given: Given) -> int:
    task, fields = _one(company.tasks, given.get("TASKID"), "id"), given.get("FIELDS") or {}
    if not fields.get("TITLE"):
        raise Refused("ERROR_CORE", "TASKS_ERROR_EXCEPTION_#8; The item has no name")
    rows = company.checklists.setdefault(task["id"], [])
    if not rows:
        # A list of its own begins, with a name that is an item itself.
        company.check(task["id"], "BX_CHECKLIST_1")
    done = OWNER if fields.get("IS_COMPLETE") == "Y" else 0
    return company.check(task["id"], fields["TITLE"], done_by=done, parent=rows[0]["ID"] if rows else 0)


def _add_time(company: Company, given: Given) -> int:
    task, fields = _one(company.tasks, given.get("TASKID"), "id"), given.get("ARFIELDS") or {}
    seconds = _number(fields.get("SECONDS"))
    if not seconds:
        raise Refused("ERROR_CORE", "SECONDS is missing")
    user = _user(company, fields.get("USER_ID"))
    pk = company.time(task["id"], user, seconds, str(fields.get("COMMENT_TEXT") or ""))
    company.times[task["id"]][-1]["CREATED_DATE"] = fields.get("CREATED_DATE") or NOW
    return pk


def _add_task_comment(company: Company, given: Given) -> int:
    task, fields = _one(company.tasks, given.get("TASKID"), "id"), given.get("FIELDS") or {}
    if not fields.get("POST_MESSAGE"):
        raise Refused("ERROR_CORE", "The comment has no text")
    company.unknown |= {
        f"task comment: {name}"
        for name in fields
        if name not in {"POST_MESSAGE", "AUTHOR_ID", "POST_DATE", "UF_FORUM_MESSAGE_DOC"}
    }
    author = _user(company, fields.get("AUTHOR_ID"))
    files = [_hang(company, one) for one in listed(fields.get("UF_FORUM_MESSAGE_DOC"))]
    if files and author != OWNER:
        raise Refused("ERROR_CORE", "The file was not found, or its author may not see it")
    pk = company.task_comment(task["id"], author, fields["POST_MESSAGE"], tuple(files))
    company.task_comments[task["id"]][-1]["POST_DATE"] = fields.get("POST_DATE") or NOW
    return pk


# The disk


def _place(company: Company, given: Given, place: str) -> tuple[str, int]:
    rows = (
        company.storages
        if place == "storage"
        else [row for row in company.objects if row["TYPE"] == "folder"]
    )
    return place, int(_one(rows, given.get("id"))["ID"])


def _check_name(company: Company, where: tuple[str, int], name: str) -> None:
    if not name:
        raise Refused("ERROR_ARGUMENT", "Invalid value of parameter {Parameter #0}")
    if any(row["_in"] == where and row["NAME"] == name for row in company.objects):
        raise Refused("DISK_OBJ_22000", "An object of this name exists already")


def _add_folder(company: Company, given: Given, place: str) -> dict[str, Any]:
    where, name = _place(company, given, place), str((given.get("data") or {}).get("NAME") or "")
    _check_name(company, where, name)
    pk = company.folder(where, name, OWNER)
    return _one(company.objects, pk)


def _elsewhere(company: Company, method: str, given: Given) -> dict[str, Any]:
    """Where the bytes are to be sent in a form of their own, once."""
    return {"field": "file", "uploadUrl": company.expects(method, given)}


def _upload(company: Company, given: Given, place: str) -> dict[str, Any]:
    where, name = _place(company, given, place), str((given.get("data") or {}).get("NAME") or "")
    if "fileContent" not in given:
        return _elsewhere(company, f"disk.{place}.uploadfile", given)
    _name, content = _bytes(given.get("fileContent"))
    if given.get("generateUniqueName"):
        taken = {row["NAME"] for row in company.objects if row["_in"] == where}
        stem, dot, ending = name.rpartition(".")
        numbers = (f"{stem} ({n}){dot}{ending}" for n in range(1, 100))
        name = name if name not in taken else next(one for one in numbers if one not in taken)
    _check_name(company, where, name)
    return _one(company.objects, company.file(where, name, OWNER, content))


def _upload_version(company: Company, given: Given) -> dict[str, Any]:
    row = _one(company.objects, given.get("id"))
    if "fileContent" not in given:
        return _elsewhere(company, "disk.file.uploadversion", given)
    _name, content = _bytes(given.get("fileContent"))
    return company.renew(row["ID"], content)


# The CRM


def _add_category(company: Company, given: Given) -> dict[str, Any]:
    fields = given.get("fields") or {}
    if _number(given.get("entityTypeId")) != 2:
        raise Refused("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    if not str(fields.get("name") or "").strip():
        raise Refused("0", "Field 'NAME' is required")
    pk = company.number()
    company.categories.append({"id": pk, "name": fields["name"], "sort": _number(fields.get("sort"))})
    # A new one has stages of its own from the beginning.
    for place, (code, name, semantics) in enumerate(
        (
            ("NEW", "New", None),
            ("EXECUTING", "In work", None),
            ("WON", "Success", "S"),
            ("LOSE", "Failure", "F"),
        ),
        1,
    ):
        company.status(f"DEAL_STAGE_{pk}", f"C{pk}:{code}", name, semantics)
        company.statuses[-1]["SORT"] = 10 * place
    return {"category": {"id": pk, "name": fields["name"], "sort": 500, "entityTypeId": 2, "isDefault": "N"}}


def _add_status(company: Company, given: Given) -> int:
    fields = given.get("fields") or {}
    for name in ("ENTITY_ID", "STATUS_ID"):
        if not fields.get(name):
            raise Refused("400", f"The field {name} is required.")
    entity, code = fields["ENTITY_ID"], str(fields["STATUS_ID"])
    if len(code) > 21:
        raise Refused("400", "Invalid parameters.")
    number = entity.removeprefix("DEAL_STAGE").lstrip("_")
    if number.isdecimal() and not code.startswith(f"C{number}:"):
        code = f"C{number}:{code}"
    there = [row for row in company.statuses if row["ENTITY_ID"] == entity]
    if code in {row["STATUS_ID"] for row in there}:
        raise Refused("400", "Duplicate STATUS_ID.")
    sort, semantics = _number(fields.get("SORT")), fields.get("SEMANTICS") or None
    ends = [row["SORT"] for row in there if row["SEMANTICS"] == "S"]
    if semantics is None and ends and sort >= min(ends):
        raise Refused("400", "No stage of the process stands behind the successful one")
    company.status(entity, code, fields["NAME"], semantics, str(fields.get("COLOR") or ""))
    company.statuses[-1]["SORT"] = sort
    return int(company.statuses[-1]["ID"])


def _record_fields(company: Company, given: Given, kind: str) -> dict[str, Any]:
    fields = dict(given.get("fields") or {})
    _fields(company, fields, _RECORD, kind)
    own = {row["FIELD_NAME"]: row for row in company.own_fields.get(kind, [])}
    for name in [name for name in fields if name.startswith("UF_")]:
        if name not in own:
            company.unknown.add(f"{kind}: {name}")
        elif own[name]["USER_TYPE_ID"] == "file":
            told = fields[name]
            several = [told] if isinstance(told, dict) and "fileData" in told else listed(told)
            files = [company.file_in_field(*_bytes(one["fileData"])) for one in several]
            fields[name] = files if own[name]["MULTIPLE"] == "Y" else files[0]
        elif own[name]["MULTIPLE"] == "Y":
            fields[name] = listed(fields[name])
    for name in ("PHONE", "EMAIL", "WEB", "IM"):
        if name in fields:
            fields[name] = [{"ID": company.number(), **one} for one in listed(fields[name])]
    if kind == "deal":
        category = _number(fields.get("CATEGORY_ID"))
        entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        codes = {row["STATUS_ID"] for row in company.statuses if row["ENTITY_ID"] == entity}
        if fields.get("STAGE_ID") not in codes:
            raise Refused("ERROR_CORE", "The stage is not of this pipeline")
    for name in ("CURRENCY_ID", "SOURCE_ID"):
        fields.setdefault(name, None)
    return fields


def _add_record(company: Company, given: Given, kind: str) -> int:
    fields = _record_fields(company, given, kind)
    title = str(fields.pop("TITLE", "") or "")
    if kind == "contact" and not (fields.get("NAME") or fields.get("LAST_NAME")):
        raise Refused("ERROR_CORE", "The name or the last name is missing")
    pk, by = company.number(), _user(company, fields.pop("ASSIGNED_BY_ID", OWNER))
    contacts = _numbers(fields.pop("CONTACT_IDS", []))
    company.record(kind, pk, title, by, **{"CREATED_BY_ID": OWNER, "DATE_CREATE": NOW, **fields})
    if kind == "deal" and contacts:
        company.records[kind][-1]["CONTACT_ID"] = contacts[0]
        company.deal_contacts[pk] = contacts
    return pk


def _update_record(company: Company, given: Given, kind: str) -> bool:
    row = _one(company.records[kind], given.get("id"))
    row |= _record_fields(company, given, kind)
    return True


def _add_field(company: Company, given: Given, kind: str) -> int:
    fields = given.get("fields") or {}
    name, type_id = str(fields.get("FIELD_NAME") or ""), str(fields.get("USER_TYPE_ID") or "")
    if not name or not type_id:
        raise Refused("ERROR_CORE", "The name or the type of the field is missing")
    if len(name) > 50 or name in {row["FIELD_NAME"] for row in company.own_fields.get(kind, [])}:
        raise Refused("ERROR_CORE", f"The field {name} exists already")
    choices = {company.number(): one["VALUE"] for one in listed(fields.get("LIST"))}
    company.own_field(kind, name, type_id, str(fields.get("EDIT_FORM_LABEL") or name),
                      choices if type_id == "enumeration" else None, MULTIPLE=fields.get("MULTIPLE") or "N",
                      SETTINGS=fields.get("SETTINGS") or {})  # fmt: skip
    return int(company.own_fields[kind][-1]["ID"])


def _add_task_field(company: Company, given: Given) -> int:
    params = dict(given.get("PARAMS") or {})
    if str(params.get("USER_TYPE_ID")) not in {"string", "double", "datetime", "boolean"}:
        raise Refused("ERROR_CORE", "The type of the field is unknown")
    if isinstance(label := params.get("EDIT_FORM_LABEL"), dict):
        params["EDIT_FORM_LABEL"] = label.get("en")
    if not str(params.get("FIELD_NAME") or "UF_").startswith("UF_"):
        params["FIELD_NAME"] = f"UF_{params['FIELD_NAME']}"
    return _add_field(company, {"fields": params}, kind="task")


def _set_products(company: Company, given: Given, kind: str) -> bool:
    pk = int(_one(company.records[kind], given.get("id"))["ID"])
    company.product_rows[kind, pk] = []
    for row in listed(given.get("rows")):
        if str(row.get("DISCOUNT_TYPE_ID", "2")) == "2" and "DISCOUNT_RATE" not in row:
            raise Refused("ERROR_CORE", "Discount Rate (DISCOUNT_RATE) is required")
        told = {"TAX_RATE": None, **row}
        company.product(kind, pk, told.pop("PRODUCT_NAME"), float(told.pop("PRICE")), **told)
    return True


_OWNERS = {"1": "lead", "2": "deal", "3": "contact", "4": "company"}


def _add_activity(company: Company, given: Given) -> int:
    fields = _fields(company, given.get("fields") or {}, _ACTIVITY, "activity")
    kind = _OWNERS.get(str(fields.get("OWNER_TYPE_ID")), "")
    owner = _one(company.records.get(kind, []), fields.get("OWNER_ID"))
    if not listed(fields.get("COMMUNICATIONS")):
        raise Refused("ERROR_CORE", "The field COMMUNICATIONS is required")
    if _number(fields.get("TYPE_ID")) == 4:
        company.letters.append(str(fields.get("SUBJECT")))
    kept = ("DESCRIPTION", "COMPLETED", "ORIGINATOR_ID", "ORIGIN_ID", "START_TIME")
    more = {name: fields[name] for name in kept if name in fields}
    return company.activity(
        company.number(), (_number(fields["OWNER_TYPE_ID"]), int(owner["ID"])), str(fields.get("SUBJECT")),
        _user(company, fields.get("RESPONSIBLE_ID")), TYPE_ID=_number(fields.get("TYPE_ID")),
        DIRECTION=_number(fields.get("DIRECTION")), AUTHOR_ID=OWNER, CREATED=NOW,
        # Nobody sets it: it is when a call or a meeting begins.
        DEADLINE=fields.get("START_TIME"), **more,
    )  # fmt: skip


def _update_activity(company: Company, given: Given) -> bool:
    row = _one(company.activities, given.get("id"))
    row |= {name: value for name, value in (given.get("fields") or {}).items() if name in _ACTIVITY}
    return True


def _add_note(company: Company, given: Given) -> int:
    fields = given.get("fields") or {}
    if not fields.get("COMMENT"):
        raise Refused("INVALID_ARG_VALUE", "Empty comment message")
    kind = str(fields.get("ENTITY_TYPE"))
    if kind not in company.records:
        raise Refused("OWNER_NOT_FOUND", "Owner not found")
    owner = _one(company.records[kind], fields.get("ENTITY_ID"))
    _attached(company, fields.get("FILES"))
    return company.note(kind, int(owner["ID"]), OWNER, fields["COMMENT"])


# Calendars


def _add_event(company: Company, given: Given) -> int:
    for name in ("type", "from", "to", "name"):
        if not given.get(name):
            raise Refused("ERROR_CORE", f"The parameter {name} is required")
    company.unknown |= {f"event: {name}" for name in given if name not in _EVENT}
    people = _numbers(given.get("attendees"))
    host = _user(company, given.get("host")) if given.get("is_meeting") == "Y" else OWNER
    if given.get("is_meeting") == "Y" and not people:
        raise Refused("ERROR_CORE", "A meeting needs attendees")
    owner = _number(given.get("ownerId"))
    section = next(
        (
            row["ID"]
            for row in company.sections
            if (row["CAL_TYPE"], row["OWNER_ID"]) == (given["type"], owner)
        ),
        0,
    ) or company.section(company.number(), given["type"], owner, "Calendar")
    zone, begin, length = _stretch(given)
    hours = length.total_seconds() / 3600
    return company.event(
        section, given["name"], str(begin.replace(tzinfo=None)), hours, host,
        {one: "Q" for one in people if one != host}, zone=zone, **_said_of_event(given),
    )  # fmt: skip


def _update_event(company: Company, given: Given) -> int:
    """An event of nobody else's: those of attendees follow. What is said of none of its fields stays."""
    for name in ("id", "type", "ownerId", "name"):
        if name not in given:
            raise Refused("", f"The required parameter {name} is not set")
    company.unknown |= {f"event: {name}" for name in given if name not in {"id", *_EVENT}}
    row = _one(company.events, given["id"])
    zone, begin, length = _stretch(given)
    people = _numbers(given.get("attendees")) if given.get("is_meeting") == "Y" else []
    host = _user(company, given.get("host")) if people else row["CREATED_BY"]
    row |= {
        "NAME": given["name"], "TZ_FROM": zone, "TZ_TO": zone, "DT_LENGTH": int(length.total_seconds()),
        "IS_MEETING": bool(people), "_times": [begin], **_said_of_event(given),
        "ATTENDEE_LIST": [{"id": one, "entryId": str(row["ID"]), "status": "H" if one == host else "Q"}
                          for one in (people or [host])],
    }  # fmt: skip
    return int(row["ID"])


def _stretch(given: Given) -> tuple[str, datetime, timedelta]:
    """The zone, when it begins, and how long it is."""
    is_all_day = given.get("skip_time") == "Y"
    zone = "UTC" if is_all_day else str(given.get("timezone_from") or "Europe/Moscow")
    begin, end = (
        datetime.fromisoformat(str(given[name])).replace(tzinfo=ZoneInfo(zone)) for name in ("from", "to")
    )
    return zone, begin, end + timedelta(days=int(is_all_day)) - begin


def _said_of_event(given: Given) -> dict[str, Any]:
    rule: Any = given.get("rrule") or {}
    return {
        "DESCRIPTION": given.get("description") or "", "LOCATION": given.get("location") or "",
        "DT_SKIP_TIME": "Y" if given.get("skip_time") == "Y" else "N",
        "PRIVATE_EVENT": given.get("private_event") or "",
        "ACCESSIBILITY": given.get("accessibility") or "busy",
        "RRULE": _rule(rule) if rule.get("FREQ") else "",
    }  # fmt: skip


def _rule(told: Mapping[str, Any]) -> dict[str, Any]:
    until = str(told.get("UNTIL") or "2038-01-01")
    return {
        **told, "BYDAY": {one: one for one in listed(told.get("BYDAY"))}, "UNTIL": until, "~UNTIL": until,
        "UNTIL_TS": int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()),
    }  # fmt: skip
