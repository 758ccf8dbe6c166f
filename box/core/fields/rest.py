"""Fields of a company's own as Bitrix24's REST API has them: by names that begin with UF_.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-fields/index.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.core.fields.kinds import MOST_VALUES, kind_of, read_each
from box.core.fields.lookups import filterable
from box.core.fields.models import Field

if TYPE_CHECKING:
    from box.core.fields.kinds import Finder
    from box.core.fields.values import Values
    from box.core.registry.filtering import Filterable


type Keeper = Callable[[Sequence[Any]], Sequence[int]]
"""Understands files as programs send them, stores them all, and says their numbers."""


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


def given(
    fields: Sequence[Field],
    sent: Mapping[str, Any],
    find: Finder,
    *,
    keep: Keeper,
    kept: Values | None = None,
) -> dict[Field, tuple[Any, ...]]:
    """Of what a program has sent the values of these fields; what it has not named stays. Choices and objects
    go by their numbers, new files with their bytes. What is `kept` so far may be sent back as it was
    answered, whatever became of it. Raises ValidationError, and what `keep` does."""
    known = {field.code: field for field in fields}
    named = {known[code]: value for code, value in sent.items() if code in known}
    # Nothing is stored before all else is understood.
    ordered = sorted(named.items(), key=lambda one: one[0].kind == Field.Kind.FILE)
    there = kept or {}
    return {
        field: _files(field, value, find, keep, there.get(field, ()))
        if field.kind == Field.Kind.FILE
        else _given(field, value, find, there.get(field, ()))
        for field, value in ordered
    }


def _files(field: Field, value: Any, find: Finder, keep: Keeper, kept: Sequence[Any]) -> tuple[Any, ...]:
    """`{"fileData": ["plan.txt", "<Base64>"]}`, or the number of a file that is there; several in a list.

    Source: https://apidocs.bitrix24.com/api-reference/files/how-to-upload-files.html
    """
    is_one = not field.is_several and not (isinstance(value, list) and len(value) == 1)
    several = [value] if is_one and value not in (False, None, "", []) else value or []
    if not isinstance(several, list):
        several = [several]
    if len(several) > MOST_VALUES:
        said = _("%(field)s: %(most)s values at most.")
        raise ValidationError(said % {"field": field.name, "most": MOST_VALUES})
    new = {place: one for place, one in enumerate(several) if _is_sent(one)}
    ids = dict(zip(new, keep(list(new.values())), strict=True))
    there = [one.get("id", "") if isinstance(one, Mapping) else one for one in several]
    texts = [f"#{ids[n]}" if n in ids else _text(field, one) for n, one in enumerate(there)]
    return read_each(field, texts, find, kept=kept)


def _is_sent(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and "fileData" in value)


def _given(field: Field, value: Any, find: Finder, kept: Sequence[Any]) -> tuple[Any, ...]:
    several = value if isinstance(value, list) else [] if value in (False, None, "") else [value]
    return read_each(field, [_text(field, one) for one in several], find, kept=kept)


def _text(field: Field, value: Any) -> str:
    text = str(value)
    if field.kind == Field.Kind.CHOICE:
        return next((one.name for one in field.options if str(one.pk) == text), text)
    if field.kind == Field.Kind.MONEY:
        return text.replace("|", " ")
    if not kind_of(field).is_plain and text.isdecimal():
        return f"#{text}"
    return text
