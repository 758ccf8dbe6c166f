"""A release works beside the tables of the next one: no new migration takes that away."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from installer.schema import Schema
from tests.architecture.migrations import ROOT, _of_migration, breaking, in_order, released


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def test_the_release_before_can_work_beside_every_new_migration(loader: MigrationLoader) -> None:
    assert list(breaking(loader, released())) == []


def test_no_migration_of_the_release_before_is_forgotten(loader: MigrationLoader) -> None:
    assert set(released()) <= set(loader.disk_migrations)


def test_the_installer_reads_the_same_names_from_the_tree(loader: MigrationLoader) -> None:
    ours = {key for key, one in loader.disk_migrations.items() if one.__module__.startswith("box.")}
    assert Schema.of(ROOT).migrations == {f"{label}.{name}" for label, name in ours}


# --- by example


def _state() -> ProjectState:
    state = ProjectState()
    fields: dict[str, Any] = {
        "id": models.BigAutoField(primary_key=True),
        "title": models.CharField(max_length=20, null=True),
        "kind": models.CharField(max_length=20, db_default="a"),
    }
    state.add_model(ModelState("feed", "Post", list(fields.items())))
    return state


def _problems(*wanted: Operation) -> list[str]:
    migration = type("Next", (Migration,), {"operations": list(wanted)})
    return list(_of_migration(migration("0002_next", "feed"), _state(), _state()))


def _text(**options: Any) -> models.Field[Any, Any]:
    return models.CharField(**({"max_length": 20} | options))


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("Post", "color", _text(default="red")),
        operations.AlterField("Post", "title", _text(default="")),
        operations.AlterField("Post", "title", models.IntegerField(null=True)),
        operations.AlterField("Post", "title", _text(null=True, max_length=19)),
        operations.AlterField("Post", "title", _text(null=True, unique=True)),
        operations.AlterField("Post", "kind", _text()),
        operations.RemoveField("Post", "title"),
        operations.RenameField("Post", "title", "name"),
        operations.RenameModel("Post", "Entry"),
        operations.DeleteModel("Post"),
        operations.AlterModelTable("Post", "entries"),
        operations.AddConstraint("Post", models.CheckConstraint(condition=models.Q(id__gt=0), name="some")),
        operations.RunSQL("alter table feed_post drop column title"),
        operations.SeparateDatabaseAndState([operations.RemoveField("Post", "title")], []),
    ],
    ids=lambda operation: operation.describe(),
)  # fmt: skip
def test_what_the_release_before_would_miss_is_refused(operation: Operation) -> None:
    (problem,) = _problems(operation)
    assert problem.startswith("feed.0002_next: ")


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("Post", "color", _text(default="red", db_default="red")),
        operations.AddField("Post", "color", _text(null=True)),
        operations.AlterField("Post", "title", _text(null=True, max_length=21)),
        operations.AlterField("Post", "title", _text(null=True, choices=[("a", "A")])),
        operations.AlterField("Post", "kind", _text(null=True)),
        operations.AddIndex("Post", models.Index(fields=["title"], name="some")),
        operations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]),
        # It leaves the models and stays in the table, where whoever does not know it writes NULL.
        operations.SeparateDatabaseAndState([], [operations.RemoveField("Post", "title")]),
    ],
    ids=lambda operation: operation.describe(),
)  # fmt: skip
def test_what_the_release_before_does_not_feel_is_taken(operation: Operation) -> None:
    assert _problems(operation) == []


def test_what_is_new_itself_may_be_changed_at_will() -> None:
    made = operations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))])
    assert _problems(made, operations.AddField("Other", "color", _text(default=""))) == []
    added = operations.AddField("Post", "color", _text(null=True))
    assert _problems(added, operations.RemoveField("Post", "color")) == []


# --- in the real tables


@pytest.mark.django_db
def test_whoever_knows_a_table_from_its_first_day_can_still_write_it(loader: MigrationLoader) -> None:
    """An upgrade broke writes for 23 s: columns that only Python filled. The tables fill them now. What the
    release before has not, or cannot work beside, nobody writes as it was."""
    first: dict[str, set[str]] = {}
    before = set(released())
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for key in in_order(loader):
        migration = loader.disk_migrations[key]
        state = migration.mutate_state(state, preserve=False)
        is_breaking = hasattr(sys.modules[type(migration).__module__], "BREAKS_THE_RELEASE_BEFORE")
        for model in state.apps.get_models():
            columns = {str(field.column) for field in model._meta.concrete_fields}
            if key in before and not is_breaking:
                first.setdefault(model._meta.db_table, columns)
            elif is_breaking and model._meta.app_label == key[0]:
                first[model._meta.db_table] = columns
        state.clear_delayed_apps_cache()
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = 'public' and is_nullable = 'NO' and column_default is null "
            "and is_identity = 'NO' and is_generated = 'NEVER'"
        )
        strict = set(cursor.fetchall())
    late = {(table, column) for table, column in strict if table in first and column not in first[table]}
    assert late == set()
    assert ("feed_post", "author_id") in strict  # the question is answered at all
