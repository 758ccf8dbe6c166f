"""Sources, loss reasons, currencies, units, rates of VAT and products: what the CRM chooses from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm.actions.checks import check_fields
from box.apps.crm.actions.stages import rank_at
from box.apps.crm.events import DictionaryChanged
from box.apps.crm.models import Currency, LossReason, Price, Product, Record, Source, Unit, VatRate
from box.core.events.outbox import emit
from box.core.registry.settings import raise_version
from box.lib.ranks import between

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST = 200
MOST_CURRENCIES = 30


# Sources and loss reasons: called by a name, in an order, and retired where records have them.

type Ranked = Source | LossReason
_WORDS: Mapping[type[Ranked], str] = {Source: "source", LossReason: "loss_reason"}


@transaction.atomic
def add_ranked(model: type[Ranked], name: str, *, by: User | None) -> Ranked:
    """Raises ValidationError."""
    if model.objects.filter(retired_at=None).count() >= MOST:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST}, code="most")
    last = model.objects.order_by("rank").values_list("rank", flat=True).last()
    made = model(name=_named(model, name), rank=between(last, None))
    check_fields(made, ["name"])
    if isinstance(made, Source):
        made.code = "new"
    made.save()
    if isinstance(made, Source):
        made.code = f"UC_{made.pk}"
        made.save(update_fields=["code"])
    _changed(_WORDS[model], "added", str(made), by)
    return made


@transaction.atomic
def change_ranked(row: Ranked, name: str, *, by: User | None) -> None:
    """What the box brings is called in the reader's language until somebody calls it otherwise."""
    held = type(row).objects.select_for_update().get(pk=row.pk)
    name = _named(type(row), name, held.pk)
    if name == str(held):
        return
    held.name = name
    check_fields(held, ["name"])
    held.save(update_fields=["name"])
    _changed(_WORDS[type(row)], "changed", str(held), by)


@transaction.atomic
def place_ranked(row: Ranked, place: int, *, by: User | None) -> None:
    model = type(row)
    held = model.objects.select_for_update().get(pk=row.pk)
    held.rank = rank_at(model.objects.filter(retired_at=None).order_by("rank", "id"), held, place)
    held.save(update_fields=["rank"])
    raise_version()


@transaction.atomic
def retire_ranked(row: Ranked, is_retired: bool, *, by: User | None) -> None:
    """It is offered no more, or again; what has it keeps it."""
    at = timezone.now() if is_retired else None
    if type(row).objects.filter(pk=row.pk, retired_at__isnull=is_retired).update(retired_at=at):
        _changed(_WORDS[type(row)], "retired" if is_retired else "restored", str(row), by)


def _named(model: type[Ranked], name: str, but: int = 0) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": _("Give the name.")})
    others = model.objects.filter(retired_at=None).exclude(pk=but)
    if name.casefold() in {str(one).casefold() for one in others}:
        raise ValidationError({"name": _("There is one of that name.")})
    return name


@transaction.atomic
def set_currency(code: str, rate: Decimal, *, by: User | None) -> Currency:
    """Adds it, or gives it another rate: what was written in it before keeps the rate of its last change.
    Raises ValidationError."""
    code = code.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ValidationError({"code": _("Three letters, such as EUR.")})
    held = Currency.objects.select_for_update().filter(pk=code).first()
    if held is None and Currency.objects.count() >= MOST_CURRENCIES:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_CURRENCIES})
    if held is not None and held.is_base and rate != 1:
        raise ValidationError({"rate": _("Others are counted in it: its rate is 1.")})
    if rate <= 0:
        raise ValidationError({"rate": _("A currency is worth more than nothing.")})
    is_new, made = held is None, held or Currency(code=code)
    if made.rate == rate:
        return made
    made.rate = rate
    check_fields(made, ["code", "rate"])
    made.save(force_insert=is_new)
    _changed("currency", "added" if is_new else "changed", f"{code}: {rate.normalize():f}", by)
    return made


@transaction.atomic
def remove_currency(currency: Currency, *, by: User | None) -> None:
    """What comes to nothing in it does so in the company's. Raises ValidationError while more is in it."""
    code = currency.code
    written_in = Record.objects.filter(currency=code)
    counted = ~Q(amount=0) | Q(lines__isnull=False) | Q(payments__isnull=False)
    is_used = written_in.filter(counted).exists()
    if currency.is_base or is_used or Price.objects.filter(currency=currency).exists():
        raise ValidationError(_("Something is counted in %(code)s: it stays.") % {"code": code})
    written_in.update(currency=Currency.objects.values_list("code", flat=True).get(is_base=True))
    currency.delete()
    _changed("currency", "removed", code, by)


@transaction.atomic
def set_unit(code: str, symbol: str, *, by: User | None) -> Unit:
    """Adds it, or gives it another sign. Raises ValidationError."""
    code, symbol = code.strip(), " ".join(symbol.split())
    if not symbol:
        raise ValidationError({"symbol": _("Give the sign.")})
    made = Unit.objects.select_for_update().filter(code=code).first() or Unit(code=code)
    is_new = made.pk is None
    if is_new and Unit.objects.count() >= MOST:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST}, code="most")
    if not is_new and symbol == str(made):
        return made
    made.symbol = symbol
    check_fields(made, ["code", "symbol"])
    made.save()
    _changed("unit", "added" if is_new else "changed", symbol, by)
    return made


@transaction.atomic
def remove_unit(unit: Unit, *, by: User | None) -> None:
    """Raises ValidationError while a product is counted in it."""
    name = str(unit)
    if Product.objects.filter(unit=unit).exists():
        raise ValidationError(_("Products are counted in “%(name)s”: it stays.") % {"name": name})
    unit.delete()
    _changed("unit", "removed", name, by)


@transaction.atomic
def add_vat_rate(percent: Decimal, *, by: User | None) -> VatRate:
    """Raises ValidationError."""
    if not 0 <= percent <= 100:
        raise ValidationError({"percent": _("Between 0 and 100 per cent.")})
    if VatRate.objects.filter(percent=percent).exists():
        raise ValidationError({"percent": _("There is such a rate.")})
    if VatRate.objects.count() >= MOST:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST}, code="most")
    made = VatRate(percent=percent)
    check_fields(made, ["percent"])
    made.save()
    _changed("vat", "added", str(made), by)
    return made


@transaction.atomic
def remove_vat_rate(rate: VatRate, *, by: User | None) -> None:
    """What was agreed with it keeps it. Raises ValidationError while a product has it."""
    name = str(rate)
    if Product.objects.filter(vat=rate).exists():
        raise ValidationError(_("Products have “%(name)s”: it stays.") % {"name": name})
    rate.delete()
    _changed("vat", "removed", name, by)


@dataclass(frozen=True, kw_only=True)
class ProductDraft:
    """`prices`: by the currency's code."""

    name: str
    unit: Unit
    vat: VatRate
    article: str = ""
    about: str = ""
    external_id: str = ""
    is_vat_included: bool = True
    prices: Mapping[str, Decimal] = field(default_factory=dict)


@transaction.atomic
def save_product(product: Product | None, draft: ProductDraft, *, by: User | None) -> Product:
    """A new one, or one that there is: lines in which it stands stay as they were agreed. Raises
    ValidationError by field."""
    held = Product.objects.select_for_update().get(pk=product.pk) if product else Product()
    is_new = held.pk is None
    held.name, held.article = " ".join(draft.name.split()), draft.article.strip()
    held.about, held.unit, held.vat = draft.about.strip(), draft.unit, draft.vat
    held.is_vat_included = draft.is_vat_included
    held.external_id = draft.external_id
    check_fields(held, ["name", "article", "about", "external_id"])
    if held.article and Product.objects.filter(article=held.article).exclude(pk=held.pk).exists():
        raise ValidationError({"article": _("Another product has this article.")})
    if any(amount < 0 for amount in draft.prices.values()):
        raise ValidationError({"name": _("A price is not negative.")})
    held.save()
    Price.objects.filter(product=held).exclude(currency__in=list(draft.prices)).delete()
    Price.objects.bulk_create(
        (Price(product=held, currency_id=code, amount=amount) for code, amount in draft.prices.items()),
        update_conflicts=True, unique_fields=["product", "currency"], update_fields=["amount"],
    )  # fmt: skip
    emit(
        DictionaryChanged(
            dictionary="product", change="added" if is_new else "changed", name=held.name,
            by_id=by.pk if by else None,
        )
    )  # fmt: skip
    return held


@transaction.atomic
def retire_product(product: Product, is_retired: bool, *, by: User | None) -> None:
    """It is sold no more, or again."""
    at = timezone.now() if is_retired else None
    if Product.objects.filter(pk=product.pk, retired_at__isnull=is_retired).update(retired_at=at):
        change = "retired" if is_retired else "restored"
        emit(
            DictionaryChanged(
                dictionary="product", change=change, name=product.name, by_id=by.pk if by else None
            )
        )


def _changed(dictionary: str, change: str, name: str, by: User | None) -> None:
    raise_version()
    emit(DictionaryChanged(dictionary=dictionary, change=change, name=name, by_id=by.pk if by else None))
