from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transfer", "0005_edited"),
    ]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="lacks",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
