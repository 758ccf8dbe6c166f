"""What administrators send to their PBXs."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.actions.setup import fields_with_extensions
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.numbers import MOST_RULES
from box.bridges.telephony.plan import RELEASES, Release
from box.core.accounts.models import User
from box.lib.forms import set_choices

_ENDPOINT = re.compile(r"(?:PJSIP|SIP|DAHDI|IAX2)/[A-Za-z0-9_.-]{1,70}")
_BEGINNING = re.compile(r"\+[0-9]{1,15}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_SECRET = forms.PasswordInput(attrs={"autocomplete": "new-password"})


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(re.split(r"[\s,;]+", text.strip()))) if text.strip() else []


class PbxForm(forms.ModelForm[Pbx]):
    """Where a PBX is, and as whom the box signs in."""

    secret = forms.CharField(
        label=gettext_lazy("Secret"), max_length=200, required=False, strip=False, widget=_SECRET
    )
    dsn = forms.CharField(
        label=gettext_lazy("Database of the PBX"),
        max_length=500,
        required=False,
        widget=_SECRET,
        help_text=gettext_lazy(
            "Such as postgresql://reader:password@10.0.0.5/asterisk: a user that may only read."
        ),
    )

    class Meta:
        model = Pbx
        fields = ("name", "is_on", "host", "port", "user", "is_tls", "ca_pem", "logs", "cel_path", "cdr_path")
        labels = {
            "is_on": gettext_lazy("Connected"),
            "is_tls": gettext_lazy("The connection is encrypted (TLS)"),
            "ca_pem": gettext_lazy("Trusted authority"),
            "logs": gettext_lazy("What the PBX writes down"),
            "cel_path": gettext_lazy("File of events (CEL)"),
            "cdr_path": gettext_lazy("File of records (CDR)"),
        }
        help_texts = {
            "name": gettext_lazy("A short word of letters, digits and hyphens: office."),
            "host": gettext_lazy("A name or an address in the company's network."),
            "ca_pem": gettext_lazy(
                "The certificate of the company's own authority, in PEM; empty: those that the machine"
                " trusts."
            ),
            "cel_path": gettext_lazy("As the box sees it."),
            "cdr_path": gettext_lazy("As the box sees it."),
        }
        widgets = {"ca_pem": _lines(3)}

    def __init__(self, data: Any = None, *, pbx: Pbx) -> None:
        super().__init__(data, instance=pbx)
        self.fields["secret"].required = not pbx.secret_sealed
        if pbx.secret_sealed:
            self.fields["secret"].help_text = _("It is stored and shown to nobody; empty: it stays.")
        if pbx.dsn_sealed:
            self.fields["dsn"].help_text = _("It is stored and shown to nobody; empty: it stays.")
        if pbx.pk:
            self.fields["name"].disabled = True

    def validate_unique(self) -> None:
        """That is the action's to say: the same form may be sent twice."""

    def clean_port(self) -> int:
        port: int = self.cleaned_data["port"]
        if not 0 < port < 2**16:
            raise forms.ValidationError(_("A port is a number between 1 and 65535."))
        return port

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("logs") == Pbx.Logs.TABLES and not (cleaned.get("dsn") or self.instance.dsn_sealed):
            self.add_error("dsn", _("Say where the tables are."))
        if cleaned.get("logs") == Pbx.Logs.CSV and not cleaned.get("cel_path"):
            self.add_error("cel_path", _("Say where the file is."))
        return cleaned

    def pbx(self) -> Pbx:
        """As the form says it, not stored yet."""
        made: Pbx = self.save(commit=False)
        if self.cleaned_data["secret"]:
            made.secret = self.cleaned_data["secret"]
        if self.cleaned_data["dsn"]:
            made.dsn = self.cleaned_data["dsn"]
        return made


class NumbersForm(forms.Form):
    """How a PBX writes numbers, and what may be dialled over it."""

    lines = forms.CharField(
        label=gettext_lazy("Lines outside"),
        widget=_lines(2),
        max_length=2000,
        help_text=gettext_lazy("Endpoints of providers, one a line: PJSIP/line."),
    )
    region = forms.CharField(
        label=gettext_lazy("Country"), max_length=2, help_text=gettext_lazy("Two letters: RU.")
    )
    area = forms.CharField(
        label=gettext_lazy("Area code"),
        max_length=6,
        required=False,
        help_text=gettext_lazy("Before numbers of the own city: 495."),
    )
    extension_length = forms.IntegerField(
        label=gettext_lazy("Longest extension"),
        min_value=1,
        max_value=6,
        help_text=gettext_lazy("In digits."),
    )
    trunk_rules = forms.CharField(
        label=gettext_lazy("How lines write numbers"),
        widget=_lines(3),
        max_length=4000,
        required=False,
        help_text=gettext_lazy(
            "One rule a line: endpoint, what is cut off in front, what is put there. PJSIP/line 8 +7; a"
            " hyphen for nothing."
        ),
    )
    context = forms.CharField(
        label=gettext_lazy("Context of calls from the portal"),
        max_length=80,
        help_text=gettext_lazy("The one from which employees call; never one that leads everywhere."),
    )
    prefixes = forms.CharField(
        label=gettext_lazy("Numbers that may be called"),
        widget=_lines(2),
        max_length=2000,
        required=False,
        help_text=gettext_lazy(
            "How they begin: +7, +375. Empty: extensions only. This protects from toll fraud."
        ),
    )
    forbidden = forms.CharField(
        label=gettext_lazy("But not"),
        widget=_lines(2),
        max_length=2000,
        required=False,
        help_text=gettext_lazy("Beginnings that are dear: +7809, +881."),
    )
    dial_prefix = forms.RegexField(
        r"^[0-9*#]*$",
        label=gettext_lazy("Before a number outside"),
        max_length=6,
        required=False,
        help_text=gettext_lazy("What one dials for an outside line, such as 9."),
    )
    asks_at = forms.GenericIPAddressField(
        label=gettext_lazy("Where the PBX asks about incoming calls"),
        required=False,
        help_text=gettext_lazy(
            "An address of the box that the PBX reaches (port 4573): blocked numbers, working hours, the"
            " responsible employee first. Empty: it does not ask."
        ),
    )
    hold_context = forms.CharField(
        label=gettext_lazy("Where callers on hold wait"),
        max_length=80,
        required=False,
        help_text=gettext_lazy(
            "The context korobka-hold, once the PBX has the configuration of the box. Empty: calls of desk"
            " telephones cannot be put on hold from the portal, and calls in a browser end with its page."
        ),
    )
    recordings_here = forms.CharField(
        label=gettext_lazy("Folder of recordings, as the box sees it"),
        max_length=1000,
        required=False,
        help_text=gettext_lazy("Empty: the PBX sends them by itself, with the script of the configuration."),
    )
    recordings_there = forms.CharField(label=gettext_lazy("The same folder on the PBX"), max_length=1000)

    FIELDS = (
        "region",
        "area",
        "extension_length",
        "context",
        "dial_prefix",
        "asks_at",
        "hold_context",
        "recordings_here",
        "recordings_there",
    )

    def __init__(self, data: Any = None, *, pbx: Pbx) -> None:
        initial: dict[str, Any] = {name: getattr(pbx, name) for name in self.FIELDS}
        initial |= {name: "\n".join(getattr(pbx, name)) for name in ("lines", "prefixes", "forbidden")}
        initial["trunk_rules"] = "\n".join(" ".join(part or "-" for part in rule) for rule in pbx.trunk_rules)
        super().__init__(data, initial=initial)
        self.stored = pbx

    def clean_asks_at(self) -> str | None:
        return str(self.cleaned_data["asks_at"]) or None

    def clean_lines(self) -> list[str]:
        return self._each("lines", _ENDPOINT, _("“%(word)s” is no endpoint: write it like PJSIP/line."))

    def clean_prefixes(self) -> list[str]:
        return self._beginnings("prefixes")

    def clean_forbidden(self) -> list[str]:
        return self._beginnings("forbidden")

    def clean_region(self) -> str:
        region = str(self.cleaned_data["region"]).upper()
        if not re.fullmatch("[A-Z]{2}", region):
            raise forms.ValidationError(_("Two letters, please: RU."))
        return region

    def clean_context(self) -> str:
        context = str(self.cleaned_data["context"])
        if not _WORD.fullmatch(context):
            raise forms.ValidationError(_("Letters, digits, points and hyphens only."))
        return context

    def clean_hold_context(self) -> str:
        context = str(self.cleaned_data["hold_context"])
        if context and not _WORD.fullmatch(context):
            raise forms.ValidationError(_("Letters, digits, points and hyphens only."))
        return context

    def clean_trunk_rules(self) -> list[list[str]]:
        rules = []
        for line in self.cleaned_data["trunk_rules"].splitlines():
            parts = ["" if part == "-" else part for part in line.split()]
            if not parts:
                continue
            if len(parts) != 3 or not all(re.fullmatch(r"[+0-9]*", part) for part in parts[1:]):
                raise forms.ValidationError(
                    _("“%(line)s” is no rule: write endpoint, what is cut off, what is put in front.")
                    % {"line": line[:60]}
                )
            rules.append(parts)
        if len(rules) > MOST_RULES:
            raise forms.ValidationError(_("At most %(most)s rules.") % {"most": MOST_RULES})
        return rules

    def _beginnings(self, name: str) -> list[str]:
        return self._each(name, _BEGINNING, _("“%(word)s” is no beginning of a number: write it like +7495."))

    def _each(self, name: str, shape: re.Pattern[str], said: str) -> list[str]:
        words = _words(self.cleaned_data[name])
        for word in words:
            if not shape.fullmatch(word):
                raise forms.ValidationError(said % {"word": word[:60]})
        if len(words) > 200:
            raise forms.ValidationError(_("At most %(most)s of them.") % {"most": 200})
        return words

    def pbx(self) -> Pbx:
        for name, value in self.cleaned_data.items():
            setattr(self.stored, name, value)
        return self.stored


class ExtensionForm(forms.Form):
    number = forms.RegexField(r"^[0-9]{1,15}$", label=gettext_lazy("Extension"), max_length=15)
    person = forms.CharField(
        label=gettext_lazy("E-mail or login"), max_length=254, required=False,
        help_text=gettext_lazy("Empty: nobody sits there, as in a meeting room."),
    )  # fmt: skip

    in_browser = forms.BooleanField(
        label=gettext_lazy("Rings in the browser"),
        required=False,
        help_text=gettext_lazy("No telephone: this person calls and answers in the portal."),
    )

    def clean_person(self) -> User | None:
        name = str(self.cleaned_data["person"]).strip()
        if not name:
            return None
        employees = User.objects.employees()
        found: User | None = employees.filter(email__iexact=name).first()
        found = found or employees.filter(login__iexact=name).first()
        if found is None:
            raise forms.ValidationError(_("Nobody here has this e-mail or login."))
        return found


class TableForm(forms.Form):
    table = forms.CharField(
        label=gettext_lazy("Table of extensions"),
        widget=_lines(6),
        max_length=300_000,
        help_text=gettext_lazy(
            "One a line, from any spreadsheet: 100;anna@example.com. With “;browser” behind it the extension"
            " rings in the portal."
        ),
    )


class ProfileFieldForm(forms.Form):
    """Extensions that profiles name."""

    profile_field = forms.ChoiceField(
        label=gettext_lazy("Field of profiles"),
        required=False,
        help_text=gettext_lazy(
            "A text or number that only administrators and the directory fill in. Extensions follow it every"
            " hour."
        ),
    )

    def __init__(self, data: Any = None, *, pbx: Pbx) -> None:
        super().__init__(data, initial={"profile_field": pbx.profile_field})
        found = [(one.key, one.name) for one in fields_with_extensions()]
        set_choices(self, "profile_field", [("", _("by hand")), *found])


class ConfigurationForm(forms.Form):
    """What the generator asks beside what is set up."""

    asterisk = forms.TypedChoiceField(
        label=gettext_lazy("Version of Asterisk"),
        coerce=Release.of,
        choices=[(str(one), str(one)) for one in RELEASES],
        help_text=gettext_lazy("The highest that is not above what asterisk -V says on the PBX."),
    )
    boxes = forms.CharField(
        label=gettext_lazy("Addresses of the box"),
        max_length=500,
        help_text=gettext_lazy("As the PBX sees it, one or several: 10.0.0.5."),
    )
    records = forms.BooleanField(label=gettext_lazy("Record calls"), required=False)
    transcodes_opus = forms.BooleanField(
        label=gettext_lazy("The PBX translates Opus"),
        required=False,
        help_text=gettext_lazy(
            "Browsers sound better with it. Where “core show translation paths opus” says “No Translation"
            " Path” of alaw, leave it out: calls would end when they are answered."
        ),
    )

    def clean_boxes(self) -> tuple[str, ...]:
        words = _words(self.cleaned_data["boxes"])
        try:
            return tuple(str(ip_network(word)) for word in words)
        except ValueError as error:
            raise forms.ValidationError(_("Give addresses like 10.0.0.5 or 10.0.0.0/24.")) from error
