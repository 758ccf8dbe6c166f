"""Duplicates: found, made one, and parted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from box.apps.crm.access import can_change
from box.apps.crm.actions.merging import merge_records, take_back_merger
from box.apps.crm.models import Merger, Record
from box.apps.crm.presenters import alike_of
from box.apps.crm.views.cards import changeable
from box.lib.pages import REFUSED, ids_of, lead_on, render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

OTHERS = "other"


@require_http_methods(["GET", "POST"])
def duplicates(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """What is probably the same, and whatever else somebody knows to be; POST makes what was chosen a part of
    this one."""
    kept = changeable(request, slug, pk)
    if kept.type.is_paper:
        raise Http404
    problem = ""
    if request.method == "POST":
        try:
            others = _chosen(request, kept)
            merge_records(kept, others, by=request.user)
            return lead_on(request, kept.get_absolute_url(), _said(len(others)))
        except ValidationError as error:
            problem = " ".join(error.messages)
    found = alike_of(kept, (kept.type_id,), reader=request.user, but=[kept.pk])
    context = {
        "record": kept,
        "problem": problem,
        "alike": [one for one in found if can_change(request.user, one.record)],
        "name": OTHERS,
    }
    return render(request, "crm/duplicates.html", context, blocks="form", status=REFUSED if problem else 200)


def _said(count: int) -> str:
    return ngettext(
        "%(num)s duplicate is a part of it now.", "%(num)s duplicates are a part of it now.", count
    ) % {"num": count}


def _chosen(request: PersonRequest, kept: Record) -> list[Record]:
    """Raises ValidationError where one of them is gone, or was never seen by who asks."""
    ids = set(ids_of(request.POST, OTHERS)) - {kept.pk}
    found = list(Record.objects.visible_to(request.user).there().filter(pk__in=ids))
    if not ids:
        raise ValidationError(_("Choose what is the same as this."))
    if len(found) < len(ids):
        raise ValidationError(_("One of them is not there any more: reload the page."))
    return found


@require_http_methods(["DELETE"])
def merger(request: PersonRequest, slug: str, pk: int, merger_pk: int) -> HttpResponse:
    """Takes it back: what had gone is there again."""
    kept = changeable(request, slug, pk)
    revocable = Merger.objects.revocable(timezone.now()).filter(kept=kept)
    held = get_object_or_404(revocable.seen_by(request.user), pk=merger_pk)
    try:
        parted = take_back_merger(held, by=request.user)
    except ValidationError as error:
        return lead_on(request, kept.get_absolute_url(), " ".join(error.messages))
    said = _("“%(title)s” is there again by itself.") % {"title": parted.title}
    return lead_on(request, kept.get_absolute_url(), said)
