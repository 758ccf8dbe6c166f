"""What drives do by themselves."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from box.apps.drive.access import can_edit
from box.apps.drive.actions.trash import purge_old, throw_away
from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.drive.jobs import empty_trash
from box.apps.drive.models import Drive, Item
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.files.models import File
from box.core.groups import export as groups
from box.core.groups.actions import NewGroup, create_group, delete_group
from box.core.search.models import Document
from tests.box.apps.drive.conftest import put

if TYPE_CHECKING:
    from box.core.groups.models import Group

pytestmark = pytest.mark.django_db

LONG = timedelta(days=31)


@pytest.fixture
def reading(anna: User) -> Group:
    return create_group(NewGroup("Reading"), by=anna)


def test_the_job_empties_the_trash(anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    throw_away([plan], by=anna)
    empty_trash.call_local()
    assert Item.objects.filter(pk=plan.pk).exists()
    Item.objects.filter(pk=plan.pk).update(trashed_at=timezone.now() - LONG)
    for _ in range(2):
        empty_trash.call_local()
    assert not Item.objects.filter(pk=plan.pk).exists()


def test_the_drive_of_a_group_that_is_deleted_is_only_read_and_goes_later(
    anna: User, olga: User, reading: Group
) -> None:
    root = root_of(reading.code, by=anna)
    plan, books = put(root, by=anna), make_folder(root, "quokka", by=anna)
    deliver_all()
    delete_group(reading, by=anna)
    deliver_all()
    drive = Drive.objects.get()
    assert drive.abandoned_at
    plan = Item.objects.select_related("drive").get(pk=plan.pk)
    assert not can_edit(olga, plan)
    assert not Item.objects.visible_to(User.objects.get(pk=anna.pk)).filter(pk=plan.pk).exists()
    assert purge_old(timezone.now()) == 0
    assert purge_old(timezone.now() + LONG) == 1
    assert not Drive.objects.exists()
    assert not Item.objects.exists()
    assert not File.objects.filter(pk=plan.file_id or 0).exists()
    deliver_all()
    assert not Document.objects.filter(kind="drive.folder", object_id=books.pk).exists()


def test_a_group_that_is_put_back_has_its_drive(anna: User, reading: Group) -> None:
    rows = json.loads(json.dumps(groups.pack(reading.pk), cls=DjangoJSONEncoder))
    plan = put(root_of(reading.code, by=anna), by=anna)
    delete_group(reading, by=anna)
    deliver_all()
    groups.put_back(rows, anna)
    deliver_all()
    assert Drive.objects.get().abandoned_at is None
    assert purge_old(timezone.now() + LONG) == 0
    assert can_edit(User.objects.get(pk=anna.pk), Item.objects.select_related("drive").get(pk=plan.pk))


def test_a_group_that_is_back_keeps_its_drive_even_before_anybody_has_heard(
    anna: User, reading: Group
) -> None:
    root_of(reading.code, by=anna)
    Drive.objects.update(abandoned_at=timezone.now() - LONG)
    assert purge_old(timezone.now()) == 0
    assert Drive.objects.exists()
