"""Drives, files with their versions, and what hangs on things.

Source of the tables: `b_disk_storage`, `b_disk_object`, `b_disk_version`, `b_disk_attached_object` of the
module disk, and `b_file` of main, whose bytes lie in the upload folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from box.transfer.boxed.answers.base import PAGE, Listed, Method, Question, Row, Unknown, by_key, file_address

_OWNERS = {"User": "user", "Group": "group", "Common": "common"}
_KINDS = {"2": "folder", "3": "file"}
# A link to what lies in another's drive is not a thing of its own.
_THERE = "DELETED_TYPE = 0 AND (REAL_OBJECT_ID IS NULL OR REAL_OBJECT_ID = ID)"
_OF_DRIVES = "b_disk_storage WHERE ENTITY_TYPE IN (" + ", ".join(
    f"'Bitrix\\Disk\\ProxyType\\{one}'" for one in _OWNERS
) + ")"  # fmt: skip


def _storages(question: Question) -> Listed:
    found = by_key(question, _OF_DRIVES)
    return Listed([_storage(row) for row in found.rows], found.total)


def _one_storage(question: Question) -> Row:
    found = question.extract.first(f"SELECT * FROM {_OF_DRIVES} AND ID = ?", [question.number("id")])
    if not found:
        raise Unknown("Could not find entity with id")
    return _storage(found)


def _storage(row: Row) -> Row:
    return {**row, "ENTITY_TYPE": _OWNERS[str(row["ENTITY_TYPE"]).rpartition("\\")[2]]}


def _in_storage(question: Question) -> list[Row]:
    found = question.extract.first(
        "SELECT ROOT_OBJECT_ID FROM b_disk_storage WHERE ID = ?", [question.number("id")]
    )
    return _children(question, found.get("ROOT_OBJECT_ID"))


def _in_folder(question: Question) -> list[Row]:
    return _children(question, str(question.number("id")))


def _children(question: Question, folder: str | None) -> list[Row]:
    sql = (
        f"SELECT * FROM b_disk_object WHERE PARENT_ID = ? AND ID > ? AND ID <> PARENT_ID AND {_THERE}"
        f" AND TYPE IN (2, 3) ORDER BY ID LIMIT {PAGE}"
    )
    after = str(question.filter().get(">ID") or "0")
    rows = question.extract.rows(sql, [int(folder or 0), int(after) if after.isdecimal() else 0])
    return [_object(question, row) for row in rows]


def _object(question: Question, row: Row) -> Row:
    return {
        **{
            name: row[name]
            for name in ("ID", "NAME", "CREATED_BY", "UPDATED_BY", "SIZE", "GLOBAL_CONTENT_VERSION")
        },
        "TYPE": _KINDS.get(str(row["TYPE"]), ""),
        "CREATE_TIME": question.moment(row["CREATE_TIME"]),
        "UPDATE_TIME": question.moment(row["UPDATE_TIME"]),
        "DOWNLOAD_URL": file_address(row["FILE_ID"]),
    }


def _file(question: Question) -> Row:
    return _object(question, _row_of_object(question))


def _row_of_object(question: Question) -> Row:
    found = question.extract.first("SELECT * FROM b_disk_object WHERE ID = ?", [question.number("id")])
    if not found:
        raise Unknown("Could not find entity with id")
    return found


def _versions(question: Question) -> list[Row]:
    """The oldest first, the file as it is now last, which some versions do not list."""
    now = _row_of_object(question)
    rows = question.extract.rows("SELECT * FROM b_disk_version WHERE OBJECT_ID = ? ORDER BY ID", [now["ID"]])
    if rows and rows[-1]["FILE_ID"] != now["FILE_ID"]:
        rows.append({**rows[-1], "ID": str(int(rows[-1]["ID"] or 0) + 1), "FILE_ID": now["FILE_ID"],
                     "CREATED_BY": now["UPDATED_BY"], "CREATE_TIME": now["UPDATE_TIME"]})  # fmt: skip
    return [
        {
            **{
                name: row[name]
                for name in ("ID", "OBJECT_ID", "NAME", "SIZE", "CREATED_BY", "GLOBAL_CONTENT_VERSION")
            },
            "CREATE_TIME": question.moment(row["CREATE_TIME"]),
            "DOWNLOAD_URL": file_address(row["FILE_ID"]),
        }
        for row in rows
    ]


# An attachment is of a version where somebody has pinned it to one.
_ATTACHED = (
    "SELECT a.ID, a.OBJECT_ID, a.ENTITY_ID, o.NAME, o.SIZE, coalesce(v.FILE_ID, o.FILE_ID) AS FILE_ID"
    " FROM b_disk_attached_object a JOIN b_disk_object o ON o.ID = a.OBJECT_ID"
    " LEFT JOIN b_disk_version v ON v.ID = a.VERSION_ID"
)


def attached_to(question: Question, connector: str, ids: Sequence[str]) -> dict[str, list[Row]]:
    """By the id of a thing what hangs on it; `connector` is the kind of things, as the portal's code"
    " calls it."""
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    sql = f"{_ATTACHED} WHERE a.ENTITY_ID IN ({marks}) AND a.ENTITY_TYPE LIKE ? ORDER BY a.ID"
    found: dict[str, list[Row]] = {}
    for row in question.extract.rows(sql, [*(int(one) for one in ids), f"%\\{connector}"]):
        found.setdefault(str(row["ENTITY_ID"]), []).append(
            {**row, "DOWNLOAD_URL": file_address(row["FILE_ID"])}
        )
    return found


def _attached(question: Question) -> dict[str, Any]:
    found = question.extract.first(f"{_ATTACHED} WHERE a.ID = ?", [question.number("id")])
    if not found:
        raise Unknown("Could not find entity with id")
    return {**found, "DOWNLOAD_URL": file_address(found["FILE_ID"])}


METHODS: Mapping[str, Method] = {
    "disk.storage.getlist": _storages,
    "disk.storage.get": _one_storage,
    "disk.storage.getchildren": _in_storage,
    "disk.folder.getchildren": _in_folder,
    "disk.file.get": _file,
    "disk.file.getVersions": _versions,
    "disk.attachedObject.get": _attached,
}
