"""Several groups may fill one workgroup, or give one role; a person and a department are one entry's."""

from django.db import migrations, models

WORKS_BESIDE_THE_RELEASE_BEFORE = "the index refuses less than the constraint that it stands for"


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0008_runs_at_sign_in"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="link", name="directory_object_once"),
        migrations.RunSQL(
            sql="CREATE UNIQUE INDEX directory_entry_once ON directory_link (kind, object_id)"
            " WHERE kind IN ('person', 'department')",
            reverse_sql="DROP INDEX directory_entry_once",
            state_operations=[
                migrations.AddConstraint(
                    model_name="link",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["person", "department"])),
                        fields=("kind", "object_id"),
                        name="directory_entry_once",
                    ),
                )
            ],
        ),
    ]
