"""What of a portal's database can come: tables with their columns, and by what they are looked for.

A column that begins with # is a whole number. What a portal does not have is empty: versions differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    numbers: frozenset[str]
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def key(self) -> str:
        """By which there is one row each; nothing where rows have no number of their own."""
        return next((one for one in ("ID", "VALUE_ID") if one in self.columns), "")


def _table(name: str, columns: str, *indexes: str) -> Table:
    told = columns.split()
    return Table(
        name,
        tuple(one.lstrip("#") for one in told),
        frozenset(one[1:] for one in told if one.startswith("#")),
        tuple(tuple(one.split()) for one in indexes),
    )


_EXTERNAL = "ORIGINATOR_ID ORIGIN_ID ORIGIN_VERSION"
_RECORD = (
    "#ID TITLE #ASSIGNED_BY_ID #CREATED_BY_ID #MODIFY_BY_ID DATE_CREATE DATE_MODIFY COMMENTS SOURCE_ID"
    f" SOURCE_DESCRIPTION OPPORTUNITY CURRENCY_ID #COMPANY_ID #CONTACT_ID {_EXTERNAL}"
)

_LISTED = (
    _table("b_option", "MODULE_ID NAME VALUE"),
    _table(
        "b_user",
        "#ID LOGIN ACTIVE NAME LAST_NAME SECOND_NAME EMAIL DATE_REGISTER #PERSONAL_PHOTO PERSONAL_MOBILE"
        " WORK_PHONE PERSONAL_CITY PERSONAL_GENDER PERSONAL_BIRTHDAY WORK_POSITION XML_ID EXTERNAL_AUTH_ID",
    ),
    _table("b_user_group", "#USER_ID #GROUP_ID", "USER_ID"),
    _table("b_iblock", "#ID IBLOCK_TYPE_ID"),
    _table("b_iblock_element", "#ID #IBLOCK_ID", "IBLOCK_ID"),
    _table("b_iblock_section", "#ID #IBLOCK_ID #IBLOCK_SECTION_ID NAME #SORT ACTIVE", "IBLOCK_ID"),
    _table(
        "b_sonet_group",
        "#ID NAME DESCRIPTION DATE_CREATE ACTIVE VISIBLE OPENED CLOSED #OWNER_ID PROJECT SITE_ID",
    ),
    _table("b_sonet_group_site", "#GROUP_ID SITE_ID", "GROUP_ID"),
    _table("b_sonet_user2group", "#ID #USER_ID #GROUP_ID ROLE", "GROUP_ID"),
    _table(
        "b_blog_post",
        "#ID TITLE #AUTHOR_ID DETAIL_TEXT DATE_PUBLISH PUBLISH_STATUS MICRO HAS_SOCNET_ALL",
        "PUBLISH_STATUS ID",
    ),
    _table("b_blog_socnet_rights", "#ID #POST_ID ENTITY", "ENTITY POST_ID", "POST_ID"),
    _table(
        "b_blog_comment",
        "#ID #POST_ID #AUTHOR_ID POST_TEXT DATE_CREATE PUBLISH_STATUS",
        "AUTHOR_ID ID",
        "POST_ID",
    ),
    _table(
        "b_tasks",
        "#ID TITLE DESCRIPTION DESCRIPTION_IN_BBCODE PRIORITY STATUS #RESPONSIBLE_ID #CREATED_BY CREATED_DATE"
        " CHANGED_DATE #CLOSED_BY CLOSED_DATE ACTIVITY_DATE DEADLINE START_DATE_PLAN END_DATE_PLAN #PARENT_ID"
        " #GROUP_ID #TIME_ESTIMATE TASK_CONTROL ALLOW_CHANGE_DEADLINE #FORUM_TOPIC_ID XML_ID ZOMBIE",
    ),
    _table("b_tasks_member", "#TASK_ID #USER_ID TYPE", "TASK_ID"),
    _table(
        "b_tasks_checklist_items",
        "#ID #TASK_ID #TOGGLED_BY TOGGLED_DATE TITLE IS_COMPLETE #SORT_INDEX",
        "TASK_ID",
    ),
    _table("b_tasks_checklist_items_tree", "#PARENT_ID #CHILD_ID #LEVEL", "CHILD_ID"),
    _table(
        "b_tasks_elapsed_time", "#ID CREATED_DATE #USER_ID #TASK_ID #MINUTES #SECONDS COMMENT_TEXT", "TASK_ID"
    ),
    _table("b_tasks_proj_dep", "#TASK_ID #DEPENDS_ON_ID #TYPE #DIRECT", "TASK_ID"),
    _table("b_tasks_dependence", "#TASK_ID #DEPENDS_ON_ID", "TASK_ID"),
    _table(
        "b_rating_vote",
        "#ID ENTITY_TYPE_ID #ENTITY_ID #USER_ID VALUE ACTIVE REACTION",
        "ENTITY_ID ENTITY_TYPE_ID",
    ),
    _table("b_tasks_tag", "#TASK_ID NAME", "TASK_ID"),
    _table("b_tasks_label", "#ID NAME"),
    _table("b_tasks_task_tag", "#TAG_ID #TASK_ID", "TASK_ID"),
    _table(
        "b_forum_message",
        "#ID #TOPIC_ID #AUTHOR_ID POST_DATE POST_MESSAGE NEW_TOPIC #SERVICE_TYPE",
        "TOPIC_ID",
    ),
    _table("b_file", "#ID FILE_SIZE SUBDIR FILE_NAME ORIGINAL_NAME HANDLER_ID"),
    _table("b_disk_storage", "#ID NAME MODULE_ID ENTITY_TYPE ENTITY_ID #ROOT_OBJECT_ID"),
    _table(
        "b_disk_object",
        "#ID NAME #TYPE #STORAGE_ID #REAL_OBJECT_ID #PARENT_ID CREATE_TIME UPDATE_TIME #CREATED_BY"
        " #UPDATED_BY #GLOBAL_CONTENT_VERSION #FILE_ID SIZE #DELETED_TYPE",
        "PARENT_ID ID",
    ),
    _table(
        "b_disk_version",
        "#ID #OBJECT_ID #FILE_ID SIZE NAME CREATE_TIME #CREATED_BY #GLOBAL_CONTENT_VERSION",
        "OBJECT_ID",
    ),
    _table(
        "b_disk_attached_object", "#ID #OBJECT_ID #VERSION_ID ENTITY_TYPE #ENTITY_ID", "ENTITY_ID ENTITY_TYPE"
    ),
    _table("b_calendar_section", "#ID NAME ACTIVE COLOR CAL_TYPE #OWNER_ID", "CAL_TYPE OWNER_ID"),
    _table(
        "b_calendar_event",
        "#ID #PARENT_ID ACTIVE DELETED CAL_TYPE #OWNER_ID NAME DATE_FROM DATE_TO ORIGINAL_DATE_FROM TZ_FROM"
        " TZ_TO #DATE_FROM_TS_UTC #DATE_TO_TS_UTC DT_SKIP_TIME #DT_LENGTH #CREATED_BY DATE_CREATE DESCRIPTION"
        " PRIVATE_EVENT ACCESSIBILITY IS_MEETING MEETING_STATUS #MEETING_HOST LOCATION RRULE EXDATE"
        " #RECURRENCE_ID #SECTION_ID",
        "CAL_TYPE OWNER_ID DATE_FROM",
        "PARENT_ID",
    ),
    _table("b_calendar_event_sect", "#EVENT_ID #SECT_ID", "EVENT_ID"),
    _table("b_crm_status", "#ID ENTITY_ID STATUS_ID NAME #SORT SEMANTICS COLOR"),
    _table("b_crm_deal_category", "#ID NAME #SORT"),
    _table(
        "b_crm_lead",
        f"{_RECORD} STATUS_ID NAME LAST_NAME SECOND_NAME POST BIRTHDATE ADDRESS IS_MANUAL_OPPORTUNITY"
        " BEGINDATE CLOSEDATE",
    ),
    _table("b_crm_deal", f"{_RECORD} #CATEGORY_ID STAGE_ID BEGINDATE CLOSEDATE IS_MANUAL_OPPORTUNITY"),
    _table("b_crm_contact", f"{_RECORD} NAME LAST_NAME SECOND_NAME POST BIRTHDATE ADDRESS"),
    _table("b_crm_company", f"{_RECORD} ADDRESS"),
    _table("b_crm_requisite", "#ID #ENTITY_TYPE_ID #ENTITY_ID RQ_INN", "ENTITY_ID ENTITY_TYPE_ID"),
    _table("b_crm_deal_contact", "#DEAL_ID #CONTACT_ID #SORT", "DEAL_ID"),
    _table("b_crm_field_multi", "#ID ENTITY_ID #ELEMENT_ID TYPE_ID VALUE_TYPE VALUE", "ELEMENT_ID ENTITY_ID"),
    _table("b_crm_timeline", "#ID #TYPE_ID #AUTHOR_ID CREATED COMMENT"),
    _table("b_crm_timeline_bind", "#OWNER_ID #ENTITY_TYPE_ID #ENTITY_ID", "ENTITY_ID ENTITY_TYPE_ID"),
    _table(
        "b_crm_act",
        "#ID #OWNER_TYPE_ID #OWNER_ID #TYPE_ID SUBJECT DESCRIPTION COMPLETED #RESPONSIBLE_ID #AUTHOR_ID"
        f" #DIRECTION CREATED LAST_UPDATED START_TIME DEADLINE {_EXTERNAL}",
    ),
    _table(
        "b_crm_product_row",
        "#ID OWNER_TYPE #OWNER_ID PRODUCT_NAME PRICE PRICE_NETTO PRICE_BRUTTO QUANTITY DISCOUNT_TYPE_ID"
        " DISCOUNT_RATE DISCOUNT_SUM TAX_RATE TAX_INCLUDED MEASURE_NAME #SORT",
        "OWNER_ID OWNER_TYPE",
    ),
    _table(
        "b_user_field", "#ID ENTITY_ID FIELD_NAME USER_TYPE_ID #SORT MULTIPLE MANDATORY SETTINGS", "ENTITY_ID"
    ),
    _table("b_user_field_lang", "#USER_FIELD_ID LANGUAGE_ID EDIT_FORM_LABEL HELP_MESSAGE", "USER_FIELD_ID"),
    _table("b_user_field_enum", "#ID #USER_FIELD_ID VALUE #SORT", "USER_FIELD_ID"),
    _table(
        "b_voximplant_statistic",
        "#ID #PORTAL_USER_ID PORTAL_NUMBER PHONE_NUMBER INCOMING CALL_ID #CALL_DURATION CALL_START_DATE"
        " CALL_FAILED_CODE #CALL_RECORD_ID #CALL_WEBDAV_ID COMMENT",
    ),
    _table("b_vote", "#ID ACTIVE #ANONYMITY DATE_END"),
    _table("b_vote_question", "#ID #VOTE_ID ACTIVE #C_SORT QUESTION #FIELD_TYPE", "VOTE_ID"),
    _table("b_vote_answer", "#ID #QUESTION_ID ACTIVE #C_SORT MESSAGE #COUNTER #FIELD_TYPE", "QUESTION_ID"),
    _table("b_vote_event", "#ID #VOTE_ID #VOTE_USER_ID VALID", "VOTE_ID"),
    _table("b_vote_event_question", "#ID #EVENT_ID #QUESTION_ID", "EVENT_ID"),
    _table("b_vote_event_answer", "#ID #EVENT_QUESTION_ID #ANSWER_ID", "EVENT_QUESTION_ID"),
    _table("b_vote_user", "#ID #AUTH_USER_ID"),
    _table("b_vote_attached_object", "#ID #OBJECT_ID"),
)
TABLES: Mapping[str, Table] = {one.name: one for one in _LISTED}

# What a company's own fields hold, a column each: of which things they can come, or say what belongs to what.
_OWN = re.compile(
    r"b_uts_(?:user|blog_post|tasks_task|crm_(?:lead|deal|contact|company)|iblock_\d{1,9}_section)", re.ASCII
)
_OWN_COLUMN = re.compile(r"VALUE_ID|UF_[A-Z0-9_]{1,60}", re.ASCII)


def table_of(name: str, columns: Sequence[str]) -> Table | None:
    """What of this table can come, which has these columns; None where nothing can."""
    if (listed := TABLES.get(name)) is not None:
        return listed
    if not _OWN.fullmatch(name) or "VALUE_ID" not in columns:
        return None
    own = tuple(dict.fromkeys(one for one in columns if _OWN_COLUMN.fullmatch(one)))
    return Table(name, own, frozenset({"VALUE_ID"}))
