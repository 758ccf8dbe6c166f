"""Lists of drives are answered by indexes, whatever else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.drive.lists import BY_NAME, NEWEST_FIRST, USUAL
from box.apps.drive.models import Item
from box.core.access.principals import codes_of
from tests import cast as people

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.apps.drive.models import ItemQuerySet
    from box.core.accounts.models import User
    from box.core.lists.keyset import Keyset

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def _anna(shared_database: None) -> User:
    return people.member("Anna", people.sales())


@pytest.fixture
def anna(_anna: User) -> User:
    return _anna


@pytest.fixture(scope="module")
def full(_anna: User) -> Item:
    """A folder of 2000 among ten such."""
    anna, company = _anna, root_of("UA", by=_anna)
    folders = [make_folder(company, f"year {number}", by=anna) for number in range(10)]
    Item.objects.bulk_create(
        Item(
            drive=company.drive,
            parent=folder,
            ancestors=folder.path,
            name=f"{number:04} {'letters' if number % 2 else 'plans'}",
            is_folder=True,
            audience=["UA"],
            editors=["UA"],
            created_by=anna,
            changed_by=anna,
        )
        for folder in folders
        for number in range(2000)
    )
    with connection.cursor() as cursor:
        for table in ("item", "share", "outsidelink"):
            cursor.execute(f"ANALYZE drive_{table}")
    return folders[4]


def plan_of(found: QuerySet[Item]) -> str:
    return found.explain()


def pages(folder: Item, reader: User, order: Keyset) -> tuple[ItemQuerySet, ItemQuerySet]:
    """What asks for the first page of a folder, and for one in its middle."""
    rows = order._keyed(Item.objects.visible_to(reader).in_folder(folder).shown(timezone.now()))
    first: Any = order._with_values(rows, None)
    middle = first[900]
    reached = [*(getattr(middle, key) for key in order._keys[:-1]), middle.pk]
    later: Any = order._with_values(rows, reached)
    return first[:51], later[:51]


def test_a_page_of_a_folder_walks_its_index(full: Item, anna: User) -> None:
    for order, index in ((BY_NAME, "drive_item_in_order"), (NEWEST_FIRST, "drive_item_newest")):
        for page in pages(full, anna, order):
            plan = plan_of(page)
            assert index in plan, plan
            assert "Seq Scan on drive_item" not in plan
            assert "Sort" not in plan, plan


def test_what_is_composed_once_walks_it_too(full: Item, anna: User) -> None:
    """Each time it is planned for the folder that it is asked of: a plan for any would sort this one."""
    (query,) = USUAL[True]._queries
    _queryset, _compiler, asked = query._composed
    assert not asked.is_repeated
    question = asked.of({"codes": sorted(codes_of(anna)), "folder": full.pk, "now": timezone.now()})
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {question.sql}", question.values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "drive_item_in_order" in plan, plan
    assert "Sort" not in plan, plan


def test_what_is_below_a_folder_is_found_by_its_index(full: Item) -> None:
    inner = full.children.order_by("name")[900]
    for folder in (full, inner):
        plan = plan_of(Item.objects.below(folder))
        assert "drive_item_ancestors" in plan, plan
        assert "Seq Scan" not in plan


def test_the_trash_of_a_drive_is_found_by_its_index(full: Item) -> None:
    plan = plan_of(Item.objects.thrown_away().filter(drive=full.drive).order_by("-pk")[:101])
    assert "drive_item_trash" in plan, plan
