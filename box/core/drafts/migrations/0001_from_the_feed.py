import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

MOVE = """
    ALTER TABLE feed_keptdraft RENAME TO drafts_draft;
    ALTER TABLE feed_keptdraft_files RENAME TO drafts_draft_files;
    ALTER TABLE drafts_draft_files RENAME COLUMN keptdraft_id TO draft_id;
"""
BACK = """
    ALTER TABLE drafts_draft_files RENAME COLUMN draft_id TO keptdraft_id;
    ALTER TABLE drafts_draft_files RENAME TO feed_keptdraft_files;
    ALTER TABLE drafts_draft RENAME TO feed_keptdraft;
"""


class Migration(migrations.Migration):
    """The tables are the feed's, which had the first drafts: what is in them moves with them."""

    initial = True

    dependencies = [
        ("feed", "0008_own_pictures_of_badges"),
        ("files", "0001_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MOVE, BACK)],
            state_operations=[
                migrations.CreateModel(
                    name="Draft",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("place", models.CharField(max_length=60)),
                        ("content", models.JSONField()),
                        ("browser", models.CharField(max_length=40)),
                        ("version", models.PositiveIntegerField(default=1)),
                        ("saved_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("files", models.ManyToManyField(related_name="+", to="files.file")),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["saved_at"], name="kept_draft_by_age")],
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "place"), name="kept_draft_once")
                        ],
                    },
                ),
            ],
        ),
    ]
