"""Pipelines, currencies, units, rates of VAT and products for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.access import can_administer
from box.apps.crm.actions import dictionaries, setup, stages
from box.apps.crm.api.records import (
    NOTHING,
    All,
    Changed,
    New,
    OfType,
    One,
    OneOfType,
    declare_method,
    type_of,
)
from box.apps.crm.api.stages import category_of
from box.apps.crm.catalog import catalog
from box.apps.crm.models import Currency, Price, Product, Unit, VatRate
from box.apps.crm.permissions import may_enter
from box.apps.crm.pricing import digits_of
from box.core.registry.filtering import (
    Amount,
    ExternalId,
    Flag,
    Number,
    Related,
    Text,
    condition_of,
    order_of,
)
from box.core.registry.rest import (
    Call,
    Conditions,
    Listing,
    Parameters,
    listed,
    not_found,
    one_text,
    shaped,
    truth,
)

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline
    from box.core.registry.filtering import Filterable

_CATEGORY = {
    "id": "integer", "name": "string", "sort": "integer", "entityTypeId": "integer", "isDefault": "string",
}  # fmt: skip
_PRODUCT = {
    **dict.fromkeys(("ID", "NAME", "CODE", "DESCRIPTION", "ACTIVE", "CURRENCY_ID", "VAT_ID"), "string"),
    "XML_ID": "string",
    **dict.fromkeys(("VAT_INCLUDED", "MEASURE"), "string"),
    "PRICE": "string?",
}
_CURRENCY = dict.fromkeys(("CURRENCY", "AMOUNT_CNT", "AMOUNT", "BASE", "DECIMALS"), "string")
_VAT = dict.fromkeys(("ID", "ACTIVE", "NAME", "RATE"), "string")
_MEASURE = dict.fromkeys(("ID", "CODE", "MEASURE_TITLE", "SYMBOL_RUS"), "string")


# Pipelines


class Renamed(OneOfType):
    FIELDS = Conditions(help_text=gettext_lazy('What it is called: {"name": "Wholesale"}.'))


class NewCategory(OfType):
    FIELDS = Conditions(help_text=gettext_lazy('What it is called: {"name": "Wholesale"}.'))


def categories(call: Call) -> dict[str, Any]:
    """https://apidocs.bitrix24.com/api-reference/crm/universal/category/crm-category-list.html"""
    kind = type_of(_entered(call))
    return {"categories": [_category(one, n) for n, one in enumerate(catalog().pipelines_of(kind), 1)]}


def _category(one: Pipeline, place: int) -> dict[str, Any]:
    first = catalog().pipelines_of(one.type)[0]
    return {
        "id": category_of(one), "name": str(one), "sort": place * 100, "entityTypeId": one.type_id,
        "isDefault": "Y" if one.pk == first.pk else "N",
    }  # fmt: skip


def _found_category(call: Call) -> tuple[Pipeline, int]:
    for place, one in enumerate(catalog().pipelines_of(type_of(_entered(call))), 1):
        if category_of(one) == call.values["ID"]:
            return one, place
    raise not_found(_("There is no such pipeline."))


def category(call: Call) -> dict[str, Any]:
    return {"category": _category(*_found_category(call))}


def add_category(call: Call) -> dict[str, Any]:
    made = setup.add_pipeline(type_of(_administering(call)), _name(call), by=call.user)
    standing = made.type.pipelines.standing().count()
    return {"category": _category(made, standing)}


def change_category(call: Call) -> dict[str, Any]:
    one, place = _found_category(_administering(call))
    stages.change_pipeline(one, _name(call), by=call.user)
    one.refresh_from_db(fields=["name"])
    return {"category": _category(one, place)}


def remove_category(call: Call) -> list[Any]:
    stages.retire_pipeline(_found_category(_administering(call))[0], by=call.user)
    return []


def _name(call: Call) -> str:
    values = {str(key).lower(): value for key, value in call.values["FIELDS"].items()}
    return str(values.get("name") or "")


def _entered(call: Call) -> Call:
    if not may_enter(call.user):
        raise PermissionDenied(_("Your role does not reach that far here."))
    return call


def _administering(call: Call) -> Call:
    if not (may_enter(call.user) and can_administer(call.user)):
        raise PermissionDenied(_("Ask an administrator for the right to set up the CRM."))
    return call


# Money


def currencies(call: Call) -> list[dict[str, Any]]:
    """https://apidocs.bitrix24.com/api-reference/crm/currency/crm-currency-list.html"""
    _entered(call)
    return [
        {
            "CURRENCY": one.code, "AMOUNT_CNT": "1", "AMOUNT": f"{one.rate.normalize():f}",
            "BASE": "Y" if one.is_base else "N", "DECIMALS": str(digits_of(one.code)),
        }
        for one in Currency.objects.order_by("-is_base", "code")
    ]  # fmt: skip


def vats(call: Call) -> list[dict[str, Any]]:
    """https://apidocs.bitrix24.com/api-reference/crm/auxiliary/vat/crm-vat-list.html"""
    _entered(call)
    return [
        {"ID": str(one.pk), "ACTIVE": "Y", "NAME": str(one), "RATE": str(one.percent or "")}
        for one in VatRate.objects.order_by("percent")
    ]


def measures(call: Call) -> list[dict[str, Any]]:
    """https://apidocs.bitrix24.com/api-reference/crm/auxiliary/measure/crm-measure-list.html"""
    _entered(call)
    return [
        {"ID": str(one.pk), "CODE": one.code, "MEASURE_TITLE": str(one), "SYMBOL_RUS": str(one)}
        for one in Unit.objects.order_by("code")
    ]


# Products

_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "NAME": Text("name"),
    "CODE": Text("article"),
    "XML_ID": ExternalId("external_id"),
    "ACTIVE": Flag(Q(retired_at=None)),
    "VAT_ID": Related("vat"),
    "MEASURE": Related("unit"),
    "PRICE": Amount("prices__amount"),
}
_ORDERS = {"ID": "id", "NAME": "name", "XML_ID": "external_id"}


def products(call: Call) -> Listing[Product]:
    """https://apidocs.bitrix24.com/api-reference/crm/outdated/products/crm-product-list.html"""
    _entered(call)
    rows = Product.objects.filter(condition_of(call.values["FILTER"], _FILTERS)).distinct()
    order = order_of("ID", call.values["ORDER"], _ORDERS)
    return Listing(rows.select_related("unit", "vat"), _shown, order)


def _shown(rows: Sequence[Product]) -> list[dict[str, Any]]:
    base = Currency.objects.filter(is_base=True).values_list("code", flat=True).first()
    prices: dict[int, dict[str, Decimal]] = {}
    for price in Price.objects.filter(product__in=rows):
        prices.setdefault(price.product_id, {})[price.currency_id] = price.amount
    return [_product(one, prices.get(one.pk, {}), base or "") for one in rows]


def _product(one: Product, prices: Mapping[str, Decimal], base: str) -> dict[str, Any]:
    code = base if base in prices else next(iter(prices), base)
    return {
        "ID": str(one.pk), "NAME": one.name, "CODE": one.article, "XML_ID": one.external_id,
        "DESCRIPTION": one.about, "ACTIVE": "N" if one.retired_at else "Y", "CURRENCY_ID": code,
        "PRICE": str(prices[code]) if code in prices else None, "VAT_ID": str(one.vat_id),
        "VAT_INCLUDED": "Y" if one.is_vat_included else "N", "MEASURE": str(one.unit_id),
    }  # fmt: skip


def product(call: Call) -> dict[str, Any]:
    return _shown([_found_product(_entered(call))])[0]


def _found_product(call: Call) -> Product:
    found = Product.objects.select_related("unit", "vat").filter(pk=call.values["ID"]).first()
    if found is None:
        raise not_found(_("There is no such product."))
    return found


def add_product(call: Call) -> Product:
    return dictionaries.save_product(None, _draft(_administering(call), None), by=call.user)


def change_product(call: Call) -> bool:
    found = _found_product(_administering(call))
    sent = {str(name).upper(): value for name, value in call.values["FIELDS"].items()}
    dictionaries.save_product(found, _draft(call, found), by=call.user)
    if "ACTIVE" in sent:
        dictionaries.retire_product(found, not truth(sent["ACTIVE"]), by=call.user)
    return True


def remove_product(call: Call) -> bool:
    dictionaries.retire_product(_found_product(_administering(call)), True, by=call.user)
    return True


def _draft(call: Call, there: Product | None) -> dictionaries.ProductDraft:
    """With what is sent in the place of what is there."""
    sent = {str(name).upper(): value for name, value in call.values["FIELDS"].items()}
    prices = dict(there.prices.values_list("currency_id", "amount")) if there else {}
    if "PRICE" in sent:
        base = Currency.objects.get(is_base=True).code
        code = str(sent.get("CURRENCY_ID") or base)
        if not Currency.objects.filter(pk=code).exists():
            raise ValidationError(_("There is no currency %(code)s here.") % {"code": code[:10]})
        prices[code] = _decimal(sent["PRICE"])
    unit = Unit.objects.filter(pk=_id(sent["MEASURE"])).first() if "MEASURE" in sent else None
    vat = VatRate.objects.filter(pk=_id(sent["VAT_ID"])).first() if "VAT_ID" in sent else None
    if there is None:
        unit = unit or Unit.objects.order_by("code").last()
        vat = vat or VatRate.objects.filter(percent=None).first()
    unit, vat = unit or (there.unit if there else None), vat or (there.vat if there else None)
    if unit is None or vat is None:
        raise ValidationError(_("Say in what unit it is counted, and its rate of VAT."))
    is_included = there.is_vat_included if there else True
    return dictionaries.ProductDraft(
        name=str(sent.get("NAME", there.name if there else "")),
        article=str(sent.get("CODE", there.article if there else "")),
        about=str(sent.get("DESCRIPTION", there.about if there else "")),
        external_id=one_text(sent.get("XML_ID", there.external_id if there else "")),
        unit=unit, vat=vat, prices=prices,
        is_vat_included=truth(sent["VAT_INCLUDED"]) if "VAT_INCLUDED" in sent else is_included,
    )  # fmt: skip


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value or 0))
    except ArithmeticError:
        raise ValidationError(_("Write a number.")) from None
    if not number.is_finite():
        raise ValidationError(_("Write a number."))
    return number


def _id(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0


def declare() -> None:
    one = {"type": "object", "properties": {"category": shaped(**_CATEGORY)}}
    many = {"type": "object", "properties": {"categories": listed(**_CATEGORY)}}
    yes, number = {"type": "boolean"}, {"type": "integer"}
    retires = gettext_lazy("Retires a pipeline in which nothing is.")
    adds = gettext_lazy("Adds a product; answers with its number.")
    adds_pipeline = gettext_lazy("Adds a pipeline with usual stages.")
    changes = gettext_lazy("Changes the named fields of a product.")
    rates = gettext_lazy("Currencies with their rates.")
    listing = gettext_lazy("The catalogue of products.")
    all_products, makes = listed(**_PRODUCT), {"makes": Product}
    for name, about, parameters, answer, result, more in (
        ("category.list", gettext_lazy("The pipelines of a type."), OfType, categories, many, {}),
        ("category.get", gettext_lazy("A pipeline."), OneOfType, category, one, {}),
        ("category.add", adds_pipeline, NewCategory, add_category, one, {}),
        ("category.update", gettext_lazy("Calls a pipeline otherwise."), Renamed, change_category, one, {}),
        ("category.delete", retires, OneOfType, remove_category, NOTHING, {}),
        ("currency.list", rates, Parameters, currencies, listed(**_CURRENCY), {}),
        ("vat.list", gettext_lazy("Rates of VAT."), Parameters, vats, listed(**_VAT), {}),
        ("measure.list", gettext_lazy("Units."), Parameters, measures, listed(**_MEASURE), {}),
        ("product.list", listing, All, products, all_products, {"filters": _FILTERS}),
        ("product.get", gettext_lazy("A product."), One, product, shaped(**_PRODUCT), {}),
        ("product.add", adds, New, add_product, number, makes),
        ("product.update", changes, Changed, change_product, yes, {}),
        ("product.delete", gettext_lazy("Takes a product out of sale."), One, remove_product, yes, {}),
    ):
        declare_method(f"crm.{name}", about, parameters, answer, result, **more)
