"""Talk between an operation and what it has in namespaces of its own: JSON lines, one way."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from appliance import runner
from appliance.agent.journal import Journal
from appliance.node import Node
from appliance.services.objects.setup import StoreRefused
from appliance.supervise import SupervisorError
from backup import second_box
from backup.operations.back_up import TROUBLE
from backup.settings import BackupRefused

# --- inside


def send_progress(text: str, done: int = 0, total: int = 0) -> None:
    """How far it is."""
    send(text=text, done=done, total=total)


def send(**said: Any) -> None:
    relay(json.dumps(said, ensure_ascii=False))


def relay(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def channel() -> Iterator[None]:
    """What goes wrong is said, in words."""
    try:
        yield
    except (*TROUBLE, SupervisorError, StoreRefused) as error:
        send(problem=str(error))


# --- outside


def receive(
    node: Node, name: str, words: list[str], journal: Journal, *, stdin: str = ""
) -> Iterator[dict[str, Any]]:
    """Run `python -m WORDS` there, and hand out what it says; how far it is goes into the journal.

    Raises `BackupRefused` with what went wrong there.
    """
    problem = ""
    command = second_box.command(node, name, *words)
    for line in runner.stream(command, env={"PYTHONPATH": str(node.release)}, stdin=stdin):
        said = _understood(line)
        if "text" in said:
            journal.progress(said["text"], said["done"], said["total"])
        elif "problem" in said:
            problem = str(said["problem"])
        elif said:
            yield said
    if problem:
        raise BackupRefused(problem)


def _understood(line: str) -> dict[str, Any]:
    """Other lines are some engine's words, of which nothing follows."""
    with suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    return {}
