"""Who sits at which extension: by hand, or by a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from box.bridges.telephony.actions import EXTENSION, set_extensions
from box.bridges.telephony.models import Pbx
from box.core.accounts.custom_fields import EDITORS, plain_fields, texts_of_many
from box.core.accounts.models import User
from box.core.fields.models import Field, Value

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


def extension_rows(pbx: Pbx) -> list[tuple[str, str, str]]:
    """What `import_extensions` takes in: extension, login, and whether it rings in the portal."""
    held = pbx.extensions.select_related("user").order_by("number")[:MOST_ROWS]
    return [
        (one.number, one.user.login if one.user else "", BROWSER if one.is_browser else "") for one in held
    ]


def fields_with_extensions() -> list[Field]:
    """Of profiles: only those that nobody fills in for themselves, or they would take over others' calls."""
    kinds = (Field.Kind.TEXT, Field.Kind.NUMBER)
    return [
        one for one in plain_fields() if one.kind in kinds and one.writers == EDITORS and not one.is_several
    ]


@transaction.atomic
def follow_profiles(pbx: Pbx, *, by: User | None) -> int:
    """Gives everybody the extension that their profile names, and takes from them the telephones that it does
    not. A number that two profiles name is nobody's new one. Returns how many were changed."""
    field = next((one for one in fields_with_extensions() if one.key == pbx.profile_field), None)
    if field is None:
        return 0
    people = User.objects.employees().in_bulk(
        list(Value.objects.filter(field=field).values_list("object_id", flat=True)[:MOST_ROWS])
    )
    named: dict[str, list[User]] = defaultdict(list)
    for pk, texts in texts_of_many(people.keys()).items():
        if EXTENSION.fullmatch(number := texts.get(field.key, "")):
            named[number].append(people[pk])
    wanted: dict[str, User | None] = {number: who[0] for number, who in named.items() if len(who) == 1}
    held = {one.number: one for one in pbx.extensions.all()}
    theirs = {person.pk for person in wanted.values() if person}
    for number, one in held.items():
        if one.user_id in theirs and number not in named and not one.is_browser:
            wanted[number] = None
    in_browser = {number for number, one in held.items() if one.is_browser}
    return set_extensions(pbx, sorted(wanted.items()), in_browser=in_browser, by=by)


def read(text: str) -> Iterator[Row]:
    """Lines like `100;anna@corp.example`; a head is passed over. Raises ValidationError."""
    if len(text) > LONGEST:
        raise ValidationError(_("This table is too long: give it in parts."), code="size")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
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
