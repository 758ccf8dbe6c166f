"""Pipelines, stages, lists, products and permissions, set up by whoever administers the CRM."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from box.apps.crm.actions import dictionaries
from box.apps.crm.actions.records import delete_records
from box.apps.crm.actions.setup import (
    add_pipeline,
    add_stage,
    add_type,
    change_type,
    retire_type,
    set_own_permissions,
    set_permission,
)
from box.apps.crm.actions.stages import (
    change_pipeline,
    change_stage,
    place_pipeline,
    place_stage,
    retire_pipeline,
    retire_stage,
    set_demands,
)
from box.apps.crm.catalog import catalog
from box.apps.crm.models import (
    Currency,
    LossReason,
    Permission,
    Pipeline,
    Product,
    Record,
    RecordType,
    Source,
    Stage,
    StageTotal,
    StageVisit,
    Unit,
    VatRate,
)
from box.apps.crm.permissions import Level, Operation, current
from box.apps.crm.setup import PAGES
from box.apps.crm.setup.forms import StageForm
from box.apps.crm.setup.permissions import reach_of
from box.apps.crm.setup.urls import urlpatterns
from box.core.access.actions import built_in_role, create_role, employees_role, grant_role
from box.core.access.models import Role
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.portal.help import page_for
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def stages(pipeline: Pipeline) -> list[str]:
    return [str(stage) for stage in pipeline.stages.standing().in_order()]


def deals() -> Pipeline:
    pipeline = type_of("deal").pipelines.standing().in_order().first()
    assert pipeline is not None
    return pipeline


# Stages


def test_a_stage_is_called_otherwise_for_everybody_and_at_once(olga: User) -> None:
    new = stage_of("deal", "NEW")
    change_stage(new, " First  talk ", "#123456", by=olga)
    new.refresh_from_db()
    assert (str(new), new.color) == ("First talk", "#123456")
    assert str(catalog().stages[new.pk]) == "First talk"


def test_a_stage_that_keeps_its_name_stays_in_the_readers_language(olga: User) -> None:
    change_stage(stage_of("deal", "NEW"), "New", "#123456", by=olga)
    assert stage_of("deal", "NEW").name == ""


def test_stages_are_ordered_among_those_of_their_kind(olga: User) -> None:
    pipeline = deals()
    before = stages(pipeline)
    place_stage(stage_of("deal", "EXECUTING"), 0, by=olga)
    assert stages(pipeline) == ["In work", *[name for name in before if name != "In work"]]
    place_stage(stage_of("deal", "EXECUTING"), 99, by=olga)
    assert stages(pipeline).index("In work") == len(before) - 3
    place_stage(stage_of("deal", "WON"), 0, by=olga)
    assert stages(pipeline)[-2:] == ["Deal won", "Deal lost"]


def test_what_is_in_a_retired_stage_goes_where_it_was_told(olga: User, anna: User) -> None:
    open_one, gone = added("deal", anna, amount=Decimal(100)), added("deal", anna, "in the trash")
    delete_records([gone], by=None)
    won = stage_of("deal", "WON")
    retire_stage(stage_of("deal", "NEW"), into=won, by=olga)
    open_one.refresh_from_db()
    gone.refresh_from_db()
    assert (open_one.stage, gone.stage, open_one.closed_at is None) == (won, won, False)
    visits = StageVisit.objects.filter(record=open_one).order_by("entered_at", "pk")
    assert [(visit.stage_id, visit.left_at is None) for visit in visits] == [
        (stage_of("deal", "NEW").pk, False), (won.pk, True)
    ]  # fmt: skip
    assert StageTotal.objects.get(stage=won).amount == 100
    told = Event.objects.filter(kind="crm.RecordMoved", payload__record_id=open_one.pk)
    assert told.count() == 1


def test_a_deal_is_open_again_where_its_stage_goes_into_an_open_one(olga: User, anna: User) -> None:
    lost = add_stage(deals(), "Too dear", kind=Stage.Kind.LOST, by=olga)
    deal = added("deal", anna, stage=lost)
    retire_stage(lost, into=stage_of("deal", "NEW"), by=olga)
    deal.refresh_from_db()
    assert deal.closed_at is None


def test_whoever_reaches_the_new_stage_reaches_what_came_into_it(olga: User, anna: User, cara: User) -> None:
    apart = add_stage(deals(), "Apart", by=olga)
    set_own_permissions(apart, True, by=olga)
    allow(employees_role(), f"s{apart.pk}", Level.ALL, "read")
    deal = added("deal", anna)
    assert not Record.objects.visible_to(cara).exists()
    retire_stage(stage_of("deal", "NEW"), into=apart, by=olga)
    assert list(Record.objects.visible_to(cara)) == [deal]


def test_nothing_goes_into_a_stage_of_another_type_or_one_that_is_gone(olga: User, anna: User) -> None:
    added("deal", anna)
    for into in (stage_of("lead", "NEW"), stage_of("deal", "NEW")):
        with pytest.raises(ValidationError, match="no such stage"):
            retire_stage(stage_of("deal", "NEW"), into=into, by=olga)
    with pytest.raises(ValidationError, match="first"):
        retire_stage(stage_of("deal", "NEW"), by=olga)


# Pipelines and entities


def test_pipelines_are_named_ordered_and_retired(olga: User, anna: User) -> None:
    first = deals()
    second = add_pipeline(type_of("deal"), "Wholesale", by=olga)
    assert [str(one) for one in catalog().pipelines_of(type_of("deal"))] == ["Deals", "Wholesale"]
    place_pipeline(second, 0, by=olga)
    assert [str(one) for one in catalog().pipelines_of(type_of("deal"))] == ["Wholesale", "Deals"]
    with pytest.raises(ValidationError, match="called so"):
        change_pipeline(first, "wholesale", by=olga)
    deal = added("deal", anna, stage=second.stages.standing().in_order().first())
    with pytest.raises(ValidationError, match="to another pipeline first"):
        retire_pipeline(second, by=olga)
    delete_records([deal], by=None)
    with pytest.raises(ValidationError, match="trash"):
        retire_pipeline(second, by=olga)
    retire_pipeline(first, by=olga)
    assert [str(one) for one in catalog().pipelines_of(type_of("deal"))] == ["Wholesale"]
    with pytest.raises(ValidationError, match="need a pipeline"):
        retire_pipeline(type_of("lead").pipelines.get(), by=olga)


def test_what_stands_is_limited_and_what_is_retired_makes_room(
    monkeypatch: pytest.MonkeyPatch, olga: User
) -> None:
    def entity(name: str) -> RecordType:
        return add_type(name, name, has_stages=False, has_client=False, has_amount=False, by=olga)

    pipeline = deals()
    most = {
        "MOST_TYPES": RecordType.objects.filter(retired_at=None).count(),
        "MOST_PIPELINES": type_of("deal").pipelines.standing().count(),
        "MOST_STAGES": pipeline.stages.standing().count(),
    }
    for name, there in most.items():
        monkeypatch.setattr(f"box.apps.crm.actions.setup.{name}", there + 1)
    hall = entity("Halls")
    add_pipeline(type_of("deal"), "Wholesale", by=olga)
    stage = add_stage(pipeline, "Talks", by=olga)
    with pytest.raises(ValidationError, match="at most"):
        entity("Flats")
    with pytest.raises(ValidationError, match="at most"):
        add_pipeline(type_of("deal"), "Partners", by=olga)
    with pytest.raises(ValidationError, match="at most"):
        add_stage(pipeline, "Trial", by=olga)
    retire_type(hall, True, by=olga)
    retire_stage(stage, by=olga)
    entity("Flats")
    add_stage(pipeline, "Trial", by=olga)


def test_an_entity_without_stages_gets_no_pipeline(olga: User) -> None:
    with pytest.raises(ValidationError, match="have no stages"):
        add_pipeline(type_of("contact"), "Wholesale", by=olga)


def test_only_the_first_pipeline_of_an_entity_needs_no_name(olga: User) -> None:
    with pytest.raises(ValidationError, match="Give the pipeline a name"):
        add_pipeline(type_of("deal"), " ", by=olga)
    second = add_pipeline(type_of("deal"), " Wholesale ", by=olga)
    assert [str(one) for one in catalog().pipelines_of(type_of("deal"))] == ["Deals", "Wholesale"]
    assert [one.code for one in second.stages.standing().in_order()] == [
        "NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"
    ]  # fmt: skip


def test_a_new_stage_stands_behind_the_others_of_its_kind(olga: User) -> None:
    pipeline, before = deals(), stages(deals())
    assert str(catalog().stages[stage_of("deal", "NEW").pk]) == before[0]
    dear = add_stage(pipeline, "Too dear", kind=Stage.Kind.LOST, by=olga)
    add_stage(pipeline, "Talks", by=olga)
    assert [one for one in stages(pipeline) if str(one) == "Too dear"] == stages(pipeline)[-1:]
    assert stages(pipeline).index("Talks") == len(before) - 2
    assert dear.code == f"UC_{dear.pk}"
    assert str(catalog().stages[dear.pk]) == "Too dear"


def test_a_pipeline_is_won_in_one_stage_and_a_code_is_given_once(olga: User) -> None:
    with pytest.raises(ValidationError, match="won in one stage"):
        add_stage(deals(), "Won twice", kind=Stage.Kind.WON, by=olga)
    with pytest.raises(ValidationError, match="of the code NEW"):
        add_stage(deals(), "New again", code="NEW", by=olga)
    gone = add_stage(deals(), "Talks", code="TALKS", by=olga)
    retire_stage(gone, by=olga)
    with pytest.raises(ValidationError, match="is or was"):
        add_stage(deals(), "Talks", code="TALKS", by=olga)
    with pytest.raises(ValidationError, match="Give the stage a name"):
        add_stage(deals(), " ", by=olga)


def test_an_own_entity_has_a_tab_until_it_is_retired(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    sent = {"name": "tender", "plural": "Tenders", "has_stages": "on", "nonce": str(uuid4())}
    for _again in range(2):
        assert browser.post(reverse("crm:setup-types"), sent).status_code == 302
    (tenders,) = [one for one in catalog().standing_types if not one.is_built_in]
    assert b"Tenders" in browser.get(reverse("crm:list", args=[tenders.slug])).content
    browser.post(reverse("crm:setup-type-retirement", args=[tenders.pk]), {"to": "away"})
    assert browser.get(reverse("crm:list", args=[tenders.slug])).status_code == 404
    browser.post(reverse("crm:setup-type-retirement", args=[tenders.pk]), {"to": "back"})
    assert browser.get(reverse("crm:list", args=[tenders.slug])).status_code == 200
    browser.post(reverse("crm:setup-type", args=[tenders.pk]), {"name": "bid", "plural": "Bids"})
    assert b"Bids" in browser.get(reverse("crm:list", args=[tenders.slug])).content


def test_an_entity_has_a_name_of_one_and_of_many_and_its_changes_are_told_once(olga: User) -> None:
    for name, plural in ((" ", "Halls"), ("hall", " ")):
        with pytest.raises(ValidationError, match="of one and of many"):
            add_type(name, plural, has_stages=False, has_client=False, has_amount=False, by=olga)
    hall = add_type(" hall ", " Halls ", has_stages=True, has_client=False, has_amount=False, by=olga)
    assert (hall.name, hall.plural, hall.slug) == ("hall", "Halls", f"halls-{hall.pk}")
    assert hall.pipelines.get().name == ""
    for name, plural in ((" ", "Rooms"), ("room", " ")):
        with pytest.raises(ValidationError, match="of one and of many"):
            change_type(hall, name, plural, by=olga)
    change_type(hall, " room ", " Rooms ", by=olga)
    for is_retired in (True, True, False):
        retire_type(hall, is_retired, by=olga)
    hall.refresh_from_db()
    assert (hall.name, hall.plural, hall.retired_at) == ("room", "Rooms", None)
    told = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary="type").order_by("pk")
    assert [one.payload["change"] for one in told] == ["added", "changed", "retired", "restored"]


def test_what_a_pipeline_or_a_stage_could_not_be_called_is_refused(olga: User) -> None:
    for refused in (
        lambda: add_pipeline(type_of("deal"), "x" * 1000, by=olga),
        lambda: change_pipeline(deals(), "x" * 1000, by=olga),
        lambda: add_stage(deals(), "x" * 1000, by=olga),
        lambda: change_stage(stage_of("deal", "NEW"), "x" * 1000, "#123456", by=olga),
        lambda: change_stage(stage_of("deal", "NEW"), "New", "#" * 1000, by=olga),
    ):
        with pytest.raises(ValidationError):
            refused()


def test_what_the_crm_brings_is_neither_renamed_nor_retired(as_person: Browser, olga: User) -> None:
    deal = type_of("deal")
    browser = as_person(olga)
    browser.post(reverse("crm:setup-type-retirement", args=[deal.pk]), {"to": "away"})
    answer = browser.post(reverse("crm:setup-type", args=[deal.pk]), {"name": "a", "plural": "b"})
    assert answer.status_code == 422
    deal.refresh_from_db()
    assert (deal.retired_at, deal.name) == (None, "")


# Lists


def test_sources_are_added_named_ordered_and_retired(olga: User) -> None:
    fair = dictionaries.add_ranked(Source, "Spring fair", by=olga)
    with pytest.raises(ValidationError, match="of that name"):
        dictionaries.add_ranked(Source, "website", by=olga)
    dictionaries.place_ranked(fair, 0, by=olga)
    assert str(catalog().standing_sources[0]) == "Spring fair"
    dictionaries.change_ranked(fair, "Autumn fair", by=olga)
    dictionaries.retire_ranked(fair, True, by=olga)
    assert fair not in catalog().standing_sources
    assert str(Source.objects.get(pk=fair.pk)) == "Autumn fair"


def test_what_is_retired_takes_no_place_among_those_that_are_offered(olga: User) -> None:
    a, b, c, d = (dictionaries.add_ranked(LossReason, name, by=olga) for name in "abcd")
    dictionaries.retire_ranked(a, True, by=olga)
    dictionaries.place_ranked(d, 1, by=olga)
    assert [str(one) for one in catalog().standing_loss_reasons] == ["b", "d", "c"]
    dictionaries.place_ranked(b, 9, by=olga)
    dictionaries.add_ranked(LossReason, "e", by=olga)
    assert [str(one) for one in catalog().standing_loss_reasons] == ["d", "c", "b", "e"]
    assert c.pk < d.pk


def test_each_change_of_a_list_is_told_once(olga: User) -> None:
    dear = dictionaries.add_ranked(LossReason, "Dear", by=olga)
    for _again in range(2):
        dictionaries.change_ranked(dear, "Too dear", by=olga)
    for is_retired in (True, True, False, False):
        dictionaries.retire_ranked(dear, is_retired, by=olga)
    told = Event.objects.filter(kind="crm.DictionaryChanged").order_by("pk")
    assert [one.payload["change"] for one in told] == ["added", "changed", "retired", "restored"]
    assert {(one.payload["dictionary"], one.payload["by_id"]) for one in told} == {("loss_reason", olga.pk)}


def test_a_name_of_a_list_is_free_again_once_it_is_retired(olga: User) -> None:
    fair = dictionaries.add_ranked(Source, "Fair", by=olga)
    # To itself it may be called as it is.
    dictionaries.change_ranked(fair, "FAIR", by=olga)
    dictionaries.retire_ranked(fair, True, by=olga)
    dictionaries.add_ranked(Source, "fair", by=olga)
    with pytest.raises(ValidationError, match="Give the name"):
        dictionaries.add_ranked(Source, " ", by=olga)


def test_lists_have_so_many_entries_and_no_more(monkeypatch: pytest.MonkeyPatch, olga: User) -> None:
    monkeypatch.setattr(dictionaries, "MOST", Source.objects.filter(retired_at=None).count() + 1)
    fair = dictionaries.add_ranked(Source, "Fair", by=olga)
    with pytest.raises(ValidationError, match="at most"):
        dictionaries.add_ranked(Source, "Club", by=olga)
    dictionaries.retire_ranked(fair, True, by=olga)
    dictionaries.add_ranked(Source, "Club", by=olga)
    monkeypatch.setattr(dictionaries, "MOST_CURRENCIES", 2)
    dictionaries.set_currency("EUR", Decimal(90), by=olga)
    with pytest.raises(ValidationError, match="at most"):
        dictionaries.set_currency("USD", Decimal(80), by=olga)
    # Those that are there get another rate.
    dictionaries.set_currency("EUR", Decimal(91), by=olga)
    monkeypatch.setattr(dictionaries, "MOST", Unit.objects.count() + 1)
    dictionaries.set_unit("839", "set", by=olga)
    with pytest.raises(ValidationError, match="at most"):
        dictionaries.set_unit("840", "pair", by=olga)
    dictionaries.set_unit("839", "sets", by=olga)
    monkeypatch.setattr(dictionaries, "MOST", VatRate.objects.count() + 1)
    dictionaries.add_vat_rate(Decimal(6), by=olga)
    with pytest.raises(ValidationError, match="at most"):
        dictionaries.add_vat_rate(Decimal(7), by=olga)


def test_a_unit_gets_another_sign_and_no_other_does(olga: User) -> None:
    dictionaries.set_unit("839", "set", by=olga)
    pair = dictionaries.set_unit("840", "pair", by=olga)
    before = dict(Unit.objects.exclude(pk=pair.pk).values_list("code", "symbol"))
    assert dictionaries.set_unit("840", "pairs", by=olga) == pair
    assert dict(Unit.objects.exclude(pk=pair.pk).values_list("code", "symbol")) == before
    pair.refresh_from_db()
    assert pair.symbol == "pairs"
    told = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary="unit").order_by("pk")
    assert [one.payload["change"] for one in told] == ["added", "added", "changed"]


@pytest.mark.parametrize(("percent", "is_rate"), [(-1, False), (100, True), (101, False)])
def test_vat_is_between_nothing_and_the_whole_price(percent: int, is_rate: bool, olga: User) -> None:
    if is_rate:
        assert dictionaries.add_vat_rate(Decimal(percent), by=olga).percent == percent
        return
    with pytest.raises(ValidationError, match="Between 0 and 100"):
        dictionaries.add_vat_rate(Decimal(percent), by=olga)


def test_a_currency_stays_while_a_price_is_in_it_and_the_base_always(olga: User, anna: User) -> None:
    euro = dictionaries.set_currency("EUR", Decimal(90), by=olga)
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    draft = dictionaries.ProductDraft(name="Chair", unit=unit, vat=vat, prices={"EUR": Decimal(1)})
    chair = dictionaries.save_product(None, draft, by=olga)
    # A deal of no amount keeps nobody.
    added("deal", anna, currency="EUR")
    for currency in (euro, Currency.objects.get(is_base=True)):
        with pytest.raises(ValidationError, match="it stays"):
            dictionaries.remove_currency(currency, by=olga)
    chair.delete()
    dictionaries.remove_currency(euro, by=olga)
    assert not Currency.objects.filter(pk="EUR").exists()


def test_loss_reasons_are_offered_until_they_are_retired(as_person: Browser, olga: User, anna: User) -> None:
    browser = as_person(olga)
    browser.post(reverse("crm:setup-dictionary", args=["loss-reasons"]), {"name": "Too dear"})
    (dear,) = catalog().standing_loss_reasons
    deal = added("deal", anna, loss_reason=dear)
    browser.post(reverse("crm:setup-entry", args=["loss-reasons", dear.pk]), {"to": "away"})
    assert catalog().standing_loss_reasons == ()
    deal.refresh_from_db()
    assert str(deal.loss_reason) == "Too dear"


def test_a_rate_counts_from_the_next_change_on(olga: User, anna: User) -> None:
    euro = dictionaries.set_currency("eur", Decimal(90), by=olga)
    deal = added("deal", anna, amount=Decimal(10), currency="EUR")
    dictionaries.set_currency("EUR", Decimal(100), by=olga)
    deal.refresh_from_db()
    assert deal.base_amount == 900
    with pytest.raises(ValidationError, match="it stays"):
        dictionaries.remove_currency(euro, by=olga)


@pytest.mark.parametrize(("code", "rate"), [("EURO", 1), ("Е1Р", 1), ("EUR", 0), ("EUR", -1), ("RUB", 2)])
def test_what_is_no_currency_is_refused(code: str, rate: int, olga: User) -> None:
    with pytest.raises(ValidationError):
        dictionaries.set_currency(code, Decimal(rate), by=olga)
    assert list(Currency.objects.values_list("code", "rate")) == [("RUB", Decimal(1))]


def test_units_and_rates_stay_while_products_have_them(olga: User) -> None:
    unit = dictionaries.set_unit("839", "set", by=olga)
    rate = dictionaries.add_vat_rate(Decimal(5), by=olga)
    draft = dictionaries.ProductDraft(name="Chairs", unit=unit, vat=rate, prices={"RUB": Decimal(100)})
    product = dictionaries.save_product(None, draft, by=olga)
    with pytest.raises(ValidationError, match="it stays"):
        dictionaries.remove_unit(unit, by=olga)
    with pytest.raises(ValidationError, match="it stays"):
        dictionaries.remove_vat_rate(rate, by=olga)
    product.delete()
    dictionaries.remove_unit(unit, by=olga)
    dictionaries.remove_vat_rate(rate, by=olga)
    assert not Unit.objects.filter(code="839").exists()
    assert not VatRate.objects.filter(percent=5).exists()
    with pytest.raises(ValidationError, match="such a rate"):
        dictionaries.add_vat_rate(Decimal(10), by=olga)


def test_lists_are_changed_on_their_pages(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    browser.post(reverse("crm:setup-dictionary", args=["sources"]), {"name": "Fair"})
    fair = Source.objects.get(name="Fair")
    entry = reverse("crm:setup-entry", args=["sources", fair.pk])
    browser.post(entry, {"name": "Big fair"})
    for to in ("up", "away"):
        browser.post(entry, {"to": to})
    fair.refresh_from_db()
    assert (fair.name, fair.retired_at is None) == ("Big fair", False)
    browser.post(entry, {"to": "back"})
    fair.refresh_from_db()
    assert fair.retired_at is None
    browser.post(reverse("crm:setup-dictionary", args=["currencies"]), {"code": "usd", "rate": "80,5"})
    assert Currency.objects.get(pk="USD").rate == Decimal("80.5")
    browser.post(reverse("crm:setup-entry", args=["currencies", "USD"]), {"rate": "81"})
    assert Currency.objects.get(pk="USD").rate == 81
    browser.post(reverse("crm:setup-entry", args=["currencies", "USD"]), {"to": "away"})
    assert not Currency.objects.filter(pk="USD").exists()
    for key in ("sources", "loss-reasons", "currencies", "units", "vat"):
        assert browser.get(reverse("crm:setup-dictionary", args=[key])).status_code == 200
    assert browser.get(reverse("crm:setup-dictionary", args=["nothing"])).status_code == 404


# Products


def test_a_product_is_added_once_priced_and_taken_out_of_sale(as_person: Browser, olga: User) -> None:
    dictionaries.set_currency("EUR", Decimal(90), by=olga)
    browser, nonce = as_person(olga), str(uuid4())
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    sent = {
        "name": "Chair", "article": "C-1", "unit": unit.pk, "vat": vat.pk, "price-RUB": "100",
        "price-EUR": "1.5",
    }  # fmt: skip
    for _again in range(2):
        browser.post(reverse("crm:setup-new-product"), {**sent, "nonce": nonce})
    chair = Product.objects.get()
    assert dict(chair.prices.values_list("currency_id", "amount")) == {"RUB": 100, "EUR": Decimal("1.5")}
    page = reverse("crm:setup-product", args=[chair.pk])
    browser.post(page, {**sent, "price-EUR": "", "nonce": str(uuid4())})
    assert dict(chair.prices.values_list("currency_id", "amount")) == {"RUB": 100}
    again = browser.post(reverse("crm:setup-new-product"), {**sent, "nonce": str(uuid4())})
    assert (again.status_code, b"has this article" in again.content) == (422, True)
    browser.post(page, {"to": "away"})
    assert not Product.objects.sold().exists()
    listed = browser.get(reverse("crm:setup-products"), {"state": "sold"}).content
    assert b"Chair" not in listed
    assert b"Chair" in browser.get(reverse("crm:setup-products"), {"state": "retired"}).content


def test_a_product_that_is_sold_no_more_is_so_since_one_moment_and_told_of(olga: User) -> None:
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    chair, table = (
        dictionaries.save_product(
            None,
            dictionaries.ProductDraft(name=name, article=f" {name} ", about=" Oak ", unit=unit, vat=vat),
            by=olga,
        )
        for name in ("Chair", "Table")
    )
    assert (chair.article, chair.about) == ("Chair", "Oak")
    with pytest.raises(ValidationError):
        draft = dictionaries.ProductDraft(name="x", article="x" * 1000, unit=unit, vat=vat)
        dictionaries.save_product(None, draft, by=olga)
    dictionaries.retire_product(chair, True, by=olga)
    retired_at = Product.objects.get(pk=chair.pk).retired_at
    dictionaries.retire_product(chair, True, by=olga)
    assert Product.objects.get(pk=chair.pk).retired_at == retired_at
    assert list(Product.objects.sold()) == [table]
    dictionaries.retire_product(chair, False, by=olga)
    told = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary="product").order_by("pk")
    assert [(one.payload["name"], one.payload["change"]) for one in told] == [
        ("Chair", "added"), ("Table", "added"), ("Chair", "retired"), ("Chair", "restored")
    ]  # fmt: skip


def test_a_product_is_given_away_for_nothing_and_never_sold_below(olga: User) -> None:
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)

    def draft(amount: int) -> dictionaries.ProductDraft:
        return dictionaries.ProductDraft(name="Chair", unit=unit, vat=vat, prices={"RUB": Decimal(amount)})

    chair = dictionaries.save_product(None, draft(0), by=olga)
    with pytest.raises(ValidationError, match="not negative"):
        dictionaries.save_product(chair, draft(-1), by=olga)
    # Two that have no article are not one of another.
    assert dictionaries.save_product(None, draft(5), by=olga) != chair
    assert dict(chair.prices.values_list("currency_id", "amount")) == {"RUB": 0}


def test_the_catalogue_costs_the_same_for_many(as_person: Browser, olga: User) -> None:
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)

    def add(name: str) -> None:
        draft = dictionaries.ProductDraft(name=name, unit=unit, vat=vat, prices={"RUB": Decimal(100)})
        dictionaries.save_product(None, draft, by=olga)

    browser = as_person(olga)
    add("Chair 0")
    browser.get(reverse("crm:setup-products"))
    with CaptureQueriesContext(connection) as for_one:
        browser.get(reverse("crm:setup-products"))
    for number in range(1, 30):
        add(f"Chair {number}")
    with CaptureQueriesContext(connection) as for_many:
        browser.get(reverse("crm:setup-products"))
    assert len(for_many) == len(for_one)


# Permissions


def test_the_matrix_is_saved_cell_by_cell(as_person: Browser, olga: User, anna: User, boris: User) -> None:
    hers = added("deal", anna)
    scope = type_of("deal").scope
    page = reverse("crm:setup-role", args=["employees"])
    assert not Record.objects.visible_to(boris).exists()
    browser = as_person(olga)
    browser.post(page, {f"{scope}-read": "2"})
    assert list(Record.objects.visible_to(boris)) == [hers]
    # What the form does not name stays, and an empty one is as usual.
    browser.post(page, {f"{scope}-delete": "4"})
    assert Permission.objects.count() == 2
    browser.post(page, {f"{scope}-read": "", f"{scope}-delete": "4"})
    assert Permission.objects.count() == 1
    assert not Record.objects.visible_to(boris).exists()
    assert browser.post(page, {f"{scope}-read": "9"}).status_code == 404


def test_only_pipelines_of_which_there_are_several_and_stages_apart_stand_in_the_matrix(
    as_person: Browser, olga: User
) -> None:
    browser, page = as_person(olga), reverse("crm:setup-role", args=["employees"])
    pipeline = deals()
    assert f"p{pipeline.pk}-read" not in browser.get(page).content.decode()
    add_pipeline(type_of("deal"), "Wholesale", by=olga)
    stage = stage_of("deal", "NEW")
    set_own_permissions(stage, True, by=olga)
    text = browser.get(page).content.decode()
    assert f"p{pipeline.pk}-read" in text
    assert f"s{stage.pk}-read" in text


def test_a_stage_apart_is_a_scope_at_once_and_takes_its_permissions_along_when_it_is_none(olga: User) -> None:
    stage, role = stage_of("deal", "NEW"), employees_role()
    scope = f"s{stage.pk}"
    assert scope not in current().scopes
    with pytest.raises(ValidationError, match="nothing of that kind"):
        set_permission(role, scope, Operation.READ, Level.ALL, by=olga)
    set_own_permissions(stage, True, by=olga)
    assert scope in current().scopes
    set_permission(role, scope, Operation.READ, Level.ALL, by=olga)
    set_permission(role, type_of("deal").scope, Operation.READ, Level.OWN, by=olga)
    set_own_permissions(stage, False, by=olga)
    assert scope not in current().scopes
    assert [one.scope for one in Permission.objects.all()] == [type_of("deal").scope]


def test_each_reach_that_is_given_is_told(olga: User) -> None:
    role, scope = employees_role(), type_of("deal").scope
    for level in (Level.ALL, Level.OWN, None):
        set_permission(role, scope, Operation.READ, level, by=olga)
    assert not Permission.objects.exists()
    told = Event.objects.filter(kind="crm.PermissionChanged").order_by("pk")
    said = {"role_id": role.pk, "role": str(role), "scope": scope, "operation": "read", "by_id": olga.pk}
    assert [one.payload for one in told] == [{**said, "level": level} for level in ("all", "own", "")]


def test_each_change_of_a_pipeline_is_told_once(olga: User) -> None:
    def told() -> list[tuple[int, int | None]]:
        rows = Event.objects.filter(kind="crm.PipelineChanged").order_by("pk")
        found = [(row.payload["pipeline_id"], row.payload["by_id"]) for row in rows]
        rows.delete()
        return found

    second = add_pipeline(type_of("deal"), "Wholesale", by=olga)
    once = [(second.pk, olga.pk)]
    assert told() == once
    change_pipeline(second, " Large  clients ", by=olga)
    assert told() == once
    second.refresh_from_db()
    assert second.name == "Large clients"
    place_pipeline(second, 0, by=olga)
    assert told() == once
    stage = add_stage(second, "Talks", color="#123456", by=olga)
    assert told() == once
    assert stage.color == "#123456"
    changes: list[Callable[[], object]] = [
        lambda: change_stage(stage, "Talk", "#654321", by=olga),
        lambda: place_stage(stage, 0, by=olga),
        lambda: set_demands(stage, ["amount"], by=olga),
        lambda: set_own_permissions(stage, True, by=olga),
        lambda: retire_stage(stage, by=olga),
        lambda: retire_pipeline(second, by=olga),
    ]
    for change in changes:
        change()
        assert told() == once
    set_own_permissions(stage, True, by=olga)
    assert told() == []


def test_what_administrators_may_is_not_limited(olga: User) -> None:
    administrators = built_in_role(Role.Key.ADMINISTRATORS)
    with pytest.raises(ValidationError, match="may do everything"):
        set_permission(administrators, type_of("deal").scope, Operation.READ, Level.OWN, by=olga)


def test_who_reaches_what_is_said_with_the_role_that_lets_them(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    role = create_role("Sellers", [], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    allow(role, type_of("deal").scope, Level.ALL, "read")
    rows = {str(row.scope.label): row.levels for row in reach_of(anna.name, olga).rows}
    assert rows["Deals"][0] == (Level.ALL, "Sellers")
    assert rows["Leads"][0] == (Level.OWN, "All employees")
    assert {str(row.scope.label): row.levels for row in reach_of(boris.name, olga).rows}["Deals"][0] == (
        Level.OWN, "All employees"
    )  # fmt: skip
    assert reach_of(olga.name, olga).is_everything
    assert reach_of("Nobody At All", olga).person is None
    page = as_person(olga).get(reverse("crm:setup-role", args=["employees"]), {"person": anna.name})
    assert b"Sellers" in page.content


def test_a_right_of_its_own_opens_the_settings(as_person: Browser, olga: User, anna: User) -> None:
    assert as_person(anna).get(reverse("crm:setup")).status_code == 404
    role = create_role("Sales heads", ["crm.administer"], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    browser = as_person(anna)
    assert browser.get(reverse("crm:setup"), follow=True).status_code == 200
    assert b"/crm/settings/" in browser.get(reverse("crm:list", args=["deal"])).content


def test_the_log_tells_who_set_up_what(as_person: Browser, olga: User) -> None:
    as_person(olga).post(
        reverse("crm:setup-role", args=["employees"]), {f"{type_of('deal').scope}-read": "4"}
    )
    dictionaries.add_ranked(Source, "Fair", by=olga)
    deliver_all()
    page = as_person(olga).get("/console/audit/").content.decode()
    assert "See in Deals: everything" in page
    assert "CRM’s sources: Fair" in page or "CRM's sources: Fair" in page.replace("&#39;", "'")
    assert AuditRecord.objects.filter(by_id=olga.pk, kind="crm.permission").count() == 1


def test_the_settings_read_in_russian(as_person: Browser, olga: User) -> None:
    olga.language = "ru"
    olga.save()
    browser = as_person(olga)
    assert "Воронки и стадии" in browser.get(reverse("crm:setup"), follow=True).content.decode()
    assert "Кто что видит" in browser.get(reverse("crm:setup-role", args=["employees"])).content.decode()


def test_every_page_of_the_settings_has_its_help() -> None:
    things = {"slug": "deal", "pk": 1, "key": "units", "entry": "1", "type_slug": "deal"}
    for pattern in urlpatterns:
        wanted = pattern.pattern.converters.keys()
        address = reverse(f"crm:{pattern.name}", kwargs={name: things[name] for name in wanted})
        assert page_for(address) == ("crm-settings" if pattern.name in PAGES else "crm")


def test_a_stage_demands_what_its_records_show(olga: User) -> None:
    def offered(stage: Stage) -> str:
        return str(StageForm(stage)["demands"])

    won = stage_of("deal", "WON")
    assert all(f'value="{name}"' in offered(won) for name in ("amount", "contacts", "loss_reason"))
    assert not any(f'value="{name}"' in offered(won) for name in ("phone", "address", "tax_number"))
    assert 'value="phone"' in offered(stage_of("lead", "NEW"))
    Stage.objects.filter(pk=won.pk).update(demands=["address"])
    assert 'value="address"' in offered(stage_of("deal", "WON")), "so that it can be taken away"
