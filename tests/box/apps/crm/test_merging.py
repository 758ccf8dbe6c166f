"""Duplicates are found, become one, and can be parted again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from box.apps.crm import jobs
from box.apps.crm.actions.activities import NewActivity, add_activity, move_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.merging import forget_expired, merge_records, take_back_merger
from box.apps.crm.actions.papers import add_paper
from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.duplicates import Ground, Sought, duplicates_of
from box.apps.crm.models import Activity, LineItem, Link, Merger, Record
from box.apps.crm.models.mergers import KEPT_FOR
from box.apps.crm.permissions import Level
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.access.actions import employees_role
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Value
from box.core.fields.values import values_of
from box.core.files.models import Blob, File
from box.core.registry.capabilities import Ref
from box.core.relations.actions import relate, unrelate
from box.core.relations.presenters import related_to
from tests.box.apps.crm.conftest import added, allow, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

CONTACT = 3


def rose(by: User, **fields: Any) -> Record:
    given: dict[str, Any] = {"first_name": "Rose", "last_name": "Weber", **fields}
    return added("contact", by, **given)


def found(**sought: Any) -> list[tuple[str, tuple[Ground, ...]]]:
    duplicates = duplicates_of(Sought(**sought), types=[CONTACT])
    return [(one.record.title, one.grounds) for one in duplicates]


def test_duplicates_are_found_by_what_people_are_reached_by_and_by_how_names_sound(anna: User) -> None:
    rose(anna, reached_by=[Reach("phone", "8 916 123-45-67"), Reach("email", "rose@example.com")])
    rose(anna, first_name="Paul", last_name="Berg", tax_number="7707083893")
    assert found(phones=["+79161234567"]) == [("Rose Weber", (Ground.PHONE,))]
    both = (Ground.EMAIL, Ground.NAME)
    assert found(emails=["rose@example.com"], name="Роза Вебер") == [("Rose Weber", both)]
    assert found(name="Вебер Росе") == [("Rose Weber", (Ground.NAME,))]
    assert found(tax_number="7707 083 893", name="Paul Berg") == [
        ("Paul Berg", (Ground.TAX_NUMBER, Ground.NAME))
    ]
    rose(anna, first_name="Petr", last_name="Konstantinov")
    assert found(name="Piotr Konstantinov") == [("Petr Konstantinov", (Ground.NAME,))]
    # More than half of the sound is the same, and is only the family's.
    assert found(name="Anna Konstantinov") == []
    assert found(name="Somebody Else", phones=["+79990000000"]) == []
    assert found() == []


def test_what_one_may_not_see_is_no_duplicate(anna: User, cara: User) -> None:
    allow(employees_role(), "t3", Level.OWN)
    hers = rose(cara)
    sought = Sought(name="Rose Weber")
    assert duplicates_of(sought, types=[CONTACT], reader=anna) == []
    assert [one.record for one in duplicates_of(sought, types=[CONTACT], reader=cara)] == [hers]
    assert duplicates_of(sought, types=[CONTACT], but=[hers.pk]) == []


def call(by: User, record: Record, subject: str) -> Activity:
    deadline = timezone.now() + timedelta(days=1)
    new = NewActivity(kind=Activity.Kind.CALL, subject=subject, responsible=by, deadline=deadline)
    return add_activity(new, [record], by=None)


def state() -> object:
    """Everything that a merger touches, as the database has it."""
    tables = ("crm_contactpoint", "crm_activitybinding", "crm_observer", "crm_link", "crm_lineitem")
    columns = (
        "id, title, company_id, contact_id, comment, position, source_note, tax_number, next_step_at,"
        " deleted_at IS NULL, merged_into_id, audience"
    )
    with connection.cursor() as cursor:
        rows = {}
        for table in (*tables, "relations_relation", "fields_value"):
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows[table] = cursor.fetchall()
        cursor.execute(f"SELECT {columns} FROM crm_record ORDER BY id")
        rows["crm_record"] = cursor.fetchall()
    return rows


@pytest.fixture
def two(anna: User, cara: User) -> tuple[Record, Record]:
    """The same Rose twice, each with calls, a deal, observers and numbers of which one is the same."""
    same = Reach("phone", "+79161234567")
    first = rose(anna, reached_by=[same], observers=[cara])
    second = rose(
        anna,
        reached_by=[same, Reach("email", "rose@example.com")],
        observers=[cara, anna],
        position="Buyer",
        comment="Likes oak",
    )
    for one in (first, second):
        call(anna, one, f"Call {one.pk}")
        deal = added("deal", anna, f"Deal {one.pk}")
        change_record(deal, {"contact": one}, by=None)
    both = added("deal", anna, "Both")
    change_record(both, {"contacts": [first, second]}, by=None)
    return first, second


@pytest.mark.parametrize(
    ("kepts", "left"),
    [
        ({}, ("1C", "5", "7")),
        # What it is called by one program means nothing to another.
        ({"external_source": "shop"}, ("shop", "", "")),
        ({"external_source": "shop", "external_id": "9"}, ("shop", "9", "")),
    ],
)
def test_what_another_program_calls_it_is_filled_in_whole_or_not_at_all(
    kepts: dict[str, str], left: tuple[str, ...], anna: User
) -> None:
    names = ("external_source", "external_id", "external_version")
    first = rose(anna, **kepts)
    second = rose(anna, external_source="1C", external_id="5", external_version="7")
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    assert tuple(getattr(first, name) for name in names) == left
    take_back_merger(Merger.objects.get(), by=anna)
    first.refresh_from_db()
    assert tuple(getattr(first, name) for name in names) == tuple(kepts.get(name, "") for name in names)


def test_nothing_is_lost_when_two_become_one(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    change_record(first, {"comment": "Likes pine"}, by=anna)
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    second.refresh_from_db()
    assert second.merged_into == first
    assert list(Record.objects.there().of_type(CONTACT)) == [first]
    assert set(first.contact_points.values_list("normal", flat=True)) == {"+79161234567", "rose@example.com"}
    assert first.activities.count() == 2
    assert set(first.linked_from.values_list("record__title", flat=True)) == {
        "Both",
        f"Deal {first.pk}",
        f"Deal {second.pk}",
    }
    assert Record.objects.filter(contact=first).count() == 3
    # What it had stays, what it lacked is filled in.
    assert (first.comment, first.position) == ("Likes pine", "Buyer")
    assert first.observers.count() == 2
    assert f"U{anna.pk}" in first.audience


def test_a_merger_taken_back_leaves_everything_as_it_was(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    before = state()
    merge_records(first, [second], by=anna)
    assert state() != before
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before
    with pytest.raises(ValidationError, match="once"):
        take_back_merger(Merger.objects.get(), by=anna)


def test_own_fields_that_it_lacks_are_filled_in_and_come_back(
    anna: User, olga: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    town, wood, tags = (
        add_field(SETS[CONTACT], FieldDraft(name, is_several=name == "Tags"), by=olga)
        for name in ("Town", "Wood", "Tags")
    )
    of_deals = add_field(SETS[2], FieldDraft("Town"), by=olga)
    Value.objects.create(field=of_deals, object_id=second.pk, text="of a deal with its number")
    set_values(first, {town: ("Tver",)}, by=anna)
    set_values(second, {town: ("Omsk",), wood: ("Oak",), tags: ("a", "b")}, by=anna)
    before = state()
    merge_records(first, [second], by=anna)
    assert values_of(SETS[CONTACT], first.pk) == {town: ("Tver",), wood: ("Oak",), tags: ("a", "b")}
    assert values_of(SETS[CONTACT], second.pk) == {town: ("Omsk",)}
    assert values_of(SETS[2], second.pk) == {of_deals: ("of a deal with its number",)}
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before
    merge_records(first, [second], by=anna)
    # What was written anew since stays where it was written.
    set_values(first, {wood: ("Ash",)}, by=anna)
    take_back_merger(Merger.objects.latest("pk"), by=anna)
    assert values_of(SETS[CONTACT], first.pk) == {town: ("Tver",), wood: ("Ash",)}
    assert values_of(SETS[CONTACT], second.pk) == {town: ("Omsk",), tags: ("a", "b")}


def test_files_of_both_are_for_whoever_sees_the_one_that_is_there(
    anna: User, boris: User, olga: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    fields = [add_field(SETS[CONTACT], FieldDraft(name, kind="file"), by=olga) for name in ("Scan", "Plan")]
    change_record(second, {"observers": [boris]}, by=None)
    files = []
    for record, field, letter in zip(two, fields, "ab", strict=True):
        blob = Blob.objects.create(key=f"2026/01/{letter * 32}", size=3)
        file = File.objects.create(owner=anna, name="scan.pdf", blob=blob, audience=[f"U{anna.pk}"])
        set_values(record, {field: (file.pk,)}, by=anna)
        files.append(file)
    assert list(File.objects.visible_to(boris)) == [files[1]]
    merge_records(first, [second], by=anna)
    assert set(File.objects.visible_to(boris)) == set(files)
    take_back_merger(Merger.objects.get(), by=anna)
    assert list(File.objects.visible_to(boris)) == [files[1]]


def test_what_belongs_to_them_elsewhere_follows_and_comes_back(
    anna: User, boris: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    mine, both, alone = (
        Ref("crm.record", first.pk),
        Ref("crm.record", second.pk),
        Ref("org.person", boris.pk),
    )
    count, weigh, paint = (
        add_task(TaskDraft(title=title, responsible=anna), by=anna).ref
        for title in ("Count", "Weigh", "Paint")
    )
    relate(count, [both, alone], by=anna)
    relate(weigh, [mine, both], by=anna)
    before = state()
    merge_records(first, [second], by=anna)
    assert {card.title for card in related_to(mine, reader=anna).cards} == {"Count", "Weigh"}
    assert [card.ref for card in related_to(count, reader=anna).cards] == [alone, mine]
    # What is said meanwhile is said of the one that is there.
    relate(paint, [mine], by=anna)
    unrelate(paint, mine, by=anna)
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before
    relate(paint, [both], by=anna)
    merge_records(first, [second], by=anna)
    unrelate(paint, mine, by=anna)
    take_back_merger(Merger.objects.filter(taken_back_at=None).get(), by=anna)
    assert state() == before


def test_three_become_one_and_are_parted_in_the_other_order(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    third = rose(anna, tax_number="7707083893")
    before = state()
    merge_records(first, [second, third], by=anna)
    earlier, later = Merger.objects.order_by("pk")
    with pytest.raises(ValidationError, match="merged after it"):
        take_back_merger(earlier, by=anna)
    take_back_merger(later, by=anna)
    take_back_merger(earlier, by=anna)
    assert state() == before


def test_that_two_became_one_and_were_parted_is_told(anna: User, olga: User) -> None:
    first, second, third = (rose(anna) for _number in range(3))
    merge_records(first, [second, third], by=anna)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.changed_by, second.deleted_by, second.deleted_at is None) == (anna, anna, False)
    take_back_merger(Merger.objects.get(gone=third), by=olga)
    third.refresh_from_db()
    assert (third.deleted_at, third.deleted_by, third.merged_into) == (None, None, None)
    told = Event.objects.filter(kind__in=["crm.RecordsMerged", "crm.MergerTakenBack"]).order_by("pk")
    assert [one.payload for one in told] == [
        {"record_id": first.pk, "merged_ids": [second.pk, third.pk], "by_id": anna.pk},
        {"record_id": first.pk, "parted_id": third.pk, "by_id": olga.pk},
    ]


def test_nothing_is_parted_from_what_is_in_the_trash_or_by_who_may_not_change_it(
    anna: User, boris: User
) -> None:
    first, second = rose(anna), rose(anna)
    merge_records(first, [second], by=anna)
    allow(employees_role(), "t3", Level.OWN)
    with pytest.raises(PermissionDenied):
        take_back_merger(Merger.objects.get(), by=boris)
    delete_records([first], by=None)
    with pytest.raises(ValidationError, match="from the trash first"):
        take_back_merger(Merger.objects.get(), by=anna)
    second.refresh_from_db()
    assert second.merged_into == first


LONG_AGO = datetime(2021, 5, 3, 9, tzinfo=UTC)


def test_two_that_have_nothing_of_their_own_bring_nothing_along(anna: User) -> None:
    first = rose(anna)
    Record.objects.update(changed_at=LONG_AGO)
    merge_records(first, [rose(anna)], by=anna)
    first.refresh_from_db()
    assert first.changed_at > LONG_AGO
    merger = Merger.objects.get()
    assert (merger.moved, merger.filled) == ({}, [])


def test_the_portal_itself_makes_companies_one_that_were_each_others_clients(anna: User) -> None:
    """Nothing is linked with itself then, whichever of them named the other."""
    for is_kept in (True, False):
        first, second = added("company", anna, "Oak Ltd"), added("company", anna, "Oak Limited")
        one, other = (first, second) if is_kept else (second, first)
        change_record(one, {"company": other}, by=None)
        before = state()
        merge_records(first, [second], by=None)
        first.refresh_from_db()
        assert first.company_id != first.pk
        take_back_merger(Merger.objects.get(kept=first), by=None)
        assert state() == before
    told = Event.objects.filter(kind__in=["crm.RecordsMerged", "crm.MergerTakenBack"])
    assert [one.payload["by_id"] for one in told] == [None] * 4


def test_products_of_both_are_there_and_come_back(anna: User) -> None:
    first, second = added("deal", anna), added("deal", anna)
    # Rows are told by their own numbers, whatever the records' are.
    for pk, record in ((first.pk, second), (first.pk + 1, first)):
        LineItem.objects.create(pk=pk, record=record, name="Chair", price=Decimal(50), rank="i")
    before = state()
    merge_records(first, [second], by=anna)
    assert (first.lines.count(), second.lines.count()) == (2, 0)
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before


def test_the_next_step_of_both_is_the_earlier_one_until_they_are_parted(anna: User) -> None:
    first, second, trash = (rose(anna) for _number in range(3))
    delete_records([trash], by=None)
    later, sooner = call(anna, first, "Later"), call(anna, second, "Sooner")
    move_activity(sooner, timezone.now(), by=None)
    sooner.refresh_from_db()

    def next_steps() -> list[datetime | None]:
        return [Record.objects.get(pk=one.pk).next_step_at for one in (first, second)]

    merge_records(first, [second], by=anna)
    assert next_steps() == [sooner.deadline, None]
    parted = take_back_merger(Merger.objects.get(), by=anna)
    assert next_steps() == [later.deadline, sooner.deadline]
    assert (parted, parted.deleted_at, parted.merged_into) == (second, None, None)
    merger = Merger.objects.get()
    assert (merger.moved, merger.filled) == ({}, [])
    # What else is in the trash stays there.
    trash.refresh_from_db()
    assert trash.deleted_at is not None


def test_what_went_elsewhere_since_is_not_taken_back(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    deal, third = Record.objects.get(title=f"Deal {second.pk}"), rose(anna, first_name="Paul")
    merge_records(first, [second], by=anna)
    change_record(deal, {"contact": third}, by=anna)
    take_back_merger(Merger.objects.get(), by=anna)
    deal.refresh_from_db()
    assert deal.contact == third


def test_who_saw_one_of_them_sees_its_files_alone_once_they_are_parted(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    files = []
    records = [rose(anna, observers=[one]) for one in (boris, cara)]
    for record, letter in zip(records, "ab", strict=True):
        field = add_field(SETS[CONTACT], FieldDraft(f"Scan {letter}", kind="file"), by=olga)
        blob = Blob.objects.create(key=f"2026/01/{letter * 32}", size=3)
        file = File.objects.create(owner=anna, name="scan.pdf", blob=blob, audience=[f"U{anna.pk}"])
        set_values(record, {field: (file.pk,)}, by=anna)
        files.append(file)
    merge_records(records[0], records[1:], by=anna)
    assert set(File.objects.visible_to(boris)) == set(File.objects.visible_to(cara)) == set(files)
    take_back_merger(Merger.objects.get(), by=anna)
    assert [list(File.objects.visible_to(one)) for one in (boris, cara)] == [files[:1], files[1:]]


def test_so_many_become_one_at_once(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.apps.crm.actions.merging.MOST_AT_ONCE", 2)
    first, *others = (rose(anna) for _number in range(4))
    with pytest.raises(ValidationError, match="between 1 and 2 duplicates"):
        merge_records(first, others, by=anna)
    # Itself is no duplicate.
    merge_records(first, [first, *others[:2]], by=anna)
    assert first.merged.count() == 2


def test_only_what_went_into_the_same_record_afterwards_is_taken_back_first(anna: User) -> None:
    first, second, third, fourth = (rose(anna) for _number in range(4))
    merge_records(first, [second], by=anna)
    merge_records(third, [fourth], by=anna)
    assert take_back_merger(Merger.objects.get(gone=second), by=anna) == second
    with pytest.raises(ValidationError, match="and once"):
        take_back_merger(Merger.objects.get(gone=second), by=anna)
    take_back_merger(Merger.objects.get(gone=fourth), by=anna)


def test_what_was_changed_since_stays_so(anna: User, two: tuple[Record, Record]) -> None:
    first, second = two
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    change_record(first, {"position": "Head of buying"}, by=anna)
    Link.objects.filter(record__title=f"Deal {second.pk}").delete()
    take_back_merger(Merger.objects.get(), by=anna)
    first.refresh_from_db()
    assert (first.position, first.comment) == ("Head of buying", "")
    assert not Link.objects.filter(record__title=f"Deal {second.pk}").exists()


def test_after_thirty_days_it_stays_and_the_night_forgets_what_went_over(
    anna: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    merge_records(first, [second], by=anna)
    jobs.forget_expired_mergers.call_local()
    merger = Merger.objects.get()
    assert merger.moved and merger.filled
    Merger.objects.update(at=timezone.now() - KEPT_FOR)
    with pytest.raises(ValidationError, match="thirty days"):
        take_back_merger(merger, by=anna)
    jobs.forget_expired_mergers.call_local()
    merger.refresh_from_db()
    assert (merger.moved, merger.filled) == ({}, [])


@pytest.mark.parametrize(("moved", "filled"), [({"lines": [7]}, []), ({}, ["comment"])])
def test_also_a_merger_by_which_little_went_over_is_forgotten_once(
    anna: User, two: tuple[Record, Record], moved: dict[str, list[int]], filled: list[str]
) -> None:
    kept, gone = two
    now = timezone.now()
    Merger.objects.create(kept=kept, gone=gone, by=anna, at=now - KEPT_FOR, moved=moved, filled=filled)
    assert forget_expired(now) == 1
    assert forget_expired(now) == 0


def test_only_the_same_kind_and_only_what_one_may_change(
    anna: User, cara: User, two: tuple[Record, Record]
) -> None:
    first, second = two
    with pytest.raises(ValidationError, match="one kind"):
        merge_records(first, [second, added("company", anna)], by=anna)
    with pytest.raises(ValidationError, match="Choose between"):
        merge_records(first, [first], by=anna)
    allow(employees_role(), "t3", Level.OWN)
    hers = rose(cara)
    for kept, gone in ((first, hers), (hers, first)):
        with pytest.raises(PermissionDenied):
            merge_records(kept, [gone], by=anna)
    assert not Merger.objects.exists()
    merge_records(first, [second], by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        merge_records(first, [second], by=anna)


def test_duplicates_are_merged_from_the_card_and_parted_there_again(
    as_person: Browser, anna: User, boris: User
) -> None:
    first, second = rose(anna, reached_by=[Reach("phone", "+79161234567")]), rose(anna, comment="Likes red")
    hidden = rose(boris)
    browser, url = as_person(anna), first.get_absolute_url()
    offered = browser.get(f"{url}duplicates/").content.decode()
    assert f'value="{second.pk}"' in offered
    assert f'value="{hidden.pk}"' not in offered
    assert f'value="{first.pk}"' not in offered
    assert browser.post(f"{url}duplicates/", {"other": str(second.pk)}, follow=True).status_code == 200
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.comment, second.merged_into) == ("Likes red", first)
    page = browser.get(url).content.decode()
    assert "Part them again" in page
    assert browser.get(second.get_absolute_url()).headers["Location"] == url
    assert as_person(boris).get(second.get_absolute_url()).status_code == 404
    merger = Merger.objects.get()
    assert as_person(boris).delete(f"{url}mergers/{merger.pk}/").status_code == 404
    browser.delete(f"{url}mergers/{merger.pk}/")
    second.refresh_from_db()
    assert (second.merged_into, second.deleted_at) == (None, None)
    assert "Part them again" not in browser.get(url).content.decode()
    assert browser.delete(f"{url}mergers/{merger.pk}/").status_code == 404


def test_what_one_does_not_see_is_merged_into_nothing(as_person: Browser, anna: User, boris: User) -> None:
    mine, his = rose(anna), rose(boris)
    url = f"{mine.get_absolute_url()}duplicates/"
    for sent in ({}, {"other": str(his.pk)}, {"other": str(mine.pk)}, {"other": "x"}):
        assert as_person(anna).post(url, sent).status_code == 422
    assert not Merger.objects.exists()


def test_who_may_only_read_is_offered_no_merging_and_a_paper_has_none(
    as_person: Browser, anna: User, boris: User
) -> None:
    mine = rose(anna)
    allow(employees_role(), "t3", Level.ALL, "read")
    browser = as_person(boris)
    assert "duplicates/" not in browser.get(mine.get_absolute_url()).content.decode()
    assert browser.get(f"{mine.get_absolute_url()}duplicates/").status_code == 403
    quote = add_paper(added("deal", anna, "Chairs"), type_of("quote"), by=anna)
    assert as_person(anna).get(f"{quote.get_absolute_url()}duplicates/").status_code == 404


def test_what_another_saw_and_merged_is_named_to_nobody_else(
    as_person: Browser, anna: User, olga: User
) -> None:
    kept = rose(anna)
    merge_records(kept, [added("contact", olga, first_name="Secret", last_name="Client")], by=olga)
    assert "Secret" not in as_person(anna).get(kept.get_absolute_url()).content.decode()
    assert "Secret" in as_person(olga).get(kept.get_absolute_url()).content.decode()


def chair(price: str) -> LineDraft:
    return LineDraft(name="Chair", price=Decimal(price))


def sums(*records: Record) -> list[tuple[Decimal, Decimal, bool]]:
    rows = (Record.objects.get(pk=one.pk) for one in records)
    return [(one.amount, one.base_amount, one.has_own_amount) for one in rows]


@pytest.mark.parametrize(
    ("own", "lines", "left"),
    [
        # It followed its own lines, or would have followed the first.
        ({}, ["100"], (Decimal(150), Decimal(150), False)),
        ({}, [], (Decimal(50), Decimal(50), False)),
        # Somebody has written it.
        ({"amount": Decimal(7)}, ["100"], (Decimal(7), Decimal(7), True)),
        ({"amount": Decimal(7)}, [], (Decimal(7), Decimal(7), True)),
    ],
)
def test_an_amount_that_follows_lines_follows_those_that_come_along_and_go_again(
    anna: User, own: dict[str, Decimal], lines: list[str], left: tuple[Decimal, Decimal, bool]
) -> None:
    kept, gone, third = (added("deal", anna, title) for title in ("Chairs", "Chairs too", "More"))
    if lines:
        set_lines(kept, [chair(one) for one in lines], follows=True, by=anna)
    if own:
        change_record(kept, own, by=anna)
    set_lines(gone, [chair("20"), chair("30")], follows=True, by=anna)
    set_lines(third, [chair("5")], follows=True, by=anna)
    before = sums(kept, gone, third)
    merge_records(kept, [gone], by=anna)
    assert sums(kept) == [left]
    assert Merger.objects.filter(moved__has_key="amount").exists() == (not own and not lines)
    merge_records(kept, [third], by=anna)
    for merger in Merger.objects.order_by("-pk"):
        take_back_merger(merger, by=anna)
    assert sums(kept, gone, third) == before


def test_an_amount_that_was_written_since_stays_when_a_merger_is_taken_back(anna: User) -> None:
    kept, gone = (added("deal", anna, title) for title in ("Chairs", "Chairs too"))
    set_lines(gone, [chair("20")], follows=True, by=anna)
    merge_records(kept, [gone], by=anna)
    change_record(kept, {"amount": Decimal(9)}, by=anna)
    take_back_merger(Merger.objects.get(), by=anna)
    assert sums(kept) == [(Decimal(9), Decimal(9), True)]


def test_an_amount_beyond_all_that_can_be_kept_merges_nothing(anna: User, cara: User, olga: User) -> None:
    # Each by itself is kept, also in the sums of a seller.
    deals = [added("deal", one, "Chairs") for one in (anna, cara)]
    for one in deals:
        set_lines(one, [chair("9" * 16)], follows=True, by=olga)
    with pytest.raises(ValidationError, match="more than can be kept"):
        merge_records(deals[0], deals[1:], by=olga)
    assert not Merger.objects.exists()


@pytest.mark.parametrize("name", ["company", "contact"])
def test_nothing_is_the_client_of_what_it_has_become_a_part_of(anna: User, name: str) -> None:
    first, second, other = (added(name, anna, one, first_name=one) for one in ("First", "Second", "Other"))
    change_record(first, {name: second}, by=anna)
    before = state()
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    assert getattr(first, name) is None
    take_back_merger(Merger.objects.get(), by=anna)
    assert state() == before
    # What that one was a client of is filled in, and goes with it.
    change_record(second, {name: other}, by=anna)
    before = state()
    merge_records(first, [second], by=anna)
    first.refresh_from_db()
    assert getattr(first, name) == other
    take_back_merger(Merger.objects.latest("pk"), by=anna)
    assert state() == before
    # Somebody has named another since.
    merge_records(first, [second], by=anna)
    third = added(name, anna, "Third", first_name="Third")
    change_record(first, {name: third}, by=anna)
    take_back_merger(Merger.objects.latest("pk"), by=anna)
    first.refresh_from_db()
    assert getattr(first, name) == third
