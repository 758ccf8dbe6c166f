"""What programs call a record where its type is not said beside it: `D_5` is deal 5.

Source: https://apidocs.bitrix24.com/api-reference/crm/data-types.html#object_type
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from box.apps.crm.models import Record, RecordType
from box.apps.crm.models.types import ANY_RECORD
from box.core.relations.relatable import Codes

if TYPE_CHECKING:
    from box.core.accounts.models import User

_LETTERS: Mapping[int, str] = {
    RecordType.Id.LEAD: "L",
    RecordType.Id.DEAL: "D",
    RecordType.Id.CONTACT: "C",
    RecordType.Id.COMPANY: "CO",
    RecordType.Id.QUOTE: "Q",
    RecordType.Id.INVOICE: "SI",
}
_TYPES: Mapping[str, int] = {letters: pk for pk, letters in _LETTERS.items()}
# Of a company's own entities the number in hexadecimal digits stands behind a T.
_CODE = re.compile(r"([A-Z]{1,2}|T[0-9a-f]{1,7})_([1-9][0-9]{0,17})", re.IGNORECASE)


def _ids(said: Collection[str], reader: User) -> dict[str, int]:
    wanted = {one: found for one in said if (found := _parsed(one)) is not None}
    types = _types({pk for _type, pk in wanted.values()}, reader)
    return {one: pk for one, (type_id, pk) in wanted.items() if types.get(pk) == type_id}


def _codes(ids: Collection[int], reader: User) -> dict[int, str]:
    types = _types(ids, reader)
    return {pk: f"{_LETTERS.get(types[pk]) or f'T{types[pk]:x}'}_{pk}" for pk in ids if pk in types}


def _types(ids: Collection[int], reader: User) -> dict[int, int]:
    seen = Record.objects.visible_to(reader).there().filter(pk__in=ids)
    return dict(seen.values_list("pk", "type_id"))


def _parsed(code: str) -> tuple[int, int] | None:
    """The number of the type, and the record's."""
    match = _CODE.fullmatch(code)
    if match is None:
        return None
    letters, pk = match[1].upper(), int(match[2])
    if letters in _TYPES:
        return _TYPES[letters], pk
    return (int(letters[1:], 16), pk) if letters[1:] else None


CODES = Codes(ANY_RECORD, _ids, _codes)
