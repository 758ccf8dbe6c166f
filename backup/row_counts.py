"""How many rows the portal's tables have: noted when a set is made, counted again when it is rehearsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from appliance.node import Node
from appliance.services.database import setup


class Counted(NamedTuple):
    """One table: its rows, and how many the server has ever put in and taken out."""

    rows: int
    put_in: int
    taken_out: int


type Bounds = Mapping[str, tuple[int, ...]]
"""By the table's name the fewest and the most rows that a set can have."""


def count(node: Node) -> dict[str, Counted]:
    """Every table of the portal, in one statement and so in one snapshot."""
    found = json.loads(setup.query(node, _COUNT) or "{}")
    return {name: Counted(*numbers) for name, numbers in found.items()}


_COUNT = """
select json_object_agg(c.relname, json_build_array(
  (xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || c.oid::regclass, false, true, '')))[1]
    ::text::bigint,
  coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_del, 0)))
from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
"""


def bounds(before: Mapping[str, Counted], after: Mapping[str, Counted]) -> dict[str, tuple[int, ...]]:
    """What a database that was copied between the two counts can hold: the portal went on writing meanwhile.

    With nothing written, both bounds are one number.
    """
    found: dict[str, tuple[int, ...]] = {}
    for name in before.keys() & after.keys():
        first, last = before[name], after[name]
        came, went = max(0, last.put_in - first.put_in), max(0, last.taken_out - first.taken_out)
        fewest, most = min(first.rows, last.rows), max(first.rows, last.rows)
        found[name] = (max(0, fewest - went), most + came)
    return found


def outside(found: Mapping[str, Counted], expected: Bounds) -> list[str]:
    """The tables whose rows are not as many as they were, each in words."""
    wrong = []
    for name, (fewest, most) in sorted(expected.items()):
        rows = found[name].rows if name in found else None
        if rows is None or not fewest <= rows <= most:
            said = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            wrong.append(f"{name}: {'no table' if rows is None else rows} instead of {said}")
    return wrong
