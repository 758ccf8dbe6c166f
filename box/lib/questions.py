"""What a form asks people outside, in the words of its owner, and the check of what they answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_QUESTIONS = 20
MOST_CHOICES = 30
LONGEST = 4000
LONGEST_LINE = 250
LONGEST_NAME = 100


class Kind(StrEnum):
    NAME = "name"
    LAST_NAME = "last_name"
    PHONE = "phone"
    EMAIL = "email"
    COMPANY = "company"
    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    FILE = "file"
    # What follows stands on a page of its own.
    PAGE = "page"


KINDS: Mapping[Kind, Any] = {
    Kind.NAME: gettext_lazy("First name"),
    Kind.LAST_NAME: gettext_lazy("Last name"),
    Kind.PHONE: gettext_lazy("Telephone"),
    Kind.EMAIL: gettext_lazy("E-mail"),
    Kind.COMPANY: gettext_lazy("Name of the company"),
    Kind.LINE: gettext_lazy("a question, answered in a line"),
    Kind.TEXT: gettext_lazy("a question, answered at length"),
    Kind.CHOICE: gettext_lazy("a choice"),
    Kind.FILE: gettext_lazy("a file"),
    Kind.PAGE: gettext_lazy("a new page"),
}
PERSONAL = frozenset({Kind.NAME, Kind.LAST_NAME, Kind.PHONE, Kind.EMAIL, Kind.COMPANY})
"""What is known of whoever answers; the rest may be asked several times."""


@dataclass(frozen=True)
class Question:
    """`name` is that of its input; `choices` of a choice."""

    name: str
    kind: str
    label: str
    is_required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind, "label": self.label, "is_required": self.is_required,
            "choices": list(self.choices),
        }  # fmt: skip


def questions_in(stored: Sequence[Mapping[str, Any]]) -> list[Question]:
    return [Question(**{**one, "choices": tuple(one["choices"])}) for one in stored]


def check_questions(questions: Sequence[Question], *, kinds: Collection[Kind] = tuple(Kind)) -> None:
    """Each by itself, and none of a kind that this form does not ask. Raises ValidationError."""
    if len(questions) > MOST_QUESTIONS:
        raise ValidationError(_("At most %(most)s questions are asked.") % {"most": MOST_QUESTIONS})
    given = [one.kind for one in questions]
    for one in questions:
        if one.kind not in kinds or not 1 <= len(one.label) <= LONGEST_LINE:
            raise ValidationError(_("Each question has a kind and a text of at most 250 characters."))
        if one.kind == Kind.CHOICE and not 1 <= len(one.choices) <= MOST_CHOICES:
            raise ValidationError(
                _("A choice has between one and %(most)s answers.") % {"most": MOST_CHOICES}
            )
        if one.kind in PERSONAL and given.count(one.kind) > 1:
            raise ValidationError(_("“%(kind)s” is asked once.") % {"kind": KINDS[Kind(one.kind)]})


def text_in(given: Mapping[str, Any], name: str) -> str:
    return str(given.get(name) or "").strip()


def check_answer(one: Question, text: str) -> None:
    """Raises ValidationError, in the words of whoever fills the form in."""
    if not text:
        if one.is_required:
            raise ValidationError(_("Please fill this in."))
        return
    longest = LONGEST if one.kind == Kind.TEXT else LONGEST_NAME if one.kind in PERSONAL else LONGEST_LINE
    if len(text) > longest:
        raise ValidationError(_("At most %(most)s characters.") % {"most": longest})
    if one.kind == Kind.EMAIL:
        try:
            validate_email(text)
        except ValidationError:
            raise ValidationError(_("Please write an address such as name@example.com.")) from None
    if one.kind == Kind.PHONE and not any(sign.isdigit() or sign in "*#" for sign in text):
        raise ValidationError(_("“%(value)s” is no telephone number.") % {"value": text})
    if one.kind == Kind.CHOICE and text not in one.choices:
        raise ValidationError(_("Please choose one of the answers."))


def problems_by_name(error: ValidationError, names: Collection[str]) -> dict[str, str]:
    """By the name of the input, and under no name what is wrong with none of them."""
    said: Mapping[str, list[str]] = (
        error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    )
    found: dict[str, str] = {}
    for name, texts in said.items():
        place = name if name in names else ""
        found[place] = " ".join([*([found[place]] if place in found else []), *texts])
    return found
