from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def let_go(apps: Any, schema_editor: Any) -> None:
    """What is imported needs its table no more; the sweep takes it."""
    apps.get_model("org", "PeopleImport").objects.filter(status="done").update(blob=None)


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0001_files"),
        ("org", "0006_photo_squares"),
    ]

    operations = [
        migrations.AlterField(
            model_name="peopleimport",
            name="blob",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="files.blob",
            ),
        ),
        migrations.RunPython(let_go, migrations.RunPython.noop),
    ]
