"""Drives: folders, and files with all that they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec.structs import replace

from box.apps.drive.models import Item
from box.lib.numbers import whole_number
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.drives import drives
from box.transfer.cloud import CloudRefused
from box.transfer.models import Identity
from box.transfer.outbound.base import OutboundStage, OutboundWork, Sent, There, Write, stays
from box.transfer.outbound.disk import named, storages, within

_MOST_VERSIONS = 50


FOLDER, FILE = "drive-folder", "drive-file"
VERSION = "drive-version"
"""The last one that was sent of a file; new while nobody knows that it has arrived."""


class _Items(OutboundStage[records.DriveItem]):
    scope = "disk"

    @override
    def going(self, record: records.DriveItem) -> records.DriveItem:
        return replace(record, shares=[])

    def _place(self, work: OutboundWork, record: records.DriveItem) -> tuple[str, str]:
        """In which kind of place it stands, and that one's number. Raises ValidationError."""
        if record.parent is not None:
            folder = work.theirs(FOLDER, record.parent)
            if not folder:
                raise stays(_("The folder that it is in is not there."))
            return "folder", folder
        storage = storages(work).get(record.drive)
        if storage is None:
            raise stays(_("Whose drive it is has none there."))
        return "storage", storage

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.DriveItem]) -> Mapping[int, str]:
        def ask(one: records.DriveItem) -> Write | None:
            try:
                place, where = self._place(work, one)
            except ValidationError:
                return None
            return within(place, where, one.name)

        def told(one: records.DriveItem, result: Any) -> list[str]:
            return named(result, one.name, "folder" if one.is_folder else "file")

        return work.look_for(self.kind, sought, ask, told)


class Folders(_Items):
    """What has the same name in the same place is the same folder."""

    key = "folders"
    kind = FOLDER
    label = gettext_lazy("Folders of drives")
    needs = ("people", "groups")
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[records.DriveItem]:
        return (one for one in drives(scope) if one.is_folder)

    @override
    def count(self, scope: Scope) -> int:
        found: int = _items(scope).filter(is_folder=True).count()
        return found

    @override
    def comes_after(self, work: OutboundWork, record: records.DriveItem) -> Sequence[int]:
        """It is found by its name in the folder above it."""
        return [record.parent] if record.parent else []

    @override
    def write(self, work: OutboundWork, record: records.DriveItem) -> Write:
        place, where = self._place(work, record)
        method = "disk.folder.addsubfolder" if place == "folder" else "disk.storage.addfolder"
        told = {"id": where, "data": {"NAME": record.name}}
        return Write(method, told, by=record.created_by, at=record.created_at)


class Files(_Items):
    """The oldest content first, each later one as a version. One at a time: a request holds one."""

    key = "drives"
    kind = FILE
    label = gettext_lazy("Files of drives")
    needs = ("folders",)
    at_once = 1
    is_sought = True

    @override
    def things(self, scope: Scope) -> Iterator[records.DriveItem]:
        return (one for one in drives(scope) if not one.is_folder)

    @override
    def count(self, scope: Scope) -> int:
        found: int = _items(scope).filter(is_folder=False).count()
        return found

    @override
    def write(self, work: OutboundWork, record: records.DriveItem) -> Write:
        place, where = self._place(work, record)
        if not record.versions:
            raise stays(_("It has no content."))
        first = _versions(record)[0]
        told = {"id": where, "data": {"NAME": record.name}, "generateUniqueName": True}
        file = Sent(record.name, first)
        return Write(f"disk.{place}.uploadfile", told, by=first.by, at=first.at, file=file)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.DriveItem]]) -> None:
        for one in there:
            try:
                is_sent = self._complete(work, one)
            except ValidationError as error:
                work.hold_back(self.kind, one.record.id, " ".join(error.messages))
            except CloudRefused as refused:
                said = _("A version of it was refused: %(why)s") % {"why": refused}
                work.hold_back(self.kind, one.record.id, said)
            else:
                # What has changed then is how it is called, or where it lies.
                super().settle(work, () if is_sent else [one])

    def _complete(self, work: OutboundWork, one: There[records.DriveItem]) -> bool:
        """The versions behind the last one that was sent. False where none of them had to go."""
        if len(one.record.versions) < 2:
            return False
        row = work.cloud.call("disk.file.get", id=one.theirs) or {}
        present = whole_number(str(row.get("GLOBAL_CONTENT_VERSION") or 1)) or 1
        if one.is_changed and row.get("NAME") != one.record.name:
            said = _("There it is called “%(name)s”.") % {"name": row.get("NAME")}
            work.remark(self.kind, one.record.id, said)
        begin = _begin(work, one.record, present)
        for place, version in enumerate(one.record.versions[begin:], begin):
            told, file = {"id": one.theirs}, Sent(one.record.name, version)
            _note(work, one, place, present + place - begin)
            work.tell(Write("disk.file.uploadversion", told, by=version.by, at=version.at, file=file))
        # Also one whose answer was lost, and which has arrived.
        noted = Identity.objects.filter(migration=work.migration, kind=VERSION, ours=one.record.id)
        return bool(noted.filter(is_new=True).update(is_new=False))


def _note(work: OutboundWork, one: There[records.DriveItem], place: int, present: int) -> None:
    """Which version is sent now, and how many the portal has before it: has it more later, it is there."""
    digest = one.record.versions[place].sha256
    Identity.objects.update_or_create(
        migration=work.migration, kind=VERSION, ours=one.record.id,
        defaults={"theirs": f"{one.theirs}:{place}:{present}", "digest": digest, "is_new": True},
    )  # fmt: skip


def _begin(work: OutboundWork, record: records.DriveItem, present: int) -> int:
    """The place of the first version that is still to go. How many the portal has says so only while none was
    noted: people there add their own."""
    noted = work.sent(VERSION, [record.id]).get(record.id)
    oldest = max(0, len(record.versions) - _MOST_VERSIONS)
    if noted is None:
        return min(oldest + present, len(record.versions))
    _file, place, before = map(int, noted.theirs.split(":"))
    # What was brought back is there twice; and versions may have gone meanwhile.
    same = [at for at, one in enumerate(record.versions) if one.sha256 == noted.digest]
    last = min(same, key=lambda at: abs(at - place), default=len(record.versions) - 2)
    return max(oldest, last + (present > before))


def _versions(record: records.DriveItem) -> Sequence[records.Version]:
    """The newest of them, in their order."""
    return record.versions[-_MOST_VERSIONS:]


def _items(scope: Scope) -> Any:
    return scope.seen(Item.objects.there()).exclude(parent=None)
