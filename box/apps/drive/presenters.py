"""What pages of drives show: whose a drive is, the way to a folder, what a person may do with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from box.apps.drive.access import can_edit, can_share, has_own_drive, is_own
from box.apps.drive.actions.tree import MOST_AT_ONCE
from box.apps.drive.models import PAGE, Item, roots_of
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.structure.names import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.apps.drive.models import Drive
    from box.core.accounts.models import User


MOST_DRIVES = 50


@dataclass(frozen=True)
class Step:
    """A folder on the way to what is shown."""

    pk: int
    name: str


def name_of(drive: Drive, reader: User) -> str:
    if is_own(reader, drive):
        return _("My drive")
    if drive.is_company:
        return _("Company drive")
    whose = named([drive.code], reader=reader).get(drive.code)
    return whose.name if whose else _("A drive that nobody has any more")


def drives_of(reader: User) -> list[Step]:
    """The drives that there are of this person, of the company and of the groups that they are in."""
    codes = [code for code in codes_of(reader) if code[0] == "G" or code in (code_of(reader), EVERYONE)]
    roots = list(roots_of(codes).order_by("pk")[:MOST_DRIVES])
    names = {code: one.name for code, one in named(codes, reader=reader).items()}
    names |= {code_of(reader): _("My drive"), EVERYONE: _("Company drive")}
    return [Step(root.pk, names[root.drive.code]) for root in roots if root.drive.code in names]


def section_of(drive: Drive, reader: User) -> str:
    """Which of the tabs it is in."""
    if drive.is_company:
        return "company"
    if drive.is_personal:
        return "mine" if is_own(reader, drive) else "shared"
    return "groups"


def way_to(item: Item, reader: User) -> list[Step]:
    """The folders above it that the reader may open, from the drive down. On somebody else's drive it begins
    where it was shared."""
    above = Item.objects.visible_to(reader).there().filter(pk__in=item.ancestors)
    steps = {one.pk: one for one in above.only("name", "parent_id")}
    shown = [steps[pk] for pk in item.ancestors if pk in steps]
    return [Step(one.pk, one.name if one.parent_id else name_of(item.drive, reader)) for one in shown]


def folder_context(folder: Item, reader: User) -> dict[str, Any]:
    """What stands around the list of what is in it."""
    return {
        "folder": folder,
        "title": title_of(folder, reader),
        "way": way_to(folder, reader) if not folder.is_root else [],
        "section": section_of(folder.drive, reader),
        "can_edit": can_edit(reader, folder),
        "can_share": can_share(reader, folder),
        "has_own": has_own_drive(reader),
        "most_files": MOST_AT_ONCE,
    }


def title_of(folder: Item, reader: User) -> str:
    return name_of(folder.drive, reader) if folder.is_root else folder.name


def can_share_all(folder: Item, reader: User) -> bool:
    """Whatever is in it; the drive itself is nobody's to share."""
    if not has_own_drive(reader):
        return False
    return is_own(reader, folder.drive) if folder.drive.is_personal else can_edit(reader, folder)


def places_context(here: Item, reader: User, *, besides: Sequence[int]) -> dict[str, Any]:
    """The folders in this one, to choose one of them as a place for other things than itself."""
    inside = Item.objects.visible_to(reader).in_folder(here).folders().exclude(pk__in=besides)
    return {
        "here": here,
        "query": urlencode({"row": besides}, doseq=True),
        "drives": drives_of(reader),
        "top": here.path[0],
        "title": title_of(here, reader),
        "way": way_to(here, reader),
        "inside": inside.listed()[:PAGE],
        "is_place": can_edit(reader, here),
    }
