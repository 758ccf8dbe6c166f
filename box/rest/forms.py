"""What people say about a webhook that they make."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.registry.rest import TRANSFER, hook_events, scopes
from box.core.registry.services import is_on
from box.lib.forms import set_choices
from box.rest.actions import NewWebhook
from box.rest.oauth import NewApplication
from box.rest.outgoing import NewListener

if TYPE_CHECKING:
    from box.core.accounts.models import User


def offer_scopes(form: forms.Form, *, without: Collection[str] = ()) -> None:
    """Those of services that are on."""
    known = ((key, scope) for key, scope in scopes.items() if is_on(scope.room) and key not in without)
    offered = ((key, f"{scope.label}: {scope.help}") for key, scope in known)
    set_choices(form, "scopes", offered)


class WebhookForm(forms.Form):
    name = forms.CharField(
        label=_("What will use it"),
        max_length=100,
        help_text=_("Such as the name of the program. It also stands in the audit log."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may"),
        help_text=_("Never more than you may yourself. Choose no more than the program needs."),
        widget=forms.CheckboxSelectMultiple,
    )
    expires_on = forms.DateField(
        label=_("Good until and including"),
        required=False,
        help_text=_("Without a day it serves until it is revoked."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Others could choose it, and nothing would come of it.
        offer_scopes(self, without=() if by.is_administrator else (TRANSFER,))

    def new_webhook(self) -> NewWebhook:
        values = self.cleaned_data
        return NewWebhook(values["name"], tuple(values["scopes"]), values["expires_on"])


class ApplicationForm(forms.Form):
    name = forms.CharField(
        label=_("What it is called"),
        max_length=100,
        help_text=_("People read it when they are asked to allow it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    redirect_uri = forms.CharField(
        label=_("Where it gets people back (redirect_uri)"),
        max_length=500,
        widget=forms.TextInput(
            attrs={"placeholder": "https://", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    page = forms.CharField(
        label=_("Its page in the portal"),
        max_length=500,
        required=False,
        help_text=_("Shown under “Applications”, in a frame. Without one it works by itself."),
        widget=forms.TextInput(
            attrs={"placeholder": "https://", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may"),
        help_text=_("Never more than whoever allows it may themselves."),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_scopes(self)

    def new_application(self) -> NewApplication:
        values = self.cleaned_data
        return NewApplication(
            values["name"], values["redirect_uri"].strip(), tuple(values["scopes"]), values["page"].strip()
        )


class ListenerForm(forms.Form):
    name = forms.CharField(
        label=_("What is told"),
        max_length=100,
        help_text=_("Such as the name of the program."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    address = forms.URLField(
        label=_("Its address"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Never one of the box itself. What is sent there names things by their numbers only."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )
    events = forms.MultipleChoiceField(label=_("What it is told of"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["events"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - as it stands above
        field.choices = [(key, one.label) for key, one in hook_events.items() if is_on(one.room)]

    def new_listener(self) -> NewListener:
        values = self.cleaned_data
        return NewListener(values["name"], values["address"], tuple(values["events"]))
