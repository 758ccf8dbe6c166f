"""The part of a form in which somebody writes questions: see `questions.html` and `js/questions.js`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _

from box.lib.questions import KINDS, MOST_QUESTIONS, Kind, Question

_PARTS = ("kind", "label", "required", "choices")


class QuestionsForm(forms.Form):
    """Rows for questions of these `kinds`; who has nothing to ask leaves them empty."""

    kinds: ClassVar[Collection[Kind]] = tuple(Kind)
    most: ClassVar[int] = MOST_QUESTIONS

    def __init__(self, data: Any = None, *, initial: dict[str, Any], questions: Sequence[Question]) -> None:
        super().__init__(data, initial=initial | _initial(questions))
        kinds = [("", "–"), *((kind, label) for kind, label in KINDS.items() if kind in self.kinds)]
        for number in range(self.most):
            self.fields[f"kind-{number}"] = forms.ChoiceField(
                label=_("Question"), choices=kinds, required=False
            )
            self.fields[f"label-{number}"] = forms.CharField(label=_("Text"), max_length=250, required=False)
            self.fields[f"required-{number}"] = forms.BooleanField(
                label=_("has to be answered"), required=False
            )
            self.fields[f"choices-{number}"] = forms.CharField(
                label=_("Answers, parted by commas"), max_length=2000, required=False
            )

    @property
    def rows(self) -> list[list[forms.BoundField]]:
        return [[self[f"{name}-{number}"] for name in _PARTS] for number in range(self.most)]

    @property
    def plain(self) -> list[forms.BoundField]:
        """All that is no question."""
        return [field for field in self if "-" not in field.name]

    def questions(self) -> list[Question]:
        """Of a form that is valid."""
        data, found = self.cleaned_data, []
        for number in range(self.most):
            kind, label = data[f"kind-{number}"], data[f"label-{number}"]
            if kind:
                choices = [part.strip() for part in data[f"choices-{number}"].split(",") if part.strip()]
                found.append(
                    Question(
                        name=f"q{number + 1}", kind=kind, label=label or str(KINDS[Kind(kind)]),
                        is_required=data[f"required-{number}"],
                        choices=tuple(choices) if kind == Kind.CHOICE else (),
                    )
                )  # fmt: skip
        return found


def _initial(questions: Sequence[Question]) -> dict[str, Any]:
    initial: dict[str, Any] = {}
    for number, one in enumerate(questions):
        initial |= {
            f"kind-{number}": one.kind, f"label-{number}": one.label, f"required-{number}": one.is_required,
            f"choices-{number}": ", ".join(one.choices),
        }  # fmt: skip
    return initial
