"""One record, with all that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_GET

from box.apps.crm.frame import tabs_for
from box.apps.crm.views.lookup import record_at
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_GET
def record(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    found = record_at(request, slug, pk)
    context = {"tabs": tabs_for(request.user), "kind": found.type, "record": found}
    return render(request, "crm/record.html", context)
