"""Adding, changing, moving and deleting records; what a stage demands, and what a board's columns come to."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from box.apps.crm.actions.audiences import audience_of
from box.apps.crm.actions.records import (
    Demanded,
    NewRecord,
    add_record,
    bring_back_records,
    change_record,
    delete_records,
    move_record,
)
from box.apps.crm.actions.setup import add_pipeline, add_stage, add_type
from box.apps.crm.actions.stages import retire_stage, set_demands
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Currency, Link, Record, Stage, StageTotal, StageVisit
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.events.models import Event
from box.core.registry.origin import importing
from box.core.registry.settings import store
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def column(slug: str, code: str) -> list[str]:
    records = Record.objects.there().filter(stage=stage_of(slug, code))
    return [record.title for record in records.on_board()]


def test_what_is_new_comes_into_the_first_stage_and_is_seen_first(anna: User) -> None:
    added("deal", anna, "older")
    deal = added("deal", anna, "newer")
    assert deal.stage is not None
    assert (deal.stage.code, deal.pipeline) == ("NEW", deal.stage.pipeline)
    assert column("deal", "NEW") == ["newer", "older"]
    visit = StageVisit.objects.get(record=deal)
    assert (visit.stage, visit.entered_at, visit.left_at) == (deal.stage, deal.created_at, None)


def test_a_contact_has_a_name_for_a_title_and_no_stage(anna: User) -> None:
    rose = added("contact", anna, " ", first_name="Rose", last_name=" Weber ")
    assert (rose.title, rose.stage, rose.pipeline) == ("Rose Weber", None, None)
    change_record(rose, {"last_name": "Berg"}, by=anna)
    rose.refresh_from_db()
    assert rose.title == "Rose Berg"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "Chairs", "amount": Decimal(-1)}, "amount"),
        ({"title": "Chairs", "amount": Decimal("1e17")}, "amount"),
        ({"title": "Chairs", "currency": "XXX"}, "currency"),
        ({"title": "Chairs", "begins_on": date(2026, 5, 2), "expected_on": date(2026, 5, 1)}, "expected_on"),
        ({"title": "Chairs", "reached_by": [Reach("phone", "call me")]}, "reached_by"),
        ({"title": "Chairs", "reached_by": [Reach("email", "rose@")]}, "reached_by"),
        ({"title": "Chairs", "reached_by": [Reach("fax", "1")]}, "reached_by"),
        (
            {"title": "Chairs", "reached_by": [Reach("phone", f"+7916123{n:04}") for n in range(51)]},
            "reached_by",
        ),
    ],
)
def test_what_is_none_is_refused_by_its_field(anna: User, fields: dict[str, object], where: str) -> None:
    new = NewRecord(type=type_of("lead"), responsible=anna, **fields)  # type: ignore[arg-type]
    with pytest.raises(ValidationError) as refused:
        add_record(new, by=None)
    assert list(refused.value.message_dict) == [where]
    assert not Record.objects.exists()


def test_a_stage_of_another_type_is_none_of_its_own(anna: User, deal: Record) -> None:
    with pytest.raises(ValidationError, match="no such stage"):
        move_record(deal, stage_of("lead", "JUNK"), by=anna)
    with pytest.raises(ValidationError, match="no such stage"):
        added("deal", anna, stage=stage_of("lead", "NEW"))


def test_a_change_says_what_it_was_and_what_it_became(anna: User, deal: Record) -> None:
    change_record(deal, {"title": "Tables", "amount": Decimal("10.50"), "comment": ""}, by=anna)
    event = Event.objects.filter(kind="crm.RecordChanged").get()
    assert event.payload["changes"] == [
        ["title", "Chairs for Rose", "Tables"],
        ["amount", "0.00", "10.50"],
    ]
    change_record(deal, {"title": "Tables"}, by=anna)
    assert Event.objects.filter(kind="crm.RecordChanged").count() == 1


def test_a_field_that_there_is_not_is_refused(anna: User, deal: Record) -> None:
    with pytest.raises(ValidationError, match="no field audience"):
        change_record(deal, {"audience": ["UA"]}, by=anna)


def test_moving_keeps_the_history_over_pipelines(anna: User, deal: Record) -> None:
    partners = add_pipeline(type_of("deal"), "Partners", by=None)
    move_record(deal, stage_of("deal", "EXECUTING"), by=anna)
    move_record(deal, partners.stages.select_related("pipeline").get(code="WON"), by=anna)
    deal.refresh_from_db()
    assert deal.pipeline == partners
    assert deal.closed_at is not None
    visits = list(deal.visits.order_by("id").select_related("stage"))
    assert [visit.stage.code for visit in visits] == ["NEW", "EXECUTING", "WON"]
    for left, entered in pairwise(visits):
        assert left.left_at == entered.entered_at
    move_record(deal, stage_of("deal", "NEW"), by=anna)
    deal.refresh_from_db()
    assert deal.closed_at is None


def test_what_is_closed_keeps_its_day_from_one_closed_stage_to_another(anna: User, deal: Record) -> None:
    move_record(deal, stage_of("deal", "WON"), by=anna)
    deal.refresh_from_db()
    closed_at = deal.closed_at
    assert closed_at is not None
    move_record(deal, stage_of("deal", "LOSE"), by=anna)
    deal.refresh_from_db()
    assert (deal.closed_at, deal.stage_since > closed_at) == (closed_at, True)


def test_a_move_is_told_with_where_it_came_from_and_a_new_place_in_the_column_is_none(
    anna: User, olga: User, deal: Record
) -> None:
    new, executing = stage_of("deal", "NEW"), stage_of("deal", "EXECUTING")
    other = added("deal", anna, "Other")
    Record.objects.update(changed_by=None)
    move_record(deal, new, before=other, by=olga)
    assert not Record.objects.exclude(changed_by=None).exists()
    move_record(deal, executing, by=olga)
    deal.refresh_from_db()
    assert (deal.changed_by, deal.changed_at) == (olga, deal.stage_since)
    assert deal.visits.get(left_at=None).by == olga
    told = Event.objects.filter(kind="crm.RecordMoved")
    assert [one.payload for one in told] == [
        {"record_id": deal.pk, "by_id": olga.pk, "stage_before_id": new.pk, "stage_id": executing.pk}
    ]


def test_a_card_that_is_dropped_where_it_lies_keeps_its_place(anna: User) -> None:
    for title in ("c", "b", "a"):
        added("deal", anna, title)
    new = stage_of("deal", "NEW")
    move_record(Record.objects.get(title="b"), new, by=anna)
    assert column("deal", "NEW") == ["a", "b", "c"]
    move_record(Record.objects.get(title="c"), stage_of("deal", "WON"), by=anna)
    move_record(Record.objects.get(title="c"), new, by=anna)
    assert column("deal", "NEW") == ["c", "a", "b"]


def test_what_has_no_stages_is_given_none(anna: User) -> None:
    with pytest.raises(ValidationError, match="have no stages"):
        added("contact", anna, first_name="Rose", stage=stage_of("deal", "NEW"))


def test_who_looks_after_a_deal_already_is_not_given_it_again(anna: User, boris: User, deal: Record) -> None:
    change_record(deal, {"responsible": anna}, by=anna)
    assert not Event.objects.filter(kind="crm.ResponsibleChanged").exists()
    change_record(deal, {"responsible": boris}, by=anna)
    told = Event.objects.get(kind="crm.ResponsibleChanged").payload
    assert (told["former_id"], told["user_id"], told["by_id"]) == (anna.pk, boris.pk, anna.pk)


def test_a_card_is_put_between_two_others(anna: User) -> None:
    for title in ("c", "b", "a"):
        added("deal", anna, title)
    new = stage_of("deal", "NEW")
    a, b, c = (Record.objects.get(title=title) for title in "abc")
    move_record(c, new, after=a, before=b, by=anna)
    assert column("deal", "NEW") == ["a", "c", "b"]
    # One neighbour is enough, and one that has gone elsewhere is no neighbour.
    move_record(a, new, after=b, by=anna)
    assert column("deal", "NEW") == ["c", "b", "a"]
    move_record(a, new, before=c, by=anna)
    assert column("deal", "NEW") == ["a", "c", "b"]
    move_record(b, stage_of("deal", "WON"), by=anna)
    move_record(c, new, after=b, by=anna)
    assert column("deal", "NEW") == ["c", "a"]


def test_a_stage_asks_for_what_it_demands(anna: User, deal: Record) -> None:
    won = stage_of("deal", "WON")
    # Telephones are demanded from of old, when that was not refused yet: it is asked all the same.
    Stage.objects.filter(pk=won.pk).update(demands=["phone"])
    set_demands(stage_of("deal", "WON"), ["amount", "contacts", "phone"], by=None)
    won = stage_of("deal", "WON")
    with pytest.raises(Demanded) as asked:
        move_record(deal, won, by=anna)
    assert asked.value.fields == ("amount", "contacts", "phone")
    deal.refresh_from_db()
    assert deal.stage != won
    rose = added("contact", anna, first_name="Rose")
    change_record(
        deal,
        {"amount": Decimal(5), "contacts": [rose], "reached_by": [Reach("phone", "+79161234567")]},
        by=anna,
    )
    assert move_record(deal, won, by=anna).stage == won
    with pytest.raises(ValidationError, match="no field password"):
        set_demands(won, ["password"], by=None)
    with pytest.raises(ValidationError, match=r"Deals don't show this.*: tax number\. Choose"):
        set_demands(won, ["amount", "tax_number"], by=None)
    won.refresh_from_db()
    assert won.demands == ["amount", "contacts", "phone"]


def test_only_an_empty_stage_is_retired_and_never_the_last_of_its_kind(anna: User, deal: Record) -> None:
    assert deal.stage is not None
    with pytest.raises(ValidationError, match="Move what is in"):
        retire_stage(deal.stage, by=None)
    with pytest.raises(ValidationError, match="one for what is won"):
        retire_stage(stage_of("deal", "WON"), by=None)
    offer = add_stage(deal.stage.pipeline, "Offer", by=None)
    move_record(deal, offer, by=anna)
    retire_stage(stage_of("deal", "NEW"), by=None)
    with pytest.raises(ValidationError, match="no such stage"):
        move_record(deal, stage_of("deal", "NEW"), by=anna)


def test_numbers_and_addresses_are_kept_as_they_are_compared(anna: User) -> None:
    given = [
        Reach("phone", "8 (916) 123-45-67", use="mobile"),
        Reach("phone", "+7 916 123 45 67"),
        Reach("phone", "204"),
        Reach("email", "Rose@Example.COM"),
        Reach("web", "https://www.example.com/rose/"),
        Reach("im", "@Rose"),
    ]
    rose = added("contact", anna, first_name="Rose", reached_by=given)
    normals = list(rose.contact_points.order_by("rank").values_list("kind", "normal"))
    assert normals == [
        ("phone", "+79161234567"),
        ("phone", "204"),
        ("email", "rose@example.com"),
        ("web", "example.com/rose"),
        ("im", "rose"),
    ]
    change_record(rose, {"reached_by": [Reach("email", "rose@example.com")]}, by=anna)
    assert [str(point) for point in rose.contact_points.all()] == ["rose@example.com"]


def test_numbers_without_a_country_are_those_of_the_companys(anna: User) -> None:
    store({"company.phone_region": "DE"})
    rose = added("contact", anna, first_name="Rose", reached_by=[Reach("phone", "030 901820")])
    assert rose.contact_points.get().normal == "+4930901820"


def test_a_client_that_one_may_not_see_is_not_linked(anna: User, cara: User, deal: Record) -> None:
    allow(employees_role(), "t3", Level.OWN)
    hidden = added("contact", cara, first_name="Rose")
    with pytest.raises(ValidationError, match="not there any more"):
        change_record(deal, {"contact": hidden}, by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        change_record(deal, {"contacts": [hidden]}, by=anna)
    assert not Link.objects.exists()
    hers = added("contact", anna, first_name="Paul")
    company = added("company", anna, "Weber & Sons")
    change_record(deal, {"company": company, "contacts": [hers]}, by=anna)
    deal.refresh_from_db()
    assert (deal.contact, deal.company) == (hers, company)
    assert {(link.role, link.to) for link in deal.links.all()} == {("contact", hers), ("company", company)}


def test_an_amount_is_added_up_in_the_companys_currency(anna: User, deal: Record) -> None:
    Currency.objects.create(code="EUR", rate=Decimal("98.7654"))
    change_record(deal, {"amount": Decimal("10.01"), "currency": "EUR"}, by=anna)
    deal.refresh_from_db()
    assert (deal.amount, deal.currency, deal.base_amount) == (Decimal("10.01"), "EUR", Decimal("988.64"))


def test_what_is_deleted_comes_back(olga: User, anna: User, deal: Record) -> None:
    with pytest.raises(PermissionDenied):
        delete_records([deal], by=anna)
    assert delete_records([deal], by=olga) == [deal]
    assert delete_records([deal], by=olga) == []
    with pytest.raises(Record.DoesNotExist):
        change_record(deal, {"title": "Tables"}, by=olga)
    assert not Record.objects.there().exists()
    assert bring_back_records([deal], by=olga) == [deal]
    assert Record.objects.there().get().deleted_by is None


def test_what_is_deleted_is_so_since_one_moment_and_told_of(olga: User, anna: User, deal: Record) -> None:
    other = added("deal", anna, "Other")
    delete_records([deal], by=None)
    deal.refresh_from_db()
    deleted_at = deal.deleted_at
    assert delete_records([deal, other], by=olga) == [other]
    deal.refresh_from_db()
    assert (deal.deleted_at, deal.deleted_by) == (deleted_at, None)
    # The portal itself brings back what it likes.
    assert set(bring_back_records([deal, other], by=None)) == {deal, other}
    kinds = ("crm.RecordsDeleted", "crm.RecordsBroughtBack")
    told = Event.objects.filter(kind__in=kinds).order_by("pk")
    assert [(one.kind, one.payload["record_ids"], one.payload["by_id"]) for one in told] == [
        (kinds[0], [deal.pk], None), (kinds[0], [other.pk], olga.pk), (kinds[1], [deal.pk, other.pk], None)
    ]  # fmt: skip
    delete_records([deal], by=olga)
    with pytest.raises(PermissionDenied):
        bring_back_records([deal], by=anna)


def test_who_watches_is_told_of_where_that_changes(
    anna: User, boris: User, cara: User, deal: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[tuple[list[int], list[int]]]:
        rows = Event.objects.filter(kind="crm.ObserversChanged").order_by("pk")
        return [(row.payload["user_ids"], row.payload["former_ids"]) for row in rows]

    for observers in ([boris], [boris], [boris, cara], [cara]):
        change_record(deal, {"observers": observers}, by=anna)
    assert told() == [([boris.pk], []), ([cara.pk], []), ([], [boris.pk])]
    monkeypatch.setattr("box.apps.crm.actions.records.MOST_OBSERVERS", 1)
    change_record(deal, {"observers": [boris]}, by=anna)
    with pytest.raises(ValidationError, match="At most 1"):
        change_record(deal, {"observers": [boris, cara]}, by=anna)


def test_a_link_to_a_client_goes_with_the_client_and_comes_again(anna: User, deal: Record) -> None:
    rose, paul, ines = (added("contact", anna, first_name=name) for name in ("Rose", "Paul", "Ines"))

    def linked() -> list[Record]:
        return [one.to for one in deal.links.order_by("rank", "id")]

    change_record(deal, {"contacts": [rose, paul, ines]}, by=anna)
    assert linked() == [rose, paul, ines]
    # Whom one speaks with first stays first.
    change_record(deal, {"contacts": [ines, paul]}, by=anna)
    assert linked() == [rose, ines, paul]
    change_record(deal, {"contacts": [rose]}, by=anna)
    assert linked() == [rose]
    # What else is changed leaves them.
    change_record(deal, {"title": "Tables"}, by=anna)
    assert linked() == [rose]


def test_an_entity_of_which_no_stage_stands_begins_nowhere(anna: User) -> None:
    Stage.objects.filter(pipeline__type__slug="deal").update(retired_at=timezone.now())
    with pytest.raises(ValidationError, match="have no stage yet"):
        added("deal", anna)


def test_a_companys_own_entity_is_an_record_like_any_other(anna: User) -> None:
    repairs = add_type("repair", "Repairs", has_stages=True, has_client=True, has_amount=False, by=None)
    assert repairs.pk >= 1030
    made = add_record(NewRecord(type=repairs, responsible=anna, title="A chair's leg"), by=anna)
    assert made.stage is not None
    assert (made.ref.kind, made.stage.code) == ("crm.record", "NEW")


def test_who_has_left_is_given_nothing_new(anna: User, boris: User, deal: Record) -> None:
    boris.status = boris.Status.DISMISSED
    boris.save(update_fields=["status"])
    with pytest.raises(ValidationError, match="does not work here"):
        change_record(deal, {"responsible": boris}, by=None)
    with pytest.raises(ValidationError, match="does not work here"):
        added("deal", boris)


def test_totals_are_what_records_come_to_whatever_is_done(anna: User, boris: User, cara: User) -> None:
    """Against the records themselves, after every step of a walk at random."""
    chance = random.Random(7)
    stages = [stage_of("deal", code) for code in ("NEW", "EXECUTING", "WON")]
    people = [anna, boris, cara]
    records = [added("deal", chance.choice(people), amount=Decimal(n)) for n in range(6)]
    for _step in range(40):
        record = Record.objects.get(pk=chance.choice(records).pk)
        act = chance.randrange(5)
        if act == 0 and record.deleted_at is None:
            move_record(record, chance.choice(stages), by=None)
        elif act == 1 and record.deleted_at is None:
            change_record(record, {"amount": Decimal(chance.randrange(1000))}, by=None)
        elif act == 2 and record.deleted_at is None:
            change_record(record, {"responsible": chance.choice(people)}, by=None)
        elif act == 3:
            (bring_back_records if record.deleted_at else delete_records)([record], by=None)
        else:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE crm_record SET base_amount = base_amount + 1 WHERE id % 2 = 0")
        assert _totals() == _counted()
    Record.objects.all().delete()
    assert _totals() == {}


def _totals() -> dict[tuple[int, int], tuple[int, Decimal]]:
    rows = StageTotal.objects.exclude(count=0, amount=0)
    return {(row.stage_id, row.responsible_id): (row.count, row.amount) for row in rows}


def _counted() -> dict[tuple[int, int], tuple[int, Decimal]]:
    rows = (
        Record.objects.there().values_list("stage", "responsible").annotate(Count("pk"), Sum("base_amount"))
    )
    return {(stage, person): (count, amount) for stage, person, count, amount in rows}


def test_the_sum_above_a_column_is_for_those_who_see_the_cards(anna: User, cara: User, olga: User) -> None:
    allow(employees_role(), "t2", Level.OWN)
    mine, hers = added("deal", anna, amount=Decimal(10)), added("deal", cara, amount=Decimal(5))
    assert set(StageTotal.objects.visible_to(anna).values_list("amount", flat=True)) == {mine.amount}
    assert set(StageTotal.objects.visible_to(olga).values_list("amount", flat=True)) == {
        mine.amount,
        hers.amount,
    }
    change_record(mine, {"observers": [cara]}, by=anna)
    assert set(StageTotal.objects.visible_to(cara).values_list("amount", flat=True)) == {hers.amount}


def test_an_records_audience_is_made_of_one_rule(anna: User, cara: User, deal: Record) -> None:
    held = change_record(deal, {"observers": [cara]}, by=anna)
    assert held.audience == audience_of(held, anna, [cara.pk])
    assert f"U{cara.pk}" in held.audience
    assert timedelta(0) <= held.changed_at - deal.created_at


def test_numbers_that_are_taken_over_were_changed_when_they_were_there(anna: User) -> None:
    record, then = added("company", anna), timezone.now() - timedelta(days=400)
    with importing(at=then):
        change_record(record, {"reached_by": [Reach("phone", "+79161234567")]}, by=anna)
    record.refresh_from_db()
    assert record.changed_at == then
