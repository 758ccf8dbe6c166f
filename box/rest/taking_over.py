"""What happened elsewhere and is only taken over: whose doing it was, and when.

    log.blogpost.add?POST_MESSAGE=...&KOROBKA_BY=17&KOROBKA_AT=2024-03-01T10:00:00Z

Bitrix24 has no such parameters: what moves into it is dated anew. Here a migration says them, for methods
that are declared so, by a webhook of an administrator that has the scope. What is written then is what an
import writes: dated then, in that person's name, and nobody is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.registry.origin import importing
from box.core.registry.rest import TRANSFER
from box.lib.numbers import whole_number
from box.rest.dialect import no_scope

if TYPE_CHECKING:
    from box.core.registry.rest import Method
    from box.rest.tokens import Caller

BY, AT = "KOROBKA_BY", "KOROBKA_AT"
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Elsewhere:
    """Nothing of both: it happens here and now."""

    by: User | None = None
    at: datetime | None = None

    def importing(self) -> AbstractContextManager[None]:
        return importing(at=self.at) if self.at else nullcontext()


def taken_over(
    given: Mapping[str, Any], method: Method, caller: Caller, now: datetime
) -> tuple[Elsewhere, Mapping[str, Any]]:
    """What the parameters say of it, and the others. Raises ApiRefused, PermissionDenied, ValidationError."""
    said = {name.upper(): value for name, value in given.items() if name.upper() in (BY, AT)}
    if not said:
        return Elsewhere(), given
    if not method.takes_over:
        raise ValidationError(f"{min(said)}: {_('This method does not know it.')}", code="unknown")
    if TRANSFER not in caller.webhook.scopes:
        raise no_scope()
    if not caller.user.is_administrator:
        raise PermissionDenied(_("Only administrators take over what happened elsewhere."))
    by = _person(said[BY]) if BY in said else None
    at = _moment(said[AT], now) if AT in said else now
    return Elsewhere(by, at), {name: value for name, value in given.items() if name.upper() not in said}


def _person(value: Any) -> User:
    """Also of those who have left: what they did stays theirs."""
    number = whole_number(str(value))
    found: User | None = User.objects.filter(pk=number, merged_into=None).first() if number else None
    if found is None:
        raise ValidationError(f"{BY}: {_('There is no such person.')}", code="person")
    return found


def _moment(value: Any, now: datetime) -> datetime:
    try:
        found = parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None:
        raise ValidationError(
            f"{AT}: {_('Write a moment such as 2026-01-31T18:00:00+03:00.')}", code="moment"
        )
    at = found if timezone.is_aware(found) else timezone.make_aware(found)
    if not _EARLIEST <= at <= now:
        raise ValidationError(f"{AT}: {_('It happened between 1970 and now.')}", code="moment")
    return at
