"""A box.toml that is wrong is refused with key and line, and what runs goes on running as it did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ..living import SERVICES, Box, PrefixBox, wait_until

# Run as the portal's user: asks the agent as the Console would, and prints what came of it.
ASK = """
import json, sys
from appliance.client import Agent, AgentError, SetConfig
socket, acting, values = sys.argv[1:]
try:
    print(Agent(socket, acting=acting).ask(SetConfig(json.loads(values)), by="olga@example.com").state)
except AgentError as error:
    print(f"{type(error).__name__}: {error}")
"""


@dataclass(frozen=True)
class Mistake:
    line: str
    named: str

    def __str__(self) -> str:
        return self.line


MISTAKES = (
    Mistake('colour = "red"', "colour"),
    Mistake("language = 7", "language"),
    Mistake('language = "tlh"', "language"),
)


@contextmanager
def broken(box: PrefixBox, line: str) -> Iterator[int]:
    """box.toml with a wrong line at its beginning; the number of that line."""
    toml = box.path("etc/korobka/box.toml")
    good = toml.read_text(encoding="utf-8")
    toml.write_text(f"# A comment.\n\n{line}\n" + good.replace("language", "# language"), encoding="utf-8")
    try:
        yield 3
    finally:
        toml.write_text(good, encoding="utf-8")


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_refused_with_its_line_and_changes_nothing(
    prefix_box: PrefixBox, mistake: Mistake
) -> None:
    olga = prefix_box.administrator()
    before, page = prefix_box.pids(), olga.get("/sign-in/")
    generated = _generated(prefix_box)
    with broken(prefix_box, mistake.line) as number:
        for command in (("config", "check"), ("config", "apply"), ("config", "set", "web.threads", "6")):
            refused = prefix_box.boxctl(*command, check=False)
            assert refused.returncode == 1
            assert f"line {number}" in refused.stderr
            assert mistake.named in refused.stderr
        assert prefix_box.pids() == before, "what runs was touched"
        assert _generated(prefix_box) == generated
        assert olga.get("/feed/").status == 200
        assert prefix_box.is_healthy(), "the box is looked after by what it runs with"
    assert page.status == 302
    assert prefix_box.boxctl("config", "check").returncode == 0


def test_a_service_killed_meanwhile_comes_back_with_what_was_right(prefix_box: PrefixBox) -> None:
    with broken(prefix_box, 'colour = "red"'):
        prefix_box.boxctl("restart", "agent")
        prefix_box.boxctl("restart", "push")
        assert prefix_box.is_healthy()


def test_a_key_of_roots_is_refused_from_the_console(prefix_box: PrefixBox) -> None:
    toml = prefix_box.path("etc/korobka/box.toml")
    before = toml.read_bytes()
    for values in (
        {"objects.program": "/tmp/evil"},
        {"node.listen": ["127.0.0.1"]},
        {"hostname": "evil.test"},
    ):
        (key,) = values
        said = ask_agent(prefix_box, "console", values)
        assert said.startswith("Refused: ")
        assert key in said
    assert ask_agent(prefix_box, "root", {"hostname": "evil.test"}).startswith(
        "Refused: The portal may not act"
    )
    assert toml.read_bytes() == before


def test_a_key_of_the_consoles_is_taken(prefix_box: PrefixBox) -> None:
    """Otherwise the refusals above would prove nothing."""
    before = json.loads(prefix_box.boxctl("config", "show", "logs.files", "--json").stdout)["logs.files"]
    assert ask_agent(prefix_box, "console", {"logs.files": before}) in ("running", "done")


def test_a_key_restarts_whom_it_concerns_and_nobody_else(box: Box) -> None:
    before = box.pids()
    with changed(box, "cache.memory_mb", "96") as said:
        after = box.pids()
        assert {name for name in SERVICES if before[name] != after[name]} == {"cache"}
        (memcached,) = box.processes("cache")
        assert memcached.cmdline()[memcached.cmdline().index("-m") + 1] == "96"
        assert said.endswith("In force: cache.\n")
        again = box.boxctl("config", "set", "cache.memory_mb", "96").stdout
        assert again.endswith("Nothing to do: it is in force already.\n")
        assert box.pids() == after


def test_a_worker_comes_and_goes_and_all_others_stay(box: Box) -> None:
    """The balancer and others come after the web workers at boot; that is none of their affairs."""
    with changed(box, "node.web_workers", "2"):
        before = box.pids()
        with changed(box, "node.web_workers", "3") as said:
            after = box.pids()
            assert len(after["web"]) == 3 and before["web"] < after["web"]
            assert after | {"web": before["web"]} == before
            assert box.is_healthy()
            assert "web@3" in said and "left" not in said
        wait_until(lambda: box.pids() == before, "the third worker's end")


def test_a_service_that_is_switched_on_starts_and_one_that_is_switched_off_ends(box: Box) -> None:
    with changed(box, "telephony.enabled", "true"):
        assert box.is_healthy("telephony")
        assert box.processes("telephony")
    assert "telephony" not in box.status()
    wait_until(lambda: not box.processes("telephony"), "the bridge's end")


@contextmanager
def changed(box: Box, key: str, value: str) -> Iterator[str]:
    """The box with another value of a key in force; what boxctl said of it."""
    before = json.loads(box.boxctl("config", "show", key, "--json").stdout)[key]
    said = box.boxctl("config", "set", key, value).stdout
    try:
        yield said
    finally:
        box.boxctl("config", "set", key, json.dumps(before))


def ask_agent(box: PrefixBox, acting: str, values: Mapping[str, object]) -> str:
    socket = box.prefix / "run/korobka/agent/agent.sock"
    release = box.prefix / "opt/korobka/current"
    program = ["env", f"PYTHONPATH={release}", str(release / "venv/bin/python"), "-P", "-B", "-c", ASK]
    return box.run([*program, str(socket), acting, json.dumps(values)], user="korobka").stdout.strip()


def _generated(box: PrefixBox) -> dict[str, bytes]:
    folder = box.path("etc/korobka/generated")
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
