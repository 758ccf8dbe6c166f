"""The drives of the demonstration company are like any others."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.drive.demo import fill_drives
from box.apps.drive.models import Drive, Item
from box.core.groups.actions import NewGroup, create_group, join_group
from box.core.registry.demo import Company
from tests.box.apps.drive.test_invariants import check

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def filled(*people: User, groups: dict[int, list[int]]) -> list[str]:
    company = Company(
        employees=len(people),
        posts=0,
        now=timezone.now(),
        random=Random(1),
        people=[person.pk for person in people],
        groups=groups,
    )
    fill_drives(company)
    return list(Item.objects.order_by("pk").values_list("name", flat=True))


def test_the_company_and_its_groups_have_drives(anna: User, boris: User, store: object) -> None:
    group = create_group(NewGroup("Drawings"), by=anna)
    join_group(group, by=boris)
    filled(anna, boris, groups={group.pk: [anna.pk, boris.pk]})
    assert set(Drive.objects.values_list("code", flat=True)) == {"UA", group.code}
    for drive in Drive.objects.all():
        root = drive.items.get(parent=None)
        assert drive.items.filter(is_folder=False).count() > 10
        assert drive.items.exclude(pk=root.pk).filter(is_folder=True).count() > 3
    check()
