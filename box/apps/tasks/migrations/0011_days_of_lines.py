from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0010_external_ids")]

    operations = [
        migrations.AddField("checklistitem", "due_on", models.DateField(null=True)),
    ]
