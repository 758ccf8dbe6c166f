"""What was deleted or changed on a drive is put back from what an older state says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from box.apps.drive import export
from box.apps.drive.actions.sharing import set_inheritance, share_item
from box.apps.drive.actions.trash import purge, throw_away
from box.apps.drive.actions.tree import add_files, make_folder, move_items, rename_item
from box.apps.drive.models import KIND, Item, Version
from box.core.access.principals import code_of
from box.core.files import export as files
from box.core.files.models import File
from box.core.registry.capabilities import keepsakes
from tests.box.apps.drive.conftest import put, uploaded

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def packed(item: Item) -> Any:
    return json.loads(json.dumps(export.pack(item.pk), cls=DjangoJSONEncoder))


def packed_file(item: Item) -> Any:
    return json.loads(json.dumps(files.pack(item.file_id or 0), cls=DjangoJSONEncoder))


def again(item: Item) -> Item:
    return Item.objects.select_related("drive", "parent", "file").get(pk=item.pk)


def remove(item: Item, by: User) -> None:
    throw_away([again(item)], by=by)
    purge(again(item), by=by)


@pytest.fixture
def letters(anna: User, boris: User, annas: Item) -> Item:
    """A folder that boris may look into, with a folder, a file in it, and a version of that."""
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    inner = make_folder(letters, "inner", by=anna)
    put(inner, "plan.txt", by=anna)
    put(inner, "plan.txt", by=anna)
    return letters


def plan_of(letters: Item) -> Item:
    return Item.objects.below(letters).select_related("file", "parent", "drive").get(is_folder=False)


def test_it_is_offered() -> None:
    assert keepsakes[KIND].pack is export.pack


def test_a_folder_comes_back_with_all_that_was_in_it(
    letters: Item, anna: User, boris: User, annas: Item
) -> None:
    plan, rows = plan_of(letters), packed(letters)
    blob = plan.file.blob_id if plan.file else 0
    assert export.is_there(rows)
    assert export.is_same(rows)
    remove(letters, anna)
    assert not export.is_there(rows)
    assert not export.is_same(rows)
    for _ in range(2):
        assert export.put_back(rows, anna) == letters.get_absolute_url()
    back = plan_of(letters)
    assert (back.pk, back.ancestors, back.version) == (plan.pk, plan.ancestors, 2)
    assert back.audience == sorted([code_of(anna), code_of(boris)])
    assert back.editors == [code_of(anna)]
    assert back.file
    assert (back.file.blob_id, back.file.audience) == (blob, back.audience)
    assert Version.objects.get().item_id == back.pk
    assert again(letters).shares.get().code == code_of(boris)
    assert export.is_same(rows)


def test_it_comes_out_of_the_trash(letters: Item, anna: User) -> None:
    plan, rows = plan_of(letters), packed(letters)
    of_plan = packed(plan)
    throw_away([plan], by=anna)
    throw_away([again(letters)], by=anna)
    export.put_back(of_plan, anna)
    assert not again(plan).trashed_at
    assert again(plan).parent == plan.drive.items.get(parent=None), "its folder is in the trash"
    export.put_back(rows, anna)
    assert not again(letters).trashed_at
    assert export.is_same(rows)


def test_one_thing_of_a_folder_in_the_trash_comes_back_alone(letters: Item, anna: User, annas: Item) -> None:
    plan, rows = plan_of(letters), packed(plan_of(letters))
    throw_away([letters], by=anna)
    export.put_back(rows, anna)
    assert again(plan).ancestors == [annas.pk]
    assert again(letters).trashed_at


def test_what_was_renamed_and_written_over_is_as_it_was_and_what_it_became_a_version(
    letters: Item, anna: User
) -> None:
    plan, rows = plan_of(letters), packed(plan_of(letters))
    assert plan.parent
    add_files(plan.parent, [uploaded(anna, "plan.txt").pk], by=anna)
    rename_item(again(plan), "other.txt", by=anna)
    assert not export.is_same(rows)
    for _ in range(2):
        export.put_back(rows, anna)
    assert (again(plan).name, again(plan).version) == ("plan.txt", 4)
    assert export.is_same(rows)


def test_only_what_is_missing_of_a_folder_is_put_in(
    letters: Item, anna: User, boris: User, company: Item
) -> None:
    plan, rows = plan_of(letters), packed(letters)
    inner = again(plan).parent
    assert inner
    remove(plan, anna)
    move_items([again(inner)], company, by=anna)
    put(again(inner), "Plan.txt", by=boris)
    export.put_back(rows, anna)
    back = again(plan)
    assert back.ancestors == [company.pk, inner.pk], "where its folder is by now"
    assert (back.name, back.audience) == ("plan (2).txt", ["UA"])
    assert back.file
    assert (back.file.name, back.file.audience) == ("plan (2).txt", ["UA"])


def test_it_comes_back_onto_the_drive_where_its_folder_is_gone(
    letters: Item, anna: User, annas: Item
) -> None:
    rows = packed(plan_of(letters))
    remove(letters, anna)
    export.put_back(rows, anna)
    assert Item.objects.get(is_folder=False).ancestors == [annas.pk]


def test_what_somebody_may_not_change_they_do_not_put_back(letters: Item, anna: User, boris: User) -> None:
    rows = packed(letters)
    remove(letters, anna)
    with pytest.raises(ValidationError, match="may not change"):
        export.put_back(rows, boris)
    assert not Item.objects.filter(pk=letters.pk).exists()


def test_a_file_is_found_and_put_back_as_all_files_are(letters: Item, anna: User, boris: User) -> None:
    plan, rows = plan_of(letters), packed_file(plan_of(letters))
    assert files.is_same(rows)
    remove(plan, anna)
    assert not files.is_there(rows)
    for _ in range(2):
        files.put_back(rows, anna)
    assert again(plan).ancestors == plan.ancestors
    assert File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()
    assert files.is_same(rows)


def test_a_file_does_not_come_back_for_those_for_whom_its_folder_is_no_more(
    letters: Item, anna: User, boris: User
) -> None:
    plan, rows = plan_of(letters), packed_file(plan_of(letters))
    remove(plan, anna)
    set_inheritance(again(letters), False, by=anna)
    again(letters).shares.filter(code=code_of(boris)).delete()
    remove(letters, anna)
    files.put_back(rows, anna)
    assert again(plan).audience == [code_of(anna)]
    assert not File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()


def test_a_file_that_has_new_bytes_gets_the_old_ones(letters: Item, anna: User) -> None:
    plan, rows = plan_of(letters), packed_file(plan_of(letters))
    assert plan.parent
    add_files(plan.parent, [uploaded(anna, "plan.txt").pk], by=anna)
    assert not files.is_same(rows)
    files.put_back(rows, anna)
    assert files.is_same(rows)
    assert again(plan).version == 4


def test_everybody_finds_what_they_may_have_back(
    letters: Item, anna: User, boris: User, cara: User, olga: User, company: Item
) -> None:
    forms = make_folder(company, "letters of ours", by=anna)
    closed = make_folder(company, "letters for two", by=boris)
    set_inheritance(closed, False, by=boris)
    share_item(closed, [code_of(anna)], can_edit=True, by=boris)

    def found(reader: User) -> set[int]:
        return {kept.id for kept in export.find("letters", reader)}

    assert found(anna) == {letters.pk, forms.pk}
    assert found(boris) == {forms.pk, closed.pk}
    assert found(cara) == found(olga) == {forms.pk}
    assert {kept.about for kept in export.find("inner", anna)} == {"letters"}


def test_for_themselves_people_find_what_is_theirs(
    anna: User, boris: User, letters: Item, company: Item
) -> None:
    forms = make_folder(company, "letters to all", by=anna)
    put(forms, "letters.txt", by=boris)

    def found(reader: User) -> set[str]:
        return {kept.title for kept in export.find_own("letters", reader)}

    assert found(anna) == {"letters"}
    assert found(boris) == {"letters.txt"}


def test_out_of_a_folder_in_the_trash_comes_what_went_there_with_it_and_nothing_else(
    letters: Item, anna: User, annas: Item
) -> None:
    inner = plan_of(letters).parent
    assert inner
    before = put(inner, "before.txt", by=anna)
    throw_away([before], by=anna)
    rows = packed(inner)
    late = put(inner, "late.txt", by=anna)
    throw_away([again(letters)], by=anna)
    export.put_back(rows, anna)
    assert again(inner).ancestors == [annas.pk]
    assert again(late).trashed_at is None
    assert again(letters).trashed_at is not None
    assert (again(before).trashed_at is not None, again(before).trash_root) == (True, before.pk)
