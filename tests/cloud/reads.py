"""What the stand-in says when it is asked: by method, as the documentation of each says.

Written from https://github.com/bitrix-tools/b24-rest-docs, method by method; not from the box's own code.
Tables that are asked in any order and by any field are not here: `tests.cloud.portal` answers of those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.cloud.portal import PAGE, Refused, camel, listed

if TYPE_CHECKING:
    from tests.cloud.company import Company

type Given = Mapping[str, Any]

_SPOKEN = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")


def reads(company: Company) -> dict[str, Callable[[Given], Any]]:
    return _Reads(company).by_method()


class _Reads:
    def __init__(self, company: Company) -> None:
        self._company = company

    def by_method(self) -> dict[str, Callable[[Given], Any]]:
        return {
            "crm.status.list": lambda given: self._counted(self._company.statuses, given),
            "crm.category.list": lambda given: {"categories": self._company.categories},
            "crm.requisite.list": self._requisites,
            "crm.timeline.comment.list": self._timeline,
            "crm.deal.contact.items.get": lambda given: [
                {"CONTACT_ID": pk, "SORT": 10, "IS_PRIMARY": "N"}
                for pk in self._company.deal_contacts.get(_number(given["id"]), [])
            ],
            **{f"crm.{kind}.productrows.get": partial(self._products, kind) for kind in ("lead", "deal")},
            **{
                f"crm.{kind}.userfield.list": partial(self._own_fields, kind)
                for kind in self._company.records
            },
            "crm.item.get": self._item,
            "task.item.userfield.getlist": lambda given: [_unspoken(row) for row in self._task_fields()],
            "task.item.userfield.get": self._task_field,
            "calendar.section.get": lambda given: [
                row
                for row in self._company.sections
                if (row["CAL_TYPE"], str(row["OWNER_ID"])) == (given["type"], str(given["ownerId"]))
            ],
            "calendar.event.get": self._events,
            "vote.AttachedVote.getWithVoted": self._poll,
            "disk.file.get": self._disk_file,
            "department.get": lambda given: self._counted(self._company.departments, given),
            "sonet_group.user.get": lambda given: self._company.members.get(_number(given["ID"]), []),
            "log.blogpost.get": self._posts,
            "log.blogcomment.user.get": self._comments,
            "task.checklistitem.getlist": lambda given: self._company.checklists.get(
                _number(given["TASKID"]), []
            ),
            "task.commentitem.getlist": lambda given: _sought(self._company.task_comments, given),
            "task.elapseditem.getlist": lambda given: _sought(self._company.times, given)[:PAGE],
            "disk.attachedObject.get": self._attached,
            "disk.storage.getlist": lambda given: self._counted(self._company.storages, given),
            "disk.storage.get": lambda given: self._one(self._company.storages, given),
            "disk.storage.getchildren": lambda given: self._children("storage", given),
            "disk.folder.getchildren": lambda given: self._children("folder", given),
            "disk.file.getVersions": self._versions,
        }

    def _counted(self, rows: list[dict[str, Any]], given: Given) -> Any:
        start = _number(given.get("start") or 0)
        return Counted([self._company.linked(row) for row in rows[start : start + PAGE]], len(rows))

    def _requisites(self, given: Given) -> Any:
        asked = given.get("filter") or {}
        type_, of = int(asked["ENTITY_TYPE_ID"]), set(map(str, listed(asked["ENTITY_ID"])))
        rows = [
            {name: str(one[name]) for name in listed(given["select"])}
            for one in self._company.requisites
            if one["ENTITY_TYPE_ID"] == type_ and str(one["ENTITY_ID"]) in of
        ]
        start = _number(given.get("start") or 0)
        return Counted(rows[start : start + PAGE], len(rows))

    def _products(self, kind: str, given: Given) -> Any:
        return self._company.product_rows.get((kind, _number(given["id"])), [])

    def _events(self, given: Given) -> Any:
        """A row for each time within the stretch, a series' too, the newest first."""
        since, before = (datetime.fromisoformat(given[name]).replace(tzinfo=UTC) for name in ("from", "to"))
        rows = [
            _at_time(row, moment)
            for row in self._company.events
            if (row["CAL_TYPE"], str(row["OWNER_ID"])) == (given["type"], str(given["ownerId"]))
            for moment in row["_times"]
            if since <= moment < before + timedelta(days=1)
        ]
        return rows[::-1]

    def _poll(self, given: Given) -> Any:
        found = self._company.polls.get(_number(given["attachId"]))
        if found is None:
            raise Refused("ATTACH_NOT_FOUND", "Attach not found", 400)
        return found

    def _own_fields(self, kind: str, given: Given) -> Any:
        """Labels to whoever asks for them in a language. It knows no pages: what is there comes whole."""
        asked = given.get("filter") or {}
        rows = self._company.own_fields.get(kind, [])
        if not asked.get("LANG"):
            rows = [_unspoken(row) for row in rows]
        return Counted(rows, len(rows))

    def _task_fields(self) -> list[dict[str, Any]]:
        """The portal keeps clients, letters and files of tasks in fields, too."""
        model = {"ENTITY_ID": "TASKS_TASK", "XML_ID": "", "SORT": 100, "MANDATORY": "N", "SETTINGS": {}}
        of_the_portal = (("CRM_TASK", "crm", "Y"), ("MAIL_MESSAGE", "mail_message", "N"),
                         ("TASK_WEBDAV_FILES", "disk_file", "Y"))  # fmt: skip
        system = [
            {**model, "ID": pk, "FIELD_NAME": f"UF_{name}", "USER_TYPE_ID": type_id, "MULTIPLE": several}
            for pk, (name, type_id, several) in enumerate(of_the_portal, 1)
        ]
        return [*system, *self._company.own_fields.get("task", [])]

    def _task_field(self, given: Given) -> Any:
        """With what it is called in each language; one that it was not given is empty."""
        row = self._one(self._task_fields(), {"id": given["ID"]})
        spoken = {name: {"ar": "", "en": row[name], "ru": row[name]} for name in _SPOKEN if row.get(name)}
        return {**row, **spoken}

    def _item(self, given: Given) -> Any:
        kind = {1: "lead", 2: "deal", 3: "contact", 4: "company"}[_number(given["entityTypeId"])]
        row = self._one(self._company.records[kind], given)
        keeps = str(given.get("useOriginalUfNames", "N")) == "Y"
        own = {
            name if keeps else camel(name): self._as_item(value)
            for name, value in row.items()
            if name.startswith("UF_")
        }
        return {
            "item": {"id": row["ID"], "title": row["TITLE"], "entityTypeId": given["entityTypeId"], **own}
        }

    def _as_item(self, value: Any) -> Any:
        """A file has an address here that a program may ask for."""
        if isinstance(value, list):
            return [self._as_item(one) for one in value]
        if isinstance(value, dict) and "_path" in value:
            address = f"{self._company.scheme}://{self._company.host}{value['_path']}"
            return {
                "id": value["id"],
                "url": value["showUrl"],
                "urlMachine": f"{address}?token=crm{self._company.number()}",
            }
        return value

    def _one(self, rows: list[dict[str, Any]], given: Given) -> Any:
        found = [row for row in rows if row["ID"] == _number(given["id"])]
        if not found:
            raise Refused("ERROR_NOT_FOUND", "Could not find entity with id `X`", 400)
        return found[0]

    def _posts(self, given: Given) -> Any:
        """By numbers of the feed's entries forward, or else the newest first, a page at a time."""
        rows = sorted(self._company.posts, key=lambda row: int(row["_entry"]))
        if given.get("POST_ID"):
            rows = [row for row in rows if row["ID"] == _number(given["POST_ID"])]
        elif rights := given.get("LOG_RIGHTS"):
            wanted = set(rights.values() if isinstance(rights, dict) else rights)
            rows = [row for row in rows if wanted & set(row["_rights"])]
        if "FIRST_ID" in given:
            rows = [row for row in rows if row["_entry"] > _number(given["FIRST_ID"])]
            return rows[: _number(given.get("LIMIT") or 50)]
        return self._counted(rows[::-1], given)

    def _comments(self, given: Given) -> Any:
        first, last = (_number(given.get(name) or 0) for name in ("FIRST_ID", "LAST_ID"))
        limit = _number(given.get("LIMIT") or 100)
        entries = {row["ID"]: row["_entry"] for row in self._company.posts}
        rows = [
            {**row, "log_id": entries.get(row["_post"], 1)}
            for row in self._company.comments
            if row["_by"] == _number(given["USER_ID"])
            and row["id"] > first
            and (not last or row["id"] < last)
        ]
        rows.sort(key=lambda row: -int(row["id"]))
        files = {
            str(pk): {
                "id": self._company.attachments[pk]["OBJECT_ID"],
                "name": self._company.attachments[pk]["NAME"],
                "urlDownload": f"{self._company.scheme}://{self._company.host}{self._company.attachments[pk]['_path']}",
            }
            for row in rows
            for pk in row["attach"]
        }
        return {"comments": rows[:limit], "files": files or []}

    def _timeline(self, given: Given) -> Any:
        asked = given.get("filter") or {}
        about = (_number(asked["ENTITY_ID"]), asked["ENTITY_TYPE"])
        rows = [row for row in self._company.timeline if (row["ENTITY_ID"], row["ENTITY_TYPE"]) == about]
        if (given.get("order") or {}).get("ID") == "DESC":
            rows = rows[::-1]
        start = _number(given.get("start") or 0)
        return Counted(rows[start : start + PAGE], len(rows))

    def _attached(self, given: Given) -> Any:
        found = self._company.attachments.get(_number(given["id"]))
        if found is None:
            raise Refused("ERROR_NOT_FOUND", "Could not find entity with id `X`", 400)
        return self._company.linked(found)

    def _disk_file(self, given: Given) -> Any:
        """Also what hangs on something, by its number on the disk."""
        asked = _number(given["id"])
        hung = next((one for one in self._company.attachments.values() if one["OBJECT_ID"] == asked), None)
        return self._company.linked(hung or self._one(self._company.objects, given))

    def _versions(self, given: Given) -> Any:
        """The newest first."""
        start = _number(given.get("start") or 0)
        rows = [
            self._company.linked(row)
            for row in reversed(self._company.versions.get(_number(given["id"]), []))
        ]
        return Counted(rows[start : start + PAGE], len(rows))

    def _children(self, of: str, given: Given) -> Any:
        asked = given.get("filter") or {}
        after = _number(asked.get(">ID") or 0)
        rows = [
            row
            for row in self._company.objects
            if row["_in"] == (of, _number(given["id"])) and row["ID"] > after
        ]
        if "NAME" in asked:
            rows = [row for row in rows if row["NAME"] == asked["NAME"]]
        rows.sort(key=lambda row: int(row["ID"]))
        return [self._company.linked(row) for row in rows[:PAGE]]


@dataclass(frozen=True)
class Counted:
    """A page of so many."""

    rows: list[dict[str, Any]]
    total: int


def _number(given: Any) -> int:
    return int(str(given))


def _at_time(row: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """With the moments in the portal's many forms; of whole days without an hour."""
    is_all_day = row["DT_SKIP_TIME"] == "Y"
    end = moment + timedelta(seconds=row["DT_LENGTH"] - (86_400 if is_all_day else 0))
    form = "%a %b %d %Y" if is_all_day else "%a %b %d %Y %H:%M:%S"
    return {
        **row,
        "DATE_FROM": moment.strftime("%m/%d/%Y" if is_all_day else "%m/%d/%Y %I:%M:%S %p").lower(),
        "DATE_FROM_TS_UTC": str(int(moment.timestamp())),
        "DATE_TO_TS_UTC": str(int(end.timestamp())),
        "DATE_FROM_FORMATTED": moment.strftime(form),
        "DATE_TO_FORMATTED": end.strftime(form),
    }


def _sought(below: Mapping[int, list[dict[str, Any]]], given: Given) -> list[dict[str, Any]]:
    """Of what belongs to a task; the newest first where nobody says otherwise."""
    after = _number((given.get("FILTER") or {}).get(">ID") or 0)
    is_upwards = str((given.get("ORDER") or {}).get("ID")).lower() == "asc"
    rows = [row for row in below.get(_number(given["TASKID"]), ()) if row["ID"] > after]
    return sorted(rows, key=lambda row: int(row["ID"]), reverse=not is_upwards)


def _unspoken(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a field is called."""
    return {name: value for name, value in row.items() if name not in _SPOKEN}
