"""What pages of drives show: whose a drive is, the way to a folder, what a person may do with each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, DateTimeField, TextField
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.drive.access import can_edit, can_share, has_own_drive, is_own
from box.apps.drive.actions.tree import MOST_AT_ONCE
from box.apps.drive.models import PAGE, Item, roots_of
from box.core.access.audiences import is_ruled_by_codes
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.structure.names import named
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from box.apps.drive.models import Drive, ItemQuerySet
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


def page_of(folder: Item, reader: User, *, q: str | None, sort: str | None, after: int | None) -> list[Item]:
    """A page of a folder, and one more where there is one; or of what is called so, in it and below it."""
    if q or sort or after or not is_ruled_by_codes(reader):
        return list(listed(folder, reader, q=q, sort=sort, after=after))
    codes = codes_of(reader)
    first = _first_page(reaches_many=EVERYONE in codes)
    return first.rows(codes=sorted(codes), folder=folder.pk, now=timezone.now())


def listed(folder: Item, reader: User, *, q: str | None, sort: str | None, after: int | None) -> ItemQuerySet:
    seen = Item.objects.visible_to(reader)
    found = seen.below(folder).there().matching(q) if q else seen.in_folder(folder)
    last = Item.objects.filter(pk=after).first() if after else None
    if sort or q:
        found = (found.newest_after(last) if last else found).newest_first()
    else:
        found = (found.listed_after(last) if last else found).listed()
    page: ItemQuerySet = found.shown(timezone.now())[: PAGE + 1]
    return page


@cache
def _first_page(*, reaches_many: bool) -> PreparedModels[Item]:
    """What a visit to a folder begins with, composed once; what is looked for or sorted goes the long way."""

    def make() -> ItemQuerySet:
        codes = Param("codes", ArrayField(TextField()))
        seen = Item.objects.all()
        seen = seen.reachable_by_many(codes) if reaches_many else seen.reachable_by_few(codes)
        page = seen.in_folder(Param("folder", BigIntegerField())).listed()
        first: ItemQuerySet = page.shown(Param("now", DateTimeField()))[: PAGE + 1]
        return first

    # A folder may have three things in it or three thousand.
    return PreparedModels(make, plans_anew=True)


def folder_context(folder: Item, reader: User, chosen: dict[str, Any]) -> dict[str, Any]:
    found = page_of(folder, reader, **chosen)
    edits = can_edit(reader, folder)
    # Of what is in it; the drive itself is nobody's to share.
    shares_all = has_own_drive(reader) and (
        is_own(reader, folder.drive) if folder.drive.is_personal else edits
    )
    return {
        "folder": folder,
        "title": name_of(folder.drive, reader) if folder.is_root else folder.name,
        "way": way_to(folder, reader) if not folder.is_root else [],
        "section": section_of(folder.drive, reader),
        "items": found[:PAGE],
        "has_more": len(found) > PAGE,
        "can_edit": edits,
        "can_share": can_share(reader, folder),
        "shares_all": shares_all,
        "has_own": has_own_drive(reader),
        "most_files": MOST_AT_ONCE,
        **chosen,
    }
