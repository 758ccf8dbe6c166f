"""The first administrator, and a company to look at."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from installer import first_password
from installer.options import default_admin_email
from installer.portal_commands import manage
from installer.steps.base import Host, Step
from installer.words import said


def _is_there_an_administrator(host: Host) -> bool:
    return bool(manage(host.node, host.release, "user", "list", "--administrators").stdout.strip())


def _create_administrator(host: Host) -> None:
    email = host.options.admin_email or default_admin_email(host.options)
    given = sys.stdin.readline().rstrip("\n") if host.options.is_password_on_stdin else ""
    password = given or first_password.new_password()
    if not given:
        first_password.keep(host.paths, email, password, now=datetime.now(UTC))
    manage(
        host.node,
        host.release,
        "user",
        "create",
        email,
        "--administrator",
        "--password-stdin",
        stdin=password + "\n",
    )
    if given:
        host.news.append(said("Sign in as {email}", email=email))


def _is_demo_there(host: Host) -> bool:
    if not host.options.with_demo:
        return True
    return manage(host.node, host.release, "demo", "--check", check=False).code == 0


def _make_demo(host: Host) -> None:
    manage(host.node, host.release, "demo")


STEPS = (
    Step("First administrator", _is_there_an_administrator, _create_administrator, needs="web"),
    Step("Demo company", _is_demo_there, _make_demo, needs="web"),
)
