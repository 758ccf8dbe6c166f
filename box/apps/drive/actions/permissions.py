"""Who may look at an item and who may change it, written down in all that is below it."""

from __future__ import annotations

from collections import defaultdict
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

from box.apps.drive.events import FoldersTouched
from box.apps.drive.models import Drive, Item
from box.core.access.principals import code_of
from box.core.events.outbox import emit
from box.core.files.actions import change_audience

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from box.core.accounts.models import User

# Ids in one event.
AT_ONCE = 1000

_PROPAGATE = """
WITH RECURSIVE tree AS (
    SELECT id, ARRAY(SELECT unnest(%(readers)s::text[]) UNION
                     SELECT code FROM drive_share WHERE item_id = top.id ORDER BY 1) AS readers,
               ARRAY(SELECT unnest(%(editors)s::text[]) UNION
                     SELECT code FROM drive_share WHERE item_id = top.id AND can_edit ORDER BY 1) AS editors
      FROM drive_item AS top WHERE id = %(item)s
  UNION ALL
    SELECT one.id,
           ARRAY(SELECT unnest(tree.readers) WHERE one.inherits UNION
                 SELECT code FROM drive_share WHERE item_id = one.id ORDER BY 1),
           ARRAY(SELECT unnest(tree.editors) WHERE one.inherits UNION
                 SELECT code FROM drive_share WHERE item_id = one.id AND can_edit ORDER BY 1)
      FROM tree JOIN drive_item AS one ON one.parent_id = tree.id
)
UPDATE drive_item AS item
   SET audience = readers, editors = tree.editors,
       is_private = (SELECT bool_and(code ~ '^U[0-9]+$') FROM unnest(readers) AS code)
  FROM tree
 WHERE item.id = tree.id AND (item.audience, item.editors) IS DISTINCT FROM (readers, tree.editors)
RETURNING item.id, item.is_folder, item.file_id, item.trashed_at IS NULL, item.audience
"""


class Reach(NamedTuple):
    """Codes of who may look, and of those among them who may change."""

    readers: Sequence[str]
    editors: Sequence[str]


def of_drive(drive: Drive) -> Reach:
    return Reach([drive.code], [drive.code])


def inherited(item: Item) -> Reach:
    """What it has from the folder that it is in."""
    if item.parent is None:
        return of_drive(item.drive)
    return Reach(item.parent.audience, item.parent.editors) if item.inherits else Reach([], [])


def propagate(item: Item) -> None:
    """Call it after whatever changes who may open the item: where it is, whom it is shared with."""
    reach = inherited(item)
    readers, editors = list(reach.readers), list(reach.editors)
    with connection.cursor() as cursor:
        cursor.execute(_PROPAGATE, {"item": item.pk, "readers": readers, "editors": editors})
        changed = cursor.fetchall()
    _follow(
        (file_id, audience)
        for _pk, is_folder, file_id, is_there, audience in changed
        if is_there and not is_folder
    )
    tell_folders(pk for pk, is_folder, *_rest in changed if is_folder)
    item.refresh_from_db(fields=["audience", "editors", "is_private"])


def hide_files(items: Iterable[Item], by: User) -> None:
    """Files in the trash are found and opened by whoever threw them away, until they are back."""
    _follow((item.file_id, [code_of(by)]) for item in items if item.file_id)


def show_files(items: Iterable[Item]) -> None:
    _follow((item.file_id, item.audience) for item in items if item.file_id)


def tell_folders(ids: Iterable[int]) -> None:
    for some in batched(ids, AT_ONCE, strict=False):
        emit(FoldersTouched(folder_ids=some))


def _follow(files: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Gives files the audiences of their items: few different ones, however many the files are."""
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for file_id, audience in files:
        alike[tuple(audience)].append(file_id)
    for codes, ids in alike.items():
        for some in batched(ids, AT_ONCE, strict=False):
            change_audience(some, audience=codes)
