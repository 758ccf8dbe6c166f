"""With whom something is shared, and who hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.apps.drive.actions.locking import Gone
from box.apps.drive.actions.sharing import MOST_SHARES, end_share, set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder
from box.apps.drive.models import Item, Share
from box.core.access.principals import code_of
from box.core.events.models import Event
from tests.box.apps.drive.conftest import file_of, put

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


@pytest.fixture
def letters(anna: User, annas: Item) -> Item:
    made = make_folder(annas, "letters", by=anna)
    Event.objects.all().delete()
    return made


def told(kind: str) -> list[dict[str, Any]]:
    """What was said of this kind since it was asked last."""
    found = Event.objects.filter(kind=f"drive.{kind}").order_by("id")
    payloads = list(found.values_list("payload", flat=True))
    found.delete()
    return payloads


def files_told() -> list[list[int]]:
    """Of which files it was said since it was asked last that they are other ones now."""
    found = Event.objects.filter(kind="files.FilesChanged").order_by("id")
    payloads = list(found.values_list("payload", flat=True))
    found.delete()
    return [payload["file_ids"] for payload in payloads]


def test_only_who_could_not_open_it_before_hears_of_it(
    anna: User, boris: User, cara: User, letters: Item
) -> None:
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    own = {"item_id": letters.pk, "by_id": anna.pk}
    assert told("ItemShared") == [{**own, "codes": [code_of(boris)]}]
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    assert told("ItemShared") == [], "another level is no news"
    assert letters.shares.get().can_edit
    share_item(letters, [code_of(boris), code_of(cara), code_of(anna)], can_edit=False, by=anna)
    assert told("ItemShared") == [{**own, "codes": [code_of(cara)]}], "nor is what one shares with oneself"
    assert {(one.code, one.can_edit, one.by) for one in letters.shares.all()} == {
        (code_of(person), False, anna) for person in (anna, boris, cara)
    }


def test_whoever_looks_at_the_folder_around_it_hears_of_every_change_once(
    anna: User, boris: User, annas: Item, letters: Item
) -> None:
    change = [{"folder_id": annas.pk, "by_id": anna.pk}]
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    assert told("FolderChanged") == change
    set_inheritance(letters, False, by=anna)
    assert told("FolderChanged") == change
    set_inheritance(letters, False, by=anna)
    assert told("FolderChanged") == []
    end_share(letters.shares.get(code=code_of(boris)), by=anna)
    assert told("FolderChanged") == change


def test_whoever_closes_a_folder_may_still_change_it(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=boris)
    share_item(forms, [code_of(anna)], can_edit=False, by=boris)
    set_inheritance(forms, False, by=anna)
    own = forms.shares.get()
    assert (own.code, own.can_edit, own.by) == (code_of(anna), True, anna)
    forms.refresh_from_db()
    assert forms.audience == forms.editors == [code_of(anna)]


def test_it_is_shared_with_somebody_and_with_a_hundred_at_most(
    anna: User, boris: User, cara: User, letters: Item
) -> None:
    with pytest.raises(ValidationError, match="Choose whom"):
        share_item(letters, [], can_edit=False, by=anna)
    Share.objects.bulk_create(
        Share(item=letters, code=f"D{number}", by=anna) for number in range(MOST_SHARES - 1)
    )
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    with pytest.raises(ValidationError, match="at most 100"):
        share_item(letters, [code_of(cara)], can_edit=False, by=anna)
    assert letters.shares.count() == MOST_SHARES


def test_what_is_in_the_trash_is_shared_with_nobody(anna: User, boris: User, letters: Item) -> None:
    throw_away([letters], by=anna)
    with pytest.raises(Gone):
        share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    assert not letters.shares.exists()


def test_whoever_finds_folders_by_name_hears_which_are_for_others_now(
    anna: User, boris: User, letters: Item
) -> None:
    inner, plan = make_folder(letters, "inner", by=anna), put(letters, by=anna)
    Event.objects.all().delete()
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    (row,) = told("FoldersTouched")
    assert set(row["folder_ids"]) == {letters.pk, inner.pk}
    assert files_told() == [[plan.file_id]]


def test_a_file_in_the_trash_is_not_found_by_those_its_folder_is_shared_with(
    anna: User, boris: User, letters: Item
) -> None:
    plan = put(letters, by=anna)
    throw_away([plan], by=anna)
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    assert file_of(Item.objects.select_related("file").get(pk=plan.pk)).audience == [code_of(anna)]


def test_what_is_closed_on_somebodys_own_drive_stays_open_to_them(
    anna: User, boris: User, letters: Item
) -> None:
    set_inheritance(letters, False, by=anna)
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    with pytest.raises(ValidationError, match="Nobody could open it"):
        end_share(letters.shares.get(code=code_of(anna)), by=anna)
    assert letters.shares.count() == 2


def test_whoever_opens_a_folder_again_is_not_named_for_it(
    anna: User, boris: User, sales: Department, company: Item
) -> None:
    forms = make_folder(company, "forms", by=anna)
    set_inheritance(forms, False, by=anna)
    share_item(forms, [sales.code_with_below], can_edit=True, by=anna)
    set_inheritance(forms, True, by=boris)
    assert {one.code for one in forms.shares.all()} == {code_of(anna), sales.code_with_below}
