"""Sources, currencies, units and rates of VAT: a page each, all of one make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.crm.actions import dictionaries as actions
from box.apps.crm.models import Currency, LossReason, Source, Unit, VatRate
from box.apps.crm.setup.access import only_administrators, setup_page
from box.apps.crm.setup.forms import CurrencyForm, NameForm, UnitForm, VatForm

if TYPE_CHECKING:
    from django.db.models import Model
    from django.forms import Form
    from django.http import HttpResponse
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest


@dataclass(frozen=True)
class Entry:
    """A row as the page shows it; `form` changes it, where it can be."""

    key: str
    label: str
    form: Form | None = None
    is_retired: bool = False
    is_fixed: bool = False


class Dictionary(ABC):
    key: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    about: ClassVar[_StrOrPromise]
    form: ClassVar[type[Form]]
    has_order: ClassVar[bool] = False
    # What is used is retired; what is not can be removed.
    is_retired_only: ClassVar[bool] = False

    @abstractmethod
    def entries(self) -> Sequence[Entry]: ...

    @abstractmethod
    def found(self, key: str) -> Model | None: ...

    @abstractmethod
    def save(self, row: Any, data: Mapping[str, Any], *, by: User) -> object:
        """Adds one, or changes the row."""

    def place(self, row: Any, step: int, *, by: User) -> object:
        raise Http404

    @abstractmethod
    def remove(self, row: Any, *, by: User) -> object: ...

    def bring_back(self, row: Any, *, by: User) -> object:
        raise Http404


class RankedRows(Dictionary):
    """What is called by a name, in an order, and retired where records have it."""

    form = NameForm
    has_order = is_retired_only = True
    model: ClassVar[type[Source | LossReason]]

    def entries(self) -> Sequence[Entry]:
        rows: list[Source | LossReason] = list(self.model.objects.all())
        ordered = sorted(rows, key=lambda one: (one.retired_at is not None, one.rank, one.pk))
        return [
            Entry(str(one.pk), str(one), NameForm(initial={"name": str(one)}), one.retired_at is not None)
            for one in ordered
        ]

    def found(self, key: str) -> Source | LossReason | None:
        return self.model.objects.filter(pk=key).first() if key.isdecimal() else None

    def save(self, row: Source | LossReason | None, data: Mapping[str, Any], *, by: User) -> object:
        if row is None:
            return actions.add_ranked(self.model, data["name"], by=by)
        return actions.change_ranked(row, data["name"], by=by)

    def place(self, row: Source | LossReason, step: int, *, by: User) -> object:
        standing = self.model.objects.filter(retired_at=None).order_by("rank", "id")
        places = list(standing.values_list("pk", flat=True))
        now = places.index(row.pk) if row.pk in places else 0
        return actions.place_ranked(row, now + step, by=by)

    def remove(self, row: Source | LossReason, *, by: User) -> object:
        return actions.retire_ranked(row, True, by=by)

    def bring_back(self, row: Source | LossReason, *, by: User) -> object:
        return actions.retire_ranked(row, False, by=by)


class Sources(RankedRows):
    key, label, model = "sources", gettext_lazy("Sources"), Source
    about = gettext_lazy("Where clients come from: reports and the routing of leads tell them apart by it.")


class LossReasons(RankedRows):
    key, label, model = "loss-reasons", gettext_lazy("Loss reasons"), LossReason
    about = gettext_lazy("Why something was lost: whoever moves a deal to a lost stage chooses one.")


class Currencies(Dictionary):
    key, label, form = "currencies", gettext_lazy("Currencies"), CurrencyForm
    about = gettext_lazy(
        "In which amounts are written. Sums are in the company's currency: an amount is counted by the rate"
        " of the day on which it was last changed."
    )

    def entries(self) -> Sequence[Entry]:
        rows = Currency.objects.order_by("-is_base", "code")
        return [
            Entry(
                one.code,
                one.code,
                None
                if one.is_base
                else CurrencyForm(initial={"code": one.code, "rate": f"{one.rate.normalize():f}"}),
                is_fixed=one.is_base,
            )
            for one in rows
        ]

    def found(self, key: str) -> Currency | None:
        return Currency.objects.filter(pk=key).first()

    def save(self, row: Currency | None, data: Mapping[str, Any], *, by: User) -> object:
        return actions.set_currency(row.code if row else data["code"], data["rate"], by=by)

    def remove(self, row: Currency, *, by: User) -> object:
        return actions.remove_currency(row, by=by)


class Units(Dictionary):
    key, label, form = "units", gettext_lazy("Units"), UnitForm
    about = gettext_lazy("In what products are counted.")

    def entries(self) -> Sequence[Entry]:
        return [
            Entry(str(one.pk), str(one), UnitForm(initial={"code": one.code, "symbol": str(one)}))
            for one in Unit.objects.order_by("code")
        ]

    def found(self, key: str) -> Unit | None:
        return Unit.objects.filter(pk=key).first() if key.isdecimal() else None

    def save(self, row: Unit | None, data: Mapping[str, Any], *, by: User) -> object:
        return actions.set_unit(row.code if row else data["code"], data["symbol"], by=by)

    def remove(self, row: Unit, *, by: User) -> object:
        return actions.remove_unit(row, by=by)


class VatRates(Dictionary):
    key, label, form = "vat", gettext_lazy("VAT"), VatForm
    about = gettext_lazy("The rates that products and lines have. What was agreed keeps its rate.")

    def entries(self) -> Sequence[Entry]:
        return [Entry(str(one.pk), str(one)) for one in VatRate.objects.order_by("percent")]

    def found(self, key: str) -> VatRate | None:
        return VatRate.objects.filter(pk=key).first() if key.isdecimal() else None

    def save(self, row: VatRate | None, data: Mapping[str, Any], *, by: User) -> object:
        if row is not None:
            raise Http404
        return actions.add_vat_rate(data["percent"], by=by)

    def remove(self, row: VatRate, *, by: User) -> object:
        return actions.remove_vat_rate(row, by=by)


DICTIONARIES: Mapping[str, Dictionary] = {
    one.key: one for one in (Sources(), LossReasons(), Currencies(), Units(), VatRates())
}


@require_http_methods(["GET", "POST"])
@only_administrators
def dictionary(request: PersonRequest, key: str) -> HttpResponse:
    """GET shows it, POST adds an entry."""
    of = _dictionary(key)
    form = of.form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            of.save(None, form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("crm:setup-dictionary", key)
    context = {"of": of, "entries": of.entries(), "form": form, "dictionaries": list(DICTIONARIES.values())}
    return setup_page(request, "dictionaries", "crm/setup/dictionary.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def entry(request: PersonRequest, key: str, entry: str) -> HttpResponse:
    """`to` moves it up or down, takes it away or brings it back; without one it is changed."""
    of = _dictionary(key)
    row = of.found(entry)
    if row is None:
        raise Http404
    try:
        match request.POST.get("to", ""):
            case "up" | "down" as way:
                of.place(row, -1 if way == "up" else 1, by=request.user)
            case "away":
                of.remove(row, by=request.user)
            case "back":
                of.bring_back(row, by=request.user)
            case _:
                of.save(row, _sent(of, request, entry), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("crm:setup-dictionary", key)


def _sent(of: Dictionary, request: PersonRequest, entry: str) -> dict[str, Any]:
    """What the row's form holds; its code is what the address says."""
    form = of.form({"code": entry[:3], **request.POST.dict()})
    if not form.is_valid():
        raise ValidationError([str(one) for errors in form.errors.values() for one in errors])
    return form.cleaned_data


def _dictionary(key: str) -> Dictionary:
    if key not in DICTIONARIES:
        raise Http404
    return DICTIONARIES[key]
