"""What an administrator sends of the fields of profiles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.accounts.custom_field_actions import FieldDraft
from box.core.accounts.models import OwnField


class OwnFieldForm(forms.Form):
    """A new field; with `of` one that there is, of which the kind stays as it is."""

    name = forms.CharField(label=_("Name"), max_length=60)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=OwnField.Kind.choices, help_text=_("It stays: values depend on it.")
    )
    choices = forms.CharField(
        label=_("What there is to choose from"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("For one of a list: one a line. Who has chosen what you take off the list keeps it."),
    )
    readers = forms.ChoiceField(label=_("Seen by"), choices=OwnField.Readers.choices)
    writers = forms.ChoiceField(label=_("Filled in by"), choices=OwnField.Writers.choices)
    is_required = forms.BooleanField(
        label=_("Must be filled in"),
        required=False,
        help_text=_("Whoever saves a profile is asked for it; tables and directories may leave it out."),
    )

    def __init__(self, data: Any = None, *, of: OwnField | None = None) -> None:
        initial = {}
        if of is not None:
            names = ("name", "kind", "readers", "writers", "is_required")
            initial = {name: getattr(of, name) for name in names} | {"choices": "\n".join(of.choices)}
        super().__init__(data, initial=initial)
        if of is not None:
            del self.fields["kind"]
            if of.kind != OwnField.Kind.CHOICE:
                del self.fields["choices"]

    @property
    def draft(self) -> FieldDraft:
        """Of a form that is valid."""
        chosen = dict(self.cleaned_data)
        choices = tuple(chosen.pop("choices", "").splitlines())
        return FieldDraft(**chosen, choices=choices)
