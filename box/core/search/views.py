"""Search over everything: people first, then the rest by rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_GET

from box.core.accounts.models import User
from box.core.registry.capabilities import searchables
from box.core.search.forms import PAGE, PEOPLE, SearchForm
from box.core.search.indexing import kinds
from box.core.search.queries import find, with_cards
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

PEOPLE_SUGGESTED = 5
SUGGESTED = 6
PEOPLE_FIRST = 4
MOST_PEOPLE = 50


@require_GET
def results(request: PersonRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    q, kind, number = form.chosen("q"), form.chosen("kind"), form.page_number
    found = []
    if kind != PEOPLE:
        found = find(request.user, form.wanted(), first=(number - 1) * PAGE, most=PAGE + 1)
    most = MOST_PEOPLE if kind == PEOPLE else PEOPLE_FIRST if not kind and number == 1 else 0
    context = {
        "q": q,
        "kind": kind,
        "period": form.chosen("period"),
        "people": people_found(request.user, q, most=most, may_guess=not found) if most else [],
        "found": with_cards(found[:PAGE], request.user),
        "next_page": number + 1 if len(found) > PAGE else None,
        "kinds": [(PEOPLE, None), *kinds()],
        "searchables": searchables,
    }
    return render(request, "search/results.html", context, blocks="rows")


@require_GET
def suggestions(request: PersonRequest) -> HttpResponse:
    """As one types: a few people, and a few of the rest."""
    form = SearchForm(request.GET)
    q = form.chosen("q")
    found = find(request.user, form.wanted(), most=SUGGESTED)
    context = {
        "q": q,
        "people": people_found(request.user, q, most=PEOPLE_SUGGESTED, may_guess=not found),
        "found": found,
        "searchables": searchables,
    }
    return render(request, "search/suggestions.html", context, blocks="found")


def people_found(reader: User, text: str, *, most: int, may_guess: bool) -> list[User]:
    """Whoever is called so; where nobody is and nothing else was found, whoever is called nearly so."""
    if not text.strip():
        return []
    seen = User.objects.visible_to(reader)
    people = seen.exclude(status=User.Status.DISMISSED) if reader.is_extranet else seen.employees()
    if may_guess:
        return list(people.nearest(text, most))
    return list(people.looked_for(text)[:most])
