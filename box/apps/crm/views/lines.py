"""The lines of products of a record: changed where they stand on its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.crm.actions.lines import set_lines
from box.apps.crm.field_rights import fields_for
from box.apps.crm.lines import drafts_in, found_products, line_of, lines_of, shown, vat_choices
from box.apps.crm.models import Product
from box.apps.crm.views.cards import changeable, changed
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.apps.crm.lines import Lines
    from box.apps.crm.models import Record
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def lines(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """As a form; POST writes them, and shows the card's parts anew."""
    found = _priced(request, slug, pk)
    problem, there, follows = "", lines_of(found), found.follows_lines
    if request.method == "POST":
        follows = bool(request.POST.get("follows"))
        try:
            drafts = drafts_in(request.POST)
            there = shown(drafts, found.currency)
            set_lines(found, drafts, follows=follows, by=request.user)
            return changed(request, found)
        except ValidationError as error:
            problem = " ".join(error.messages)
    context = {**_form_of(found, there), "follows": follows, "problem": problem}
    return render(request, "crm/lines_form.html", context, blocks="form", status=REFUSED if problem else 200)


def _form_of(found: Record, there: Lines) -> dict[str, Any]:
    vats = vat_choices([one.line for one in there.rows])
    return {"record": found, "lines": there, "vats": vats, "follows": True, "problem": "", "wrong": ""}


@require_POST
def sums(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """What the lines of a form come to, while somebody is writing them; nothing is kept."""
    found = _priced(request, slug, pk)
    wrong = ""
    try:
        there = shown(drafts_in(request.POST), found.currency)
    except ValidationError as error:
        wrong, there = " ".join(error.messages), shown([], found.currency)
    context = {**_form_of(found, there), "wrong": wrong}
    return render(request, "crm/lines_form.html", context, blocks="sums")


@require_GET
def products(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Of the catalogue what these words find."""
    found = _priced(request, slug, pk)
    sold = found_products(request.GET.get("text", "")[:200])
    rows = shown([line_of(one, found.currency) for one in sold], found.currency).rows
    context = {"record": found, "products": list(zip(sold, rows, strict=True))}
    return render(request, "crm/lines_products.html", context, blocks="found")


@require_GET
def line(request: PersonRequest, slug: str, pk: int, product_pk: int) -> HttpResponse:
    """A line of a product, as a form holds it; of the number 0 an empty one."""
    found = _priced(request, slug, pk)
    drafts = []
    if product_pk:
        sold = Product.objects.sold().select_related("unit", "vat")
        drafts = [line_of(get_object_or_404(sold, pk=product_pk), found.currency)]
    rows = shown(drafts, found.currency).rows
    context = {"record": found, "row": rows[0] if rows else None, "vats": vat_choices(drafts)}
    return render(request, "crm/lines_row.html", context, blocks="row")


def _priced(request: PersonRequest, slug: str, pk: int) -> Record:
    found = changeable(request, slug, pk)
    if not found.type.has_amount or not fields_for(request.user, found.type_id).sees("lines"):
        raise Http404
    return found
