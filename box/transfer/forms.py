"""The forms of the console's pages of migrations."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups.models import Group
from box.lib.forms import set_queryset
from box.transfer.archive.container import Filters
from box.transfer.archive.encryption import recipient_of
from box.transfer.archive.records import KINDS
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.cloud import BadWebhook, Cloud
from box.transfer.pace import Limits

PORTAL = r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?\Z"
IMPATIENT = 2
"""So often somebody who waits has a portal asked."""


class ConnectForm(forms.Form):
    webhook = forms.CharField(
        label=gettext_lazy("Address of the inbound webhook"),
        max_length=500,
        widget=forms.TextInput(
            {
                "placeholder": "https://company.bitrix24.com/rest/1/…/",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    per_second = forms.FloatField(
        label=gettext_lazy("Requests a second that your plan allows"),
        help_text=gettext_lazy("2 on most plans, 5 on the largest."),
        min_value=0.1,
        max_value=1000,
        initial=2,
    )
    burst = forms.IntegerField(
        label=gettext_lazy("Requests at once that it allows"),
        help_text=gettext_lazy("50 on most plans, 250 on the largest."),
        min_value=5,
        max_value=100_000,
        initial=50,
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "webhook" in data and not self.errors:
            try:
                limits = Limits(burst=data["burst"], per_second=data["per_second"])
                data["cloud"] = Cloud(data["webhook"].strip(), limits, attempts=IMPATIENT)
            except BadWebhook as error:
                raise ValidationError({"webhook": str(error)}) from None
        return data


class DumpForm(forms.Form):
    """A boxed portal by its dump: a folder that the machine's administrator has put there."""

    folder = forms.CharField(
        label=gettext_lazy("Folder with the dump"),
        max_length=100,
        widget=forms.TextInput({"list": "dump-folders", "autocomplete": "off", "spellcheck": "false"}),
    )
    portal = forms.RegexField(
        PORTAL,
        label=gettext_lazy("Address of the portal, as people call it"),
        help_text=gettext_lazy("Links to it in texts become links to what is here."),
        max_length=255,
        error_messages={
            "invalid": gettext_lazy("Write the name alone, such as portal.company.com: no https and no path.")
        },
        widget=forms.TextInput(
            {"placeholder": "portal.company.com", "autocomplete": "off", "spellcheck": "false"}
        ),
    )


class MatchForm(forms.Form):
    """By hand: whom somebody of the portal is here."""

    person = forms.CharField(
        label=gettext_lazy("E-mail or login of a colleague; nothing: will be added"),
        max_length=254,
        required=False,
    )

    def clean_person(self) -> User | None:
        name = self.cleaned_data["person"].strip().lower()
        if not name:
            return None
        found: User | None = User.objects.themselves().called([name]).get(name)
        if found is None:
            raise ValidationError(_("Nobody here has the e-mail or login “%(name)s”.") % {"name": name})
        return found


class OwnExportForm(forms.Form):
    """How an archive is to be written."""

    recipient = forms.CharField(
        label=gettext_lazy("Public key of age, if it is to be encrypted"),
        help_text=gettext_lazy(
            "The line of age-keygen that begins with “age1”. Only its other half opens the archive."
        ),
        max_length=100,
        required=False,
        widget=forms.TextInput({"placeholder": "age1…", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_recipient(self) -> str:
        text: str = self.cleaned_data["recipient"].strip()
        if text:
            recipient_of(text)
        return text

    @property
    def key(self) -> str:
        """Whom it is encrypted to."""
        found: str = self.cleaned_data["recipient"]
        return found


class ExportForm(OwnExportForm):
    """What of the portal goes into an archive."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What goes into it"),
        choices=[(key, stage.label) for key, stage in ARCHIVE_STAGES.items() if key in KINDS],
        initial=list(KINDS),
        widget=forms.CheckboxSelectMultiple,
    )
    groups = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Only of these groups"),
        queryset=Group.objects.none(),
        required=False,
        widget=forms.SelectMultiple({"size": 5}),
        help_text=gettext_lazy("None chosen: of the whole portal."),
    )
    since = forms.DateField(
        label=gettext_lazy("Made from this day on"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=gettext_lazy("and until this day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    field_order = ("kinds", "groups", "since", "until", "recipient")

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_queryset(self, "groups", Group.objects.visible_to(reader).order_by("name", "id"))

    def filters(self) -> Filters:
        data = self.cleaned_data
        kinds = [kind for kind in KINDS if kind in data["kinds"]]
        return Filters(
            kinds=[] if len(kinds) == len(KINDS) else kinds,
            groups=[group.pk for group in data["groups"]],
            since=_midnight(data["since"]) if data["since"] else None,
            before=_midnight(data["until"] + timedelta(days=1)) if data["until"] else None,
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


class ArchiveForm(forms.Form):
    """An upload that is an open archive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What the list of uploads calls it, and Django's forms have an attribute of that name.
        self.fields["files"] = forms.IntegerField(
            widget=forms.HiddenInput, error_messages={"required": gettext_lazy("Choose the archive.")}
        )
