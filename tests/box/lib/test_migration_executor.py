"""Migrations that render what they change leave the tables that Django's own do."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState

from box.lib.migration_executor import LeanExecutor
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
