"""One record, with all that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from box.apps.crm.access import can_change, can_delete
from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.card_parts import MOST_RELATED, parts_of
from box.apps.crm.catalog import catalog
from box.apps.crm.facts import OWN, group_inputs, groups_of, html_of, own_fields
from box.apps.crm.field_rights import fields_for, sees_numbers
from box.apps.crm.frame import tabs_for
from box.apps.crm.inputs import read_all
from box.apps.crm.lines import lines_of
from box.apps.crm.models import Activity, Merger, Record, RecordType
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.moves import Asked, error_of, move_asking
from box.apps.crm.papers import paper_card
from box.apps.crm.presenters import alike_of, money, related_rows, seen_by_id, step_of
from box.apps.crm.timeline import place_in, timeline_of
from box.apps.crm.views.lookup import kept_of, record_at
from box.core.discussion.presenters import talk_below
from box.core.fields.forms import FieldsForm
from box.core.fields.values import values_of
from box.core.push.actions import send
from box.core.registry.capabilities import Ref, made_of_for
from box.lib.pages import REFUSED, lead_on, number_of, render, render_form, wants_part

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import QueryDict

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

PARTS = ("bar", "lines", "paper", "steps", "facts", "robots", "timeline")
"""Of the page, each of which is asked for anew when something has changed."""


@require_http_methods(["GET", "DELETE"])
def record(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    try:
        found = record_at(request, slug, pk)
    except Http404:
        if request.method == "GET" and (kept := kept_of(request, slug, pk)):
            return redirect(kept)
        raise
    if request.method == "DELETE":
        delete_records([found], by=request.user)
        said = _("“%(title)s” is in the trash.") % {"title": found.title}
        return lead_on(request, reverse("crm:list", args=[slug]), said)
    wanted = [one for one in request.GET.get("part", "").split(",") if one in PARTS]
    context = page_of(request, found, is_whole=not wanted)
    if wanted:
        context["is_oob"] = True
    return render(request, "crm/record.html", context, blocks=tuple(wanted) or None)


def page_of(request: PersonRequest, found: Record, *, is_whole: bool = True) -> dict[str, Any]:
    """What the templates of a record's page know."""
    reader, now = request.user, timezone.now()
    fields, parts = fields_for(reader, found.type_id), parts_of(found, now=now)
    named = {*parts.client_ids(found), *parts.paper_numbers, *(parts.related_ids if is_whole else ())}
    if parts.deal_id:
        named.add(parts.deal_id)
    seen = seen_by_id(named, reader)
    timeline = timeline_of(found, reader, before=place_in(request.GET.get("before", "")))
    context = {
        "record": found,
        "kind": found.type,
        "fields": fields,
        "sees_numbers": sees_numbers(reader),
        "amount": money(found.amount, found.currency) if found.amount and fields.sees("amount") else "",
        "may_change": can_change(reader, found),
        "now": now,
        "step": step_of(found, now),
        "steps": timeline.planned,
        "stages": catalog().stages_of(found.pipeline) if found.pipeline else (),
        "groups": groups_of(found, reader, parts, seen),
        "lines": lines_of(found, parts.lines),
        "paper_card": paper_card(found, reader, parts, seen),
        "here": request.build_absolute_uri("/").rstrip("/"),
        "timeline": timeline,
        "runs": parts.runs,
        "kinds": [(one.value, one.label) for one in PLANNED],
    }
    if not is_whole:
        return context
    # As links to its page name it, whatever its kind.
    link = Ref(ANY_RECORD, found.pk)
    is_lead = found.type_id == RecordType.Id.LEAD
    return {
        **context,
        "tabs": tabs_for(reader),
        "link": link,
        "made": [(one, one.address(link)) for one in made_of_for(reader)],
        "may_delete": can_delete(reader, found),
        "can_convert": context["may_change"] and is_lead and not parts.is_converted,
        "mergers": mergers_of(found, reader, now) if parts.is_merged and context["may_change"] else (),
        "related": related_rows(parts.related_ids, seen, reader)[:MOST_RELATED],
        "talk": talk_below(found, reader=reader),
    }


Kind = Activity.Kind
PLANNED = (Kind.CALL, Kind.MEETING, Kind.EMAIL, Kind.TASK, Kind.NOTE, Kind.COMPLAINT, Kind.REQUEST)


def mergers_of(found: Record, reader: User, now: datetime) -> list[Merger]:
    """What became a part of it and can be parted again, as far as the reader saw it; the last first, which is
    the one that can be taken back next."""
    rows = Merger.objects.revocable(now).filter(kept=found).seen_by(reader).newest_first()
    return list(rows.select_related("gone", "by")[:MOST_RELATED])


@require_http_methods(["GET", "POST"])
def facts(request: PersonRequest, slug: str, pk: int, group: str) -> HttpResponse:
    """A group of facts as a form in its place; POST writes, and shows the facts again."""
    found = changeable(request, slug, pk)
    if group == OWN:
        return _own_facts(request, found)
    inputs = group_inputs(found, group, request.user)
    if inputs is None:
        raise Http404
    if not inputs:
        raise PermissionDenied(_("Your role does not let you change anything of this."))
    problems: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            names = [one.name for one in inputs]
            change_record(found, read_all(request.POST, names, request.user), by=request.user)
            return changed(request, found)
        except ValidationError as error:
            problems = error_of(error)
    fields = [(one, html, problems.get(one.name, ())) for one, html in html_of(inputs, found, request.user)]
    context = {"record": found, "group": group, "fields": fields, "problems": problems}
    return render(request, "crm/facts_form.html", context, blocks="form", status=REFUSED if problems else 200)


def _own_facts(request: PersonRequest, found: Record) -> HttpResponse:
    fields = own_fields(found.type, request.user)
    if not fields:
        raise Http404
    sent = request.POST if request.method == "POST" else None
    form = FieldsForm(fields, sent, values=values_of(fields, found.pk), by=request.user)
    if form.is_bound and form.is_valid():
        set_values(found, {one: form.cleaned_data[one.key] for one in fields}, by=request.user)
        return changed(request, found)
    context = {"record": found, "group": OWN, "fields": (), "problems": {}}
    return render_form(request, "crm/facts_form.html", form, context, blocks="form")


def changed(request: PersonRequest, found: Record) -> HttpResponse:
    """The parts of the page that show what was just done; without the page's script the page."""
    if not wants_part(request):
        return redirect(found)
    now = record_at(request, found.type.slug, found.pk)
    context = {**page_of(request, now, is_whole=False), "is_oob": True}
    response = render(request, "crm/record.html", context, blocks=PARTS)
    # Each part says itself where it belongs.
    response.headers["HX-Reswap"] = "none"
    return trigger_client_event(response, "crm-done")


def not_done(error: ValidationError) -> HttpResponse:
    """Said beside what was pressed."""
    return HttpResponse(" ".join(error.messages), status=409, content_type="text/plain; charset=utf-8")


@require_POST
def stage(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Into another stage; what that asks for is asked in a dialog."""
    found = record_at(request, slug, pk)
    wanted = catalog().stages.get(number_of(request.POST, "stage") or 0)
    if wanted is None:
        raise Http404
    try:
        move_asking(found, wanted, request.POST, by=request.user)
    except Asked as asked:
        context = {"record": found, "stage": wanted, "form": asked.form}
        return render(request, "crm/asked.html", context, blocks="form", status=REFUSED)
    except ValidationError as error:
        return not_done(error)
    return changed(request, found)


@require_http_methods(["GET", "POST"])
def conversion(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """A lead becomes a contact, a company, a deal; clients that are probably the same are offered."""
    lead = changeable(request, slug, pk)
    if lead.type_id != RecordType.Id.LEAD:
        raise Http404
    problem = ""
    if request.method == "POST":
        try:
            made = convert_lead(lead, _conversion(request.POST, request.user), by=request.user)
            to = made.deal or made.contact or made.company or lead
            return lead_on(request, to.get_absolute_url(), _("The lead is converted."))
        except ValidationError as error:
            problem = " ".join(error.messages)
    context = {
        "record": lead,
        "problem": problem,
        "given": request.POST,
        "alike": alike_of(lead, (RecordType.Id.CONTACT, RecordType.Id.COMPANY), reader=request.user),
        "deal_stages": _first_stages(),
    }
    return render(request, "crm/conversion.html", context, blocks="form", status=REFUSED if problem else 200)


def _first_stages() -> list[Any]:
    """Where a deal may begin: the first stage of each pipeline."""
    deals = catalog().types[RecordType.Id.DEAL]
    return [catalog().stages_of(one)[0] for one in catalog().pipelines_of(deals) if catalog().stages_of(one)]


def _conversion(given: QueryDict, by: User) -> Conversion:
    """`contact` and `company` are `new`, nothing, or the id of one that is there."""
    seen = Record.objects.visible_to(by).there()

    def known(name: str) -> Record | None:
        return seen.filter(pk=number_of(given, name) or 0).first()

    return Conversion(
        contact=known("contact"),
        company=known("company"),
        makes_contact=given.get("contact") == "new",
        makes_company=given.get("company") == "new",
        company_title=given.get("company_title", "").strip(),
        makes_deal=bool(given.get("deal")),
        deal_stage=catalog().stages.get(number_of(given, "deal_stage") or 0),
    )


@require_POST
def writing(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Somebody is writing below it: those who look at it see that for some seconds."""
    found = record_at(request, slug, pk)
    payload = {"id": found.pk, "by": request.user.pk, "name": request.user.name}
    send("crm", "writing", audience=found.audience, payload=payload)
    return HttpResponse(status=204)


@require_GET
def history(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Further down in its time line."""
    found = record_at(request, slug, pk)
    shown = timeline_of(found, request.user, before=place_in(request.GET.get("before", "")))
    context = {
        "record": found,
        "timeline": shown,
        "may_change": can_change(request.user, found),
    }
    return render(request, "crm/history.html", context, blocks="entries")


def changeable(request: PersonRequest, slug: str, pk: int) -> Record:
    found = record_at(request, slug, pk)
    if not can_change(request.user, found):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": found})
    return found
