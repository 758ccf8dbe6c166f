"""Papers of a deal, and what is done with one: written in whose name, sent, printed, paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.crm.actions import papers as actions
from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Paper, PaperLink, Payment, Record
from box.apps.crm.papers import sellers, templates_of
from box.apps.crm.views.cards import changeable, changed, not_done
from box.apps.crm.views.lookup import record_at
from box.core.events.nonces import posted_once
from box.core.fields.kinds import number_of as decimal_of
from box.core.files.display import link_to_blob
from box.lib.pages import lead_on, number_of, render

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import QueryDict

    from box.core.accounts.requests import PersonRequest


@require_POST
def papers(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """A quote or an invoice (`kind`) of a deal; an invoice of a quote."""
    found = changeable(request, slug, pk)
    kind = catalog().by_slug.get(request.POST.get("kind", ""))
    if kind is None or not kind.is_paper:
        raise Http404
    try:
        made = posted_once(request, Record, lambda: actions.add_paper(found, kind, by=request.user))
    except ValidationError as error:
        return not_done(error)
    catalog().dress([made])
    return lead_on(request, made.get_absolute_url())


@require_http_methods(["GET", "POST"])
def paper(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """In whose name and by which template it is written."""
    found, one = _paper_at(request, slug, pk)
    there, templates = sellers(), templates_of(one)
    if request.method == "POST":
        given = request.POST
        # What is retired stays where it is chosen.
        seller = _chosen(given, "seller", [*there, one.seller])
        template = _chosen(given, "template", [*templates, one.template])
        actions.change_paper(found, seller=seller, template=template, by=request.user)
        return changed(request, found)
    context = {"record": found, "paper": one, "sellers": there, "templates": templates}
    return render(request, "crm/paper_form.html", context, blocks="form")


def _chosen[M: Model](given: QueryDict, name: str, rows: Sequence[M | None]) -> M | None:
    wanted = number_of(given, name)
    return next((one for one in rows if one is not None and one.pk == wanted), None)


@require_http_methods(["POST", "DELETE"])
def sent(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """POST: the client has it; DELETE takes that back."""
    found, _one = _paper_at(request, slug, pk)
    actions.mark_sent(found, request.method == "POST", by=request.user)
    return changed(request, found)


@require_http_methods(["GET", "POST"])
def pdf(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """POST asks for it, GET leads to it."""
    found = record_at(request, slug, pk)
    if not fields_for(request.user, found.type_id).sees("amount"):
        raise Http404
    one = get_object_or_404(Paper.objects.select_related("pdf"), record=found)
    if request.method == "POST":
        actions.ask_for_pdf(found, by=request.user)
        return changed(request, found)
    if one.pdf is None:
        raise Http404
    address = link_to_blob(one.pdf, name_of(one), host=request.get_host())
    return HttpResponseRedirect(address, headers={"Cache-Control": "no-store"})


def name_of(one: Paper) -> str:
    return f"{catalog().types[one.type_id]} {one.number}.pdf"


@require_POST
def links(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """A way to it for the client, for so many days."""
    found, _one = _paper_at(request, slug, pk)
    days = number_of(request.POST, "days")
    return _done(request, found, lambda: actions.open_link(found, days=days, by=request.user))


@require_http_methods(["DELETE"])
def link(request: PersonRequest, slug: str, pk: int, link_pk: int) -> HttpResponse:
    found, one = _paper_at(request, slug, pk)
    gone = get_object_or_404(PaperLink.objects.select_related("paper__record"), paper=one, pk=link_pk)
    return _done(request, found, lambda: actions.end_link(gone, by=request.user))


@require_POST
def payments(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Money that came for it, or went out for it."""
    found = changeable(request, slug, pk)

    def act() -> object:
        return posted_once(
            request, Payment, lambda: actions.note_payment(found, _payment(request.POST), by=request.user)
        )

    return _done(request, found, act)


@require_http_methods(["DELETE"])
def payment(request: PersonRequest, slug: str, pk: int, payment_pk: int) -> HttpResponse:
    found = changeable(request, slug, pk)
    gone = get_object_or_404(Payment.objects.select_related("record"), record=found, pk=payment_pk)
    return _done(request, found, lambda: actions.remove_payment(gone, by=request.user))


def _payment(given: QueryDict) -> actions.PaymentDraft:
    try:
        amount = decimal_of(given.get("amount", ""))
    except ValueError:
        raise ValidationError(_("Write a number such as 1200 or 12.50.")) from None
    try:
        on = date.fromisoformat(given.get("on", ""))
    except ValueError:
        raise ValidationError(_("Write a date such as 2026-01-31.")) from None
    return actions.PaymentDraft(
        amount=Decimal(amount), on=on, direction=given.get("direction", Payment.Direction.IN),
        note=given.get("note", ""),
    )  # fmt: skip


def _paper_at(request: PersonRequest, slug: str, pk: int) -> tuple[Record, Paper]:
    found = changeable(request, slug, pk)
    return found, get_object_or_404(Paper.objects.select_related("seller", "template"), record=found)


def _done(request: PersonRequest, found: Record, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except ValidationError as error:
        return not_done(error)
    return changed(request, found)
