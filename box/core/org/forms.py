"""What an administrator sends about people."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from box.core.accounts.actions import NewUser
from box.core.org.models import Department

# Without letters and digits that are mistaken for each other when a password is read from paper.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_password() -> str:
    """Easy to read out: three groups of five."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(3))


class EmployeeForm(forms.Form):
    """A person who joins."""

    last_name = forms.CharField(label=_("Last name"), max_length=100)
    first_name = forms.CharField(label=_("First name"), max_length=100)
    patronymic = forms.CharField(label=_("Patronymic"), max_length=100, required=False)
    email = forms.EmailField(label=_("E-mail"))
    login = forms.CharField(
        label=_("Login"), max_length=150, required=False, help_text=_("Without one, the e-mail is the login.")
    )
    position = forms.CharField(label=_("Position"), max_length=200, required=False)
    department = forms.ModelChoiceField(
        Department.objects.by_name(), label=_("Department"), required=False, empty_label=_("none")
    )
    phone = forms.CharField(
        label=_("Phone"), max_length=32, required=False, widget=forms.TextInput(attrs={"type": "tel"})
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    password = forms.CharField(
        label=_("First password"),
        max_length=1024,
        strip=False,
        help_text=_("Give it to the person; they can change it at once in their menu."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    is_administrator = forms.BooleanField(label=_("Administrator of the box"), required=False)

    def new_user(self) -> NewUser:
        fields: dict[str, Any] = {
            name: value for name, value in self.cleaned_data.items() if name not in ("department", "password")
        }
        return NewUser(**fields)


class PeopleFilter(forms.Form):
    """What the list of people is narrowed by: part of its address."""

    q = forms.CharField(required=False, max_length=200)
    department = forms.ModelChoiceField(Department.objects.by_name(), required=False)
    status = forms.ChoiceField(choices=[("", ""), ("suspended", ""), ("dismissed", "")], required=False)
    after = forms.IntegerField(required=False, min_value=1)
