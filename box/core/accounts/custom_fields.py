"""The fields of profiles that administrators define: which there are, and what a value of each may be.

A value is kept as a text, whatever its kind, under the field's number: it outlives another name, another
place and the archive. `read` makes that text of what people, tables and directories write, `say` what a
reader sees of it. Outside guests have none of these fields, and see nobody's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import connection
from django.utils.translation import gettext as _

from box.core.accounts.access import can_manage, can_see_company
from box.core.accounts.models import OwnField, User
from box.core.registry.environment import format_date, format_number
from box.core.registry.settings import Remembered

Kind = OwnField.Kind

LONGEST = 500
MOST_DIGITS = 15
# Russian and English: what tables and directories hold.
_YES = frozenset(["yes", "true", "1", "+", "да", "y", "д"])
_NO = frozenset(["no", "false", "0", "-", "–", "—", "нет", "n", "н"])
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")
_is_link = URLValidator(schemes=["http", "https"])

# What is looked for by its text.
FOUND_BY = (Kind.TEXT, Kind.NUMBER, Kind.CHOICE, Kind.LINK)


def _read() -> tuple[OwnField, ...]:
    return tuple(OwnField.objects.standing().in_order())


standing: Remembered[tuple[OwnField, ...]] = Remembered(_read)
"""All that profiles have now, in their order: the rows are values here, of which nobody changes any."""


def field_of(key: str) -> OwnField | None:
    """The field under this key, unless it is archived or gone."""
    return next((field for field in standing.value if field.key == key), None)


@dataclass(frozen=True)
class OwnValue:
    """A field of a person that has a value: `text` as it is kept, `said` as the reader reads it."""

    field: OwnField
    text: str

    @property
    def said(self) -> str:
        return say(self.field, self.text)

    @property
    def is_link(self) -> bool:
        return self.field.kind == Kind.LINK


def texts_of(person: User) -> Mapping[str, str]:
    """All values of the person as they are kept, by key, also those of archived fields. Read `person` with
    `select_related("profile")`, and this asks nothing."""
    profile = getattr(person, "profile", None)
    return profile.own_values if profile else {}


def shown_of(person: User, *, reader: User) -> list[OwnValue]:
    """What this reader sees of the person, in order."""
    may = readable(person, reader=reader)
    texts = texts_of(person) if may else {}
    return [OwnValue(field, text) for field in may if (text := texts.get(field.key))]


def readable(person: User, *, reader: User) -> list[OwnField]:
    if person.is_extranet or not standing.value:
        return []
    if reader.pk == person.pk or can_manage(reader, person):
        return list(standing.value)
    if not can_see_company(reader):
        return []
    return [field for field in standing.value if field.readers == OwnField.Readers.EVERYBODY]


def editable(person: User, *, by: User) -> list[OwnField]:
    if person.is_extranet or not standing.value:
        return []
    if can_manage(by, person):
        return list(standing.value)
    if by.pk != person.pk:
        return []
    return [field for field in standing.value if field.writers == OwnField.Writers.PERSON]


def read(field: OwnField, text: str, *, kept: str = "") -> str:
    """The text that is kept for what somebody wrote; empty for nothing. Raises ValidationError.

    `kept` is the value so far: it stays valid where the list of choices has lost it since.
    """
    text = unicodedata.normalize("NFC", " ".join(text.replace("\x00", "").split()))
    if not text or text == kept:
        return text
    try:
        return _READERS[Kind(field.kind)](field, text)
    except (ValueError, InvalidOperation):
        raise ValidationError(_WRONG[Kind(field.kind)]() % {"field": field.name, "text": text}) from None


def _text(field: OwnField, text: str) -> str:
    if len(text) > LONGEST:
        raise ValidationError(
            _("%(field)s is too long: %(limit)s characters at most.")
            % {"field": field.name, "limit": LONGEST}
        )
    return text


def _number(field: OwnField, text: str) -> str:
    digits = re.sub(r"\s", "", text).replace(",", ".").replace("−", "-")
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", digits) or sum(map(str.isdigit, digits)) > MOST_DIGITS:
        raise ValueError(text)
    number = Decimal(digits)
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _date(field: OwnField, text: str) -> str:
    for form in _DATES:
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if date(1900, 1, 1) <= found <= date(2200, 1, 1):
            return found.isoformat()
    raise ValueError(text)


def _choice(field: OwnField, text: str) -> str:
    found = next((choice for choice in field.choices if choice.casefold() == text.casefold()), None)
    if found is None:
        raise ValueError(text)
    return found


def _yes_no(field: OwnField, text: str) -> str:
    word = text.casefold()
    if word not in _YES | _NO:
        raise ValueError(text)
    return "yes" if word in _YES else "no"


def _link(field: OwnField, text: str) -> str:
    link = _text(field, text if "://" in text else f"https://{text}")
    try:
        _is_link(link)
    except ValidationError:
        raise ValueError(text) from None
    return link


_READERS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.CHOICE: _choice,
    Kind.YES_NO: _yes_no,
    Kind.LINK: _link,
}
_WRONG = {
    Kind.TEXT: lambda: _("%(field)s: “%(text)s” cannot be kept."),
    Kind.NUMBER: lambda: _("%(field)s: “%(text)s” is no number of at most 15 digits."),
    Kind.DATE: lambda: _("%(field)s: “%(text)s” is no date: write 24.11.1990 or 1990-11-24."),
    Kind.CHOICE: lambda: _("%(field)s: “%(text)s” is not in its list."),
    Kind.YES_NO: lambda: _("%(field)s: write yes or no in place of “%(text)s”."),
    Kind.LINK: lambda: _("%(field)s: “%(text)s” is no address of a page, such as https://example.com."),
}


def say(field: OwnField, text: str) -> str:
    """In the reader's language."""
    match field.kind:
        case Kind.DATE:
            return format_date(date.fromisoformat(text))
        case Kind.NUMBER:
            return format_number(Decimal(text), is_exact=True)
        case Kind.YES_NO:
            return _("yes") if text == "yes" else _("no")
        case Kind.LINK:
            return text.partition("://")[2].rstrip("/")
    return text


def cell(field: OwnField, text: str) -> str | float | date | None:
    """For a table that is opened in a spreadsheet, and that an import reads again."""
    if not text:
        return None
    match field.kind:
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.NUMBER:
            return float(text) if "." in text else int(text)
        case Kind.YES_NO:
            return _("yes") if text == "yes" else _("no")
    return text


def reindex_people(people: Collection[int] | None = None) -> None:
    """Writes what these people, or all, are found by: the values that everybody sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET own_words = new.words FROM ("
            " SELECT person.id, COALESCE(string_agg(kept.value, ' ' ORDER BY field.place)"
            "  FILTER (WHERE field.id IS NOT NULL), '') AS words"
            " FROM accounts_user AS person"
            " LEFT JOIN accounts_profile AS profile ON profile.user_id = person.id"
            " LEFT JOIN LATERAL jsonb_each_text(profile.own_values) AS kept ON true"
            " LEFT JOIN accounts_ownfield AS field ON 'own-' || field.id = kept.key"
            "  AND field.archived_at IS NULL AND field.readers = 'everybody' AND field.kind = ANY(%(kinds)s)"
            " WHERE (%(people)s::bigint[] IS NULL OR person.id = ANY(%(people)s::bigint[]))"
            " GROUP BY person.id) AS new"
            " WHERE accounts_user.id = new.id AND accounts_user.own_words <> new.words",
            {"kinds": [kind.value for kind in FOUND_BY], "people": None if people is None else list(people)},
        )
