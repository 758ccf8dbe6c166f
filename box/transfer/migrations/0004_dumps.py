from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transfer", "0003_outbound"),
    ]

    operations = [
        migrations.AddField(
            model_name="migration",
            name="folder",
            field=models.CharField(blank=True, db_default="", max_length=100),
        ),
    ]
