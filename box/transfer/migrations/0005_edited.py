from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transfer", "0004_dumps"),
    ]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="is_edited",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
