"""The audit log, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_http_methods

from box.console.access import only_for
from box.console.audit.lists import audit_list
from box.core.audit.access import can_read
from box.core.lists.views import answer

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@only_for(can_read)
def records(request: PersonRequest) -> HttpResponseBase:
    return answer(request, audit_list(request.user), "console/audit.html")
