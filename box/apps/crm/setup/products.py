"""The catalogue of products with their prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from box.apps.crm.actions import dictionaries as actions
from box.apps.crm.frame import tabs_for
from box.apps.crm.models import Product
from box.apps.crm.setup.access import PAGES, only_administrators, setup_page
from box.apps.crm.setup.forms import ProductForm
from box.core.events.nonces import posted_once
from box.core.lists.definition import Bulk, Column, Empty, List, Search
from box.core.lists.filters import Choice
from box.core.lists.views import answer
from box.core.registry.environment import format_number, url

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest


def product_list(user: User) -> List[Product]:
    return List(
        key="crm.products",
        title=_("Products"),
        rows=Product.objects.select_related("unit", "vat").prefetch_related("prices"),
        columns=(
            Column("name", gettext_lazy("Name"), lambda one: one.name, sort="name"),
            Column("article", gettext_lazy("Article"), lambda one: one.article),
            Column("prices", gettext_lazy("Price"), _prices),
            Column("unit", gettext_lazy("Unit"), lambda one: str(one.unit)),
            Column("vat", gettext_lazy("VAT"), lambda one: str(one.vat)),
            Column(
                "state", gettext_lazy("State"), lambda one: _("not sold any more") if one.retired_at else ""
            ),
        ),
        filters=(
            Choice(
                "state",
                gettext_lazy("State"),
                narrow=lambda rows, value: (
                    rows if len(value) > 1 else rows.filter(retired_at__isnull=value[0] == "sold")
                ),
                choices=(("sold", gettext_lazy("sold")), ("retired", gettext_lazy("not sold any more"))),
            ),
        ),
        search=Search(
            gettext_lazy("Name of the product"), lambda rows, text: rows.filter(name__icontains=text)
        ),
        bulk=(
            Bulk(
                key="retire",
                label=gettext_lazy("Take out of sale"),
                icon="archive",
                act=lambda row, *, by: actions.retire_product(row, True, by=by),
                done=lambda count: (
                    ngettext(
                        "%(num)s product is not sold any more.",
                        "%(num)s products are not sold any more.",
                        count,
                    )
                    % {"num": count}
                ),
                state=lambda row: row.retired_at is not None,
                restore=lambda row, was, *, by: actions.retire_product(row, bool(was), by=by),
            ),
        ),
        order="name",
        href=lambda one: url("crm:setup-product", one.pk),
        empty=Empty(
            _("No products yet"),
            _("What you sell, with its prices: it is put into deals, quotes and invoices."),
            url("crm:setup-new-product"),
            _("Add a product"),
        ),
    )


def _prices(product: Product) -> list[str]:
    return [
        f"{format_number(one.amount, is_exact=True)}\u00a0{one.currency_id}" for one in product.prices.all()
    ]


@require_http_methods(["GET", "POST"])
@only_administrators
def products(request: PersonRequest) -> HttpResponseBase:
    context = {"tabs": tabs_for(request.user), "pages": PAGES, "page": "products"}
    return answer(request, product_list(request.user), "crm/setup/products.html", context)


@require_http_methods(["GET", "POST"])
@only_administrators
def new_product(request: PersonRequest) -> HttpResponse:
    return _product_page(request, None)


@require_http_methods(["GET", "POST"])
@only_administrators
def product(request: PersonRequest, pk: int) -> HttpResponse:
    """`to` takes it out of sale or brings it back; else it is saved."""
    one = get_object_or_404(Product, pk=pk)
    if request.method == "POST" and request.POST.get("to") in {"away", "back"}:
        actions.retire_product(one, request.POST["to"] == "away", by=request.user)
        return redirect("crm:setup-product", pk)
    return _product_page(request, one)


def _product_page(request: PersonRequest, one: Product | None) -> HttpResponse:
    form = ProductForm(one, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            saved = posted_once(
                request, Product, lambda: actions.save_product(one, form.draft, by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
            return redirect("crm:setup-products")
    return setup_page(
        request,
        "products",
        "crm/setup/product.html",
        {"product": one, "form": form},
        is_refused=form.is_bound,
    )
