"""What an administrator sends about the structure."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User
from box.core.structure.models import Department, Membership


class NameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)


class DepartmentForm(NameForm):
    parent = forms.ModelChoiceField(
        Department.objects.standing().by_name(), label=_("Part of"), required=False, empty_label=None
    )

    def clean_parent(self) -> Department | None:
        """Only the first department stands at the top."""
        parent: Department | None = self.cleaned_data["parent"]
        if parent is None and Department.objects.standing().exists():
            raise forms.ValidationError(_("Choose the department that it is part of."))
        return parent


class _Elsewhere(forms.Form):
    """Offers every department outside of the one that it is about."""

    where: str

    def __init__(self, department: Department, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        outside = Department.objects.standing().exclude(path__contains=[department.pk])
        self.fields[self.where].queryset = outside.by_name()  # type: ignore[attr-defined]


class PlaceForm(_Elsewhere):
    where = "under"
    under = forms.ModelChoiceField(Department.objects.none(), label=_("Part of"), empty_label=_("choose"))


class MergerForm(_Elsewhere):
    where = "into"
    into = forms.ModelChoiceField(Department.objects.none(), label=_("Into"), empty_label=_("choose"))


class TransferForm(forms.Form):
    to = forms.ModelChoiceField(
        Department.objects.standing().by_name(), label=_("To which department"), empty_label=_("choose")
    )


class PersonField(forms.CharField):
    """A colleague, chosen by name: the login or the e-mail stands for who has the same name as another."""

    def clean(self, value: Any) -> User | None:
        text = super().clean(value)
        if not text:
            return None
        working = User.objects.employees()
        found: list[User] = list(working.filter(Q(login=text.lower()) | Q(email=text.lower()))[:2])
        found = found or list(working.matching(text)[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                _("Several are called that: write the e-mail.") if found else _("Nobody is called that.")
            )
        return found[0]


class MemberForm(forms.Form):
    person = PersonField(label=_("Name or e-mail"), max_length=200)
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)
