from itertools import batched

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# In the languages of forms, as an answer began: who wrote, then how they are reached.
NAMES = ("Name: ", "Имя: ")
NUMBERS = (("Telephone: ", "Телефон: "), ("E-mail: ", "Эл. почта: "))


def parted(text: str) -> tuple[str, str]:
    """The words of an answer, and how whoever wrote them is reached."""
    lines = text.split("\n")
    place, reached_by = int(lines[0].startswith(NAMES)), []
    for labels in NUMBERS:
        if lines[place : place + 1] and lines[place].startswith(labels):
            reached_by.append(lines.pop(place).partition(": ")[2])
    return "\n".join(lines), ", ".join(reached_by)


def take_numbers_out(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Of answers that came before these stood apart: their words are for whoever sees the record."""
    activities = apps.get_model("crm", "Activity")
    stored = activities.objects.filter(kind="form", number="").exclude(text="").only("text", "number")
    for rows in batched(stored.iterator(chunk_size=1000), 1000, strict=False):
        changed = []
        for row in rows:
            text, number = parted(row.text)
            if number:
                row.text, row.number = text, number[:255]
                changed.append(row)
        activities.objects.bulk_update(changed, ["text", "number"])


class Migration(migrations.Migration):
    dependencies = [("crm", "0018_numbers_of_forms")]

    operations = [migrations.RunPython(take_numbers_out, migrations.RunPython.noop)]
