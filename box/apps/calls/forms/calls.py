"""What people send to calls."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.models import LONGEST_NOTE, BlockedNumber
from box.core.registry.company import PHONE_REGION
from box.lib import phones


class Notes(forms.CharField):
    """Counted as the browser counts them: the end of a line is one sign."""

    def to_python(self, value: str | None) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class NoteForm(forms.Form):
    note = Notes(
        label=gettext_lazy("Notes"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class BlockForm(forms.ModelForm[BlockedNumber]):
    class Meta:
        model = BlockedNumber
        fields = ("number", "reason")
        labels = {"number": gettext_lazy("Number")}

    def clean_number(self) -> str:
        found = phones.normal(self.cleaned_data["number"], PHONE_REGION.value)
        if found is None:
            raise forms.ValidationError(_("This is no telephone number."))
        return found
