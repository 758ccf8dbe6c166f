"""A company as a portal of the cloud has it: what each method answers of it, as its documentation says.

Written from https://github.com/bitrix-tools/b24-rest-docs, method by method; not from the box's own REST API.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PIL import Image

from tests.cloud.portal import PAGE, Portal, Refused

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
    deal_contacts: dict[int, list[int]] = field(default_factory=dict)
    product_rows: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """By the kind of a record and its number."""
    timeline: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    """Of files, by the path of their address."""
    attachments: dict[int, dict[str, Any]] = field(default_factory=dict)
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

    def note(self, kind: str, record: int, author: int, text: str) -> int:
        pk = self.number()
        self.timeline.append({"ID": pk, "ENTITY_ID": record, "ENTITY_TYPE": kind, "CREATED": at(50),
                              "COMMENT": text, "AUTHOR_ID": author})  # fmt: skip
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

    # What it answers

    def portal(self, clock: Callable[[], float], **more: Any) -> Portal:
        tables = {
            "user.get": self.people,
            "sonet_group.get": self.groups,
            "tasks.task.list": self.tasks,
            **{f"crm.{kind}.list": rows for kind, rows in self.records.items()},
            "crm.activity.list": self.activities,
        }
        answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "crm.status.list": lambda given: self._counted(self.statuses, given),
            "crm.category.list": lambda given: {"categories": self.categories},
            "crm.timeline.comment.list": self._timeline,
            "crm.deal.contact.items.get": lambda given: [
                {"CONTACT_ID": pk, "SORT": 10, "IS_PRIMARY": "N"}
                for pk in self.deal_contacts.get(_number(given["id"]), [])
            ],
            **{f"crm.{kind}.productrows.get": partial(self._products, kind) for kind in ("lead", "deal")},
            "department.get": lambda given: self._counted(self.departments, given),
            "sonet_group.user.get": lambda given: self.members.get(_number(given["ID"]), []),
            "log.blogpost.get": self._posts,
            "log.blogcomment.user.get": self._comments,
            "task.checklistitem.getlist": lambda given: self.checklists.get(_number(given["TASKID"]), []),
            "task.commentitem.getlist": lambda given: self.task_comments.get(_number(given["TASKID"]), []),
            "task.elapseditem.getlist": lambda given: self.times.get(_number(given["TASKID"]), []),
            "disk.attachedObject.get": self._attached,
            "disk.storage.getlist": lambda given: self._counted(self.storages, given),
            "disk.storage.get": lambda given: self._one(self.storages, given),
            "disk.storage.getchildren": lambda given: self._children("storage", given),
            "disk.folder.getchildren": lambda given: self._children("folder", given),
            "disk.file.getVersions": lambda given: [
                self._linked(row) for row in self.versions.get(_number(given["id"]), [])
            ],
        }
        scopes = ("user", "department", "sonet_group", "log", "task", "disk", "crm")
        return Portal(tables, clock, answers=answers, scopes=scopes, **more)

    def content(self, address: str) -> bytes | None:
        """What a GET of this address brings."""
        path = address.partition("://")[2].partition("/")[2].partition("?")[0]
        return self.contents.get(f"/{path}")

    def _counted(self, rows: list[dict[str, Any]], given: Mapping[str, Any]) -> Any:
        start = _number(given.get("start") or 0)
        return Counted([self._linked(row) for row in rows[start : start + PAGE]], len(rows))

    def _products(self, kind: str, given: Mapping[str, Any]) -> Any:
        return self.product_rows.get((kind, _number(given["id"])), [])

    def _one(self, rows: list[dict[str, Any]], given: Mapping[str, Any]) -> Any:
        found = [row for row in rows if row["ID"] == _number(given["id"])]
        if not found:
            raise Refused("ERROR_NOT_FOUND", "Could not find entity with id `X`", 400)
        return found[0]

    def _posts(self, given: Mapping[str, Any]) -> Any:
        """By numbers of the feed's entries forward, or else the newest first, a page at a time."""
        rows = sorted(self.posts, key=lambda row: int(row["_entry"]))
        if given.get("POST_ID"):
            rows = [row for row in rows if row["ID"] == _number(given["POST_ID"])]
        elif rights := given.get("LOG_RIGHTS"):
            wanted = set(rights.values() if isinstance(rights, dict) else rights)
            rows = [row for row in rows if wanted & set(row["_rights"])]
        if "FIRST_ID" in given:
            rows = [row for row in rows if row["_entry"] > _number(given["FIRST_ID"])]
            return rows[: _number(given.get("LIMIT") or 50)]
        return self._counted(rows[::-1], given)

    def _comments(self, given: Mapping[str, Any]) -> Any:
        first, last = (_number(given.get(name) or 0) for name in ("FIRST_ID", "LAST_ID"))
        limit = _number(given.get("LIMIT") or 100)
        entries = {row["ID"]: row["_entry"] for row in self.posts}
        rows = [
            {**row, "log_id": entries.get(row["_post"], 1)}
            for row in self.comments
            if row["_by"] == _number(given["USER_ID"])
            and row["id"] > first
            and (not last or row["id"] < last)
        ]
        rows.sort(key=lambda row: -int(row["id"]))
        files = {
            str(pk): {
                "id": self.attachments[pk]["OBJECT_ID"],
                "name": self.attachments[pk]["NAME"],
                "urlDownload": f"{self.scheme}://{self.host}{self.attachments[pk]['_path']}",
            }
            for row in rows
            for pk in row["attach"]
        }
        return {"comments": rows[:limit], "files": files or []}

    def _timeline(self, given: Mapping[str, Any]) -> Any:
        asked = given.get("filter") or {}
        about = (_number(asked["ENTITY_ID"]), asked["ENTITY_TYPE"])
        rows = [row for row in self.timeline if (row["ENTITY_ID"], row["ENTITY_TYPE"]) == about]
        return Counted(rows[:PAGE], len(rows))

    def _attached(self, given: Mapping[str, Any]) -> Any:
        found = self.attachments.get(_number(given["id"]))
        if found is None:
            raise Refused("ERROR_NOT_FOUND", "Could not find entity with id `X`", 400)
        return self._linked(found)

    def _children(self, of: str, given: Mapping[str, Any]) -> Any:
        after = _number((given.get("filter") or {}).get(">ID") or 0)
        rows = [row for row in self.objects if row["_in"] == (of, _number(given["id"])) and row["ID"] > after]
        rows.sort(key=lambda row: int(row["ID"]))
        return [self._linked(row) for row in rows[:PAGE]]

    def _linked(self, row: dict[str, Any]) -> dict[str, Any]:
        """An address of a file is another one each time."""
        if "_path" not in row:
            return row
        return {**row, "DOWNLOAD_URL": f"{self.scheme}://{self.host}{row['_path']}?auth=t{self.number()}"}


@dataclass(frozen=True)
class Counted:
    """A page of so many."""

    rows: list[dict[str, Any]]
    total: int


def _number(given: Any) -> int:
    return int(str(given))


def small_company() -> Company:
    """Of everything something, and of most kinds more than a page."""
    company = Company()
    company.department(1, "Company", head=1)
    company.department(2, "Sales", 1, head=2)
    company.department(3, "Support", 2)
    company.person(
        1,
        "Anna",
        "Orlova",
        UF_DEPARTMENT=[1],
        PERSONAL_PHOTO=f"https://{HOST}/upload/main/a.png",
        PERSONAL_BIRTHDAY="1985-06-09T03:00:00+03:00",
    )
    company.contents["/upload/main/a.png"] = picture()
    company.person(2, "Boris", "Petrov", UF_DEPARTMENT=[2], WORK_POSITION="Head of sales")
    company.person(3, "Cara", "Lind", UF_DEPARTMENT=[2, 3])
    company.person(4, "Dora", "Gone", ACTIVE=False, UF_DEPARTMENT=[2])
    company.person(5, "Erik", "Guest", USER_TYPE="extranet")
    for number in range(10, 65):
        company.person(number, f"P{number}", UF_DEPARTMENT=[3])
    company.group(1, "Launch", 2, {1: "E", 3: "K"}, DESCRIPTION="What [b]we[/b] launch")
    company.group(2, "Board", 1, {2: "K"}, VISIBLE="N", OPENED="N")
    company.group(3, "Old times", 4, {3: "K"}, CLOSED="Y")
    plan = company.attach("plan.txt", b"The plan of spring")
    photo = company.attach("office.png", picture("red"))
    company.post(1, 1, "Welcome, [user=2]Boris[/user]! [b]Read[/b] [url=https://example.com/]this[/url]")
    company.post(
        2,
        2,
        f"See [disk file id=n{company.attachments[photo]['OBJECT_ID']}] of the office",
        ("SG1",),
        FILES=[plan, photo],
    )
    company.post(
        3, 4, f"Look at https://{HOST}/company/personal/user/2/tasks/task/view/7/ please", ("U2", "U4")
    )
    for number in range(10, 75):
        company.post(number, 3, f"Post {number} of #spring", ("DR2",) if number % 2 else ("UA",))
    company.comment(1, 2, 1, "Thank you, [user=1]Anna[/user]")
    company.comment(2, 3, 1, "[quote]Thank you[/quote] Me too", (company.attach("note.txt", b"A note"),))
    company.task(
        7,
        "Write the offer",
        1,
        2,
        description="[list][*]price[*]terms[/list]",
        groupId=1,
        status=3,
        accomplices=[3],
        auditors=[10],
        deadline=at(90, year=2031),
        priority=2,
        timeEstimate=7200,
        tags={"1": {"id": 1, "title": "Spring"}},
        ufTaskWebdavFiles=[company.attach("brief.txt", b"Brief")],
    )
    company.task(8, "Call the client", 2, 3, parentId=7, status=5, closedBy=3, closedDate=at(95))
    top = company.check(7, "BX_CHECKLIST_1")
    company.check(7, "Ask for the price", done_by=2, parent=top)
    company.check(7, "Send it", parent=top)
    company.task_comment(7, 2, "Half of it is ready", (company.attach("half.txt", b"Half"),))
    company.time(7, 2, 5400, "Calculated")
    for number in range(20, 75):
        company.task(number, f"Task {number}", 1, 10 + number % 40)
    company.storage(1, "common", "shared_files_s1", "Company drive")
    company.storage(2, "user", 2, "Boris Petrov")
    company.storage(3, "group", 1, "Launch")
    papers = company.folder(("storage", 1), "Papers", 1)
    company.file(("folder", papers), "rules.txt", 1, b"First rules", b"Second rules")
    company.file(("storage", 2), "mine.txt", 2, b"Mine")
    deep = company.folder(("folder", papers), "2021", 2)
    company.file(("folder", deep), "report.txt", 2, b"Report")
    for entity, stages in {
        "STATUS": (
            ("NEW", "New", None),
            ("TALK", "Talking", None),
            ("CONVERTED", "Good", "S"),
            ("JUNK", "Junk", "F"),
        ),
        "DEAL_STAGE": (("NEW", "First", None), ("WON", "Won", "S"), ("LOSE", "Lost", "F")),
        "DEAL_STAGE_5": (
            ("C5:NEW", "Asked", None),
            ("C5:PREPARATION", "Offer", None),
            ("C5:WON", "Done", "S"),
            ("C5:LOSE", "No", "F"),
        ),
    }.items():
        for code, name, semantics in stages:
            company.status(entity, code, name, semantics, color="#3366CC")
    company.status("SOURCE", "CALL", "Call")
    company.status("SOURCE", "FAIR", "Spring fair")
    company.categories += [
        {"id": 0, "name": "General", "sort": 10},
        {"id": 5, "name": "Wholesale", "sort": 20},
    ]
    company.record(
        "company", 1, "Rose Ltd", 2, PHONE=[{"ID": 1, "VALUE": "+49 30 901820", "VALUE_TYPE": "WORK"}]
    )
    company.record(
        "contact",
        1,
        "",
        2,
        NAME="Nina",
        LAST_NAME="Rose",
        COMPANY_ID=1,
        POST="Buyer",
        EMAIL=[{"ID": 2, "VALUE": "nina@rose.example", "VALUE_TYPE": "WORK"}],
        SOURCE_ID="FAIR",
    )
    company.record("contact", 2, "", 3, NAME="Otto", LAST_NAME="Rose")
    company.record("lead", 1, "A question", 3, NAME="Paul", STATUS_ID="TALK", SOURCE_ID="CALL")
    company.record(
        "deal",
        1,
        "A thousand roses",
        2,
        CATEGORY_ID=5,
        STAGE_ID="C5:PREPARATION",
        CONTACT_ID=1,
        COMPANY_ID=1,
        OPPORTUNITY="1500.50",
        COMMENTS="In [b]June[/b]",
        BEGINDATE=at(60),
        CLOSEDATE=at(90),
    )
    company.deal_contacts[1] = [1, 2]
    company.product("deal", 1, "Delivery", 556.11, DISCOUNT_RATE=10, SORT=20)
    company.product("deal", 1, "Roses", 10, QUANTITY=100, SORT=10)
    company.record("deal", 2, "An old one", 4, CATEGORY_ID=0, STAGE_ID="WON", OPPORTUNITY="10.00")
    for number in range(10, 65):
        company.record("deal", number, f"Deal {number}", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    company.note("deal", 1, 3, "They [i]like[/i] it")
    company.activity(1, (2, 1), "Called Nina", 2)
    company.activity(2, (2, 1), "Call again", 2, COMPLETED="N", DEADLINE=at(80, year=2031))
    company.activity(3, (2, 777), "About what is gone", 2)
    return company
