"""What a form on a website asks, and what of the answers tells who wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.crm.contact_points import Reach
from box.lib.questions import Kind, Question, check_answer, check_questions, text_in

MOST_FILES = 5
LARGEST_FILE = 10 * 2**20
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
ABOUT = "crm.answer:"
"""Before the number of an answer: what its entry in the time line tells of."""


@dataclass(frozen=True)
class Page:
    """A part of a form, shown by itself; the first has no heading of its own."""

    heading: str
    questions: tuple[Question, ...]

    @property
    def is_empty(self) -> bool:
        return not self.questions


def pages_of(questions: Sequence[Question]) -> list[Page]:
    pages: list[tuple[str, list[Question]]] = [("", [])]
    for one in questions:
        if one.kind == Kind.PAGE:
            pages.append((one.label, []))
        else:
            pages[-1][1].append(one)
    return [Page(heading, tuple(asked)) for heading, asked in pages]


def check_form(questions: Sequence[Question]) -> None:
    """Raises ValidationError."""
    if not questions:
        raise ValidationError(_("Ask at least one question."))
    check_questions(questions)
    kinds = [one.kind for one in questions]
    if not {Kind.PHONE, Kind.EMAIL} & set(kinds):
        raise ValidationError(_("Ask for a telephone or an e-mail: else nobody could answer."))
    if kinds.count(Kind.FILE) > MOST_FILES:
        raise ValidationError(_("At most %(most)s files are asked for.") % {"most": MOST_FILES})
    if any(page.is_empty for page in pages_of(questions)):
        raise ValidationError(_("Each page asks something: there is one without a question."))


# What was answered


@dataclass(frozen=True)
class Answered:
    """Checked: what is known of who wrote, and their own words as question and answer."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: str = ""
    email: str = ""
    said: tuple[tuple[str, str], ...] = ()
    utm: Mapping[str, str] = field(default_factory=dict)

    @property
    def reached_by(self) -> list[Reach]:
        given = (("phone", self.phone), ("email", self.email))
        return [Reach(kind, value) for kind, value in given if value]

    @property
    def name(self) -> str:
        """Empty where only a number or an address was left."""
        return f"{self.first_name} {self.last_name}".strip() or self.company


_KNOWN = {
    Kind.NAME: "first_name", Kind.LAST_NAME: "last_name", Kind.COMPANY: "company", Kind.PHONE: "phone",
    Kind.EMAIL: "email",
}  # fmt: skip


def answered(
    questions: Sequence[Question],
    given: Mapping[str, Any],
    *,
    files: Mapping[str, SentFile] = MappingProxyType({}),
) -> Answered:
    """`files` by the names of questions. Raises ValidationError by these, for whoever fills the form in."""
    known: dict[str, str] = {}
    said: list[tuple[str, str]] = []
    problems: dict[str, str] = {}
    asked = [one for one in questions if one.kind != Kind.PAGE]
    for one in asked:
        file = files.get(one.name) if one.kind == Kind.FILE else None
        text = (file.name or "") if file else "" if one.kind == Kind.FILE else text_in(given, one.name)
        try:
            check_answer(one, text)
            if file is not None:
                _check_file(file)
        except ValidationError as error:
            problems[one.name] = " ".join(error.messages)
        if one.kind in _KNOWN:
            known[_KNOWN[Kind(one.kind)]] = text
        elif text:
            said.append((one.label, text))
    if problems:
        raise ValidationError(problems)
    if not known.get("phone") and not known.get("email"):
        name = next(one.name for one in asked if one.kind in {Kind.PHONE, Kind.EMAIL})
        raise ValidationError({name: _("Leave a telephone or an e-mail, so that we can answer.")})
    utm = {name: str(given[name])[:200] for name in UTM if given.get(name)}
    return Answered(**known, said=tuple(said), utm=utm)


class SentFile(Protocol):
    """As a request has it: what it is called on the other side, and how many bytes it has."""

    @property
    def name(self) -> str | None: ...

    @property
    def size(self) -> int | None: ...


def _check_file(file: SentFile) -> None:
    if not file.size:
        raise ValidationError(_("This file is empty."))
    if file.size > LARGEST_FILE:
        raise ValidationError(_("A file has at most %(most)s MB.") % {"most": LARGEST_FILE // 2**20})
