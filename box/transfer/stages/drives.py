"""Drives of people, groups and the company, with their folders, files, and what files were before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, override

from django.core.exceptions import ValidationError
from django.db.models import F, Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.actions.locking import lock_drives
from box.apps.drive.actions.tree import add_files, free_name, make_folder, rename_item, root_of
from box.apps.drive.actions.versions import new_version
from box.apps.drive.models import Item, Version
from box.core.access.principals import EVERYONE
from box.core.files.actions import take_in
from box.core.registry.origin import importing
from box.lib.numbers import whole_number
from box.transfer.cloud import AT_ONCE, PLAIN, Command
from box.transfer.ledger import Attachment, Extra, Row, digest_of, file_key
from box.transfer.models import Identity
from box.transfer.stages.base import (
    VERSION,
    Page,
    Stage,
    Work,
    counted,
    file_name,
    further_on,
    moment_in,
    part_of,
    refuse,
    whole,
)

FOLDERS_AT_ONCE = 50
FOLDER, FILE = "folder", "drive-file"
_OWNERS = {"user": ("person", "U"), "group": ("group", "G")}
_METHODS = {"storage": "disk.storage.getchildren", FOLDER: "disk.folder.getchildren"}


class Drives(Stage):
    """Fifty folders at a time, what is below them before what is beside: the cursor is the folders that are
    still to be looked into, and a whole level of a company's drives would not fit."""

    key = "drives"
    label = gettext_lazy("Drives")
    kind = FILE
    needs = ("people", "groups")

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        queue: list[dict[str, Any]] = cursor["queue"] if "queue" in cursor else self._storages(work)
        # A folder that is said to be in itself would be looked into without an end.
        asked: set[tuple[str, str, int]] = set()
        while queue:
            queue = list({_place_of(one): one for one in queue}.values())
            some, rest = queue[:FOLDERS_AT_ONCE], queue[FOLDERS_AT_ONCE:]
            asked.update(map(_place_of, some))
            commands = [
                Command(
                    f"f{number}",
                    _METHODS[one["of"]],
                    {"id": one["id"], **PLAIN.of("ID", {">ID": one["after"]}), "start": -1},
                )
                for number, one in enumerate(some)
            ]
            found = work.cloud.each(commands)
            waiting: list[Row] = []
            below: list[dict[str, Any]] = []
            for number, one in enumerate(some):
                rows = [row for row in found[f"f{number}"].result or [] if isinstance(row, dict)]
                if (refused := found[f"f{number}"].refused) is not None:
                    said = _("The folder is not shown: %(why)s") % {"why": refused}
                    work.hide(self.key, self.kind, one["id"], said)
                below += [
                    {"of": FOLDER, "id": str(row["ID"]), "after": 0}
                    for row in rows
                    if row.get("TYPE") == "folder"
                ]
                if len(rows) >= AT_ONCE:
                    below.append({**one, "after": int(rows[-1]["ID"])})
                below = [one for one in below if _place_of(one) not in asked]
                queue = [*some[number + 1 :], *below, *rest]
                waiting += [{**row, "_in": one} for row in rows]
                # Small folders share a page, so that their files come at once.
                if len(waiting) >= AT_ONCE or one is some[-1]:
                    yield Page(waiting, {"queue": queue})
                    waiting = []

    def _storages(self, work: Work) -> list[dict[str, Any]]:
        found = []
        for _start, rows in counted(work, "disk.storage.getlist"):
            found += [{"of": "storage", "id": str(row["ID"]), "after": 0} for row in rows]
            work.kept.setdefault("storages", {}).update({str(row["ID"]): row for row in rows})
        return list({one["id"]: one for one in found}.values())

    def _code(self, work: Work, storage: str) -> str | None:
        """Whose it is, as a principal's code here."""
        if storage not in work.kept.setdefault("storages", {}):
            work.kept["storages"][storage] = work.cloud.call("disk.storage.get", id=storage) or {}
        row = work.kept["storages"][storage]
        if row.get("ENTITY_TYPE") == "common":
            return EVERYONE
        kind, letter = _OWNERS.get(str(row.get("ENTITY_TYPE")), ("", ""))
        ours = work.ours(kind, row.get("ENTITY_ID")) if kind else 0
        return f"{letter}{ours}" if ours else None

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        extra = Extra()
        for storage in {row["_in"]["id"] for row in rows if row["_in"]["of"] == "storage"}:
            extra.rows[f"of {storage}"] = self._code(work, storage)
        files = [row for row in rows if row.get("TYPE") == "file"]
        older = [row for row in files if str(row.get("GLOBAL_CONTENT_VERSION") or "1") not in ("0", "1")]
        asked = [
            Command(f"v{self.id_of(row)}", "disk.file.getVersions", {"id": self.id_of(row)}) for row in older
        ]
        found = whole(work.cloud, asked, further_on)
        wanted: dict[str, list[Row]] = {}
        for row in files:
            outcome = found.get(f"v{self.id_of(row)}")
            if outcome is not None and outcome.refused is not None:
                said = _("Not all that it was before is given by the portal: %(why)s")
                extra.refuse(self.kind, self.id_of(row), said % {"why": outcome.refused})
            versions = outcome.result if outcome and isinstance(outcome.result, list) else []
            versions = sorted(
                (one for one in versions if isinstance(one, dict)), key=lambda one: int(one["ID"])
            )
            extra.rows[self.id_of(row)] = versions
            # The newest version is the file itself.
            wanted[self.id_of(row)] = [
                *({**one, "ID": _version(one), "NAME": row.get("NAME")} for one in versions[:-1]),
                {**row, "ID": _newest(row)},
            ]
        work.fetch_files(self.kind, wanted, extra)
        return extra

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("CREATE_TIME"))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs, by = self.id_of(row), work.person(row.get("CREATED_BY"))
        folder = self._folder(work, row, extra)
        if row.get("TYPE") == "folder":
            name = file_name(row.get("NAME"))
            # The box keeps "Plan" and "plan" for one name.
            made = make_folder(folder, free_name(folder, name), by=by)
            work.took(FOLDER, theirs, made.pk, digest=digest_of(row))
            work.took(self.kind, theirs, made.pk, digest=digest_of(row))
            return made.pk
        item = self._item(work, row, extra, folder)
        work.took(self.kind, theirs, item.pk, digest=digest_of(row))
        return item.pk

    def _folder(self, work: Work, row: Row, extra: Extra) -> Item:
        above = row["_in"]
        if above["of"] == "storage":
            code = extra.rows.get(f"of {above['id']}")
            if code is None:
                raise ValidationError(_("Whose drive it is has not come."), code="refused")
            return root_of(code, by=work.by)
        found = Item.objects.filter(pk=work.ours(FOLDER, above["id"])).first()
        if found is None:
            raise ValidationError(_("The folder that it was in has not come."), code="refused")
        return found

    def _item(self, work: Work, row: Row, extra: Extra, folder: Item) -> Item:
        theirs = self.id_of(row)
        contents = extra.files.get((self.kind, theirs), [])
        if not contents:
            raise self._refusal(row, extra)
        self._say_what_stays(work, row, extra)
        item = self._first(work, row, self._told(row, extra, contents[0]), folder, contents[0])
        for content in contents[1:]:
            self._renew(work, row, self._told(row, extra, content), item, content)
        return item

    def _refusal(self, row: Row, extra: Extra) -> ValidationError:
        why = " ".join(extra.refusals(self.kind, self.id_of(row)))
        return refuse(why or _("None of it could be fetched."))

    def _say_what_stays(self, work: Work, row: Row, extra: Extra) -> None:
        for text in extra.refusals(self.kind, self.id_of(row)):
            work.remark(self.kind, self.id_of(row), text)

    def _told(self, row: Row, extra: Extra, content: Attachment) -> Row:
        """What the portal says of this content, who wrote it and when."""
        versions: list[Row] = extra.rows.get(self.id_of(row)) or [row]
        return next((one for one in versions if _version(one) == content.theirs), versions[-1])

    def _first(self, work: Work, row: Row, told: Row, folder: Item, content: Attachment) -> Item:
        """`told` is what the portal says of this content, who wrote it and when."""
        by = work.person(told.get("CREATED_BY"))
        with importing(at=moment_in(told.get("CREATE_TIME"))):
            # The box keeps "Plan" and "plan" for one name.
            file = take_in(content.stored, free_name(folder, content.name), by=by)
            item = add_files(folder, [file.pk], by=by).new[0]
        self._note(work, row, item, content)
        return item

    def _renew(self, work: Work, row: Row, told: Row, item: Item, content: Attachment) -> None:
        by = work.person(told.get("UPDATED_BY") or told.get("CREATED_BY"))
        with importing(at=_renewed_at(told)):
            new_version(item, take_in(content.stored, content.name, by=by).pk, by=by)
        self._note(work, row, item, content)

    def _note(self, work: Work, row: Row, item: Item, content: Attachment) -> None:
        is_newest = content.theirs.startswith("n")
        if is_newest:
            # What it was until now is a version by now.
            held = Identity.objects.filter(migration=work.migration, kind="file", ours=item.file_id or 0)
            held.update(kind=VERSION)
        theirs = file_key(self.kind, self.id_of(row), content.theirs)
        kind = "file" if is_newest else VERSION
        work.took(kind, theirs, item.file_id or 0, digest=content.stored.sha256)

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        item = Item.objects.there().select_related("drive", "parent", "file").filter(pk=ours).first()
        if item is None:
            return
        if row.get("TYPE") == "file":
            self._bring_up_to_date(work, row, extra, item)
        name = file_name(row.get("NAME"))
        if name.lower() != item.name.lower():
            with part_of(work, self.kind, self.id_of(row)):
                rename_item(item, name, by=work.person(row.get("UPDATED_BY")))

    @override
    def complete(self, work: Work, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        """Contents alone: it may be called otherwise here by now."""
        item = Item.objects.there().select_related("drive", "parent", "file").filter(pk=ours).first()
        if item is not None:
            self._bring_up_to_date(work, row, extra, item)

    def _bring_up_to_date(self, work: Work, row: Row, extra: Extra, item: Item) -> None:
        theirs, newest = self.id_of(row), _newest(row)
        contents = extra.files.get((self.kind, theirs), [])
        is_renewed = any(one.theirs == newest for one in contents)
        if not is_renewed and not work.known("file", [file_key(self.kind, theirs, newest)]):
            raise self._refusal(row, extra)
        self._say_what_stays(work, row, extra)
        newest_here = self._newest_here(work, row, extra)
        for content in contents:
            told = self._told(row, extra, content)
            if content.theirs == newest:
                self._renew(work, row, told, item, content)
            elif self._came_before(work, row, content):
                continue
            elif is_renewed and _count_of(told) > newest_here:
                self._renew(work, row, told, item, content)
            else:
                self._put_behind(work, row, told, item, content)

    def _newest_here(self, work: Work, row: Row, extra: Extra) -> int:
        """Of the contents that have come the last one, by how the portal counts them."""
        begin = file_key(self.kind, self.id_of(row), "")
        kept = Identity.objects.filter(
            migration=work.migration, kind__in=("file", VERSION), theirs__startswith=begin
        )
        came = {one.removeprefix(begin) for one in kept.values_list("theirs", flat=True)}
        counts = [_count_of(one) for one in extra.rows.get(self.id_of(row)) or () if _version(one) in came]
        counts += [whole_number(one.partition("@")[2]) or 0 for one in came if one.startswith("n")]
        return max(counts, default=0)

    def _put_behind(self, work: Work, row: Row, told: Row, item: Item, content: Attachment) -> None:
        """A content that comes late takes its place among what the file was before."""
        by, at = work.person(told.get("UPDATED_BY") or told.get("CREATED_BY")), _renewed_at(told)
        lock_drives(item.drive_id)
        item.refresh_from_db(fields=["version"])
        with importing(at=at):
            file = take_in(content.stored, content.name, by=by)
        before = item.versions.filter(made_at__lte=at).aggregate(last=Max("number"))["last"]
        number = (before or 0) + 1
        later = item.versions.filter(number__gte=number).values_list("pk", flat=True)
        for pk in list(later.order_by("-number")):
            Version.objects.filter(pk=pk).update(number=F("number") + 1)
        Version.objects.create(item=item, number=number, blob=file.blob, by=by, made_at=at)
        file.delete()
        item.version += 1
        item.save(update_fields=["version"])
        self._note(work, row, item, content)

    def _came_before(self, work: Work, row: Row, content: Attachment) -> bool:
        """What was the newest when it came is a version there by now, and is known as that from here on."""
        theirs = self.id_of(row)
        came = Identity.objects.filter(
            migration=work.migration,
            kind__in=("file", VERSION),
            theirs__startswith=file_key(self.kind, theirs, "n"),
            digest=content.stored.sha256,
        ).exclude(theirs=file_key(self.kind, theirs, _newest(row)))
        first = came.order_by("id").values("pk")[:1]
        return bool(came.filter(pk__in=first).update(theirs=file_key(self.kind, theirs, content.theirs)))


def _place_of(one: Mapping[str, Any]) -> tuple[str, str, int]:
    """Of the queue: a folder, from behind one of its rows on."""
    return str(one["of"]), str(one["id"]), int(one["after"])


def _newest(row: Row) -> str:
    """By what the newest content of a file is known."""
    return f"n{row['ID']}@{row.get('GLOBAL_CONTENT_VERSION') or 1}"


def _count_of(told: Row) -> int:
    return whole_number(str(told.get("GLOBAL_CONTENT_VERSION"))) or 0


def _renewed_at(told: Row) -> datetime:
    return moment_in(told.get("UPDATE_TIME") or told.get("CREATE_TIME"))


def _version(row: Row) -> str:
    """By what a content that it had before is known."""
    return f"v{row['ID']}"
