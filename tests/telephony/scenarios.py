"""The hard cases, played on a real Asterisk. `record` keeps what AMI and CEL said of each as text in
`streams/`, by release:

sudo .venv/bin/python -m tests.telephony.scenarios [--asterisk 16] [NAME...]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from box.bridges.telephony.plan import Release
from tests.prefixes import scratch_prefix
from tests.telephony.asterisk import NEWEST, PLAN, SECRET, SUITES, Asterisk
from tests.telephony.phones import call_from_outside, phones

STREAMS = Path(__file__).parent / "streams"
"""By release: what was said of each scenario, and what that is to read as."""
PATIENCE = 20
CONTEXT = "korobka-internal"


@dataclass
class Manager:
    """A second manager session, plain: it acts, and keeps what it hears byte by byte."""

    pbx: Asterisk
    heard: bytearray = field(default_factory=bytearray)
    _told: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._socket = socket.create_connection((self.pbx.address, self.pbx.plan.manager_port))
        threading.Thread(target=self._hear, daemon=True).start()
        self.act(Action="Login", Username=self.pbx.plan.manager_user, Secret=SECRET)
        self.wait_for("Authentication accepted")
        with self._told:
            self.heard.clear()

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                with self._told:
                    self.heard += data
                    self._told.notify_all()

    def act(self, **headers: object) -> None:
        text = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        self._socket.sendall(f"{text}\r\n".encode())

    def wait_for(self, *parts: str, after: int = 0) -> dict[str, str]:
        """The first event, behind so many bytes, that has all these lines or parts of lines."""

        def found() -> dict[str, str] | None:
            for block in self.heard[after:].decode(errors="replace").split("\r\n\r\n")[:-1]:
                if all(part in block for part in parts):
                    return dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
            return None

        with self._told:
            got = self._told.wait_for(found, PATIENCE)
            assert got, f"{parts} did not come: {self.heard[-3000:].decode(errors='replace')}"
            return found() or {}

    def close(self) -> None:
        self._socket.close()

    # What people do

    def call(self, who: str, number: str, **more: object) -> None:
        """Their phone is called first, and when they have answered, the number."""
        self.act(Action="Originate", Channel=f"PJSIP/{who}", Context=CONTEXT, Exten=number, Priority=1,
                 Async="true", CallerID=f"Phone {who} <{who}>", Timeout=20000, **more)  # fmt: skip

    def answered(self, who: str, *, after: int = 0) -> str:
        """Waits until the phone talks to somebody; its channel."""
        return self.wait_for("Event: BridgeEnter", f"Channel: PJSIP/{who}-", after=after)["Channel"]

    def rings(self, who: str, *, after: int = 0) -> str:
        return self.wait_for("Event: Newstate", f"Channel: PJSIP/{who}-", "ChannelState: 5", after=after)[
            "Channel"
        ]

    def hang_up(self, channel: str) -> None:
        self.act(Action="Hangup", Channel=channel)

    def talk(self, seconds: float = 0.5) -> None:
        time.sleep(seconds)


def incoming_queue(m: Manager) -> None:
    call_from_outside(m.pbx, seconds=2)
    m.answered("100")


def queue_abandoned(m: Manager) -> None:
    m.call("104", "701")
    m.rings("102")
    m.talk()
    m.hang_up(m.wait_for("Event: QueueCallerJoin")["Channel"])


def blind_transfer(m: Manager) -> None:
    m.call("104", "100")
    channel = m.answered("100")
    m.talk()
    m.act(Action="BlindTransfer", Channel=channel, Exten="105", Context=CONTEXT)
    m.answered("105")
    m.talk()
    m.hang_up("/^PJSIP/105-.*$/")


def attended_transfer(m: Manager) -> None:
    m.call("104", "100")
    channel = m.answered("100")
    m.talk()
    m.act(Action="Atxfer", Channel=channel, Exten="105", Context=CONTEXT)
    m.answered("105")
    m.talk(1)
    m.hang_up(channel)
    m.wait_for("Event: AttendedTransfer")
    m.talk(1)
    m.hang_up("/^PJSIP/105-.*$/")


def pickup(m: Manager) -> None:
    m.call("104", "101")
    m.rings("101")
    m.call("105", "**101")
    m.wait_for("Event: Pickup")
    m.talk(1)
    m.hang_up("/^PJSIP/104-.*$/")


def parking(m: Manager) -> None:
    m.call("104", "720")
    space = m.wait_for("Event: ParkedCall")["ParkingSpace"]
    m.talk()
    m.call("105", space)
    m.answered("105")
    m.talk(1)
    m.hang_up("/^PJSIP/105-.*$/")


def forwarding(m: Manager) -> None:
    m.call("104", "108")
    m.answered("105")
    m.talk()
    m.hang_up("/^PJSIP/104-.*$/")


def local_optimisation(m: Manager) -> None:
    m.call("105", "712")
    m.answered("104")
    m.talk(1)
    m.hang_up("/^PJSIP/105-.*$/")


def masquerade(m: Manager) -> None:
    m.call("104", "100")
    channel = m.answered("100")
    m.talk()
    m.act(Action="Redirect", Channel=channel, Context=CONTEXT, Exten="105", Priority=1)
    m.answered("105")
    m.talk()
    m.hang_up("/^PJSIP/105-.*$/")


def conference(m: Manager) -> None:
    for who in ("104", "105", "100"):
        m.call(who, "713")
        m.answered(who)
    m.talk()
    for who in ("104", "105", "100"):
        m.hang_up(f"/^PJSIP/{who}-.*$/")


def simultaneous_ring(m: Manager) -> None:
    m.call("104", "710")
    m.answered("100")
    m.talk()
    m.hang_up("/^PJSIP/104-.*$/")


def busy(m: Manager) -> None:
    m.call("104", "103")
    m.wait_for("Event: Hangup", "PJSIP/104-")


def no_answer_then_another(m: Manager) -> None:
    m.call("105", "711")
    m.answered("104")
    m.talk()
    m.hang_up("/^PJSIP/105-.*$/")


def hold(m: Manager) -> None:
    m.call("104", "106")
    m.wait_for("Event: Hangup", "PJSIP/104-")


def cancelled(m: Manager) -> None:
    m.call("104", "101")
    m.rings("101")
    m.talk()
    m.hang_up("/^PJSIP/104-.*$/")


def two_at_once(m: Manager) -> None:
    m.call("104", "100")
    m.answered("100")
    after = len(m.heard)
    m.call("104", "100")
    m.answered("100", after=after)
    m.talk()
    m.hang_up("/^PJSIP/104-.*$/")


def answered_by_the_pbx(m: Manager) -> None:
    m.call("104", "740")
    m.wait_for("Event: Hangup", "PJSIP/104-")


def outgoing(m: Manager) -> None:
    m.call("104", "79161234567")
    m.answered("line")
    m.talk()
    m.hang_up("/^PJSIP/104-.*$/")


def silent_phone(m: Manager) -> None:
    """Click to call, but the employee does not take the phone."""
    m.call("101", "100")
    m.rings("101")
    m.talk()
    m.hang_up("/^PJSIP/101-.*$/")


SCENARIOS: dict[str, Callable[[Manager], None]] = {
    play.__name__: play
    for play in (
        incoming_queue, queue_abandoned, blind_transfer, attended_transfer, pickup, parking, forwarding,
        local_optimisation, masquerade, conference, simultaneous_ring, busy, no_answer_then_another, hold,
        cancelled, two_at_once, answered_by_the_pbx, outgoing, silent_phone,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Streams:
    """What was said of one scenario."""

    ami: str
    cel: str
    cdr: str


@contextmanager
def listening(pbx: Asterisk) -> Iterator[Manager]:
    manager = Manager(pbx)
    try:
        yield manager
    finally:
        manager.close()


def play(pbx: Asterisk, name: str) -> Streams:
    """Plays it to its end."""
    begun = [len(file.read_text()) if file.exists() else 0 for file in (pbx.cel_file, pbx.cdr_file)]
    with listening(pbx) as manager:
        SCENARIOS[name](manager)
        pbx.idle()
        # CEL's and AMI's last words come a moment after the channel is gone.
        manager.act(Action="CoreShowChannels", ActionID="the-end")
        manager.wait_for("CoreShowChannelsComplete")
        time.sleep(0.3)
        said = bytes(manager.heard).decode(errors="replace").replace("\r\n", "\n")
    cel, cdr = (
        file.read_text()[begin:] for file, begin in zip((pbx.cel_file, pbx.cdr_file), begun, strict=True)
    )
    return Streams(said, cel, cdr)


def stream(release: Release, name: str, kind: str) -> Path:
    """`kind` is ami, cel, cdr or timeline."""
    return STREAMS / str(release.major) / f"{name}.{kind}"


def record(release: Release, names: list[str]) -> None:
    folder = scratch_prefix("asterisk-recording")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pbx = Asterisk(folder, replace(PLAN, asterisk=release))
    pbx.start()
    (STREAMS / str(release.major)).mkdir(parents=True, exist_ok=True)
    try:
        with phones(pbx):
            for name in names or list(SCENARIOS):
                try:
                    streams = play(pbx, name)
                except AssertionError as error:
                    sys.stdout.write(f"{name}: {error}\n")
                    pbx.cli("channel request hangup all")
                    continue
                for kind in ("ami", "cel", "cdr"):
                    stream(release, name, kind).write_text(getattr(streams, kind), encoding="utf-8")
                sys.stdout.write(f"{name}: {len(streams.ami)} {len(streams.cel)}\n")
                sys.stdout.flush()
    finally:
        pbx.remove()


if __name__ == "__main__":
    releases = {one.major: one for one in SUITES}
    parser = argparse.ArgumentParser()
    parser.add_argument("--asterisk", type=int, choices=releases, default=NEWEST.major)
    parser.add_argument("names", nargs="*", choices=[[], *SCENARIOS], default=[])
    given = parser.parse_args()
    record(releases[given.asterisk], given.names)
