"""A table of the names by which people sign in, written by the database itself."""

import django.contrib.postgres.constraints
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

# For a statement and not for each row: names that pass from one to another are freed before they are taken.
# A name that somebody had before they changed is not looked at again, see 0010.
TRIGGERS = """
CREATE FUNCTION accounts_names_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts_signinname (account_id, name, person_id)
    SELECT DISTINCT became.id, named.name, COALESCE(became.merged_into_id, became.id)
      FROM became, LATERAL (VALUES (became.login), (became.email)) AS named(name)
     WHERE named.name <> '';
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_names_of_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM accounts_signinname AS held USING became
     WHERE held.account_id = became.id AND held.name NOT IN (became.login, became.email);
    UPDATE accounts_signinname AS held SET person_id = COALESCE(became.merged_into_id, became.id)
      FROM became JOIN was USING (id)
     WHERE held.account_id = became.id AND became.merged_into_id IS DISTINCT FROM was.merged_into_id;
    INSERT INTO accounts_signinname (account_id, name, person_id)
    SELECT DISTINCT became.id, named.name, COALESCE(became.merged_into_id, became.id)
      FROM became JOIN was USING (id), LATERAL (VALUES (became.login), (became.email)) AS named(name)
     WHERE named.name NOT IN ('', was.login, was.email);
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_names_of_new AFTER INSERT ON accounts_user
    REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_names_of_new();
CREATE TRIGGER accounts_names_of_changed AFTER UPDATE ON accounts_user
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_names_of_changed();
"""
NONE = """
DROP TRIGGER accounts_names_of_new ON accounts_user;
DROP TRIGGER accounts_names_of_changed ON accounts_user;
DROP FUNCTION accounts_names_of_new();
DROP FUNCTION accounts_names_of_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_merging"),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="SignInName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=254)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_in_names",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "name"), name="sign_in_name_once"),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[("name", "="), ("person", "<>")], name="sign_in_name_of_one_person"
                    ),
                ],
            },
        ),
        migrations.RunSQL(TRIGGERS, NONE),
    ]
