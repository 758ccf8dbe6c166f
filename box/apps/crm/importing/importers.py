"""An importer for each type that the box brings, and for each that a company adds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.access import can_administer, can_import
from box.apps.crm.actions.bulk import (
    Before,
    Change,
    add_records,
    change_records,
    remove_records,
    take_back_changes,
)
from box.apps.crm.actions.records import NewRecord
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach, normal
from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import ALWAYS_SEEN, fields_for
from box.apps.crm.importing.cells import day_in, first_number, money_in, person_in, reached
from box.apps.crm.importing.clients import Clients
from box.apps.crm.importing.columns import (
    ADDRESS,
    BY_EMAIL,
    BY_NAME,
    BY_PHONE,
    BY_TAX_NUMBER,
    COMMON,
    COMPANY,
    CONTACT,
    DATES,
    MAKES_CLIENTS,
    MONEY,
    NAMES,
    OPTIONS,
    OWN_TITLE,
    REACHED,
    STAGES,
    TAX_NUMBER,
    TEXTS,
    TITLES,
    field_of,
)
from box.apps.crm.importing.rows import ClientSought, Lists, RecordRow
from box.apps.crm.importing.snapshots import packed, unpacked
from box.apps.crm.models import ContactPoint, Record, RecordType
from box.core.accounts.models import User
from box.core.fields.kinds import read, written
from box.core.fields.values import Values, values_of_many, write_many
from box.core.imports.importers import (
    Context,
    Duplicates,
    Entry,
    Importer,
    ImportField,
    Taken,
    fields_of,
    importer_at,
    values_from,
)
from box.lib.sounds import sound_of

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.fields.sets import FieldSet

Id = RecordType.Id


class RecordImporter(Importer[RecordRow]):
    """Of one type. `is_reached` and `has_tax_number` say by what its records are known again, `own_fields`
    are those that not every type has."""

    is_undoable = True
    back = "crm:list"

    def __init__(
        self,
        type_id: int,
        slug: str,
        label: _StrOrPromise,
        own_fields: Sequence[ImportField],
        *,
        key: str = "",
        about: _StrOrPromise = "",
        is_reached: bool = True,
        has_tax_number: bool = False,
        makes_clients: bool = True,
        is_standing: bool = True,
    ) -> None:
        self.type_id, self.label, self.about = type_id, label, about  # type: ignore[misc]
        self.key = key or f"crm.{slug}"  # type: ignore[misc]
        self.back_arguments = (slug,)
        self.own_fields, self.is_standing = own_fields, is_standing
        found_by = [BY_PHONE, BY_EMAIL, *([BY_TAX_NUMBER] if has_tax_number else []), BY_NAME]
        keys = [*(found_by if is_reached else []), *([MAKES_CLIENTS] if makes_clients else [])]
        self.options = tuple(OPTIONS[key] for key in keys)  # type: ignore[misc]
        if not is_reached:
            # Nothing tells one deal from another.
            self.duplicates = (Duplicates.ADD,)  # type: ignore[misc]

    @property
    def set(self) -> FieldSet:
        return set_of(self.type_id)

    def can_import(self, user: User) -> bool:
        return self.is_standing and can_import(user)

    def can_oversee(self, user: User) -> bool:
        return can_administer(user)

    def fields(self) -> Sequence[ImportField]:
        return [*self.own_fields, *COMMON, *fields_of(self.set)]

    def check(self, columns: Collection[str]) -> None:
        super().check(columns)
        if not {"title", "last_name", "first_name"} & set(columns):
            raise ValidationError(_("Say which column is the name."))

    # Understanding

    def understand(self, cells: Mapping[str, str], context: Context) -> RecordRow:
        self._check_fields(cells, context)
        lists = self._lists(context)
        fields: dict[str, Any] = {name: cells[name] for name in TEXTS & cells.keys()}
        self._name(fields)
        fields |= {
            name: day_in(cells[name]) for name in ("born_on", "begins_on", "expected_on") if name in cells
        }
        if "amount" in cells or "currency" in cells:
            fields |= money_in(cells.get("amount", "0"), cells.get("currency", ""), lists.base)
        if utm := {name: cells[name][:200] for name in cells if name.startswith("utm_")}:
            fields["utm"] = utm
        if source := cells.get("source", ""):
            known = lists.sources.get(source.strip().casefold())
            fields |= {"source": known} if known else {"source_note": fields.get("source_note") or source}
        reached_by = list(reached(cells))
        return RecordRow(
            fields=fields,
            reached_by=reached_by,
            keys=self._keys(fields, reached_by, context, lists.region),
            company=" ".join(cells.get("company", "").split()),
            contact=ClientSought(
                " ".join(cells.get("contact", "").split()),
                first_number(cells.get("contact_phone", ""), lists.region),
                cells.get("contact_email", "").strip().lower(),
            ),
            responsible_id=person_in(cells["responsible"], context) if "responsible" in cells else None,
            stage=lists.stage(cells.get("pipeline", ""), cells.get("stage", "")),
            own=values_from(self.set, cells, context),
        )

    def _check_fields(self, columns: Iterable[str], context: Context) -> None:
        """Raises ValidationError where a cell is of a field that whoever imports may not change."""
        if "refused" not in context.known:
            fields = fields_for(context.by, self.type_id)
            # Asked once a run; what is written is asked about again, object by object.
            context.known["refused"] = {
                one.key: one.label
                for one in self.fields()
                if (field := field_of(one.key)) not in ALWAYS_SEEN and not fields.changes(field)
            }
        refused: Mapping[str, _StrOrPromise] = context.known["refused"]
        if column := next((column for column in columns if column in refused), ""):
            said = _("Your role does not let you change “%(field)s” here.")
            raise ValidationError(said % {"field": refused[column]})

    def _name(self, fields: dict[str, Any]) -> None:
        """A contact's whole name in one cell is in the order of Russian papers; a lead without a title is
        called like its person."""
        names = ("last_name", "first_name", "patronymic")
        if self.type_id == Id.CONTACT and not any(fields.get(name) for name in names):
            parts = fields.pop("title", "").split(maxsplit=2)
            fields |= dict(zip(names, parts if len(parts) != 1 else ["", *parts], strict=False))
        if self.type_id == Id.LEAD and not fields.get("title"):
            fields["title"] = " ".join(fields[name] for name in names if fields.get(name))
        if not any(fields.get(name) for name in ("title", *names)):
            raise ValidationError(_("There is no name."))

    def _keys(
        self, fields: Mapping[str, Any], reached_by: Iterable[Reach], context: Context, region: str
    ) -> list[str]:
        chosen = context.options
        keys = [
            f"{one.kind}:{normal(one.kind, one.value, region=region)}"
            for one in reached_by
            if (one.kind == "phone" and BY_PHONE in chosen) or (one.kind == "email" and BY_EMAIL in chosen)
        ]
        if BY_TAX_NUMBER in chosen and (number := "".join(fields.get("tax_number", "").split())):
            keys.append(f"tax:{number}")
        if BY_NAME in chosen:
            whole = fields.get("title") or " ".join(
                fields[name] for name in ("first_name", "patronymic", "last_name") if fields.get(name)
            )
            keys += [f"name:{sound}"] if (sound := sound_of(whole)) else []
        return keys

    def keys(self, row: RecordRow) -> Collection[str]:
        return row.keys

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        """Of what this person may see; of several with one key the oldest."""
        wanted: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            kind, _sign, value = key.partition(":")
            wanted[kind].append(value)
        there = Record.objects.there().of_type(self.type_id)
        found: list[tuple[str, int]] = []
        for kind in ("phone", "email"):
            if wanted[kind]:
                # What of these is of this type, there and seen is asked below, and of these alone.
                points = ContactPoint.objects.filter(kind=kind, normal__in_array=wanted[kind])
                found += [(f"{kind}:{value}", pk) for value, pk in points.values_list("normal", "record_id")]
        if wanted["tax"]:
            rows = there.filter(tax_number__in=wanted["tax"]).exclude(tax_number="")
            found += [(f"tax:{number}", pk) for number, pk in rows.values_list("tax_number", "pk")]
        if wanted["name"]:
            rows = there.filter(sound__in_array=wanted["name"])
            found += [(f"name:{sound}", pk) for sound, pk in rows.values_list("sound", "pk")]
        ids = {pk for _key, pk in found}
        seen = set(there.filter(id__in_array=list(ids)).visible_to(context.by).values_list("pk", flat=True))
        return dict(sorted((pair for pair in found if pair[1] in seen), key=lambda pair: -pair[1]))

    def shown(self, row: RecordRow) -> Mapping[str, str]:
        return {"stage": str(row.stage)} if row.stage else {}

    # Taking

    def take(self, entries: Sequence[Entry[RecordRow]], context: Context) -> Sequence[Taken]:
        new = [one for one in entries if one.same is None]
        return [*self._add(new, context), *self._correct([one for one in entries if one.same], context)]

    def _add(self, entries: Sequence[Entry[RecordRow]], context: Context) -> list[Taken]:
        lists = self._lists(context)
        clients = Clients(context, makes=MAKES_CLIENTS in context.options)
        people = User.objects.in_bulk([one.row.responsible_id for one in entries if one.row.responsible_id])
        clients.find(entries)
        new = []
        for one in entries:
            row, fields = one.row, dict(one.row.fields)
            company, contact = clients.company(row), clients.contact(row)
            if row.company and company is None:
                said = _("Company: %(name)s") % {"name": row.company}
                fields["comment"] = "\n".join(filter(None, [fields.get("comment", ""), said]))
            new.append(
                NewRecord(
                    type=lists.type, stage=row.stage, reached_by=row.reached_by, company=company,
                    contact=contact, responsible=people.get(row.responsible_id or 0, context.by), **fields,
                )
            )  # fmt: skip
        taken: list[Taken] = []
        own: dict[int, Values] = {}
        for one, made in zip(entries, add_records(new, by=context.by), strict=True):
            if isinstance(made, ValidationError):
                taken.append(Taken(one.number, problem=" ".join(made.messages)))
                continue
            own |= {made.pk: one.row.own} if one.row.own else {}
            taken.append(Taken(one.number, made.pk, is_new=True, along=clients.made_for(one.row)))
        write_many(self.set, own)
        return taken

    def _correct(self, entries: Sequence[Entry[RecordRow]], context: Context) -> list[Taken]:
        changes = {one.same or 0: Change(one.row.fields, one.row.reached_by) for one in entries}
        outcome = change_records(changes, by=context.by)
        refused = {pk for pk, one in outcome.items() if isinstance(one, ValidationError)}
        own = {one.same or 0: one.row.own for one in entries if one.row.own and one.same not in refused}
        had = values_of_many(self.set, own.keys())
        different: dict[int, dict[str, str]] = defaultdict(dict)
        for pk, values in own.items():
            for of, value in values.items():
                before = had.get(pk, {}).get(of, ())
                if before != value:
                    different[pk][of.key] = written(of, before)
        write_many(self.set, own)
        taken = []
        for one in entries:
            pk, now = one.same or 0, outcome.get(one.same or 0)
            if isinstance(now, ValidationError):
                taken.append(Taken(one.number, problem=" ".join(now.messages)))
                continue
            was = packed(now or Before({}), different.get(pk, {}))
            taken.append(Taken(one.number, pk, before=was, is_changed=bool(now or pk in different)))
        return taken

    # Undoing

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        """Every write to a record moves its moment; what is written down about it is counted."""
        rows = Record.objects.there().filter(id__in_array=list(ids)).annotate(written=Count("activities"))
        return {
            pk: f"{at.isoformat()} {count}"
            for pk, at, count in rows.values_list("pk", "changed_at", "written")
        }

    def remove(self, ids: Sequence[int], context: Context) -> None:
        """Raises ValidationError where something else names one of them since: that would lose its client."""
        since = Record.objects.filter(links__to__in=ids).exclude(pk__in=ids).first()
        if since is not None:
            raise ValidationError(
                _("“%(name)s” was linked with what this import made, so nothing was undone.")
                % {"name": since}
            )
        remove_records(ids, by=context.by)

    def restore(self, before: Mapping[int, Any], context: Context) -> None:
        take_back_changes({pk: unpacked(one) for pk, one in before.items()}, by=context.by)
        own: dict[int, Values] = {}
        for pk, one in before.items():
            known = {of: one["own"][of.key] for of in self.set.fields if of.key in one["own"]}
            own[pk] = {of: read(of, text, context.find) for of, text in known.items()}
        write_many(self.set, own)

    def _lists(self, context: Context) -> Lists:
        if "lists" not in context.known:
            context.known["lists"] = Lists(self.type_id)
        lists: Lists = context.known["lists"]
        return lists


_DEAL_ABOUT = gettext_lazy("Every row is a new deal. Its client is found by telephone, e-mail or name.")
_OWN_ABOUT = gettext_lazy("Every row is a new one. Its client is found by telephone, e-mail or name.")
_PERSONS_NAMES = tuple(one for one in NAMES if one.key != "title")

IMPORTERS = (
    RecordImporter(Id.CONTACT, "contact", gettext_lazy("Contacts"), (*NAMES, *REACHED, COMPANY, ADDRESS)),
    RecordImporter(
        Id.COMPANY,
        "company",
        gettext_lazy("Companies"),
        (TITLES[Id.COMPANY], *REACHED, ADDRESS, TAX_NUMBER),
        has_tax_number=True,
        makes_clients=False,
    ),
    RecordImporter(
        Id.LEAD,
        "lead",
        gettext_lazy("Leads"),
        (TITLES[Id.LEAD], *_PERSONS_NAMES, *REACHED, COMPANY, ADDRESS, TAX_NUMBER, *MONEY, *STAGES),
        has_tax_number=True,
    ),
    RecordImporter(
        Id.DEAL,
        "deal",
        gettext_lazy("Deals"),
        (TITLES[Id.DEAL], *MONEY, *DATES, *STAGES, COMPANY, *CONTACT),
        about=_DEAL_ABOUT,
        is_reached=False,
    ),
)


def own_importer(key: str) -> RecordImporter | None:
    """Of a company's own entity, under `crm.t1030`; what is out of use takes nothing more, and what it has
    taken can be taken back."""
    number = key.removeprefix("crm.t")
    kind = catalog().types.get(int(number)) if number.isdecimal() and len(number) < 10 else None
    if kind is None or kind.is_built_in or key != _own_key(kind):
        return None
    parts = (
        *(MONEY if kind.has_amount else ()),
        *((*DATES, *STAGES) if kind.has_stages else ()),
        *((COMPANY, *CONTACT) if kind.has_client else ()),
    )
    return RecordImporter(
        kind.pk,
        kind.slug,
        kind.label,
        (OWN_TITLE, *parts),
        key=key,
        about=_OWN_ABOUT if kind.has_client else "",
        is_reached=False,
        makes_clients=kind.has_client,
        is_standing=kind.retired_at is None,
    )


def _own_key(kind: RecordType) -> str:
    # Its slug is the company's word, and may be that of anything else.
    return f"crm.t{kind.pk}"


def importer_of(kind: RecordType, user: User) -> str:
    """The key of that which takes tables of this type; empty for whoever may not import, and where there is
    none."""
    key = f"crm.{kind.slug}" if kind.is_built_in else _own_key(kind)
    found = importer_at(key)
    return key if found is not None and found.can_import(user) else ""
