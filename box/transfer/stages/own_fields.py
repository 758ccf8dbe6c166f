"""Fields that a company has added to its CRM and to tasks, and what stands in them.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-fields/index.html and
https://apidocs.bitrix24.com/api-reference/tasks/user-field/index.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Currency, RecordType
from box.apps.tasks.fields import TASK_FIELDS
from box.core.fields.actions import MOST_CHOICES, FieldDraft, add_field, change_field, restore_field
from box.core.fields.definitions import KINDS, LABELS, currency_of, is_long, target_of
from box.core.fields.kinds import LONGEST, LONGEST_TEXT, MOST_VALUES, read_each
from box.core.fields.models import Field
from box.core.fields.sets import FieldSet
from box.core.files.models import File
from box.transfer.cloud import Command
from box.transfer.ledger import Extra, Ledger, Row, digest_of
from box.transfer.models import Identity
from box.transfer.stages.base import Page, Stage, Work, clean, counted, is_yes, line, numbered
from box.transfer.stages.statuses import statuses

FIELD, TASK_FIELD, CHOICE = "field", "task-field", "choice"
SLUGS: Mapping[str, int] = {
    "lead": RecordType.Id.LEAD,
    "deal": RecordType.Id.DEAL,
    "contact": RecordType.Id.CONTACT,
    "company": RecordType.Id.COMPANY,
}
"""Types of records here, by what their methods are called there."""
TASK = "task"
LONGEST_NAME = 60
_LONGEST: Mapping[str, int] = {Field.Kind.TEXT: LONGEST, Field.Kind.LONG: LONGEST_TEXT}

_OF_THE_PORTAL = frozenset({"UF_CRM_TASK", "UF_MAIL_MESSAGE", "UF_TASK_WEBDAV_FILES"})
"""By these it keeps of tasks what comes as clients and files."""
# Tasks come before clients do, and no method tells of files in their fields.
_NOT_OF_TASKS = frozenset({Field.Kind.REFERENCE, Field.Kind.FILE})

LETTERS: Mapping[str, str] = {"L": "lead", "D": "deal", "C": "contact", "CO": "company"}
"""Before the numbers of records, where several kinds of them are pointed at: `D_5` is a deal."""


class OwnFields(Stage):
    """A field a row, with what there is to choose from."""

    key = "fields"
    label = gettext_lazy("Own fields of the CRM")
    kind = FIELD

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        yield from numbered(self._fields(work), cursor)

    def _fields(self, work: Work) -> Iterator[list[Row]]:
        dictionaries = statuses(work)
        for slug in SLUGS:
            for rows in _listed(work, slug):
                yield [_told(slug, row, dictionaries) for row in rows]

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        kind = KINDS.get(str(row.get("USER_TYPE_ID")))
        if kind is None or (row["slug"] == TASK and kind in _NOT_OF_TASKS):
            said = _("Fields of the kind “%(kind)s” are not known here: it stayed with what stands in it.")
            raise ValidationError(said % {"kind": line(row.get("USER_TYPE_ID"), 60)}, code="refused")
        if kind == Field.Kind.CHOICE and not 0 < len(row["choices"]) <= MOST_CHOICES:
            said = _("There is nothing to choose from, or more than %(most)s: it stayed.")
            raise ValidationError(said % {"most": MOST_CHOICES}, code="refused")
        several = is_yes(row.get("MULTIPLE"))
        if kind == Field.Kind.TEXT and not several and is_long(row.get("SETTINGS")):
            kind = Field.Kind.LONG
        of, code = _set_of(row["slug"]), _code(row)
        there = Field.objects.of(of.key).filter(code=code).first() if code else None
        is_new = there is None or there.kind != kind or there.is_several != several
        if there is not None and not is_new:
            field = there
            restore_field(field, by=work.by)
        else:
            name = free_name(of.key, _name(row), code or self.id_of(row))
            draft = _draft(row, kind, name, several=several, code=code if there is None else "")
            field = add_field(of, draft, by=work.by)
        work.took(self.kind, self.id_of(row), field.pk, digest=digest_of(row), is_new=is_new)
        self._choose(work, row, field)
        return field.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        """What there is to choose from by now; what it is called here stays as it is called here."""
        field = Field.objects.filter(pk=ours).first()
        if field is not None and field.kind == Field.Kind.CHOICE:
            self._choose(work, row, field)

    def _choose(self, work: Work, row: Row, field: Field) -> None:
        if field.kind != Field.Kind.CHOICE:
            return
        known = {one.name.casefold(): one.pk for one in field.options}
        missing = [name for _key, name in row["choices"] if name.casefold() not in known]
        if missing:
            names = [one.name for one in field.options if not one.is_retired]
            change_field(field, _as_it_is(field, [*names, *missing]), by=work.by)
            known = {one.name.casefold(): one.pk for one in field.options}
        for key, name in row["choices"]:
            work.took(CHOICE, _choice_key(row["slug"], row["FIELD_NAME"], key), known[name.casefold()],
                      is_new=False)  # fmt: skip


class TaskFields(OwnFields):
    """The same of tasks."""

    key = "taskfields"
    label = gettext_lazy("Own fields of tasks")
    kind = TASK_FIELD

    @override
    def _fields(self, work: Work) -> Iterator[list[Row]]:
        language = work.migration.language or "en"
        for rows in _pages(work, "task.item.userfield.getlist", ORDER={"SORT": "ASC", "ID": "ASC"}):
            own = [row for row in rows if row.get("FIELD_NAME") not in _OF_THE_PORTAL]
            # Lists leave out what a field is called.
            asked = [Command(str(row["ID"]), "task.item.userfield.get", {"ID": row["ID"]}) for row in own]
            found = work.cloud.each(asked)
            told = ({**row, **_named(found[str(row["ID"])].result, language)} for row in own)
            yield [_told(TASK, row, {}) for row in told]


def _named(told: Any, language: str) -> Row:
    """With its labels in one of the languages in which the portal has them."""
    row = dict(told) if isinstance(told, dict) else {}
    for name in (*LABELS, "HELP_MESSAGE"):
        if isinstance(texts := row.get(name), dict):
            row[name] = next(filter(None, (texts.get(language), texts.get("en"), *texts.values())), "")
    return row


def _set_of(slug: str) -> FieldSet:
    return TASK_FIELDS if slug == TASK else SETS[SLUGS[slug]]


def _listed(work: Work, slug: str) -> Iterator[list[Row]]:
    order, language = {"SORT": "ASC", "ID": "ASC"}, {"LANG": work.migration.language or "en"}
    yield from _pages(work, f"crm.{slug}.userfield.list", order=order, filter=language)


def _pages(work: Work, method: str, **parameters: Any) -> Iterator[list[Row]]:
    """Nothing says that the method knows pages. Each field once."""
    seen: set[str] = set()
    for _start, rows in counted(work, method, knows_pages=False, **parameters):
        yield [row for row in rows if str(row.get("ID")) not in seen]
        seen |= {str(row.get("ID")) for row in rows}


def _told(slug: str, row: Row, dictionaries: Mapping[str, Sequence[Row]]) -> Row:
    """As the portal tells of it, with a name of its own among all fields, and its choices by their keys."""
    settings = row.get("SETTINGS")
    listed: list[tuple[str, Any]] = []
    if row.get("USER_TYPE_ID") == "enumeration" and isinstance(row.get("LIST"), list):
        listed = [(str(one.get("ID")), one.get("VALUE")) for one in row["LIST"] if isinstance(one, dict)]
    elif row.get("USER_TYPE_ID") == "crm_status" and isinstance(settings, dict):
        entries = dictionaries.get(str(settings.get("ENTITY_TYPE")), ())
        listed = [(str(one["STATUS_ID"]), one.get("NAME")) for one in entries]
    name = line(row.get("FIELD_NAME"), 80)
    return {**row, "ID": f"{slug}:{name}", "slug": slug, "FIELD_NAME": name, "choices": _named_once(listed)}


def _named_once(listed: Sequence[tuple[str, Any]]) -> list[list[str]]:
    """Keys and names: those that are called alike are told apart by their keys."""
    taken: set[str] = set()
    found = []
    for key, told in listed:
        name = line(told, 100).replace(";", ",") or key
        if name.casefold() in taken:
            name = f"{name[: 97 - len(key)]} ({key})"
        taken.add(name.casefold())
        found.append([key, name])
    return found


def _code(row: Row) -> str:
    """Programs know it by the same name here; nothing where it is none."""
    code = str(row["FIELD_NAME"]).upper()
    is_name = code.startswith("UF_") and 3 < len(code) <= 49
    return code if is_name and code.isascii() and code.replace("_", "").isalnum() else ""


def _name(row: Row) -> str:
    labels = (row.get(key) for key in LABELS)
    return next(filter(None, (line(one, LONGEST_NAME) for one in labels)), row["FIELD_NAME"][:LONGEST_NAME])


def free_name(set_key: str, name: str, code: str) -> str:
    if not Field.objects.of(set_key).standing().filter(name__iexact=name).exists():
        return name
    return f"{name[: max(1, LONGEST_NAME - 3 - len(code))]} ({code})"[:LONGEST_NAME]


def _draft(row: Row, kind: Field.Kind, name: str, *, several: bool, code: str) -> FieldDraft:
    return FieldDraft(
        name=name,
        kind=kind,
        code=code,
        help=line(row.get("HELP_MESSAGE"), 200),
        choices=tuple(name for _key, name in row["choices"]) if kind == Field.Kind.CHOICE else (),
        is_several=several,
        is_required=is_yes(row.get("MANDATORY")),
        currency=currency_of(row.get("SETTINGS")) or _base_currency(),
        target=target_of(row.get("SETTINGS")),
    )


def _as_it_is(field: Field, choices: Sequence[str]) -> FieldDraft:
    return FieldDraft(
        name=field.name, kind=field.kind, help=field.help, choices=tuple(choices),
        is_required=field.is_required, currency=field.currency, readers=field.readers, writers=field.writers,
    )  # fmt: skip


def _base_currency() -> str:
    return Currency.objects.filter(is_base=True).values_list("code", flat=True).first() or ""


def _choice_key(slug: str, name: str, key: str) -> str:
    return f"{slug}:{name}:{key}"[:100]


# What records have in them


@dataclass(frozen=True)
class Known:
    """A field that has come: what it is here, and ours of its choices by the portal's keys."""

    field: Field
    choices: Mapping[str, int]


def by_field_name(row: Row, names: Iterable[str]) -> Row:
    """A row of a method that writes the names of fields in its own way, `ufAuto123` for `UF_AUTO_123`."""
    told = {_plain(name): value for name, value in row.items()}
    return {**row, **{name: told[_plain(name)] for name in names if _plain(name) in told}}


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def has_own(row: Row) -> bool:
    return any(name.startswith("UF_") and not _is_nothing(value) for name, value in row.items())


def known_fields(work: Ledger, slug: str) -> Mapping[str, Known]:
    """By what the portal calls them; asked once a run."""
    if f"own-{slug}" not in work.kept:
        kind = TASK_FIELD if slug == TASK else FIELD
        fields = work.migration.identities.filter(kind=kind, theirs__startswith=f"{slug}:")
        names = {one.ours: one.theirs.partition(":")[2] for one in fields}
        chosen: dict[str, dict[str, int]] = {}
        for one in Identity.objects.filter(
            migration=work.migration, kind=CHOICE, theirs__startswith=f"{slug}:"
        ):
            _slug, name, key = one.theirs.split(":", 2)
            chosen.setdefault(name, {})[key] = one.ours
        found = Field.objects.filter(pk__in=names).prefetch_related("choices")
        work.kept[f"own-{slug}"] = {
            names[field.pk]: Known(field, chosen.get(names[field.pk], {})) for field in found
        }
    known: Mapping[str, Known] = work.kept[f"own-{slug}"]
    return known


def fetch_own_files(work: Work, slug: str, owner_type: str, rows: Sequence[Row], extra: Extra) -> None:
    """Files in fields. Lists name them without an address that a program may ask for; the record alone has
    one."""
    names = [name for name, one in known_fields(work, slug).items() if one.field.kind == Field.Kind.FILE]
    those = {str(row["ID"]): row for row in rows if any(not _is_nothing(row.get(name)) for name in names)}
    if not those:
        return
    asked = [
        Command(
            f"i{theirs}",
            "crm.item.get",
            {"entityTypeId": owner_type, "id": theirs, "useOriginalUfNames": "Y"},
        )
        for theirs in those
    ]
    found = work.cloud.each(asked)
    wanted: dict[str, list[Row]] = {}
    for theirs in those:
        told = found[f"i{theirs}"].result
        if (refused := found[f"i{theirs}"].refused) is not None:
            said = _("Files in its own fields are not given by the portal: %(why)s") % {"why": refused}
            extra.refuse(slug, theirs, said, is_passing=found[f"i{theirs}"].is_passing)
        item = told.get("item") if isinstance(told, dict) else None
        for name in names:
            for one in _several(item.get(name) if isinstance(item, dict) else None):
                if isinstance(one, dict) and one.get("id"):
                    file = {
                        "ID": str(one["id"]),
                        "NAME": one.get("name"),
                        "DOWNLOAD_URL": one.get("urlMachine"),
                    }
                    wanted.setdefault(theirs, []).append(file)
    work.fetch_files(slug, wanted, extra)


def values_in(
    work: Ledger, slug: str, row: Row, files: Mapping[str, File]
) -> Iterator[tuple[Field, tuple[Any, ...]]]:
    """What a record has in its fields; what cannot be there is said, and the others come."""
    for name, known in known_fields(work, slug).items():
        if name not in row:
            continue
        told = _several(row[name])
        for said in _cut(known.field, told):
            work.remark(slug, row["ID"], said)
        try:
            yield known.field, _values(work, known, told, files)
        except ValidationError as error:
            work.remark(slug, row["ID"], " ".join(error.messages))


def _cut(field: Field, told: Sequence[Any]) -> Iterator[str]:
    """What of it there is no room for."""
    most, longest = _most(field), _LONGEST.get(field.kind)
    if len(told) > most:
        said = _("%(field)s: only %(most)s of %(count)s values came, the first ones.")
        yield said % {"field": field.name, "most": most, "count": len(told)}
    if longest and any(len(clean(one)) > longest for one in told[:most]):
        said = _("%(field)s: only the first %(most)s characters came.")
        yield said % {"field": field.name, "most": longest}


def _most(field: Field) -> int:
    return MOST_VALUES if field.is_several else 1


def _values(work: Ledger, known: Known, told: Sequence[Any], files: Mapping[str, File]) -> tuple[Any, ...]:
    field = known.field
    told = told[: _most(field)]
    match field.kind:
        case Field.Kind.CHOICE:
            return _each(known.choices.get(str(one)) for one in told)
        case Field.Kind.PERSON:
            people = work.all_ours("person", [str(one) for one in told])
            return _each(people.get(str(one)) for one in told)
        case Field.Kind.FILE:
            ids = (str(one.get("id")) if isinstance(one, dict) else str(one) for one in told)
            return _each(files[pk].pk if pk in files else None for pk in ids)
        case Field.Kind.REFERENCE:
            return _each(_record(work, field, str(one)) for one in told)
        case _:
            return read_each(field, [_text(field, one) for one in told])


def _each(found: Any) -> tuple[int, ...]:
    """Each once, in their order, and all that are here: what has not come is said by the kind that it is."""
    return tuple(dict.fromkeys(one for one in found if one))


def _record(work: Ledger, field: Field, told: str) -> int:
    letters, sign, number = told.rpartition("_")
    slug = LETTERS.get(letters, "") if sign else field.target.removeprefix("crm.")
    ours = work.ours(slug, number) if slug else 0
    if not ours:
        said = _("%(field)s: what it points at (%(id)s) has not come.")
        raise ValidationError(said % {"field": field.name, "id": line(told, 60)}, code="refused")
    return ours


def _text(field: Field, told: Any) -> str:
    text = clean(told)
    if isinstance(told, bool) or (field.kind == Field.Kind.YES_NO and text not in ("", "0", "1")):
        return "1" if is_yes(told) else "0"
    if field.kind == Field.Kind.DATE:
        return text[:10]
    if field.kind == Field.Kind.MONEY:
        return text.replace("|", " ").strip()
    if field.is_several:
        text = text.replace(";", ",")
    # Half of a number, or of an address, is another one: these are refused where they are too long.
    return text[: _LONGEST.get(field.kind)]


def _several(told: Any) -> list[Any]:
    """The portal gives a list, an object of PHP's, one value, or `false` for none."""
    if isinstance(told, dict) and "id" not in told:
        told = list(told.values())
    given = told if isinstance(told, list) else [told]
    return [one for one in given if not _is_nothing(one)]


def _is_nothing(told: Any) -> bool:
    return told is None or told is False or told in ("", []) or told == {}
