"""What people send to the room of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.actions.tasks import LONGEST_TITLE, TaskDraft
from box.apps.tasks.models import LONGEST_NOTE, Participant, Task
from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.structure.names import Principal, person_principal
from box.lib.durations import clock, minutes_of

if TYPE_CHECKING:
    from django.http import QueryDict

MOST_CODES = 100
MOMENT = "%Y-%m-%dT%H:%M"


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
        self.fields["project"].queryset = own.distinct().by_name()  # type: ignore[attr-defined]
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
    moments = ("deadline_at", "starts_at", "ends_at")
    return {
        **{name: getattr(task, name) for name in names},
        **{name: timezone.localtime(at) if (at := getattr(task, name)) else None for name in moments},
        "tags": ", ".join(task.tags),
        "estimate_minutes": clock(task.estimate_minutes) if task.estimate_minutes is not None else "",
    }
