"""What the audit log is narrowed by: part of its address."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.registry.auditing import audited

if TYPE_CHECKING:
    from datetime import date

    from box.core.audit.models import RecordQuerySet

# What stands for the object and for details in the list of kinds.
_BLANK = "…"


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return _BLANK


def label_of(kind: str) -> str:
    return str(audited[kind].sentence) % _Blanks()


class AuditFilter(forms.Form):
    q = forms.CharField(required=False, max_length=200, label=_("Who or what"))
    kind = forms.ChoiceField(required=False, label=_("What was done"))
    by = forms.ModelChoiceField(User.objects.all(), required=False, widget=forms.HiddenInput)
    since = forms.DateField(required=False, label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label=_("To"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        kinds = sorted(((kind, label_of(kind)) for kind, _audited in audited.items()), key=lambda one: one[1])
        self.fields["kind"].choices = [("", _("everything")), *kinds]  # type: ignore[attr-defined]

    def found(self) -> RecordQuerySet:
        """The records, newest first. What cannot be understood narrows nothing."""
        self.is_valid()
        chosen = self.cleaned_data
        found: RecordQuerySet = AuditRecord.objects.newest_first()
        if chosen.get("q"):
            found = found.matching(chosen["q"])
        if chosen.get("kind"):
            found = found.filter(kind=chosen["kind"])
        if chosen.get("by"):
            found = found.filter(by_id=chosen["by"].pk)
        if chosen.get("since"):
            found = found.filter(at__gte=_morning_of(chosen["since"]))
        if chosen.get("until"):
            found = found.filter(at__lt=_morning_of(chosen["until"] + timedelta(days=1)))
        return found

    def address(self) -> dict[str, str]:
        """The filter as it stands in an address."""
        return {name: value for name in self.fields if (value := self.data.get(name, ""))}


def _morning_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
