import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models

import box.core.accounts.search
from box.core.accounts.search import CREATE_SPELLING, DROP_SPELLING


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_sign_in_names_filled"),
    ]

    operations = [
        migrations.RunSQL(CREATE_SPELLING, DROP_SPELLING),
        # A generated column is made anew: its expression cannot be changed.
        migrations.RemoveIndex(model_name="user", name="user_search"),
        migrations.RemoveField(model_name="user", name="search_text"),
        migrations.AddField(
            model_name="user",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Concat(
                    box.core.accounts.search.Spelling(
                        django.db.models.functions.text.Concat(
                            models.Value(" "),
                            models.F("last_name"),
                            models.Value(" "),
                            models.F("first_name"),
                            models.Value(" \x1f"),
                            models.Value(" "),
                            models.F("patronymic"),
                            models.Value(" \x1e"),
                            models.Value(" "),
                            models.F("former_last_name"),
                            models.Value(" "),
                            models.F("email"),
                            models.Value(" "),
                            models.F("position"),
                            models.Value(" "),
                            models.F("own_words"),
                            models.Value(" "),
                            models.F("skill_words"),
                            output_field=models.TextField(),
                        )
                    ),
                    models.Value(" "),
                    box.core.accounts.search.Digits("phone"),
                    output_field=models.TextField(),
                ),
                output_field=models.TextField(),
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["search_text"], name="user_search", opclasses=["gin_trgm_ops"], fastupdate=False
            ),
        ),
    ]
