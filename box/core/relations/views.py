"""What belongs to an object: for whoever may see the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.core.registry.capabilities import Ref, cards_of
from box.core.relations.actions import check_relatable, relate, unrelate
from box.core.relations.presenters import related_to
from box.core.relations.relatable import ref_at
from box.lib.pages import REFUSED, lead_on, render, wants_part

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest
    from box.core.registry.capabilities import Card


@require_http_methods(["GET", "POST"])
def relations(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    """With POST the object at the address `link` is related to it."""
    ref = Ref(kind, pk)
    card = _card(request, ref)
    problem = ""
    if request.method == "POST":
        check_relatable(ref, by=request.user)
        try:
            relate(ref, [_linked(request)], by=request.user)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            if not wants_part(request):
                return lead_on(request, card.url)
    return _shown(request, card, problem)


@require_http_methods(["DELETE"])
def relation(request: PersonRequest, kind: str, pk: int, other_kind: str, other_pk: int) -> HttpResponse:
    ref = Ref(kind, pk)
    card = _card(request, ref)
    check_relatable(ref, by=request.user)
    unrelate(ref, Ref(other_kind, other_pk), by=request.user)
    return _shown(request, card)


def _card(request: PersonRequest, ref: Ref) -> Card:
    card = cards_of([ref], request.user).get(ref)
    if card is None:
        raise Http404
    return card


def _linked(request: PersonRequest) -> Ref:
    ref = ref_at(request.POST.get("link", ""))
    if ref is None:
        raise ValidationError(_("Paste the link to a page of the portal: a post, a deal, a call, a person."))
    return ref


def _shown(request: PersonRequest, card: Card, problem: str = "") -> HttpResponse:
    related = related_to(card.ref, reader=request.user)
    context = {"related": related, "card": card, "problem": problem}
    status = REFUSED if problem else 200
    return render(request, "relations/relations.html", context, blocks="related", status=status)
