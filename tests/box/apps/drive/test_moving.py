"""Moving: from drive to drive, with what is closed in it, and as deep as folders go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.drive.access import can_edit
from box.apps.drive.actions.locking import Gone
from box.apps.drive.actions.sharing import set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder, move_items, rename_item
from box.apps.drive.models import Item, Share
from box.core.access.principals import code_of
from tests.box.apps.drive.conftest import put

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def again(item: Item) -> Item:
    return Item.objects.select_related("drive", "parent", "file").get(pk=item.pk)


def closed_in(folder: Item, by: User) -> Item:
    """A folder in it that only they open."""
    made = make_folder(folder, "closed", by=by)
    set_inheritance(made, False, by=by)
    return made


def test_what_went_to_another_drive_meanwhile_is_gone(anna: User, annas: Item, company: Item) -> None:
    plan = put(annas, by=anna)
    move_items([plan], company, by=anna)
    with pytest.raises(Gone):
        rename_item(plan, "budget.txt", by=anna)
    assert again(plan).name == "plan.txt"


def test_what_is_closed_elsewhere_keeps_nobody_from_moving_or_throwing_away(
    anna: User, boris: User, annas: Item, company: Item
) -> None:
    closed_in(company, boris)
    forms = make_folder(company, "forms", by=anna)
    move_items([forms], annas, by=anna)
    assert again(forms).drive == annas.drive
    assert not Share.objects.filter(item=forms).exists(), "what is open is shared with nobody for it"
    throw_away([again(forms)], by=anna)
    assert again(forms).trashed_at is not None


def test_within_a_drive_what_is_closed_goes_along_whoever_moves_it(
    anna: User, boris: User, annas: Item
) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    forms, to = make_folder(letters, "forms", by=anna), make_folder(letters, "to", by=anna)
    closed = closed_in(forms, anna)
    move_items([forms], to, by=boris)
    assert again(closed).ancestors == [*again(to).path, forms.pk]
    assert again(closed).audience == [code_of(anna)]


def test_what_is_closed_stays_closed_on_a_drive_of_many(
    anna: User, boris: User, annas: Item, company: Item
) -> None:
    closed = closed_in(annas, anna)
    move_items([closed], company, by=anna)
    assert (again(closed).drive, again(closed).audience) == (company.drive, [code_of(anna)])
    assert not can_edit(boris, again(closed))


def test_a_folder_goes_where_what_is_in_it_is_not_too_deep(
    anna: User, annas: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.drive.actions.tree.DEEPEST", 3)
    high, to = make_folder(annas, "high", by=anna), make_folder(annas, "to", by=anna)
    inner = make_folder(high, "inner", by=anna)
    deeper = make_folder(to, "deeper", by=anna)
    with pytest.raises(ValidationError, match="at most 3 deep"):
        move_items([high], deeper, by=anna)
    move_items([high], to, by=anna)
    assert again(inner).ancestors == [annas.pk, to.pk, high.pk]
