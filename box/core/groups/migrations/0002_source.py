from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="group",
            name="source",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=100),
        ),
    ]
