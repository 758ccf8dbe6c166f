"""What people send to the room of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.actions.checks import LONGEST_TITLE
from box.apps.tasks.actions.tasks import TaskDraft
from box.apps.tasks.actions.templates import MOST_DUE_DAYS, Plan
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import LONGEST_NOTE, Dependency, Participant, Task, Template
from box.core.accounts.models import User
from box.core.fields.forms import FieldsForm
from box.core.groups.models import Group
from box.core.relations.relatable import ref_at, ref_named
from box.core.structure.names import Principal, person_principal
from box.lib.durations import clock, minutes_of
from box.lib.forms import set_queryset
from box.lib.recurrence import local_moment
from box.lib.recurrence_form import RepetitionForm, answers_of

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.core.fields.values import Values
    from box.core.registry.capabilities import Ref

MOST_CODES = 100
LONGEST_BASE = 10_000
MOMENT = "%Y-%m-%dT%H:%M"
MOMENTS = ("deadline_at", "starts_at", "ends_at")


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format=MOMENT)


class DurationField(forms.CharField):
    """Minutes, written as people write hours."""

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return minutes_of(text)
        except ValueError:
            raise ValidationError(_("Write hours and minutes such as 2:30."), code="duration") from None


class DeadlineForm(forms.Form):
    deadline_at = forms.DateTimeField(
        label=gettext_lazy("Deadline"), required=False, widget=MomentInput, input_formats=[MOMENT]
    )


class ReminderForm(forms.Form):
    at = forms.DateTimeField(
        label=gettext_lazy("Remind me"), required=False, widget=MomentInput, input_formats=[MOMENT]
    )


class RelatedForm(forms.Form):
    """What belongs to a task: objects that a link has named, `about`, and pasted links."""

    links = forms.CharField(
        label=gettext_lazy("Links to what belongs to it"),
        required=False,
        max_length=5000,
        help_text=gettext_lazy("A post, a deal, a call, a person: one link a line."),
        widget=forms.Textarea(attrs={"rows": 1, "data-grow": "", "autocomplete": "off"}),
    )

    def clean_links(self) -> list[Ref]:
        found = []
        for line in filter(None, map(str.strip, self.cleaned_data["links"].splitlines())):
            ref = ref_at(line)
            if ref is None:
                said = _("No page of a thing in the portal has this address: %(link)s")
                raise ValidationError(said % {"link": line[:80]}, code="link")
            found.append(ref)
        return found

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Of a form that is valid."""
        named = [ref for said in self.data.getlist("about")[:MOST_CODES] if (ref := ref_named(said))]  # type: ignore[attr-defined]
        return tuple(dict.fromkeys([*named, *self.cleaned_data["links"]]))


class ItemForm(forms.Form):
    due_on = forms.DateField(required=False)


class TimeForm(forms.Form):
    """A stretch of work, written down by hand."""

    minutes = DurationField(
        label=gettext_lazy("How long"),
        max_length=40,
        widget=forms.TextInput(attrs={"placeholder": "1:30", "autocomplete": "off"}),
    )
    on = forms.DateField(
        label=gettext_lazy("Day"),
        initial=timezone.localdate,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )
    note = forms.CharField(label=gettext_lazy("What was done"), max_length=LONGEST_NOTE, required=False)


class CorrectionForm(forms.Form):
    minutes = DurationField(label=gettext_lazy("How long"), max_length=40)
    reason = forms.CharField(label=gettext_lazy("Why it was another"), max_length=LONGEST_NOTE)


class DependencyForm(forms.Form):
    """Which task another follows, and how. The lag is in days."""

    before = forms.CharField(label=gettext_lazy("After"), max_length=300)
    kind = forms.ChoiceField(
        label=gettext_lazy("How"), choices=Dependency.Kind.choices, initial=Dependency.Kind.FINISH_START
    )
    lag = forms.FloatField(
        label=gettext_lazy("So many days later"), required=False, min_value=-366, max_value=366
    )


class TaskForm(DeadlineForm):
    """A task, to be given or changed. People come as codes of principals, chosen by the page's picker."""

    title = forms.CharField(label=gettext_lazy("What is to be done"), max_length=LONGEST_TITLE)
    project = forms.ModelChoiceField(
        Group.objects.none(),
        label=gettext_lazy("Project"),
        required=False,
        empty_label=gettext_lazy("none"),
    )
    priority = forms.TypedChoiceField(
        label=pgettext_lazy("of a task", "Priority"),
        choices=Task.Priority.choices,
        coerce=int,
        initial=Task.Priority.NORMAL,
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("With commas between them."),
    )
    starts_at = forms.DateTimeField(
        label=gettext_lazy("Planned start"), required=False, widget=MomentInput, input_formats=[MOMENT]
    )
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Planned end"), required=False, widget=MomentInput, input_formats=[MOMENT]
    )
    estimate_minutes = DurationField(
        label=gettext_lazy("Estimate"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"placeholder": "2:30", "autocomplete": "off"}),
    )
    needs_acceptance = forms.BooleanField(
        label=gettext_lazy("I accept the result"), required=False, initial=True
    )
    may_move_deadline = forms.BooleanField(
        label=gettext_lazy("Whoever is responsible may move the deadline"), required=False, initial=True
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        by: User,
        initial: Mapping[str, Any] | None = None,
        task: Task | None = None,
    ) -> None:
        super().__init__(data, initial=initial_of(task) if task else dict(initial or {}))
        self.by, self.task = by, task
        own = Group.objects.standing()
        if not by.is_administrator or task is None:
            own = own.of(by)
        if task is not None and task.project_id:
            own = own | Group.objects.filter(pk=task.project_id)
        set_queryset(self, "project", own.distinct().by_name())
        self._people: dict[str, list[User]] = {}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in ("responsible", "accomplices", "observers"):
            self._people[name] = self._read(name)
        return values

    def _read(self, name: str) -> list[User]:
        codes = self.data.getlist(name)[: MOST_CODES + 1]  # type: ignore[attr-defined]
        ids = [int(code[1:]) for code in codes if code[:1] == "U" and code[1:].isdecimal() and len(code) < 19]
        found = User.objects.in_bulk(ids)
        if len(codes) > MOST_CODES or len(found) != len(set(codes)):
            raise ValidationError(_("Choose the people again."), code="people")
        return [found[pk] for pk in ids]

    @property
    def base(self) -> dict[str, str]:
        """What `edit_task` takes, as the form was sent: none of one that was opened before there was any."""
        pairs = (pair.partition(":") for pair in self.data.get("base", "")[:LONGEST_BASE].split())
        return {name: fingerprint for name, _colon, fingerprint in pairs}

    @property
    def responsible(self) -> User:
        """Whoever names nobody does it."""
        chosen = self._people["responsible"]
        return chosen[0] if chosen else self.by

    @property
    def values(self) -> dict[str, Any]:
        """Of a form that is valid: what `change_task` takes, but for whoever is responsible."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "tags"}
        return {
            **given,
            "tags": self.cleaned_data["tags"].split(","),
            "text": self.data.get("text", ""),
            "html": self.data.get("html", ""),
            "accomplice_ids": tuple(one.pk for one in self._people["accomplices"]),
            "observer_ids": tuple(one.pk for one in self._people["observers"]),
        }

    def draft(self, **more: Any) -> TaskDraft:
        return TaskDraft(**self.values, responsible=self.responsible, **more)

    def chosen(self, name: str) -> list[Principal]:
        """For the picker: what was sent, or what the task has."""
        if self.is_bound:
            return [person_principal(one) for one in self._people.get(name, ())]
        if self.task is None:
            given: Sequence[User] = self.initial.get(name, ())
            return [person_principal(one) for one in given]
        if name == "responsible":
            return [person_principal(self.task.responsible)]
        role = Participant.Role.ACCOMPLICE if name == "accomplices" else Participant.Role.OBSERVER
        rows = self.task.participants.filter(role=role).select_related("user").order_by("pk")
        return [person_principal(one.user) for one in rows]


def initial_of(task: Task) -> dict[str, Any]:
    names = ("title", "project", "priority", "needs_acceptance", "may_move_deadline")
    return {
        **{name: getattr(task, name) for name in names},
        **{name: timezone.localtime(at) if (at := getattr(task, name)) else None for name in MOMENTS},
        "tags": ", ".join(task.tags),
        "estimate_minutes": clock(task.estimate_minutes) if task.estimate_minutes is not None else "",
    }


class TemplateForm(RepetitionForm, TaskForm):
    """What a task will be, and when it is given. Its deadline is so long after that."""

    deadline_at = starts_at = ends_at = None  # type: ignore[assignment]

    items = forms.CharField(
        label=gettext_lazy("Checklist"),
        required=False,
        max_length=80_000,
        widget=forms.Textarea(attrs={"rows": 3, "data-grow": ""}),
        help_text=gettext_lazy("A line for each."),
    )
    due_days = forms.IntegerField(
        label=gettext_lazy("Days until the deadline"),
        required=False,
        min_value=0,
        max_value=MOST_DUE_DAYS,
        help_text=gettext_lazy("0 is the day on which it is given; leave it empty for no deadline."),
    )
    due_at = forms.TimeField(
        label=gettext_lazy("Deadline at"),
        required=False,
        initial=time(18),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    first_on = forms.DateField(
        label=gettext_lazy("First on"),
        required=False,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )
    first_at = forms.TimeField(
        label=gettext_lazy("Given at"),
        required=False,
        initial=time(9),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("repeats") and not values.get("first_on"):
            self.add_error(
                "first_on", ValidationError(_("Say on which day it is given first."), code="first")
            )
        return values

    def template_draft(self, **more: Any) -> TaskDraft:
        """Of a form that is valid."""
        names = ("title", "text", "html", "project", "priority", "tags", "estimate_minutes")
        rules = ("needs_acceptance", "may_move_deadline", "accomplice_ids", "observer_ids")
        return TaskDraft(
            responsible=self.responsible,
            items=tuple(self.cleaned_data["items"].splitlines()),
            **{name: self.values[name] for name in (*names, *rules)},
            **more,
        )

    def plan(self) -> Plan:
        """Of a form that is valid. Raises ValidationError for a rule with two ends."""
        # It keeps the place that it was made for, wherever whoever corrects it is.
        said, zone = self.cleaned_data, self.initial.get("zone") or timezone.get_current_timezone_name()
        rule, starts = "", None
        if said["repeats"]:
            starts = local_moment(said["first_on"], said["first_at"] or time(9), ZoneInfo(zone))
            rule = self.rule_from(starts)
        return Plan(
            zone=zone,
            rule=rule,
            starts_at=starts,
            due_days=said["due_days"],
            due_at=said["due_at"] or time(18),
        )


class TemplateFieldsForm(FieldsForm):
    """What the company notes of tasks, as far as the template knows it: what must be filled in is asked of
    whoever gives a task by it, and here where tasks are given by nobody."""

    use_required_attribute = False

    def __init__(self, data: QueryDict | None, *, by: User, values: Values) -> None:
        super().__init__(TASK_FIELDS.fields, data, values=values, by=by)
        if not (data and data.get("repeats")):
            for asked in self.fields.values():
                asked.required = False


def initial_of_template(template: Template) -> dict[str, Any]:
    names = ("title", "project", "priority", "needs_acceptance", "may_move_deadline", "due_days", "due_at")
    people = list(template.participants.select_related("user").order_by("pk"))
    starts = template.local_start
    return {
        **{name: getattr(template, name) for name in names},
        "tags": ", ".join(template.tags),
        "items": "\n".join(template.items),
        "estimate_minutes": clock(template.estimate_minutes) if template.estimate_minutes is not None else "",
        "responsible": [template.responsible],
        "accomplices": [one.user for one in people if one.role == Participant.Role.ACCOMPLICE],
        "observers": [one.user for one in people if one.role == Participant.Role.OBSERVER],
        "first_on": starts.date() if template.starts_at else None,
        "first_at": starts.time() if template.starts_at else time(9),
        "zone": template.zone,
        **answers_of(template.rule, starts),
    }


def template_of(task: Task) -> dict[str, Any]:
    """A template that is begun of a task: as long after its beginning as it was due."""
    people = list(task.participants.select_related("user").order_by("pk"))
    due = timezone.localtime(task.deadline_at) if task.deadline_at else None
    begun = timezone.localtime(task.created_at).date()
    return {
        **{name: value for name, value in initial_of(task).items() if name not in MOMENTS},
        "items": "\n".join(task.items.order_by("rank", "id").values_list("text", flat=True)),
        "responsible": [task.responsible],
        "accomplices": [one.user for one in people if one.role == Participant.Role.ACCOMPLICE],
        "observers": [one.user for one in people if one.role == Participant.Role.OBSERVER],
        "due_days": min(max((due.date() - begun).days, 0), MOST_DUE_DAYS) if due else None,
        "due_at": due.time() if due else time(18),
    }
