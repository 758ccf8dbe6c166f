"""Employees with a session, made inside the box by a process that stays: a person who is added by a form and
signs in by another costs two hashes and four requests, and few stories are about that.

The process runs with the box's release, as the portal's user: `python personnel.py` is its own other end.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from appliance import users
from appliance.node import Node
from tests.e2e.boxes import Box, Login
from tests.e2e.portal import CSRF_COOKIE, SESSION_COOKIE, Portal


class Personnel:
    def __init__(self, box: Box, asks: IO[str], answers: IO[str]) -> None:
        self.box = box
        self._asks, self._answers = asks, answers

    def employ(
        self,
        login: Login,
        *,
        first_name: str,
        last_name: str,
        language: str,
        department: int | None = None,
        administers: bool = False,
    ) -> tuple[int, Portal]:
        """Adds somebody who can also sign in with this password; the person's id and a session."""
        new = {
            "email": login.login,
            "first_name": first_name,
            "last_name": last_name,
            "language": language,
            "is_administrator": administers,
        }
        asked = {"new": new, "password": login.password, "department": department}
        self._asks.write(json.dumps(asked) + "\n")
        self._asks.flush()
        said = json.loads(self._answers.readline())
        return said["id"], Portal(self.box, {SESSION_COOKIE: said["session"], CSRF_COOKIE: said["csrf"]})


@contextmanager
def personnel_of(box: Box) -> Iterator[Personnel]:
    node = Node.load(box.paths)
    as_portal: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = users.account(users.PORTAL)
        as_portal = {"user": account.uid, "group": account.gid, "extra_groups": []}
    with subprocess.Popen(
        # As the program itself: the portal's user cannot enter everybody's checkout.
        [node.python, "-P", "-c", Path(__file__).with_name("inside.py").read_text(encoding="utf-8")],
        cwd=node.release,
        env={**os.environ, **node.portal_environment, "PYTHONPATH": str(node.release)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **as_portal,
    ) as process:
        assert process.stdin and process.stdout
        yield Personnel(box, process.stdin, process.stdout)
        process.stdin.close()
