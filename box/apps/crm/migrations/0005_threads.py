"""Every record is discussed, and what was lost says why."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

BREAKS_THE_RELEASE_BEFORE = "every record has a thread: what the release before adds would have none"

# A company's own entities are all of one kind.
_FILL = """
    DO $$
    DECLARE one record; made bigint;
    BEGIN
        FOR one IN SELECT crm_record.id, slug, type_id FROM crm_record JOIN crm_recordtype ON type_id = crm_recordtype.id
        LOOP
            INSERT INTO discussion_thread (kind, comments_count, likes_count, dislikes_count)
            VALUES (CASE WHEN one.type_id < 1030 THEN 'crm.' || one.slug ELSE 'crm.record' END, 0, 0, 0)
            RETURNING id INTO made;
            UPDATE crm_record SET thread_id = made WHERE id = one.id;
        END LOOP;
    END $$;
    SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_sounds"), ("discussion", "0005_files")]

    operations = [
        migrations.CreateModel(
            name="LossReason",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("rank", models.CharField(db_collation="C", max_length=200)),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={"ordering": ["rank", "id"]},
        ),
        migrations.AddField(
            model_name="record",
            name="loss_reason",
            field=models.ForeignKey(
                blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="+", to="crm.lossreason", verbose_name="why it was lost",
            ),
        ),
        migrations.AddField(
            model_name="record",
            name="thread",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="discussion.thread"
            ),
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="record",
            name="thread",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="discussion.thread"
            ),
        ),
    ]  # fmt: skip
