"""The service as it runs in a box: against a real PBX, on the test's own database, killed in the middle."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from box.bridges.telephony.actions import save_pbx
from box.bridges.telephony.bridge import EVERY, LOOKS_AGAIN, LOOKS_EVERY, Bridge
from box.bridges.telephony.models import Call, Pbx
from box.core.events.models import Event as Emitted
from tests.box.processes import until
from tests.telephony.asterisk import Asterisk
from tests.telephony.scenarios import Manager

if TYPE_CHECKING:
    from box.bridges.telephony.ami import Session
    from box.bridges.telephony.calls import Calls
    from box.bridges.telephony.resync import Outcome

pytestmark = pytest.mark.django_db(transaction=True)


def is_connected() -> bool:
    return Pbx.objects.exclude(connected_at=None).exists()


def has(*kinds: str) -> Callable[[], bool]:
    """Whether the only call's timeline has these."""
    return lambda: all(Call.objects.filter(timeline__kind=kind).exists() for kind in kinds)


def test_a_call_is_kept_while_it_happens(
    pbx: Pbx, manager: Manager, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    bridge = start()
    until(is_connected)
    manager.call("104", "100")
    until(has("CallAnswered"))
    assert Call.objects.going().count() == 1
    manager.hang_up("/^PJSIP/104-.*$/")
    until(has("CallEnded"))
    assert Call.objects.get().result == "answered"
    bridge.send_signal(signal.SIGTERM)
    assert bridge.wait(timeout=60) == 0


def test_what_is_saved_is_heard_by_a_bridge_that_runs(
    pbx: Pbx, manager: Manager, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    pbx.lines = []
    save_pbx(pbx, by=None)
    start()
    until(is_connected)
    before = Pbx.objects.get().connected_at
    pbx.lines = ["PJSIP/line"]
    save_pbx(pbx, by=None)
    until(lambda: Pbx.objects.get().connected_at != before)


def test_a_bridge_killed_in_the_middle_is_followed_by_another(
    pbx: Pbx, manager: Manager, asterisk: Asterisk, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    first, second = start(), start()
    until(is_connected)
    manager.call("104", "100")
    manager.call("105", "100")
    until(lambda: Call.objects.filter(timeline__kind="CallAnswered").count() == 2)
    # Whichever holds the lock: while both are dead, one call ends, and another comes and goes.
    for one in (first, second):
        one.kill()
        one.wait()
    manager.hang_up("/^PJSIP/104-.*$/")
    manager.call("104", "103")
    manager.wait_for("Event: Hangup", "ChannelStateDesc: Up", "Cause: 17")
    start()
    until(lambda: Call.objects.exclude(ended_at=None).count() == 2)
    assert sorted(Call.objects.values_list("result", flat=True)) == ["", "answered", "busy"]
    manager.hang_up("/^PJSIP/105-.*$/")
    until(lambda: not Call.objects.going().exists())
    assert sorted(Call.objects.values_list("result", flat=True)) == ["answered", "answered", "busy"]
    assert not Call.objects.filter(is_estimated=True).exists()
    # Each was told once.
    assert Emitted.objects.filter(kind="telephony.CallStarted").count() == 3
    assert Emitted.objects.filter(kind="telephony.CallEnded").count() == 3


def test_a_killed_asterisk_leaves_no_call_open(
    pbx: Pbx, manager: Manager, asterisk: Asterisk, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    start()
    until(is_connected)
    manager.call("104", "100")
    until(has("CallAnswered"))
    asterisk.kill()
    until(lambda: Pbx.objects.get().trouble)
    asterisk.start()
    until(lambda: not Call.objects.going().exists())
    call = Call.objects.get()
    assert (call.result, call.is_estimated) == ("answered", True)


@dataclass
class Late:
    """The log of a PBX, of which the box sees nothing before it is shown."""

    seen: Path
    written: Path
    begin: int

    def show(self) -> None:
        self.seen.write_bytes(self.written.read_bytes()[self.begin :])


@pytest.fixture
def late(pbx: Pbx, asterisk: Asterisk, tmp_path: Path) -> Late:
    written = asterisk.cel_file
    made = Late(tmp_path / "cel.csv", written, written.stat().st_size if written.exists() else 0)
    made.seen.touch()
    pbx.cel_path, pbx.cdr_path = str(made.seen), ""
    save_pbx(pbx, by=None)
    return made


def test_an_end_that_is_written_down_late_replaces_the_one_that_was_thought(
    late: Late, manager: Manager, asterisk: Asterisk, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """A PBX writes its log a moment after a channel is gone: here the box sees it later still."""
    first = start()
    until(is_connected)
    manager.call("104", "100")
    until(has("CallAnswered"))
    first.kill()
    first.wait()
    manager.hang_up("/^PJSIP/104-.*$/")
    asterisk.idle()
    start()
    until(Call.objects.filter(is_estimated=True).exclude(ended_at=None).exists)
    late.show()
    until(lambda: not Call.objects.filter(is_estimated=True).exists())
    assert Call.objects.get().result == "answered"


def test_a_call_that_is_written_down_late_as_a_whole_is_heard_of_soon(
    late: Late, manager: Manager, asterisk: Asterisk, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """It came and went while nobody listened, and nothing of it stood there when the box came back."""
    manager.call("104", "103")
    manager.wait_for("Event: Hangup", "ChannelStateDesc: Up", "Cause: 17")
    asterisk.idle()
    start()
    until(is_connected)
    assert not Call.objects.exists()
    late.show()
    until(Call.objects.exclude(ended_at=None).exists)
    assert Call.objects.get().result == "busy"


class Watched(Bridge):
    """A bridge in a thread of the test, by a clock of the test's own; with how often it has read the logs."""

    def __init__(self, pbx: Pbx) -> None:
        self.ahead, self.stopping = timedelta(0), Event()
        self.readings = self.seen = 0
        super().__init__(pbx.pk, self.stopping, now=lambda: timezone.now() + self.ahead)

    def reads_after(self, pause: timedelta) -> None:
        """Once more, when so much time has passed: else it waits in vain."""
        before = self.seen
        self.ahead += pause
        until(lambda: self.readings > before)
        self.seen = self.readings

    def run(self) -> None:
        try:
            super().run()
        finally:
            connections.close_all()

    def _read_logs(self, pbx: Pbx, calls: Calls, session: Session) -> Outcome:
        outcome = super()._read_logs(pbx, calls, session)
        self.readings += 1
        return outcome


@pytest.fixture
def watched(late: Late, pbx: Pbx) -> Iterator[Callable[[], Watched]]:
    bridge = Watched(pbx)
    thread = Thread(target=bridge.run)

    def begin() -> Watched:
        thread.start()
        return bridge

    yield begin
    bridge.stopping.set()
    thread.join(timeout=60)


def test_the_logs_are_read_again_every_minute(
    watched: Callable[[], Watched], late: Late, manager: Manager, asterisk: Asterisk
) -> None:
    """What nobody has told and what is written down more than a minute after: long before the next catching
    up."""
    manager.call("104", "103")
    manager.wait_for("Event: Hangup", "ChannelStateDesc: Up", "Cause: 17")
    asterisk.idle()
    bridge = watched()
    bridge.reads_after(timedelta(0))
    for pause in LOOKS_AGAIN:
        bridge.reads_after(pause)
    assert not Call.objects.exists()
    late.show()
    for _minute in range(2):
        bridge.reads_after(LOOKS_EVERY)
    assert bridge.ahead < EVERY
    assert Call.objects.get().result == "busy"


def said(*words: str) -> str:
    out = StringIO()
    call_command("telephony", *words, stdout=out)
    return out.getvalue()


def test_the_test_says_in_words_what_is_wrong(pbx: Pbx, asterisk: Asterisk) -> None:
    assert f"Asterisk {asterisk.plan.asterisk.major}." in said("test")
    pbx.hold_context = "korobka-hold"
    pbx.save()
    assert "They wait in the context korobka-hold." in said("test")
    pbx.hold_context = "nowhere"
    pbx.save()
    with pytest.raises(CommandError, match="Not every PBX"):
        said("test")
    pbx.secret = "wrong"
    pbx.save()
    with pytest.raises(CommandError, match="Not every PBX"):
        said("test")


def test_resync_reads_up_what_the_pbx_has_written(pbx: Pbx, manager: Manager) -> None:
    said("resync")
    manager.call("104", "103")
    manager.wait_for("Event: Hangup", "PJSIP/104-")
    assert "office" in said("resync", "--pbx", "office")
    assert Call.objects.get().result == "busy"
    assert "never heard of" in said("status")


def test_a_recorded_stream_is_told_as_calls(db: None) -> None:
    stream = Path(__file__).parent / "streams" / "22" / "attended_transfer.ami"
    assert "CallTransferred" in said("replay", str(stream))


def test_configuration_is_written_for_the_owner_only(db: None, tmp_path: Path) -> None:
    said("config", str(tmp_path / "conf"), "--box", "10.0.0.5")
    manager = tmp_path / "conf" / "manager_korobka.conf"
    assert "permit = 10.0.0.5/255.255.255.255" in manager.read_text()
    assert manager.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError):
        said("config", str(tmp_path / "conf"), "--box", "not an address")
