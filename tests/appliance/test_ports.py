"""A range of ports is one holder's, from when it is given until the holder is gone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import ports
from appliance.ports import END, NoPorts, reserve
from appliance.services.objects.service import STORE_PORTS, reserve_ports
from tests import require
from tests.appliance.boxes import ROOT

RESERVES = """
import sys
from pathlib import Path
from appliance.ports import reserve
holder, book = map(Path, sys.argv[1:])
print(*[reserve(3, holder=holder, is_more=True, book=book) for _ in range(5)])
"""


@pytest.fixture(autouse=True)
def _where_no_box_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FIRST", 19_000)
    monkeypatch.setattr(ports, "END", 19_900)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book"


@pytest.fixture
def holder(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    return folder


def test_processes_that_ask_at_once_are_given_different_ones(book: Path, holder: Path) -> None:
    command = [sys.executable, "-c", RESERVES, str(holder), str(book)]
    asking = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    given = [int(word) for process in asking for word in process.communicate()[0].split()]
    assert len(given) == 30
    assert len({port for first in given for port in range(first, first + 3)}) == 90


def test_they_are_held_while_no_server_runs_and_until_the_holder_is_gone(book: Path, holder: Path) -> None:
    first = reserve(8, holder=holder, book=book)
    assert reserve(1, holder=holder.parent, book=book) == first + 8
    shutil.rmtree(holder)
    assert reserve(8, holder=holder.parent, book=book) == first


def test_who_holds_nothing_is_given_nothing(book: Path, holder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        reserve(1, holder=holder / "missing", book=book)


def test_a_port_that_somebody_else_listens_on_is_passed_over(book: Path, holder: Path) -> None:
    first = reserve(1, holder=holder, book=book)
    with socket.create_server(("127.0.0.1", first + 4)):
        assert reserve(8, holder=holder, is_more=True, book=book) == first + 5
    assert reserve(4, holder=holder, is_more=True, book=book) == first + 1


def test_another_box_in_the_same_folder_has_its_own_in_their_place(book: Path, holder: Path) -> None:
    first = reserve(8, holder=holder, book=book)
    assert reserve(8, holder=holder, is_more=True, book=book) == first + 8
    assert reserve(8, holder=holder, book=book) == first
    assert reserve(1, holder=holder.parent, book=book) == first + 8


def test_who_is_killed_while_it_writes_holds_nothing(book: Path, holder: Path) -> None:
    first = reserve(1, holder=holder, book=book)
    (book / "unfinished").write_text(str(holder))
    assert reserve(1, holder=holder.parent, book=book) == first + 1


def test_none_is_one_that_the_kernel_gives_to_outgoing_connections() -> None:
    lowest = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    assert int(lowest) >= END


def test_when_all_are_held_it_says_so(book: Path, holder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "END", ports.FIRST + 5)
    with pytest.raises(NoPorts, match="remove scratch boxes that are not needed"):
        reserve(6, holder=holder, book=book)


def test_another_users_book_is_not_believed(book: Path, holder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    book.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoPorts, match="not a folder of this user's own"):
        reserve(1, holder=holder, book=book)


def test_who_sees_other_processes_throws_no_process_away(book: Path) -> None:
    """As a box that is brought to life beside another one."""
    require.root("another view of the processes is root's to make")
    first = reserve(8, holder=Path(f"/proc/{os.getpid()}"), book=book)
    elsewhere = [
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        sys.executable,
        "-c",
        RESERVES,
        "/proc/1",
        str(book),
    ]
    done = subprocess.run(elsewhere, cwd=ROOT, capture_output=True, text=True, check=True)
    assert min(map(int, done.stdout.split())) >= first + 8
    assert reserve(1, holder=book, book=book) >= first + 8


def test_what_a_killed_store_has_left_under_its_ports_goes(tmp_path: Path) -> None:
    first = reserve_ports(tmp_path)
    left = [Path(f"/tmp/seaweedfs-volume-{port}.sock") for port in (first, first + STORE_PORTS)]
    for path in left:
        path.touch()
    try:
        assert reserve_ports(tmp_path) == first
        assert [path.exists() for path in left] == [False, True], "of the store's own alone"
    finally:
        for path in left:
            path.unlink(missing_ok=True)
