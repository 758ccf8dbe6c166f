"""`manage.py` of a release, as the portal's user."""

from __future__ import annotations

from pathlib import Path

from appliance import users
from appliance.node import Node
from appliance.runner import Completed, run


def manage(
    node: Node,
    release: Path,
    *words: str,
    stdin: str | None = None,
    is_owner: bool = False,
    check: bool = True,
) -> Completed:
    """Runs a command of `release`; `is_owner`: as the owner of the tables, who may change them."""
    owner = {"PGPASSWORD": node.secrets.database_owner_password} if is_owner else None
    role = {"KOROBKA_DATABASE_ROLE": "owner"} if is_owner else {}
    return run(
        [release / "venv/bin/python", "-P", "manage.py", *words],
        cwd=release,
        user=users.account(users.PORTAL),
        env=node.portal_environment | {"PYTHONPATH": str(release)} | role,
        secrets=owner,
        stdin=stdin,
        check=check,
    )
