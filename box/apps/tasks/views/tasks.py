"""One task: its page, giving and changing it, and what people do with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.tasks.access import can_create, can_delete, can_edit
from box.apps.tasks.actions.checks import LONGEST_TITLE
from box.apps.tasks.actions.conflicts import EditConflict, base_of, edit_task
from box.apps.tasks.actions.enclosures import fields_of
from box.apps.tasks.actions.reminders import choose_reminder
from box.apps.tasks.actions.states import STEPS
from box.apps.tasks.actions.tasks import (
    add_task,
    change_task,
    delegate_task,
    delete_tasks,
    restore_tasks,
)
from box.apps.tasks.actions.templates import add_by_template
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.forms import DeadlineForm, RelatedForm, ReminderForm, TaskForm, initial_of_template
from box.apps.tasks.models import Dependency, Task, Template
from box.apps.tasks.presenters import card_of
from box.apps.tasks.said import begun_of
from box.apps.tasks.states import Step
from box.apps.tasks.views.lookup import kept_files, task_for
from box.core.accounts.models import User
from box.core.discussion.presenters import foot_of, talk_below
from box.core.drafts.actions import drop_draft
from box.core.events.nonces import posted_once
from box.core.fields.forms import FieldsForm
from box.core.fields.values import values_of
from box.core.groups.models import Group
from box.core.registry.capabilities import cards_of
from box.core.relations.relatable import ref_named
from box.lib.pages import REFUSED, ids_of, lead_on, number_of, render, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest
    from box.core.registry.capabilities import Card, Ref

LONGEST_DRAFT = 5000
MOST_TEMPLATES = 50
MOST_ABOUT = 20


@require_http_methods(["GET", "DELETE"])
def task(request: PersonRequest, pk: int) -> HttpResponse:
    found = task_for(request, pk)
    if request.method == "GET":
        return _page(request, found)
    if not can_delete(request.user, found):
        raise PermissionDenied(_("Only whoever gave a task deletes it."))
    delete_tasks([found], by=request.user)
    action = {"label": _("Undo"), "url": reverse("tasks:restoration", args=[pk]), "values": {}}
    response = lead_on(request, reverse("tasks:list"))
    return with_toast(response, _("The task is in the trash."), action=action)


def _page(request: PersonRequest, found: Task, *, status: int = 200, **more: Any) -> HttpResponse:
    """All of it, or its card alone: what is said below stays as it is then."""
    card = card_of(found, reader=request.user)
    context: dict[str, Any] = {"card": card, "kinds": Dependency.Kind.choices, **more}
    if not wants_part(request):
        context |= {
            "foot": foot_of(found, reader=request.user),
            "talk": talk_below(found, reader=request.user),
        }
    return render(request, "tasks/task.html", context, blocks="card", status=status)


@require_POST
def restoration(request: PersonRequest, pk: int) -> HttpResponse:
    rows = Task.objects.each_visible_to(request.user).thrown_away().select_related("project")
    found = get_object_or_404(rows, pk=pk)
    if not can_delete(request.user, found):
        raise PermissionDenied(_("Only whoever gave a task brings it back."))
    restore_tasks([found], by=request.user)
    return lead_on(request, found.get_absolute_url())


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    if not can_create(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to give tasks."))
    above, template = _above(request), _template(request)
    sent, begun = request.POST or None, _begun(request, template)
    form = TaskForm(sent, by=request.user, initial=begun)
    values = fields_of(template) if template else None
    fields = FieldsForm(TASK_FIELDS.fields, sent, values=values, by=request.user)
    related = RelatedForm(sent)
    if form.is_valid() & fields.is_valid() & related.is_valid():
        try:
            given = _given(request, form, fields, above, template, related=related.refs)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            drop_draft(request.POST.get("place", ""), by=request.user)
            return redirect(given)
    context = {
        "fields": fields,
        "related": related,
        "about": _about(request),
        "above": above,
        "template": template,
        "kept": kept_files(request, template),
        "templates": Template.objects.visible_to(request.user).by_title()[:MOST_TEMPLATES],
        "place": "task",
        **_text(request, None, begun),
    }
    return render_form(request, "tasks/new.html", form, context)


def _given(
    request: PersonRequest, form: TaskForm, fields: FieldsForm, above: Task | None,
    template: Template | None, *, related: tuple[Ref, ...],
) -> Task:  # fmt: skip
    draft = form.draft(
        parent=above,
        file_ids=tuple(ids_of(request.POST, "files")),
        fields=fields.values,
        items=tuple(template.items) if template else (),
        related=related,
    )

    def add() -> Task:
        if template is None:
            return add_task(draft, by=request.user)
        return add_by_template(template, draft, by=request.user)

    return posted_once(request, Task, add)


def _about(request: PersonRequest) -> list[Card]:
    """What the task is to belong to, as the address or what was sent names it."""
    said = request.POST.getlist("about") if request.method == "POST" else request.GET.getlist("of")
    refs = [ref for one in said[:MOST_ABOUT] if (ref := ref_named(one))]
    return list(cards_of(refs, request.user).values())


def _begun(request: PersonRequest, template: Template | None) -> dict[str, Any]:
    """What a link has begun: by a template, or a title and a text, of what was said elsewhere, in a group."""
    if template is not None:
        moments = {"deadline_at": deadline} if (deadline := _deadline_by(template)) else {}
        return {**initial_of_template(template), **moments, "text": template.text, "html": template.html}
    given, text = request.GET, request.GET.get("text", "")[:LONGEST_DRAFT].replace("\x00", "")
    begun: dict[str, Any] = {
        "title": given.get("title", "")[:LONGEST_TITLE],
        "text": text,
        "responsible": [request.user],
    }
    if said := given.get("of", ""):
        found = begun_of(said, text, reader=request.user)
        begun |= {"title": begun["title"] or found.title, "text": found.text}
    if project := number_of(given, "project"):
        begun["project"] = Group.objects.of(request.user).filter(pk=project).first()
    return begun


def _deadline_by(template: Template) -> datetime | None:
    deadline = template.deadline_from(timezone.now())
    return timezone.localtime(deadline) if deadline else None


def _template(request: PersonRequest) -> Template | None:
    pk = number_of(request.POST or request.GET, "template")
    rows = Template.objects.visible_to(request.user).select_related("responsible", "project")
    return rows.filter(pk=pk).first() if pk else None


def _above(request: PersonRequest) -> Task | None:
    pk = number_of(request.POST or request.GET, "parent")
    return Task.objects.each_visible_to(request.user).there().filter(pk=pk).first() if pk else None


def _text(
    request: PersonRequest, found: Task | None, begun: Mapping[str, Any] | None = None
) -> dict[str, str]:
    if request.method == "POST":
        return {"text": request.POST.get("text", ""), "html": request.POST.get("html", "")}
    if found is not None:
        return {"text": found.text, "html": found.html}
    return {name: (begun or {}).get(name, "") for name in ("text", "html")}


@require_http_methods(["GET", "POST"])
def edit(request: PersonRequest, pk: int) -> HttpResponse:
    found = task_for(request, pk)
    if not can_edit(request.user, found):
        raise PermissionDenied(_("Only whoever gave a task changes it."))
    sent = request.POST or None
    form = TaskForm(sent, by=request.user, task=found)
    # Before what the form shows is read: what changes in between is told of, and not written over.
    base = form.base if sent else base_of(found)
    fields = FieldsForm(TASK_FIELDS.fields, sent, values=values_of(TASK_FIELDS, pk), by=request.user)
    if form.is_valid() & fields.is_valid():
        changes = {**form.values, "fields": fields.values}
        try:
            edit_task(found, changes, responsible=form.responsible, base=base, by=request.user)
        except EditConflict as conflict:
            base = conflict.base
            form.add_error(None, _said(conflict, form, fields))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, found.get_absolute_url())
    context = {
        "fields": fields, "task": found, "place": f"task-{pk}", **_text(request, found),
        "base": " ".join(f"{name}:{fingerprint}" for name, fingerprint in base.items()),
    }  # fmt: skip
    return render_form(request, "tasks/edit.html", form, context)


def _said(conflict: EditConflict, form: TaskForm, fields: FieldsForm) -> str:
    labels = {
        **{name: field.label for one in (form, fields) for name, field in one.fields.items()},
        "html": _("What is it about?"),
        "responsible": _("Who does it"),
        "accomplice_ids": _("Who helps"),
        "observer_ids": _("Who watches"),
    }
    said = _("Changed meanwhile: %(names)s. Save again to put what stands here in its place.")
    return said % {"names": ", ".join(str(labels[name]) for name in conflict.names)}


@require_POST
def step(request: PersonRequest, pk: int) -> HttpResponse:
    """A step of the task, by its name; `note` says what is missing where it is returned."""
    found = task_for(request, pk)
    name = request.POST.get("step", "")
    if name not in Step:
        raise BadRequest("What is posted here says which step.")
    more = {"note": request.POST.get("note", "")} if name == Step.RETURN else {}
    try:
        STEPS[Step(name)](found, **more, by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


@require_POST
def deadline(request: PersonRequest, pk: int) -> HttpResponse:
    found, form = task_for(request, pk), DeadlineForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_("Write a day and a time."), code="deadline")
        change_task(found, {"deadline_at": form.cleaned_data["deadline_at"]}, by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


@require_POST
def reminder(request: PersonRequest, pk: int) -> HttpResponse:
    """When this person wants to hear of the task again; nothing: not at all."""
    found, form = task_for(request, pk), ReminderForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_("Write a day and a time."), code="at")
        choose_reminder(found, form.cleaned_data["at"], by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


@require_POST
def responsible(request: PersonRequest, pk: int) -> HttpResponse:
    """Passes the task on to the person who was chosen."""
    found, code = task_for(request, pk), request.POST.get("responsible", "")
    user_id = int(code[1:]) if code[:1] == "U" and code[1:].isdecimal() and len(code) < 19 else 0
    to = User.objects.active().visible_to(request.user).filter(pk=user_id).first()
    try:
        if to is None:
            raise ValidationError(_("Choose who does it from now on."), code="people")
        delegate_task(found, to, by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


def done(request: PersonRequest, pk: int, **more: Any) -> HttpResponse:
    """The card as it is now, after something was done."""
    if not wants_part(request):
        return redirect("tasks:task", pk)
    return _page(request, task_for(request, pk), **more)


def refused(request: PersonRequest, pk: int, error: ValidationError) -> HttpResponse:
    """The card with what was wrong."""
    return _page(request, task_for(request, pk), problem=" ".join(error.messages), status=REFUSED)
