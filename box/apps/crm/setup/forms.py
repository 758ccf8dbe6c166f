"""What administrators send when they set up the CRM."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from box.apps.crm.actions.dictionaries import ProductDraft
from box.apps.crm.field_rights import PART_OF, fields_of
from box.apps.crm.fields import DEMANDABLE
from box.apps.crm.inputs import PERSON_KIND, UI
from box.apps.crm.models import Currency, Product, Stage, Unit, VatRate
from box.core.accounts.models import User
from box.core.fields.kinds import number_of
from box.core.lists.presenters import macro
from box.lib.forms import set_choices
from box.lib.pages import numbers_in

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

COLORS = (
    "#4299e1", "#17a2b8", "#7950f2", "#f59f00", "#f76707", "#2fb344", "#74b816", "#d6336c", "#d63939",
    "#667382",
)  # fmt: skip


class Color(forms.TextInput):
    input_type = "color"


class People(forms.SelectMultiple):
    """Found by a part of their names, one after the other: a company may have thousands."""

    def __init__(self, label: _StrOrPromise) -> None:
        super().__init__()
        self.label = label

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        found = User.objects.in_bulk(numbers_in(str(one) for one in value or ()))
        named = {f"U{pk}": one.name for pk, one in found.items()}
        shown = macro(UI, "pick")(name, self.label, PERSON_KIND, "U", named, False)
        return mark_safe(shown)  # noqa: S308 - a template has made it

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        codes = super().value_from_datadict(data, files, name) or []
        return [str(code).removeprefix("U") for code in codes]


class NumberField(forms.DecimalField):
    """Written as people write numbers: `1 500,50`."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if value in self.empty_values:
            return None
        try:
            return number_of(str(value))
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class PipelineForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)


class NewStageForm(forms.Form):
    name = forms.CharField(label=_("Name of the stage"), max_length=100)
    kind = forms.ChoiceField(
        label=_("What has come of it"),
        choices=[(one.value, one.label) for one in Stage.Kind if one != Stage.Kind.WON],
    )
    color = forms.RegexField(r"#[0-9a-fA-F]{6}", label=_("Colour"), widget=Color, initial=COLORS[0])


class StageForm(forms.Form):
    name = forms.CharField(label=_("Name of the stage"), max_length=100)
    color = forms.RegexField(r"#[0-9a-fA-F]{6}", label=_("Colour"), widget=Color)
    demands = forms.MultipleChoiceField(
        label=_("What must be filled in before something comes here"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    has_own_permissions = forms.BooleanField(
        label=_("It has permissions of its own"),
        required=False,
        help_text=_("Otherwise those of its pipeline hold."),
    )

    def __init__(self, stage: Stage, data: Any = None) -> None:
        names = {"name": str(stage), "color": stage.color, "demands": stage.demands}
        super().__init__(data, initial={**names, "has_own_permissions": stage.has_own_permissions})
        shown = fields_of(stage.pipeline.type)
        # Also what it demands already, so that it can be taken away.
        demandable = (
            (name, label)
            for name, label in DEMANDABLE.items()
            if PART_OF.get(name, name) in shown or name in stage.demands
        )
        set_choices(self, "demands", demandable)


class TypeForm(forms.Form):
    name = forms.CharField(label=_("Name of one"), max_length=100, help_text=_("Such as: tender"))
    plural = forms.CharField(label=_("Name of many"), max_length=100, help_text=_("Such as: Tenders"))


class NewTypeForm(TypeForm):
    has_stages = forms.BooleanField(label=_("They go through stages"), required=False, initial=True)
    has_client = forms.BooleanField(label=_("They have a client"), required=False, initial=True)
    has_amount = forms.BooleanField(label=_("They have an amount"), required=False, initial=True)


class NameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)


class CurrencyForm(forms.Form):
    code = forms.CharField(label=_("Code"), max_length=3, help_text=_("Three letters, such as EUR."))
    rate = NumberField(
        label=_("Rate"),
        max_digits=18,
        decimal_places=8,
        help_text=_("What one of it is worth in the company's currency."),
    )


class UnitForm(forms.Form):
    code = forms.CharField(label=_("Code"), max_length=4, help_text=_("Of the classifier OKEI, such as 796."))
    symbol = forms.CharField(label=_("Sign"), max_length=20)


class VatForm(forms.Form):
    percent = NumberField(label=_("Per cent"), max_digits=5, decimal_places=2)


class ProductForm(forms.Form):
    """With a price in each currency that there is."""

    name = forms.CharField(label=_("Name"), max_length=255)
    article = forms.CharField(label=_("Article"), max_length=60, required=False)
    unit = forms.ModelChoiceField(Unit.objects.order_by("code"), label=_("Unit"), empty_label=None)
    vat = forms.ModelChoiceField(VatRate.objects.order_by("percent"), label=_("VAT"), empty_label=None)
    is_vat_included = forms.BooleanField(label=_("VAT is in the price"), required=False)
    about = forms.CharField(
        label=_("Description"), max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, product: Product | None, data: Any = None) -> None:
        initial: dict[str, Any] = {"is_vat_included": True}
        prices: dict[str, Decimal] = {}
        if product is not None:
            names = ("name", "article", "about", "is_vat_included")
            initial = {name: getattr(product, name) for name in names}
            initial |= {"unit": product.unit_id, "vat": product.vat_id}
            prices = dict(product.prices.values_list("currency_id", "amount"))
        super().__init__(data, initial=initial)
        self.codes = list(Currency.objects.order_by("-is_base", "code").values_list("code", flat=True))
        for code in self.codes:
            self.fields[f"price-{code}"] = NumberField(
                label=_("Price, %(code)s") % {"code": code},
                required=False,
                min_value=0,
                max_digits=18,
                decimal_places=2,
                initial=prices.get(code),
            )

    @property
    def draft(self) -> ProductDraft:
        data = self.cleaned_data
        prices = {code: data[f"price-{code}"] for code in self.codes if data[f"price-{code}"] is not None}
        return ProductDraft(
            name=data["name"], article=data["article"], unit=data["unit"], vat=data["vat"],
            about=data["about"], is_vat_included=data["is_vat_included"], prices=prices,
        )  # fmt: skip


def say(form: forms.BaseForm, error: ValidationError) -> None:
    """Below the input that it is about, where the form has one."""
    known = getattr(error, "error_dict", {})
    if known and set(known) <= set(form.fields):
        form.add_error(None, error)
    else:
        form.add_error(None, ValidationError(error.messages))
