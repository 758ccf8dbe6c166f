"""What became of an object: for whoever may see the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.views.decorators.http import require_GET

from box.core.history.presenters import history_of
from box.core.registry.capabilities import Ref, cards_of
from box.lib.pages import number_of, render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_GET
def history(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    ref = Ref(kind, pk)
    card = cards_of([ref], request.user).get(ref)
    if card is None:
        raise Http404
    told = history_of(ref, reader=request.user, before=number_of(request.GET, "before"))
    context = {"history": told, "card": card}
    return render(request, "history/history.html", context, blocks="lines")
