"""People have a room of their own: their tables are renamed there, in `people.0001`."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("org", "0009_table_imports_gone")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel("SkillConfirmation"),
                migrations.DeleteModel("PersonSkill"),
                migrations.DeleteModel("Skill"),
                migrations.DeleteModel("Absence"),
                migrations.DeleteModel("PhotoSquare"),
            ]
        )
    ]
