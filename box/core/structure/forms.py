"""What an administrator sends about the structure."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User
from box.core.fields.forms import Suggested
from box.core.structure.models import Department, Membership
from box.core.structure.names import PERSON_KIND
from box.lib.forms import set_queryset


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
        set_queryset(self, self.where, outside.by_name())


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
    """A colleague, chosen by name from those who are offered while one types. Of several of one name each
    is offered with a number, `Anna Test #12`; the login or the e-mail says it, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, widget=Suggested(PERSON_KIND), **kwargs)

    def clean(self, value: Any) -> User | None:
        text = super().clean(value)
        if not text:
            return None
        found = _called(text)
        if len(found) != 1:
            raise forms.ValidationError(
                _("Several are called that: write the e-mail.") if found else _("Nobody is called that.")
            )
        return found[0]


def _called(text: str) -> list[User]:
    """Two of those who may be meant, at most."""
    working = User.objects.employees()
    if numbered := re.fullmatch(r".+ #([0-9]{1,18})", text):
        return list(working.filter(pk=int(numbered[1])))
    found = list(working.filter(Q(login=text.lower()) | Q(email=text.lower()))[:2])
    return found or list(working.matching(text)[:2])


class MemberForm(forms.Form):
    person = PersonField(label=_("Name or e-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)
