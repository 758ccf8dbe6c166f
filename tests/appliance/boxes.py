"""A real box in a scratch folder, with its services under supervisord, for the tests of the machine side."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest

from appliance import config, scratch
from appliance.agent import proofs
from appliance.client import Agent, Operation, Unproven
from appliance.node import Node
from appliance.services.database import setup
from appliance.services.database.names import NAME
from tests.appliance import clusters

ROOT = Path(__file__).resolve().parents[2]


def open_to_everybody(folder: Path) -> None:
    """Let root's services walk to a folder of pytest's, which have users of their own. Nothing is taken from
    anybody: with a base of its own, pytest's folder lies in /tmp itself."""
    for place in (folder, *folder.parents[:2]):
        place.chmod(S_IMODE(place.stat().st_mode) | 0o055)


@contextmanager
def running_box(*services: str, has_tables: bool = False, **values: config.Value) -> Iterator[Node]:
    """A box with these services running and these values in its box.toml (`backup__patience_seconds=20`), on
    request with the portal's tables; nothing of it is left afterwards."""
    # Not pytest's folder: root's services have users of their own, who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="korobka-"))
    folder.chmod(0o755)
    node = with_values(scratch.create(folder), values)
    try:
        if has_tables:
            clusters.give(node)
        scratch.start(node, *services)
        yield node
    finally:
        scratch.stop(node)
        shutil.rmtree(folder)


def with_values(node: Node, values: Mapping[str, config.Value]) -> Node:
    file = node.paths.box_toml
    named = {name.replace("__", "."): value for name, value in values.items()}
    file.write_text(config.set_values(file.read_text(encoding="utf-8"), named, from_console=False))
    return Node.load(node.paths)


def query(node: Node, sql: str, *, database: str = NAME) -> str:
    """As `setup.query`, for the portal's tables by their bare names: nobody of a test is hostile who does not
    say so."""
    return setup.query(node, f"set search_path = public;\n{sql}", database=database)


def agent_of(node: Node) -> Agent:
    """The agent as root's own programs speak to it."""
    return Agent(node.run("agent") / "agent.sock", acting="root")


def boxctl(
    node: Node, *arguments: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run boxctl as its wrapper does, from a folder that has nothing to do with the box."""
    return subprocess.run(
        [sys.executable, "-m", "appliance.cli", *map(str, arguments)],
        env={
            **os.environ,
            "KOROBKA_PREFIX": str(node.paths.prefix),
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
            **(env or {}),
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE,
    )


def recorded(node: Node) -> list[dict[str, object]]:
    """The lines of operations.log."""
    text = (node.paths.log / "operations.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


PATIENCE = 120.0
"""Seconds until a test gives up: many times what it takes on a busy machine. Nothing is said about speed."""


def wait_until[T](condition: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """The first true value of `condition`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return value


@contextmanager
def traced(pid: int, file: Path, *calls: str) -> Iterator[Callable[[], list[str]]]:
    """Follow these system calls of a process and its threads; the lines can be read afterwards."""
    command = ["strace", "-f", "-y", "-o", str(file), "-e", f"trace={','.join(calls)}", "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        assert "attached" in strace.stderr.readline()
        try:
            yield lambda: file.read_text().splitlines()
        finally:
            strace.terminate()


def proof_of(node: Node, operation: Operation[Any]) -> str:
    """What somebody types for it, as root reads it on the machine, where it was asked for already."""
    if proofs.is_first(node.paths, operation):
        return proofs.first_code(node.paths)
    waiting = {one.subject: one.code for one in proofs.wanted(node.paths)}
    if operation.subject not in waiting:
        with pytest.raises(Unproven):
            Agent(node.run("agent") / "agent.sock").ask(operation)
        return proof_of(node, operation)
    return waiting[operation.subject]
