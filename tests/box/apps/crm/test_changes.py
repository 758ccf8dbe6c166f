"""What a change of a record writes down and tells, and what stays as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.records import bring_back_records, change_record, delete_records
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.duplicates import Sought, duplicates_of
from box.apps.crm.models import Currency, Record
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from tests.box.apps.crm.conftest import added

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2021, 5, 3, 9, tzinfo=UTC)
NUMBER = Reach("phone", "+79161234567")


def settled() -> None:
    """Everything was written by the portal itself, long ago, and is told."""
    Record.objects.update(changed_by=None, changed_at=LONG_AGO)
    Event.objects.all().delete()


def written(record: Record) -> tuple[User | None, bool]:
    """By whom it was last, and whether that is since everything was settled."""
    record.refresh_from_db()
    return record.changed_by, record.changed_at > LONG_AGO


def told() -> list[tuple[int | None, Any]]:
    rows = Event.objects.filter(kind="crm.RecordChanged").order_by("pk")
    return [(row.payload["by_id"], row.payload["changes"]) for row in rows]


def test_what_stays_as_it_is_is_neither_written_nor_told(anna: User, olga: User) -> None:
    lead = added("lead", anna, "Chairs", amount=Decimal(5), observers=[olga], reached_by=[NUMBER])
    settled()
    same = {
        "title": " Chairs ", "amount": Decimal(5), "responsible": anna, "observers": [olga],
        "reached_by": [NUMBER],
    }  # fmt: skip
    change_record(lead, same, by=olga)
    assert written(lead) == (None, False)
    assert not Event.objects.exists()


def test_each_change_is_told_with_what_it_was_and_who_made_it(anna: User, olga: User) -> None:
    lead, oak = added("lead", anna, "Chairs"), added("company", anna, "Oak Ltd")
    rose = added("contact", anna, first_name="Rose")
    numbers = [["reached_by", "", ""]]
    steps: list[tuple[dict[str, Any], list[list[str]]]] = [
        ({"title": "Tables"}, [["title", "Chairs", "Tables"]]),
        ({"expected_on": date(2026, 5, 1)}, [["expected_on", "", "2026-05-01"]]),
        ({"expected_on": None}, [["expected_on", "2026-05-01", ""]]),
        ({"company": oak}, [["company", "", "Oak Ltd"]]),
        ({"reached_by": [NUMBER]}, numbers),
        ({"reached_by": [Reach("phone", "+79161234567", use="mobile")]}, numbers),
        ({"reached_by": []}, numbers),
        # Whether an amount follows its lines is nothing that a field holds.
        ({"has_own_amount": False}, []),
    ]
    for changes, said in steps:
        settled()
        change_record(lead, changes, by=olga)
        assert told() == [(olga.pk, said)]
        assert written(lead) == (olga, True)
    settled()
    change_record(lead, {"contacts": [rose]}, by=olga)
    assert told() == [(olga.pk, [])]


def test_whoever_asks_what_was_changed_since_hears_of_contacts_and_of_their_order(
    anna: User, olga: User, deal: Record
) -> None:
    rose, paul, ines = (added("contact", anna, first_name=name) for name in ("Rose", "Paul", "Ines"))
    change_record(deal, {"contact": rose}, by=anna)
    for contacts, is_changed in (
        ([rose], False), ([rose, paul, ines], True), ([rose, paul, ines], False), ([rose, ines, paul], True),
        ([rose, ines], True), ([], True),
    ):  # fmt: skip
        settled()
        change_record(deal, {"contacts": contacts}, by=olga)
        assert written(deal) == ((olga, True) if is_changed else (None, False))


def test_who_hands_a_deal_over_is_written_down(anna: User, boris: User, olga: User, deal: Record) -> None:
    settled()
    change_record(deal, {"responsible": boris}, by=olga)
    assert written(deal) == (olga, True)
    assert deal.responsible == boris


def test_whoever_is_called_otherwise_is_found_by_how_that_sounds(anna: User) -> None:
    weber = added("contact", anna, first_name="Ines", last_name="Weber")
    change_record(weber, {"first_name": "Petr", "last_name": "Konstantinov"}, by=anna)
    called: dict[str, list[Record]] = {"Ines Weber": [], "Piotr Konstantinov": [weber]}
    for name, found in called.items():
        assert [one.record for one in duplicates_of(Sought(name=name), types=[weber.type_id])] == found


def test_numbers_stay_the_same_and_are_written_anew_in_their_order(anna: User) -> None:
    mail, second = Reach("email", "rose@example.com"), Reach("phone", "+79161234568")
    rose = added("contact", anna, first_name="Rose", reached_by=[NUMBER, mail, second])
    before = dict(rose.contact_points.values_list("normal", "pk"))
    again = [second, Reach("email", "Rose@Example.com"), Reach("phone", "8 (916) 123-45-67", use="mobile")]
    change_record(rose, {"reached_by": again}, by=anna)
    points = list(rose.contact_points.order_by("rank"))
    assert [(one.value, one.use) for one in points] == [
        ("+79161234568", "work"), ("Rose@Example.com", "work"), ("8 (916) 123-45-67", "mobile")
    ]  # fmt: skip
    assert {one.normal: one.pk for one in points} == before


def test_a_record_has_so_many_numbers_and_contacts_and_no_more(
    anna: User, lead: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOST_CONTACT_POINTS", "MOST_LINKS"):
        monkeypatch.setattr(f"box.apps.crm.actions.records.{name}", 2)
    numbers = [Reach("phone", f"+7916123456{number}") for number in range(3)]
    people = [added("contact", anna, first_name=name) for name in ("Rose", "Paul", "Ines")]
    change_record(lead, {"reached_by": numbers[:2], "contacts": people[:2]}, by=anna)
    too_many: list[dict[str, Any]] = [{"reached_by": numbers}, {"contacts": people}]
    for more in too_many:
        with pytest.raises(ValidationError, match="At most 2"):
            change_record(lead, more, by=anna)
    assert (lead.contact_points.count(), lead.links.count()) == (2, 2)


# Into the trash and back


def test_only_what_goes_to_the_trash_or_comes_back_is_told_of(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.records.MOST_AT_ONCE", 2)
    one, two, there = (added("deal", anna, title) for title in ("One", "Two", "There"))
    for act in (delete_records, bring_back_records):
        with pytest.raises(ValidationError, match="At most 2"):
            act([one, two, there], by=olga)
    delete_records([one, two], by=olga)
    Event.objects.all().delete()
    assert delete_records([one], by=olga) == []
    assert bring_back_records([one, there], by=olga) == [one]
    assert bring_back_records([one], by=olga) == []
    assert [row.kind for row in Event.objects.all()] == ["crm.RecordsBroughtBack"]
    two.refresh_from_db()
    assert (two.deleted_at is None, two.deleted_by) == (False, olga)


# The form in which it is kept


def test_what_is_given_is_kept_in_one_form(anna: User) -> None:
    day = date(2026, 5, 2)
    oak = added(
        "company", anna, tax_number=" 77 0708 3893 ", comment="x" * 20_000, begins_on=day, expected_on=day
    )
    assert oak.tax_number == "7707083893"
    with pytest.raises(ValidationError, match="20000 characters"):
        change_record(oak, {"comment": "x" * 20_001}, by=anna)
    with pytest.raises(ValidationError, match="Give the name"):
        added("contact", anna, " ")


def test_an_amount_is_the_companys_currency_where_no_other_was_named(anna: User) -> None:
    Currency.objects.create(code="KWD", rate=Decimal(10))
    # Whichever of them was written last.
    Currency.objects.filter(is_base=True).update(decimals=2)
    assert added("deal", anna, amount=Decimal(7)).currency == "RUB"


def test_an_amount_is_kept_up_to_what_a_sum_in_the_companys_currency_holds(anna: User) -> None:
    Currency.objects.create(code="KWD", rate=Decimal(10))
    most = Decimal(10) ** 15 - Decimal("0.01")
    assert added("deal", anna, amount=most, currency="KWD").base_amount == most * 10
    with pytest.raises(ValidationError, match="than can be kept"):
        added("deal", anna, amount=Decimal(10) ** 15, currency="KWD")


# A company's own fields


def test_what_own_fields_hold_is_told_with_who_wrote_it(anna: User, olga: User, deal: Record) -> None:
    town = add_field(SETS[2], FieldDraft("Town"), by=olga)
    settled()
    assert set_values(deal, {town: ("Tver",)}, by=olga) is True
    assert written(deal) == (olga, True)
    settled()
    assert set_values(deal, {town: ("Tver",)}, by=anna) is False
    assert written(deal) == (None, False)
    assert told() == []
    set_values(deal, {town: ("Omsk",)}, by=anna)
    set_values(deal, {town: ()}, by=None)
    assert told() == [(anna.pk, [[town.key, "Tver", "Omsk"]]), (None, [[town.key, "Omsk", ""]])]
