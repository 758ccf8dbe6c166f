"""The browser is the telephone: on a real Asterisk, by way of the box's balancer, with sound both ways; also
over a reload, through a relay, and from one network into another."""

from __future__ import annotations

import itertools
import math
import socket
import wave
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.boxes import Box, until
from tests.e2e.browser import CHROMIUM, FOREIGN_SITE, profile_at
from tests.e2e.people import Person
from tests.e2e.personnel import Personnel
from tests.e2e.portal import Portal
from tests.e2e.test_calls import connect
from tests.e2e.words import EN, Words
from tests.telephony.asterisk import Asterisk
from tests.telephony.phones import call_from_outside
from tests.telephony.roaming import Roaming
from tests.telephony.test_relays import SECRET, relayed
from tests.telephony.wire import wired

RUSSIAN = {
    "Answer": "Ответить",
    "Hang up": "Положить трубку",
    "Is on hold": "На удержании",
    "Put on hold": "Поставить на удержание",
    "answered": "отвечен",
}
KEPT = {
    "calls_responsible_first": "on", "calls_answers_within": "20", "calls_call_back_within": "60",
    "calls_makes_leads": "none", "calls_recordings_kept": "180",
}  # fmt: skip
"""The settings of calls as they are elsewhere: what a form does not name is emptied."""
NUMBER = "4950002"
SPEAKS = 440
WHISTLES = 1000
HEARD = """async () => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096 });
  context.createMediaStreamSource(document.querySelector("call-phone audio").srcObject).connect(analyser);
  await new Promise((done) => setTimeout(done, 1000));
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const loudest = levels.indexOf(Math.max(...levels));
  const found = [(loudest * context.sampleRate) / analyser.fftSize, levels[loudest]];
  await context.close();
  return found;
}"""
"""The loudest frequency that arrives, in hertz, and how loud it is, in decibels of the most there can be."""


RELAYED_ONLY = """window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(given) { super({ ...given, iceTransportPolicy: "relay" }); (window.lines ??= []).push(this); }
};"""
"""As where nothing but the relay is reached. Without one no sound finds its way at all."""
ROADS = """async () => {
  const stats = await window.lines.at(-1).getStats();
  const pairs = [...stats.values()].filter((one) => one.type === "candidate-pair" && one.nominated);
  return [...new Set(pairs.map((one) => stats.get(one.localCandidateId).candidateType))];
}"""
"""The kinds of ways by which the sound goes."""
WATCHED = """window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(given) { super(given); (window.lines ??= []).push(this); }
};"""
FROM = """async () => {
  const stats = await window.lines.at(-1).getStats();
  const road = [...stats.values()].find((one) => one.type === "transport");
  const pair = stats.get(road?.selectedCandidatePairId);
  return stats.get(pair?.localCandidateId)?.address ?? "";
}"""
"""The address from which the sound goes."""
LOST = {
    f"net::ERR_{word}"
    for word in (
        "INTERNET_DISCONNECTED",
        "ADDRESS_UNREACHABLE",
        "TIMED_OUT",
        "CONNECTION_CLOSED",
        "CONNECTION_RESET",
        "CONNECTION_ABORTED",
        "NAME_NOT_RESOLVED",
        "NETWORK_IO_SUSPENDED",
        "FAILED",
        "CONNECTION_TIMED_OUT",
    )
} | {"htmx:afterRequest", "htmx:sendError"}


@pytest.fixture
def pbx(box: Box, asterisk: Asterisk) -> Iterator[Asterisk]:
    asterisk.cli(f'dialplan add extension {NUMBER},1,Dial,"PJSIP/120,60" into korobka-incoming')
    box.boxctl("config", "set", "telephony.enabled", "true")
    box.boxctl("config", "set", "telephony.phones", f"office={asterisk.address}:8088")
    yield asterisk
    box.boxctl("config", "set", "telephony.phones", "")
    box.boxctl("config", "set", "telephony.enabled", "false")


@pytest.fixture
def anna(
    box: Box,
    browser: Browser,
    personnel: Personnel,
    visitor: Callable[..., Person],
    words: Words,
    tmp_path: Path,
) -> Iterator[Person]:
    """With a microphone in which a tone is heard all the time."""
    person = visitor("Anna", words=words)
    person.pk, portal = personnel.employ(
        person.login, first_name="Anna", last_name="Test", language=words.language
    )
    with speaking(person, browser, box, tmp_path):
        person.is_signed_in_as(portal)
        yield person


@contextmanager
def speaking(
    person: Person, browser: Browser, box: Box, folder: Path, *flags: str, program: str = CHROMIUM
) -> Iterator[None]:
    """In a Chromium of their own, whose microphone hears a tone all the time."""
    tone = folder / "tone.wav"
    with wave.open(str(tone), "wb") as out:
        out.setparams((1, 2, 48_000, 0, "NONE", ""))
        out.writeframes(
            array("h", (round(12_000 * math.sin(2 * math.pi * SPEAKS * n / 48_000)) for n in range(480_000)))
        )
    flags += (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={tone}",
    )
    home = folder / "home"
    home.mkdir()
    locale = "en-GB" if person.words is EN else "ru-RU"
    with profile_at(home, browser.browser_type, box, *flags, program=program, locale=locale) as (
        context,
        watch,
    ):
        person.context, person.watch, person.page = context, watch, context.new_page()
        yield


@pytest.fixture
def roaming() -> Iterator[Roaming]:
    computer = Roaming()
    yield computer
    computer.ends()


def level(file: Path, hertz: int) -> float:
    """How much of what is recorded is this tone, 0 to 1: Goertzel over its last second."""
    with wave.open(str(file)) as sound:
        rate, frames = sound.getframerate(), sound.getnframes()
        sound.setpos(max(0, frames - rate))
        samples = array("h", sound.readframes(rate))
    if not samples or not any(samples):
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    last = before = 0.0
    for sample in samples:
        last, before = sample + coefficient * last - before, last
    power = last**2 + before**2 - coefficient * last * before
    return float(power / (len(samples) / 2 * sum(sample**2 for sample in samples)))


def is_whole(file: Path) -> bool:
    """Asterisk writes how long it is when it closes it: before, the file says that it has nothing."""
    try:
        with wave.open(str(file)) as sound:
            frames: int = sound.getnframes()
    except (wave.Error, EOFError):
        return False
    return frames > 0


def channel(pbx: Asterisk) -> str:
    lines = pbx.cli("core show channels concise").splitlines()
    return next((line.partition("!")[0] for line in lines if line.startswith("PJSIP/120-")), "")


def expect_sound_both_ways(pbx: Asterisk, page: Page, name: str) -> None:
    def is_whistling() -> bool:
        hertz, loud = page.evaluate(HEARD)
        return bool(abs(hertz - WHISTLES) < 25 and loud > -50)

    tries = itertools.count()

    def is_speaking() -> bool:
        """A machine that has much to do at the moment drops a part of what is said."""
        file = f"{name}-{next(tries)}"
        heard = pbx.data / "spool" / f"{file}.wav"
        pbx.cli(f"mixmonitor start {channel(pbx)} /srv/spool/{file}-both.wav,r(/srv/spool/{file}.wav)")
        until(lambda: heard.exists() and heard.stat().st_size > 40_000)
        pbx.cli(f"mixmonitor stop {channel(pbx)}")
        until(lambda: is_whole(heard))
        return level(heard, SPEAKS) > 0.5

    until(is_whistling, patience=60)
    until(is_speaking, patience=60)


def own_address() -> str:
    """Of an interface beside the loopback one, which browsers leave out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        # Nothing is sent.
        line.connect(("192.0.2.1", 9))
        found: str = line.getsockname()[0]
    return found


def sits(anna: Person, administrator: Person, pbx: Asterisk, box: Box) -> None:
    """At 120, in her browser."""
    page = administrator.page
    connect(page, pbx, lambda text: text)
    page.locator(".tabs a").nth(1).click()
    page.locator("[name=hold_context]").fill("korobka-hold")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    page.locator(".tabs a").nth(2).click()
    page.locator("[name=number]").fill("120")
    page.locator("[name=person]").fill(anna.login.login)
    page.locator("[name=in_browser]").check()
    page.locator("form").filter(has=page.locator("[name=number]")).get_by_role("button").click()
    expect(page.locator(".rows")).to_contain_text("in the browser")
    until(lambda: "heard of 2" in box.boxctl("telephony", "status"))


def test_a_client_is_answered_in_the_browser_and_heard_over_a_reload(
    pbx: Asterisk, administrator: Person, anna: Person, olga: Portal, box: Box, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    sits(anna, administrator, pbx, box)
    # Nobody comes near the PBX without a ticket, however it is signed.
    # (A connection that was open before is answered once more by the balancer as it was set up then.)
    until(lambda: olga.get("/phone/office").status != 404)
    for ticket in ("", "?ticket=x.y.z"):
        assert olga.get(f"/phone/office{ticket}").status == 403

    first = anna.open("/feed/")
    expect(first.locator("call-phone[data-ready]")).to_be_attached()
    second = anna.context.new_page()
    second.goto("/notifications/")
    expect(second.locator("call-phone[data-ready]")).to_be_attached()
    client = call_from_outside(pbx, NUMBER, seconds=90, whistles=True)
    for tab in (first, second):
        expect(tab.locator(".phone-call")).to_contain_text("Client")
    # Whichever tab one works in: the line is in the other.
    second.get_by_role("button", name=say("Answer"), exact=True).click()
    expect(first.locator(".phone-call[data-phase=talks]")).to_be_visible()
    second.close()
    expect_sound_both_ways(pbx, first, "first")

    anna.marks_the_page()
    first.locator(".menu-list a[data-entry=calls]").click()
    expect(first.locator("main h1")).to_be_visible()
    anna.expect_the_same_page()
    expect(first.locator(".phone-call[data-phase=talks]")).to_be_visible()

    before = channel(pbx)
    first.reload()
    expect(first.locator(".phone-call[data-phase=talks]")).to_be_visible()
    assert channel(pbx) != before
    expect_sound_both_ways(pbx, first, "second")

    first.locator(".phone-call").get_by_role("button", name=say("Put on hold")).click()
    expect(first.locator(".phone-call")).to_contain_text(say("Is on hold"))
    first.locator(".phone-call").get_by_role("button", name=say("Hang up")).click()
    expect(first.locator(".phone-call")).to_have_count(0)
    client.wait(timeout=60)
    first.goto("/calls/")
    # One call, though its sound was lost and found.
    expect(first.locator("[data-row]")).to_have_count(1)
    # The PBX tells of the end a moment after the telephone is silent.
    until(lambda: first.reload() and say("answered") in first.locator("[data-row]").inner_text())


def test_a_client_is_heard_through_a_relay_where_nothing_else_is_reached(
    pbx: Asterisk,
    administrator: Person,
    anna: Person,
    olga: Portal,
    box: Box,
    words: Words,
    tmp_path: Path,
) -> None:
    say = words.saying(RUSSIAN)
    address = own_address()
    with relayed(tmp_path, address) as port:
        olga.choose("calls", calls_relays=f"turn:{address}:{port}", calls_relays_secret=SECRET, **KEPT)
        try:
            sits(anna, administrator, pbx, box)
            anna.context.add_init_script(RELAYED_ONLY)
            page = anna.open("/feed/")
            expect(page.locator("call-phone[data-ready]")).to_be_attached()
            client = call_from_outside(pbx, NUMBER, seconds=90, whistles=True)
            page.get_by_role("button", name=say("Answer"), exact=True).click()
            expect(page.locator(".phone-call[data-phase=talks]")).to_be_visible()
            expect_sound_both_ways(pbx, page, "relayed")
            assert page.evaluate(ROADS) == ["relay"]
            page.locator(".phone-call").get_by_role("button", name=say("Hang up")).click()
            expect(page.locator(".phone-call")).to_have_count(0)
            client.wait(timeout=60)
        finally:
            olga.choose("calls", **KEPT)


@pytest.fixture
def traveller(
    roaming: Roaming,
    box: Box,
    browser: Browser,
    personnel: Personnel,
    visitor: Callable[..., Person],
    words: Words,
    tmp_path: Path,
) -> Iterator[Person]:
    """Anna, with her browser on a computer that goes from one network into another."""
    person = visitor("Anna", words=words)
    person.pk, portal = personnel.employ(
        person.login, first_name="Anna", last_name="Test", language=words.language
    )
    gate = f"{roaming.network(1)}.1"
    # The first of two such flags would not count.
    leads = f"--host-resolver-rules=MAP {FOREIGN_SITE} 127.0.0.1, MAP localhost {gate}"
    with (
        wired("127.0.0.1", box.port, near=(gate, box.port)),
        speaking(person, browser, box, tmp_path, leads, program=roaming.program(tmp_path)),
    ):
        # What is under way where the network ends is lost, and comes again.
        person.watch.tolerated |= LOST
        person.is_signed_in_as(portal)
        person.context.add_init_script(WATCHED)
        yield person


def test_a_call_goes_on_in_another_network(
    pbx: Asterisk, roaming: Roaming, traveller: Person, administrator: Person, box: Box, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    sits(traveller, administrator, pbx, box)
    page = traveller.open("/feed/")
    expect(page.locator("call-phone[data-ready]")).to_be_attached()
    client = call_from_outside(pbx, NUMBER, seconds=180, whistles=True)
    page.get_by_role("button", name=say("Answer"), exact=True).click()
    expect(page.locator(".phone-call[data-phase=talks]")).to_be_visible()
    expect_sound_both_ways(pbx, page, "here")
    assert page.evaluate(FROM) == f"{roaming.network(1)}.2"

    before = channel(pbx)
    roaming.moves(2)
    until(lambda: page.evaluate(FROM) == f"{roaming.network(2)}.2", patience=60)
    expect_sound_both_ways(pbx, page, "there")
    assert channel(pbx) == before
    # Who hangs up on the other side finds her where she is now.
    pbx.cli(f"channel request hangup {before}")
    expect(page.locator(".phone-call")).to_have_count(0)
    client.wait(timeout=60)

    roaming.moves(1, is_unplugged=True)
    expect(page.locator("call-phone[data-ready]")).to_have_count(0)
    expect(page.locator("call-phone[data-ready]")).to_be_attached()
    call_from_outside(pbx, NUMBER, seconds=5)
    page.get_by_role("button", name=say("Answer"), exact=True).click()
    expect(page.locator(".phone-call[data-phase=talks]")).to_be_visible()
