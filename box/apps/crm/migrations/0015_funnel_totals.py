"""What funnels are added up from: triggers add up what a statement has changed, in its transaction.

A record counts in the total of its stage and of who looks after it: by which stages of its pipeline it came,
and how long it was in each. So a change of the record moves all that it counts for from one total to another,
and a change of its visits changes what it counts for. Who changes visits holds their records first, and
then the totals in one order: two people at once never wait for each other in a circle, and none of them counts
what the other is just about to change.
"""

from decimal import Decimal

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

WORKS_BESIDE_THE_RELEASE_BEFORE = "triggers fill tables that it does not know, whoever writes"

_ADD_PATHS = """
    INSERT INTO crm_pathtotal AS path (total_id, stages, count)
    SELECT total.id, came.stages, sum(came.sign)
      FROM ({came}) AS came
      JOIN crm_stagetotal AS total USING (stage_id, responsible_id)
     GROUP BY total.id, came.stages
    HAVING sum(came.sign) <> 0
     ORDER BY total.id, came.stages
        ON CONFLICT (total_id, stages) DO UPDATE SET count = path.count + excluded.count;
"""
_ADD_STAYS = """
    INSERT INTO crm_staytotal AS stay (total_id, stage_id, ended, seconds, lasting, entered)
    SELECT total.id, stayed.in_id,
           coalesce(sum(sign) FILTER (WHERE left_at IS NOT NULL), 0),
           coalesce(sum(sign * extract(epoch FROM left_at - entered_at)) FILTER (WHERE left_at IS NOT NULL), 0),
           coalesce(sum(sign) FILTER (WHERE left_at IS NULL), 0),
           coalesce(sum(sign * extract(epoch FROM entered_at)) FILTER (WHERE left_at IS NULL), 0)
      FROM ({stayed}) AS stayed
      JOIN crm_stagetotal AS total USING (stage_id, responsible_id)
     GROUP BY total.id, stayed.in_id
     ORDER BY total.id, stayed.in_id
        ON CONFLICT (total_id, stage_id) DO UPDATE
       SET ended = stay.ended + excluded.ended,
           seconds = stay.seconds + excluded.seconds,
           lasting = stay.lasting + excluded.lasting,
           entered = stay.entered + excluded.entered;
"""

# Of records, on either side of their change.
_VISITS_OF = """
      FROM ({sides}) AS side
      JOIN crm_stagevisit AS visit ON visit.record_id = side.id
      JOIN crm_stage AS stage ON stage.id = visit.stage_id AND stage.pipeline_id = side.pipeline_id
     WHERE side.deleted_at IS NULL
"""
_STAYED = f"""
    SELECT side.stage_id, side.responsible_id, side.sign, visit.stage_id AS in_id, visit.entered_at, visit.left_at
    {_VISITS_OF}
"""
_CAME = f"""
    SELECT side.stage_id, side.responsible_id, side.sign,
           array_agg(DISTINCT visit.stage_id ORDER BY visit.stage_id) AS stages
    {_VISITS_OF}
     GROUP BY side.id, side.stage_id, side.responsible_id, side.sign
"""
_CHANGED = """
    SELECT was.id FROM old_rows AS was JOIN new_rows AS now USING (id)
     WHERE (was.stage_id, was.pipeline_id, was.responsible_id, was.deleted_at IS NULL)
           IS DISTINCT FROM (now.stage_id, now.pipeline_id, now.responsible_id, now.deleted_at IS NULL)
"""
_MOVED = f"""
    SELECT old_rows.*, -1 AS sign FROM old_rows WHERE id IN ({_CHANGED})
    UNION ALL SELECT new_rows.*, 1 FROM new_rows WHERE id IN ({_CHANGED})
"""  # noqa: S608 - of what stands above
_GONE = "SELECT *, -1 AS sign FROM old_rows"
_ALL = "SELECT *, 1 AS sign FROM crm_record"

# Of visits.
_HOLD = """
    records := ARRAY({records});
    PERFORM FROM crm_record WHERE id = ANY (records) ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM crm_stagetotal AS total
      WHERE (stage_id, responsible_id) IN
            (SELECT stage_id, responsible_id FROM crm_record WHERE id = ANY (records) AND deleted_at IS NULL)
      ORDER BY stage_id, responsible_id FOR UPDATE;
"""
_WITH_RECORD = """
      JOIN crm_record AS record ON record.id = visit.record_id
      JOIN crm_stage AS stage ON stage.id = visit.stage_id AND stage.pipeline_id = record.pipeline_id
     WHERE record.deleted_at IS NULL
"""
_STAYED_AS = f"""
    SELECT record.stage_id, record.responsible_id, visit.sign, visit.stage_id AS in_id, visit.entered_at,
           visit.left_at
      FROM ({{visits}}) AS visit
    {_WITH_RECORD}
"""  # noqa: S608
_CAME_AS = f"""
    SELECT record.stage_id, record.responsible_id, visit.sign,
           array_agg(DISTINCT visit.stage_id ORDER BY visit.stage_id) AS stages
      FROM ({{before}} UNION ALL
            SELECT record_id, stage_id, 1 AS sign FROM crm_stagevisit WHERE record_id = ANY (records)) AS visit
    {_WITH_RECORD}
     GROUP BY record.id, visit.sign
"""  # noqa: S608
_OTHERS = "SELECT record_id, stage_id, -1 AS sign FROM crm_stagevisit WHERE record_id = ANY (records)"
_BUT_NEW = f"{_OTHERS} AND id NOT IN (SELECT id FROM new_rows)"  # noqa: S608
_AND_OLD = "UNION ALL SELECT record_id, stage_id, -1 FROM old_rows"

# Only what stands above is put into it.
FORWARDS = f"""
CREATE FUNCTION crm_keep_ways_of_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        {_ADD_PATHS.format(came=_CAME.format(sides=_GONE))}
        {_ADD_STAYS.format(stayed=_STAYED.format(sides=_GONE))}
    ELSIF EXISTS ({_CHANGED}) THEN
        {_ADD_PATHS.format(came=_CAME.format(sides=_MOVED))}
        {_ADD_STAYS.format(stayed=_STAYED.format(sides=_MOVED))}
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION crm_keep_ways_of_visits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE records bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        {_HOLD.format(records="SELECT DISTINCT record_id FROM new_rows")}
        {_ADD_PATHS.format(came=_CAME_AS.format(before=_BUT_NEW))}
        {_ADD_STAYS.format(stayed=_STAYED_AS.format(visits="SELECT *, 1 AS sign FROM new_rows"))}
    ELSIF TG_OP = 'DELETE' THEN
        {_HOLD.format(records="SELECT DISTINCT record_id FROM old_rows")}
        {_ADD_PATHS.format(came=_CAME_AS.format(before=f"{_OTHERS} {_AND_OLD}"))}
        {_ADD_STAYS.format(stayed=_STAYED_AS.format(visits="SELECT *, -1 AS sign FROM old_rows"))}
    ELSE
        {_HOLD.format(records="SELECT record_id FROM old_rows UNION SELECT record_id FROM new_rows")}
        IF EXISTS (SELECT FROM old_rows AS was JOIN new_rows AS now USING (id)
                    WHERE (was.record_id, was.stage_id) <> (now.record_id, now.stage_id)) THEN
            {_ADD_PATHS.format(came=_CAME_AS.format(before=f"{_BUT_NEW} {_AND_OLD}"))}
        END IF;
        {
    _ADD_STAYS.format(
        stayed=_STAYED_AS.format(
            visits="SELECT *, -1 AS sign FROM old_rows UNION ALL SELECT *, 1 FROM new_rows"
        )
    )
}
    END IF;
    RETURN NULL;
END $$;
-- Behind those that make the totals: triggers of one statement run by their names.
CREATE TRIGGER crm_record_way_changed AFTER UPDATE ON crm_record
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_ways_of_records();
CREATE TRIGGER crm_record_way_removed AFTER DELETE ON crm_record
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_ways_of_records();
CREATE TRIGGER crm_visit_added AFTER INSERT ON crm_stagevisit
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_ways_of_visits();
CREATE TRIGGER crm_visit_changed AFTER UPDATE ON crm_stagevisit
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_ways_of_visits();
CREATE TRIGGER crm_visit_removed AFTER DELETE ON crm_stagevisit
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION crm_keep_ways_of_visits();

-- Of what is there; the triggers above keep everybody else from writing until it is counted.
{_ADD_PATHS.format(came=_CAME.format(sides=_ALL))}
{_ADD_STAYS.format(stayed=_STAYED.format(sides=_ALL))}
"""  # noqa: S608

BACKWARDS = """
DROP TRIGGER crm_record_way_changed ON crm_record;
DROP TRIGGER crm_record_way_removed ON crm_record;
DROP TRIGGER crm_visit_added ON crm_stagevisit;
DROP TRIGGER crm_visit_changed ON crm_stagevisit;
DROP TRIGGER crm_visit_removed ON crm_stagevisit;
DROP FUNCTION crm_keep_ways_of_records();
DROP FUNCTION crm_keep_ways_of_visits();
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0014_letters")]

    operations = [
        migrations.CreateModel(
            name="PathTotal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stages",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("count", models.IntegerField(default=0)),
                (
                    "total",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="paths",
                        to="crm.stagetotal",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StayTotal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ended", models.IntegerField(default=0)),
                ("seconds", models.DecimalField(decimal_places=6, default=Decimal(0), max_digits=24)),
                ("lasting", models.IntegerField(default=0)),
                ("entered", models.DecimalField(decimal_places=6, default=Decimal(0), max_digits=24)),
                (
                    "stage",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="crm.stage",
                    ),
                ),
                (
                    "total",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stays",
                        to="crm.stagetotal",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="pathtotal",
            constraint=models.UniqueConstraint(fields=("total", "stages"), name="crm_path_once"),
        ),
        migrations.AddConstraint(
            model_name="staytotal",
            constraint=models.UniqueConstraint(fields=("total", "stage"), name="crm_stay_once"),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
