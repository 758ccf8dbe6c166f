"""How much waits to be delivered and to be done, in figures; none costs more the more waits."""

from __future__ import annotations

from django.db import connection

from box.core.registry.metrics import Metric, gauge

MOST_COUNTED = 10_000
"""More than so many are told as so many: by then somebody has been called."""

_DELIVERIES = """
select count(*), coalesce(extract(epoch from now() - min(due_at)), 0), count(*) filter (where attempts > 0)
from (
  select due_at, attempts from events_delivery
  where completed_at is null and due_at <= now() order by due_at, id limit %s
) waiting
"""
_JOBS = "select count(*) from (select from huey_task limit %s) waiting"
_DATABASE = """
select pg_database_size(current_database()), pg_is_in_recovery(),
  coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()), 0)
"""


def event_metrics() -> list[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERIES, [MOST_COUNTED])
        due, oldest, failing = cursor.fetchone()
        cursor.execute(_JOBS, [MOST_COUNTED])
        (jobs,) = cursor.fetchone()
        cursor.execute(_DATABASE)
        size, is_standby, delay = cursor.fetchone()
    return [
        gauge("korobka_deliveries_due", "Events that wait for their handlers, 10000 at most.", due),
        gauge("korobka_deliveries_oldest_seconds", "For how long the oldest of them is due.", float(oldest)),
        gauge("korobka_deliveries_failing", "Those that failed at least once.", failing),
        gauge("korobka_jobs_waiting", "Jobs in the queue.", jobs),
        gauge("korobka_database_size_bytes", "The portal's database.", size),
        gauge("korobka_database_is_standby", "1 where the database follows another one.", is_standby),
        gauge("korobka_replication_delay_seconds", "How far a standby is behind.", float(delay)),
    ]
