"""What several of the forms have in them."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext as _
from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.dn import parse_dn

from box.bridges.directory.probe import is_filter


def lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocapitalize": "off"})


def one_line() -> forms.TextInput:
    return forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"})


def bases_in(text: str) -> list[str]:
    """Names in a directory, one a line. Raises ValidationError."""
    bases = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    for base in bases:
        try:
            parse_dn(base)
        except LDAPInvalidDnError:
            raise forms.ValidationError(
                _("%(base)s is no name in a directory: write it like ou=staff,dc=corp,dc=example.")
                % {"base": base}
            ) from None
    return bases


def filter_in(text: str) -> str:
    """Raises ValidationError for what is no filter of LDAP."""
    text = " ".join(text.split())
    if text and not is_filter(text):
        raise forms.ValidationError(
            _("Filters have each condition in brackets, such as (&(objectClass=person)(mail=*)).")
        )
    return text
