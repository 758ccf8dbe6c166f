"""The first administrator, and a company to look at."""

from __future__ import annotations

import secrets
import sys

from appliance import users
from appliance.runner import Completed, run
from installer.steps.base import Host, Step

# No letter or digit that is taken for another when it is typed from paper.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_password() -> str:
    """Four groups of five: 99 bits, and still typed in one go."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _is_there_an_administrator(host: Host) -> bool:
    return bool(_manage(host, "user", "list", "--administrators").stdout.strip())


def _create_administrator(host: Host) -> None:
    email = host.options.admin_email or f"admin@{host.node.box.public_name}"
    given = sys.stdin.readline().rstrip("\n") if host.options.is_password_on_stdin else ""
    password = given or new_password()
    _manage(host, "user", "create", email, "--administrator", "--password-stdin", stdin=password + "\n")
    host.news.append(f"Sign in as {email}")
    if not given:
        host.news.append(f"with the password {password} (shown this once).")


def _is_demo_there(host: Host) -> bool:
    return not host.options.with_demo


def _make_demo(host: Host) -> None:
    _manage(host, "demo")


def _manage(host: Host, *words: str, stdin: str | None = None) -> Completed:
    return run(
        [host.release / "venv/bin/python", "-P", "manage.py", *words],
        cwd=host.release,
        user=users.account(users.PORTAL),
        env=host.node.portal_environment | {"PYTHONPATH": str(host.release)},
        stdin=stdin,
    )


STEPS = (
    Step("First administrator", _is_there_an_administrator, _create_administrator),
    Step("Demo company", _is_demo_there, _make_demo),
)
