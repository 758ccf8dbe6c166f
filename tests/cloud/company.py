"""A company as a portal of the cloud has it: its rows, as the documentation of the methods names them.

Written from https://github.com/bitrix-tools/b24-rest-docs, method by method; not from the box's own REST API.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from tests.cloud.portal import Portal
from tests.cloud.reads import reads
from tests.cloud.writes import writes

HOST = "company.bitrix24.com"
ZONE = "+03:00"


def at(day: int, hour: int = 10, year: int = 2021) -> str:
    """A moment as the cloud writes it."""
    return f"{year}-{1 + day // 28 % 12:02}-{1 + day % 28:02}T{hour:02}:00:00{ZONE}"


def picture(colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 400), colour).save(out, "PNG")
    return out.getvalue()


@dataclass
class Company:
    """All that it has. Rows are as the methods give them, before numbers become strings."""

    host: str = HOST
    scheme: str = "https"
    people: list[dict[str, Any]] = field(default_factory=list)
    departments: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    members: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    """With `_rights`, codes of who may read it, and `_entry`, its number in the feed."""
    comments: list[dict[str, Any]] = field(default_factory=list)
    """With `_by`, `_post`."""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    checklists: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    task_comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    times: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    storages: list[dict[str, Any]] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    """Of the disk: folders and files, with `_in`, a storage or a folder."""
    versions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    categories: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {kind: [] for kind in ("lead", "deal", "contact", "company")}
    )
    requisites: list[dict[str, Any]] = field(default_factory=list)
    """Each of a record, by the number of its type and its own."""
    deal_contacts: dict[int, list[int]] = field(default_factory=dict)
    product_rows: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """By the kind of a record and its number."""
    own_fields: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By the kind of records."""
    timeline: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    """Calendars, and rooms among them."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """With `_times`, moments in seconds of a series' times, and `_for`, whose calendar it is in."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    polls: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By the number of their attachment."""
    invited: list[str] = field(default_factory=list)
    """Whom it has sent an invitation."""
    letters: list[str] = field(default_factory=list)
    """What it has sent to clients."""
    unknown: set[str] = field(default_factory=set)
    """Fields that a method was told of and knows nothing of: the portal passes over them in silence."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Of files, by the path of their address."""
    names: dict[str, str] = field(default_factory=dict)
    """Of files that say it only when they are fetched, by the same."""
    attachments: dict[int, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of two tasks, how the second waits for the first."""
    related: list[tuple[int, int]] = field(default_factory=list)
    """Of two tasks, that the second is named before the first. No method tells of it, nor of"""
    reactions: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)
    """By kind and number who has reacted to it, and how."""
    expected: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """By the address to which bytes are to be sent the method that then goes on, with what it was told."""
    _next: int = 10_000

    def number(self) -> int:
        self._next += 1
        return self._next

    def move_to(self, host: str, scheme: str) -> None:
        """It is served at this address: whatever leads to the old one leads here."""
        was = f"{self.scheme}://{self.host}"
        self.host, self.scheme = host, scheme
        for row in (*self.people, *self.posts, *self.tasks):
            for name, value in row.items():
                if isinstance(value, str):
                    row[name] = value.replace(was, f"{scheme}://{host}")

    # What is put into it

    def person(self, pk: int, name: str, last_name: str = "Test", **more: Any) -> int:
        row = {
            "ID": pk,
            "ACTIVE": True,
            "NAME": name,
            "LAST_NAME": last_name,
            "SECOND_NAME": "",
            "EMAIL": f"{name.lower()}@example.com",
            "WORK_POSITION": "",
            "PERSONAL_MOBILE": "",
            "PERSONAL_BIRTHDAY": "",
            "PERSONAL_PHOTO": "",
            "DATE_REGISTER": at(pk),
            "UF_DEPARTMENT": [],
            "USER_TYPE": "employee",
            "IS_ONLINE": "N",
        }
        self.people.append({**row, **more})
        return pk

    def department(self, pk: int, name: str, parent: int | None = None, head: int = 0) -> int:
        row = {"ID": pk, "NAME": name, "SORT": 500, "UF_HEAD": head}
        self.departments.append({**row, **({"PARENT": parent} if parent else {})})
        return pk

    def group(
        self, pk: int, name: str, owner: int, members: Mapping[int, str] | None = None, **more: Any
    ) -> int:
        row = {
            "ID": pk,
            "NAME": name,
            "DESCRIPTION": "",
            "DATE_CREATE": at(pk),
            "ACTIVE": "Y",
            "VISIBLE": "Y",
            "OPENED": "Y",
            "CLOSED": "N",
            "OWNER_ID": owner,
            "PROJECT": "N",
            "IS_EXTRANET": "N",
        }
        self.groups.append({**row, **more})
        roles = {owner: "A", **(members or {})}
        self.members[pk] = [{"USER_ID": user, "ROLE": role} for user, role in roles.items()]
        return pk

    def expects(self, method: str, given: Mapping[str, Any]) -> str:
        """Where a file is to be sent for this method."""
        address = f"https://{HOST}/rest/upload.json?token={self.number()}"
        self.expected[address] = method, dict(given)
        return address

    def keep(self, name: str, content: bytes) -> str:
        """A picture, as a link to it."""
        path = f"/upload/main/{self.number()}-{name}"
        self.contents[path] = content
        return f"https://{HOST}{path}"

    def attach(self, name: str, content: bytes) -> int:
        """A file that hangs on something; its number as an attachment."""
        pk, object_id = self.number(), self.number()
        path = f"/bitrix/tools/disk/uf.php/{pk}"
        self.contents[path] = content
        self.attachments[pk] = {
            "ID": pk,
            "OBJECT_ID": object_id,
            "NAME": name,
            "SIZE": len(content),
            "_path": path,
        }
        return pk

    def post(self, pk: int, author: int, text: str, rights: tuple[str, ...] = ("UA",), **more: Any) -> int:
        row = {
            "ID": pk,
            "BLOG_ID": 1,
            "PUBLISH_STATUS": "P",
            "TITLE": text[:40],
            "AUTHOR_ID": author,
            "ENABLE_COMMENTS": "Y",
            "NUM_COMMENTS": 0,
            "CODE": None,
            "MICRO": "Y",
            "DETAIL_TEXT": text,
            "DATE_PUBLISH": at(pk),
            "HAS_SOCNET_ALL": "Y" if "UA" in rights else "N",
            "FILES": [],
            "_rights": rights,
            "_entry": 5000 + 3 * pk,
        }
        self.posts.append({**row, **more})
        return pk

    def comment(self, pk: int, author: int, post: int, text: str, files: tuple[int, ...] = ()) -> int:
        self.comments.append(
            {
                "id": pk,
                "comment_id": pk,
                "date": at(pk),
                "text": text,
                "attach": list(files),
                "_by": author,
                "_post": post,
            }
        )
        return pk

    def task(self, pk: int, title: str, by: int, responsible: int, **more: Any) -> int:
        row = {
            "id": pk,
            "parentId": 0,
            "title": title,
            "description": "",
            "status": 2,
            "priority": 1,
            "groupId": 0,
            "tags": {},
            "createdBy": by,
            "responsibleId": responsible,
            "accomplices": [],
            "auditors": [],
            "closedBy": 0,
            "createdDate": at(pk),
            "changedDate": at(pk),
            "closedDate": None,
            "activityDate": at(pk),
            "deadline": None,
            "startDatePlan": None,
            "endDatePlan": None,
            "timeEstimate": 0,
            "taskControl": "N",
            "allowChangeDeadline": "Y",
            "ufCrmTask": False,
            "ufTaskWebdavFiles": False,
        }
        self.tasks.append({**row, **more})
        return pk

    def check(self, task: int, title: str, *, done_by: int = 0, parent: int = 0) -> int:
        pk = self.number()
        rows = self.checklists.setdefault(task, [])
        rows.append(
            {
                "ID": pk,
                "TASK_ID": task,
                "PARENT_ID": parent,
                "CREATED_BY": 1,
                "TITLE": title,
                "SORT_INDEX": len(rows),
                "IS_COMPLETE": "Y" if done_by else "N",
                "TOGGLED_BY": done_by or None,
                "TOGGLED_DATE": at(99) if done_by else "",
            }
        )
        return pk

    def task_comment(self, task: int, author: int, text: str, files: tuple[int, ...] = ()) -> int:
        pk = self.number()
        attached = {
            str(one): {
                "ATTACHMENT_ID": one,
                "NAME": self.attachments[one]["NAME"],
                "SIZE": self.attachments[one]["SIZE"],
                "FILE_ID": self.attachments[one]["OBJECT_ID"],
                "DOWNLOAD_URL": self.attachments[one]["_path"] + "?auth=once",
            }
            for one in files
        }
        self.task_comments.setdefault(task, []).append(
            {
                "ID": pk,
                "AUTHOR_ID": author,
                "POST_DATE": at(pk % 300),
                "POST_MESSAGE": text,
                "ATTACHED_OBJECTS": attached or [],
            }
        )
        return pk

    def time(self, task: int, user: int, seconds: int, note: str = "") -> int:
        pk = self.number()
        self.times.setdefault(task, []).append(
            {
                "ID": pk,
                "TASK_ID": task,
                "USER_ID": user,
                "COMMENT_TEXT": note,
                "SECONDS": seconds,
                "MINUTES": seconds // 60,
                "CREATED_DATE": at(40),
            }
        )
        return pk

    def storage(self, pk: int, entity: str, entity_id: int | str, name: str = "Drive") -> int:
        self.storages.append({"ID": pk, "NAME": name, "ENTITY_TYPE": entity, "ENTITY_ID": entity_id})
        return pk

    def folder(self, within: tuple[str, int], name: str, by: int) -> int:
        pk = self.number()
        self.objects.append(
            {
                "ID": pk,
                "NAME": name,
                "TYPE": "folder",
                "CREATED_BY": by,
                "UPDATED_BY": by,
                "CREATE_TIME": at(pk % 300),
                "UPDATE_TIME": at(pk % 300),
                "_in": within,
            }
        )
        return pk

    def file(self, within: tuple[str, int], name: str, by: int, *contents: bytes) -> int:
        """Its contents, the oldest first: what is not the newest is a version."""
        pk = self.number()
        for number, content in enumerate(contents):
            path = f"/rest/download.json/{pk}/{number}"
            self.contents[path] = content
            self.versions.setdefault(pk, []).append(
                {
                    "ID": self.number(),
                    "OBJECT_ID": pk,
                    "NAME": name,
                    "SIZE": len(content),
                    "CREATED_BY": by,
                    "CREATE_TIME": at(30 + number),
                    "GLOBAL_CONTENT_VERSION": number + 1,
                    "_path": path,
                }
            )
        self.objects.append(
            {
                "ID": pk,
                "NAME": name,
                "TYPE": "file",
                "CREATED_BY": by,
                "UPDATED_BY": by,
                "CREATE_TIME": at(30),
                "UPDATE_TIME": at(30),
                "SIZE": len(contents[-1]),
                "GLOBAL_CONTENT_VERSION": len(contents),
                "_in": within,
                "_path": path,
            }
        )
        return pk

    def renew(self, file: int, content: bytes) -> dict[str, Any]:
        """Gives a file newer content; what it was stays as a version."""
        row = next(one for one in self.objects if one["ID"] == file)
        number = row["GLOBAL_CONTENT_VERSION"] + 1
        path = f"/rest/download.json/{file}/{number - 1}"
        self.contents[path] = content
        new = {"GLOBAL_CONTENT_VERSION": number, "SIZE": len(content), "_path": path}
        self.versions[file].append({**self.versions[file][-1], "ID": self.number(), **new})
        row |= new
        return row

    def status(
        self, entity: str, code: str, name: str, semantics: str | None = None, color: str = ""
    ) -> None:
        extra = {"EXTRA": {"SEMANTICS": "process", "COLOR": color}} if color else {}
        self.statuses.append(
            {"ID": self.number(), "ENTITY_ID": entity, "STATUS_ID": code, "NAME": name,
             "SORT": 10 * len(self.statuses), "SEMANTICS": semantics, **extra}
        )  # fmt: skip

    def record(self, kind: str, pk: int, title: str, by: int, **more: Any) -> int:
        row = {"ID": pk, "TITLE": title, "ASSIGNED_BY_ID": by, "CREATED_BY_ID": by, "MODIFY_BY_ID": by,
               "DATE_CREATE": at(pk), "DATE_MODIFY": at(pk), "COMMENTS": None, "SOURCE_ID": None,
               "OPPORTUNITY": "0.00", "CURRENCY_ID": None}  # fmt: skip
        self.records[kind].append({**row, **more})
        return pk

    def note(
        self, kind: str, record: int, author: int, text: str, files: Mapping[str, bytes] | None = None
    ) -> int:
        """The addresses of its files are for whoever is signed in."""
        pk = self.number()
        told = {}
        for name, content in (files or {}).items():
            hung = self.attach(name, content)
            held = self.attachments[hung]["OBJECT_ID"]
            path = f"/disk/downloadFile/{held}/?&ncc=1&filename={name}"
            told[str(hung)] = {"id": hung, "date": at(50), "type": "file", "name": name, "size": len(content),
                               "authorId": author, "urlDownload": path}  # fmt: skip
        self.timeline.append({"ID": pk, "ENTITY_ID": record, "ENTITY_TYPE": kind, "CREATED": at(50),
                              "COMMENT": text, "AUTHOR_ID": author, "FILES": told})  # fmt: skip
        return pk

    def activity(self, pk: int, owner: tuple[int, int], subject: str, by: int, **more: Any) -> int:
        row = {"ID": pk, "OWNER_TYPE_ID": owner[0], "OWNER_ID": owner[1], "TYPE_ID": 2, "SUBJECT": subject,
               "DESCRIPTION": "", "COMPLETED": "Y", "RESPONSIBLE_ID": by, "AUTHOR_ID": by, "DIRECTION": 2,
               "CREATED": at(pk), "START_TIME": at(pk), "DEADLINE": at(pk)}  # fmt: skip
        self.activities.append({**row, **more})
        return pk

    def product(self, kind: str, of: int, name: str, price: float, **more: Any) -> None:
        """A line of products. The portal gives numbers as numbers here, and the last added first."""
        rows = self.product_rows.setdefault((kind, of), [])
        row = {
            "ID": str(len(rows) + 1), "OWNER_ID": str(of), "PRODUCT_ID": 0, "PRODUCT_NAME": name,
            "PRICE": price, "PRICE_EXCLUSIVE": price, "PRICE_NETTO": price, "PRICE_BRUTTO": price,
            "QUANTITY": 1, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 0, "DISCOUNT_SUM": 0, "TAX_RATE": None,
            "TAX_INCLUDED": "Y", "MEASURE_NAME": "шт", "SORT": 10,
        }  # fmt: skip
        rows.insert(0, {**row, **more})

    def own_field(
        self, kind: str, name: str, type_id: str, label: str, choices: Mapping[int, str] | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        """A field of the company's own among those of this kind of records, or of tasks."""
        entity = "TASKS_TASK" if kind == "task" else f"CRM_{kind.upper()}"
        row = {
            "ID": self.number(), "ENTITY_ID": entity, "FIELD_NAME": name,
            "USER_TYPE_ID": type_id, "XML_ID": None, "SORT": 100, "MULTIPLE": "N", "MANDATORY": "N",
            "SHOW_FILTER": "E", "SHOW_IN_LIST": "Y", "EDIT_IN_LIST": "Y", "IS_SEARCHABLE": "N",
            "SETTINGS": {}, "EDIT_FORM_LABEL": label, "LIST_COLUMN_LABEL": label,
            "LIST_FILTER_LABEL": label, "ERROR_MESSAGE": None, "HELP_MESSAGE": None,
        }  # fmt: skip
        if choices is not None:
            row["LIST"] = [
                {"ID": pk, "SORT": 10 * place, "VALUE": text, "DEF": "N", "XML_ID": f"x{pk}"}
                for place, (pk, text) in enumerate(choices.items(), start=1)
            ]
        self.own_fields.setdefault(kind, []).append({**row, **more})

    def file_in_field(self, name: str, content: bytes) -> dict[str, Any]:
        """As lists give it: with addresses for people, and none for programs."""
        pk = self.number()
        path = f"/rest/1/abc123/crm.controller.item.getFile/{pk}"
        self.contents[path], self.names[path] = content, name
        show = f"/bitrix/components/bitrix/crm.deal.show/show_file.php?fileId={pk}"
        return {"id": pk, "showUrl": show, "downloadUrl": f"{show}&auth=", "_path": path}

    def section(self, pk: int, type_: str, owner: int, name: str, color: str = "#9dcf00") -> int:
        self.sections.append(
            {
                "ID": pk, "NAME": name, "GAPI_CALENDAR_ID": None, "DESCRIPTION": "", "COLOR": color,
                "TEXT_COLOR": "#000000", "EXPORT": {"ALLOW": True}, "CAL_TYPE": type_, "OWNER_ID": owner,
                "CREATED_BY": owner or 1, "DATE_CREATE": "2021-01-10 06:36:00", "EXTERNAL_TYPE": "local",
            }
        )  # fmt: skip
        return pk

    def event(
        self, section: int, name: str, begin: str, hours: float, by: int,
        people: Mapping[int, str] | None = None, **more: Any,
    ) -> int:  # fmt: skip
        """By whoever calls for it, with the answers of others, who have rows too. `times` are those of
        a series after its first, `zone` whose clock `begin` is read from."""
        pk = self.number()
        where = next(one for one in self.sections if one["ID"] == section)
        zone, times = more.pop("zone", "Europe/Moscow"), more.pop("times", ())
        first = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone))
        length = int(hours * 3600)
        listed = [{"id": by, "entryId": str(pk), "status": "H"}]
        listed += [
            {"id": one, "entryId": str(pk), "status": answer} for one, answer in (people or {}).items()
        ]
        row = {
            "ID": pk, "PARENT_ID": pk, "DELETED": "N", "CAL_TYPE": where["CAL_TYPE"],
            "OWNER_ID": where["OWNER_ID"], "NAME": name, "ORIGINAL_DATE_FROM": None, "TZ_FROM": zone,
            "TZ_TO": zone, "DT_SKIP_TIME": "N", "DT_LENGTH": length, "CREATED_BY": by,
            "DATE_CREATE": at(20), "DESCRIPTION": "", "PRIVATE_EVENT": "", "ACCESSIBILITY": "busy",
            "IMPORTANCE": "normal", "IS_MEETING": bool(people), "MEETING_STATUS": "H", "MEETING_HOST": by,
            "LOCATION": "", "REMIND": [], "RRULE": "", "EXDATE": "", "RECURRENCE_ID": None,
            "ATTENDEE_LIST": listed, "SECT_ID": section, "SECTION_ID": section,
            "_times": [first, *times], **more,
        }  # fmt: skip
        self.events.append(row)
        for one, answer in (people or {}).items():
            child = self.number()
            mine = {"ID": child, "CAL_TYPE": "user", "OWNER_ID": one, "MEETING_STATUS": answer}
            self.events.append({**row, **mine, "SECT_ID": 900_000 + one, "SECTION_ID": 900_000 + one})
        return pk

    def call(self, pk: int, user: int, number: str, **more: Any) -> int:
        row = {
            "ID": pk, "PORTAL_USER_ID": user, "PORTAL_NUMBER": "reg133788", "PHONE_NUMBER": number,
            "CALL_ID": f"11018129443EB80D.{pk}", "EXTERNAL_CALL_ID": None, "CALL_CATEGORY": "external",
            "CALL_LOG": None, "CALL_DURATION": 0, "CALL_START_DATE": at(pk), "CALL_RECORD_URL": "",
            "CALL_VOTE": None, "COST": "0.0000", "COST_CURRENCY": "RUR", "CALL_FAILED_CODE": "200",
            "CALL_FAILED_REASON": "", "CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": None, "CRM_ACTIVITY_ID": None,
            "COMMENT": None, "RECORD_DURATION": None, "RECORD_FILE_ID": None, "CALL_TYPE": 1,
        }  # fmt: skip
        self.calls.append({**row, **more})
        return pk

    def poll(
        self, question: str, answers: Mapping[str, tuple[int, ...]], *, field_type: int = 0,
        anonymity: int = 1, is_finished: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """With who has chosen what; as a post has it in its field."""
        pk, question_id = self.number(), self.number()
        rows = {
            str(self.number()): (place, text, voters)
            for place, (text, voters) in enumerate(answers.items(), start=1)
        }
        told = {
            "ID": str(question_id), "ACTIVE": "Y", "C_SORT": "10", "QUESTION": question,
            "QUESTION_TYPE": "text", "FIELD_TYPE": str(field_type),
            "ANSWERS": {
                key: {"ID": key, "ACTIVE": "Y", "C_SORT": str(10 * place), "MESSAGE": text,
                      "COUNTER": str(len(voters)), "FIELD_TYPE": str(field_type)}
                for key, (place, text, voters) in rows.items()
            },
        }  # fmt: skip
        names = {
            key: [{"id": one, "fullName": "?"} for one in voters] for key, (_n, _t, voters) in rows.items()
        }
        self.polls[pk] = {
            "attach": {
                "ID": pk, "VOTE_ID": pk, "COUNTER": 1, "QUESTIONS": {str(question_id): told},
                "ANONYMITY": anonymity, "OPTIONS": 1, "isFinished": is_finished,
            },
            # Of a secret poll nobody learns who has chosen what.
            "voted": {} if anonymity == 2 else names,
        }  # fmt: skip
        return {"ID": "131", "FIELD_NAME": "UF_BLOG_POST_VOTE", "USER_TYPE_ID": "vote", "VALUE": pk}

    # What it answers

    def portal(self, clock: Callable[[], float], **more: Any) -> Portal:
        tables = {
            "user.get": self.people,
            "sonet_group.get": self.groups,
            "tasks.task.list": self.tasks,
            **{f"crm.{kind}.list": rows for kind, rows in self.records.items()},
            "crm.activity.list": self.activities,
            "voximplant.statistic.get": self.calls,
        }
        answers = reads(self) | writes(self)
        scopes = (
            *("user", "department", "sonet_group", "log", "task", "disk", "crm"),
            *("calendar", "telephony", "vote"),
        )
        return Portal(tables, clock, answers=answers, scopes=scopes, **more)

    def linked(self, row: dict[str, Any]) -> dict[str, Any]:
        """An address of a file is another one each time."""
        if "_path" not in row:
            return row
        return {
            **row,
            "DOWNLOAD_URL": f"{self.scheme}://{self.host}{row['_path']}?auth=t{self.number()}",
        }

    def content(self, address: str) -> bytes | None:
        """What a GET of this address brings."""
        return self.contents.get(_path(address))

    def name_of(self, address: str) -> str:
        """What it says of its name then."""
        return self.names.get(_path(address), "")


def _path(address: str) -> str:
    return "/" + address.partition("://")[2].partition("/")[2].partition("?")[0]
