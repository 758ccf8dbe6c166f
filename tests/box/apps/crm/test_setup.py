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
from box.apps.crm.actions.setup import add_pipeline, add_stage, set_own_permissions
from box.apps.crm.actions.stages import (
    change_pipeline,
    change_stage,
    place_pipeline,
    place_stage,
    retire_pipeline,
    retire_stage,
)
from box.apps.crm.catalog import catalog
from box.apps.crm.models import (
    Currency,
    Permission,
    Pipeline,
    Product,
    Record,
    Source,
    Stage,
    StageTotal,
    StageVisit,
    Unit,
    VatRate,
)
from box.apps.crm.permissions import Level
from box.apps.crm.setup import PAGES
from box.apps.crm.setup.forms import StageForm
from box.apps.crm.setup.permissions import reach_of
from box.apps.crm.setup.urls import urlpatterns
from box.core.access.actions import create_role, employees_role, grant_role
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
