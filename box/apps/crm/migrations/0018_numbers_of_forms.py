from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0017_robots_give_tasks")]

    operations = [
        migrations.AlterField(
            model_name="activity",
            name="number",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
        ),
    ]
