"""Drafts as the page's script asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.core.drafts.actions import Newer, draft_at, drop_draft, keep_draft
from box.core.registry.environment import format_moment
from box.lib import strict_json

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest
    from box.core.drafts.models import Draft


@require_http_methods(["GET", "POST", "DELETE"])
def draft(request: PersonRequest, place: str) -> HttpResponse:
    """GET says what is kept, POST keeps it (409 with what another browser has written), DELETE drops it."""
    if request.method == "GET":
        kept = draft_at(place, of=request.user)
        return JsonResponse(_said(kept) if kept else {"version": 0})
    if request.method == "DELETE":
        drop_draft(place, by=request.user)
        return HttpResponse(status=204)
    try:
        sent = strict_json.parsed(request.body)
        content, browser, base = sent["content"], str(sent["browser"]), int(sent["base"])
    except (ValueError, KeyError, TypeError):
        return JsonResponse({"error": _("This draft is not understood: reload the page.")}, status=400)
    try:
        kept = keep_draft(place, content, browser=browser, base=base, by=request.user)
    except Newer as other:
        return JsonResponse(_said(other.kept), status=409)
    except ValidationError as error:
        return JsonResponse({"error": " ".join(error.messages)}, status=400)
    return JsonResponse({"version": kept.version})


def _said(kept: Draft) -> dict[str, Any]:
    saved = _("Saved in another browser %(moment)s.") % {"moment": format_moment(kept.saved_at)}
    return {"version": kept.version, "browser": kept.browser, "content": kept.content, "saved": saved}
