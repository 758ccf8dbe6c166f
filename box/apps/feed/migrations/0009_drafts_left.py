from django.db import migrations

# Comments are written below a thread, whatever that stands under.
PLACES = """
    UPDATE drafts_draft AS draft SET place = 'thread-' || post.thread_id
      FROM feed_post AS post WHERE draft.place = 'comment-' || post.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("drafts", "0001_from_the_feed"),
        ("feed", "0008_own_pictures_of_badges"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("KeptDraft")]),
        migrations.RunSQL(PLACES, migrations.RunSQL.noop),
    ]
