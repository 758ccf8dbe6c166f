"""Where a directory is."""

from __future__ import annotations

import re
from copy import copy
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.directory import controllers
from box.bridges.directory.certificates import certificates
from box.bridges.directory.client import server_of
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import preset
from box.console.directory.forms.fields import bases_in, filter_in, lines, one_line

MOST_SERVERS = 10
_SERVER = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?")


class ConnectionForm(forms.Form):
    """Where a directory is. Only the first few are asked of everybody; the preset knows the rest."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What comes from it carries this name in the portal."),
    )
    servers = forms.CharField(
        label=gettext_lazy("Servers"),
        max_length=2000,
        widget=lines(2),
        help_text=gettext_lazy(
            "One a line, such as dc1.corp.example; the next is asked where one does not answer. Or a name"
            " under which DNS has them: _ldap._tcp.dc._msdcs.corp.example, and before it that of your site."
        ),
    )
    bind_dn = forms.CharField(
        label=gettext_lazy("Account"), max_length=1000, required=False, widget=one_line()
    )
    password = forms.CharField(
        label=gettext_lazy("Password of the account"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    people_bases = forms.CharField(
        label=gettext_lazy("Where the people are"),
        max_length=5000,
        required=False,
        widget=lines(2),
        help_text=gettext_lazy("One a line; empty: all that the server holds."),
    )
    security = forms.ChoiceField(label=gettext_lazy("Encryption"), choices=Connection.Security)
    ca_pem = forms.CharField(
        label=gettext_lazy("Trusted authority"),
        max_length=50_000,
        required=False,
        widget=lines(3),
        help_text=gettext_lazy(
            "The certificate of the company's own authority, in PEM; empty: those that the machine trusts."
        ),
    )
    people_filter = forms.CharField(
        label=gettext_lazy("Who counts as a person"), max_length=2000, required=False, widget=lines(2)
    )
    group_bases = forms.CharField(
        label=gettext_lazy("Where the groups are"),
        max_length=5000,
        required=False,
        widget=lines(2),
        help_text=gettext_lazy("One a line; empty: the same as the people."),
    )
    group_filter = forms.CharField(
        label=gettext_lazy("What counts as a group"), max_length=2000, required=False, widget=lines(2)
    )

    FIRST = ("name", "servers", "bind_dn", "password", "people_bases")
    MORE = ("security", "people_filter", "group_bases", "group_filter")

    def __init__(self, connection: Connection, data: Any = None, *, is_locked: bool = False) -> None:
        """Of one that is locked a browser sends its name and its password, and the rest is as it was."""
        stored = {name: getattr(connection, name) for name in (*self.FIRST, *self.MORE) if name != "password"}
        initial = {
            name: "\n".join(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        super().__init__(data, initial={**initial, "ca_pem": connection.ca_pem})
        self.stored = connection
        self.fields["bind_dn"].help_text = {
            Connection.Kind.AD: _("Any ordinary user of the domain suffices, such as portal@corp.example."),
        }.get(
            Connection.Kind(connection.kind),
            _("Its whole name, such as uid=portal,ou=people,dc=corp,dc=example."),
        )
        # A domain shows nothing to who hasn't signed in; other directories may.
        self.fields["bind_dn"].required = connection.kind == Connection.Kind.AD
        self.fields["password"].required = (
            self.fields["bind_dn"].required and not connection.bind_password_sealed
        )
        usual = preset(connection.kind)
        self.fields["people_filter"].widget.attrs["placeholder"] = usual.people_filter
        self.fields["group_filter"].widget.attrs["placeholder"] = usual.group_filter
        if connection.bind_password_sealed:
            self.fields["password"].help_text = _("It is stored and shown to nobody; empty: it stays.")
        for key, one in self.fields.items():
            one.disabled = is_locked and key not in ("name", "password") and key not in (data or ())

    def clean_servers(self) -> list[str]:
        text = re.sub(r"\bldaps?://", "", self.cleaned_data["servers"])
        servers = list(dict.fromkeys(re.split(r"[\s,;/]+", text.strip(" /\n\r\t"))))
        for server in servers:
            if controllers.is_name(server):
                continue
            is_written = _SERVER.fullmatch(server) and not server.startswith("_")
            if not is_written or not 0 < server_of(server, "ldaps").port < 2**16:
                raise forms.ValidationError(
                    _("%(server)s is no name of a server: write it like dc1.corp.example or 10.0.0.5:636.")
                    % {"server": server}
                )
        if len(servers) > MOST_SERVERS:
            raise forms.ValidationError(_("At most %(most)s servers.") % {"most": MOST_SERVERS})
        return servers

    def clean_people_bases(self) -> list[str]:
        return bases_in(self.cleaned_data["people_bases"])

    def clean_group_bases(self) -> list[str]:
        return bases_in(self.cleaned_data["group_bases"])

    def clean_people_filter(self) -> str:
        return filter_in(self.cleaned_data["people_filter"])

    def clean_group_filter(self) -> str:
        return filter_in(self.cleaned_data["group_filter"])

    def clean_ca_pem(self) -> str:
        text: str = self.cleaned_data["ca_pem"].strip()
        if not text:
            return ""
        try:
            found = certificates(text)
        except ValueError:
            raise forms.ValidationError(
                _("This is no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----.")
            ) from None
        return "".join(one.pem for one in found)

    def clean(self) -> dict[str, Any] | None:
        """The stored password goes to nobody but the servers that it was given for."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("bind_dn") and not cleaned.get("password"):
            if not self.stored.bind_password_sealed:
                self.add_error("password", _("Write the password of the account."))
            elif self._leads_elsewhere(cleaned):
                self.add_error("password", _("Write the password again: it would go to another place now."))
        return cleaned

    def _leads_elsewhere(self, cleaned: dict[str, Any]) -> bool:
        added = set(cleaned.get("servers", ())) - set(self.stored.servers)
        is_weaker = self.stored.is_encrypted and cleaned.get("security") == Connection.Security.PLAIN
        return bool(added) or is_weaker

    def connection(self) -> Connection:
        """As the form says, not saved. Of a form that is valid."""
        made = copy(self.stored)
        chosen = self.cleaned_data
        for name in (*self.FIRST, *self.MORE, "ca_pem"):
            if name != "password" and not self.fields[name].disabled:
                setattr(made, name, chosen[name])
        if chosen["password"]:
            made.bind_password = chosen["password"]
        if not chosen["bind_dn"]:
            made.bind_password = ""
        return made
