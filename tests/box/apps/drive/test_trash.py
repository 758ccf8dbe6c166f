"""Throwing away, bringing back, and what goes for good."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.drive.access import can_edit
from box.apps.drive.actions.locking import Gone
from box.apps.drive.actions.sharing import set_inheritance, share_item
from box.apps.drive.actions.trash import abandon, bring_back, purge, purge_old, throw_away
from box.apps.drive.actions.tree import make_folder, move_items, root_of
from box.apps.drive.models import Drive, Item
from box.core.events.delivery import deliver_all
from box.core.files.models import Blob, File
from box.core.search.models import Document
from tests.box.apps.drive.conftest import file_of, put
from tests.box.apps.drive.test_sharing import files_told, told

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def again(item: Item) -> Item:
    return Item.objects.select_related("drive", "parent", "file").get(pk=item.pk)


def test_a_folder_goes_and_comes_back_with_what_is_in_it(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=anna)
    plan = put(make_folder(forms, "old", by=anna), by=anna)
    throw_away([forms], by=boris)
    assert not Item.objects.there().filter(pk__in=[forms.pk, plan.pk]).exists()
    assert Item.objects.thrown_away().get() == forms
    assert not File.objects.visible_to(anna).filter(pk=plan.file_id or 0).exists(), (
        "the one who threw it away"
    )
    assert File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()
    bring_back(again(forms), by=anna)
    assert Item.objects.there().filter(pk__in=[forms.pk, plan.pk]).count() == 2
    assert File.objects.get(pk=plan.file_id or 0).audience == ["UA"]


def test_what_was_thrown_away_before_stays_in_the_trash(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    first, second = put(letters, "first", by=anna), put(letters, "second", by=anna)
    throw_away([first], by=anna)
    throw_away([letters], by=anna)
    bring_back(again(letters), by=anna)
    assert again(first).trashed_at
    assert not again(second).trashed_at
    bring_back(again(first), by=anna)
    assert again(first).parent == letters


def test_it_comes_back_onto_the_drive_where_its_folder_is_gone(
    anna: User, annas: Item, company: Item
) -> None:
    """And is for those who see the drive: who saw the folder around it does not see it any more."""
    outer = make_folder(annas, "outer", by=anna)
    share_item(outer, ["UA"], can_edit=True, by=anna)
    inner = make_folder(outer, "inner", by=anna)
    plan = put(inner, by=anna)
    throw_away([inner], by=anna)
    throw_away([outer], by=anna)
    back = bring_back(again(inner), by=anna)
    assert (back.audience, back.editors, back.is_private) == ([f"U{anna.pk}"], [f"U{anna.pk}"], True)
    assert again(inner).ancestors == [annas.pk]
    assert again(plan).ancestors == [annas.pk, inner.pk]
    assert again(outer).trashed_at


def test_it_comes_back_with_a_number_where_its_name_is_taken(anna: User, annas: Item) -> None:
    plan = put(annas, "plan.txt", by=anna)
    throw_away([plan], by=anna)
    put(annas, "Plan.txt", by=anna)
    assert bring_back(again(plan), by=anna).name == "plan (2).txt"
    assert File.objects.get(pk=plan.file_id or 0).name == "plan (2).txt"
    letters = make_folder(annas, "letters", by=anna)
    throw_away([letters], by=anna)
    make_folder(annas, "Letters", by=anna)
    assert bring_back(again(letters), by=anna).name == "letters (2)"


def test_it_comes_back_to_where_its_folder_went(anna: User, boris: User, annas: Item, company: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    plan = put(letters, by=anna)
    throw_away([plan], by=anna)
    move_items([letters], company, by=anna)
    bring_back(again(plan), by=boris)
    assert (again(plan).ancestors, again(plan).audience) == ([company.pk, letters.pk], ["UA"])
    assert File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()


def test_a_folder_and_what_is_in_it_may_be_chosen_together(anna: User, annas: Item) -> None:
    """As in the results of a search."""
    letters = make_folder(annas, "letters", by=anna)
    plan, to = put(letters, by=anna), make_folder(annas, "to", by=anna)
    move_items([plan, letters], to, by=anna)
    assert again(plan).ancestors == [annas.pk, to.pk, letters.pk]
    throw_away([again(plan), again(letters)], by=anna)
    assert Item.objects.thrown_away().get() == letters
    assert again(plan).trash_root == letters.pk


def test_what_is_deleted_for_good_takes_all_with_it(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    plan, before = put(letters, by=anna), put(letters, "before", by=anna)
    put(letters, by=anna)
    throw_away([before], by=anna)
    throw_away([letters], by=anna)
    purge(again(letters), by=anna)
    assert list(Item.objects.all()) == [annas]
    assert not File.objects.filter(pk__in=[plan.file_id or 0, before.file_id or 0]).exists()
    assert Blob.objects.count() == 3, "until every backup has them"
    with pytest.raises(Gone):
        purge(letters, by=anna)


def test_only_what_is_in_the_trash_is_deleted_or_comes_back(anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    for act in (bring_back, purge):
        with pytest.raises(Gone):
            act(letters, by=anna)
    with pytest.raises(ValidationError, match="cannot be thrown away"):
        throw_away([annas], by=anna)
    throw_away([letters], by=anna)
    for act in (bring_back, purge):
        with pytest.raises(PermissionDenied):
            act(again(letters), by=boris)
    assert again(letters).trashed_at


def test_what_is_closed_to_somebody_is_not_thrown_away_with_its_folder(
    anna: User, boris: User, company: Item
) -> None:
    forms = make_folder(company, "forms", by=anna)
    salaries = make_folder(forms, "salaries", by=anna)
    set_inheritance(salaries, False, by=anna)
    with pytest.raises(ValidationError, match="closed to you"):
        throw_away([forms], by=boris)
    assert again(forms).trashed_at is None
    throw_away([forms], by=anna)
    assert again(salaries).trashed_at is not None


def test_all_are_thrown_away_or_none(anna: User, boris: User, annas: Item, company: Item) -> None:
    mine, ours = put(annas, by=anna), put(company, by=anna)
    with pytest.raises(PermissionDenied):
        throw_away([mine, ours], by=boris)
    assert not Item.objects.thrown_away().exists()


def test_the_trash_is_emptied_after_its_time(anna: User, annas: Item) -> None:
    old, new = put(annas, "old", by=anna), put(annas, "new", by=anna)
    letters = make_folder(annas, "letters", by=anna)
    inner = put(letters, "inner", by=anna)
    throw_away([inner], by=anna)
    throw_away([old, new, letters], by=anna)
    past = timezone.now() - timedelta(days=31)
    Item.objects.filter(pk__in=[old.pk, inner.pk, letters.pk]).update(trashed_at=past)
    assert purge_old(timezone.now()) == 3 - 1, "one went with the folder around it"
    assert set(Item.objects.all()) == {annas, new}
    assert purge_old(timezone.now()) == 0


def test_who_may_change_it_sees_it_in_the_trash(anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [f"U{boris.pk}"], can_edit=True, by=anna)
    plan = put(letters, by=anna)
    throw_away([plan], by=boris)
    assert can_edit(boris, again(plan))
    assert bring_back(again(plan), by=boris) == plan


def test_what_is_in_the_trash_is_not_found(anna: User, company: Item) -> None:
    quokka = make_folder(company, "quokka", by=anna)
    deliver_all()
    found = Document.objects.filter(kind="drive.folder", object_id=quokka.pk)
    assert found.exists()
    throw_away([quokka], by=anna)
    deliver_all()
    assert not found.exists()
    bring_back(again(quokka), by=anna)
    deliver_all()
    assert found.exists()


def test_what_lies_beside_stays_when_something_goes_for_good_and_that_is_told(
    anna: User, boris: User, annas: Item, company: Item
) -> None:
    letters, beside = make_folder(annas, "letters", by=anna), put(annas, "beside.txt", by=anna)
    put(letters, by=anna)
    other = put(company, by=anna)
    throw_away([other], by=boris)
    throw_away([letters], by=anna)
    told("FoldersTouched")
    purge(again(letters), by=anna)
    assert set(Item.objects.all()) == {annas, beside, company, other}
    assert told("FoldersTouched") == [{"folder_ids": [letters.pk]}]
    assert told("ItemsPurged") == [
        {"drive_id": annas.drive_id, "name": "letters", "count": 2, "by_id": anna.pk}
    ]
    purge(again(other), by=None)
    assert [row["by_id"] for row in told("ItemsPurged")] == [None]


def test_whoever_looks_at_a_folder_hears_what_goes_out_of_it_and_comes_back(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    put(letters, by=anna)
    for kind in ("FolderChanged", "FoldersTouched"):
        told(kind)
    throw_away([letters], by=anna)
    heard = [{"folder_id": annas.pk, "by_id": anna.pk}], [{"folder_ids": [letters.pk]}]
    assert (told("FolderChanged"), told("FoldersTouched")) == heard
    thrown = again(letters)
    assert (thrown.trashed_by, thrown.trash_root) == (anna, letters.pk)
    assert bring_back(thrown, by=anna).name == "letters"
    assert (told("FolderChanged"), told("FoldersTouched")) == heard
    back = again(letters)
    assert (back.trashed_at, back.trashed_by, back.trash_root) == (None, None, None)


def test_of_a_file_that_goes_and_comes_back_it_is_told_once_and_of_no_folder(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    plan, beside = put(letters, by=anna), put(annas, "beside.txt", by=anna)
    files_told()
    for item, told_of in ((letters, plan), (beside, beside)):
        throw_away([again(item)], by=anna)
        assert files_told() == [[told_of.file_id]]
        bring_back(again(item), by=anna)
        assert files_told() == [[told_of.file_id]]
    throw_away([again(letters)], by=anna)
    files_told()
    purge(again(letters), by=anna)
    assert files_told() == [[plan.file_id]]


def test_a_month_in_the_trash_is_not_over_before_it_is(anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    throw_away([plan], by=anna)
    trashed_at = again(plan).trashed_at
    assert trashed_at is not None
    over = trashed_at + timedelta(days=30)
    assert purge_old(over) == 0
    assert purge_old(over + timedelta(seconds=1)) == 1


def test_what_comes_back_brings_no_other_file_of_the_trash_to_light(
    anna: User, boris: User, company: Item
) -> None:
    forms = make_folder(company, "forms", by=anna)
    hidden, plan = put(forms, "hidden.txt", by=anna), put(forms, by=anna)
    throw_away([hidden], by=boris)
    throw_away([plan], by=anna)
    bring_back(again(plan), by=anna)
    assert [file_of(again(item)).audience for item in (plan, hidden)] == [["UA"], [f"U{boris.pk}"]]


@pytest.mark.parametrize("days", [None, 0, 30])
def test_a_drive_that_is_not_left_any_more_when_its_turn_comes_stays(
    anna: User, monkeypatch: pytest.MonkeyPatch, days: int | None
) -> None:
    """Its group came back from a backup meanwhile; or was deleted again, and its month has only begun."""
    root_of("G999999", by=anna)
    now = timezone.now()
    Drive.objects.update(abandoned_at=now - timedelta(days=31))
    since = None if days is None else now - timedelta(days=days)

    def meanwhile(*pks: int) -> None:
        Drive.objects.filter(pk__in=pks).update(abandoned_at=since)

    monkeypatch.setattr("box.apps.drive.actions.trash.lock_drives", meanwhile)
    assert purge_old(now) == 0
    assert Drive.objects.get().abandoned_at == since


def test_a_drive_is_left_once_and_no_other_with_it(anna: User, annas: Item) -> None:
    root_of("G999999", by=anna)
    now = timezone.now()
    for late in (timedelta(0), timedelta(days=1)):
        abandon("G999999", now + late)
    assert dict(Drive.objects.values_list("code", "abandoned_at")) == {"G999999": now, annas.drive.code: None}
