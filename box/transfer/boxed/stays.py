"""What of a boxed portal does not come, counted before anything is written.

Of most of it nothing is kept of a dump but how many rows there are (`is_counted`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from box.transfer.boxed.extract import Extract

OWN_ENTITIES = "b_crm_dynamic_items_"
# By key the tables whose rows they are.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "messages": ("b_im_message",),
    "processes": ("b_bp_workflow_template",),
    "papers": ("b_crm_quote", "b_crm_invoice"),
    "task_templates": ("b_tasks_template",),
    "working_days": ("b_timeman_entries",),
    "activity_files": ("b_crm_act_elem",),
    "mail": ("b_mail_message",),
    "forms": ("b_crm_webform",),
}
_COUNTED = frozenset(table for tables in _TABLES.values() for table in tables)
_OWN_ENTITY = re.compile(rf"{OWN_ENTITIES}\d{{1,9}}", re.ASCII)
_OF_BLOCKS = "b_iblock_element WHERE IBLOCK_ID IN (SELECT ID FROM b_iblock WHERE IBLOCK_TYPE_ID IN ({}))"
# And what is counted among rows that are kept.
_CONDITIONS: Mapping[str, str] = {
    "lists": _OF_BLOCKS.format("'lists', 'lists_socnet', 'bitrix_processes'"),
    "products": _OF_BLOCKS.format("'CRM_PRODUCT_CATALOG'"),
    "liked_comments": "b_rating_vote WHERE ENTITY_TYPE_ID IN ('BLOG_COMMENT', 'FORUM_POST', 'LOG_COMMENT')",
    "elsewhere": "b_file WHERE HANDLER_ID > '0'",
}
_BADGES = "b_uts_blog_post", "UF_GRATITUDE"


def is_counted(table: str) -> bool:
    return table in _COUNTED or _OWN_ENTITY.fullmatch(table) is not None


def counts_in(extract: Extract) -> dict[str, int]:
    """By the key of what stays how much there is of it; `box.transfer.gaps` says what that is."""
    rows = extract.counted()
    found = {key: sum(rows.get(table, 0) for table in tables) for key, tables in _TABLES.items()}
    found["own_entities"] = sum(count for table, count in rows.items() if table.startswith(OWN_ENTITIES))
    found |= {key: extract.count(of) for key, of in _CONDITIONS.items()}
    if extract.tables(*_BADGES):
        found["badges"] = extract.count(f"{_BADGES[0]} WHERE {_BADGES[1]} > '0'")
    return {key: count for key, count in found.items() if count}
