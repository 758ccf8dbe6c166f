"""Pages of a journal that systemd's own journald has written, in namespaces of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import pytest

from appliance import config, runner
from appliance.agent import handlers
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import ReadLog
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.supervise import journald
from appliance.supervise.systemd import Systemd
from tests import require

JOURNALD = "/usr/lib/systemd/systemd-journald"
ALONE = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c")
BEGIN = f"""
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal
mount --bind "$1" /run/log/journal && {{ {JOURNALD} & }} && exec "$2" -c "$3"
"""
# That a program is of a unit, systemd alone can say. What is said of one of its programs that fell belongs to
# the unit too: systemd.journal-fields(7).
WRITE = r"""
import socket, subprocess, time
place = "/run/systemd/journal/socket"
fell = "fc2e22bc6ee647b6b90729ab34a250b1"
def say(unit, message):
    fields = f"MESSAGE_ID={fell}\nSYSLOG_IDENTIFIER=korobka-web\nCOREDUMP_UNIT={unit}\n"
    journal.send(fields.encode() + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n")
while True:
    try:
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        journal.connect(place)
        break
    except OSError:
        time.sleep(0.05)
for number in range(10):
    say(f"korobka-web@{number % 2 + 1}.service", b"line %d" % number)
    say("korobka-agent.service", b"not yours %d" % number)
say("korobka-web@1.service", b"\x1b[31mred\xff")
say("korobka-web@1.service", b"x" * 5000)
say("korobka-web@1.service", b"the last one")
while b"the last one" not in subprocess.check_output(["journalctl", "-qo", "cat"]):
    time.sleep(0.05)
"""
UNITS = ("korobka-web@1.service", "korobka-web@2.service")
LINES = [
    *(f"line {number}" for number in range(10)),
    "\x1b[31mred�", "(more than 4096 bytes: see `journalctl`)", "the last one",
]  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require.root("Namespaces are root's to make")
    require.programs(JOURNALD, "journalctl", cure="apt-get install systemd")
    folder = tmp_path_factory.mktemp("journal")
    command = [*ALONE, BEGIN, "sh", str(folder), sys.executable, WRITE]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return folder


@pytest.fixture(autouse=True)
def _read_from_there(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_from(command: Sequence[str | Path]) -> AbstractContextManager[IO[bytes]]:
        return read([*command, f"--directory={written}"])

    read = runner.read_from
    monkeypatch.setattr(runner, "read_from", read_from)


def pages(lines: int) -> list[tuple[str, ...]]:
    """All of them, the oldest first."""
    found, before = list[tuple[str, ...]](), ""
    while not found or before:
        taken, before = journald.page(UNITS, lines=lines, before=before)
        found.insert(0, taken)
    return found


def words(lines: Sequence[str]) -> list[str]:
    return [line.partition("]: ")[2] for line in lines]


@pytest.mark.parametrize("size", [1, 4, 12, 13, 14, 2000])
def test_pages_hold_every_line_of_the_units_once_and_in_order(size: int) -> None:
    found = pages(size)
    assert words([line for page in found for line in page]) == LINES
    assert {len(page) for page in found[1:]} <= {size}
    assert found[0]


def test_a_line_says_when_it_was_written_and_by_whom() -> None:
    (line,), _ = journald.page(UNITS, lines=1)
    when, _, rest = line.partition(" ")
    assert rest == "korobka-web[1]: the last one"
    assert when[:2] == "20" and "T" in when


def test_a_page_is_bounded_and_goes_on_where_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journald, "MAX_BYTES", 900)
    found = pages(2000)
    assert len(found) > 3
    assert words([line for page in found for line in page]) == LINES


@pytest.mark.parametrize(
    "before", ["--file=/etc/shadow", "12,400", "s=1;i=2 --all", "s=1\n--all", "S=1", "²"]
)
def test_what_is_no_cursor_is_the_end(before: str) -> None:
    assert words(journald.page(UNITS, lines=1, before=before)[0]) == LINES[-1:]


def test_of_who_has_said_nothing_there_is_nothing() -> None:
    assert journald.page(("korobka-cache.service",), lines=5) == ((), "")


def test_the_agent_shows_the_journal_of_a_box_under_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    box, paths = config.parse("[node]\nweb_workers = 2\n"), Paths(Path("/nowhere"))
    node = Node(paths, box, config.new_secrets(), Machine(memory_mb=4096, cores=2))
    monkeypatch.setattr(handlers, "load_node", lambda _: node)
    monkeypatch.setattr(handlers, "supervisor_for", Systemd)

    def read(service: str, lines: int, before: str = "") -> tuple[list[str], str]:
        asker = Asker(by="olga", acting="console", uid=7, pid=8)
        page = handlers.read_log(paths, ReadLog(service, lines, before), asker, lambda _: None)
        return words(page.lines), page.older

    last, older = read("web", 2)
    assert (last, read("web", 2000)[0]) == (LINES[-2:], LINES)
    assert read("web", 2, older)[0] == LINES[-4:-2]
    assert read("web@2", 2)[0] == ["line 7", "line 9"]
    assert read("agent", 0)[0] == ["not yours 9"]
