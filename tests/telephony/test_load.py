"""The service under load, killed in the middle with its database and its PBX: what it has agrees with the
PBX's own records."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from box.bridges.telephony.models import Call, Pbx
from box.core.events.models import Event
from tests.box.processes import until
from tests.randomness import is_thorough
from tests.telephony import load
from tests.telephony.asterisk import Asterisk
from tests.telephony.load import Known
from tests.telephony.scenarios import Manager
from tests.telephony.test_bridge import is_connected, manager, pbx, start  # noqa: F401 - fixtures

type Start = Callable[[], subprocess.Popen[bytes]]

pytestmark = pytest.mark.django_db(transaction=True)


def known() -> list[Known]:
    fields = ("key", "result", "started_at", "ended_at", "is_estimated")
    return [Known(*row) for row in Call.objects.whole().values_list(*fields)]


def used(pid: int) -> tuple[float, float]:
    """Seconds of processor and MiB of memory that a process has taken so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(parts[11]) + int(parts[12])
    pages = int(parts[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * resource.getpagesize() / 2**20


def test_a_bridge_that_is_killed_under_load_loses_and_doubles_no_call(
    pbx: Pbx,  # noqa: F811
    manager: Manager,  # noqa: F811
    asterisk: Asterisk,
    start: Start,  # noqa: F811
) -> None:
    """20 new calls a second; in the long form for two minutes, with 200 at once."""
    seconds, talk = (120, 9) if is_thorough() else (3, 2)
    begin = asterisk.cdr_file.stat().st_size if asterisk.cdr_file.exists() else 0
    running = [start()]
    until(is_connected)
    killed: list[int] = []

    def kill(passed: float) -> None:
        if passed > seconds / 2 and not killed:
            taken, memory = used(running[0].pid)
            sys.stdout.write(f"Until it was killed: {taken:.1f} s of processor, {memory:.0f} MiB\n")
            running[0].kill()
            killed.append(running[0].wait())
            running.append(start())
        time.sleep(0.02)

    count = load.place(manager, seconds=seconds, talk=talk, meanwhile=kill)
    until(lambda: Call.objects.count() == count and not Call.objects.going().exists())
    taken, memory = used(running[1].pid)
    sys.stdout.write(f"The next one: {taken:.1f} s of processor, {memory:.0f} MiB; {count} calls\n")
    asterisk.idle()
    assert list(load.disagreements(known(), asterisk.cdr_file.read_text()[begin:])) == []
    # Each was told once.
    assert Event.objects.filter(kind="telephony.CallStarted").count() == count
    assert Event.objects.filter(kind="telephony.CallEnded").count() == count


def test_after_a_killed_asterisk_nothing_is_open_and_what_was_over_agrees(
    pbx: Pbx,  # noqa: F811
    manager: Manager,  # noqa: F811
    asterisk: Asterisk,
    start: Start,  # noqa: F811
) -> None:
    begin = asterisk.cdr_file.stat().st_size if asterisk.cdr_file.exists() else 0
    start()
    until(is_connected)
    count = load.place(manager, seconds=2, talk=1, meanwhile=lambda _passed: time.sleep(0.02))
    until(lambda: Call.objects.count() == count)
    until(lambda: Call.objects.exclude(ended_at=None).exists())
    asterisk.kill()
    asterisk.start()
    until(lambda: not Call.objects.going().exists())
    assert Call.objects.whole().count() == count
    over = asterisk.cdr_file.read_text()[begin:]
    ended = [one for one in known() if one.key in load.records(over)]
    assert ended
    assert list(load.disagreements(ended, over)) == []
