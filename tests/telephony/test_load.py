"""The service under load, in the middle of which it, its database, its PBX and the network between are taken
away: what it has agrees with the PBX's own records."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from box.bridges.telephony.actions import save_pbx
from box.bridges.telephony.models import Call, Pbx
from box.core.events.models import Event
from tests.box.processes import database_away, until
from tests.prefixes import scratch_prefix
from tests.randomness import is_thorough
from tests.telephony import load
from tests.telephony.asterisk import PLAN, SECRET, Asterisk
from tests.telephony.load import Known
from tests.telephony.scenarios import Manager, listening
from tests.telephony.test_bridge import is_connected
from tests.telephony.wire import Wire, wired

type Start = Callable[[], subprocess.Popen[bytes]]

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS, TALK = (120, 19) if is_thorough() else (4, 2)
"""20 new calls a second; in the long form for two minutes, with 200 at once, since one in two is answered."""
UNTIL_DEATH, LAST_TALK = (20, 19) if is_thorough() else (2, 1)
"""The same where the PBX is killed in the end: with all of these at once."""
AWAY_SECONDS = 5 if is_thorough() else 1.5


def known(of: str = "office") -> list[Known]:
    fields = ("key", "result", "started_at", "ended_at", "is_estimated")
    return [Known(*row) for row in Call.objects.whole().filter(pbx__name=of).values_list(*fields)]


def used(pid: int) -> str:
    """What a process has taken so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
    return f"{seconds:.1f} s of processor, {int(parts[21]) * resource.getpagesize() / 2**20:.0f} MiB"


@pytest.fixture
def records(asterisk: Asterisk) -> Callable[[], str]:
    """What the PBX has written down since the test began."""
    return load.written_from_now(asterisk.cdr_file)


class Interruption:
    """Begins when half of the time is over, and ends some seconds later."""

    def __init__(self, begin: Callable[[], object], end: Callable[[], object] = lambda: None) -> None:
        self._steps = [(SECONDS / 2, begin), (SECONDS / 2 + AWAY_SECONDS, end)]

    def __call__(self, passed: float) -> None:
        if self._steps and passed > self._steps[0][0]:
            self._steps.pop(0)[1]()
        time.sleep(0.02)

    def finish(self) -> None:
        """What has not ended yet does."""
        while self._steps:
            self._steps.pop(0)[1]()


def expect_agreement(count: int, records: str) -> None:
    """Every call is known once, told once, over, and what it was."""
    sys.stdout.write(f"{load.at_once(records)} of {count} calls at once\n")
    assert list(load.disagreements(known(), load.records(records))) == []
    assert len(load.records(records)) == count
    assert Event.objects.filter(kind="telephony.CallStarted").count() == count
    # An end that was only thought of is told once more when the PBX has written down the real one.
    ends = Event.objects.filter(kind="telephony.CallEnded").values_list("payload__call", flat=True)
    assert len(set(ends)) == count


def place_with(interruption: Interruption, manager: Manager) -> int:
    count = load.place(manager, seconds=SECONDS, talk=TALK, meanwhile=interruption)
    interruption.finish()
    return count


def until_all_over(count: int) -> None:
    """And none of them only thought to be."""
    known = Call.objects.whole()
    doubtful = known.filter(ended_at=None) | known.filter(is_estimated=True)
    try:
        until(lambda: known.count() == count and not doubtful.exists())
    except AssertionError as error:
        open_ones = sorted(known.filter(ended_at=None).values_list("key", flat=True))
        thought = sorted(known.filter(is_estimated=True).values_list("key", flat=True))
        error.add_note(f"{known.count()} of {count}; open: {open_ones[:9]}, only thought over: {thought[:9]}")
        raise


def at_work(running: list[subprocess.Popen[bytes]], port: int) -> subprocess.Popen[bytes]:
    """The one of these bridges that is connected with the PBX."""

    def found() -> subprocess.Popen[bytes] | None:
        for one in running:
            lines = psutil.Process(one.pid).net_connections("tcp") if one.poll() is None else ()
            if any(line.raddr and line.raddr.port == port for line in lines):
                return one
        return None

    bridge: subprocess.Popen[bytes] = until(found)
    return bridge


def test_a_second_bridge_takes_over_from_one_that_is_killed(
    pbx: Pbx,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    running = [start(), start()]
    until(is_connected)

    def kill() -> None:
        first = at_work(running, pbx.port)
        sys.stdout.write(f"Until it was killed: {used(first.pid)}\n")
        first.kill()
        first.wait()

    count = place_with(Interruption(kill), manager)
    until_all_over(count)
    sys.stdout.write(f"The next one: {used(at_work(running, pbx.port).pid)}; {count} calls\n")
    asterisk.idle()
    expect_agreement(count, records())


def test_while_the_database_is_away_nothing_is_lost(
    pbx: Pbx,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    bridge = start()
    until(is_connected)
    with ExitStack() as away:
        count = place_with(Interruption(lambda: away.enter_context(database_away()), away.close), manager)
    until_all_over(count)
    sys.stdout.write(f"With its database away for a while: {used(bridge.pid)}; {count} calls\n")
    asterisk.idle()
    expect_agreement(count, records())


@pytest.fixture
def wire(asterisk: Asterisk) -> Iterator[Wire]:
    with wired(asterisk.address, asterisk.plan.manager_port) as made:
        yield made


def test_while_the_network_is_cut_nothing_is_lost(
    pbx: Pbx,
    wire: Wire,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    pbx.host, pbx.port = "127.0.0.1", wire.port
    save_pbx(pbx, by=None)
    bridge = start()
    until(is_connected)
    count = place_with(Interruption(wire.cut, wire.mend), manager)
    until_all_over(count)
    sys.stdout.write(f"With the network cut for a while: {used(bridge.pid)}; {count} calls\n")
    asterisk.idle()
    expect_agreement(count, records())


def test_while_settings_are_saved_a_pbx_without_logs_is_told_right(
    pbx: Pbx,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    """It says once what happens, and many of these calls are over before another session would have begun."""
    pbx.logs = Pbx.Logs.NONE
    save_pbx(pbx, by=None)
    start()
    until(is_connected)
    saved: list[float] = []

    def save_now_and_then(passed: float) -> None:
        if passed - max(saved, default=0) > 1.5:
            saved.append(passed)
            pbx.prefixes = [f"+79{len(saved)}"]
            save_pbx(pbx, by=None)
        time.sleep(0.02)

    count = load.place(manager, seconds=SECONDS, talk=0, meanwhile=save_now_and_then)
    until_all_over(count)
    assert saved
    asterisk.idle()
    expect_agreement(count, records())


def test_after_a_killed_asterisk_nothing_is_open_and_what_was_over_agrees(
    pbx: Pbx,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    events = load.written_from_now(asterisk.cel_file)
    start()
    until(is_connected)
    count = load.place(manager, seconds=UNTIL_DEATH, talk=LAST_TALK, meanwhile=_rest)
    until(lambda: Call.objects.count() == count)
    until(lambda: Call.objects.exclude(ended_at=None).exists())
    sys.stdout.write(f"{Call.objects.going().count()} of {count} calls when it was killed\n")
    asterisk.kill()
    asterisk.start()
    until(lambda: not Call.objects.going().exists())
    assert Call.objects.whole().count() == count
    # It may have died when it had written down a part of a call.
    over = load.over(events())
    written = {key: rows for key, rows in load.records(records()).items() if key in over}
    ended = [one for one in known() if one.key in written]
    assert ended
    assert list(load.disagreements(ended, written)) == []


@pytest.fixture
def branch(asterisk: Asterisk) -> Iterator[Asterisk]:
    """Another PBX, which numbers its channels from 0 as well."""
    folder = scratch_prefix(f"branch-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    there = Asterisk(folder, replace(PLAN, asterisk=asterisk.plan.asterisk))
    there.start()
    yield there
    there.remove()


def test_two_pbxs_at_once_are_told_apart(
    pbx: Pbx,
    branch: Asterisk,
    manager: Manager,
    asterisk: Asterisk,
    start: Start,
    records: Callable[[], str],
) -> None:
    other = Pbx(name="branch", host=branch.address, is_on=True, logs=Pbx.Logs.CSV)
    other.cel_path, other.cdr_path, other.secret = str(branch.cel_file), str(branch.cdr_file), SECRET
    save_pbx(other, by=None)
    bridge = start()
    until(lambda: not Pbx.objects.filter(connected_at=None).exists())
    with listening(branch) as second, ThreadPoolExecutor(1) as pool:
        there = pool.submit(load.place, second, seconds=SECONDS, talk=TALK, meanwhile=_rest)
        count = load.place(manager, seconds=SECONDS, talk=TALK, meanwhile=_rest)
        placed = count + there.result()
    until_all_over(placed)
    for server in (asterisk, branch):
        server.idle()
    here, elsewhere = records(), branch.cdr_file.read_text()
    most = f"{load.at_once(here)} and {load.at_once(elsewhere)}"
    sys.stdout.write(f"Two PBXs: {used(bridge.pid)}; {most} of {placed} calls at once\n")
    assert list(load.disagreements(known(), load.records(here))) == []
    assert list(load.disagreements(known("branch"), load.records(elsewhere))) == []
    assert len(known()) == count


def _rest(_passed: float) -> None:
    time.sleep(0.02)
