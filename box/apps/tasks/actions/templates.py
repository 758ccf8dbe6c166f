"""Templates: keeping them, and giving tasks by them when their moment has come."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_create, can_edit_template
from box.apps.tasks.actions.checklists import MOST_ITEMS, lines_of
from box.apps.tasks.actions.checks import (
    check_columns,
    check_people,
    check_project,
    checked_tags,
    checked_text,
    participants_by_id,
)
from box.apps.tasks.actions.enclosures import (
    drop_enclosures,
    fields_of,
    file_ids_of,
    share_enclosures,
    with_copies,
    write_enclosures,
)
from box.apps.tasks.actions.locking import must
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.events import TemplateChanged, TemplateStopped
from box.apps.tasks.models import Participant, Task, Template, TemplateParticipant
from box.core.events.outbox import emit
from box.core.registry.company import LANGUAGE
from box.lib.recurrence import BadRule, parse

if TYPE_CHECKING:
    from box.core.accounts.models import User

log = logging.getLogger(__name__)

MOST_DUE_DAYS = 366
COLUMNS = ("responsible", "project", "priority", "estimate_minutes", "needs_acceptance", "may_move_deadline")
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When a template gives its tasks, and how long one then has; without a rule it is used by hand."""

    zone: str
    rule: str = ""
    starts_at: datetime | None = None
    due_days: int | None = None
    due_at: time = time(18)


@transaction.atomic
def add_template(draft: TaskDraft, plan: Plan, *, by: User, source: Task | None = None) -> Template:
    """Of the draft all but its moments. The first task is given at the first moment that is still to come.
    The draft may name files of the source, a task that `by` sees: the template has copies."""
    must(can_create(by), _("Ask an administrator for the right to give tasks."))
    template = Template(created_by=by)
    _write(template, with_copies(draft, source, by=by) if source else draft, plan, by=by)
    emit(TemplateChanged(template_id=template.pk, by_id=by.pk, change="added"))
    return template


@transaction.atomic
def change_template(template: Template, draft: TaskDraft, plan: Plan, *, by: User) -> Template:
    """Tasks that it has given stay as they are. What had stopped it is thought to be mended."""
    template = _held(template, by)
    _write(template, draft, plan, by=by)
    emit(TemplateChanged(template_id=template.pk, by_id=by.pk, change="changed"))
    return template


@transaction.atomic
def pause_template(template: Template, is_paused: bool, *, by: User) -> Template:
    """What would have been given meanwhile is not given afterwards. Doing it again does nothing."""
    template = _held(template, by)
    if template.is_paused == is_paused:
        return template
    template.is_paused = is_paused
    template.next_at = template.next_after(timezone.now())
    template.save(update_fields=["is_paused", "next_at"])
    change = "paused" if is_paused else "resumed"
    emit(TemplateChanged(template_id=template.pk, by_id=by.pk, change=change))
    return template


@transaction.atomic
def delete_template(template: Template, *, by: User) -> None:
    """Its tasks stay."""
    template = _held(template, by)
    emit(TemplateChanged(template_id=template.pk, by_id=by.pk, change="deleted"))
    drop_enclosures(template)
    template.delete()


@transaction.atomic
def pass_templates_on(person: User, successor: User) -> None:
    """Somebody leaves: what they kept, and what was to be theirs, is the successor's."""
    for template in Template.objects.filter(created_by=person).select_for_update().order_by("pk"):
        template.created_by = successor
        template.audience = _audience_of(template)
        template.save(update_fields=["created_by", "audience"])
        share_enclosures(template)
    Template.objects.filter(responsible=person).update(responsible=successor)
    TemplateParticipant.objects.filter(template__responsible=successor, user=successor).delete()


def give_next(now: datetime) -> bool:
    """Gives the task of one template whose moment has come; whether there was one.

    Each in its own transaction, which also says when the next is due: whoever is killed in it has given
    nothing, two who do this at once take different templates, and of one moment there is one task.
    """
    with transaction.atomic():
        due = Template.objects.due(now).select_related("created_by", "responsible", "project")
        template = due.select_for_update(of=("self",), skip_locked=True).order_by("next_at").first()
        if template is None:
            return False
        _give(template, now)
    return True


@transaction.atomic
def add_by_template(template: Template, draft: TaskDraft, *, by: User) -> Task:
    """By hand. The draft may name files of the template, which `by` sees: the task has copies."""
    return add_task(with_copies(replace(draft, template=template), template, by=by), by=by)


def draft_of(template: Template, moment: datetime) -> TaskDraft:
    """The task that it gives at this moment."""
    people = list(template.participants.order_by("pk").values_list("user", "role"))
    return TaskDraft(
        title=template.title,
        text=template.text,
        html=template.html,
        accomplice_ids=tuple(pk for pk, role in people if role == Participant.Role.ACCOMPLICE),
        observer_ids=tuple(pk for pk, role in people if role == Participant.Role.OBSERVER),
        deadline_at=template.deadline_from(moment),
        tags=tuple(template.tags),
        items=tuple(template.items),
        file_ids=tuple(file_ids_of(template)),
        fields=fields_of(template),
        template=template,
        **{name: getattr(template, name) for name in COLUMNS},
    )


def _give(template: Template, now: datetime) -> None:
    """Or it stops, and says why: it would be the first that is due again and again."""
    by = template.created_by
    with translation.override(by.language or LANGUAGE.value):
        try:
            with transaction.atomic():
                _give_last(template, now, by)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            template.problem, template.next_at = _said(error), None
            emit(TemplateStopped(template_id=template.pk, problem=template.problem))
    template.save(update_fields=["next_at", "problem"])


def _give_last(template: Template, now: datetime, by: User) -> None:
    """What was missed while the box was off is given once, for the last of its moments."""
    rule, since = template.recurrence, template.next_at
    if rule is None or since is None:
        template.next_at = None
        return
    passed = list(rule.between(template.local_start, since, now + MOMENT)) or [since]
    template.next_at = template.next_after(passed[-1])
    _add(template, passed, by)


def _add(template: Template, passed: list[datetime], by: User) -> Task:
    """Whoever may give no tasks any more gives none by a template either."""
    moment = passed[-1]
    draft = replace(draft_of(template, moment), template_at=moment, times_missed=len(passed) - 1)
    return add_task(with_copies(draft, template, by=by), by=by)


def _said(error: Exception) -> str:
    match error:
        case ValidationError():
            return " ".join(error.messages)[:500]
        case PermissionDenied():
            return str(error)[:500]
    log.error("A template gave no task.", exc_info=error)
    return _("It broke off because of an error: tell an administrator.")


def _held(template: Template, by: User) -> Template:
    rows = Template.objects.select_related("project", "responsible", "created_by")
    found = rows.select_for_update(of=("self",)).filter(pk=template.pk).first()
    if found is None:
        raise ValidationError(_("This template is not there any more: reload the page."), code="gone")
    must(can_edit_template(by, found), _("Only whoever keeps the template changes it."))
    return found


def _write(template: Template, draft: TaskDraft, plan: Plan, *, by: User) -> None:
    for name in COLUMNS:
        setattr(template, name, getattr(draft, name))
    rich = checked_text(draft.text, draft.html, by=by)
    template.text, template.html = rich.text, rich.html
    # As the first task would be: what that may not be, the template is not either.
    first = Task(title=draft.title, created_by=by, responsible=draft.responsible, priority=draft.priority)
    check_columns(first)
    template.title, template.tags = first.title, checked_tags(draft.tags)
    people = participants_by_id(first, draft.accomplice_ids, draft.observer_ids)
    check_project(draft.project, by=by)
    check_people({first.responsible_id, *people}, draft.project, by=by)
    template.items = _lines(draft.items)
    _set_plan(template, plan)
    template.audience = _audience_of(template)
    template.changed_at = timezone.now()
    template.save()
    template.participants.all().delete()
    TemplateParticipant.objects.bulk_create(
        TemplateParticipant(template=template, user_id=pk, role=role) for pk, role in people.items()
    )
    write_enclosures(template, draft, by=by)


def _set_plan(template: Template, plan: Plan) -> None:
    if plan.due_days is not None and not 0 <= plan.due_days <= MOST_DUE_DAYS:
        said = _("A deadline is at most %(most)s days away.") % {"most": MOST_DUE_DAYS}
        raise ValidationError({"due_days": said}, code="due_days")
    if plan.rule:
        try:
            parse(plan.rule)
        except BadRule as error:
            raise ValidationError({"repeats": str(error)}, code="rule") from None
        if plan.starts_at is None:
            raise ValidationError(_("Say when the first task is given."), code="starts_at")
    now, was = timezone.now(), (template.rule, template.starts_at, template.zone)
    template.due_days, template.due_at = plan.due_days, plan.due_at
    template.rule, template.starts_at, template.zone = plan.rule, plan.starts_at, plan.zone
    template.problem = ""
    is_due = template.next_at is not None and template.next_at <= now
    # A moment that has come already is not lost to whoever corrects a word.
    if not (is_due and was == (plan.rule, plan.starts_at, plan.zone)):
        template.next_at = template.next_after(now)


def _lines(items: Iterable[str]) -> list[str]:
    lines = lines_of("\n".join(items))
    if len(lines) > MOST_ITEMS:
        raise ValidationError(_("A list has at most %(most)s lines.") % {"most": MOST_ITEMS}, code="many")
    return lines


def _audience_of(template: Template) -> list[str]:
    codes = {f"U{template.created_by_id}"}
    if template.project is not None:
        codes.add(template.project.code)
    return sorted(codes)
