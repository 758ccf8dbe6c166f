from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("drive", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                models.F("parent"),
                models.ExpressionWrapper(models.Q(is_folder=False), output_field=models.BooleanField()),
                models.F("name"),
                models.F("id"),
                condition=models.Q(trashed_at=None),
                name="drive_item_in_order",
            ),
        ),
        migrations.RemoveIndex(model_name="item", name="drive_item_listed"),
    ]
