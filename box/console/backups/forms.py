"""What an administrator writes about backups. Whatever depends on the machine, the agent checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appliance.client import AddBackupTarget, BackupPlan, BackupState, BackupTimes
from box.console.backups.agent import ProvenForm
from box.console.backups.presenters import set_from, shown_moment
from box.core.registry.capabilities import keepsakes
from box.lib.forms import set_choices

EVERY = (
    ("24", gettext_lazy("Every day")),
    ("12", gettext_lazy("Every 12 hours")),
    ("8", gettext_lazy("Every 8 hours")),
    ("6", gettext_lazy("Every 6 hours")),
    ("4", gettext_lazy("Every 4 hours")),
    ("3", gettext_lazy("Every 3 hours")),
    ("2", gettext_lazy("Every 2 hours")),
    ("1", gettext_lazy("Every hour")),
)
KEEP: Mapping[str, tuple[int, int, int, int]] = {
    "fortnight": (3, 14, 0, 0),
    "quarter": (3, 7, 4, 3),
    "half": (3, 7, 4, 6),
    "year": (3, 7, 8, 12),
    "years": (3, 7, 8, 36),
}
"""How many of the last sets, and of how many days, weeks and months the last one, stay."""
FULL_EVERY_DAYS = 7

_TIME = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class TimesForm(forms.Form):
    """When, and for how long, in three choices."""

    at = forms.TimeField(label=gettext_lazy("When the day's first one begins"), initial=time(2), widget=_TIME)
    every = forms.ChoiceField(label=gettext_lazy("How often"), choices=EVERY, initial="24")
    keep = forms.ChoiceField(
        label=gettext_lazy("For how long"),
        choices=(
            ("fortnight", gettext_lazy("Two weeks, one a day")),
            ("quarter", gettext_lazy("Three months, thinned out")),
            ("half", gettext_lazy("Half a year, thinned out")),
            ("year", gettext_lazy("A year, thinned out")),
            ("years", gettext_lazy("Three years, thinned out")),
        ),
        initial="half",
    )

    @property
    def times(self) -> BackupTimes | None:
        """None where the form does not ask: the schedule is there already."""
        if "at" not in self.fields:
            return None
        chosen = self.cleaned_data
        return BackupTimes(
            f"{chosen['at']:%H:%M}", int(chosen["every"]), FULL_EVERY_DAYS, *KEEP[chosen["keep"]]
        )


class TargetForm(ProvenForm, TimesForm):
    """Where backups go. With the first target also when, and for how long."""

    field_order = None

    def __init__(self, data: Any = None, *, is_first: bool) -> None:
        super().__init__(data)
        if not is_first:
            for name in ("at", "every", "keep"):
                del self.fields[name]
        else:
            # Where comes before when.
            self.order_fields([name for name in self.fields if name not in ("at", "every", "keep", "proof")])


class FolderForm(TargetForm):
    path = forms.CharField(
        label=gettext_lazy("Folder"),
        help_text=gettext_lazy(
            "On another disk, or a mounted share of another machine, such as /mnt/backup."
        ),
        max_length=500,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "/mnt/backup"}),
    )

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"]
        if not path.startswith("/"):
            raise ValidationError(_("Write the whole path, from the first slash on."))
        return path

    @property
    def target(self) -> AddBackupTarget:
        return AddBackupTarget("folder", self.cleaned_data["path"], times=self.times)


class StoreForm(TargetForm):
    endpoint = forms.CharField(
        label=gettext_lazy("Address of the store"),
        help_text=gettext_lazy("An S3 store such as MinIO, with its port where it has one."),
        max_length=300,
        widget=forms.URLInput(attrs={"placeholder": "https://s3.example.com:9000"}),
    )
    bucket = forms.CharField(
        label=gettext_lazy("Bucket"), max_length=63, widget=forms.TextInput(attrs={"spellcheck": "false"})
    )
    access_key = forms.CharField(
        label=gettext_lazy("Access key"),
        max_length=200,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    secret_key = forms.CharField(
        label=gettext_lazy("Secret key"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("Certificate of its authority"),
        help_text=gettext_lazy(
            "Only where your company issues its own: the text that begins with BEGIN CERTIFICATE."
        ),
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    @property
    def target(self) -> AddBackupTarget:
        given = self.cleaned_data
        return AddBackupTarget(
            "s3", "", given["endpoint"].rstrip("/"), given["bucket"],
            access_key=given["access_key"], secret_key=given["secret_key"], ca_pem=given["ca_pem"],
            times=self.times,
        )  # fmt: skip


class HostForm(TargetForm):
    place = forms.CharField(
        label=gettext_lazy("User and machine"),
        help_text=gettext_lazy("A machine that speaks SFTP, with its port where that is not 22."),
        max_length=300,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "backup@nas.example.com"}),
    )
    path = forms.CharField(
        label=gettext_lazy("Folder there"),
        max_length=500,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "/home/backup"}),
    )
    host_key = forms.CharField(
        label=gettext_lazy("Fingerprint of the machine"),
        help_text=gettext_lazy("Leave it empty the first time: you are told what to compare it with."),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "SHA256:"}),
    )

    @property
    def target(self) -> AddBackupTarget:
        given = self.cleaned_data
        return AddBackupTarget(
            "sftp", given["path"], given["place"], host_key=given["host_key"], times=self.times
        )


TARGETS: Mapping[str, type[FolderForm] | type[StoreForm] | type[HostForm]] = {
    "folder": FolderForm,
    "s3": StoreForm,
    "sftp": HostForm,
}


class PlanForm(forms.Form):
    """When, and for how long, to the last number."""

    at = forms.TimeField(label=gettext_lazy("When the day's first one begins"), widget=_TIME)
    every = forms.ChoiceField(label=gettext_lazy("How often"), choices=EVERY)
    full_every_days = forms.IntegerField(
        label=gettext_lazy("Days between full ones"),
        help_text=gettext_lazy("The others hold what has changed since."),
        min_value=1,
        max_value=60,
    )
    keep_last = forms.IntegerField(label=gettext_lazy("The last so many"), min_value=1, max_value=100)
    keep_days = forms.IntegerField(
        label=gettext_lazy("One for each of so many days"), min_value=0, max_value=366
    )
    keep_weeks = forms.IntegerField(
        label=gettext_lazy("One for each of so many weeks"), min_value=0, max_value=260
    )
    keep_months = forms.IntegerField(
        label=gettext_lazy("One for each of so many months"), min_value=0, max_value=120
    )

    def __init__(self, plan: BackupPlan | None = None, data: Any = None) -> None:
        initial: dict[str, Any] = {}
        if plan is not None:
            initial = {**vars(plan), "every": str(plan.every_hours), "at": time.fromisoformat(plan.at)}
        super().__init__(data, initial=initial)

    @property
    def times(self) -> BackupTimes:
        chosen = self.cleaned_data
        counts = ("full_every_days", "keep_last", "keep_days", "keep_weeks", "keep_months")
        return BackupTimes(f"{chosen['at']:%H:%M}", int(chosen["every"]), *(chosen[name] for name in counts))


class RetrievalForm(forms.Form):
    """What somebody wants back."""

    kind = forms.ChoiceField(label=gettext_lazy("What it was"))
    text = forms.CharField(
        label=gettext_lazy("A word of it"),
        help_text=gettext_lazy("Of its text or its name. Nobody but you sees it."),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    day = forms.DateField(
        label=gettext_lazy("The day when it went or changed"),
        help_text=gettext_lazy(
            "About. The newest backup from before it is looked through; without a day, the newest of all."
        ),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=("%Y-%m-%d",),
    )

    def __init__(self, state: BackupState, data: Any = None) -> None:
        super().__init__(data)
        self.state = state
        own = sorted((one.order, key, one.label) for key, one in keepsakes.items() if one.find_own)
        set_choices(self, "kind", [(key, label) for _order, key, label in own])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and set_from(self.state, given.get("day")) is None:
            good = [one.ended_at for one in self.state.sets if not one.problem]
            if not good:
                raise ValidationError(_("There is no good backup yet."))
            first = {"at": shown_moment(min(good))}
            raise ValidationError({"day": _("The oldest backup is from %(at)s: choose a later day.") % first})
        return given


class RefusalForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Why not"),
        help_text=gettext_lazy("A sentence for whoever has asked."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class HolderForm(ProvenForm):
    name = forms.CharField(
        label=gettext_lazy("Whose key it will be"),
        help_text=gettext_lazy("A name for whoever keeps it, such as the head of accounting."),
        max_length=60,
    )


class ConfirmForm(forms.Form):
    """Some groups of the key, typed from paper."""

    def __init__(self, groups: tuple[int, ...], data: Any = None) -> None:
        super().__init__(data)
        for number in groups:
            self.fields[f"group_{number}"] = forms.CharField(
                label=_("Group %(number)s") % {"number": number},
                max_length=12,
                widget=forms.TextInput(
                    attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
                ),
            )

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.cleaned_data.values())
