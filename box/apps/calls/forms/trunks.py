"""Lines, queues, menus and forwarding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.actions.trunks import LONGEST_RING
from box.apps.calls.prompts import LONGEST_SECONDS, Prompt, read
from box.bridges.telephony.models import CallMenu, CallQueue, Trunk
from box.lib import phones

if TYPE_CHECKING:
    from box.bridges.telephony.models import Extension, Pbx

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_NUMBER = re.compile(r"[0-9]{1,20}")
_SOUND = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,79}){0,3}")
_INSIDE = re.compile(r"[0-9]{1,15}")
MOST_MEMBERS = 200


def _words(text: str, shape: re.Pattern[str], said: str, most: int) -> list[str]:
    words = list(dict.fromkeys(re.split(r"[\s,;]+", text.strip()))) if text.strip() else []
    for word in words:
        if not shape.fullmatch(word):
            raise forms.ValidationError(said % {"word": word[:60]})
    if len(words) > most:
        raise forms.ValidationError(_("At most %(most)s of them.") % {"most": most})
    return words


class _Goal(forms.ChoiceField):
    """Where calls go on: an extension, a queue, or a menu."""

    def __init__(self, pbx: Pbx, *, without: str = "", **more: Any) -> None:
        named: list[CallQueue | CallMenu] = [
            *pbx.call_queues.order_by("number"),
            *pbx.call_menus.order_by("number"),
        ]
        queues = [(one.number, f"{one.number} {one.name}") for one in named]
        extensions = [
            (one.number, f"{one.number} {one.user.name if one.user else ''}".strip())
            for one in pbx.extensions.select_related("user").order_by("number")
        ]
        found = [one for one in (*queues, *extensions) if one[0] != without]
        super().__init__(choices=[("", "–"), *found], **more)


class PbxRowForm[Row: Trunk | CallQueue | CallMenu](forms.ModelForm[Row]):
    """A row of which a part of the PBX's configuration is made: a line, a queue, or a menu."""

    placed: ClassVar[tuple[str, ...]] = ()
    """Fields of the row that the form has in another shape than the model would give them."""

    def row(self) -> Row:
        """As the form says it, not stored yet."""
        made: Row = self.save(commit=False)
        for name in self.placed:
            setattr(made, name, self.cleaned_data[name])
        return made


class TrunkForm(PbxRowForm[Trunk]):
    """A provider's line."""

    placed = ("numbers", "answers", "closed")

    numbers = forms.CharField(
        label=gettext_lazy("Our numbers on it"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("As the provider sends them, one a line: 74951234567."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Trunk
        fields = ("name", "host", "user", "caller_id")
        help_texts = {
            "name": gettext_lazy("A short word of letters, digits and hyphens: its endpoint on the PBX."),
            "host": gettext_lazy("sip.provider.example, with a port where it is not 5060."),
            "user": gettext_lazy("Empty where the provider knows the PBX by its address."),
        }

    def __init__(self, data: Any = None, files: Any = None, *, row: Trunk) -> None:
        super().__init__(data, instance=row, initial={"numbers": "\n".join(row.numbers)})
        pbx = row.pbx
        self.fields["answers"] = _Goal(
            pbx, label=gettext_lazy("Who answers"), initial=row.answers,
            help_text=gettext_lazy("An extension, a queue or a menu."),
        )  # fmt: skip
        self.fields["closed"] = _Goal(
            pbx, label=gettext_lazy("Outside working hours"), initial=row.closed, required=False,
            help_text=gettext_lazy("By the company's working calendar. Empty: as at any time."),
        )  # fmt: skip
        if row.password_sealed:
            self.fields["password"].help_text = _("It is stored and shown to nobody; empty: it stays.")

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"])
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(_("Write a name or an address, such as sip.provider.example."))
        return host

    def clean_caller_id(self) -> str:
        number = str(self.cleaned_data["caller_id"]).lstrip("+")
        if number and not _NUMBER.fullmatch(number):
            raise forms.ValidationError(_("Digits only, please."))
        return number

    def clean_numbers(self) -> list[str]:
        said = _("“%(word)s” is no number: digits only, as the provider sends it.")
        return _words(self.cleaned_data["numbers"], _NUMBER, said, 100)

    def row(self) -> Trunk:
        made = super().row()
        if self.cleaned_data["password"]:
            made.password = self.cleaned_data["password"]
        return made


class _DialledForm[Row: CallQueue | CallMenu](PbxRowForm[Row]):
    """Of what one dials inside to reach it."""

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"])
        if not _INSIDE.fullmatch(number):
            raise forms.ValidationError(_("Digits only, please."))
        return number


class CallQueueForm(_DialledForm[CallQueue]):
    """A queue, or a hunt group."""

    placed = ("members", "rings_seconds", "waits_seconds", "otherwise")

    kind = forms.ChoiceField(
        label=gettext_lazy("What callers do"),
        choices=(("queue", gettext_lazy("wait in a line")), ("group", gettext_lazy("hear it ring"))),
    )
    members = forms.CharField(
        label=gettext_lazy("Whose telephones ring"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("Extensions in their order: 100 101 102."),
    )
    rings_seconds = forms.IntegerField(
        label=gettext_lazy("Seconds for which a telephone rings"), min_value=5, max_value=LONGEST_RING
    )
    waits_seconds = forms.IntegerField(
        label=gettext_lazy("Seconds for which a caller waits"), min_value=5, max_value=3600
    )

    class Meta:
        model = CallQueue
        fields = ("name", "number", "strategy")
        labels = {
            "number": gettext_lazy("Number of the queue"),
            "strategy": gettext_lazy("Telephones ring"),
        }
        help_texts = {
            "name": gettext_lazy("A short word of letters, digits and hyphens: support."),
            "number": gettext_lazy("What one dials inside to reach it."),
        }

    def __init__(self, data: Any = None, files: Any = None, *, row: CallQueue) -> None:
        initial = {
            "members": " ".join(row.members),
            "kind": "group" if row.is_group else "queue",
            "rings_seconds": row.rings_seconds,
            "waits_seconds": row.waits_seconds,
        }
        super().__init__(data, instance=row, initial=initial)
        self.fields["otherwise"] = _Goal(
            row.pbx, without=row.number, label=gettext_lazy("If nobody answers"), required=False,
            initial=row.otherwise, help_text=gettext_lazy("Empty: the call ends."),
        )  # fmt: skip

    def clean_members(self) -> list[str]:
        said = _("“%(word)s” is no extension: it has 1 to 15 digits.")
        return _words(self.cleaned_data["members"], _INSIDE, said, MOST_MEMBERS)

    def row(self) -> CallQueue:
        made = super().row()
        made.is_group = self.cleaned_data["kind"] == "group"
        return made


class CallMenuForm(_DialledForm[CallMenu]):
    """What callers hear, and where each key leads."""

    placed = ("choices", "otherwise")

    class Meta:
        model = CallMenu
        fields = ("name", "number", "sound")
        labels = {"number": gettext_lazy("Number of the menu"), "sound": gettext_lazy("What callers hear")}
        help_texts = {
            "name": gettext_lazy("A short word of letters, digits and hyphens: welcome."),
            "number": gettext_lazy("What one dials inside to reach it."),
            "sound": gettext_lazy("A sound of the PBX, without its ending: custom/welcome."),
        }

    prompt = forms.FileField(
        label=gettext_lazy("Record it here"),
        required=False,
        help_text=gettext_lazy(
            "Any sound that your browser plays, such as MP3; it takes the place of the other."
        ),
    )

    def __init__(self, data: Any = None, files: Any = None, *, row: CallMenu) -> None:
        super().__init__(data, files, instance=row)
        self.fields["sound"].required = False
        unfit = _("This is no sound that can be played, or it has more than %(most)s seconds.")
        self.fields["prompt"].widget.attrs |= {
            "accept": "audio/*",
            "data-call-prompt": "",
            "data-most": str(LONGEST_SECONDS),
            "data-unfit": unfit % {"most": LONGEST_SECONDS},
        }
        for key in CallMenu.KEYS:
            self.fields[f"key-{key}"] = _Goal(
                row.pbx, without=row.number, label=_("Key %(key)s leads to") % {"key": key}, required=False,
                initial=row.choices.get(key, ""),
            )  # fmt: skip
        self.fields["otherwise"] = _Goal(
            row.pbx, without=row.number, label=gettext_lazy("If nobody presses a key"), required=False,
            initial=row.otherwise, help_text=gettext_lazy("After it was said thrice. Empty: the call ends."),
        )  # fmt: skip

    def clean_prompt(self) -> Prompt | None:
        given = self.cleaned_data["prompt"]
        return read(given) if given else None

    def clean_sound(self) -> str:
        sound = str(self.cleaned_data["sound"])
        if sound and not _SOUND.fullmatch(sound):
            said = _("Write a sound's name as the PBX knows it, such as custom/welcome.")
            raise forms.ValidationError(said)
        return sound

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        keys = {key: data.get(f"key-{key}", "") for key in CallMenu.KEYS}
        data["choices"] = {key: goal for key, goal in keys.items() if goal}
        is_said = data.get("sound") or data.get("prompt") or self.instance.prompt_id
        if not is_said and not {"sound", "prompt"} & self.errors.keys():
            self.add_error("sound", _("Say what callers hear: record it, or name a sound of the PBX."))
        return data


class ForwardForm(forms.Form):
    """Where calls of an extension go on that nobody answers there."""

    forwards_to = forms.CharField(
        label=gettext_lazy("Forwards to"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("An extension, or a mobile that may be called from here. Empty: to nobody."),
    )
    after = forms.IntegerField(
        label=gettext_lazy("After so many seconds"),
        min_value=0,
        max_value=LONGEST_RING,
        help_text=gettext_lazy("0: at once, and it does not ring."),
    )

    def __init__(self, data: Any = None, *, extension: Extension) -> None:
        shown = {"forwards_to": extension.forwards_to, "after": extension.forwards_after}
        super().__init__(data, initial=shown)
        self._pbx = extension.pbx

    def clean_forwards_to(self) -> str:
        written = "".join(str(self.cleaned_data["forwards_to"]).split())
        if not written or self._pbx.numbering.is_extension(written):
            return written
        found = phones.normal(written, self._pbx.region)
        if found is None:
            raise forms.ValidationError(_("This is no telephone number."))
        return found
