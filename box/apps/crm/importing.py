"""Tables and address books that become leads, deals, contacts and companies: see `box.core.imports`.

What is there already is found by telephone, e-mail, tax number or a name that sounds the same, whichever of
these whoever imports has chosen; only what they may see is compared with. Clients that a row names are found
or made along. Responsible people, stages and clients of what is there stay.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.crm.access import can_import
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
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import ContactPoint, Currency, Record, RecordType, Source, Stage
from box.core.accounts.models import User
from box.core.fields.kinds import KINDS, day_of, read, written
from box.core.fields.models import Field
from box.core.fields.values import Values, forget_values, values_of_many, write_many
from box.core.imports.importers import (
    Context,
    Duplicates,
    Entry,
    Importer,
    ImportField,
    Option,
    Taken,
    fields_of,
    values_from,
)
from box.core.registry.company import PHONE_REGION
from box.lib.sounds import sound_of

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.fields.sets import FieldSet

Id = RecordType.Id
PERSON = "org.person"

# By which what is there is found, and what is made along.
BY_PHONE, BY_EMAIL, BY_TAX_NUMBER, BY_NAME = "by-phone", "by-email", "by-tax-number", "by-name"
MAKES_CLIENTS = "makes-clients"

_OPTIONS: Mapping[str, Option] = {
    BY_PHONE: Option(BY_PHONE, gettext_lazy("The same telephone is the same client"), is_usual=True),
    BY_EMAIL: Option(BY_EMAIL, gettext_lazy("The same e-mail is the same client"), is_usual=True),
    BY_TAX_NUMBER: Option(
        BY_TAX_NUMBER, gettext_lazy("The same tax number is the same company"), is_usual=True
    ),
    BY_NAME: Option(BY_NAME, gettext_lazy("A name that sounds the same, in either script, is the same")),
    MAKES_CLIENTS: Option(MAKES_CLIENTS, gettext_lazy("Add clients that are missing"), is_usual=True),
}

# What tables and address books call these columns, without signs and spaces: our own exports, Google,
# Outlook in both languages, Bitrix24, amoCRM.
_NAMES = (
    ImportField(
        "title", gettext_lazy("Full name"), "fullname displayname name фио имяфамилия полноеимя контакт"
    ),
    ImportField("last_name", gettext_lazy("Last name"), "lastname surname familyname фамилия"),
    ImportField("first_name", gettext_lazy("First name"), "firstname givenname имя"),
    ImportField(
        "patronymic", gettext_lazy("Patronymic"), "middlename additionalname patronymic secondname отчество"
    ),
    ImportField(
        "position",
        gettext_lazy("Position"),
        "position jobtitle organizationtitle organization1title title post должность",
    ),
    ImportField(
        "born_on", gettext_lazy("Date of birth"), "birthday birthdate dateofbirth деньрождения датарождения"
    ),
)
_TITLES: Mapping[int, ImportField] = {
    Id.LEAD: ImportField(
        "title", gettext_lazy("Title of the lead"), "title lead название названиелида лид тема subject"
    ),
    Id.DEAL: ImportField(
        "title",
        gettext_lazy("Title of the deal"),
        "title deal dealname название названиесделки сделка тема",
        is_required=True,
    ),
    Id.COMPANY: ImportField(
        "title",
        gettext_lazy("Name of the company"),
        "title company companyname organization name название названиекомпании компания организация"
        " наименование",
        is_required=True,
    ),
}
_REACHED: Sequence[ImportField] = (
    ImportField(
        "phone",
        gettext_lazy("Telephone"),
        "phone telephone phone1value workphone businessphone companymainphone phonenumber tel телефон"
        " рабочийтелефон телефоны",
    ),
    ImportField(
        "phone_mobile",
        gettext_lazy("Mobile phone"),
        "mobile mobilephone cellphone phone2value телефонпереносной мобильныйтелефон мобильный сотовый"
        " сотовыйтелефон",
    ),
    ImportField("phone_home", gettext_lazy("Home phone"), "homephone phone3value otherphone домашнийтелефон"),
    ImportField("fax", gettext_lazy("Fax"), "fax businessfax факс рабочийфакс"),
    ImportField(
        "email",
        gettext_lazy("E-mail"),
        "email emailaddress email1value email1address mail workemail почта эпочта электроннаяпочта"
        " адресэлпочты рабочийemail",
    ),
    ImportField(
        "email_2",
        gettext_lazy("Second e-mail"),
        "email2value email2address homeemail адрес2элпочты личныйemail частныйemail",
    ),
    ImportField("im", gettext_lazy("Messenger"), "messenger telegram im im1value skype мессенджер телеграм"),
    ImportField(
        "web", gettext_lazy("Website"), "website web webpage site url website1value вебстраница сайт"
    ),
)
_ADDRESS = ImportField(
    "address",
    gettext_lazy("Address"),
    "address address1formatted businessaddress businessstreet адрес юридическийадрес улицарабадрес",
)
_TAX_NUMBER = ImportField("tax_number", gettext_lazy("Tax number"), "taxnumber taxid vatid inn инн")
_COMPANY = ImportField(
    "company",
    pgettext_lazy("client", "Company"),
    "company companyname organization organizationname organization1name client компания организация"
    " названиекомпании фирма клиент",
)
_CONTACT: Sequence[ImportField] = (
    ImportField(
        "contact", gettext_lazy("Contact"), "contact contactname client person контакт фио имяклиента"
    ),
    ImportField("contact_phone", gettext_lazy("Telephone of the contact"), "phone telephone телефон"),
    ImportField("contact_email", gettext_lazy("E-mail of the contact"), "email mail почта эпочта"),
)
_MONEY: Sequence[ImportField] = (
    ImportField(
        "amount", gettext_lazy("Amount"), "amount sum price value opportunity сумма бюджет стоимость"
    ),
    ImportField("currency", gettext_lazy("Currency"), "currency currencycode валюта"),
)
_DATES: Sequence[ImportField] = (
    ImportField("begins_on", gettext_lazy("Begins on"), "begin begindate start датаначала"),
    ImportField(
        "expected_on",
        gettext_lazy("Expected to end on"),
        "closedate expectedclosedate end датазакрытия датазавершения",
    ),
)
_STAGES: Sequence[ImportField] = (
    ImportField("pipeline", gettext_lazy("Pipeline"), "pipeline funnel category воронка направление"),
    ImportField("stage", gettext_lazy("Stage"), "stage status стадия статус этап этапсделки"),
)
_COMMON: Sequence[ImportField] = (
    ImportField(
        "comment", gettext_lazy("Comment"), "comment comments note notes заметки комментарий примечание"
    ),
    ImportField("source", gettext_lazy("Source"), "source источник"),
    ImportField(
        "source_note", gettext_lazy("About the source"), "sourcedescription дополнительнообисточнике"
    ),
    ImportField(
        "responsible",
        gettext_lazy("Responsible"),
        "responsible owner assignedto manager ответственный менеджер",
    ),
    *(
        ImportField(name, name, name.replace("_", ""))
        for name in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
    ),
)

_USES = {"phone_mobile": ("phone", "mobile"), "phone_home": ("phone", "home"), "fax": ("phone", "fax")}
_PARTS = re.compile(r"[\n;]|:::")
_TEXTS = frozenset(
    {
        "title", "last_name", "first_name", "patronymic", "position", "address", "tax_number", "comment",
        "source_note",
    }
)  # fmt: skip


_DAYS = ("born_on", "begins_on", "expected_on")


@dataclass(frozen=True)
class ClientSought:
    """A client that a row names, by what is known of it."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class RecordRow:
    """A row, understood. `fields` are columns of the record that the row has a value for."""

    fields: Mapping[str, Any]
    reached_by: Sequence[Reach] = ()
    keys: Sequence[str] = ()
    company: str = ""
    contact: ClientSought = ClientSought()
    responsible_id: int | None = None
    stage: Stage | None = None
    own: Values = field(default_factory=dict)


class Lists:
    """What cells may name, read once a run."""

    def __init__(self, type_id: int) -> None:
        known = catalog()
        self.type = known.types[type_id]
        self.stages = known.stages_of_type(self.type)
        sources = known.standing_sources
        self.sources = {name.casefold(): one for one in sources for name in (one.code, str(one))}
        self.base = Currency.objects.get(is_base=True).code
        self.region = PHONE_REGION.value

    def stage(self, pipeline: str, name: str) -> Stage | None:
        """By their names; without one the first. Raises ValidationError."""
        within = [one for one in self.stages if not pipeline or _is_same(str(one.pipeline), pipeline)]
        if pipeline and not within:
            raise ValidationError(_("There is no pipeline %(name)s.") % {"name": pipeline})
        named = [one for one in within if not name or one.code == name or _is_same(str(one), name)]
        if name and not named:
            raise ValidationError(_("There is no stage %(name)s.") % {"name": name})
        return named[0] if named else None


def _is_same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


class RecordImporter(Importer[RecordRow]):
    """Of one type that the box brings."""

    is_undoable = True
    back = "crm:list"

    def __init__(self, type_id: RecordType.Id, label: _StrOrPromise, about: _StrOrPromise = "") -> None:
        self.type_id, self.label, self.about = type_id, label, about  # type: ignore[misc]
        self.key = f"crm.{type_id.name.lower()}"  # type: ignore[misc]
        self.back_arguments = (type_id.name.lower(),)
        self.set: FieldSet = SETS[type_id]
        found_by = [BY_PHONE, BY_EMAIL, *([BY_TAX_NUMBER] if self.has_tax_number else []), BY_NAME]
        makes = type_id != Id.COMPANY
        keys = [*(found_by if self.is_reached else []), *([MAKES_CLIENTS] if makes else [])]
        self.options = tuple(_OPTIONS[key] for key in keys)  # type: ignore[misc]
        if not self.is_reached:
            # Nothing tells one deal from another.
            self.duplicates = (Duplicates.ADD,)  # type: ignore[misc]

    @property
    def is_reached(self) -> bool:
        return self.type_id != Id.DEAL

    @property
    def has_tax_number(self) -> bool:
        return self.type_id in {Id.COMPANY, Id.LEAD}

    def can_import(self, user: User) -> bool:
        return can_import(user)

    def fields(self) -> Sequence[ImportField]:
        return [*self._own_fields(), *_COMMON, *fields_of(self.set)]

    def _own_fields(self) -> list[ImportField]:
        match self.type_id:
            case Id.CONTACT:
                return [*_NAMES, *_REACHED, _COMPANY, _ADDRESS]
            case Id.COMPANY:
                return [_TITLES[Id.COMPANY], *_REACHED, _ADDRESS, _TAX_NUMBER]
            case Id.LEAD:
                names = [one for one in _NAMES if one.key != "title"]
                parts = (*_REACHED, _COMPANY, _ADDRESS, _TAX_NUMBER, *_MONEY, *_STAGES)
                return [_TITLES[Id.LEAD], *names, *parts]
        return [_TITLES[Id.DEAL], *_MONEY, *_DATES, *_STAGES, _COMPANY, *_CONTACT]

    def check(self, columns: Collection[str]) -> None:
        super().check(columns)
        if not {"title", "last_name", "first_name"} & set(columns):
            raise ValidationError(_("Say which column is the name."))

    # Understanding

    def understand(self, cells: Mapping[str, str], context: Context) -> RecordRow:
        lists = self._lists(context)
        fields: dict[str, Any] = {name: cells[name] for name in _TEXTS & cells.keys()}
        self._name(fields)
        fields |= {
            name: _day(cells[name]) for name in ("born_on", "begins_on", "expected_on") if name in cells
        }
        if "amount" in cells or "currency" in cells:
            fields |= _money(cells.get("amount", "0"), cells.get("currency", ""), lists.base)
        if utm := {name: cells[name][:200] for name in cells if name.startswith("utm_")}:
            fields["utm"] = utm
        if source := cells.get("source", ""):
            known = lists.sources.get(source.strip().casefold())
            fields |= {"source": known} if known else {"source_note": fields.get("source_note") or source}
        reached_by = list(_reached(cells))
        return RecordRow(
            fields=fields,
            reached_by=reached_by,
            keys=self._keys(fields, reached_by, context, lists.region),
            company=" ".join(cells.get("company", "").split()),
            contact=ClientSought(
                " ".join(cells.get("contact", "").split()),
                _first_number(cells.get("contact_phone", ""), lists.region),
                cells.get("contact_email", "").strip().lower(),
            ),
            responsible_id=_person(cells["responsible"], context) if "responsible" in cells else None,
            stage=lists.stage(cells.get("pipeline", ""), cells.get("stage", "")),
            own=values_from(self.set, cells, context),
        )

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
                points = ContactPoint.objects.filter(
                    kind=kind, normal__in=wanted[kind], record__type=self.type_id, record__deleted_at=None
                )
                found += [(f"{kind}:{value}", pk) for value, pk in points.values_list("normal", "record_id")]
        if wanted["tax"]:
            rows = there.filter(tax_number__in=wanted["tax"]).exclude(tax_number="")
            found += [(f"tax:{number}", pk) for number, pk in rows.values_list("tax_number", "pk")]
        if wanted["name"]:
            rows = there.filter(sound__in=wanted["name"])
            found += [(f"name:{sound}", pk) for sound, pk in rows.values_list("sound", "pk")]
        ids = {pk for _key, pk in found}
        seen = set(there.filter(pk__in=ids).visible_to(context.by).values_list("pk", flat=True))
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
            was = _packed(now or Before({}), different.get(pk, {}))
            taken.append(Taken(one.number, pk, before=was, is_changed=bool(now or pk in different)))
        return taken

    # Undoing

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        """Every write to a record moves its moment; what is written down about it is counted."""
        rows = Record.objects.there().filter(pk__in=ids).annotate(written=Count("activities"))
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
        forget_values(self.set, ids)
        remove_records(ids, by=context.by)

    def restore(self, before: Mapping[int, Any], context: Context) -> None:
        take_back_changes({pk: _unpacked(one) for pk, one in before.items()}, by=context.by)
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
            rows = Record.objects.there().of_type(type_id).filter(title__in=names).visible_to(self.by)
            for record in rows.order_by("-pk"):
                self._found[type_id, record.title.casefold()] = record

    def _find_reached(self, kind: str, values: Collection[str]) -> None:
        points = ContactPoint.objects.filter(kind=kind, normal__in=values, record__type=Id.CONTACT)
        ids = dict(points.values_list("record_id", "normal"))
        rows = Record.objects.there().filter(pk__in=ids).visible_to(self.by)
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


def _reached(cells: Mapping[str, str]) -> Iterable[Reach]:
    for key in ("phone", "phone_mobile", "phone_home", "fax", "email", "email_2", "im", "web"):
        kind, use = _USES.get(key, (key.partition("_")[0], "work"))
        for value in _several(cells.get(key, "")):
            yield Reach(kind, value, use)


def _several(cell: str) -> list[str]:
    """What stands in lines, or is parted by semicolons or as Google does; whole numbers also by commas."""
    parts = [part.strip() for part in _PARTS.split(cell) if part.strip()]
    return [one for part in parts for one in _by_commas(part)]


def _by_commas(part: str) -> list[str]:
    pieces = [piece.strip() for piece in part.split(",")]
    is_each_whole = all("@" in piece or sum(map(str.isdigit, piece)) >= 10 for piece in pieces)
    return pieces if is_each_whole else [part]


def _first_number(cell: str, region: str) -> str:
    numbers = _several(cell)
    return normal("phone", numbers[0], region=region) if numbers else ""


def _day(cell: str) -> date:
    try:
        return day_of(cell.partition(" ")[0].partition("T")[0])
    except ValueError:
        raise ValidationError(
            _("%(text)s is no date: write 24.11.1990 or 1990-11-24.") % {"text": cell}
        ) from None


def _money(amount: str, currency: str, base: str) -> dict[str, Any]:
    of = Field(kind=Field.Kind.MONEY, name="amount", currency=currency.strip().upper() or base)
    try:
        money = KINDS[Field.Kind.MONEY].read(of, " ".join(amount.split()), lambda _kind, _text: 0)
    except ValueError:
        said = _("“%(text)s” is no sum of money: write 1500.50 or 1500.50 RUB.")
        raise ValidationError(said % {"text": amount}) from None
    return {"amount": money.amount, "currency": money.currency}


def _person(cell: str, context: Context) -> int:
    try:
        return context.find(PERSON, cell.strip())
    except ValueError:
        raise ValidationError(_("There is no employee %(name)s.") % {"name": cell}) from None


# What a record was before, as JSON


def _packed(before: Before, own: Mapping[str, str]) -> dict[str, Any]:
    return {
        "fields": {name: _json(value) for name, value in before.fields.items()},
        "points": [list(point) for point in before.points],
        "own": dict(own),
    }


def _json(value: Any) -> Any:
    match value:
        case Source():
            return value.pk
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value


def _unpacked(before: Mapping[str, Any]) -> Before:
    fields = dict(before["fields"])
    for name in _DAYS:
        if fields.get(name):
            fields[name] = date.fromisoformat(fields[name])
    if "amount" in fields:
        fields["amount"] = Decimal(fields["amount"])
    if fields.get("source"):
        fields["source"] = Source.objects.get(pk=fields["source"])
    return Before(fields, [(kind, value) for kind, value in before["points"]])


IMPORTERS = (
    RecordImporter(Id.CONTACT, gettext_lazy("Contacts")),
    RecordImporter(Id.COMPANY, gettext_lazy("Companies")),
    RecordImporter(Id.LEAD, gettext_lazy("Leads")),
    RecordImporter(
        Id.DEAL,
        gettext_lazy("Deals"),
        gettext_lazy("Every row is a new deal. Its client is found by telephone, e-mail or name."),
    ),
)


def importer_of(kind: RecordType, user: User) -> str:
    """The key of that which takes tables of this type; empty for whoever may not import, and where there is
    none."""
    key = f"crm.{kind.slug}"
    return key if can_import(user) and any(one.key == key for one in IMPORTERS) else ""
