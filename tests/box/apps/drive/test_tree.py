"""Folders and files: making, filling, naming, moving; and who may open them by where they are."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.drive.access import CHANGE_COMPANY, can_edit
from box.apps.drive.actions.locking import Gone
from box.apps.drive.actions.sharing import end_share, set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import add_files, make_folder, move_items, rename_item, root_of
from box.apps.drive.actions.versions import bring_back_version, new_version
from box.apps.drive.models import DEEPEST, Drive, Item, Version
from box.core.access.models import RoleRights
from box.core.files.models import File
from box.core.groups.actions import NewGroup, archive_group, create_group, join_group
from box.core.registry.origin import importing
from tests.box.apps.drive.conftest import file_of, put, uploaded
from tests.box.apps.drive.test_sharing import told

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def names_in(folder: Item) -> list[str]:
    return [item.name for item in Item.objects.in_folder(folder).listed()]


def test_a_drive_is_made_once(anna: User) -> None:
    assert root_of("UA", by=anna) == root_of("UA", by=anna)
    assert Drive.objects.get().code == "UA"


def test_who_comes_as_a_drive_is_just_made_finds_the_one_that_there_is(
    anna: User, company: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = put(company, by=anna)
    annas = root_of(f"U{anna.pk}", by=anna)
    move_items([plan], annas, by=anna)
    # It was not there when it was looked for.
    monkeypatch.setattr("box.apps.drive.actions.tree._ROOT", SimpleNamespace(rows=lambda **_asked: []))
    assert root_of(f"U{anna.pk}", by=anna) == annas


def test_whoever_looks_at_a_drive_holds_nobody_up_and_whoever_changes_it_nobody_elsewhere(
    anna: User, company: Item, annas: Item, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert root_of("UA", by=anna) == company
    with CaptureQueriesContext(connection) as queries:
        move_items([make_folder(company, "Plans", by=anna)], annas, by=anna)
    holding = [one["sql"] for one in queries if "FOR UPDATE" in one["sql"] and "_drive" in one["sql"]]
    listed = [sql.partition('"drive_drive"."id" IN (')[2].partition(")")[0] for sql in holding]
    held = [{int(drive) for drive in ids.split(", ")} for ids in listed]
    assert {company.drive_id, annas.drive_id} in held
    assert all(drives <= {company.drive_id, annas.drive_id} for drives in held)


def test_folders_come_first_and_then_names_as_people_sort_them(anna: User, annas: Item) -> None:
    for name in ("яблоко.txt", "Ёлка.txt", "apple.txt"):
        put(annas, name, by=anna)
    for name in ("zoo", "Письма"):
        make_folder(annas, name, by=anna)
    assert names_in(annas) == ["zoo", "Письма", "apple.txt", "Ёлка.txt", "яблоко.txt"]


def test_what_is_put_into_a_folder_is_for_those_who_see_the_folder(
    anna: User, boris: User, company: Item, annas: Item
) -> None:
    plan, diary = put(company, by=anna), put(annas, "diary.txt", by=anna)
    assert (plan.audience, plan.is_private) == (["UA"], False)
    assert (diary.audience, diary.is_private) == ([f"U{anna.pk}"], True)
    for item in (plan, diary):
        assert File.objects.get(on_drive=item).audience == item.audience
    assert File.objects.visible_to(boris).get() == plan.file
    assert Item.objects.visible_to(boris).filter(is_folder=False).get() == plan


def test_a_name_is_there_once_whatever_its_case(anna: User, annas: Item) -> None:
    make_folder(annas, "Letters", by=anna)
    with pytest.raises(ValidationError, match="in this folder already"):
        make_folder(annas, "LETTERS", by=anna)
    put(annas, "letters", by=anna)
    assert names_in(annas) == ["Letters", "letters (2)"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_name_that_is_none_is_refused(anna: User, annas: Item, name: str) -> None:
    with pytest.raises(ValidationError):
        make_folder(annas, name, by=anna)
    assert names_in(annas) == []


def test_a_file_of_the_same_name_is_a_new_version(anna: User, boris: User, company: Item) -> None:
    first = put(company, by=anna)
    was = file_of(first).blob
    given = uploaded(boris, "PLAN.txt")
    added = add_files(company, [given.pk], by=boris)
    assert (added.new, [item.pk for item in added.replaced]) == ([], [first.pk])
    first.refresh_from_db()
    assert (first.version, first.changed_by, file_of(first).blob_id) == (2, boris, given.blob_id)
    version = Version.objects.get()
    assert (version.number, version.blob, version.by) == (1, was, anna)
    assert File.objects.get() == first.file


def test_an_earlier_version_comes_back_as_a_new_one(anna: User, annas: Item) -> None:
    item = put(annas, by=anna)
    was = file_of(item).blob_id
    new_version(item, uploaded(anna).pk, by=anna)
    bring_back_version(item.versions.get(), by=anna)
    item.refresh_from_db()
    assert (item.version, file_of(item).blob_id) == (3, was)
    assert list(item.versions.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_only_ones_own_fresh_upload_is_taken(anna: User, boris: User, company: Item) -> None:
    with pytest.raises(ValidationError, match="not there or is used"):
        add_files(company, [uploaded(boris).pk], by=anna)
    item = put(company, by=anna)
    with pytest.raises(ValidationError, match="not there or is used"):
        new_version(item, item.file_id or 0, by=anna)
    assert (names_in(company), Version.objects.count()) == (["plan.txt"], 0)


def test_renaming_renames_the_file_too(anna: User, annas: Item) -> None:
    item = put(annas, by=anna)
    rename_item(item, "budget.txt", by=anna)
    assert File.objects.get().name == Item.objects.get(pk=item.pk).name == "budget.txt"
    put(annas, by=anna)
    with pytest.raises(ValidationError, match="already"):
        rename_item(item, "Plan.TXT", by=anna)
    rename_item(item, "BUDGET.txt", by=anna)
    assert names_in(annas) == ["BUDGET.txt", "plan.txt"], "its own name is not taken from it"


def test_a_moved_folder_takes_its_place_and_its_people_along(
    anna: User, boris: User, annas: Item, company: Item
) -> None:
    letters = make_folder(annas, "letters", by=anna)
    old = make_folder(letters, "old", by=anna)
    plan = put(old, by=anna)
    move_items([letters], company, by=anna)
    plan.refresh_from_db()
    assert plan.ancestors == [company.pk, letters.pk, old.pk]
    assert (plan.drive, plan.audience, plan.is_private) == (company.drive, ["UA"], False)
    assert File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()
    letters.refresh_from_db()
    move_items([letters], annas, by=anna)
    assert not Item.objects.visible_to(boris).filter(pk=plan.pk).exists()
    assert not File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()


def test_a_folder_does_not_go_into_itself(anna: User, annas: Item) -> None:
    outer = make_folder(annas, "outer", by=anna)
    inner = make_folder(outer, "inner", by=anna)
    for to in (outer, inner):
        with pytest.raises(ValidationError, match="into itself"):
            move_items([outer], to, by=anna)
    assert Item.objects.get(pk=inner.pk).ancestors == [annas.pk, outer.pk]


def test_all_are_moved_or_none(anna: User, annas: Item) -> None:
    to = make_folder(annas, "to", by=anna)
    one, two = put(annas, "one", by=anna), put(annas, "two", by=anna)
    put(to, "two", by=anna)
    with pytest.raises(ValidationError, match="already"):
        move_items([one, two], to, by=anna)
    assert names_in(to) == ["two"]


def test_folders_have_a_deepest_level(anna: User, annas: Item) -> None:
    folder = annas
    for level in range(DEEPEST - 1):
        folder = make_folder(folder, str(level), by=anna)
    with pytest.raises(ValidationError, match="at most"):
        make_folder(make_folder(folder, "last", by=anna), "beyond", by=anna)
    high = make_folder(annas, "high", by=anna)
    make_folder(high, "inner", by=anna)
    with pytest.raises(ValidationError, match="at most"):
        move_items([high], folder, by=anna)


def test_outsiders_change_nothing(anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    for act in (
        lambda: make_folder(letters, "x", by=boris),
        lambda: add_files(letters, [uploaded(boris).pk], by=boris),
        lambda: rename_item(letters, "x", by=boris),
        lambda: move_items([letters], root_of(f"U{boris.pk}", by=boris), by=boris),
        lambda: throw_away([letters], by=boris),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert names_in(annas) == ["letters"]


def test_who_may_change_the_company_drive_is_a_right(boris: User, olga: User, company: Item) -> None:
    assert can_edit(boris, company)
    RoleRights.objects.filter(rights__contains=[CHANGE_COMPANY]).delete()
    assert can_edit(olga, company)


def test_an_archived_group_only_shows_its_drive(anna: User, boris: User) -> None:
    group = create_group(NewGroup("Reading"), by=anna)
    join_group(group, by=boris)
    root = root_of(group.code, by=boris)
    plan = put(root, by=boris)
    archive_group(group, by=anna)
    plan = Item.objects.select_related("drive").get(pk=plan.pk)
    assert Item.objects.visible_to(boris).filter(pk=plan.pk).exists()
    assert not can_edit(boris, plan)


def test_sharing_reaches_all_that_is_below(anna: User, boris: User, cara: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    plan = put(make_folder(letters, "old", by=anna), by=anna)
    share_item(letters, [f"U{boris.pk}"], can_edit=False, by=anna)
    plan = Item.objects.select_related("drive").get(pk=plan.pk)
    assert Item.objects.visible_to(boris).filter(pk=plan.pk).exists()
    assert File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()
    assert not can_edit(boris, plan)
    assert not Item.objects.visible_to(cara).filter(pk=plan.pk).exists()
    share_item(letters, [f"U{boris.pk}"], can_edit=True, by=anna)
    assert can_edit(boris, Item.objects.select_related("drive").get(pk=plan.pk))
    end_share(letters.shares.get(), by=anna)
    assert not File.objects.visible_to(boris).filter(pk=plan.file_id or 0).exists()


def test_whose_drive_it_is_says_with_whom_it_is_shared(
    anna: User, boris: User, cara: User, annas: Item
) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [f"U{boris.pk}"], can_edit=True, by=anna)
    with pytest.raises(PermissionDenied):
        share_item(letters, [f"U{cara.pk}"], can_edit=False, by=boris)
    with pytest.raises(ValidationError, match="not there"):
        share_item(letters, ["U999999"], can_edit=False, by=anna)
    with pytest.raises(PermissionDenied):
        share_item(annas, [f"U{cara.pk}"], can_edit=False, by=anna)


def test_a_folder_may_be_for_fewer_than_the_one_around_it(
    anna: User, boris: User, sales: Department, cara: User, company: Item
) -> None:
    salaries = make_folder(company, "salaries", by=anna)
    plan = put(salaries, by=anna)
    set_inheritance(salaries, False, by=anna)
    share_item(salaries, [sales.code_with_below], can_edit=False, by=anna)
    assert not Item.objects.visible_to(cara).filter(pk=plan.pk).exists()
    assert not File.objects.visible_to(cara).filter(pk=plan.file_id or 0).exists()
    assert Item.objects.visible_to(boris).filter(pk=plan.pk).exists()
    assert not can_edit(boris, Item.objects.select_related("drive").get(pk=plan.pk))
    # What is made in it later is for those only, and moving it away and back changes nothing of that.
    late = put(salaries, "late.txt", by=anna)
    assert not File.objects.visible_to(cara).filter(pk=late.file_id or 0).exists()
    set_inheritance(salaries, True, by=anna)
    assert File.objects.visible_to(cara).filter(pk=late.file_id or 0).exists()


def test_what_is_gone_is_said_to_be(anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    throw_away([plan], by=anna)
    with pytest.raises(Gone, match="not there any more"):
        rename_item(plan, "x", by=anna)


def test_a_file_that_is_closed_to_somebody_is_not_written_over_by_them(
    anna: User, boris: User, company: Item
) -> None:
    table = put(company, "salaries.txt", by=anna)
    was = file_of(table).blob
    set_inheritance(table, False, by=anna)
    added = add_files(company, [uploaded(boris, "salaries.txt").pk], by=boris)
    assert [item.name for item in added.new] == ["salaries (2).txt"]
    table = Item.objects.select_related("file").get(pk=table.pk)
    assert (table.version, file_of(table).blob, Version.objects.count()) == (1, was, 0)


def test_nobody_takes_home_what_is_closed_to_them(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=boris)
    salaries = make_folder(make_folder(forms, "inner", by=anna), "salaries", by=anna)
    table = put(salaries, "table.txt", by=anna)
    set_inheritance(salaries, False, by=anna)
    own = root_of(f"U{boris.pk}", by=boris)
    with pytest.raises(ValidationError, match="closed to you"):
        move_items([forms], own, by=boris)
    assert Item.objects.get(pk=forms.pk).parent == company
    move_items([forms], make_folder(company, "elsewhere", by=boris), by=boris)
    assert not Item.objects.visible_to(boris).filter(pk=table.pk).exists()
    assert not File.objects.visible_to(boris).filter(pk=table.file_id or 0).exists()


# Who hears of it, and whose it was


def test_whoever_looks_at_a_folder_hears_of_what_changes_in_it(anna: User, annas: Item) -> None:
    def heard() -> list[Item]:
        rows = told("FolderChanged")
        assert {row["by_id"] for row in rows} <= {anna.pk}
        return [Item.objects.get(pk=row["folder_id"]) for row in rows]

    letters = make_folder(annas, "letters", by=anna)
    assert heard() == [annas]
    plan = put(letters, by=anna)
    assert heard() == [letters]
    rename_item(plan, " budget.txt ", by=anna)
    assert heard() == [letters]
    rename_item(plan, " budget.txt ", by=anna)
    assert heard() == []
    new_version(plan, uploaded(anna).pk, by=anna)
    assert heard() == [letters]
    bring_back_version(plan.versions.get(), by=anna)
    assert heard() == [letters]
    move_items([plan], annas, by=anna)
    assert heard() == [letters, annas]


def test_of_a_folder_those_hear_who_find_it_by_its_name(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    assert told("FoldersTouched") == [{"folder_ids": [letters.pk]}]
    rename_item(letters, "mail", by=anna)
    assert told("FoldersTouched") == [{"folder_ids": [letters.pk]}]
    rename_item(put(letters, by=anna), "budget.txt", by=anna)
    assert told("FoldersTouched") == []


def test_whoever_changed_it_last_is_said(anna: User, boris: User, company: Item) -> None:
    plan, to = put(company, by=anna), make_folder(company, "to", by=anna)
    before = plan.changed_at
    rename_item(plan, "budget.txt", by=boris)
    plan.refresh_from_db()
    assert (plan.changed_by, plan.changed_at > before) == (boris, True)
    before = plan.changed_at
    move_items([plan], to, by=anna)
    plan.refresh_from_db()
    assert (plan.changed_by, plan.changed_at > before, plan.created_by) == (anna, True, anna)
    # Where it is already it is not moved to.
    move_items([plan], to, by=boris)
    plan.refresh_from_db()
    assert plan.changed_by == anna


# What cannot be


def test_a_drive_is_called_after_whose_it_is_and_stays_where_it_is(
    anna: User, annas: Item, company: Item
) -> None:
    with pytest.raises(ValidationError, match="called after whose"):
        rename_item(annas, "Mine", by=anna)
    with pytest.raises(ValidationError, match="stays where it is"):
        move_items([annas], company, by=anna)


def test_nothing_is_put_into_a_file(anna: User, annas: Item) -> None:
    plan, other = put(annas, by=anna), put(annas, "other.txt", by=anna)
    for act in (
        lambda: make_folder(plan, "x", by=anna),
        lambda: add_files(plan, [uploaded(anna).pk], by=anna),
        lambda: move_items([other], plan, by=anna),
    ):
        with pytest.raises(ValidationError, match="This is a file"):
            act()


def test_so_many_files_are_put_in_at_once_and_each_of_them_once(
    anna: User, annas: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.drive.actions.tree.MOST_AT_ONCE", 2)
    one, two, three = (uploaded(anna, name).pk for name in ("1", "2", "3"))
    for ids in ([], [one, two, three]):
        with pytest.raises(ValidationError, match="between 1 and 2 files"):
            add_files(annas, ids, by=anna)
    added = add_files(annas, [two, one, two], by=anna)
    assert [item.name for item in added.new] == ["2", "1"]


def test_a_file_lies_as_deep_as_folders_go(anna: User, annas: Item) -> None:
    folder = annas
    while len(folder.path) < DEEPEST:
        folder = make_folder(folder, "x", by=anna)
    plan = put(annas, by=anna)
    move_items([plan], folder, by=anna)
    assert names_in(folder) == ["plan.txt"]


def test_on_somebodys_own_drive_nothing_is_closed_to_them(anna: User, boris: User, company: Item) -> None:
    letters = make_folder(root_of(f"U{boris.pk}", by=boris), "letters", by=boris)
    share_item(letters, [f"U{anna.pk}"], can_edit=True, by=boris)
    forms = make_folder(company, "forms", by=anna)
    closed, half = (make_folder(forms, name, by=anna) for name in ("closed", "half"))
    for folder in (closed, half):
        set_inheritance(folder, False, by=anna)
    share_item(half, [f"U{boris.pk}"], can_edit=False, by=anna)
    move_items([forms], letters, by=anna)
    for folder in (closed, half):
        assert can_edit(boris, Item.objects.select_related("drive").get(pk=folder.pk))


def test_a_name_begins_and_ends_with_a_letter_of_it(anna: User, annas: Item) -> None:
    assert make_folder(annas, " letters ", by=anna).name == "letters"


def test_a_number_stands_before_the_ending_of_a_name_and_behind_one_that_is_nothing_else(
    anna: User, annas: Item
) -> None:
    for name in ("plan.v2.txt", ".config"):
        make_folder(annas, name, by=anna)
    added = add_files(annas, [uploaded(anna, name).pk for name in ("plan.v2.txt", ".config")], by=anna)
    assert [item.name for item in added.new] == ["plan.v2 (2).txt", ".config (2)"]


def test_what_is_taken_over_was_allowed_where_it_happened(anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    with importing(at=datetime(2020, 2, 2, tzinfo=UTC)):
        rename_item(letters, "mail", by=boris)
    letters.refresh_from_db()
    assert (letters.name, letters.changed_by) == ("mail", boris)
