from __future__ import annotations

from typing import Any

from django.db import migrations, models

# As the releases before have written them, in the language of whoever opened the board first.
OF_A_PROJECT = {
    "new": ("New", "Новый"),
    "in-work": ("In work", "В работе"),
    "done": ("Done", "Сделано"),
}
OF_A_PLAN = {
    "not-planned": ("Not planned", "Не распределено"),
    "today": ("Today", "Сегодня"),
    "this-week": ("This week", "На этой неделе"),
}


def name_usual(apps: Any, schema_editor: Any) -> None:
    stages = apps.get_model("tasks", "TaskStage").objects
    for usual, of_a_plan in ((OF_A_PROJECT, False), (OF_A_PLAN, True)):
        for key, names in usual.items():
            stages.filter(project__isnull=of_a_plan, name__in=names).update(usual=key)


class Migration(migrations.Migration):
    dependencies = [("tasks", "0008_template_files")]

    operations = [
        migrations.AddField(
            model_name="taskstage",
            name="usual",
            field=models.CharField(
                blank=True,
                choices=[
                    ("new", "New"),
                    ("in-work", "In work"),
                    ("done", "Done"),
                    ("not-planned", "Not planned"),
                    ("today", "Today"),
                    ("this-week", "This week"),
                ],
                db_default="",
                max_length=16,
            ),
        ),
        migrations.RunPython(name_usual, migrations.RunPython.noop),
    ]
