"""Whom the directory's passwords and tickets let in."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory.mapping import SignIn
from box.bridges.directory.models import Connection
from box.console.directory.forms.fields import bases_in, filter_in, lines

LARGEST_KEYTAB = 64 * 1024
_REALM = re.compile(r"[A-Z0-9]([A-Z0-9.-]*[A-Z0-9])?")


class SignInForm(forms.Form):
    """Whether people sign in with the directory's password, and who of them."""

    is_on = forms.BooleanField(
        label=gettext_lazy("People sign in with their password of the directory"), required=False
    )
    changes_passwords = forms.BooleanField(
        label=gettext_lazy("They change it in the portal too"),
        required=False,
        help_text=gettext_lazy(
            "By their own right and with the password that they have, where the directory allows it."
        ),
    )
    required_groups = forms.CharField(
        label=gettext_lazy("Only members of these groups"),
        required=False,
        max_length=5000,
        widget=lines(2),
        help_text=gettext_lazy(
            "Names such as CN=Portal,OU=Groups,DC=corp,DC=example, one a line; empty: all."
        ),
    )
    denied_groups = forms.CharField(
        label=gettext_lazy("Never members of these"), required=False, max_length=5000, widget=lines(2)
    )
    filter = forms.CharField(
        label=gettext_lazy("Only whom this filter takes"),
        required=False,
        max_length=2000,
        widget=lines(2),
        help_text=gettext_lazy("Such as (employeeType=staff); empty: everybody who was imported."),
    )
    attempts = forms.IntegerField(
        label=gettext_lazy("Wrong passwords that are passed on"),
        min_value=1,
        max_value=100,
        help_text=gettext_lazy(
            "Of one login; then the directory is left alone for a while, so that nobody can lock an account"
            " from outside. Fewer than the directory itself allows."
        ),
    )
    attempts_minutes = forms.IntegerField(
        label=gettext_lazy("For so many minutes"), min_value=1, max_value=1440
    )

    kerberos_realm = forms.CharField(
        label=gettext_lazy("Kerberos realm"),
        max_length=255,
        required=False,
        help_text=gettext_lazy(
            "Such as CORP.EXAMPLE: computers of the domain sign their people in by themselves. Empty: none"
            " does."
        ),
    )
    kerberos_networks = forms.CharField(
        label=gettext_lazy("Networks of these computers"),
        required=False,
        max_length=5000,
        widget=lines(2),
        help_text=gettext_lazy("Such as 10.0.0.0/8, one a line. Elsewhere no browser is asked."),
    )
    keytab = forms.FileField(
        label=gettext_lazy("Keytab of HTTP/%(host)s"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".keytab"}),
    )

    def __init__(self, connection: Connection, data: Any = None, files: Any = None) -> None:
        sign_in = connection.sign_in
        super().__init__(
            data,
            files,
            initial={
                "is_on": sign_in.is_on,
                "changes_passwords": sign_in.changes_passwords,
                "required_groups": "\n".join(sign_in.required_groups),
                "denied_groups": "\n".join(sign_in.denied_groups),
                "filter": sign_in.filter,
                "attempts": sign_in.attempts,
                "attempts_minutes": sign_in.attempts_minutes,
                "kerberos_realm": sign_in.kerberos_realm,
                "kerberos_networks": "\n".join(sign_in.kerberos_networks),
            },
        )
        self.sign_in = sign_in
        self.is_encrypted = connection.is_encrypted
        self.has_keytab = bool(connection.keytab_sealed)
        host = urlsplit(settings.PORTAL_URL).hostname or ""
        self.fields["keytab"].label = _("Keytab of HTTP/%(host)s") % {"host": host}
        if self.has_keytab:
            self.fields["keytab"].help_text = _("One is kept, encrypted. Another file takes its place.")

    def clean_required_groups(self) -> list[str]:
        return bases_in(self.cleaned_data["required_groups"])

    def clean_denied_groups(self) -> list[str]:
        return bases_in(self.cleaned_data["denied_groups"])

    def clean_filter(self) -> str:
        return filter_in(self.cleaned_data["filter"])

    def clean_kerberos_realm(self) -> str:
        realm: str = self.cleaned_data["kerberos_realm"].strip().upper()
        if realm and not _REALM.fullmatch(realm):
            raise forms.ValidationError(_("Write a realm such as CORP.EXAMPLE."))
        return realm

    def clean_kerberos_networks(self) -> list[str]:
        networks: list[str] = self.cleaned_data["kerberos_networks"].split()
        for network in networks:
            try:
                ip_network(network)
            except ValueError:
                text = _("%(network)s is no network: write it like 10.0.0.0/8.")
                raise forms.ValidationError(text % {"network": network}) from None
        return networks

    def clean_keytab(self) -> bytes:
        """Empty: the one that is kept stays."""
        sent = self.cleaned_data["keytab"]
        if sent is None:
            return b""
        content: bytes = sent.read(LARGEST_KEYTAB + 1)
        if not content.startswith(b"\x05\x02") or len(content) > LARGEST_KEYTAB:
            raise forms.ValidationError(
                _("This file is no keytab: give the one that ktpass or samba-tool wrote.")
            )
        return content

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or {}
        if chosen.get("kerberos_realm"):
            if not chosen.get("keytab") and not self.has_keytab and not self.has_error("keytab"):
                self.add_error("keytab", _("The realm needs the portal's keytab: give its file."))
            if not chosen.get("kerberos_networks") and not self.has_error("kerberos_networks"):
                self.add_error("kerberos_networks", _("Name the networks in which browsers are asked."))
        return chosen

    def clean_changes_passwords(self) -> bool:
        if self.cleaned_data["changes_passwords"] and not self.is_encrypted:
            raise forms.ValidationError(
                _("Passwords are changed over an encrypted line only: choose LDAPS or StartTLS first.")
            )
        return bool(self.cleaned_data["changes_passwords"])

    def result(self) -> SignIn:
        """Of a form that is valid."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name != "keytab"}
        several = ("required_groups", "denied_groups", "kerberos_networks")
        return replace(self.sign_in, **(chosen | {name: tuple(chosen[name]) for name in several}))
