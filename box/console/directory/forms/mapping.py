"""What of the directory becomes what of the portal."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory.browse import is_secret
from box.bridges.directory.mapping import PROFILE_FIELDS, FieldRule, Mapping
from box.bridges.directory.targets import targets
from box.bridges.directory.transforms import TRANSFORMS
from box.console.directory.forms.fields import one_line
from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.profile_fields import label_of
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_ATTRIBUTE = re.compile(r"[A-Za-z][\w.;-]*")

_OTHER_LABELS: dict[str, _StrOrPromise] = {
    "department": gettext_lazy("Department"),
    "departments": gettext_lazy("Departments"),
    "name": gettext_lazy("Name"),
    "parent": gettext_lazy("Stands under"),
    "photo": gettext_lazy("Photo"),
    "status": gettext_lazy("Status"),
    "manager": gettext_lazy("Manager"),
    "head": gettext_lazy("Head"),
}


def field_label(name: str) -> str:
    """How people call what a run changes."""
    if own := PROFILE.field(name):
        return own.name
    return label_of(name) if name in PROFILE_FIELDS else str(_OTHER_LABELS.get(name, name))


class MappingForm(forms.Form):
    """Which attribute becomes what of a profile, and how departments are known."""

    photo = forms.CharField(required=False, max_length=200, widget=one_line())
    manager = forms.CharField(
        label=gettext_lazy("Manager"), required=False, max_length=100, widget=one_line()
    )
    disabled = forms.ChoiceField(
        label=gettext_lazy("A disabled account is known by"),
        required=False,
        choices=[
            ("", gettext_lazy("nothing: nobody is suspended for it")),
            ("userAccountControl", "userAccountControl (Active Directory)"),
            ("nsAccountLock", "nsAccountLock (FreeIPA)"),
            ("pwdAccountLockedTime", "pwdAccountLockedTime (OpenLDAP)"),
        ],
    )
    expires = forms.CharField(
        label=gettext_lazy("When the account ends"), required=False, max_length=100, widget=one_line()
    )
    number = forms.CharField(
        label=gettext_lazy("Employee number"),
        required=False,
        max_length=100,
        widget=one_line(),
        help_text=gettext_lazy("By it somebody whose entry was made anew is recognised."),
    )
    departments = forms.ChoiceField(
        label=gettext_lazy("Departments come from"),
        required=False,
        choices=[
            ("ou", gettext_lazy("the tree of organizational units")),
            ("attribute", gettext_lazy("an attribute of each person")),
            ("", gettext_lazy("nowhere: they are kept in the portal")),
        ],
    )
    department_attribute = forms.CharField(
        label=gettext_lazy("Attribute with the department"),
        required=False,
        max_length=100,
        widget=one_line(),
    )
    department_separator = forms.CharField(
        label=gettext_lazy("What parts a path in it"),
        required=False,
        max_length=5,
        strip=False,
        help_text=gettext_lazy("Such as / in “Sales/North”; empty: the whole text is one department."),
    )
    department_root = forms.ModelChoiceField(
        Department.objects.standing().by_name(),
        label=gettext_lazy("They stand under"),
        required=False,
        empty_label=gettext_lazy("the company"),
    )
    heads = forms.ChoiceField(
        label=gettext_lazy("Heads of departments"),
        required=False,
        choices=[
            ("managedBy", gettext_lazy("whom the unit names (managedBy)")),
            ("manager", gettext_lazy("whom most of its people name as their manager")),
            ("", gettext_lazy("are chosen in the portal")),
        ],
    )

    ATTRIBUTES = ("manager", "expires", "number", "department_attribute")

    def __init__(self, mapping: Mapping, data: Any = None) -> None:
        rules = {rule.field: rule for rule in mapping.fields}
        initial: dict[str, Any] = {
            name: getattr(mapping, name)
            for name in ("manager", "disabled", "expires", "number", "departments", "department_attribute",
                         "department_separator", "department_root", "heads")
        }  # fmt: skip
        initial["photo"] = ", ".join(mapping.photo)
        for name in targets():
            rule = rules.get(name, FieldRule(name, ""))
            initial |= {f"attribute-{name}": rule.attribute, f"transform-{name}": rule.transform}
        super().__init__(data, initial=initial)
        self.mapping = mapping
        transforms = [(key, label) for key, (label, _act) in TRANSFORMS.items()]
        for name in targets():
            widget = forms.TextInput(
                attrs={"list": "attributes", "spellcheck": "false", "autocapitalize": "off"}
            )
            self.fields[f"attribute-{name}"] = forms.CharField(
                label=field_label(name), required=name == "login", max_length=100, widget=widget
            )
            self.fields[f"transform-{name}"] = forms.ChoiceField(required=False, choices=transforms)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        names = [f"attribute-{name}" for name in targets()] + list(self.ATTRIBUTES)
        for name in names:
            if cleaned.get(name) and not _ATTRIBUTE.fullmatch(cleaned[name]):
                self.add_error(name, _("This is no name of an attribute."))
            elif is_secret(cleaned.get(name) or ""):
                self.add_error(name, _("Passwords and keys are not read."))
        if cleaned.get("departments") == "attribute" and not cleaned.get("department_attribute"):
            self.add_error("department_attribute", _("Write the attribute that holds the department."))
        photos = [one for one in re.split(r"[\s,;]+", cleaned.get("photo") or "") if one]
        if any(not _ATTRIBUTE.fullmatch(one) for one in photos):
            self.add_error("photo", _("This is no name of an attribute."))
        if any(map(is_secret, photos)):
            self.add_error("photo", _("Passwords and keys are not read."))
        self.cleaned_data["photos"] = tuple(photos)
        return cleaned

    def rows(self) -> list[dict[str, Any]]:
        """A profile field a row, with its two form fields."""
        return [
            {"name": name, "label": field_label(name), "attribute": self[f"attribute-{name}"],
             "transform": self[f"transform-{name}"]}
            for name in targets()
        ]  # fmt: skip

    def result(self) -> Mapping:
        """As the form says; the groups stay. Of a form that is valid."""
        chosen = self.cleaned_data
        root = chosen["department_root"]
        fields = tuple(
            FieldRule(name, chosen[f"attribute-{name}"], chosen[f"transform-{name}"])
            for name in targets()
            if chosen[f"attribute-{name}"]
        )
        return replace(
            self.mapping,
            fields=fields,
            photo=chosen["photos"],
            manager=chosen["manager"],
            disabled=chosen["disabled"],
            expires=chosen["expires"],
            number=chosen["number"],
            departments=chosen["departments"],
            department_attribute=chosen["department_attribute"],
            department_separator=chosen["department_separator"],
            department_root=root.pk if root else None,
            heads=chosen["heads"],
        )
