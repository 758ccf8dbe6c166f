"""The clients that rows name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from box.apps.crm.actions.bulk import add_records
from box.apps.crm.actions.records import NewRecord
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.importing.rows import RecordRow
from box.apps.crm.models import ContactPoint, Record, RecordType
from box.core.imports.importers import Context, Entry
from box.core.registry.company import PHONE_REGION

Id = RecordType.Id


class Clients:
    """The companies and contacts that rows name: found by name, telephone or e-mail among what whoever
    imports may see; where it is wanted, made."""

    def __init__(self, context: Context, *, makes: bool) -> None:
        self.by, self.makes = context.by, makes
        self.region = PHONE_REGION.value
        self._found: dict[tuple[int, str], Record] = {}
        self._along: dict[int, list[int]] = defaultdict(list)

    def find(self, entries: Iterable[Entry[RecordRow]]) -> None:
        rows = [one.row for one in entries]
        self._find(Id.COMPANY, {row.company for row in rows if row.company})
        contacts = [row.contact for row in rows]
        self._find(Id.CONTACT, {one.name for one in contacts if one.name})
        for kind in ("phone", "email"):
            values = {value for one in contacts if (value := getattr(one, kind))}
            if values:
                self._find_reached(kind, values)
        if self.makes:
            self._make_companies(rows)
            self._make_contacts(rows)

    def company(self, row: RecordRow) -> Record | None:
        return self._found.get((Id.COMPANY, row.company.casefold())) if row.company else None

    def contact(self, row: RecordRow) -> Record | None:
        keys = (row.contact.phone, row.contact.email, row.contact.name.casefold())
        return next((one for key in keys if key and (one := self._found.get((Id.CONTACT, key)))), None)

    def made_for(self, row: RecordRow) -> tuple[int, ...]:
        """What was made for this row, and not for one above it."""
        return tuple(self._along.pop(id(row), ()))

    def _find(self, type_id: int, names: Collection[str]) -> None:
        if names:
            rows = (
                Record.objects.there()
                .of_type(type_id)
                .filter(title__in_array=list(names))
                .visible_to(self.by)
            )
            for record in rows.order_by("-pk"):
                self._found[type_id, record.title.casefold()] = record

    def _find_reached(self, kind: str, values: Collection[str]) -> None:
        points = ContactPoint.objects.filter(kind=kind, normal__in_array=list(values))
        ids = dict(points.values_list("record_id", "normal"))
        rows = Record.objects.there().of_type(Id.CONTACT).filter(id__in_array=list(ids)).visible_to(self.by)
        for record in rows.order_by("-pk"):
            self._found[Id.CONTACT, ids[record.pk]] = record

    def _make_companies(self, rows: Iterable[RecordRow]) -> None:
        wanted: dict[str, RecordRow] = {}
        for row in rows:
            if row.company and self.company(row) is None:
                wanted.setdefault(row.company.casefold(), row)
        made = self._made(Id.COMPANY, list(wanted.values()), lambda row: {"title": row.company})
        for key, one in zip(wanted, made, strict=True):
            if one is not None:
                self._found[Id.COMPANY, key] = one

    def _make_contacts(self, rows: Iterable[RecordRow]) -> None:
        wanted: dict[str, RecordRow] = {}
        for row in rows:
            one = row.contact
            if self.contact(row) is None and (key := one.phone or one.email or one.name.casefold()):
                wanted.setdefault(key, row)
        made = self._made(Id.CONTACT, list(wanted.values()), self._contact_of)
        for row, record in zip(wanted.values(), made, strict=True):
            for key in (row.contact.phone, row.contact.email, row.contact.name.casefold()):
                if key and record is not None:
                    self._found.setdefault((Id.CONTACT, key), record)

    def _contact_of(self, row: RecordRow) -> dict[str, Any]:
        one = row.contact
        last, _space, first = one.name.partition(" ")
        reached_by = [
            Reach(kind, value) for kind, value in (("phone", one.phone), ("email", one.email)) if value
        ]
        names = {"last_name": last, "first_name": first} if first else {"first_name": last}
        return {
            **(names if one.name else {"first_name": one.email or one.phone}),
            "reached_by": reached_by, "company": self.company(row),
        }  # fmt: skip

    def _made(self, type_id: int, rows: Sequence[RecordRow], fields: Any) -> list[Record | None]:
        """None for what may not be made: then the row goes without."""
        if not rows:
            return []
        kind = catalog().types[type_id]
        new = [NewRecord(type=kind, responsible=self.by, **fields(row)) for row in rows]
        made = [one if isinstance(one, Record) else None for one in add_records(new, by=self.by)]
        for row, one in zip(rows, made, strict=True):
            if one is not None:
                self._along[id(row)].append(one.pk)
        return made
