"""The sums above a board's columns: a trigger adds up what a statement has changed.

What leaves a total and what comes to one are one statement that walks the totals in one order: two people who
move cards the opposite ways at once never wait for each other in a circle.
"""

from django.db import migrations

_ADD_UP = """
    INSERT INTO crm_stagetotal AS total (stage_id, responsible_id, count, amount, audience, is_private)
    SELECT stage_id, responsible_id, sum(sign), sum(sign * base_amount),
           coalesce((array_agg(places ORDER BY id DESC) FILTER (WHERE sign = 1))[1]::text[], ARRAY['-']),
           false
      FROM (SELECT stage_id, responsible_id, sign, base_amount, id,
                   ARRAY(SELECT code FROM unnest(audience) AS code WHERE code LIKE 'crm:%')::text AS places
              FROM ({changed}) AS changed
             WHERE deleted_at IS NULL AND stage_id IS NOT NULL) AS counted
     GROUP BY stage_id, responsible_id
     ORDER BY stage_id, responsible_id
        ON CONFLICT (stage_id, responsible_id) DO UPDATE
       SET count = total.count + excluded.count,
           amount = total.amount + excluded.amount,
           -- What only left says nothing of who sees the rest.
           audience = CASE WHEN excluded.audience = ARRAY['-'] THEN total.audience ELSE excluded.audience END;
"""

_MOVED = """
    SELECT side.* FROM (SELECT old_rows.*, -1 AS sign FROM old_rows
                         UNION ALL SELECT new_rows.*, 1 AS sign FROM new_rows) AS side
      JOIN old_rows AS was USING (id) JOIN new_rows AS now USING (id)
     WHERE (was.stage_id, was.responsible_id, was.base_amount, was.deleted_at IS NULL, was.audience)
           IS DISTINCT FROM
           (now.stage_id, now.responsible_id, now.base_amount, now.deleted_at IS NULL, now.audience)
"""

# Only what stands above is put into it.
FORWARDS = f"""
CREATE FUNCTION crm_keep_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {_ADD_UP.format(changed="SELECT *, 1 AS sign FROM new_rows")}
    ELSIF TG_OP = 'DELETE' THEN
        {_ADD_UP.format(changed="SELECT *, -1 AS sign FROM old_rows")}
    ELSE
        {_ADD_UP.format(changed=_MOVED)}
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER crm_record_added AFTER INSERT ON crm_record
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_totals();
CREATE TRIGGER crm_record_changed AFTER UPDATE ON crm_record
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_totals();
CREATE TRIGGER crm_record_removed AFTER DELETE ON crm_record
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_totals();
"""  # noqa: S608

BACKWARDS = """
DROP TRIGGER crm_record_added ON crm_record;
DROP TRIGGER crm_record_changed ON crm_record;
DROP TRIGGER crm_record_removed ON crm_record;
DROP FUNCTION crm_keep_totals();
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
