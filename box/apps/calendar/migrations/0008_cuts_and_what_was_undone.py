import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calendar", "0007_appointments_moved"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="cut_from",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="calendar.event",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="is_undone",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("cut_from", None), _negated=True),
                fields=["cut_from"],
                name="event_cut_from",
            ),
        ),
    ]
