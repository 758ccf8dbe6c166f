"""What becomes of drives when two accounts become one, and when somebody is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.drive.access import can_edit
from box.apps.drive.actions.sharing import end_share, make_link, set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder, move_items, root_of
from box.apps.drive.models import Drive, Item, OutsideLink, Share
from box.core.access.principals import code_of
from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.files.models import File
from box.core.people.merging import merge_people, move_again
from box.core.registry.belongings import Pair, going, moving
from tests.box.apps.drive.conftest import put
from tests.box.apps.drive.test_invariants import check
from tests.box.apps.drive.test_sharing import told

if TYPE_CHECKING:
    type Maker = Callable[..., User]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(person: Maker) -> User:
    """Anna's other account."""
    return person("Ann")


def again(item: Item) -> Item:
    return Item.objects.select_related("drive", "parent", "file").get(pk=item.pk)


def test_one_drive_becomes_a_folder_on_the_other(
    anna: User, ann: User, boris: User, olga: User, annas: Item
) -> None:
    anns = root_of(code_of(ann), by=ann)
    letters = make_folder(anns, "letters", by=ann)
    plan, gone = put(letters, by=ann), put(anns, "gone.txt", by=ann)
    throw_away([gone], by=ann)
    share_item(letters, [code_of(boris), code_of(anna)], can_edit=True, by=ann)
    make_folder(annas, ann.name, by=anna)
    told("FoldersTouched")
    assert "2 files on the drive" in {thing for one in moving(ann, anna) for thing in one.things}
    merge_people(ann, anna, by=olga)
    assert Drive.objects.get().code == code_of(anna)
    assert again(anns).name == f"{ann.name} (2)"
    assert {"folder_ids": [anns.pk]} in told("FoldersTouched"), "it is found by its new name"
    assert again(plan).ancestors == [annas.pk, anns.pk, letters.pk]
    assert again(plan).audience == sorted([code_of(anna), code_of(boris)])
    assert again(gone).trashed_at
    assert Share.objects.get().code == code_of(boris)
    check()
    move_again(Pair(ann.pk, anna.pk))
    check()
    assert can_edit(User.objects.get(pk=anna.pk), again(plan))


def test_the_only_drive_is_the_others_from_now_on(anna: User, ann: User, olga: User) -> None:
    anns = root_of(code_of(ann), by=ann)
    plan = put(anns, by=ann)
    merge_people(ann, anna, by=olga)
    assert Drive.objects.get().code == code_of(anna)
    assert again(anns).name == code_of(anna)
    assert again(plan).editors == [code_of(anna)]
    check()


def test_an_empty_drive_leaves_nothing(anna: User, ann: User, olga: User, annas: Item) -> None:
    root_of(code_of(ann), by=ann)
    merge_people(ann, anna, by=olga)
    assert list(Item.objects.all()) == [annas]
    check()


def test_what_is_shared_with_both_is_shared_once_with_what_either_may(
    anna: User, ann: User, boris: User, olga: User
) -> None:
    root = root_of(code_of(boris), by=boris)
    first, second = make_folder(root, "first", by=boris), make_folder(root, "second", by=boris)
    share_item(first, [code_of(anna)], can_edit=False, by=boris)
    share_item(first, [code_of(ann)], can_edit=True, by=boris)
    share_item(second, [code_of(ann)], can_edit=True, by=boris)
    plan = put(second, by=ann)
    merge_people(ann, anna, by=olga)
    assert set(Share.objects.values_list("item", "code", "can_edit")) == {
        (first.pk, code_of(anna), True),
        (second.pk, code_of(anna), True),
    }
    assert again(plan).created_by_id == anna.pk
    check()


def test_what_a_person_kept_for_themselves_goes_with_them(
    anna: User, boris: User, olga: User, annas: Item, company: Item
) -> None:
    diary, forms = put(annas, "diary.txt", by=anna), put(company, "forms.txt", by=anna)
    theirs = make_folder(root_of(code_of(boris), by=boris), "theirs", by=boris)
    share_item(theirs, [code_of(anna)], can_edit=True, by=boris)
    put(theirs, "from-anna.txt", by=anna)
    link = make_link(forms, password="", expires_at=None, by=anna)
    dismiss_user(anna, by=olga)
    gone = User.objects.get(pk=anna.pk)
    assert "1 file on the drive" in {thing for one in going(gone) for thing in one.things}
    for _ in range(2):
        erase_person(gone, by=olga)
    assert not Drive.objects.filter(code=code_of(anna)).exists()
    assert not File.objects.filter(pk=diary.file_id or 0).exists()
    assert again(forms).created_by_id == anna.pk
    assert Item.objects.in_folder(theirs).get().audience == [code_of(boris)]
    assert not Share.objects.exists()
    assert OutsideLink.objects.get(pk=link.pk).ended_at
    check()


def test_what_nobody_else_could_open_goes_with_them_wherever_it_is(
    anna: User, boris: User, olga: User, company: Item
) -> None:
    own, ours = make_folder(company, "own", by=anna), make_folder(company, "ours", by=anna)
    put(own, by=anna)
    for folder in (own, ours):
        set_inheritance(folder, False, by=anna)
    share_item(ours, [code_of(boris)], can_edit=False, by=anna)
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert set(Item.objects.in_folder(company)) == {ours}
    assert again(ours).audience == [code_of(boris)]
    check()


def test_what_they_closed_stays_where_others_open_something_in_it(
    anna: User, boris: User, olga: User, company: Item
) -> None:
    own = make_folder(company, "own", by=anna)
    set_inheritance(own, False, by=anna)
    inner = make_folder(own, "inner", by=anna)
    share_item(inner, [code_of(boris)], can_edit=True, by=anna)
    theirs = make_folder(root_of(code_of(boris), by=boris), "theirs", by=boris)
    share_item(theirs, [code_of(anna)], can_edit=True, by=boris)
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert again(inner).ancestors == [company.pk, own.pk]
    assert Item.objects.visible_to(boris).filter(pk=inner.pk).exists()
    assert not theirs.shares.exists()
    check()


def test_what_was_shared_with_them_inside_of_what_goes_goes_along(
    anna: User, boris: User, olga: User, company: Item
) -> None:
    own = make_folder(company, "own", by=anna)
    set_inheritance(own, False, by=anna)
    inner, closed = make_folder(own, "inner", by=anna), make_folder(own, "closed", by=anna)
    share_item(inner, [code_of(anna)], can_edit=False, by=anna)
    set_inheritance(closed, False, by=anna)
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not Item.objects.in_folder(company).exists()
    assert not Share.objects.exists()
    check()


def test_what_is_closed_is_always_open_to_somebody(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=anna)
    set_inheritance(forms, False, by=anna)
    with pytest.raises(ValidationError, match="Nobody could open it"):
        end_share(forms.shares.get(), by=anna)
    share_item(again(forms), [code_of(boris)], can_edit=True, by=anna)
    end_share(forms.shares.get(code=code_of(anna)), by=anna)
    assert again(forms).audience == [code_of(boris)]


def test_on_ones_own_drive_nothing_is_closed_to_oneself(
    anna: User, boris: User, annas: Item, company: Item
) -> None:
    forms = make_folder(company, "forms", by=boris)
    set_inheritance(forms, False, by=boris)
    share_item(again(forms), ["UA"], can_edit=True, by=boris)
    move_items([again(forms)], annas, by=anna)
    for share in forms.shares.exclude(code=code_of(anna)):
        end_share(share, by=anna)
    with pytest.raises(ValidationError, match="Nobody could open it"):
        end_share(forms.shares.get(), by=anna)
    assert can_edit(anna, again(forms))
    check()
