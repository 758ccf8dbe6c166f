"""Refuses migrations that the release before cannot work beside: during an upgrade it does, for a while.

python -m tests.architecture.migrations            looks, and says what to do
python -m tests.architecture.migrations released   after a release: what the next one must be good for

The release before is `box/last_release.json`, which holds the migrations that it brought. What follows is
compared with the models as that release knows them: a column that it does not know must fill itself, and what
it knows must stay. A change that takes something away is made in three releases: add, fill and write both,
take away; where it can't be, the migration says so (`BREAKS_THE_RELEASE_BEFORE = "why"`), and a box is
upgraded past it standing still. SQL cannot be looked into: what it does beside that release is said by its
migration too (`WORKS_BESIDE_THE_RELEASE_BEFORE = "why"`).
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import django
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from installer.schema import LAST_RELEASE, Schema

ROOT = Path(__file__).resolve().parents[2]

type Key = tuple[str, str]

HARMLESS = (
    operations.CreateModel,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.RemoveConstraint,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.RunPython,
)
"""What a release does not feel that does not know it."""


def breaking(loader: MigrationLoader, released: Iterable[Key]) -> Iterator[str]:
    """What migrations after the released ones would break in the release that brought those."""
    known = set(released)
    state = ProjectState(real_apps=loader.unmigrated_apps)
    plan = in_order(loader)
    for key in plan:
        if key in known:
            state = loader.disk_migrations[key].mutate_state(state, preserve=False)
    released_state = state.clone()
    for key in plan:
        migration = loader.disk_migrations[key]
        if key not in known:
            if not hasattr(sys.modules[migration.__module__], "BREAKS_THE_RELEASE_BEFORE"):
                yield from _of_migration(migration, state, released_state)
            state = migration.mutate_state(state, preserve=True)


def released() -> list[Key]:
    """The migrations of the release before."""
    names = json.loads((ROOT / LAST_RELEASE).read_text(encoding="utf-8"))["migrations"]
    return [(label, name) for label, _, name in (whole.partition(".") for whole in names)]


def in_order(loader: MigrationLoader) -> list[Key]:
    plan: dict[Key, None] = {}
    for leaf in sorted(loader.graph.leaf_nodes()):
        plan.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    return list(plan)


def _of_migration(migration: Migration, state: ProjectState, before: ProjectState) -> Iterator[str]:
    label = migration.app_label
    state = state.clone()
    is_sql_said = hasattr(sys.modules[migration.__module__], "WORKS_BESIDE_THE_RELEASE_BEFORE")
    for operation in migration.operations:
        is_said = is_sql_said and isinstance(operation, operations.RunSQL)
        if not is_said and (problem := _problem(operation, label, state, before)):
            yield f"{label}.{migration.name}: {operation.describe()}: {problem}"
        operation.state_forwards(label, state)


def _problem(operation: Operation, label: str, state: ProjectState, before: ProjectState) -> str:
    if isinstance(operation, operations.SeparateDatabaseAndState):
        told = (_problem(one, label, state, before) for one in operation.database_operations)
        return next((problem for problem in told if problem), "")
    if isinstance(operation, HARMLESS) or not _is_known(operation, label, before):
        return ""
    if isinstance(operation, operations.AddField):
        return _of_new(operation.field)
    if isinstance(operation, operations.AlterField):
        old = state.models[label, operation.model_name_lower].fields[operation.name]
        return _of_altered(old, operation.field)
    if isinstance(operation, operations.AddConstraint):
        return "what that release writes may be refused"
    return "that release still uses it as it was"


def _is_known(operation: Operation, label: str, before: ProjectState) -> bool:
    """Whether the release before has the model or field that an operation is about."""
    name = getattr(operation, "model_name", None) or getattr(operation, "name", None)
    if isinstance(operation, operations.RenameModel):
        name = operation.old_name
    if name is None:  # SQL, extensions, and whatever else cannot be looked into
        return isinstance(operation, operations.RunSQL)
    model = before.models.get((label, name.lower()))
    if model is None or isinstance(operation, operations.AddField):
        return model is not None
    field = getattr(operation, "old_name", None) or getattr(operation, "name", None)
    is_of_field = isinstance(
        operation, operations.AlterField | operations.RemoveField | operations.RenameField
    )
    return not is_of_field or field in model.fields


def _of_new(field: models.Field[object, object]) -> str:
    fills_itself = (
        field.null or field.has_db_default() or field.many_to_many or getattr(field, "generated", False)
    )
    return "" if fills_itself else "it is NOT NULL, and that release does not fill it: give it a db_default"


def _of_altered(old: models.Field[object, object], new: models.Field[object, object]) -> str:
    if old.null and not new.null:
        return "that release writes NULL there: fill it, and tighten in the release after this one"
    if new.unique and not old.unique:
        return "what that release writes may be refused"
    if old.has_db_default() and not new.has_db_default() and not new.null:
        return "its default goes, on which a release may count that does not know it"
    longer = (new.max_length or sys.maxsize) >= (old.max_length or sys.maxsize)
    if old.db_column != new.db_column or old.get_internal_type() != new.get_internal_type() or not longer:
        return "that release still uses it as it was"
    return ""


def main() -> int:
    if sys.argv[1:] == ["released"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        said = {"version": project["version"], "migrations": sorted(Schema.of(ROOT).migrations)}
        (ROOT / LAST_RELEASE).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return 0
    found = list(breaking(MigrationLoader(None), released()))
    for line in found:
        sys.stdout.write(f"{line}\n")
    if found:
        sys.stdout.write("docs/dev/conventions.md (Habits) says how it is done in steps.\n")
    return 1 if found else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "box.settings")
    django.setup()
    sys.exit(main())
