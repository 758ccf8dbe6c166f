"""Whatever people do, what items say follows from where they are and whom they are shared with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.drive.actions.sharing import end_share, set_inheritance, share_item
from box.apps.drive.actions.trash import bring_back, purge, throw_away
from box.apps.drive.actions.tree import make_folder, move_items, rename_item, root_of
from box.apps.drive.models import Item, Share
from box.core.access.principals import EVERYONE, code_of, is_private
from box.core.accounts.actions import NewUser, create_user
from box.core.files.models import File
from tests.box.apps.drive.conftest import put

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User

NAMES = ("a", "A", "b", "c.txt")
ACTS = ("folder", "file", "move", "rename", "share", "unshare", "close", "open", "trash", "restore", "purge")

steps = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 1),
        st.integers(0, 30),
        st.integers(0, 30),
        st.sampled_from(NAMES),
        st.booleans(),
    ),
    min_size=3,
    max_size=25,
)


def reach_of(item: Item, items: dict[int, Item], shares: dict[int, list[Share]]) -> tuple[set[str], set[str]]:
    """Who may look and who may change, from the shares and the folders alone."""
    own = shares.get(item.pk, [])
    readers, editors = {one.code for one in own}, {one.code for one in own if one.can_edit}
    if item.parent_id is None:
        return readers | {item.drive.code}, editors | {item.drive.code}
    if item.inherits:
        above = reach_of(items[item.parent_id], items, shares)
        readers, editors = readers | above[0], editors | above[1]
    return readers, editors


def path_of(item: Item, items: dict[int, Item]) -> list[int]:
    if item.parent_id is None:
        return []
    return [*path_of(items[item.parent_id], items), item.parent_id]


def check() -> None:
    items = {item.pk: item for item in Item.objects.select_related("drive", "file")}
    shares: dict[int, list[Share]] = {}
    for share in Share.objects.all():
        shares.setdefault(share.item_id, []).append(share)
    for item in items.values():
        assert item.ancestors == path_of(item, items)
        readers, editors = reach_of(item, items, shares)
        assert item.audience == sorted(readers)
        assert item.editors == sorted(editors)
        assert editors <= readers
        assert item.is_private == is_private(readers)
        if item.parent_id is not None:
            parent = items[item.parent_id]
            assert item.drive_id == parent.drive_id
            assert item.trashed_at or not parent.trashed_at, "nothing is there in what is thrown away"
        if item.trashed_at:
            assert item.trash_root in (*item.ancestors, item.pk)
            assert items[item.trash_root or 0].trash_root == item.trash_root
        if item.file is not None:
            hidden = [code_of(item.trashed_by)] if item.trashed_at and item.trashed_by else item.audience
            assert (item.file.audience, item.file.name) == (hidden, item.name)
            assert item.file.is_private == is_private(hidden)
    names = Counter((item.parent_id, item.name.lower()) for item in items.values() if not item.trashed_at)
    assert max(names.values()) == 1
    assert File.objects.unreferenced().count() == 0


class Drives(TestCase):
    def setUp(self) -> None:
        self.people = [
            create_user(NewUser(f"{name}@example.com", name, "Test"), password=None, by=None)
            for name in ("anna", "boris")
        ]

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(steps)
    def test_whatever_is_done_everything_fits(self, steps: list[Any]) -> None:
        with transaction.atomic():
            anna = self.people[0]
            root_of(EVERYONE, by=anna)
            for person in self.people:
                root_of(code_of(person), by=person)
            for act, who, which, other, name, flag in steps:
                self._do(act, self.people[who], which, other, name, flag)
                check()
            transaction.set_rollback(True)

    def _do(self, act: str, by: User, which: int, other: int, name: str, flag: bool) -> None:
        there = Item.objects.there().select_related("drive", "parent", "file").order_by("pk")
        item, to = there[which % there.count()], there[other % there.count()]
        gone = list(Item.objects.thrown_away().select_related("drive", "parent", "file").order_by("pk"))
        share = item.shares.order_by("pk").first()
        acts: dict[str, Callable[[], object]] = {
            "folder": lambda: make_folder(item, name, by=by),
            "file": lambda: put(item, name, by=by),
            "move": lambda: move_items([item], to, by=by),
            "rename": lambda: rename_item(item, name, by=by),
            "share": lambda: share_item(item, [code_of(self.people[other % 2])], can_edit=flag, by=by),
            "unshare": lambda: share and end_share(share, by=by),
            "close": lambda: set_inheritance(item, False, by=by),
            "open": lambda: set_inheritance(item, True, by=by),
            "trash": lambda: throw_away([item], by=by),
            "restore": lambda: gone and bring_back(gone[which % len(gone)], by=by),
            "purge": lambda: gone and purge(gone[which % len(gone)], by=by),
        }
        before = Item.objects.count()
        try:
            with transaction.atomic():
                acts[act]()
        except (ValidationError, PermissionDenied):
            File.objects.unreferenced().delete()
            assert Item.objects.count() == before
