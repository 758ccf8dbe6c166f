"""The names that people have already. Where one's login is another's e-mail, the login goes on letting in: the
e-mail stays where letters go, and signs nobody in until either is changed."""

from django.db import migrations

# Sorted, so that of two the same one is refused wherever this runs.
FILL = """
INSERT INTO accounts_signinname (account_id, name, person_id)
SELECT id, {name}, COALESCE(merged_into_id, id) FROM accounts_user WHERE {name} <> '' ORDER BY id
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_sign_in_names"),
    ]

    operations = [
        migrations.RunSQL(FILL.format(name="login"), migrations.RunSQL.noop),
        migrations.RunSQL(FILL.format(name="email"), migrations.RunSQL.noop),
    ]
