"""Imports of tables, by an importer of skills that no room offers."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from box.core.fields.values import Values, forget_values, write_many
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import
from box.core.imports.importers import (
    Context,
    Entry,
    Importer,
    ImportField,
    Option,
    Taken,
    fields_of,
    values_from,
)
from box.core.imports.models import ImportRun
from box.core.people.models import Skill, skill_key
from tests.box.core.fields import THINGS

if TYPE_CHECKING:
    from box.core.accounts.models import User


@dataclass(frozen=True)
class NewSkill:
    name: str
    key: str
    own: Values


class SkillImporter(Importer[NewSkill]):
    """A name, and a key that tells skills apart; a key of `broken` cannot be made."""

    key, label = "test.skills", "Skills"
    options = (Option("shouts", "In capitals"),)
    is_undoable = True

    def can_import(self, user: User) -> bool:
        return user.is_administrator

    def fields(self) -> Sequence[ImportField]:
        return [
            ImportField("name", "Name", "навык skill", is_required=True),
            ImportField("key", "Key", "ключ"),
            *fields_of(THINGS),
        ]

    def understand(self, cells: Mapping[str, str], context: Context) -> NewSkill:
        name = cells.get("name", "")
        if not 0 < len(name) <= 60:
            raise ValidationError("A skill has a name of at most 60 characters.")
        name = name.upper() if "shouts" in context.options else name
        return NewSkill(name, skill_key(cells.get("key") or name), values_from(THINGS, cells, context))

    def keys(self, row: NewSkill) -> Collection[str]:
        return [row.key]

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        return dict(Skill.objects.filter(key__in=keys).values_list("key", "pk"))

    def shown(self, row: NewSkill) -> Mapping[str, str]:
        return {"name": row.name}

    def take(self, entries: Sequence[Entry[NewSkill]], context: Context) -> Sequence[Taken]:
        taken = [Taken(one.number, problem="It is broken.") for one in entries if one.row.key == "broken"]
        entries = [one for one in entries if one.row.key != "broken"]
        new = [one for one in entries if one.same is None]
        made = Skill.objects.bulk_create(Skill(name=one.row.name, key=one.row.key) for one in new)
        taken += [Taken(one.number, skill.pk, is_new=True) for one, skill in zip(new, made, strict=True)]
        write_many(THINGS, {skill.pk: one.row.own for one, skill in zip(new, made, strict=True)})
        there = Skill.objects.in_bulk([one.same for one in entries if one.same])
        for one in entries:
            if one.same and there[one.same].name != one.row.name:
                taken.append(Taken(one.number, one.same, before=there[one.same].name, is_changed=True))
                Skill.objects.filter(pk=one.same).update(name=one.row.name)
        return taken

    def states(self, ids: Collection[int]) -> Mapping[int, str]:
        return {skill.pk: skill.name for skill in Skill.objects.filter(pk__in=ids)}

    def remove(self, ids: Sequence[int], context: Context) -> None:
        forget_values(THINGS, ids)
        Skill.objects.filter(pk__in=ids).delete()

    def restore(self, before: Mapping[int, Any], context: Context) -> None:
        for pk, name in before.items():
            Skill.objects.filter(pk=pk).update(name=name)


SKILLS = SkillImporter()


def table(*rows: str, head: str = "Name;Key", encoding: str = "utf-8") -> io.BytesIO:
    return io.BytesIO("\n".join([head, *rows]).encode(encoding))


def begun(*rows: str, by: User, head: str = "Name;Key") -> ImportRun:
    return begin_import(SKILLS, table(*rows, head=head), "skills.csv", by=by)


def imported(
    *rows: str, by: User, head: str = "Name;Key", duplicates: str = "merge", options: Sequence[str] = ()
) -> ImportRun:
    run = begun(*rows, by=by, head=head)
    start_import(run, run.columns, duplicates=duplicates, options=options, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def names() -> list[str]:
    return sorted(Skill.objects.values_list("name", flat=True))


def numbered(count: int, bad: Iterable[int] = ()) -> list[str]:
    bad = set(bad)
    return [f"{'' if number in bad else f'Skill {number}'};k{number}" for number in range(1, count + 1)]
