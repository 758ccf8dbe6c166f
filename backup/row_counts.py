"""How many rows the portal's tables have: noted when a set is made, counted again when it is rehearsed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from appliance.node import Node
from appliance.services.database import setup
from appliance.services.database.names import APPLICATION

REPORTED_WITHIN_SECONDS = 11
"""By then PostgreSQL knows what an idle process has written: its PGSTAT_IDLE_INTERVAL is ten seconds."""


class Counted(NamedTuple):
    """One table: its rows, and how many the server has ever put in and taken out."""

    rows: int
    put_in: int
    taken_out: int


@dataclass(frozen=True)
class Count:
    """All tables at one moment."""

    tables: Mapping[str, Counted] = field(default_factory=dict)
    snapshot: str = ""
    """PostgreSQL's. Where two are the same, nothing was written between them."""
    taken_at: float = field(default_factory=time.monotonic, compare=False)


type Bounds = Mapping[str, tuple[int, ...]]
"""By the table's name the fewest and the most rows that a set can have."""


def count(node: Node) -> Count:
    """Every table that the portal reads, in one statement and so in one snapshot."""
    found = json.loads(setup.query(node, _COUNT, role=APPLICATION))
    tables = found["tables"] or {}
    return Count({name: Counted(*numbers) for name, numbers in tables.items()}, found["snapshot"])


_COUNT = """
select json_build_object('snapshot', pg_current_snapshot()::text, 'tables',
  json_object_agg(c.relname, json_build_array(
    (xpath('/row/n/text()',
      query_to_xml('select count(*) as n from ' || c.oid::regclass, false, true, '')))[1]::text::bigint,
    coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_del, 0))))
from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and has_table_privilege(c.oid, 'select')
"""


def settle(node: Node, before: Count, after: Count) -> Count:
    """`after` with all that was put in and taken out until then, for which the server is waited for.

    A process tells the server's statistics what it did within a second, or ten seconds after it fell idle:
    without them a row that came and went again while the database was copied would be in nobody's count. What
    came later widens the bounds and makes none of them wrong.
    """
    if before.snapshot == after.snapshot:
        return after
    time.sleep(max(0.0, after.taken_at + REPORTED_WITHIN_SECONDS - time.monotonic()))
    found = json.loads(setup.query(node, _CHANGES, role=APPLICATION))
    tables = {
        name: Counted(counted.rows, *found.get(name, (counted.put_in, counted.taken_out)))
        for name, counted in after.tables.items()
    }
    return replace(after, tables=tables)


_CHANGES = """
select coalesce(json_object_agg(relname, json_build_array(n_tup_ins, n_tup_del)), '{}')
from pg_stat_user_tables where schemaname = 'public'
"""


def bounds(before: Count, after: Count) -> dict[str, tuple[int, ...]]:
    """What a database that was copied between the two counts can hold: the portal went on writing meanwhile.

    With nothing written, both bounds are one number.
    """
    found: dict[str, tuple[int, ...]] = {}
    for name in before.tables.keys() & after.tables.keys():
        first, last = before.tables[name], after.tables[name]
        came, went = max(0, last.put_in - first.put_in), max(0, last.taken_out - first.taken_out)
        fewest, most = min(first.rows, last.rows), max(first.rows, last.rows)
        found[name] = (max(0, fewest - went), most + came)
    return found


def outside(found: Count, expected: Bounds) -> list[str]:
    """The tables whose rows are not as many as they were, each in words."""
    wrong = []
    for name, (fewest, most) in sorted(expected.items()):
        rows = found.tables[name].rows if name in found.tables else None
        if rows is None or not fewest <= rows <= most:
            said = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            wrong.append(f"{name}: {'no table' if rows is None else rows} instead of {said}")
    return wrong
