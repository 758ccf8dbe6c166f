"""Saved views of the feed become views of a list like any other's, with the people in them named as `U7`."""

from django.db import migrations

COPY = r"""
INSERT INTO lists_savedview (user_id, list_key, name, query, position, is_shared)
SELECT user_id, 'feed.posts', name,
    regexp_replace(
        regexp_replace(
            regexp_replace(query, '(^|&)author=(\d)', '\1author=U\2'),
            '(^|&)since=', '\1published.from='
        ),
        '(^|&)until=', '\1published.to='
    ),
    position, false
FROM feed_savedview
"""
BACK = r"""
INSERT INTO feed_savedview (user_id, name, query, position)
SELECT user_id, name,
    left(
        regexp_replace(
            regexp_replace(
                regexp_replace(query, '(^|&)author=U(\d)', '\1author=\2'),
                '(^|&)published\.from=', '\1since='
            ),
            '(^|&)published\.to=', '\1until='
        ),
        500
    ),
    position
FROM lists_savedview WHERE list_key = 'feed.posts'
"""


class Migration(migrations.Migration):
    dependencies = [("feed", "0009_drafts_left"), ("lists", "0001_initial")]

    operations = [
        migrations.RunSQL(COPY, BACK),
        migrations.DeleteModel(name="SavedView"),
    ]
