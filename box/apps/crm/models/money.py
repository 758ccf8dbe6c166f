"""Products, and what they cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.records import Record
from box.core.registry.external import external_column, external_index


class Currency(models.Model):
    """`rate`: what one of it is worth in the company's own currency, whose rate is 1."""

    code = models.CharField(_("code"), max_length=3, primary_key=True)
    rate = models.DecimalField(_("rate"), max_digits=18, decimal_places=8)
    is_base = models.BooleanField(default=False)
    decimals = models.PositiveSmallIntegerField(default=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_base"], condition=Q(is_base=True), name="crm_one_base_currency"
            ),
            models.CheckConstraint(condition=Q(rate__gt=0), name="crm_currency_is_worth_something"),
            models.CheckConstraint(condition=Q(is_base=False) | Q(rate=1), name="crm_base_currency_is_one"),
        ]

    def __str__(self) -> str:
        return self.code


class Unit(models.Model):
    """In what a product is counted; codes are those of the all-Russian classifier OKEI."""

    code = models.CharField(_("code"), max_length=4, unique=True)
    # Of a company's own; those that the box brings are named in the reader's language.
    symbol = models.CharField(_("sign"), max_length=20, blank=True)

    def __str__(self) -> str:
        return self.symbol or str(_SYMBOLS.get(self.code, self.code))


class VatRate(models.Model):
    """In per cent; None: without VAT, which is not the same as 0 %."""

    percent = models.DecimalField(_("per cent"), max_digits=5, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["percent"], nulls_distinct=False, name="crm_vat_once"),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gte=0), name="crm_vat_not_negative"
            ),
        ]

    def __str__(self) -> str:
        if self.percent is None:
            return gettext("Without VAT")
        return gettext("VAT %(percent)s%%") % {"percent": f"{self.percent.normalize():f}"}


class ProductQuerySet(models.QuerySet["Product"]):
    def sold(self) -> Self:
        return self.filter(retired_at=None)

    def matching(self, text: str) -> Self:
        found = self
        for word in text.split()[:8]:
            found = found.filter(name__icontains=word)
        return found


class Product(models.Model):
    name = models.CharField(_("name"), max_length=255, db_collation="und-x-icu")
    article = models.CharField(_("article"), max_length=60, blank=True)
    about = models.TextField(_("description"), max_length=20_000, blank=True)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+", verbose_name=_("unit"))
    vat = models.ForeignKey(VatRate, models.PROTECT, related_name="+", verbose_name=_("VAT"))
    is_vat_included = models.BooleanField(_("VAT is in the price"), default=True)
    retired_at = models.DateTimeField(null=True)
    # XML_ID of Bitrix24.
    external_id = external_column()

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["article"], condition=~Q(article=""), name="crm_article_once"),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="crm_product_by_name"),
            external_index("crm_product_external_id"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="crm_product_search"),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    product = models.ForeignKey(Product, models.CASCADE, related_name="prices", db_index=False)
    currency = models.ForeignKey(Currency, models.PROTECT, related_name="+")
    amount = models.DecimalField(_("price"), max_digits=18, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "currency"], name="crm_price_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="crm_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency_id}"


class LineItemQuerySet(models.QuerySet["LineItem"]):
    def in_order(self) -> Self:
        return self.order_by("rank", "id")


class LineItem(models.Model):
    """A product in a deal or a paper, as it was agreed: later changes of the product do not touch it."""

    record = models.ForeignKey(Record, models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=255)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=4, default=Decimal(1))
    # Of one, as it stands in the list of prices.
    price = models.DecimalField(_("price"), max_digits=18, decimal_places=2)
    discount_percent = models.DecimalField(
        _("discount, %"), max_digits=5, decimal_places=2, default=Decimal(0)
    )
    vat_percent = models.DecimalField(_("VAT, %"), max_digits=5, decimal_places=2, null=True)
    is_vat_included = models.BooleanField(default=True)
    rank = models.CharField(max_length=200, db_collation="C")

    objects = LineItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="crm_line_has_quantity"),
            models.CheckConstraint(condition=Q(price__gte=0), name="crm_line_price_not_negative"),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0, discount_percent__lte=100), name="crm_line_discount"
            ),
        ]
        indexes = [models.Index(F("record"), F("rank"), F("id"), name="crm_line_of_record")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"


_SYMBOLS = {
    "796": pgettext_lazy("unit", "pc"),
    "166": pgettext_lazy("unit", "kg"),
    "006": pgettext_lazy("unit", "m"),
    "112": pgettext_lazy("unit", "l"),
    "356": pgettext_lazy("unit", "h"),
}
