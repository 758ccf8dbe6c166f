"""The portal's disk: whose storages there are, what is in a folder, and files that go into one.

Source: https://apidocs.bitrix24.com/api-reference/disk/. A name stands once in a folder, so what is there is
found by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.transfer.cloud import CloudRefused, CloudUnsure
from box.transfer.outbound.base import Sent, Write, id_of, rows_in, same, stays
from box.transfer.stages.base import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.transfer.archive.records import Attachment
    from box.transfer.outbound.base import OutboundWork

KIND = "file"
FOLDER_NAME = "Korobka"
"""Where files lie that hang on things: in the drive of whoever made the webhook."""
TAKEN = "DISK_OBJ_22000"


def storages(work: OutboundWork) -> dict[str, str]:
    """By our codes of whose drives they are, asked once a run: `U5`, `G7`, `UA`."""
    if "storages" not in work.kept:
        found: dict[str, str] = {}
        for _start, rows in counted(work, "disk.storage.getlist"):
            for row in rows:
                if code := _code(work, row):
                    found.setdefault(code, str(row["ID"]))
        work.kept["storages"] = found
    known: dict[str, str] = work.kept["storages"]
    return known


def _code(work: OutboundWork, row: dict[str, Any]) -> str:
    kind, owner = str(row.get("ENTITY_TYPE")), row.get("ENTITY_ID")
    if kind == "common":
        return "UA"
    if kind == "user" and str(owner) == work.host:
        work.kept["host_storage"] = str(row["ID"])
    letter, ours = {"user": ("U", "person"), "group": ("G", "group")}.get(kind, ("", ""))
    number = work.ours(ours, owner) if ours else 0
    return f"{letter}{number}" if number else ""


def within(place: str, where: str, name: str) -> Write:
    """What asks for an entry of this name; `place` is `storage` or `folder`."""
    return Write(f"disk.{place}.getchildren", {"id": where, "filter": {"NAME": name}})


def named(result: Any, name: str, kind: str) -> list[str]:
    return [
        str(row["ID"])
        for row in rows_in(result)
        if same(row.get("NAME"), name) and str(row.get("TYPE")) == kind
    ]


def hung(work: OutboundWork, kind: str, ours: int, files: Iterable[Attachment]) -> list[str]:
    """The files of a thing on the disk, as the portal refers to them: in a folder of its own, under their own
    names. What cannot go is said. Raises CloudUnsure."""
    found: list[str] = []
    names: set[str] = set()
    for file in files:
        name = file.name
        # It stands once in a folder.
        while name.casefold() in names:
            name = f"{file.id}-{name}"
        names.add(name.casefold())
        try:
            found.append(f"n{_uploaded(work, file, name, f'{kind}-{ours}')}")
        except ValidationError as error:
            work.remark(kind, ours, " ".join(error.messages))
    return found


def _uploaded(work: OutboundWork, file: Attachment, name: str, folder: str) -> str:
    """Its number there: found, or sent now. Raises ValidationError, CloudUnsure."""
    if known := work.theirs(KIND, file.id):
        return known
    try:
        theirs = _sent(work, file, name, _folder(work, folder))
    except CloudRefused as error:
        if error.code == TAKEN:
            # Between our question and this: what we sent before has arrived.
            raise CloudUnsure(str(error)) from None
        said = _("The file “%(name)s” was refused: %(why)s") % {"name": file.name, "why": error}
        raise stays(said) from None
    work.took(KIND, theirs, file.id)
    return theirs


def _sent(work: OutboundWork, file: Attachment, name: str, folder: str) -> str:
    asked = within("folder", folder, name)
    there = named(work.cloud.call(asked.method, **asked.parameters), name, "file")
    if found := work.unclaimed(KIND, {file.id: there}):
        return found[file.id]
    told = {"id": folder, "data": {"NAME": name}}
    return id_of(work.tell(Write("disk.folder.uploadfile", told, file=Sent(name, file))))


def _folder(work: OutboundWork, name: str) -> str:
    """Of one thing; the last one is kept, for its files come one after another."""
    last_name, last = work.kept.get("folder_of", ("", ""))
    if last_name != name:
        last = _found_or_made(work, "folder", _top(work), name)
        work.kept["folder_of"] = (name, last)
    return str(last)


def _top(work: OutboundWork) -> str:
    if "folder" not in work.kept:
        storages(work)
        storage = work.kept.get("host_storage", "")
        if not storage:
            raise stays(_("Whoever made the webhook has no drive there, where files could lie."))
        work.kept["folder"] = _found_or_made(work, "storage", storage, FOLDER_NAME)
    folder: str = work.kept["folder"]
    return folder


def _found_or_made(work: OutboundWork, place: str, where: str, name: str) -> str:
    """A folder of this name; see `within`."""
    asked = within(place, where, name)
    if found := named(work.cloud.call(asked.method, **asked.parameters), name, "folder"):
        return found[0]
    method = "disk.storage.addfolder" if place == "storage" else "disk.folder.addsubfolder"
    return id_of(work.cloud.tell(method, {"id": where, "data": {"NAME": name}}))
