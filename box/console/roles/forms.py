"""What an administrator sends about roles."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.access.principals import is_person
from box.core.access.rights import rights
from box.core.registry.capabilities import menu, own_pages
from box.core.structure.names import named
from box.lib.forms import set_choices

if TYPE_CHECKING:
    from box.core.access.roles import RoleNow


class RoleForm(forms.Form):
    """A role with its rights and who holds it; of the built-in ones only what can be chosen about them."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    rights = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    needs_second_factor = forms.BooleanField(
        required=False, label=gettext_lazy("Signs in with a second factor besides the password")
    )
    networks = forms.CharField(
        required=False,
        max_length=2000,
        label=gettext_lazy("Only from these networks"),
        help_text=gettext_lazy("One a line, such as 10.0.0.0/8 or 2001:db8::/32; none: from anywhere."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, role: RoleNow | None, data: QueryDict | None = None) -> None:
        initial: dict[str, Any] = {}
        if role:
            initial = {
                "name": role.own_name,
                "rights": sorted(role.rights),
                "needs_second_factor": role.needs_second_factor,
                "networks": "\n".join(role.networks),
            }
        super().__init__(data, initial=initial)
        self.role = role
        self.sent = data or QueryDict()
        set_choices(self, "rights", [(key, right.label) for key, right in rights.items()])
        if role and role.key:
            del self.fields["name"]

    def clean(self) -> dict[str, Any] | None:
        """The principals come from the picker, under the name that it has everywhere."""
        cleaned = super().clean() or self.cleaned_data
        codes = set(self.sent.getlist("audience"))
        if codes - named(codes).keys():
            raise forms.ValidationError(_("Choose again who holds the role: one of them is unknown here."))
        if self.role and self.role.is_administrators and not all(map(is_person, codes)):
            raise forms.ValidationError(_("Only single people can be administrators."))
        self.cleaned_data["codes"] = codes
        return cleaned

    def sections(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """The rights under the names of their sections, in the order of the menu."""
        order = {key: entry.order for key, entry in menu.items()}
        by_section = sorted(rights.items(), key=lambda one: (order.get(one[1].section, 1000), one[1].section))
        return [
            (title_of(section), list(group))
            for section, group in groupby(by_section, key=lambda one: one[1].section)
        ]

    def chosen(self) -> set[str]:
        return set(self["rights"].value() or ())


def title_of(section: str) -> str:
    known = next((entries[section] for entries in (menu, own_pages) if section in entries), None)
    return str(known.label) if known else section.capitalize()


class ReportForm(forms.Form):
    """Whose rights, and on which day."""

    q = forms.CharField(required=False, max_length=200, label=gettext_lazy("Name, login or e-mail"))
    person = forms.IntegerField(required=False, min_value=1)
    on = forms.DateField(
        required=False,
        label=gettext_lazy("On the day"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def moment(self) -> datetime:
        """The end of the day asked about; now, where that is yet to come."""
        day: date | None = self.cleaned_data.get("on")
        now = timezone.now()
        if day is None:
            return now
        return min(now, datetime.combine(day, time.max, tzinfo=timezone.get_current_timezone()))
