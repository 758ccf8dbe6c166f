"""Asterisk's configuration format, written: sections, options, extensions. What the format cannot hold is
refused.

The reader is Asterisk's `main/config.c`: a line is a section, an option or a directive; `;` begins a comment
unless a backslash stands before it, spaces at both ends are cut off, and nothing is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Whoever brings a line break into a configuration adds lines of their own, and `System()` is one of these.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_NUMBER = re.compile(r"[0-9*#+]{1,40}")
# config.c reads lines of 8191 bytes.
_LONGEST = 4000
_VALUE, _A_NAME, _A_NUMBER = gettext_lazy("A value"), gettext_lazy("A name"), gettext_lazy("A number")
_PERSON = gettext_lazy("A person's name")


class Unwritable(ValueError):
    """A value that a configuration of Asterisk cannot hold; the text tells whoever asks for one, in their
    language, what is wrong with it."""


def value(text: object, what: object = _VALUE) -> str:
    """Right of an equals sign."""
    written = str(text)
    if found := _CONTROL.search(written):
        said = _("%(what)s has a control character (%(sign)s): write it on one line, without any.")
        raise Unwritable(said % {"what": what, "sign": repr(found.group())})
    if written != written.strip():
        said = _("%(what)s begins or ends with a space: Asterisk would cut it off. Write it without.")
        raise Unwritable(said % {"what": what})
    if len(written.encode()) > _LONGEST:
        said = _("%(what)s is longer than %(bytes)s bytes: shorten it.")
        raise Unwritable(said % {"what": what, "bytes": _LONGEST})
    if written.startswith(">"):
        said = _("%(what)s begins with >, which belongs to the sign before it: write it without.")
        raise Unwritable(said % {"what": what})
    return written.replace(";", "\\;")


def name(text: object, what: object = _A_NAME) -> str:
    """Of a section, a context, a queue, an endpoint: a word that is plain wherever it may stand."""
    written = str(text)
    if not _NAME.fullmatch(written):
        said = _("%(what)s is %(given)s: letters A to Z, digits, points, hyphens and underscores, please.")
        raise Unwritable(said % {"what": what, "given": repr(written)})
    return written


def number(text: object, what: object = _A_NUMBER) -> str:
    """What is dialled: never a pattern, a comma or a variable."""
    written = str(text)
    if not _NUMBER.fullmatch(written):
        said = _("%(what)s is %(given)s: digits, *, # and + only, 40 at most.")
        raise Unwritable(said % {"what": what, "given": repr(written)})
    return written


def caller_name(text: object, what: object = _PERSON) -> str:
    """Between the quotes of a caller ID, which knows no escape."""
    written = value(text, what)
    if found := re.search(r'["<>\\]', written):
        said = _("%(what)s has %(sign)s, which a caller ID cannot hold: write it without.")
        raise Unwritable(said % {"what": what, "sign": found.group()})
    return written


class Writer:
    """One file: `section`, `set`, `comment`, `extension`; `str()` of it is the text."""

    def __init__(self, *about: str) -> None:
        self._lines: list[str] = []
        self._extensions: set[str] = set()
        for line in about:
            self.comment(line)

    def comment(self, text: str) -> None:
        self._lines.append(f"; {_CONTROL.sub(' ', text)}".rstrip())

    def section(self, title: str, *, why: str = "", template: str = "") -> None:
        self._lines.append("")
        self._extensions.clear()
        if why:
            self.comment(why)
        inherited = f"({name(template)})" if template else ""
        self._lines.append(f"[{name(title, gettext_lazy('A section'))}]{inherited}")

    def set(self, option: str, given: object, why: str = "") -> None:
        """`why` stands in a line of its own above it."""
        if why:
            self.comment(why)
        shown = (
            ("yes" if given else "no")
            if isinstance(given, bool)
            else value(given, format_lazy(gettext_lazy("The option {option}"), option=option))
        )
        self._lines.append(f"{option} = {shown}")

    def extension(self, exten: str, steps: Iterable[str]) -> None:
        """A number or pattern of the dialplan with its steps, each an application with its arguments: made by
        this package of names and numbers that `name` and `number` have let through. Of two with one number
        Asterisk would mix the steps."""
        if exten in self._extensions:
            said = _("Two things have the number %(number)s: change one of them.")
            raise Unwritable(said % {"number": exten})
        self._extensions.add(exten)
        for place, step in enumerate(steps):
            begin = f"exten => {exten},1," if place == 0 else " same => n,"
            label, _bar, rest = step.partition("|") if re.match(r"[a-z]+\|", step) else ("", "", step)
            begin = begin[:-1] + f"({label})," if label else begin
            self._lines.append(
                begin + value(rest, format_lazy(gettext_lazy("A step of {number}"), number=exten))
            )

    def __str__(self) -> str:
        return "\n".join(self._lines).strip() + "\n"
