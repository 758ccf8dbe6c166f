"""The tables of people come out of `org`, with all that is in them.

The results of forms that may be sent again go along.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

TABLES = ("skillconfirmation", "personskill", "skill", "absence", "photosquare")
MODELS = ("SkillConfirmation", "PersonSkill", "Skill", "Absence", "PhotoSquare")


def moved(old: str, new: str) -> list[str]:
    """From the names of one room to those of the other."""
    return [
        *(f"ALTER TABLE {old}_{table} RENAME TO {new}_{table}" for table in TABLES),
        *(
            f"UPDATE events_nonce SET result = '{new}.' || substr(result, {len(old) + 2})"  # noqa: S608 - our own names
            f" WHERE result LIKE '{old}.{model}:%'"
            for model in MODELS
        ),
    ]


BREAKS_THE_RELEASE_BEFORE = "tables get the names of the room that they have moved to"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("events", "0004_origin"),
        ("files", "0001_files"),
        ("org", "0010_people_have_a_room"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL([*moved("org", "people")], [*moved("people", "org")]),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Skill",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(db_collation="und-x-icu", max_length=60)),
                        ("key", models.CharField(max_length=60, unique=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="PhotoSquare",
                    fields=[
                        (
                            "photo",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="files.blob",
                            ),
                        ),
                        ("left", models.PositiveIntegerField()),
                        ("top", models.PositiveIntegerField()),
                        ("side", models.PositiveIntegerField()),
                        (
                            "picture",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="files.blob"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="PersonSkill",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="skills",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "skill",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="people",
                                to="people.skill",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SkillConfirmation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "of",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="confirmations",
                                to="people.personskill",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Absence",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("vacation", "vacation"),
                                    ("trip", "business trip"),
                                    ("sick", "sick leave"),
                                    ("other", "other absence"),
                                ],
                                default="vacation",
                                max_length=8,
                                verbose_name="kind",
                            ),
                        ),
                        ("starts_on", models.DateField(verbose_name="first day")),
                        ("ends_on", models.DateField(verbose_name="last day")),
                        (
                            "comment",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="comment for colleagues"
                            ),
                        ),
                        ("written_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "by",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "substitute",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="absences",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["user", "-ends_on"], name="absence_of_person"),
                            models.Index(fields=["ends_on", "starts_on"], name="absence_by_days"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                                name="absence_ends_after_it_began",
                            )
                        ],
                    },
                ),
                migrations.AddConstraint(
                    model_name="personskill",
                    constraint=models.UniqueConstraint(fields=("user", "skill"), name="skill_once_a_person"),
                ),
                migrations.AddConstraint(
                    model_name="skillconfirmation",
                    constraint=models.UniqueConstraint(fields=("of", "by"), name="skill_confirmed_once"),
                ),
            ],
        )
    ]
