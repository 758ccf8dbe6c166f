"""The tables of huey's queue: made by the owner here, since the application's role may not make any."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from huey.storage import PostgresStorage


def create_queue(apps: Any, schema_editor: Any) -> None:
    storage = PostgresStorage(create_tables=False)
    for statement in storage.ddl:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunPython(create_queue, migrations.RunPython.noop)]
