"""The portal's own commands, run by the release that the box has: what needs Django is done there."""

from __future__ import annotations

from appliance import users
from appliance.node import Node
from appliance.runner import Completed, run


def admit_nobody_unasked(node: Node) -> list[str]:
    """End all sessions of a portal that was brought back, and ask anew who may come in. What could not be
    done, each in words."""
    said = manage(node, "restored").stdout.splitlines()
    return [line.removeprefix("failed: ") for line in said if line.startswith("failed: ")]


def manage(
    node: Node, *words: str, as_owner: bool = False, check: bool = True, stdin: str | None = None
) -> Completed:
    """Run `manage.py` as the portal's user; as the owner of the tables, for what changes them."""
    owner = {"KOROBKA_DATABASE_ROLE": "owner"} if as_owner else {}
    return run(
        [node.python, "-P", "manage.py", *words],
        cwd=node.release,
        user=users.account(users.PORTAL),
        env=node.portal_environment | {"PYTHONPATH": str(node.release)} | owner,
        secrets={"PGPASSWORD": node.secrets.database_owner_password} if as_owner else None,
        stdin=stdin,
        timeout=3600,
        check=check,
    )
