"""Who sits at which extension: by hand, or by a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from box.bridges.telephony.actions import set_extensions
from box.bridges.telephony.models import Pbx
from box.core.accounts.models import User

MOST_ROWS = 5_000
LONGEST = 300_000
BROWSER = "browser"
"""In the third column: it rings in the portal."""
_SEPARATORS = (";", "\t", ",")


@dataclass(frozen=True)
class Row:
    line: int
    number: str
    person: str
    is_browser: bool = False


def import_extensions(pbx: Pbx, text: str, *, by: User) -> int:
    """A table of extensions and people (by e-mail or login; none: nobody's), one a line: all of it or
    nothing. Returns how many were changed. Raises ValidationError, which names the first lines that are
    wrong."""
    rows = list(read(text))
    people = _people(row.person for row in rows)
    problems, wanted, seen = [], [], set()
    for row in rows:
        person = people.get(row.person.lower()) if row.person else None
        if row.person and person is None:
            problems.append(_("Line %(line)s: nobody has the e-mail or login “%(person)s”.") % vars(row))
        elif row.number in seen:
            problems.append(_("Line %(line)s: the extension %(number)s is there twice.") % vars(row))
        seen.add(row.number)
        wanted.append((row.number, person))
    if problems:
        raise ValidationError(problems[:10], code="rows")
    return set_extensions(pbx, wanted, in_browser={row.number for row in rows if row.is_browser}, by=by)


def read(text: str) -> Iterator[Row]:
    """Lines like `100;anna@corp.example`; a head is passed over. Raises ValidationError."""
    if len(text) > LONGEST:
        raise ValidationError(_("This table is too long: give it in parts."), code="size")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines or len(lines) > MOST_ROWS:
        said = _("Give between 1 and %(most)s lines.") % {"most": MOST_ROWS}
        raise ValidationError(said, code="size")
    separator = next((one for one in _SEPARATORS if one in lines[0][1]), ";")
    for place, (line, said) in enumerate(lines):
        number, _rest, person = (part.strip().strip('"') for part in said.partition(separator))
        if place == 0 and not number.isdigit():
            continue
        name, _rest, kind = (part.strip().strip('"') for part in person.partition(separator))
        yield Row(line, number, name, kind.partition(separator)[0].strip().lower() == BROWSER)


def _people(names: Iterable[str]) -> dict[str, User]:
    asked = {name.lower() for name in names if name}
    employees = User.objects.employees().annotate(small_login=Lower("login"), small_email=Lower("email"))
    found = {person.small_email: person for person in employees.filter(small_email__in=asked)}
    return found | {person.small_login: person for person in employees.filter(small_login__in=asked)}
