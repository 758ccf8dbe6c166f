"""What people and administrators send about people."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from box.core.accounts.actions import NewUser
from box.core.accounts.models import User
from box.core.people.absences import Away
from box.core.people.models import Absence
from box.core.people.photos import Square
from box.core.structure.forms import PersonField
from box.core.structure.models import Department

# Without letters and digits that are mistaken for each other when a password is read from paper.
MOST_INVITED = 100

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
        Department.objects.standing().by_name(), label=_("Department"), required=False, empty_label=_("none")
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

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not by.is_administrator:
            del self.fields["is_administrator"]

    def new_user(self) -> NewUser:
        fields: dict[str, Any] = {
            name: value for name, value in self.cleaned_data.items() if name not in ("department", "password")
        }
        return NewUser(**fields)


def _day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class DismissalForm(forms.Form):
    successor = PersonField(
        label=_("Successor"),
        required=False,
        help_text=_("Usually the manager. Without one, nobody has it."),
    )


class AbsenceForm(forms.Form):
    """What somebody is away for, from and to which day; with `of` an absence that there is."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Absence.Kind.choices)
    starts_on = forms.DateField(label=_("First day"), widget=_day())
    ends_on = forms.DateField(label=_("Last day"), widget=_day())
    substitute = PersonField(
        label=_("Substitute"),
        required=False,
        help_text=_("Whom colleagues turn to meanwhile."),
    )
    comment = forms.CharField(label=_("Comment for colleagues"), max_length=200, required=False)

    def __init__(self, data: Any = None, *, of: Absence | None = None) -> None:
        initial = {}
        if of is not None:
            initial = {name: getattr(of, name) for name in ("kind", "starts_on", "ends_on", "comment")}
            initial["substitute"] = f"{of.substitute.name} #{of.substitute.pk}" if of.substitute else ""
        super().__init__(data, initial=initial)

    @property
    def away(self) -> Away:
        """Of a form that is valid."""
        return Away(**self.cleaned_data)


class InvitationForm(forms.Form):
    emails = forms.CharField(
        label=_("E-mails"),
        help_text=_("One a line, or parted by commas."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=10_000,
    )
    department = forms.ModelChoiceField(
        Department.objects.standing().by_name(), label=_("Department"), required=False, empty_label=_("none")
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    def clean_emails(self) -> list[str]:
        found = [email for email in re.split(r"[\s,;]+", self.cleaned_data["emails"].lower()) if email]
        for email in found:
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError(_("%(email)s is no e-mail address."), params={"email": email}) from None
        if len(found) > MOST_INVITED:
            raise ValidationError(_("Import a table to invite so many at once."))
        return list(dict.fromkeys(found))


def square_of(data: Mapping[str, str]) -> Square | None:
    """The square that a form names by `left`, `top` and `side`; None where it names none. Raises
    ValidationError for what are no numbers; whether it lies in the picture is for whoever cuts it to say."""
    said = [data.get(name, "").strip() for name in ("left", "top", "side")]
    if not any(said):
        return None
    # No picture has more pixels a side than these digits can say.
    if not all(re.fullmatch(r"-?[0-9]{1,6}", one) for one in said):
        raise ValidationError(
            _("The square needs three whole numbers: left, top and side. Choose it once more.")
        )
    left, top, side = map(int, said)
    return Square(left, top, side)
