from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transfer", "0006_lacks"),
    ]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="seen",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="progress",
            name="is_partial",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
