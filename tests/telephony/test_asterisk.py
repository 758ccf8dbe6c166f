"""The bridge against a real PBX."""

from __future__ import annotations

import io
import re
import socket
import ssl
import threading
import time
import wave
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock

import pytest

from box.apps.calls.prompts import RATE, read
from box.bridges.telephony import generator
from box.bridges.telephony.ami import (
    LONGEST_LINE,
    LONGEST_RUN,
    ActionRefused,
    Address,
    Event,
    Garbled,
    PbxTrouble,
    Refused,
    Session,
    Stalled,
)
from box.bridges.telephony.ami_events import facts
from box.bridges.telephony.calls import Call, Calls, Result
from box.bridges.telephony.dialplan import INTERNAL, RETURN_CONTEXT
from box.bridges.telephony.fastagi import Inquiry, Route, Server, Way
from box.bridges.telephony.generator import CEL_EVENTS, CEL_EVENTS_OF_MUSIC
from box.bridges.telephony.logs import CsvLog
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.plan import Hours, Menu, Queue, release_for
from box.bridges.telephony.probe import probe
from box.bridges.telephony.recordings import Folder
from box.bridges.telephony.resync import catch_up, channel_facts
from tests.randomness import is_thorough
from tests.telephony import load
from tests.telephony.asterisk import SECRET, Asterisk
from tests.telephony.load import Known
from tests.telephony.phones import call_from_outside
from tests.telephony.scenarios import listening


def address(pbx: Asterisk, **more: object) -> Address:
    found = Address(pbx.address, pbx.plan.manager_port, pbx.plan.manager_user, SECRET)
    return replace(found, **more)  # type: ignore[arg-type]


def now() -> datetime:
    return datetime.now(UTC)


class Bridge:
    """A session and the calls that it hears of."""

    def __init__(self, pbx: Asterisk) -> None:
        self.pbx, self.calls = pbx, Calls("office")
        self.cel = CsvLog(pbx.cel_file, generator.CEL_COLUMNS)
        self.cursors = {"cel": self.cel.end()}

    def hear(self, seconds: float) -> None:
        with Session(address(self.pbx)) as session:
            self.resync(session)
            self.listen(session, seconds)

    def listen(self, session: Session, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            for event in session.events(within=max(0, min(left, 0.5))):
                self.calls.feed(facts(event, received_at=now()))
            if left <= 0:
                return

    def resync(self, session: Session) -> None:
        catch_up(self.calls, cel_log=self.cel, cdr_log=None, cursors=self.cursors, keep=lambda _: None)
        known = self.calls.channels()
        there = channel_facts(session.channels(), at=now())
        self.listen(session, 0)
        self.calls.reconcile(there, known=known, at=now())

    @property
    def all(self) -> list[Call]:
        return [*self.calls.over.values(), *self.calls.open.values()]


# --- what is generated


def test_every_release_reads_what_is_written_for_it(asterisk: Asterisk) -> None:
    """A file with one word that it does not know it would leave out as a whole."""
    said = asterisk.cli("cel show status")
    known = (CEL_EVENTS + CEL_EVENTS_OF_MUSIC * asterisk.plan.asterisk.logs_music).split(",")
    assert [event for event in known if f"Event: {event}\n" not in said] == []
    assert "Application: queue" in said
    phones = asterisk.cli("pjsip show endpoints")
    assert [one.number for one in asterisk.plan.phones if f"Endpoint:  {one.number}" not in phones] == []
    assert "webrtc" in asterisk.cli("pjsip show endpoint 120")
    assert "korobka" in asterisk.cli("manager show users")
    for file in ("cel_custom.conf", "pjsip_korobka.conf", "extensions_korobka.conf", "http_korobka.conf"):
        assert file not in (asterisk.folder / "log").read_text(errors="replace"), "it complains of a file"


def test_opus_is_written_for_a_pbx_that_translates_it(asterisk: Asterisk) -> None:
    """As the handbook has the administrator find out."""
    paths = asterisk.cli("core show translation paths opus")
    to_alaw = next(line for line in paths.splitlines() if "To alaw:8000" in line)
    assert ("No Translation Path" not in to_alaw) is asterisk.plan.transcodes_opus


# --- signing in


def test_the_bridge_signs_in_and_sees_channels_and_queues(asterisk: Asterisk) -> None:
    with Session(address(asterisk)) as session:
        assert session.channels() == []
        assert set(session.queues()) == {"support", "sales"}
        # Asterisk's own, and not that of the interface.
        assert release_for(session.asterisk_version()) == release_for(str(asterisk.plan.asterisk))


def test_over_tls_the_certificate_is_checked(asterisk: Asterisk) -> None:
    encrypted = address(asterisk, port=asterisk.plan.manager_port + 1, is_tls=True)
    with Session(replace(encrypted, ca_pem=asterisk.authority.pem)) as session:
        assert session.act("Ping")["Ping"] == "Pong"
    with pytest.raises(PbxTrouble, match="give the authority"):
        Session(encrypted)


@pytest.mark.parametrize(
    ("changed", "cure"),
    [
        ({"secret": "wrong"}, "the secret is not the one"),
        ({"user": "nobody"}, "the secret is not the one"),
        ({"port": 5037}, "Nothing listens"),
        ({"is_tls": True}, "does not speak TLS"),
        ({"host": "no-such-host.invalid"}, "no known name"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(
    asterisk: Asterisk, changed: dict[str, object], cure: str
) -> None:
    with pytest.raises(PbxTrouble, match=cure):
        Session(address(asterisk, **changed))


def test_phones_in_browsers_may_arrive_encrypted(asterisk: Asterisk) -> None:
    """As the balancer asks for them where telephony.phones says wss://."""
    trusted = ssl.create_default_context(cadata=asterisk.authority.pem)
    # The authority is like those of Asterisk's own `ast_tls_cert`: neither balancer nor bridge minds.
    trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection((asterisk.address, asterisk.plan.websocket_port + 1), timeout=20) as line,
        trusted.wrap_socket(line, server_hostname=asterisk.host) as encrypted,
    ):
        encrypted.sendall(
            b"GET /ws HTTP/1.1\r\nHost: pbx\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: sip\r\n\r\n"
        )
        assert encrypted.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_what_the_manager_user_may_not_is_refused_and_the_session_goes_on(asterisk: Asterisk) -> None:
    with Session(address(asterisk)) as session:
        with pytest.raises(Refused, match="does not allow"):
            session.act("Command", Command="core stop now")
        with pytest.raises(ActionRefused):
            session.act("Hangup", Channel="PJSIP/nobody")
        assert session.channels() == []


def test_no_header_becomes_an_action_of_its_own(asterisk: Asterisk) -> None:
    with Session(address(asterisk)) as session, pytest.raises(ValueError, match="line break"):
        session.originate(Channel="PJSIP/100\r\n\r\nAction: Command")


# --- who is no Asterisk


@pytest.fixture
def stranger() -> Iterator[tuple[Address, list[bytes]]]:
    """Says what it is given, after a greeting and for every answer, and then nothing."""
    says: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with line:
            asked = b""
            for text in says:
                line.sendall(text.replace(b"%ID", asked))
                try:
                    asked = re.findall(rb"ActionID: (\S+)", line.recv(65536) + b"ActionID: -")[0]
                except ConnectionResetError:
                    # It was given up before all was heard.
                    return
            line.recv(65536)

    threading.Thread(target=serve, daemon=True).start()
    yield Address("127.0.0.1", listener.getsockname()[1], "korobka", SECRET), says
    listener.close()


GREETING = b"Asterisk Call Manager/11.0.0\r\n"
CHALLENGE = b"Response: Success\r\nChallenge: 1\r\nActionID: %ID\r\n\r\n"
WELCOME = b"Response: Success\r\nMessage: Authentication accepted\r\nActionID: %ID\r\n\r\n"


def test_what_does_not_greet_as_asterisk_is_none(stranger: tuple[Address, list[bytes]]) -> None:
    where, says = stranger
    says.append(b"SSH-2.0-OpenSSH\r\n")
    with pytest.raises(Garbled, match="manager port"):
        Session(where)


def test_a_pbx_that_stalls_is_given_up(
    stranger: tuple[Address, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.bridges.telephony.ami.ANSWERS_WITHIN", 0.3)
    where, says = stranger
    says += [GREETING, b"Response: Suc"]
    with pytest.raises(Stalled, match="in the middle"):
        Session(where)


def test_a_header_without_end_is_bounded(stranger: tuple[Address, list[bytes]]) -> None:
    where, says = stranger
    says += [GREETING, b"Event: X\r\nY: " + b"z" * (LONGEST_RUN + 100_000)]
    with pytest.raises(Garbled, match="bytes"):
        Session(where)


def test_a_header_of_a_megabyte_is_passed_over_and_the_next_event_is_heard(
    stranger: tuple[Address, list[bytes]],
) -> None:
    where, says = stranger
    long = b"Event: Newchannel\r\nCallerIDName: " + b"z" * 2**20 + b"\r\nChannel: PJSIP/100-1\r\n\r\n"
    garbage = b"\x00\xff\xfe no header\r\n: \r\n\r\n"
    says += [GREETING, CHALLENGE, WELCOME + long + garbage + b"Event: Hangup\r\nCause: 16\r\n\r\n"]
    heard: list[Event] = []
    with Session(where) as session:
        while len(heard) < 2:
            heard += session.events(within=20)
    assert [one["Event"] for one in heard] == ["Newchannel", "Hangup"]
    assert heard[0]["Channel"] == "PJSIP/100-1"
    assert len(heard[0].get("CallerIDName", "")) <= LONGEST_LINE


def test_what_came_of_somebody_elses_call_is_no_answer_to_the_box(
    stranger: tuple[Address, list[bytes]],
) -> None:
    """OriginateResponse has a header `Response`, and an ActionID only if its sender gave one."""
    where, says = stranger
    elsewhere = b"Event: OriginateResponse\r\nResponse: Failure\r\nReason: 8\r\n\r\n"
    channels = (
        b"Response: Success\r\nActionID: %ID\r\nEventList: start\r\n\r\n"
        + elsewhere
        + b"Event: CoreShowChannelsComplete\r\nActionID: %ID\r\nEventList: Complete\r\n\r\n"
    )
    pong = b"Response: Success\r\nActionID: %ID\r\nPing: Pong\r\n\r\n"
    says += [GREETING, CHALLENGE, WELCOME, channels, elsewhere + pong]
    with Session(where) as session:
        assert session.channels() == []
        assert session.act("Ping")["Ping"] == "Pong"
        heard = session.events(within=0)
    assert [one["Event"] for one in heard if one["Event"] == "OriginateResponse"] == ["OriginateResponse"] * 2


def test_a_pbx_that_does_not_say_what_belongs_together_is_found_out(
    stranger: tuple[Address, list[bytes]],
) -> None:
    """As the first releases of Asterisk 13: its channels have no Linkedid, and a call would fall apart."""
    where, says = stranger
    begin = b"Response: Success\r\nActionID: %ID\r\nEventList: start\r\n\r\n"
    row = b"Event: CoreShowChannel\r\nActionID: %ID\r\nChannel: PJSIP/100-1\r\nUniqueid: 1.1\r\n\r\n"
    says += [GREETING, CHALLENGE, WELCOME]
    says.append(b"Response: Success\r\nActionID: %ID\r\nAsteriskVersion: 13.1.0\r\n\r\n")
    says.append(begin + row + b"Event: CoreShowChannelsComplete\r\nActionID: %ID\r\n\r\n")
    says.append(begin + b"Event: QueueStatusComplete\r\nActionID: %ID\r\n\r\n")
    old = Pbx(name="old", host=where.host, port=where.port, user=where.user, logs=Pbx.Logs.NONE)
    old.secret = where.secret
    assert [step.text for step in probe(old) if step.title == "Calls and queues"] == [
        "1 channel is open, 0 queues.",
        "This Asterisk does not tell which channels belong to one call: take its last 13.",
    ]


# --- what callers say


@pytest.mark.parametrize(
    "name",
    [
        '"O\'Neil, \\"Bob\\" <x>"',
        '"Robert\'); DROP TABLE calls; --"',
        '"<script>alert(1)</script>"',
        '"Анна"',
    ],
)
def test_a_callers_name_is_only_a_name(asterisk: Asterisk, name: str) -> None:
    bridge = Bridge(asterisk)
    with Session(address(asterisk)) as session:
        client = call_from_outside(asterisk, name=name, seconds=2)
        bridge.listen(session, 5)
        client.wait(timeout=20)
    (call,) = bridge.all
    assert (call.result, call.caller, call.called) == (Result.ANSWERED, "79161234567", "4950000")
    assert call.caller_name


# --- what the dialplan asks and records


@contextmanager
def configured(asterisk: Asterisk, **changes: object) -> Iterator[None]:
    """With another dialplan for a while."""
    before = asterisk.plan
    asterisk.plan = replace(before, **changes)  # type: ignore[arg-type]
    try:
        asterisk.configure()
        asterisk.cli("dialplan reload")
        yield
    finally:
        asterisk.plan = before
        asterisk.configure()
        asterisk.cli("dialplan reload")


class Router:
    def __init__(self, decide: Callable[[Inquiry], Route]) -> None:
        self.route = decide


def answering(asterisk: Asterisk, *, seconds: float = 6) -> list[str]:
    """Who answers a call that comes in now."""
    bridge = Bridge(asterisk)
    with Session(address(asterisk)) as session:
        client = call_from_outside(asterisk, seconds=2)
        bridge.listen(session, seconds)
        client.wait(timeout=30)
    (call,) = bridge.all
    return [leg.endpoint for leg in call.legs.values() if leg.is_called and leg.has_answered]


def test_the_responsible_employee_answers_first(asterisk: Asterisk) -> None:
    asked: list[Inquiry] = []

    def decide(inquiry: Inquiry) -> Route:
        asked.append(inquiry)
        return Route(Way.FIRST, "104")

    server = Server("127.0.0.1", 0, Router(decide))
    try:
        with configured(asterisk, agi_host="127.0.0.1", agi_port=server.port):
            assert answering(asterisk) == ["PJSIP/104"]
    finally:
        server.stop()
    assert [one.caller for one in asked] == ["79161234567"]


def test_without_an_answer_the_call_goes_on_as_if_there_were_no_box(asterisk: Asterisk) -> None:
    decided = threading.Event()

    def hang(inquiry: Inquiry) -> Route:
        decided.wait(60)
        return Route(Way.REFUSE)

    # It hangs for longer than the PBX waits.
    server = Server("127.0.0.1", 0, Router(hang), decides_within=30)
    try:
        with configured(asterisk, agi_host="127.0.0.1", agi_port=server.port):
            assert answering(asterisk, seconds=9) == ["PJSIP/100"]
    finally:
        decided.set()
        server.stop()


def somebody_at(asterisk: Asterisk, number: str, **more: object) -> dict[str, object]:
    """The line rings there."""
    trunks = tuple(replace(one, answers=number, **more) for one in asterisk.plan.trunks)  # type: ignore[arg-type]
    return {"trunks": trunks}


@pytest.mark.parametrize(("weekdays", "who"), [(range(7), "PJSIP/100"), ((), "PJSIP/104")])
def test_outside_working_hours_the_line_rings_elsewhere(
    asterisk: Asterisk, weekdays: Iterable[int], who: str
) -> None:
    today = {now().weekday(), (now() + timedelta(minutes=5)).weekday()}
    open_on = frozenset(weekdays) or frozenset(range(7)) - today
    hours = Hours(clock(0), clock(23, 59), open_on, "Etc/UTC")
    with configured(asterisk, **somebody_at(asterisk, "100", closed="104"), hours=hours):
        assert answering(asterisk) == [who]


def test_a_telephone_that_nobody_answers_forwards(asterisk: Asterisk) -> None:
    phones = tuple(
        replace(one, forwards_to="105", forwards_after=2) if one.number == "101" else one
        for one in asterisk.plan.phones
    )
    with configured(asterisk, **somebody_at(asterisk, "101"), phones=phones):
        assert answering(asterisk, seconds=9) == ["PJSIP/105"]


def test_a_group_rings_in_its_order_and_goes_on_when_nobody_answers(asterisk: Asterisk) -> None:
    group = Queue(
        "night", "790", ("101", "103"), strategy="linear", rings_seconds=2, is_group=True, otherwise="104"
    )
    with configured(asterisk, **somebody_at(asterisk, "790"), queues=(*asterisk.plan.queues, group)):
        assert answering(asterisk, seconds=9) == ["PJSIP/104"]


def test_a_menu_leads_where_the_caller_presses_and_elsewhere_without(asterisk: Asterisk) -> None:
    menu = Menu("800", "beep", {"1": "104"}, otherwise="105")
    with configured(asterisk, menus=(menu,)):
        assert _whom_it_reaches(asterisk, "1") == ["PJSIP/104"]
        # A key that leads nowhere is as good as none.
        assert _whom_it_reaches(asterisk, "7", seconds=20) == ["PJSIP/105"]


def test_what_was_recorded_for_a_menu_is_played(asterisk: Asterisk) -> None:
    """By Asterisk's own reader: it makes as many samples of another format of it, but for its last frame."""
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(b"\1\0" * 2 * RATE)
    (asterisk.data / "spool" / "welcome.wav").write_bytes(read(io.BytesIO(out.getvalue())).content)
    asterisk.cli("file convert /srv/spool/welcome.wav /srv/spool/welcome.ulaw")
    assert 0 <= 2 * RATE - (asterisk.data / "spool" / "welcome.ulaw").stat().st_size < RATE / 50


def _whom_it_reaches(asterisk: Asterisk, key: str, *, seconds: float = 6) -> list[str]:
    """Who calls presses the key after a second, and stays on the line."""
    bridge = Bridge(asterisk)
    waits = "w" * 2 * round(seconds + 5)
    with Session(address(asterisk)) as session:
        asterisk.cli(f"channel originate Local/800@korobka-internal/n application SendDTMF ww{key}{waits}")
        bridge.listen(session, seconds)
        asterisk.cli("channel request hangup all")
        bridge.listen(session, 2)
    legs = [leg for call in bridge.all for leg in call.legs.values()]
    return [leg.endpoint for leg in legs if leg.is_called and leg.has_answered]


def test_a_recording_is_told_of_alike_by_both_streams_and_can_be_collected(asterisk: Asterisk) -> None:
    live, written = Bridge(asterisk), Bridge(asterisk)
    changes = {"records": True, "recording_folder": "/srv/spool/monitor"}
    with (
        configured(asterisk, **changes),
        listening(asterisk) as manager,
        Session(address(asterisk)) as session,
    ):
        manager.call("104", "105")
        manager.answered("105")
        live.listen(session, 1)
        manager.hang_up("/^PJSIP/104-.*$/")
        live.listen(session, 1)
        written.resync(session)
    (one,), (other,) = live.all, written.all
    assert one.recordings == other.recordings
    (file,) = one.recordings
    with Folder(asterisk.data / "spool" / "monitor", "/srv/spool/monitor").open(file) as recording:
        assert recording.read(4) == b"RIFF"


@pytest.mark.parametrize("context", [INTERNAL, RETURN_CONTEXT])
def test_what_was_recorded_before_a_call_is_passed_on_stays_and_the_rest_comes_beside_it(
    asterisk: Asterisk, context: str
) -> None:
    """An outgoing one: the channel that began the call goes, and that of the line is recorded from there."""
    bridge = Bridge(asterisk)
    with (
        configured(asterisk, records=True, recording_folder="/srv/spool/monitor"),
        listening(asterisk) as manager,
        Session(address(asterisk)) as session,
    ):
        manager.call("104", "79161234567")
        line = manager.answered("line")
        bridge.listen(session, 2)
        after = len(manager.heard)
        manager.act(Action="Redirect", Channel=line, Context=context, Exten="105", Priority=1)
        manager.answered("105", after=after)
        bridge.listen(session, 2)
        manager.hang_up("/^PJSIP/105-.*$/")
        bridge.listen(session, 2)
    (call,) = bridge.all
    assert len(call.recordings) == len(set(call.recordings)) == 2
    for file in call.recordings:
        with Folder(asterisk.data / "spool" / "monitor", "/srv/spool/monitor").open(file) as recording:
            assert recording.read(4) == b"RIFF"


# --- interruptions


def test_what_happened_while_the_bridge_was_away_is_read_up(asterisk: Asterisk) -> None:
    bridge = Bridge(asterisk)
    with listening(asterisk) as manager:
        with Session(address(asterisk)) as session:
            manager.call("104", "100")
            manager.answered("100")
            bridge.listen(session, 0.5)
        # Away: one call ends, and another comes and goes.
        manager.hang_up("/^PJSIP/104-.*$/")
        asterisk.idle()
        manager.call("105", "103")
        manager.wait_for("Event: Hangup", "PJSIP/105-")
        asterisk.idle()
    bridge.hear(0.5)
    assert [(call.result, call.is_estimated, call.is_open) for call in bridge.all] == [
        (Result.ANSWERED, False, False),
        (Result.BUSY, False, False),
    ]


def test_a_killed_asterisk_leaves_no_call_open(asterisk: Asterisk) -> None:
    bridge = Bridge(asterisk)
    with listening(asterisk) as manager, Session(address(asterisk)) as session:
        manager.call("104", "100")
        manager.answered("100")
        bridge.listen(session, 0.5)
        asterisk.kill()
        with pytest.raises(PbxTrouble, match="lost"):
            bridge.listen(session, 5)
    asterisk.start()
    bridge.hear(0.5)
    (call,) = bridge.all
    # Nobody has written down when it ended.
    assert (call.result, call.is_estimated, call.is_open) == (Result.ANSWERED, True, False)


def test_two_hundred_calls_agree_with_the_pbxs_own_records(asterisk: Asterisk) -> None:
    """20 new calls a second; in the long form for two minutes, with 200 at once."""
    seconds, talk = (120, 9) if is_thorough() else (6, 2)
    bridge = Bridge(asterisk)
    records = load.written_from_now(asterisk.cdr_file)
    with listening(asterisk) as manager, Session(address(asterisk)) as session:
        count = load.place(
            manager, seconds=seconds, talk=talk, meanwhile=lambda _passed: bridge.listen(session, 0.05)
        )
        bridge.listen(session, talk + 4)
    asterisk.idle()
    ours = [Known(one.key, one.result, one.started_at, one.ended_at, one.is_estimated) for one in bridge.all]
    assert len(ours) == count
    assert list(load.disagreements(ours, load.records(records()))) == []
