"""The audit log, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from box.console.access import only_for
from box.console.audit.forms import AuditFilter
from box.core.audit.access import can_read
from box.core.audit.presenters import Shown, erased_people
from box.core.registry.auditing import record
from box.lib.pages import render
from box.lib.tables import export

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest
    from box.core.audit.models import AuditRecord, RecordQuerySet

PAGE = 50


@require_GET
@only_for(can_read)
def records(request: PersonRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    found = list(_behind(form.found(), request.GET.get("before", ""))[: PAGE + 1])
    erased = erased_people()
    shown = [Shown(one, erased) for one in found[:PAGE]]
    last = found[PAGE - 1] if len(found) > PAGE else None
    context: dict[str, Any] = {
        "form": form,
        "records": shown,
        "person": form.cleaned_data.get("by"),
        "address": form.address(),
        "more": f"{last.at.isoformat()},{last.pk}" if last else "",
    }
    return render(request, "console/audit.html", context, blocks="rows")


def _behind(found: RecordQuerySet, cursor: str) -> RecordQuerySet:
    """The page that the cursor names: a moment and the number of its record."""
    at, _comma, pk = cursor.partition(",")
    try:
        return found.before(datetime.fromisoformat(at), int(pk)) if cursor else found
    except (ValueError, OverflowError):
        return found


@require_GET
@only_for(can_read)
def exported(request: PersonRequest) -> HttpResponseBase:
    """All that the filter finds, as a table. That it was taken along is itself a record."""
    form = AuditFilter(request.GET)
    found = form.found()
    record("audit.exported", by_id=request.user.pk, filter=form.address())
    kind = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    head = [_("When"), _("Who"), _("Address"), _("What was done"), _("Kind"), _("Number"), _("Seal")]
    return export(kind, "audit", head, _rows(found))


def _rows(found: RecordQuerySet) -> Iterator[tuple[Any, ...]]:
    one: AuditRecord
    erased = erased_people()
    for one in found.iterator(chunk_size=2000):
        shown = Shown(one, erased)
        yield one.at, shown.who, one.address, shown.sentence, one.kind, one.position, one.seal
