"""Fields of a company's own as Bitrix24's REST API has them: by names that begin with UF_.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-fields/index.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.fields.kinds import kind_of, read_each
from box.core.fields.lookups import filterable
from box.core.fields.models import Field

if TYPE_CHECKING:
    from box.core.fields.kinds import Finder
    from box.core.fields.values import Values
    from box.core.registry.filtering import Filterable


def filters(fields: Sequence[Field]) -> dict[str, Filterable]:
    return {field.code: filterable(field) for field in fields}


def answered(fields: Sequence[Field], values: Values) -> dict[str, Any]:
    """Of one object: a list where there may be several, and false, which is nothing there, else."""
    return {field.code: _answered(field, values.get(field, ())) for field in fields}


def _answered(field: Field, values: Sequence[Any]) -> Any:
    said = [kind_of(field).rest(field, value) for value in values]
    if field.is_several:
        return said or False
    return said[0] if said else False


def given(fields: Sequence[Field], sent: Mapping[str, Any], find: Finder) -> dict[Field, tuple[Any, ...]]:
    """Of what a program has sent the values of these fields; what it has not named stays. Choices and objects
    go by their numbers. Raises ValidationError."""
    known = {field.code: field for field in fields}
    return {known[code]: _given(known[code], value, find) for code, value in sent.items() if code in known}


def _given(field: Field, value: Any, find: Finder) -> tuple[Any, ...]:
    several = value if isinstance(value, list) else [] if value in (False, None, "") else [value]
    return read_each(field, [_text(field, one) for one in several], find)


def _text(field: Field, value: Any) -> str:
    text = str(value)
    if field.kind == Field.Kind.CHOICE:
        return next((one.name for one in field.options if str(one.pk) == text), text)
    if field.kind == Field.Kind.MONEY:
        return text.replace("|", " ")
    if not kind_of(field).is_plain and text.isdecimal():
        return f"#{text}"
    return text
