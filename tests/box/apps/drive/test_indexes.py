"""Lists of drives are answered by indexes, whatever else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from box.apps.drive.actions.tree import make_folder
from box.apps.drive.models import Item
from box.apps.drive.presenters import _first_page, listed
from box.core.access.principals import codes_of

if TYPE_CHECKING:
    from box.apps.drive.models import ItemQuerySet
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(anna: User, company: Item) -> Item:
    """A folder of 2000 among ten such, each with a folder of its own in it."""
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


def plan_of(found: ItemQuerySet) -> str:
    return found.explain()


def page(folder: Item, reader: User, *, sort: str | None = None, after: int | None = None) -> ItemQuerySet:
    return listed(folder, reader, q=None, sort=sort, after=after)


def test_a_page_of_a_folder_walks_its_index(full: Item, anna: User) -> None:
    middle = full.children.order_by("name")[900]
    for after in (None, middle.pk):
        for sort, index in ((None, "drive_item_listed"), ("newest", "drive_item_newest")):
            plan = plan_of(page(full, anna, sort=sort, after=after))
            assert index in plan, plan
            assert "Seq Scan on drive_item" not in plan
            assert "Sort" not in plan, plan


def test_what_is_composed_once_walks_it_too(full: Item, anna: User) -> None:
    """Each time it is planned for the folder that it is asked of: a plan for any would sort this one."""
    _queryset, _compiler, asked = _first_page(reaches_many=True)._composed
    assert not asked.is_repeated
    question = asked.of({"codes": sorted(codes_of(anna)), "folder": full.pk, "now": timezone.now()})
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {question.sql}", question.values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "drive_item_listed" in plan, plan
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
