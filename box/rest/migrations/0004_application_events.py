import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rest", "0003_applications"),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="options",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="application",
            name="token",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="listener",
            name="application",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="listeners",
                to="rest.application",
            ),
        ),
    ]
