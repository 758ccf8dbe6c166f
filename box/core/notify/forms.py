"""What a person decides about being told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.notify.actions import Decision
from box.core.notify.models import Preferences
from box.core.notify.topics import is_mailed, is_told, topics
from box.lib.forms import set_choices


class DecisionForm(forms.Form):
    """Two boxes a topic, the quiet hours, and the daily summary."""

    told = forms.MultipleChoiceField(required=False)
    mailed = forms.MultipleChoiceField(required=False)
    quiet_from = forms.TimeField(
        label=gettext_lazy("Quiet from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=gettext_lazy("until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    digest = forms.BooleanField(
        label=gettext_lazy("Once a day, at nine, a letter with what you have not read"), required=False
    )

    def __init__(self, preferences: Preferences | None, data: Any = None) -> None:
        known = topics()
        initial: dict[str, Any] = {
            "told": [topic.key for topic in known if is_told(preferences, topic)],
            "mailed": [topic.key for topic in known if is_mailed(preferences, topic)],
        }
        if preferences is not None:
            initial |= {name: getattr(preferences, name) for name in ("quiet_from", "quiet_until", "digest")}
        super().__init__(data, initial=initial)
        for name in ("told", "mailed"):
            set_choices(self, name, [(topic.key, topic.label) for topic in known])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (cleaned.get("quiet_from") is None) != (cleaned.get("quiet_until") is None) and not self.errors:
            raise forms.ValidationError(_("Write both ends of the quiet hours, or neither."))
        return cleaned

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A line for each topic, as the page shows it."""
        told, mailed = self["told"].value() or (), self["mailed"].value() or ()
        return [
            {
                "key": topic.key,
                "label": topic.label,
                "is_told": topic.key in told,
                "is_mailed": topic.key in mailed,
            }
            for topic in topics()
        ]

    @property
    def decision(self) -> Decision:
        chosen = self.cleaned_data
        return Decision(
            hidden=frozenset(topic.key for topic in topics()) - frozenset(chosen["told"]),
            mailed=frozenset(chosen["mailed"]),
            quiet_from=chosen["quiet_from"],
            quiet_until=chosen["quiet_until"],
            digest=chosen["digest"],
        )
