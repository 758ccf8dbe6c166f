"""Migrations that render what they change leave the tables that Django's own do."""

from __future__ import annotations

import re
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, models
from django.db.migrations import RunPython
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState

from box.lib.migration_executor import LeanExecutor, LeanState
from tests.databases import empty_database, server_parameters
from tests.randomness import is_thorough

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

APPLIED = re.compile(r"\t\S+ \S+\+00$", re.MULTILINE)
"""When each migration was: the last column of their table."""


def dump(name: str) -> str:
    """All that is in it, as SQL."""
    at = server_parameters()
    command = ["pg_dump", "--restrict-key=same", f"--host={at['host']}", f"--username={at['user']}", name]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "CREATE TABLE" in found
    return APPLIED.sub("", found)


def test_the_same_tables_come_of_a_fraction_of_the_models(
    django_db_blocker: DjangoDbBlocker, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all rooms in a thorough run; of one with what it stands on in every run."""
    rendered = list[str]()
    render = ModelState.render

    def counted(model: ModelState, apps: Any) -> Any:
        rendered.append(model.name)
        return render(model, apps)

    monkeypatch.setattr(ModelState, "render", counted)

    def tables_by(executor: type[MigrationExecutor]) -> tuple[str, int]:
        name = f"executor_{executor.__name__.lower()}_{worker_id}"
        rendered.clear()
        with empty_database(name):
            made = executor(connection)
            made.migrate(made.loader.graph.leaf_nodes(None if is_thorough() else "feed"))
            return dump(name), len(rendered)

    with django_db_blocker.unblock():
        usual, all_models = tables_by(MigrationExecutor)
        lean, some_models = tables_by(LeanExecutor)
    assert lean == usual
    assert some_models < all_models / 2


def test_code_is_given_models_that_lead_to_each_other_as_they_are() -> None:
    state = LeanState()
    state.add_model(ModelState("ideas", "Author", [("id", models.BigAutoField(primary_key=True))]))
    lead = models.ForeignKey("ideas.Author", models.CASCADE)
    state.add_model(
        ModelState("ideas", "Idea", [("id", models.BigAutoField(primary_key=True)), ("author", lead)])
    )
    state.apps  # noqa: B018 - renders all of them, as the executor does at first
    state.add_field("ideas", "author", "name", models.CharField(max_length=9), preserve_default=True)

    def look(apps: Any, _editor: Any) -> None:
        author = apps.get_model("ideas", "Idea")._meta.get_field("author").related_model
        assert author is apps.get_model("ideas", "Author")
        assert author._meta.get_field("name").max_length == 9
        looked.append(author)

    looked = list[Any]()
    editor: Any = SimpleNamespace(connection=connection)
    RunPython(look).database_forwards("ideas", editor, state.clone(), state)
    assert looked
