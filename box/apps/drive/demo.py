"""The drives of a demonstration company: the company's own, and some of its groups', with folders and
documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from box.apps.drive.models import Drive, Item
from box.core.access.principals import EVERYONE
from box.core.files.demo import store_documents
from box.core.files.models import File
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows, reserve_ids

PERIOD = timedelta(days=700)
MOST_GROUPS = 20
IN_A_FOLDER = 4

# A folder, and those in it.
COMPANY = {
    "Шаблоны договоров": ("Поставка", "Аренда"),
    "Forms": (),
    "Регламенты": ("Охрана труда", "Командировки"),
    "Brand": ("Logo", "Presentations"),
}
OF_A_GROUP = {"Планы": (), "Drawings": ("2025", "2026"), "Протоколы": ()}


@dataclass
class _Folder:
    pk: int
    drive: int
    code: str
    parent: int | None
    ancestors: list[int]
    name: str
    by: int
    at: datetime


def fill_drives(company: Company) -> None:
    groups = list(company.groups.items())[:MOST_GROUPS]
    owners = {EVERYONE: company.people, **{f"G{pk}": members for pk, members in groups}}
    company.tell(f"{len(owners)} drives")
    drives = reserve_ids(Drive, len(owners))
    copy_rows(Drive, ("id", "code"), zip(drives, owners, strict=True))
    folders = [
        folder
        for drive, (code, people) in zip(drives, owners.items(), strict=True)
        for folder in _folders(company, drive, code, people)
    ]
    copy_rows(Item, _FIELDS, map(_row, folders))
    _put_documents(company, folders)
    analyze(Drive, Item)


_FIELDS = (
    *("id", "drive", "parent", "ancestors", "is_folder", "name", "file", "version", "audience", "editors"),
    *("is_private", "inherits", "created_by", "created_at", "changed_by", "changed_at"),
)


def _row(one: _Folder, pk: int = 0, name: str = "", file: int | None = None) -> tuple[object, ...]:
    """The folder, or a file in it."""
    parent, above = (one.pk, [*one.ancestors, one.pk]) if file else (one.parent, one.ancestors)
    what = (pk or one.pk, one.drive, parent, above, file is None, name or one.name, file, 1)
    return (*what, [one.code], [one.code], False, True, one.by, one.at, one.by, one.at)


def _folders(company: Company, drive: int, code: str, people: list[int]) -> Iterator[_Folder]:
    tree = COMPANY if code == EVERYONE else OF_A_GROUP
    ids = iter(reserve_ids(Item, 1 + len(tree) + sum(map(len, tree.values()))))

    def made(parent: _Folder | None, name: str) -> _Folder:
        above = [*parent.ancestors, parent.pk] if parent else []
        by, at = company.random.choice(people), company.now - PERIOD * company.random.random()
        return _Folder(next(ids), drive, code, parent.pk if parent else None, above, name, by, at)

    yield (root := made(None, code))
    for name, inside in tree.items():
        yield (folder := made(root, name))
        for inner in inside:
            yield made(folder, inner)


def _put_documents(company: Company, folders: list[_Folder]) -> None:
    """Each a document of its own name: one that is in its folder already gets a number."""
    places = [folder for folder in folders if folder.parent is not None for _ in range(IN_A_FOLDER)]
    files = store_documents(company, [[place.code] for place in places])
    ids = reserve_ids(Item, len(files))
    found = File.objects.in_bulk(files)
    taken: set[tuple[int, str]] = set()
    renamed = []

    def rows() -> Iterator[tuple[object, ...]]:
        for pk, place, file in zip(ids, places, files, strict=True):
            name = found[file].name
            if (place.pk, name.lower()) in taken:
                stem, dot, ending = name.rpartition(".")
                name = f"{stem} ({pk}){dot}{ending}"
            taken.add((place.pk, name.lower()))
            changed = found[file]
            if (changed.name, changed.audience) != (name, [place.code]):
                changed.name, changed.audience = name, [place.code]
                renamed.append(changed)
            yield _row(place, pk, name, file)

    copy_rows(Item, _FIELDS, rows())
    File.objects.bulk_update(renamed, ["name", "audience"], batch_size=500)
