"""Reads that only an administrator's right made possible go to the audit log, once an hour an object."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db import Error, transaction

from box.core.access.principals import codes_of
from box.core.registry.auditing import About, record

if TYPE_CHECKING:
    from box.core.accounts.models import User

log = logging.getLogger(__name__)

KIND = "access.read_as_administrator"
REMEMBERED_SECONDS = 3600


def note_reading(administrator: User, rows: Iterable[Any]) -> None:
    """Writes down those of the rows that are addressed to others. Only whole rows show anybody anything."""
    foreign = {}
    for row in rows:
        audience = getattr(row, "__dict__", {}).get("audience")
        if audience is not None and codes_of(administrator).isdisjoint(audience):
            foreign[f"read:{administrator.pk}:{row._meta.label_lower}:{row.pk}"] = row
    if not foreign:
        return
    known = cache.get_many(foreign)
    fresh = {key: row for key, row in foreign.items() if key not in known}
    who = f"{administrator.name} ({administrator.login})"
    try:
        with transaction.atomic():
            for row in fresh.values():
                about = About(row._meta.label_lower, row.pk, str(row))
                record(KIND, by_id=administrator.pk, actor=who, about=about)
    except Error as error:
        # A box that can only be read is still to be looked into; the journal has it then.
        log.warning("%s read %s; the audit log takes no records: %s", administrator.login, [*fresh], error)
        return
    cache.set_many(dict.fromkeys(fresh, 1), REMEMBERED_SECONDS)
