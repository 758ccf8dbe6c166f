"""What has yet to be delivered when two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.registry.belongings import run

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair

PERSON = ("user_id", "by_id", "gone_id", "former_id")
"""The fields of events that hold the id of a person: a new one is called like one of these."""
PEOPLE = ("user_ids", "former_ids", "former_user_ids", "told_user_ids", "rang_ids")
CODE = ("code",)


def move_events(pair: Pair) -> None:
    """Whoever has yet to hear of something hears of the person who is there."""
    is_gone = "to_jsonb(%(gone)s::bigint)"
    one = "CASE WHEN person = {is_gone} THEN to_jsonb(%(kept)s::bigint) ELSE person END"
    many = "(SELECT jsonb_agg(DISTINCT {one}) FROM jsonb_array_elements(payload->'{name}') AS told(person))"
    changes = [(f"payload->'{name}' = {is_gone}", name, "to_jsonb(%(kept)s::bigint)") for name in PERSON]
    changes += [
        (f"payload->'{name}' @> {is_gone}", name, many.format(one=one.format(is_gone=is_gone), name=name))
        for name in PEOPLE
    ]
    changes += [
        (f"payload->>'{name}' = %(gone_code)s", name, "to_jsonb(%(kept_code)s::text)") for name in CODE
    ]
    new = " || ".join(
        f"CASE WHEN {named} THEN jsonb_build_object('{name}', {value}) ELSE '{{}}'::jsonb END"
        for named, name, value in changes
    )
    run(
        f"UPDATE events_event SET payload = payload || {new}"  # noqa: S608 - our own names
        " WHERE id IN (SELECT event_id FROM events_delivery WHERE completed_at IS NULL)"
        f" AND ({' OR '.join(named for named, _name, _value in changes)})",
        pair,
    )
