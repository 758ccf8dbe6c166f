"""A company of `tests.cloud` as a boxed portal has it: the same people and things, in tables and in"
" the upload folder."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.boxed import sql
from tests.cloud.company import Company
from tests.cloud.portal import camel

ZONE = ZoneInfo("Europe/Moscow")
STRUCTURE, GUESTS = 3, 12
INT, TEXT, LONG, MOMENT, SIGN = (
    "int NOT NULL",
    "varchar(255) DEFAULT NULL",
    "text",
    "datetime DEFAULT NULL",
    "char(1)",
)

_SCHEMA: Mapping[str, str] = {
    "b_option": "MODULE_ID:t NAME:t VALUE:l DESCRIPTION:t SITE_ID:t",
    "b_user": "ID:i TIMESTAMP_X:m LOGIN:t PASSWORD:t CHECKWORD:t ACTIVE:s NAME:t LAST_NAME:t EMAIL:t"
    " DATE_REGISTER:m"
    " LID:t PERSONAL_GENDER:s PERSONAL_PHOTO:i PERSONAL_MOBILE:t PERSONAL_CITY:t WORK_POSITION:t"
    " WORK_PHONE:t XML_ID:t"
    " PERSONAL_BIRTHDAY:t EXTERNAL_AUTH_ID:t SECOND_NAME:t",
    "b_uts_user": "VALUE_ID:i UF_DEPARTMENT:l UF_SKYPE:l",
    "b_user_group": "USER_ID:i GROUP_ID:i DATE_ACTIVE_FROM:m",
    "b_iblock_section": "ID:i TIMESTAMP_X:m IBLOCK_ID:i IBLOCK_SECTION_ID:i ACTIVE:s SORT:i NAME:t",
    f"b_uts_iblock_{STRUCTURE}_section": "VALUE_ID:i UF_HEAD:i",
    "b_sonet_group": "ID:i SITE_ID:t NAME:t DESCRIPTION:l DATE_CREATE:m ACTIVE:s VISIBLE:s OPENED:s"
    " OWNER_ID:i"
    " CLOSED:s PROJECT:s",
    "b_sonet_group_site": "GROUP_ID:i SITE_ID:t",
    "b_sonet_user2group": "ID:i USER_ID:i GROUP_ID:i ROLE:s DATE_CREATE:m",
    "b_blog_post": "ID:i TITLE:t BLOG_ID:i AUTHOR_ID:i DETAIL_TEXT:l DATE_PUBLISH:m PUBLISH_STATUS:s MICRO:s"
    " HAS_SOCNET_ALL:s",
    "b_uts_blog_post": "VALUE_ID:i UF_BLOG_POST_DOC:l UF_BLOG_POST_FILE:l UF_BLOG_POST_VOTE:i UF_GRATITUDE:i"
    " UF_BLOG_POST_IMPRTNT:i",
    "b_blog_socnet_rights": "ID:i POST_ID:i ENTITY_TYPE:t ENTITY_ID:i ENTITY:t",
    "b_blog_comment": "ID:i BLOG_ID:i POST_ID:i PARENT_ID:i AUTHOR_ID:i DATE_CREATE:m POST_TEXT:l"
    " PUBLISH_STATUS:s",
    "b_tasks": "ID:i TITLE:t DESCRIPTION:l DESCRIPTION_IN_BBCODE:s PRIORITY:s STATUS:s RESPONSIBLE_ID:i"
    " DATE_START:m"
    " START_DATE_PLAN:m END_DATE_PLAN:m DEADLINE:m CREATED_BY:i CREATED_DATE:m CHANGED_DATE:m"
    " CLOSED_BY:i CLOSED_DATE:m"
    " ACTIVITY_DATE:m PARENT_ID:i GROUP_ID:i TIME_ESTIMATE:i TASK_CONTROL:s ALLOW_CHANGE_DEADLINE:s"
    " FORUM_TOPIC_ID:i"
    " XML_ID:t ZOMBIE:s",
    "b_uts_tasks_task": "VALUE_ID:i UF_TASK_WEBDAV_FILES:l UF_CRM_TASK:l",
    "b_tasks_proj_dep": "TASK_ID:i DEPENDS_ON_ID:i TYPE:i DIRECT:i MPCITY:i CREATOR_ID:i",
    "b_tasks_dependence": "TASK_ID:i DEPENDS_ON_ID:i",
    "b_rating_vote": "ID:i RATING_VOTING_ID:i ENTITY_TYPE_ID:t ENTITY_ID:i OWNER_ID:i VALUE:t ACTIVE:s"
    " CREATED:m USER_ID:i USER_IP:t REACTION:t",
    "b_iblock": "ID:i TIMESTAMP_X:m IBLOCK_TYPE_ID:t LID:t NAME:t ACTIVE:s",
    "b_iblock_element": "ID:i TIMESTAMP_X:m IBLOCK_ID:i NAME:t ACTIVE:s",
    "b_im_message": "ID:i CHAT_ID:i AUTHOR_ID:i MESSAGE:l DATE_CREATE:m",
    "b_crm_dynamic_items_150": "ID:i TITLE:t CREATED_BY:i",
    "b_bp_workflow_template": "ID:i MODULE_ID:t NAME:t TEMPLATE:l",
    "b_tasks_member": "TASK_ID:i USER_ID:i TYPE:s",
    "b_tasks_checklist_items": "ID:i TASK_ID:i CREATED_BY:i TOGGLED_BY:i TOGGLED_DATE:m TITLE:t IS_COMPLETE:s"
    " SORT_INDEX:i",
    "b_tasks_checklist_items_tree": "PARENT_ID:i CHILD_ID:i LEVEL:i",
    "b_tasks_elapsed_time": "ID:i CREATED_DATE:m USER_ID:i TASK_ID:i MINUTES:i SECONDS:i COMMENT_TEXT:l",
    "b_tasks_label": "ID:i USER_ID:i NAME:t GROUP_ID:i",
    "b_tasks_task_tag": "ID:i TAG_ID:i TASK_ID:i",
    "b_forum_message": "ID:i FORUM_ID:i TOPIC_ID:i AUTHOR_ID:i POST_DATE:m POST_MESSAGE:l NEW_TOPIC:s"
    " SERVICE_TYPE:i",
    "b_file": "ID:i TIMESTAMP_X:m MODULE_ID:t HEIGHT:i WIDTH:i FILE_SIZE:i CONTENT_TYPE:t SUBDIR:t"
    " FILE_NAME:t"
    " ORIGINAL_NAME:t HANDLER_ID:t",
    "b_disk_storage": "ID:i NAME:t CODE:t MODULE_ID:t ENTITY_TYPE:t ENTITY_ID:t ROOT_OBJECT_ID:i",
    "b_disk_object": "ID:i NAME:t TYPE:i CODE:t STORAGE_ID:i REAL_OBJECT_ID:i PARENT_ID:i CREATE_TIME:m"
    " UPDATE_TIME:m"
    " CREATED_BY:i UPDATED_BY:i GLOBAL_CONTENT_VERSION:i FILE_ID:i SIZE:i DELETED_TYPE:i",
    "b_disk_version": "ID:i OBJECT_ID:i FILE_ID:i SIZE:i NAME:t CREATE_TIME:m CREATED_BY:i"
    " GLOBAL_CONTENT_VERSION:i",
    "b_disk_attached_object": "ID:i OBJECT_ID:i VERSION_ID:i MODULE_ID:t ENTITY_TYPE:t ENTITY_ID:i",
    "b_calendar_section": "ID:i NAME:t ACTIVE:s COLOR:t CAL_TYPE:t OWNER_ID:i",
    "b_calendar_event": "ID:i PARENT_ID:i ACTIVE:s DELETED:s CAL_TYPE:t OWNER_ID:i NAME:t DATE_FROM:m"
    " DATE_TO:m"
    " ORIGINAL_DATE_FROM:m TZ_FROM:t TZ_TO:t DATE_FROM_TS_UTC:i DATE_TO_TS_UTC:i DT_SKIP_TIME:s"
    " DT_LENGTH:i CREATED_BY:i"
    " DATE_CREATE:m DESCRIPTION:l PRIVATE_EVENT:t ACCESSIBILITY:t IS_MEETING:s MEETING_STATUS:s"
    " MEETING_HOST:i LOCATION:t"
    " RRULE:t EXDATE:l RECURRENCE_ID:i SECTION_ID:i SEARCHABLE_CONTENT:l",
    "b_crm_status": "ID:i ENTITY_ID:t STATUS_ID:t NAME:t SORT:i SEMANTICS:s COLOR:t",
    "b_crm_deal_category": "ID:i NAME:t SORT:i",
    "b_crm_requisite": "ID:i ENTITY_TYPE_ID:i ENTITY_ID:i NAME:t RQ_INN:t",
    "b_crm_deal_contact": "DEAL_ID:i CONTACT_ID:i SORT:i",
    "b_crm_field_multi": "ID:i ENTITY_ID:t ELEMENT_ID:i TYPE_ID:t VALUE_TYPE:t VALUE:t",
    "b_crm_timeline": "ID:i TYPE_ID:i AUTHOR_ID:i CREATED:m COMMENT:l",
    "b_crm_timeline_bind": "OWNER_ID:i ENTITY_TYPE_ID:i ENTITY_ID:i",
    "b_crm_act": "ID:i OWNER_ID:i OWNER_TYPE_ID:i TYPE_ID:i SUBJECT:t DESCRIPTION:l COMPLETED:s"
    " RESPONSIBLE_ID:i"
    " AUTHOR_ID:i DIRECTION:i CREATED:m LAST_UPDATED:m START_TIME:m DEADLINE:m",
    "b_crm_product_row": "ID:i OWNER_ID:i OWNER_TYPE:t PRODUCT_ID:i PRODUCT_NAME:t PRICE:t"
    " PRICE_NETTO:t PRICE_BRUTTO:t"
    " QUANTITY:t DISCOUNT_TYPE_ID:i DISCOUNT_RATE:t DISCOUNT_SUM:t TAX_RATE:t TAX_INCLUDED:s"
    " MEASURE_NAME:t SORT:i",
    "b_user_field": "ID:i ENTITY_ID:t FIELD_NAME:t USER_TYPE_ID:t XML_ID:t SORT:i MULTIPLE:s"
    " MANDATORY:s SETTINGS:l",
    "b_user_field_lang": "USER_FIELD_ID:i LANGUAGE_ID:t EDIT_FORM_LABEL:t HELP_MESSAGE:t",
    "b_user_field_enum": "ID:i USER_FIELD_ID:i VALUE:t DEF:s SORT:i",
    "b_voximplant_statistic": "ID:i PORTAL_USER_ID:i PORTAL_NUMBER:t PHONE_NUMBER:t INCOMING:t"
    " CALL_ID:t CALL_DURATION:i"
    " CALL_START_DATE:m CALL_FAILED_CODE:t CALL_RECORD_ID:i CALL_WEBDAV_ID:i COMMENT:l",
    "b_vote": "ID:i CHANNEL_ID:i ACTIVE:s ANONYMITY:i DATE_END:m",
    "b_vote_question": "ID:i ACTIVE:s VOTE_ID:i C_SORT:i QUESTION:l FIELD_TYPE:i",
    "b_vote_answer": "ID:i ACTIVE:s QUESTION_ID:i C_SORT:i MESSAGE:l COUNTER:i FIELD_TYPE:i",
    "b_vote_event": "ID:i VOTE_ID:i VOTE_USER_ID:i VALID:s",
    "b_vote_event_question": "ID:i EVENT_ID:i QUESTION_ID:i",
    "b_vote_event_answer": "ID:i EVENT_QUESTION_ID:i ANSWER_ID:i",
    "b_vote_user": "ID:i AUTH_USER_ID:i COUNTER:i",
    "b_vote_attached_object": "ID:i OBJECT_ID:i MODULE_ID:t ENTITY_TYPE:t ENTITY_ID:i",
    "b_search_content_stem": "SEARCH_CONTENT_ID:i LANGUAGE_ID:t STEM:i TF:t HASH:b",
}
_KINDS = {
    "i": "int DEFAULT NULL",
    "t": TEXT,
    "l": "longtext",
    "m": MOMENT,
    "s": "char(1) DEFAULT 'N'",
    "b": "varbinary(64)",
}
_RECORDS = {"lead": (1, "L"), "deal": (2, "D"), "contact": (3, "C"), "company": (4, "CO")}
_RECORD = (
    "ID:i TITLE:t ASSIGNED_BY_ID:i CREATED_BY_ID:i MODIFY_BY_ID:i DATE_CREATE:m DATE_MODIFY:m"
    " COMMENTS:l SOURCE_ID:t"
    " SOURCE_DESCRIPTION:l OPPORTUNITY:t CURRENCY_ID:t COMPANY_ID:i CONTACT_ID:i ORIGINATOR_ID:t ORIGIN_ID:t"
    " ORIGIN_VERSION:t SEARCH_CONTENT:l"
)
_OF_RECORDS = {
    "lead": " STATUS_ID:t NAME:t LAST_NAME:t SECOND_NAME:t POST:t BIRTHDATE:m",
    "deal": " CATEGORY_ID:i STAGE_ID:t BEGINDATE:m CLOSEDATE:m",
    "contact": " NAME:t LAST_NAME:t SECOND_NAME:t POST:t BIRTHDATE:m",
    "company": "",
}
_OWNERS = {"user": "User", "group": "Group", "common": "Common"}


class Boxed:
    """The rows of its tables, by their names; the bytes of its files, by their paths below the upload"
    " folder."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.schema = dict(_SCHEMA)
        self.files: dict[str, bytes] = {}
        self._file = 0
        self._options()
        self._people()
        self._groups()
        self._feed()
        self._tasks()
        self._links()
        self._disk()
        self._calendars()
        self._crm()
        self._calls()
        self._polls()
        self._reactions()
        self._what_stays()
        for number in range(300):
            self._add(
                "b_search_content_stem",
                SEARCH_CONTENT_ID=number,
                LANGUAGE_ID="ru",
                STEM=number,
                HASH=bytes(16),
            )

    def dump(self) -> Iterator[str]:
        yield sql.HEAD
        for name, told in self.schema.items():
            columns = {one.partition(":")[0]: _KINDS[one.partition(":")[2]] for one in told.split()}
            rows = ([row.get(column) for column in columns] for row in self.rows[name])
            yield from sql.table(name, columns, rows)
            if name == "b_user":
                yield sql.PROGRAMS
        yield sql.FOOT

    def written(self, folder: Path, *, is_packed: bool = False) -> Path:
        """The dump, beside the upload folder."""
        folder.mkdir(parents=True)
        text = "".join(self.dump()).encode()
        path = folder / ("portal.sql.gz" if is_packed else "portal.sql")
        path.write_bytes(gzip.compress(text) if is_packed else text)
        for name, content in self.files.items():
            file = folder / "upload" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return path

    def _add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)

    def _keep(self, path: str, name: str, pk: int = 0) -> int:
        """A file by its address in the cloud."""
        self._file += 1
        number = pk or self._file
        content = self.company.contents[path]
        subdir, file_name = f"main/{number % 1000:03x}", f"{number:032x}.bin"
        self.files[f"{subdir}/{file_name}"] = content
        self._add(
            "b_file",
            ID=number,
            MODULE_ID="main",
            FILE_SIZE=len(content),
            SUBDIR=subdir,
            FILE_NAME=file_name,
            ORIGINAL_NAME=name,
        )
        return number

    def _options(self) -> None:
        for module, name, value in (
            ("main", "default_time_zone", ZONE.key),
            ("intranet", "iblock_structure", str(STRUCTURE)),
            ("extranet", "extranet_group", str(GUESTS)),
            ("extranet", "extranet_site", "ex"),
        ):
            self._add("b_option", MODULE_ID=module, NAME=name, VALUE=value)

    def _people(self) -> None:
        for row in self.company.people:
            photo = row["PERSONAL_PHOTO"]
            path = "/" + photo.partition("://")[2].partition("/")[2]
            told = {
                **row,
                "LOGIN": row["NAME"].lower(),
                "PASSWORD": "$6$secret$of-nobodys-business",
                "ACTIVE": "Y" if row["ACTIVE"] else "N",
                "DATE_REGISTER": local(row["DATE_REGISTER"]),
                "PERSONAL_BIRTHDAY": row["PERSONAL_BIRTHDAY"][:10] or None,
                "PERSONAL_PHOTO": self._keep(path, "a.png") if photo else None,
            }
            self.rows["b_user"].append(told)
            self._add("b_uts_user", VALUE_ID=row["ID"], UF_DEPARTMENT=serialized(row["UF_DEPARTMENT"]))
            if row["USER_TYPE"] == "extranet":
                self._add("b_user_group", USER_ID=row["ID"], GROUP_ID=GUESTS)
        self._add("b_user", ID=9001, LOGIN="bot", ACTIVE="Y", NAME="Marta", EXTERNAL_AUTH_ID="bot")
        for row in self.company.departments:
            self._add(
                "b_iblock_section",
                ID=row["ID"],
                IBLOCK_ID=STRUCTURE,
                IBLOCK_SECTION_ID=row.get("PARENT"),
                ACTIVE="Y",
                SORT=row["SORT"],
                NAME=row["NAME"],
            )
            head = row["UF_HEAD"] or None
            self._add(f"b_uts_iblock_{STRUCTURE}_section", VALUE_ID=row["ID"], UF_HEAD=head)
        self._add("b_iblock_section", ID=700, IBLOCK_ID=17, NAME="Of a catalogue")

    def _groups(self) -> None:
        number = 0
        for row in self.company.groups:
            self.rows["b_sonet_group"].append(
                {**row, "SITE_ID": "s1", "DATE_CREATE": local(row["DATE_CREATE"])}
            )
            self._add("b_sonet_group_site", GROUP_ID=row["ID"], SITE_ID="s1")
            for member in self.company.members[row["ID"]]:
                number += 1
                self._add("b_sonet_user2group", ID=number, GROUP_ID=row["ID"], **member)
        self._add("b_sonet_user2group", ID=number + 1, USER_ID=20, GROUP_ID=1, ROLE="Z")

    def _attach(self, pk: int, entity: str, of: int) -> None:
        row = self.company.attachments[pk]
        self._add(
            "b_disk_object",
            ID=row["OBJECT_ID"],
            NAME=row["NAME"],
            TYPE=3,
            STORAGE_ID=990,
            PARENT_ID=9900,
            REAL_OBJECT_ID=row["OBJECT_ID"],
            FILE_ID=self._keep(row["_path"], row["NAME"]),
            SIZE=row["SIZE"],
            GLOBAL_CONTENT_VERSION=1,
            DELETED_TYPE=0,
        )
        self._add(
            "b_disk_attached_object", ID=pk, OBJECT_ID=row["OBJECT_ID"], ENTITY_TYPE=entity, ENTITY_ID=of
        )

    def _feed(self) -> None:
        for row in self.company.posts:
            told = {**row, "DATE_PUBLISH": local(row["DATE_PUBLISH"])}
            self.rows["b_blog_post"].append(told)
            own = row.get("UF_BLOG_POST_VOTE") or {}
            self._add(
                "b_uts_blog_post",
                VALUE_ID=row["ID"],
                UF_BLOG_POST_FILE=serialized(row["FILES"]),
                UF_BLOG_POST_VOTE=own.get("VALUE"),
            )
            codes = [f"US{row['AUTHOR_ID']}"]
            for right in row["_rights"]:
                codes += (
                    ["G2"] if right == "UA" else [right, f"{right}_K"] if right.startswith("SG") else [right]
                )
            for code in codes:
                self._add(
                    "b_blog_socnet_rights",
                    ID=len(self.rows["b_blog_socnet_rights"]) + 1,
                    POST_ID=row["ID"],
                    ENTITY_TYPE=code.rstrip("0123456789_K"),
                    ENTITY_ID=0,
                    ENTITY=code,
                )
            for pk in row["FILES"]:
                self._attach(pk, "Bitrix\\Disk\\Uf\\BlogPostConnector", row["ID"])
        self._add(
            "b_blog_post", ID=8000, TITLE="A draft", AUTHOR_ID=1, DETAIL_TEXT="Not yet", PUBLISH_STATUS="D"
        )
        for row in self.company.comments:
            self._add(
                "b_blog_comment",
                ID=row["id"],
                BLOG_ID=1,
                POST_ID=row["_post"],
                AUTHOR_ID=row["_by"],
                DATE_CREATE=local(row["date"]),
                POST_TEXT=row["text"],
                PUBLISH_STATUS="P",
            )
            for pk in row["attach"]:
                self._attach(pk, "Bitrix\\Disk\\Uf\\BlogPostCommentConnector", row["id"])

    def _tasks(self) -> None:
        names = {
            "CREATED_DATE": "createdDate", "CHANGED_DATE": "changedDate", "CLOSED_DATE": "closedDate",
            "ACTIVITY_DATE": "activityDate", "DEADLINE": "deadline", "START_DATE_PLAN": "startDatePlan",
            "END_DATE_PLAN": "endDatePlan",
        }  # fmt: skip
        fields = {
            one["FIELD_NAME"]: (one, camel(one["FIELD_NAME"]))
            for one in self.company.own_fields.get("task", ())
        }
        for field, _told in fields.values():
            self.schema["b_uts_tasks_task"] += f" {field['FIELD_NAME']}:l"
            self._field(field)
        for row in self.company.tasks:
            said = self.company.task_comments.get(row["id"], [])
            topic = 5000 + row["id"] if said else None
            self._add(
                "b_tasks",
                ID=row["id"],
                TITLE=row["title"],
                DESCRIPTION=row["description"],
                DESCRIPTION_IN_BBCODE="Y",
                PRIORITY=row["priority"],
                STATUS=row["status"],
                RESPONSIBLE_ID=row["responsibleId"],
                CREATED_BY=row["createdBy"],
                CLOSED_BY=row["closedBy"],
                PARENT_ID=row["parentId"] or None,
                GROUP_ID=row["groupId"],
                TIME_ESTIMATE=row["timeEstimate"],
                TASK_CONTROL=row["taskControl"],
                ALLOW_CHANGE_DEADLINE=row["allowChangeDeadline"],
                FORUM_TOPIC_ID=topic,
                XML_ID=row.get("xmlId"),
                ZOMBIE="N",
                **{column: local(row[name]) for column, name in names.items()},
            )
            people = (
                ("O", [row["createdBy"]]),
                ("R", [row["responsibleId"]]),
                ("A", row["accomplices"]),
                ("U", row["auditors"]),
            )
            for type_, ids in people:
                for one in ids:
                    self._add("b_tasks_member", TASK_ID=row["id"], USER_ID=one, TYPE=type_)
            for one in row["tags"].values():
                self._add("b_tasks_label", ID=one["id"], USER_ID=1, NAME=one["title"], GROUP_ID=0)
                self._add("b_tasks_task_tag", ID=one["id"], TAG_ID=one["id"], TASK_ID=row["id"])
            files = row["ufTaskWebdavFiles"] or []
            self._add(
                "b_uts_tasks_task",
                VALUE_ID=row["id"],
                UF_TASK_WEBDAV_FILES=serialized(files),
                UF_CRM_TASK=serialized(row["ufCrmTask"] or []),
                **{name: self._own(field, row.get(told)) for name, (field, told) in fields.items()},
            )
            for pk in files:
                self._attach(pk, "Bitrix\\Tasks\\Integration\\Disk\\Connector\\Task", row["id"])
            if topic:
                self._say_below(row, topic, said)
        self._add(
            "b_tasks", ID=9000, TITLE="In the bin", STATUS=2, RESPONSIBLE_ID=1, CREATED_BY=1, ZOMBIE="Y"
        )
        for rows in self.company.checklists.values():
            for row in rows:
                self.rows["b_tasks_checklist_items"].append(
                    {**row, "TOGGLED_DATE": local(row["TOGGLED_DATE"])}
                )
                self._add("b_tasks_checklist_items_tree", PARENT_ID=row["ID"], CHILD_ID=row["ID"], LEVEL=0)
                if row["PARENT_ID"]:
                    self._add(
                        "b_tasks_checklist_items_tree",
                        PARENT_ID=row["PARENT_ID"],
                        CHILD_ID=row["ID"],
                        LEVEL=1,
                    )
        for rows in self.company.times.values():
            for row in rows:
                self.rows["b_tasks_elapsed_time"].append({**row, "CREATED_DATE": local(row["CREATED_DATE"])})

    def _links(self) -> None:
        for (before, after), kind in self.company.links.items():
            self._add("b_tasks_proj_dep", TASK_ID=after, DEPENDS_ON_ID=before, TYPE=kind, DIRECT=1, MPCITY=1)
        # What follows from them is written down, too.
        self._add("b_tasks_proj_dep", TASK_ID=22, DEPENDS_ON_ID=20, TYPE=2, DIRECT=0, MPCITY=1)
        for after, before in self.company.related:
            self._add("b_tasks_dependence", TASK_ID=after, DEPENDS_ON_ID=before)

    def _say_below(self, row: Mapping[str, Any], topic: int, said: Sequence[Mapping[str, Any]]) -> None:
        """The first message is the task itself; the program has noted something too."""
        self._add(
            "b_forum_message",
            ID=60_000 + row["id"],
            TOPIC_ID=topic,
            AUTHOR_ID=row["createdBy"],
            POST_DATE=local(row["createdDate"]),
            POST_MESSAGE=f"TASK_{row['id']}",
            NEW_TOPIC="Y",
        )
        self._add(
            "b_forum_message",
            ID=70_000 + row["id"],
            TOPIC_ID=topic,
            AUTHOR_ID=1,
            POST_MESSAGE="TASKS_NOTE",
            POST_DATE=local(row["createdDate"]),
            NEW_TOPIC="N",
            SERVICE_TYPE=1,
        )
        for one in said:
            self._add(
                "b_forum_message",
                ID=one["ID"],
                TOPIC_ID=topic,
                AUTHOR_ID=one["AUTHOR_ID"],
                NEW_TOPIC="N",
                POST_DATE=local(one["POST_DATE"]),
                POST_MESSAGE=one["POST_MESSAGE"],
            )
            for pk in one["ATTACHED_OBJECTS"] or ():
                self._attach(int(pk), "Bitrix\\Disk\\Uf\\ForumMessageConnector", one["ID"])

    def _disk(self) -> None:
        self._add(
            "b_disk_storage",
            ID=990,
            NAME="Chats",
            MODULE_ID="im",
            ENTITY_ID=1,
            ROOT_OBJECT_ID=9900,
            ENTITY_TYPE="Bitrix\\Im\\Disk\\ProxyType\\Im",
        )
        roots = {}
        for row in self.company.storages:
            roots[row["ID"]] = root = self.company.number()
            self._add(
                "b_disk_storage",
                ID=row["ID"],
                NAME=row["NAME"],
                MODULE_ID="disk",
                ENTITY_ID=row["ENTITY_ID"],
                ENTITY_TYPE=f"Bitrix\\Disk\\ProxyType\\{_OWNERS[row['ENTITY_TYPE']]}",
                ROOT_OBJECT_ID=root,
            )
            self._add(
                "b_disk_object",
                ID=root,
                NAME=row["NAME"],
                TYPE=2,
                STORAGE_ID=row["ID"],
                REAL_OBJECT_ID=root,
                DELETED_TYPE=0,
            )
        for row in self.company.objects:
            of, number = row["_in"]
            versions = self.company.versions.get(row["ID"], [])
            files = [self._keep(one["_path"], one["NAME"]) for one in versions]
            for one, file in zip(versions, files, strict=True):
                self.rows["b_disk_version"].append(
                    {**one, "FILE_ID": file, "CREATE_TIME": local(one["CREATE_TIME"])}
                )
            self.rows["b_disk_object"].append(
                {
                    **row,
                    "TYPE": 3 if row["TYPE"] == "file" else 2,
                    "PARENT_ID": roots[number] if of == "storage" else number,
                    "REAL_OBJECT_ID": row["ID"],
                    "DELETED_TYPE": 0,
                    "FILE_ID": files[-1] if files else None,
                    "CREATE_TIME": local(row["CREATE_TIME"]),
                    "UPDATE_TIME": local(row["UPDATE_TIME"]),
                }
            )
        self._add(
            "b_disk_object",
            ID=9950,
            NAME="in the bin.txt",
            TYPE=3,
            PARENT_ID=next(iter(roots.values())),
            REAL_OBJECT_ID=9950,
            DELETED_TYPE=3,
        )

    def _calendars(self) -> None:
        for row in self.company.sections:
            self.rows["b_calendar_section"].append({**row, "ACTIVE": "Y"})
        for row in self.company.events:
            begin = row["_times"][0]
            is_all_day = row["DT_SKIP_TIME"] == "Y"
            end = begin + timedelta(seconds=row["DT_LENGTH"] - (86_400 if is_all_day else 0))
            moved = row["ORIGINAL_DATE_FROM"]
            told = {
                **row,
                "ACTIVE": "Y",
                "DATE_FROM": f"{begin:%Y-%m-%d %H:%M:%S}",
                "DATE_TO": f"{end:%Y-%m-%d %H:%M:%S}",
                "DATE_FROM_TS_UTC": int(begin.timestamp()),
                "DATE_TO_TS_UTC": int(end.timestamp()),
                "DATE_CREATE": local(row["DATE_CREATE"]),
                "ORIGINAL_DATE_FROM": datetime.strptime(moved, "%m/%d/%Y %I:%M:%S %p") if moved else None,  # noqa: DTZ007
                "IS_MEETING": "1" if row["IS_MEETING"] else "",
                "RRULE": _rule(row["RRULE"]) if row["RRULE"] else None,
            }
            self.rows["b_calendar_event"].append(told)

    def _crm(self) -> None:
        for row in self.company.statuses:
            color = (row.get("EXTRA") or {}).get("COLOR")
            self.rows["b_crm_status"].append({**row, "COLOR": color})
        for one in self.company.categories:
            if one["id"]:
                self._add("b_crm_deal_category", ID=one["id"], NAME=one["name"], SORT=one["sort"])
        self.rows["b_crm_requisite"] += self.company.requisites
        for kind in _RECORDS:
            self._records(kind)
        for deal, contacts in self.company.deal_contacts.items():
            for place, contact in enumerate(contacts, 1):
                self._add("b_crm_deal_contact", DEAL_ID=deal, CONTACT_ID=contact, SORT=10 * place)
        for row in self.company.activities:
            moments = ("CREATED", "START_TIME", "DEADLINE")
            self.rows["b_crm_act"].append({**row, **{name: local(row[name]) for name in moments}})

    def _records(self, kind: str) -> None:
        type_, letter = _RECORDS[kind]
        self.schema[f"b_crm_{kind}"] = _RECORD + _OF_RECORDS[kind]
        fields = self.company.own_fields.get(kind, [])
        self.schema[f"b_uts_crm_{kind}"] = " ".join(
            ["VALUE_ID:i", *(f"{one['FIELD_NAME']}:l" for one in fields)]
        )
        for field in fields:
            self._field(field)
        for row in self.company.records[kind]:
            moments = ("DATE_CREATE", "DATE_MODIFY", "BEGINDATE", "CLOSEDATE")
            told = {**row, **{name: local(row[name]) for name in moments if row.get(name)}}
            self.rows[f"b_crm_{kind}"].append(told)
            own = {one["FIELD_NAME"]: self._own(one, row.get(one["FIELD_NAME"])) for one in fields}
            self.rows[f"b_uts_crm_{kind}"].append({"VALUE_ID": row["ID"], **own})
            for name in ("PHONE", "EMAIL", "WEB", "IM"):
                for one in row.get(name, ()):
                    self._add(
                        "b_crm_field_multi",
                        ID=len(self.rows["b_crm_field_multi"]) + 1,
                        ENTITY_ID=kind.upper(),
                        ELEMENT_ID=row["ID"],
                        TYPE_ID=name,
                        VALUE_TYPE=one["VALUE_TYPE"],
                        VALUE=one["VALUE"],
                    )
        for (of, record), rows in self.company.product_rows.items():
            for row in rows if of == kind else ():
                line = {
                    **row,
                    "ID": 100 * record + int(row["ID"]),
                    "OWNER_ID": record,
                    "OWNER_TYPE": letter,
                }
                self.rows["b_crm_product_row"].append(line)
        for row in self.company.timeline:
            if row["ENTITY_TYPE"] == kind:
                self._add(
                    "b_crm_timeline",
                    ID=row["ID"],
                    TYPE_ID=7,
                    AUTHOR_ID=row["AUTHOR_ID"],
                    CREATED=local(row["CREATED"]),
                    COMMENT=row["COMMENT"],
                )
                for hung in row["FILES"]:
                    self._attach(int(hung), "Bitrix\\Crm\\Integration\\Disk\\CommentConnector", row["ID"])
                self._add(
                    "b_crm_timeline_bind",
                    OWNER_ID=row["ID"],
                    ENTITY_TYPE_ID=type_,
                    ENTITY_ID=row["ENTITY_ID"],
                )

    def _field(self, field: Mapping[str, Any]) -> None:
        choices = field.get("choices") or {}
        listed = [
            {"ID": pk, "VALUE": text, "SORT": 10 * n} for n, (pk, text) in enumerate(choices.items(), 1)
        ]
        self.rows["b_user_field"].append({**field, "SETTINGS": serialized(field["SETTINGS"])})
        for row in field.get("LIST") or listed:
            self._add(
                "b_user_field_enum",
                ID=row["ID"],
                USER_FIELD_ID=field["ID"],
                VALUE=row["VALUE"],
                SORT=row["SORT"],
            )
        for language in ("en", "ru"):
            self._add(
                "b_user_field_lang",
                USER_FIELD_ID=field["ID"],
                LANGUAGE_ID=language,
                EDIT_FORM_LABEL=field["EDIT_FORM_LABEL"],
            )

    def _own(self, field: Mapping[str, Any], value: Any) -> Any:
        if isinstance(value, list):
            return serialized([self._own({**field, "MULTIPLE": "N"}, one) for one in value])
        if isinstance(value, dict):
            return self._keep(value["_path"], self.company.names.get(value["_path"], ""), value["id"])
        if value and field["USER_TYPE_ID"] in ("date", "datetime"):
            return local(value)[:10] if field["USER_TYPE_ID"] == "date" else local(value)
        return value

    def _calls(self) -> None:
        for row in self.company.calls:
            self.rows["b_voximplant_statistic"].append(
                {
                    **row,
                    "INCOMING": row["CALL_TYPE"],
                    "CALL_START_DATE": local(row["CALL_START_DATE"]),
                    "CALL_WEBDAV_ID": row["RECORD_FILE_ID"],
                }
            )

    def _polls(self) -> None:
        event = 0
        for pk, told in self.company.polls.items():
            attach = told["attach"]
            over = "2021-12-31 00:00:00" if attach["isFinished"] else "2037-01-01 00:00:00"
            self._add("b_vote", ID=pk + 1, ACTIVE="Y", ANONYMITY=attach["ANONYMITY"], DATE_END=over)
            self._add("b_vote_attached_object", ID=pk, OBJECT_ID=pk + 1, MODULE_ID="blog")
            for question in attach["QUESTIONS"].values():
                self.rows["b_vote_question"].append({**question, "VOTE_ID": pk + 1})
                for key, answer in question["ANSWERS"].items():
                    self.rows["b_vote_answer"].append({**answer, "QUESTION_ID": question["ID"]})
                    # Of secret ones it knows the voters too: they are to stay there.
                    voters = [one["id"] for one in told["voted"].get(key, ())] or list(
                        range(10, 10 + int(answer["COUNTER"]))
                    )
                    for user in voters:
                        event += 1
                        self._add("b_vote_user", ID=event, AUTH_USER_ID=user)
                        self._add("b_vote_event", ID=event, VOTE_ID=pk + 1, VOTE_USER_ID=event, VALID="Y")
                        self._add(
                            "b_vote_event_question", ID=event, EVENT_ID=event, QUESTION_ID=question["ID"]
                        )
                        self._add("b_vote_event_answer", ID=event, EVENT_QUESTION_ID=event, ANSWER_ID=key)

    def _reactions(self) -> None:
        names = {"post": "BLOG_POST", "task": "TASK", "comment": "BLOG_COMMENT"}
        for (kind, pk), given in self.company.reactions.items():
            for user, word in given.items():
                self._add(
                    "b_rating_vote",
                    ID=len(self.rows["b_rating_vote"]) + 1,
                    ENTITY_TYPE_ID=names[kind],
                    ENTITY_ID=pk,
                    VALUE="1.0000",
                    ACTIVE="Y",
                    USER_ID=user,
                    REACTION=word,
                )
        self._add(
            "b_rating_vote",
            ID=900,
            ENTITY_TYPE_ID="BLOG_POST",
            ENTITY_ID=2,
            VALUE="1.0000",
            ACTIVE="N",
            USER_ID=1,
            REACTION="like",
        )

    def _what_stays(self) -> None:
        """Of a few kinds that do not come so much that each is known by its count."""
        for pk, type_ in ((17, "CRM_PRODUCT_CATALOG"), (18, "lists"), (19, "structure")):
            self._add("b_iblock", ID=pk, IBLOCK_TYPE_ID=type_)
        for table, count, more in (
            ("b_iblock_element", 2, {"IBLOCK_ID": 17}),
            ("b_iblock_element", 3, {"IBLOCK_ID": 18}),
            ("b_iblock_element", 1, {"IBLOCK_ID": 19}),
            ("b_im_message", 204, {"MESSAGE": "It's; (a) 'word'"}),
            ("b_crm_dynamic_items_150", 5, {"TITLE": "A lease"}),
            ("b_bp_workflow_template", 6, {"NAME": "Robots"}),
        ):
            for _row in range(count):
                self._add(table, ID=len(self.rows[table]) + 1, **more)


def local(told: str | None) -> Any:
    """A moment of the cloud as the portal's database has it."""
    if not told:
        return None
    return f"{datetime.fromisoformat(told).astimezone(ZONE):%Y-%m-%d %H:%M:%S}"


def serialized(value: Any) -> str:
    """By PHP."""
    match value:
        case dict():
            items = "".join(serialized(key) + serialized(one) for key, one in value.items())
            return f"a:{len(value)}:{{{items}}}"
        case Sequence() if not isinstance(value, str):
            return serialized(dict(enumerate(value)))
        case int():
            return f"i:{value};"
        case None:
            return "N;"
        case _:
            return f's:{len(str(value).encode())}:"{value}";'


def _rule(told: Mapping[str, Any]) -> str:
    month, day, year = str(told["UNTIL"]).split("/")
    days = ",".join(told["BYDAY"])
    return f"FREQ={told['FREQ']};INTERVAL={told['INTERVAL']};BYDAY={days};UNTIL={day}.{month}.{year}"
