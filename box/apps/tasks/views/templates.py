"""Templates of tasks, and what repeats by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.tasks.access import can_create, can_edit_template
from box.apps.tasks.actions.enclosures import fields_of
from box.apps.tasks.actions.templates import add_template, change_template, delete_template, pause_template
from box.apps.tasks.forms import TemplateFieldsForm, TemplateForm, initial_of_template, template_of
from box.apps.tasks.models import Task, Template
from box.apps.tasks.template_lists import template_list
from box.apps.tasks.views.lookup import kept_files
from box.core.events.nonces import posted_once
from box.core.lists.views import answer
from box.lib.pages import ids_of, lead_on, number_of, render_form

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.apps.tasks.actions.tasks import TaskDraft
    from box.core.accounts.requests import PersonRequest

SHOWN = 20


@require_http_methods(["GET", "POST"])
def templates(request: PersonRequest) -> HttpResponseBase:
    context = {"can_create": can_create(request.user)}
    return answer(request, template_list(request.user), "tasks/templates.html", context)


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    if not can_create(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to give tasks."))
    source = _source(request)
    begun = template_of(source) if source else {"responsible": [request.user]}
    form = TemplateForm(request.POST or None, by=request.user, initial=begun)
    fields = _fields(request, source)
    if form.is_valid() & fields.is_valid():
        try:
            return redirect(_made(request, form, fields, source))
        except ValidationError as error:
            form.add_error(None, error)
    return _page(request, form, fields, source)


def _made(
    request: PersonRequest, form: TemplateForm, fields: TemplateFieldsForm, source: Task | None
) -> Template:
    draft = _draft(request, form, fields)
    return posted_once(
        request, Template, lambda: add_template(draft, form.plan(), by=request.user, source=source)
    )


def _fields(request: PersonRequest, source: Task | Template | None) -> TemplateFieldsForm:
    values = fields_of(source) if source else {}
    return TemplateFieldsForm(request.POST or None, by=request.user, values=values)


def _draft(request: PersonRequest, form: TemplateForm, fields: TemplateFieldsForm) -> TaskDraft:
    return form.template_draft(file_ids=tuple(ids_of(request.POST, "files")), fields=fields.values)


def _source(request: PersonRequest) -> Task | None:
    """The task that the template is begun of."""
    pk = number_of(request.POST or request.GET, "of")
    return Task.objects.each_visible_to(request.user).there().as_shown().filter(pk=pk).first() if pk else None


@require_http_methods(["GET", "POST", "DELETE"])
def template(request: PersonRequest, pk: int) -> HttpResponse:
    found = _template_for(request, pk)
    initial = initial_of_template(found)
    if request.method == "GET":
        form = TemplateForm(by=request.user, initial=initial)
        return _page(request, form, _fields(request, found), found, template=found)
    if not can_edit_template(request.user, found):
        raise PermissionDenied(_("Only whoever keeps the template changes it."))
    if request.method == "DELETE":
        delete_template(found, by=request.user)
        return redirect("tasks:templates")
    form = TemplateForm(request.POST, by=request.user, initial=initial)
    fields = _fields(request, found)
    if form.is_valid() & fields.is_valid():
        try:
            change_template(found, _draft(request, form, fields), form.plan(), by=request.user)
            return lead_on(request, found.get_absolute_url())
        except ValidationError as error:
            form.add_error(None, error)
    return _page(request, form, fields, found, template=found)


@require_http_methods(["POST", "DELETE"])
def pause(request: PersonRequest, pk: int) -> HttpResponse:
    """No tasks are given by it for now; DELETE: they are given again."""
    found = _template_for(request, pk)
    pause_template(found, request.method == "POST", by=request.user)
    return lead_on(request, found.get_absolute_url())


def _template_for(request: PersonRequest, pk: int) -> Template:
    rows = Template.objects.visible_to(request.user).select_related("responsible", "project", "created_by")
    return get_object_or_404(rows, pk=pk)


def _page(
    request: PersonRequest,
    form: TemplateForm,
    fields: TemplateFieldsForm,
    source: Task | Template | None,
    **more: Any,
) -> HttpResponse:
    text = {"text": source.text, "html": source.html} if source else {"text": "", "html": ""}
    if form.is_bound:
        text = {"text": request.POST.get("text", ""), "html": request.POST.get("html", "")}
    kept: Template | None = more.get("template")
    context = {
        "fields": fields,
        "kept": kept_files(request, source),
        "source": source,
        **text,
        **more,
        "can_edit": kept is None or can_edit_template(request.user, kept),
        "can_create": can_create(request.user),
        "given": _given_by(kept, request) if kept else [],
    }
    return render_form(request, "tasks/template.html", form, context)


def _given_by(template: Template, request: PersonRequest) -> list[Task]:
    seen = Task.objects.visible_to(request.user).there().filter(template=template)
    return list(seen.as_shown().order_by("-id")[:SHOWN])
