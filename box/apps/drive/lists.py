"""Lists of drives: what is in a folder, what was thrown away, what colleagues share, and drives of groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, DateTimeField, Exists, OuterRef, TextField
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.apps.drive.actions.locking import Gone, lock_drives
from box.apps.drive.actions.trash import bring_back, purge, throw_away
from box.apps.drive.actions.tree import move_items
from box.apps.drive.models import IS_FILE, Item, Share
from box.core.access.audiences import is_ruled_by_codes
from box.core.access.principals import EVERYONE, codes_of
from box.core.groups.models import Group
from box.core.lists.definition import Bulk, Column, Empty, List, Search, Sort
from box.core.lists.filters import Dates, people
from box.core.lists.keyset import Keyset
from box.core.lists.presenters import macro
from box.core.lists.usual import Usual
from box.core.registry.environment import url
from box.core.registry.filtering import Moment, Related
from box.lib.pages import number_of
from box.lib.prepared import Param

if TYPE_CHECKING:
    from django.http import QueryDict
    from markupsafe import Markup

    from box.apps.drive.models import ItemQuerySet
    from box.core.accounts.models import User
    from box.core.lists.keyset import Page

UI = "drive/ui.html"

# What is in a folder

BY_NAME = Keyset((IS_FILE, "name"))
"""Folders first."""
NEWEST_FIRST = Keyset(("changed_at",), is_descending=True)


def _entries(*, reaches_many: bool) -> ItemQuerySet:
    codes = Param("codes", ArrayField(TextField()))
    seen = Item.objects.all()
    seen = seen.reachable_by_many(codes) if reaches_many else seen.reachable_by_few(codes)
    found: ItemQuerySet = seen.in_folder(Param("folder", BigIntegerField())).shown(
        Param("now", DateTimeField())
    )
    return found


# A folder may have three things in it or three thousand: it is planned anew each time.
USUAL = {many: Usual(BY_NAME, partial(_entries, reaches_many=many)) for many in (True, False)}


def usual_page(folder: Item, reader: User) -> Page[Item]:
    """What a visit to a folder begins with, composed once."""
    codes = codes_of(reader)
    return USUAL[EVERYONE in codes].page(codes=sorted(codes), folder=folder.pk, now=timezone.now())


def _columns(*, can_edit: bool, can_share: bool) -> tuple[Column[Item], ...]:
    acts = macro(UI, "entry_acts")
    return (
        Column("name", gettext_lazy("Name"), _name, sort=Sort((IS_FILE, "name")), cell=macro(UI, "entry")),
        Column(
            "changed",
            gettext_lazy("Changed"),
            lambda item: item.changed_at,
            sort="changed_at",
            cell=macro(UI, "entry_changed"),
        ),
        Column("by", gettext_lazy("Changed by"), lambda item: item.changed_by.face, is_shown=False),
        Column("size", gettext_lazy("Size"), _size, cell=macro(UI, "entry_size")),
        Column(
            "acts",
            gettext_lazy("What can be done"),
            lambda item: "",
            cell=lambda item: acts(item, can_edit, can_share),
        ),
    )


def _name(item: Item) -> str:
    return item.name


def _size(item: Item) -> int | None:
    return item.file.size if item.file else None


def folder_list(
    folder: Item, reader: User, *, title: str, text: str, can_edit: bool, can_share: bool
) -> List[Item]:
    """What is in it; what is called `text`, in it and below it. `can_share` is about what is in it."""
    seen = Item.objects.visible_to(reader)
    now = timezone.now()
    return List(
        key="drive.folder",
        title=title,
        rows=seen.below(folder).there() if text else seen.in_folder(folder),
        columns=_columns(can_edit=can_edit, can_share=can_share),
        filters=FOLDER_FILTERS,
        bulk=(_throwing(reader), _moving(folder, reader)) if can_edit else (),
        order="name",
        search=Search(
            gettext_lazy("Name of a file or folder"),
            lambda rows, words: rows.matching(words),  # type: ignore[attr-defined]
            nearest=lambda words: NEWEST_FIRST,
        ),
        read=lambda rows: rows.shown(now),  # type: ignore[attr-defined]
        usual=(lambda: usual_page(folder, reader)) if is_ruled_by_codes(reader) else None,
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("This folder is empty"),
            gettext_lazy("Drop files onto this page, paste them, or choose them with “Upload”.")
            if can_edit
            else gettext_lazy("Whoever may put something here has not done so yet."),
        ),
    )


FOLDER_FILTERS = (
    people("by", gettext_lazy("Changed by"), Related("changed_by"), is_always_set=True),
    Dates("changed", gettext_lazy("Changed"), Moment("changed_at"), is_always_set=True),
)


def _held(item: Item, *drive_ids: int) -> Item:
    """As nobody changes it meanwhile: whoever changes a drive holds it before what is on it."""
    lock_drives(item.drive_id, *drive_ids)
    return Item.objects.get(pk=item.pk)


def _throwing(reader: User) -> Bulk[Item]:
    return Bulk(
        key="trash",
        label=gettext_lazy("To the trash"),
        icon="trash",
        act=lambda item, /, *, by: throw_away([item], by=by),
        done=lambda n: (
            ngettext("%(num)s thing is in the trash.", "%(num)s things are in the trash.", n) % {"num": n}
        ),
        state=lambda item: item.trashed_at is not None,
        restore=lambda item, was, /, *, by: bring_back(item, by=by),
        gone=Item.objects.visible_to(reader),
        hold=lambda item, act: _held(item),
        hold_again=lambda item, was: _held(item),
    )


@dataclass(frozen=True)
class _Into:
    """Moves into this folder."""

    to: Item

    def __call__(self, item: Item, /, *, by: User) -> None:
        move_items([item], self.to, by=by)


def _moving(folder: Item, reader: User) -> Bulk[Item]:
    def places() -> Markup:
        return macro(UI, "places")(folder.pk)

    def into(given: QueryDict) -> _Into:
        seen = Item.objects.visible_to(reader).there().folders()
        to = seen.filter(pk=number_of(given, "to") or 0).first()
        if to is None:
            raise ValidationError(_("Choose a folder that you may change."), code="to")
        return _Into(to)

    def hold(item: Item, act: Any) -> Item:
        return _held(item, act.to.drive_id)

    def hold_again(item: Item, was: int) -> Item:
        return _held(item, *Item.objects.filter(pk=was).values_list("drive_id", flat=True))

    def back(item: Item, was: int, /, *, by: User) -> None:
        before = Item.objects.there().filter(pk=was).first()
        if before is None:
            raise Gone
        move_items([item], before, by=by)

    return Bulk(
        key="move",
        label=gettext_lazy("Move"),
        icon="folder-symlink",
        act=_Into(folder),
        done=lambda n: ngettext("%(num)s thing is moved.", "%(num)s things are moved.", n) % {"num": n},
        state=lambda item: item.parent_id,
        restore=back,
        gone=Item.objects.visible_to(reader),
        form=places,
        bind=into,
        hold=hold,
        hold_again=hold_again,
    )


# What was thrown away

TRASH_COLUMNS: tuple[Column[Item], ...] = (
    Column("name", gettext_lazy("Name"), _name, cell=macro(UI, "thrown")),
    Column("by", gettext_lazy("Thrown away by"), lambda item: item.trashed_by and item.trashed_by.face),
    Column("when", gettext_lazy("Thrown away at"), lambda item: item.trashed_at),
    Column("acts", gettext_lazy("What can be done"), lambda item: "", cell=macro(UI, "thrown_acts")),
    Column("place", gettext_lazy("Number"), lambda item: item.pk, sort="id", is_offered=False),
)


def trash_list(root: Item, reader: User) -> List[Item]:
    """On the drive with this root, the newest first."""
    gone = Item.objects.visible_to(reader).thrown_away().filter(drive=root.drive)
    return List(
        key="drive.trash",
        title=gettext_lazy("Trash"),
        rows=gone.select_related("trashed_by", "file__blob"),
        columns=TRASH_COLUMNS,
        filters=(people("by", gettext_lazy("Thrown away by"), Related("trashed_by"), is_always_set=True),),
        bulk=(
            Bulk(
                key="back",
                label=gettext_lazy("Bring back"),
                icon="arrow-back-up",
                act=lambda item, /, *, by: bring_back(item, by=by),
                done=lambda n: ngettext("%(num)s thing is back.", "%(num)s things are back.", n) % {"num": n},
            ),
            Bulk(
                key="purge",
                label=gettext_lazy("Delete for good"),
                icon="x",
                question=gettext_lazy("What is chosen goes for good, with all that is in it."),
                act=lambda item, /, *, by: purge(item, by=by),
                done=lambda n: (
                    ngettext("%(num)s thing is deleted for good.", "%(num)s things are deleted for good.", n)
                    % {"num": n}
                ),
            ),
        ),
        order="-place",
        search=Search(gettext_lazy("Name"), lambda rows, words: rows.matching(words)),  # type: ignore[attr-defined]
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("The trash is empty"),
            gettext_lazy("What is thrown away waits here, in case it was a mistake."),
        ),
    )


# What was shared

COLUMNS = (
    Column[Share]("name", gettext_lazy("Name"), lambda share: share.item.name, cell=macro(UI, "shared")),
    Column[Share]("by", gettext_lazy("Shared by"), lambda share: share.by.face),
    Column[Share]("when", gettext_lazy("Shared"), lambda share: share.created_at, sort="id"),
    Column[Share](
        "level",
        gettext_lazy("What you may do"),
        lambda share: _("you may change it") if share.can_edit else _("you may look"),
    ),
    Column[Share]("content", gettext_lazy("Download"), lambda share: "", cell=macro(UI, "download_of")),
)
FILTERS = (
    people("by", gettext_lazy("Shared by"), Related("by"), is_always_set=True),
    Dates("when", gettext_lazy("Shared"), Moment("created_at"), is_always_set=True),
)


def shared_list(user: User) -> List[Share]:
    """By name, by department or by group, the newest first; what was shared twice once."""
    theirs = Share.objects.filter(code__in=codes_of(user), item__trashed_at=None).exclude(by=user)
    newer = theirs.filter(item=OuterRef("item"), pk__gt=OuterRef("pk"))
    return List(
        key="drive.shared",
        title=gettext_lazy("Shared with me"),
        rows=theirs.filter(~Exists(newer)).select_related("item__file__blob", "by"),
        columns=COLUMNS,
        filters=FILTERS,
        order="-when",
        search=Search(gettext_lazy("Name"), lambda rows, text: rows.filter(item__name__icontains=text)),
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("Nobody has shared anything with you yet"),
            gettext_lazy("What colleagues let you open from their drives is gathered here."),
        ),
    )


# Drives of groups

GROUP_COLUMNS: tuple[Column[Group], ...] = (
    Column("name", gettext_lazy("Name"), lambda group: group.name, sort="name"),
    Column(
        "state",
        gettext_lazy("State"),
        lambda group: _("in the archive") if group.is_archived else "",
    ),
)


def group_drives(user: User) -> List[Group]:
    """Of the workgroups that the person is in: each has a drive."""
    return List(
        key="drive.groups",
        title=gettext_lazy("Drives of groups"),
        rows=Group.objects.of(user),
        columns=GROUP_COLUMNS,
        order="name",
        search=Search(gettext_lazy("Name of a group"), lambda rows, words: rows.matching(words)),  # type: ignore[attr-defined]
        href=lambda group: url("drive:group", group.pk),
        can_export=False,
        empty=Empty(
            gettext_lazy("You are in no group yet"),
            gettext_lazy(
                "Each group has a drive of its own: what one of its members puts there is everybody's."
            ),
            f"{url('groups:list')}?show=all",
            gettext_lazy("Look at the groups"),
        ),
    )
