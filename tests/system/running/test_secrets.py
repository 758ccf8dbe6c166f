"""Each value of secrets.toml, and a person's password, is looked for wherever others could see it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ..boxes import ADMINISTRATOR, PASSWORD
from ..living import MachineBox, PrefixBox
from ..poster import Person

# Run as an ordinary user: prints each process whose environment can be read.
PEEP = """
import sys
for pid in sys.argv[1:]:
    try:
        if open(f"/proc/{pid}/environ", "rb").read():
            print(pid)
    except OSError:
        pass
"""


@pytest.fixture
def secrets(prefix_box: PrefixBox) -> dict[str, str]:
    found = prefix_box.secrets | {"the administrator's password": PASSWORD}
    assert len(found) > 8
    assert all(len(value) >= 16 for value in found.values()), "short values would be found by chance"
    return found


def held(text: str, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that the text gives away."""
    return [name for name, value in secrets.items() if value in text]


@contextmanager
def watched() -> Iterator[list[str]]:
    """Every argument list that is seen on this machine meanwhile."""
    seen: set[str] = set()
    found: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    seen.add("\0".join(process.cmdline()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
        found.extend(seen)


def test_no_argument_list_holds_a_secret(prefix_box: PrefixBox, secrets: dict[str, str]) -> None:
    with watched() as lists:
        prefix_box.boxctl("status")
        prefix_box.boxctl("user", "password", ADMINISTRATOR, "--password-stdin", stdin=f"{PASSWORD}\n")
        # Asks the database, the store and the agent whether they are set up, with all their secrets.
        prefix_box.boxctl("doctor", check=False)
        prefix_box.boxctl("restart", "objects")
    assert any("korobka" in line for line in lists)
    assert [name for line in lists for name in held(line, secrets)] == []


def test_no_environment_holds_a_secret_and_none_can_be_read(
    prefix_box: PrefixBox, secrets: dict[str, str]
) -> None:
    processes = prefix_box.processes()
    for process in processes:
        environment = Path(f"/proc/{process.pid}/environ").read_text(errors="replace")
        assert held(environment, secrets) == [], process.name()
    pids = [str(process.pid) for process in processes]
    assert prefix_box.run(["/usr/bin/python3", "-c", PEEP, *pids], user="nobody").stdout == ""


def test_no_log_and_no_output_holds_a_secret(prefix_box: PrefixBox, secrets: dict[str, str]) -> None:
    olga = prefix_box.administrator()
    olga.upload("note.txt", "makes the store's links")
    stranger = Person(prefix_box.site)
    stranger.get("/sign-in/")
    wrong = stranger.post("/sign-in/", {"login": PASSWORD, "password": PASSWORD})
    assert wrong.status == 422

    session = olga.cookies["__Host-session"]
    sought = secrets | {"olga's session": session}
    logs = [file for file in prefix_box.path("var/log/korobka").rglob("*") if file.is_file()]
    assert len(logs) >= 8
    for log in logs:
        assert held(log.read_text(errors="replace"), sought) == [], log
        assert "X-Amz-Signature" not in log.read_text(errors="replace"), "a link is worth as much as its file"
    for command in (
        ("status",), ("status", "--json"), ("config", "show"), ("config", "show", "--json"),
        ("config", "check"), ("logs", "-n", "5000"), ("certificate", "show"), ("doctor",), ("user", "list"),
    ):  # fmt: skip
        said = prefix_box.boxctl(*command, check=False)
        assert said.stdout
        assert held(said.stdout + said.stderr, sought) == [], command
    for path in ("/console/", "/console/services/web/", "/console/services/database/", "/readyz"):
        assert held(olga.get(path).text, sought) == [], path


def test_the_journal_of_a_machine_holds_no_secret(machine_box: MachineBox) -> None:
    machine_box.administrator().upload("note.txt", "makes the store's links")
    journal = machine_box.run(["journalctl", "--no-pager", "--output=export"]).stdout
    assert journal.count("korobka-web") > 1
    assert held(journal, machine_box.secrets | {"the administrator's password": PASSWORD}) == []
    assert "X-Amz-Signature" not in journal
