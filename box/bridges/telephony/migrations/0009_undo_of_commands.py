from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telephony", "0008_prompts")]

    operations = [
        migrations.AddField(
            model_name="command",
            name="undo",
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
