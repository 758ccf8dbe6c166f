"""What people send about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.translation import gettext_lazy as _

from box.core.accounts.custom_fields import editable
from box.core.accounts.models import User
from box.core.fields.forms import FieldsForm
from box.core.fields.values import values_of
from box.core.registry.company import TIME_ZONE, time_zones
from box.lib.forms import set_choices

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


def _password(
    label: _StrOrPromise, *, is_new: bool = False, longest: int = 1024, is_first: bool = False
) -> forms.CharField:
    """`longest` in characters; spaces at its ends belong to it. What `is_first` has the focus of its page."""
    attrs = {"autocomplete": "new-password" if is_new else "current-password"}
    widget = forms.PasswordInput(attrs=attrs | ({"autofocus": True} if is_first else {}))
    return forms.CharField(label=label, max_length=longest, strip=False, widget=widget)


def _login() -> forms.CharField:
    attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label=_("Login or e-mail"), max_length=254, widget=forms.TextInput(attrs=attrs))


class SignInForm(forms.Form):
    login = _login()
    password = _password(_("Password"))


class ForgottenForm(forms.Form):
    login = _login()


class NewPasswordForm(forms.Form):
    """Of who has none yet, or has forgotten it."""

    password = _password(_("Choose a password"), is_new=True)

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
    password = _password(_("Password"), is_first=True)


class PasswordForm(forms.Form):
    current = _password(_("Your password now"))
    new = _password(_("New password"), is_new=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new"].help_text = " ".join(password_validators_help_texts())


class KeptPasswordForm(forms.Form):
    """Of a password that somebody else keeps, whose rules are not known here."""

    current = _password(_("Your password now"))
    # More than Windows takes at its own sign-in nobody could type there.
    new = _password(_("New password"), is_new=True, longest=127)
    again = _password(_("The new password once more"), is_new=True, longest=127)

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
