"""What a form on a website asks, what it takes, and how it tells people from programs that write rubbish.

Against these without any service outside: a field that only programs fill in, so many seconds before a form
may come back, so many answers of one network, and a small sum that a browser has to work out (proof of work):
a number for which SHA-256 of `CHALLENGE:NUMBER` begins with `BITS` zero bits.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Protocol

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.contact_points import Reach, normal

MOST_QUESTIONS = 20
MOST_FILES = 5
LARGEST_FILE = 10 * 2**20
MOST_CHOICES = 30
LONGEST = 4000
LONGEST_LINE = 250
# Filled in by programs only: people do not see it.
TRAP = "website"
SOONEST = timedelta(seconds=3)
LATEST = timedelta(hours=12)
BITS = 16
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_SALT = "crm.form"
ABOUT = "crm.answer:"
"""Before the number of an answer: what its entry in the time line tells of."""


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
_OFTEN = frozenset({Kind.LINE, Kind.TEXT, Kind.CHOICE, Kind.FILE, Kind.PAGE})
"""What may be asked several times."""


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


def check_questions(questions: Sequence[Question]) -> None:
    """Raises ValidationError."""
    if not 1 <= len(questions) <= MOST_QUESTIONS:
        raise ValidationError(_("Between one and %(most)s questions.") % {"most": MOST_QUESTIONS})
    kinds = [one.kind for one in questions]
    if not {Kind.PHONE, Kind.EMAIL} & set(kinds):
        raise ValidationError(_("Ask for a telephone or an e-mail: else nobody could answer."))
    for one in questions:
        if one.kind not in set(Kind) or not 1 <= len(one.label) <= LONGEST_LINE:
            raise ValidationError(_("Each question has a kind and a text of at most 250 characters."))
        if one.kind == Kind.CHOICE and not 1 <= len(one.choices) <= MOST_CHOICES:
            raise ValidationError(
                _("A choice has between one and %(most)s answers.") % {"most": MOST_CHOICES}
            )
        if one.kind not in _OFTEN and kinds.count(one.kind) > 1:
            raise ValidationError(_("“%(kind)s” is asked once.") % {"kind": KINDS[Kind(one.kind)]})
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
        return f"{self.first_name} {self.last_name}".strip() or self.company or self.phone or self.email


_KNOWN = {
    Kind.NAME: "first_name", Kind.LAST_NAME: "last_name", Kind.COMPANY: "company", Kind.PHONE: "phone",
    Kind.EMAIL: "email",
}  # fmt: skip


def answered(
    questions: Sequence[Question],
    given: Mapping[str, Any],
    *,
    region: str,
    files: Mapping[str, SentFile] = MappingProxyType({}),
) -> Answered:
    """`files` by the names of questions. Raises ValidationError by these, for whoever fills the form in."""
    known: dict[str, str] = {}
    said: list[tuple[str, str]] = []
    problems: dict[str, str] = {}
    asked = [one for one in questions if one.kind != Kind.PAGE]
    for one in asked:
        file = files.get(one.name) if one.kind == Kind.FILE else None
        text = (file.name or "") if file else "" if one.kind == Kind.FILE else _text(given, one.name)
        try:
            _check_answer(one, text, region)
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


def _text(given: Mapping[str, Any], name: str) -> str:
    return str(given.get(name) or "").strip()


def _check_file(file: SentFile) -> None:
    if not file.size:
        raise ValidationError(_("This file is empty."))
    if file.size > LARGEST_FILE:
        raise ValidationError(_("A file has at most %(most)s MB.") % {"most": LARGEST_FILE // 2**20})


def _check_answer(one: Question, text: str, region: str) -> None:
    if not text:
        if one.is_required:
            raise ValidationError(_("Please fill this in."))
        return
    longest = LONGEST if one.kind == Kind.TEXT else 100 if one.kind in _KNOWN else LONGEST_LINE
    if len(text) > longest:
        raise ValidationError(_("At most %(most)s characters.") % {"most": longest})
    if one.kind == Kind.EMAIL:
        try:
            validate_email(text)
        except ValidationError:
            raise ValidationError(_("Please write an address such as name@example.com.")) from None
    if one.kind == Kind.PHONE:
        normal("phone", text, region=region)
    if one.kind == Kind.CHOICE and text not in one.choices:
        raise ValidationError(_("Please choose one of the answers."))


# Against programs


class Suspicious(Exception):
    """It looks as if no person had sent this. Its text is for whoever wrote the program."""


def challenge_for(token: str) -> str:
    """Of this form, now, and like no other: two who open it in the same second answer for themselves. Signed,
    so that nothing is kept of it until it comes back."""
    return signing.dumps([token, secrets.token_urlsafe(9)], salt=_SALT)


def check_challenge(token: str, given: Mapping[str, Any]) -> str:
    """The key of the answer: of one challenge one is taken. Raises Suspicious."""
    challenge, work = str(given.get("challenge", ""))[:400], str(given.get("work", ""))[:40]
    if given.get(TRAP):
        raise Suspicious("The field “website” stays empty.")
    try:
        if signing.loads(challenge, salt=_SALT, max_age=LATEST)[0] != token:
            raise Suspicious("The challenge is another form's.")
    except signing.SignatureExpired:
        raise Suspicious("The challenge is too old: ask for a new one.") from None
    except signing.BadSignature:
        raise Suspicious("There is no such challenge: ask for one first.") from None
    try:
        signing.loads(challenge, salt=_SALT, max_age=SOONEST)
    except signing.SignatureExpired:
        pass
    else:
        raise Suspicious(f"Wait {SOONEST.seconds} seconds before you send it.")
    if not is_solved(challenge, work):
        raise Suspicious(f"SHA-256 of CHALLENGE:WORK begins with {BITS} zero bits.")
    return sha256(challenge.encode()).hexdigest()


def is_solved(challenge: str, work: str) -> bool:
    digest = sha256(f"{challenge}:{work}".encode()).digest()
    return int.from_bytes(digest[:4]) >> (32 - BITS) == 0
