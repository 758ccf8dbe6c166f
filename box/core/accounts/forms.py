"""What people send about themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.translation import gettext_lazy as _

from box.core.accounts.custom_fields import editable
from box.core.accounts.models import User
from box.core.fields.forms import FieldsForm
from box.core.fields.values import values_of
from box.core.registry.company import TIME_ZONE, time_zones
from box.lib.forms import set_choices


class SignInForm(forms.Form):
    login = forms.CharField(
        label=_("Login or e-mail"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class JoiningForm(forms.Form):
    """What who was invited chooses."""

    password = forms.CharField(
        label=_("Choose a password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())


class CodeForm(forms.Form):
    """The second step."""

    code = forms.CharField(
        label=_("Code from your app"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class TotpForm(forms.Form):
    code = forms.CharField(
        label=_("The code that the app shows"),
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


class ProofForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class PasswordForm(forms.Form):
    current = forms.CharField(
        label=_("Your password now"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        self.fields["new"].help_text = " ".join(password_validators_help_texts())

    def clean_current(self) -> str:
        current: str = self.cleaned_data["current"]
        if not self.person.check_password(current):
            raise forms.ValidationError(_("This is not your password: write the one you sign in with."))
        return current


class KeptPasswordForm(forms.Form):
    """Of a password that somebody else keeps, whose rules are not known here."""

    current = PasswordForm.base_fields["current"]
    # More than Windows takes at its own sign-in nobody could type there.
    new = forms.CharField(
        label=_("New password"),
        max_length=127,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The new password once more"),
        max_length=127,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        written: dict[str, Any] = super().clean() or {}
        new, again = written.get("new"), written.get("again")
        if new and again and new != again:
            self.add_error("again", _("The two are not the same: write the new password twice."))
        if new and new == written.get("current"):
            self.add_error("new", _("This is the password that you have now: write another one."))
        return written


class ProfileForm(forms.ModelForm[User]):
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    class Meta:
        model = User
        fields = (
            "last_name",
            "first_name",
            "patronymic",
            "former_last_name",
            "position",
            "phone",
            "city",
            "gender",
            "birthday_on",
            "birthday_shown",
            "time_zone",
        )
        widgets = {
            "birthday_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, source in self.instance.owners.items():
            if name in self.fields:
                self.fields[name].disabled = True
                self.fields[name].help_text = _("Kept in %(source)s: it is changed there.") % {
                    "source": source
                }
        self.fields["birthday_shown"].required = False
        usual = _("%(zone)s, like the box") % {"zone": TIME_ZONE.value}
        set_choices(self, "time_zone", [("", usual), *time_zones()])

    def clean_birthday_shown(self) -> str:
        """Who says nothing of it leaves it as it is."""
        return self.cleaned_data["birthday_shown"] or self.instance.birthday_shown


def custom_fields_form(person: User, data: Any = None, *, by: User) -> FieldsForm:
    """The fields of a profile that the company has defined: those that this person may fill in."""
    fields = editable(person, by=by)
    has = values_of(fields, person.pk)
    return FieldsForm(fields, data, values=has, by=by, locked=person.owners if fields else {})
