"""The portal's own commands: what needs Django is done there."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.runner import Completed, run


def admit_nobody_unasked(node: Node) -> list[str]:
    """End all sessions of a portal that was brought back, and ask anew who may come in. What could not be
    done, each in words."""
    said = manage(node, "restored").stdout.splitlines()
    return [line.removeprefix("failed: ") for line in said if line.startswith("failed: ")]


def manage(
    node: Node,
    *words: str,
    release: Path | None = None,
    as_owner: bool = False,
    check: bool = True,
    stdin: str | None = None,
    timeout: float | None = 3600,
) -> Completed:
    """Run `manage.py` as the portal's user, of the release that the box has unless another is named; as the
    owner of the tables, for what changes them."""
    tree = release or node.release
    return run(
        [release / "venv/bin/python" if release else node.python, "-P", "manage.py", *words],
        cwd=tree,
        user=users.account(users.PORTAL),
        # Web workers have that user, too, and the owner's password would make more of one than it is.
        is_unseen=as_owner,
        env=node.portal_environment
        | {"PYTHONPATH": str(tree)}
        | ({"KOROBKA_DATABASE_ROLE": "owner"} if as_owner else {}),
        secrets={"PGPASSWORD": node.secrets.database_owner_password} if as_owner else None,
        stdin=stdin,
        timeout=timeout,
        check=check,
    )
