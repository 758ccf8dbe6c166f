"""How people come and go, and when to ask first."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory.mapping import Rules
from box.console.directory.forms.fields import bases_in, lines, one_line
from box.core.accounts.custom_fields import settled_fields
from box.core.fields.models import Field

# In what kinds of fields employee numbers may stand.
NUMBERED = (Field.Kind.TEXT, Field.Kind.NUMBER)


def _number_fields() -> list[tuple[str, str]]:
    numbered = [(field.key, field.name) for field in settled_fields() if field.kind in NUMBERED]
    return [("", _("no field: nobody is known by a number")), *numbered]


class RulesForm(forms.Form):
    """How people come and go, and when to ask first."""

    without_email = forms.ChoiceField(
        label=gettext_lazy("Who has no e-mail"),
        choices=[("import", gettext_lazy("is imported all the same")), ("skip", gettext_lazy("is left out"))],
    )
    without_name = forms.ChoiceField(
        label=gettext_lazy("Who has no name"),
        choices=[("skip", gettext_lazy("is left out")), ("import", gettext_lazy("is imported all the same"))],
    )
    matching = forms.ChoiceField(
        label=gettext_lazy("Who works here already is known by"),
        choices=[
            ("either", gettext_lazy("the e-mail or the login")),
            ("email", gettext_lazy("the e-mail")),
            ("login", gettext_lazy("the login")),
            ("none", gettext_lazy("nothing: everybody is created anew")),
        ],
        help_text=gettext_lazy("Whoever looks after the box is never taken over by a directory."),
    )
    number_field = forms.ChoiceField(
        label=gettext_lazy("Employee numbers of who works here stand in"),
        required=False,
        choices=_number_fields,
        help_text=gettext_lazy(
            "Whoever has the number of an entry there is the same person; whoever has another one is not,"
            " whatever their e-mail. Only a field that nobody fills in of themselves can be chosen."
        ),
    )
    phone_region = forms.CharField(
        label=gettext_lazy("Country of phones without a code"),
        max_length=2,
        min_length=2,
        help_text=gettext_lazy("Two letters, such as RU or DE."),
    )
    gone = forms.ChoiceField(
        label=gettext_lazy("Whom the directory does not show any more"),
        choices=[("suspend", gettext_lazy("is suspended")), ("keep", gettext_lazy("stays as before"))],
    )
    again = forms.ChoiceField(
        label=gettext_lazy("Whose entry was deleted and made anew"),
        choices=[
            ("ask", gettext_lazy("is asked about")),
            ("number", gettext_lazy("is linked by itself where the employee number is the same")),
        ],
    )
    excluded = forms.CharField(
        label=gettext_lazy("Units that are left out"),
        required=False,
        max_length=20_000,
        widget=lines(3),
        help_text=gettext_lazy("One a line, such as that of service accounts: nobody in it is imported."),
    )
    leavers = forms.CharField(
        label=gettext_lazy("Where those are who have left"),
        required=False,
        max_length=1000,
        widget=one_line(),
        help_text=gettext_lazy("The unit that disabled accounts are moved to, if there is one."),
    )
    dismiss_after_days = forms.IntegerField(
        label=gettext_lazy("Dismissed after so many days"),
        required=False,
        min_value=0,
        max_value=3650,
        help_text=gettext_lazy("Gone, expired, or with those who have left; empty: never by itself."),
    )
    guard_people = forms.IntegerField(
        label=gettext_lazy("Ask before more people a day are suspended or dismissed than"),
        min_value=1,
        max_value=100_000,
    )
    guard_percent = forms.FloatField(
        label=gettext_lazy("or than this share of all, in percent"), min_value=0.1, max_value=100
    )
    guard_base_percent = forms.FloatField(
        label=gettext_lazy("or than this share of one base, in percent"), min_value=0.1, max_value=100
    )

    COMING = (
        *("without_email", "without_name", "matching", "number_field", "again", "phone_region", "excluded"),
    )
    LEAVING = ("gone", "leavers", "dismiss_after_days")
    GUARD = ("guard_people", "guard_percent", "guard_base_percent")

    def __init__(self, rules: Rules, data: Any = None) -> None:
        names = (*self.COMING, *self.LEAVING, *self.GUARD)
        super().__init__(data, initial={name: getattr(rules, name) for name in names})
        self.initial["excluded"] = "\n".join(rules.excluded)
        self.rules = rules

    def clean_phone_region(self) -> str:
        region: str = self.cleaned_data["phone_region"].upper()
        if not re.fullmatch(r"[A-Z]{2}", region):
            raise forms.ValidationError(_("Write two letters, such as RU."))
        return region

    def clean_leavers(self) -> str:
        bases = bases_in(self.cleaned_data["leavers"])
        return bases[0] if bases else ""

    def clean_excluded(self) -> tuple[str, ...]:
        return tuple(bases_in(self.cleaned_data["excluded"]))

    def result(self) -> Rules:
        """Of a form that is valid."""
        return replace(self.rules, **self.cleaned_data)
