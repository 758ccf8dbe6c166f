"""The settings of a section as a form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.portal.models import CalendarDay
from box.core.registry.settings import Setting, sections, settings

FIELDS: dict[type, type[forms.Field]] = {
    bool: forms.BooleanField,
    int: forms.IntegerField,
    str: forms.CharField,
}


class SettingsForm(forms.Form):
    """Its fields are what the rooms have declared; without data it shows what holds now."""

    def __init__(self, section: str, data: Any = None) -> None:
        super().__init__(data, initial={})
        self.section = sections[section]
        self.settings = [setting for setting in settings if setting.section == section]
        for setting in self.settings:
            self.fields[setting.key] = self._field(setting)

    def _field(self, setting: Setting[Any]) -> forms.Field:
        if setting.is_secret:
            return forms.CharField(
                label=setting.label,
                required=False,
                strip=False,
                help_text=" ".join(filter(None, [str(setting.help), _("Left empty, it stays as it is.")])),
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            )
        field = setting.field() if setting.field else FIELDS[type(setting.default)](required=_needs(setting))
        field.label, field.help_text, field.initial = setting.label, str(setting.help), setting.value
        return field

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.section.check and not self.errors:
            self.section.check(cleaned)
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, as JSON's own types."""
        return {
            setting.key: self.cleaned_data[setting.key]
            for setting in self.settings
            if not (setting.is_secret and not self.cleaned_data[setting.key])
        }


def _needs(setting: Setting[Any]) -> bool:
    return isinstance(setting.default, int) and not isinstance(setting.default, bool)


class DayForm(forms.ModelForm[CalendarDay]):
    """What the company decides about one day of the year."""

    class Meta:
        model = CalendarDay
        fields = ("on", "kind", "name")
        labels = {"on": gettext_lazy("Day"), "kind": gettext_lazy("What it is"), "name": gettext_lazy("Name")}
        widgets = {"on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})}

    def validate_unique(self) -> None:
        """A day that was decided upon may be decided upon anew."""
