import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0001_files"),
        ("telephony", "0007_menus"),
    ]

    operations = [
        migrations.AddField(
            model_name="callmenu",
            name="prompt",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="files.blob",
            ),
        ),
        migrations.AddField(
            model_name="callmenu",
            name="prompt_seconds",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
    ]
