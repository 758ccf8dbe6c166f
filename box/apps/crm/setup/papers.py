"""How papers are written: in whose name, numbered how, by which templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.crm.actions.papers import retire, save_seller, save_template
from box.apps.crm.actions.series import HIGHEST, set_series
from box.apps.crm.models import NumberSeries, PaperTemplate, RecordType, Seller
from box.apps.crm.setup.access import only_administrators, setup_page
from box.apps.crm.setup.forms import Color, say
from box.core.events.nonces import posted_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

_FIELDS = (
    "name", "tax_number", "reason_code", "registration", "address", "phone", "email", "bank", "bank_code",
    "account", "correspondent_account", "director", "accountant",
)  # fmt: skip


class SellerForm(forms.ModelForm[Seller]):
    class Meta:
        model = Seller
        fields = _FIELDS


class TemplateForm(forms.ModelForm[PaperTemplate]):
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    color = forms.RegexField(r"#[0-9a-fA-F]{6}", label=gettext_lazy("Colour"), widget=Color)
    days = forms.IntegerField(
        label=gettext_lazy("For how many days it holds"), min_value=0, max_value=3650,
        help_text=gettext_lazy("Of an invoice: within how many days it is to be paid."),
    )  # fmt: skip

    class Meta:
        model = PaperTemplate
        fields = ("name", "language", "days", "color", "opening", "closing")
        widgets = {"opening": forms.Textarea(attrs={"rows": 3}), "closing": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "opening": gettext_lazy("{client}, {number}, {date}, {until} and {sum} are filled in."),
        }


class SeriesForm(forms.Form):
    pattern = forms.CharField(
        label=gettext_lazy("How a number is written"), max_length=60,
        help_text=gettext_lazy("Such as {year}-{number:4}, which is 2026-0007."),
    )  # fmt: skip
    restart = forms.ChoiceField(label=gettext_lazy("Begins again"), choices=NumberSeries.Restart.choices)
    last = forms.IntegerField(label=gettext_lazy("The last number given"), min_value=0, max_value=HIGHEST)


@require_GET
@only_administrators
def papers(request: PersonRequest) -> HttpResponse:
    series = NumberSeries.objects.select_related("type").order_by("type__order")
    rows = PaperTemplate.objects.select_related("type").order_by("type__order", "pk")
    context = {
        "sellers": Seller.objects.order_by("pk"),
        "templates": rows,
        "series": [(one, _series_form(one, None)) for one in series],
    }
    return setup_page(request, "papers", "crm/setup/papers.html", context)


def _series_form(one: NumberSeries, data: Any) -> SeriesForm:
    names = {"pattern": one.pattern, "restart": one.restart, "last": one.last}
    return SeriesForm(data, initial=names, prefix=str(one.pk))


@require_POST
@only_administrators
def series(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(NumberSeries.objects.select_related("type"), pk=pk)
    form = _series_form(one, request.POST)
    if form.is_valid():
        try:
            set_series(one, **form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Numbers of papers are written so from now on."))
            return redirect("crm:setup-papers")
    for said in form.errors.values():
        messages.error(request, " ".join(map(str, said)))
    return redirect("crm:setup-papers")


@require_http_methods(["GET", "POST"])
@only_administrators
def seller(request: PersonRequest, pk: int) -> HttpResponse:
    """0 is a new one."""
    one = get_object_or_404(Seller, pk=pk) if pk else None
    if one is not None and request.POST.get("to") in {"away", "back"}:
        retire(one, request.POST["to"] == "away", by=request.user)
        return redirect("crm:setup-papers")
    form = SellerForm(request.POST if request.method == "POST" else None, instance=one)
    if form.is_valid():
        fields = {name: form.cleaned_data[name] for name in _FIELDS}
        if _is_saved(request, form, lambda: save_seller(one, fields, by=request.user)):
            return redirect("crm:setup-papers")
    context = {"form": form, "row": one, "title": one or _("A seller")}
    return setup_page(request, "papers", "crm/setup/paper_form.html", context, is_refused=form.is_bound)


@require_http_methods(["GET", "POST"])
@only_administrators
def template(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(PaperTemplate, pk=pk)
    if request.POST.get("to") in {"away", "back"}:
        retire(one, request.POST["to"] == "away", by=request.user)
        return redirect("crm:setup-papers")
    form = TemplateForm(request.POST if request.method == "POST" else None, instance=one)
    if form.is_valid():
        fields = form.cleaned_data
        if _is_saved(request, form, lambda: save_template(one, fields, by=request.user)):
            return redirect("crm:setup-papers")
    context = {"form": form, "row": one, "title": one}
    return setup_page(request, "papers", "crm/setup/paper_form.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def templates(request: PersonRequest) -> HttpResponse:
    """One more: a copy of the first of its type, to be changed."""
    kind = get_object_or_404(RecordType, slug=request.POST.get("kind", ""), pk__in=[7, 31])
    fields = {"type": kind, "name": str(kind), "language": request.LANGUAGE_CODE}
    try:
        made = posted_once(request, PaperTemplate, lambda: save_template(None, fields, by=request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("crm:setup-papers")
    return redirect("crm:setup-template", made.pk)


def _is_saved(request: PersonRequest, form: forms.ModelForm[Any], act: Callable[[], Any]) -> bool:
    """Says so; or in the form, why not."""
    try:
        made = posted_once(request, form._meta.model, act)
    except ValidationError as error:
        say(form, error)
        return False
    messages.success(request, _("“%(name)s” is saved.") % {"name": made})
    return True
