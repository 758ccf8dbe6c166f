"""Drives out of an archive: folders, files, and what files were before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.actions.sharing import share_item
from box.apps.drive.actions.tree import add_files, free_name, make_folder, root_of
from box.apps.drive.actions.versions import new_version
from box.apps.drive.models import Item
from box.core.access.principals import EVERYONE
from box.core.files.actions import take_in
from box.core.registry.origin import importing
from box.transfer.archive import records
from box.transfer.archive.records import Blob
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork, name_in
from box.transfer.ledger import Attachment, Extra, file_key
from box.transfer.models import Identity
from box.transfer.stages.base import VERSION, part_of
from box.transfer.stages.drives import FILE, FOLDER


class Drives(ArchiveStage[records.DriveItem]):
    key = "drives"
    label = gettext_lazy("Drives")
    kind = FILE
    needs = ("people", "groups")

    @override
    def files_in(self, record: records.DriveItem) -> Iterable[tuple[str, str, Blob]]:
        return [(str(number), record.name, one) for number, one in enumerate(record.versions)]

    @override
    def bring(self, work: ArchiveWork, record: records.DriveItem, extra: Extra) -> int:
        theirs = str(record.id)
        folder = self._folder(work, record)
        by = work.person(record.created_by)
        name = name_in(record.name)
        if record.is_folder:
            # The box keeps "Plan" and "plan" for one name.
            item = make_folder(folder, free_name(folder, name), by=by)
            work.took(FOLDER, theirs, item.pk)
        else:
            item = self._file(work, record, extra, folder)
        self.took(work, record, item.pk)
        self._share(work, record, item)
        return item.pk

    def _folder(self, work: ArchiveWork, record: records.DriveItem) -> Item:
        if record.parent is not None:
            found = Item.objects.there().filter(pk=work.ours(FOLDER, record.parent)).first()
            if found is None:
                raise ValidationError(_("The folder that it was in has not come."), code="missing")
            return found
        code = next(iter(work.codes([record.drive])), None)
        if code is None:
            raise ValidationError(_("Whose drive it is has not come."), code="missing")
        return root_of(code, by=work.by)

    def _file(self, work: ArchiveWork, record: records.DriveItem, extra: Extra, folder: Item) -> Item:
        for text in extra.refusals(self.kind, str(record.id)):
            work.remark(self.kind, record.id, text)
        contents = extra.files.get((self.kind, str(record.id)), [])
        if not contents:
            raise ValidationError(_("None of it could be fetched."), code="refused")
        first, *later = contents
        told = record.versions[int(first.theirs)]
        by = work.person(told.by)
        with importing(at=told.at):
            file = take_in(first.stored, free_name(folder, first.name), by=by)
            item = add_files(folder, [file.pk], by=by).new[0]
        self._note(work, record, item, first)
        for one in later:
            told = record.versions[int(one.theirs)]
            by = work.person(told.by)
            with importing(at=told.at):
                new_version(item, take_in(one.stored, one.name, by=by).pk, by=by)
            self._note(work, record, item, one)
        return item

    def _note(self, work: ArchiveWork, record: records.DriveItem, item: Item, content: Attachment) -> None:
        """What it was until now is a version by now."""
        held = Identity.objects.filter(migration=work.migration, kind="file", ours=item.file_id or 0)
        held.update(kind=VERSION)
        theirs = file_key(self.kind, str(record.id), content.theirs)
        work.took("file", theirs, item.file_id or 0, digest=content.stored.sha256)

    def _share(self, work: ArchiveWork, record: records.DriveItem, item: Item) -> None:
        """By whose drive it is: nobody else could."""
        is_personal = record.drive.startswith("U") and record.drive != EVERYONE
        owner = work.person(record.drive[1:]) if is_personal else work.by
        for can_edit in (False, True):
            codes = work.codes(one.code for one in record.shares if one.can_edit is can_edit)
            if codes:
                with part_of(work, self.kind, record.id):
                    share_item(item, codes, can_edit=can_edit, by=owner)
