"""People, departments and groups.

Source of the tables: `b_user`, `b_iblock_section` with `b_uts_iblock_N_section`, `b_sonet_group`,
`b_sonet_user2group`, as the modules main, iblock, intranet and socialnetwork install them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from box.lib.numbers import whole_number
from box.lib.php_serialized import several
from box.transfer.boxed.answers.base import PAGE, Listed, Method, Question, Row, by_key, file_address

# Accounts that belong to programs, to mail and to shops are nobody who works there.
_NOBODY = (
    *(
        "bot",
        "email",
        "imconnector",
        "controller",
        "__controller",
        "replica",
        "sale",
        "saleanonymous",
        "shop",
    ),
    *("calendar_sharing", "document_editor", "call"),
)
_PEOPLE = (
    "b_user WHERE (EXTERNAL_AUTH_ID IS NULL OR EXTERNAL_AUTH_ID NOT IN ("
    + ", ".join(f"'{one}'" for one in _NOBODY)
    + "))"
)


def _people(question: Question) -> Listed:
    found = by_key(question, _PEOPLE)
    own = question.extract.own("b_uts_user", [str(row["ID"]) for row in found.rows])
    guests = _guests(question)
    return replace(
        found, rows=[_person(question, row, own.get(str(row["ID"]), {}), guests) for row in found.rows]
    )


def _person(question: Question, row: Row, own: Mapping[str, str | None], guests: set[str]) -> Row:
    departments = [one for one in several(own.get("UF_DEPARTMENT")) if whole_number(one)]
    is_guest = not departments and str(row["ID"]) in guests
    return {
        **row,
        "DATE_REGISTER": question.moment(row["DATE_REGISTER"]),
        "PERSONAL_PHOTO": file_address(row["PERSONAL_PHOTO"]),
        "UF_DEPARTMENT": departments,
        "USER_TYPE": "extranet" if is_guest else "employee",
    }


def _guests(question: Question) -> set[str]:
    """Whoever is in the group of guests."""
    group = question.extract.option("extranet", "extranet_group")
    rows = question.extract.rows(
        "SELECT USER_ID FROM b_user_group WHERE GROUP_ID = ?", [whole_number(group) or 0]
    )
    return {str(row["USER_ID"]) for row in rows}


def _departments(question: Question) -> Listed:
    """The sections of the information block that is the structure: the only one whose sections have heads."""
    extract = question.extract
    chosen = extract.option("intranet", "iblock_structure")
    named = [
        one.removeprefix("b_uts_iblock_").removesuffix("_section")
        for one in extract.tables("b_uts_iblock_", "UF_HEAD")
    ]
    block = whole_number(chosen) or (whole_number(named[0]) if len(named) == 1 else None) or 0
    place = question.number("start")
    of = "b_iblock_section WHERE IBLOCK_ID = ?"
    rows = extract.rows(f"SELECT * FROM {of} ORDER BY ID LIMIT {PAGE} OFFSET ?", [block, place])
    heads = extract.own(f"b_uts_iblock_{block}_section", [str(row["ID"]) for row in rows])
    found = [
        {
            "ID": row["ID"],
            "NAME": row["NAME"],
            "SORT": row["SORT"],
            "PARENT": row["IBLOCK_SECTION_ID"],
            "UF_HEAD": heads.get(str(row["ID"]), {}).get("UF_HEAD"),
        }
        for row in rows
    ]
    return Listed(found, extract.count(of, [block]))


def _groups(question: Question) -> Listed:
    found = by_key(question, "b_sonet_group")
    guests = question.extract.option("extranet", "extranet_site")
    return replace(found, rows=[_group(question, row, guests) for row in found.rows])


def _group(question: Question, row: Row, guests: str) -> Row:
    sites = question.extract.rows("SELECT SITE_ID FROM b_sonet_group_site WHERE GROUP_ID = ?", [row["ID"]])
    is_guests = bool(guests) and guests in {row["SITE_ID"], *(one["SITE_ID"] for one in sites)}
    told = {
        **row,
        "DATE_CREATE": question.moment(row["DATE_CREATE"]),
        "IS_EXTRANET": "Y" if is_guests else "N",
    }
    told.pop("SITE_ID")
    return told


def _members(question: Question) -> list[Row]:
    """Owner, moderators and members; whoever has only asked, or was kept out, is none."""
    sql = (
        "SELECT USER_ID, ROLE FROM b_sonet_user2group WHERE GROUP_ID = ? AND ROLE IN ('A', 'E', 'K')"
        " ORDER BY ID"
    )
    return list(question.extract.rows(sql, [question.number("id")]))


def _whose(question: Question) -> dict[str, Any]:
    """Whoever has written the dump saw everything."""
    return {"ID": "1", "ADMIN": True, "NAME": "", "LAST_NAME": ""}


def _scopes(question: Question) -> list[str]:
    return [
        "user",
        "department",
        "sonet_group",
        "log",
        "task",
        "disk",
        "crm",
        "calendar",
        "telephony",
        "vote",
    ]


METHODS: Mapping[str, Method] = {
    "user.get": _people,
    "department.get": _departments,
    "sonet_group.get": _groups,
    "sonet_group.user.get": _members,
    "profile": _whose,
    "scope": _scopes,
}
