"""The fields of profiles become fields like those of any other object, under the numbers that they had: mappings
of directories and owners of fields name them by these."""

from django.db import migrations

DEFINITIONS = """
    INSERT INTO fields_field (id, set_key, name, kind, code, help, is_several, is_required, currency, target,
                              readers, writers, place, archived_at)
    SELECT id, 'accounts.user', name, kind, 'UF_' || id, '', false, is_required, '', '',
           readers, writers, place, archived_at FROM accounts_ownfield;
    SELECT setval(pg_get_serial_sequence('fields_field', 'id'), max(id)) FROM fields_field HAVING max(id) > 0;
    INSERT INTO fields_choice (field_id, name, place, is_retired)
    SELECT field.id, one.name, one.place, false
      FROM accounts_ownfield AS field CROSS JOIN unnest(field.choices) WITH ORDINALITY AS one(name, place)
     WHERE field.kind = 'choice'
    ON CONFLICT DO NOTHING;
"""
KEPT = """
    SELECT profile.user_id, field.id AS field_id, field.kind, kept.value
      FROM accounts_profile AS profile
      CROSS JOIN jsonb_each_text(profile.own_values) AS kept
      JOIN accounts_ownfield AS field ON 'own-' || field.id = kept.key
     WHERE kept.value <> ''
"""
# What was taken off a list since stays with who has it.
RETIRED = f"""
    INSERT INTO fields_choice (field_id, name, place, is_retired)
    SELECT DISTINCT field_id, value, 0, true FROM ({KEPT}) AS kept WHERE kind = 'choice'
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own text
VALUES = f"""
    INSERT INTO fields_value (object_id, field_id, place, text, number, day, choice_id)
    SELECT kept.user_id, kept.field_id, 0,
           CASE WHEN kept.kind IN ('text', 'link') THEN kept.value END,
           CASE kept.kind WHEN 'number' THEN kept.value::numeric
                          WHEN 'yes_no' THEN (kept.value = 'yes')::int END,
           CASE WHEN kept.kind = 'date' THEN kept.value::date END,
           choice.id
      FROM ({KEPT}) AS kept
      LEFT JOIN fields_choice AS choice
        ON kept.kind = 'choice' AND choice.field_id = kept.field_id AND lower(choice.name) = lower(kept.value)
"""  # noqa: S608 - our own text
# What was not delivered yet is delivered to those who listen now.
EVENTS = """
    UPDATE events_delivery SET handler = replace(handler, 'log:accounts.own_field_', 'log:fields.')
     WHERE completed_at IS NULL AND handler LIKE '%log:accounts.own_field_%';
    UPDATE events_event SET kind = 'fields.FieldChanged', payload = payload || '{"set_key": "accounts.user"}'
     WHERE kind = 'accounts.OwnFieldChanged';
    UPDATE events_nonce SET result = replace(result, 'accounts.OwnField:', 'fields.Field:')
     WHERE result LIKE 'accounts.OwnField:%';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_spelling"),
        ("fields", "0001_initial"),
        ("events", "0004_origin"),
    ]

    operations = [
        migrations.RunSQL([DEFINITIONS, RETIRED, VALUES, EVENTS], migrations.RunSQL.noop),
    ]
