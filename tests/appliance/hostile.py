"""What somebody who may make things in a database leaves there, for a superuser to step on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.node import Node
from appliance.services.database.names import NAME, OWNER
from tests.appliance.boxes import query


@contextmanager
def left(
    node: Node,
    functions: dict[str, tuple[str, str]],
    *statements: str,
    owner: str = OWNER,
    database: str = NAME,
) -> Iterator[None]:
    """Functions that tell if a superuser has called them: by the name and arguments of each what it returns,
    and that as an expression. `statements` put them where they are found."""
    made = [
        f"create function public.{name} returns {returns} volatile language plpgsql as $body$ begin"
        f" if (select rolsuper from pg_catalog.pg_roles where rolname = current_user)"
        f" then perform nextval('public.taken'); end if;"
        f" return {value}; end $body$"
        for name, (returns, value) in functions.items()
    ]
    # What a sequence gives out is given, whatever becomes of the transaction.
    whole = (f"set role {owner}", "begin", "create sequence public.taken", *made, *statements, "commit")
    query(node, ";\n".join(whole), database=database)
    try:
        yield
    finally:
        gone = [f"drop function public.{name} cascade" for name in functions]
        query(node, ";\n".join((*gone, "drop sequence public.taken")), database=database)


def have_taken(node: Node, database: str = NAME) -> bool:
    """Whether a superuser has called one of them."""
    return query(node, "select is_called from public.taken", database=database) == "t"
