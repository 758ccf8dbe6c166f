"""What a field may point at, offered while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.views.decorators.http import require_GET

from box.core.registry.capabilities import finders
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

LONGEST = 200


@require_GET
def options(request: PersonRequest, kind: str) -> HttpResponse:
    """Those of this kind that the reader may see and may mean by `q`: what is not said is not offered."""
    if kind not in finders:
        raise Http404
    text = request.GET.get("q", "").strip()[:LONGEST]
    found = list(finders[kind](text, request.user)) if text else []
    titles = [card.title for card in found]
    names = [
        card.title if titles.count(card.title) == 1 else f"{card.title} #{card.ref.id}" for card in found
    ]
    return render(request, "fields/options.html", {"names": names, "text": text}, blocks="options")
