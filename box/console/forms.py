"""What an administrator sends of the fields that a company defines."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.fields.actions import FieldDraft
from box.core.fields.kinds import KINDS, PERSONS_AND_DEPARTMENTS
from box.core.fields.models import Field
from box.core.fields.sets import FieldSet
from box.core.registry.capabilities import finders, searchables
from box.lib.forms import set_choices

Kind = Field.Kind


class FieldForm(forms.Form):
    """A new field of the set; with `of` one that there is, of which the kind stays as it is.

    The inputs that only some kinds have say so: the page shows them with these (`data-kinds`)."""

    name = forms.CharField(label=_("Name"), max_length=60)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=Kind.choices, help_text=_("It stays: values depend on it.")
    )
    target = forms.ChoiceField(label=_("Points at"), required=False)
    currency = forms.CharField(
        label=_("Usual currency"),
        required=False,
        max_length=3,
        help_text=_("Three letters, such as RUB. Others may be written, too."),
    )
    choices = forms.CharField(
        label=_("What there is to choose from"),
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line. Who has chosen what you take off the list keeps it."),
    )
    is_several = forms.BooleanField(label=_("Several values"), required=False)
    help = forms.CharField(
        label=_("Hint"), max_length=200, required=False, help_text=_("Stands below the field in forms.")
    )
    readers = forms.ChoiceField(label=_("Seen by"))
    writers = forms.ChoiceField(label=_("Filled in by"))
    code = forms.CharField(
        label=_("Name for programs"),
        required=False,
        max_length=50,
        help_text=_("Begins with UF_; without one, the portal gives it."),
    )
    is_required = forms.BooleanField(
        label=_("Must be filled in"),
        required=False,
        help_text=_("Whoever saves the form is asked for it; tables and directories may leave it out."),
    )

    def __init__(self, data: Any = None, *, fields: FieldSet, of: Field | None = None) -> None:
        super().__init__(data, initial=_initial(of) if of else {"currency": "RUB"})
        self._limit_to_set(fields)
        if of is not None:
            self._limit_to_kind(of)

    def _limit_to_set(self, of: FieldSet) -> None:
        """No more is asked for than means something here."""
        targets = _targets()
        if not targets:
            del self.fields["target"]
            set_choices(self, "kind", [one for one in Kind.choices if one[0] != Kind.REFERENCE])
        else:
            set_choices(self, "target", [("", "–"), *targets])
        for name, words in (("readers", of.readers), ("writers", of.writers)):
            if words:
                set_choices(self, name, words.items())
            else:
                del self.fields[name]
        for name, kinds in _ONLY_FOR.items():
            if name in self.fields:
                self.fields[name].widget.attrs["data-kinds"] = " ".join(kinds)

    def _limit_to_kind(self, of: Field) -> None:
        for name in ("kind", "code", "is_several", "target"):
            self.fields.pop(name, None)
        for name, kinds in _ONLY_FOR.items():
            if of.kind not in kinds:
                self.fields.pop(name, None)
        if of.kind == Kind.CHOICE:
            for choice in of.options:
                if not choice.is_retired:
                    self.fields[f"choice-{choice.pk}"] = forms.CharField(
                        label=choice.name, initial=choice.name, max_length=100
                    )

    @property
    def renames(self) -> list[forms.BoundField]:
        """What each choice is to be called."""
        return [self[name] for name in self.fields if name.startswith("choice-")]

    @property
    def plain(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if not name.startswith("choice-")]

    @property
    def draft(self) -> FieldDraft:
        """Of a form that is valid."""
        chosen = {name: value for name, value in self.cleaned_data.items() if not name.startswith("choice-")}
        renamed = {
            int(name.removeprefix("choice-")): value
            for name, value in self.cleaned_data.items()
            if re.fullmatch(r"choice-\d+", name)
        }
        was = {str(one.initial).casefold(): one.value() for one in self.renames}
        choices = tuple(
            was.get(line.strip().casefold(), line) for line in chosen.pop("choices", "").splitlines()
        )
        return FieldDraft(**chosen, choices=choices, renamed=renamed)


_ONLY_FOR = {
    "choices": (Kind.CHOICE,),
    "currency": (Kind.MONEY,),
    "target": (Kind.REFERENCE,),
    "is_several": tuple(key for key, kind in KINDS.items() if kind.can_be_several),
}


def _initial(of: Field) -> dict[str, Any]:
    names = ("name", "help", "readers", "writers", "is_required", "currency")
    standing = [one.name for one in of.options if not one.is_retired]
    return {name: getattr(of, name) for name in names} | {"choices": "\n".join(standing)}


def _targets() -> list[tuple[str, Any]]:
    """What there is to point at, beside people and departments, which have kinds of their own."""
    labels = {kind: searchable.label for kind, searchable in searchables.items()}
    kinds = (kind for kind, _finder in finders.items() if kind not in PERSONS_AND_DEPARTMENTS)
    return [(kind, labels.get(kind, kind)) for kind in kinds]
