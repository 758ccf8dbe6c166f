"""A working day with the telephone: the client's card while it rings, what one does with the call, and what
is left of it. With a real Asterisk, on which telephones pick up by themselves."""

from __future__ import annotations

import csv
import io
import math
import re
import secrets
import subprocess
import wave
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from box.bridges.telephony.dialplan import RECORDING as TELLS
from tests import require
from tests.e2e.accessibility import problems
from tests.e2e.boxes import Box, until
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.test_calls import connect
from tests.e2e.test_phone import is_whole, level
from tests.e2e.words import EN, RU, Words
from tests.telephony.asterisk import Asterisk
from tests.telephony.phones import call_from_outside

RUSSIAN = {
    "Calls you": "Звонит вам",
    "Is on hold": "На удержании",
    "You are talking": "Идёт разговор",
    "rings": "звонит",
    "talks": "говорит",
    "answered": "отвечен",
    "did not answer": "без ответа",
    "talked": "участник разговора",
    "{} answers": "Ответ: {}",
    "Rings at: {}": "Звонит у: {}",
    "The call is over": "Звонок завершён",
}
NUMBER, ASKED, RECORDED, GREETED = "4950003", "4950004", "4950005", "4950006"
TALKS = 600
"""Seconds: the client stays on the line until somebody ends the call."""


@dataclass
class Desk:
    """A PBX that the box is connected with, at whose telephones these people sit."""

    pbx: Asterisk
    page: Page
    """Of the administrator."""
    place: str
    """Where it is set up."""

    def sits(self, box: Box, *pairs: tuple[str, Person]) -> None:
        self.page.goto(f"{self.place}extensions/")
        self.page.locator("details", has=self.page.locator("[name=table]")).locator("summary").click()
        table = "\n".join(f"{number};{person.login.login}" for number, person in pairs)
        self.page.locator("[name=table]").fill(table)
        self.page.locator("form", has=self.page.locator("[name=table]")).locator("[type=submit]").click()
        expect(self.page.locator(".rows")).to_contain_text(pairs[0][1].name)
        # Otherwise it reads "never heard of".
        until(lambda: "heard of 2" in box.boxctl("telephony", "status"))

    def picks_up(self, number: str, *, ringing: str) -> None:
        """Somebody takes the call that rings at another's telephone."""
        channels = self.pbx.cli("core show channels concise").splitlines()
        (found,) = (line.partition("!")[0] for line in channels if line.startswith(f"PJSIP/{ringing}-"))
        self.pbx.cli(f"channel originate PJSIP/{number} application PickupChan {found}")


@pytest.fixture
def desk(box: Box, asterisk: Asterisk, administrator: Person) -> Iterator[Desk]:
    """The number rings at 101, which nobody picks up; 100 and 105 pick up by themselves."""
    asterisk.cli(f'dialplan add extension {NUMBER},1,Dial,"PJSIP/101,90,tT" into korobka-incoming')
    box.boxctl("config", "set", "telephony.enabled", "true")
    page = administrator.page
    connect(page, asterisk, lambda text: text)
    page.locator(".tabs a").nth(1).click()
    page.locator("[name=hold_context]").fill("korobka-hold")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    yield Desk(asterisk, page, re.sub(r"numbers/$", "", page.url))
    box.boxctl("config", "set", "telephony.enabled", "false")


def new_client(person: Person, name: str, *observers: Person) -> str:
    """A contact of theirs, whom observers see as well; the number, as a provider sends it."""
    number = f"79{secrets.randbelow(10**9):09}"
    answer = person.hand.post(
        "/crm/contact/new/",
        first_name="Rosa",
        last_name=name,
        **{"point-kind": "phone", "point-use": "mobile", "point-value": f"+{number}"},
        responsible=f"U{person.pk}",
        observers=[f"U{one.pk}" for one in observers],
        nonce=str(uuid4()),
    )
    assert answer.status == 302, answer.data.decode()
    return number


def card_of(person: Person, name: str) -> Page:
    """Of their client, open."""
    page = person.open("/crm/contact/")
    page.locator(".list-first a", has_text=name).click()
    expect(page.locator("#crm-timeline")).to_be_visible()
    expect(page.locator("body[data-listening]")).to_be_attached()
    return page


def popup(page: Page) -> Locator:
    return page.locator(".call-popup")


def talks(page: Page) -> Locator:
    return page.locator(".call-popup[data-state=talks]")


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_call_is_picked_up_held_passed_on_and_told_afterwards(
    desk: Desk, employee: Callable[..., Person], olga: Portal, box: Box, language: Words
) -> None:
    def say(text: str) -> str:
        return RUSSIAN[text] if language is RU else text

    name = f"Rose{secrets.token_hex(3)}"
    # Others of this box have these first names as well.
    anna, boris, cara = (employee(one, f"of {name}", words=language) for one in ("Anna", "Boris", "Cara"))
    desk.sits(box, ("100", boris), ("101", anna), ("105", cara))
    number = new_client(anna, name)
    at_anna, at_boris, at_cara = (one.open("/feed/") for one in (anna, boris, cara))
    for page in (at_anna, at_boris, at_cara):
        expect(page.locator("body[data-listening]")).to_be_attached()
    board = desk.page
    board.goto("/calls/wallboard/")

    # It rings at Anna's, with the client's card; everybody else is left in peace.
    client = call_from_outside(desk.pbx, NUMBER, caller=number, seconds=TALKS)
    expect(popup(at_anna)).to_contain_text(say("Calls you"))
    expect(popup(at_anna).locator(".object-card")).to_contain_text(name)
    expect(popup(at_boris)).to_have_count(0)
    seat = board.locator(".call-seats > li")
    expect(seat.filter(has_text=anna.name)).to_contain_text("rings")
    settled(at_anna)
    assert problems(at_anna) == []

    # Boris takes it from his own telephone, and Anna's card goes.
    desk.picks_up("100", ringing="101")
    expect(popup(at_anna)).to_have_count(0)
    expect(talks(at_boris)).to_contain_text(say("You are talking"))
    expect(seat.filter(has_text=boris.name)).to_contain_text("talks")
    expect(seat.filter(has_text=anna.name)).to_contain_text("free")

    # On hold, and back.
    talks(at_boris).locator("[hx-post$='/waiting/']").click()
    held = at_boris.locator(".call-popup[data-state=holds]")
    expect(held).to_contain_text(say("Is on hold"))
    settled(at_boris)
    assert problems(at_boris) == []
    held.locator("[hx-post$='/waiting/']").click()
    expect(talks(at_boris)).to_have_count(1)

    # To Cara, who hangs up from the card.
    talks(at_boris).locator("details summary").click()
    talks(at_boris).locator("[name=number]").fill("105")
    talks(at_boris).locator("button[value=blind]").click()
    expect(talks(at_cara)).to_have_count(1)
    expect(popup(at_boris)).to_have_count(0)
    talks(at_cara).locator("[hx-post$='/end/']").click()
    expect(popup(at_cara)).to_have_count(0)
    client.wait(timeout=60)

    # One call, with everybody's part in it.
    page = boris.open("/calls/")
    row = page.locator("[data-row]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(say("answered"))
    assert problems(page) == []
    row.locator("a").first.click()
    people = page.locator(".call-people > li")
    expect(people).to_have_count(3)
    expect(people.filter(has_text=anna.name)).to_contain_text(say("did not answer"))
    for talked in (boris, cara):
        expect(people.filter(has_text=talked.name)).to_contain_text(say("talked"))
    course = page.locator(".call-timeline").inner_text()
    steps = [
        say("Rings at: {}").format(anna.name),
        say("{} answers").format(boris.name),
        say("{} answers").format(cara.name),
        say("The call is over"),
    ]
    assert [course.find(step) for step in steps] == sorted(course.find(step) for step in steps)
    assert -1 not in {course.find(step) for step in steps}
    page.locator("[name=note]").fill("Wants red ones.")
    page.locator("form", has=page.locator("[name=note]")).locator("[type=submit]").click()
    expect(page.locator("[name=note]")).to_have_value("Wants red ones.")
    settled(page)
    assert problems(page) == []

    # What is on the wall and in the report counts it, to the table.
    expect(seat.filter(has_text=cara.name)).to_contain_text("free")
    assert problems(board) == []
    board.goto("/calls/reports/")
    expect(board.locator("#by-person, [aria-labelledby=by-person]").first).to_contain_text(boris.name)
    assert problems(board) == []
    table = olga.get("/calls/reports/table/?of=people&as=csv").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(table), delimiter=";" if ";" in table.partition("\n")[0] else ","))
    (of_boris,) = (one for one in rows if one[0] == boris.name)
    (of_anna,) = (one for one in rows if one[0] == anna.name)
    assert of_boris[1:3] == ["1", "0"]
    # It counts against nobody that somebody else was quicker.
    assert of_anna[1:3] == ["0", "0"]


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_number_is_clicked_and_the_client_is_called(
    desk: Desk, employee: Callable[..., Person], box: Box, language: Words
) -> None:
    def say(text: str) -> str:
        return RUSSIAN[text] if language is RU else text

    boris = employee("Boris", words=language)
    desk.sits(box, ("100", boris))
    name = f"Rose{secrets.token_hex(3)}"
    number = new_client(boris, name)
    page = boris.open("/crm/contact/")
    expect(page.locator("body[data-listening]")).to_be_attached()
    expect(page.locator("call-bar [data-can-dial=yes]")).to_be_attached()
    page.locator(f"a[href='tel:+{number}']").first.click()
    expect(talks(page)).to_contain_text(say("You are talking"))
    expect(talks(page)).to_contain_text(name)
    # Until the client has answered there is nobody to pass on.
    expect(talks(page).locator("button[value=blind]")).to_be_attached()
    talks(page).locator("[hx-post$='/end/']").click()
    expect(popup(page)).to_have_count(0)
    page.goto("/calls/")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("[data-row]")).to_contain_text(say("answered"))


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_call_is_passed_on_once_the_colleague_has_been_asked(
    desk: Desk, employee: Callable[..., Person], box: Box, language: Words
) -> None:
    def say(text: str) -> str:
        return RUSSIAN[text] if language is RU else text

    name = f"Rose{secrets.token_hex(3)}"
    boris, cara = (employee(one, f"of {name}", words=language) for one in ("Boris", "Cara"))
    desk.sits(box, ("100", boris), ("105", cara))
    number = new_client(boris, name, cara)
    desk.pbx.cli(f'dialplan add extension {ASKED},1,Dial,"PJSIP/100,60,tT" into korobka-incoming')
    at_boris, at_cara = (one.open("/feed/") for one in (boris, cara))
    for page in (at_boris, at_cara):
        expect(page.locator("body[data-listening]")).to_be_attached()
    client = call_from_outside(desk.pbx, ASKED, caller=number, seconds=TALKS)
    expect(talks(at_boris)).to_contain_text(name)
    talks(at_boris).locator("details summary").click()
    talks(at_boris).locator("[name=number]").fill("105")
    talks(at_boris).locator("button[value=attended]").click()
    # The client waits while the two talk; when Boris hangs up, Cara has the client.
    expect(talks(at_cara)).to_have_count(1)
    expect(talks(at_boris)).to_have_count(1)
    talks(at_boris).locator("[hx-post$='/end/']").click()
    expect(popup(at_boris)).to_have_count(0)
    expect(talks(at_cara)).to_contain_text(name)
    expect(talks(at_cara)).to_contain_text(say("You are talking"))
    assert client.poll() is None
    talks(at_cara).locator("[hx-post$='/end/']").click()
    expect(popup(at_cara)).to_have_count(0)
    client.wait(timeout=60)

    page = boris.open("/calls/")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("[data-row] a").first.click()
    people = page.locator(".call-people > li")
    expect(people).to_have_count(2)
    for one in (boris, cara):
        expect(people.filter(has_text=one.name)).to_contain_text(say("talked"))


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_missed_call_waits_on_the_clients_card_until_somebody_has_called_back(
    desk: Desk, employee: Callable[..., Person], box: Box, language: Words
) -> None:
    name = f"Rose{secrets.token_hex(3)}"
    anna, boris = (employee(one, f"of {name}", words=language) for one in ("Anna", "Boris"))
    desk.sits(box, ("100", boris), ("101", anna))
    number = new_client(boris, name, anna)
    at_anna, card = anna.open("/feed/"), card_of(boris, name)
    expect(at_anna.locator("body[data-listening]")).to_be_attached()
    step = card.locator(".crm-step")
    expect(step).to_have_count(0)

    caller = call_from_outside(desk.pbx, NUMBER, caller=number, seconds=1)
    expect(popup(at_anna)).to_contain_text(name)
    caller.kill()
    desk.pbx.cli("channel request hangup all")
    expect(at_anna.locator("#counter-calls")).to_have_text("1")
    # In the company's language, as everything that all read.
    expect(step).to_contain_text("Call back")
    settled(card)
    assert problems(card) == []

    expect(card.locator("call-bar [data-can-dial=yes]")).to_be_attached()
    card.locator(f"a[href='tel:+{number}']").first.click()
    expect(talks(card).locator("button[value=blind]")).to_be_attached()
    talks(card).locator("[hx-post$='/end/']").click()
    expect(popup(card)).to_have_count(0)
    expect(step).to_have_count(0)
    expect(at_anna.locator("#counter-calls")).to_have_text("")
    expect(card.locator("#crm-timeline .crm-entry", has_text="Call back")).to_have_count(1)
    expect(card.locator("#crm-timeline .crm-entry", has_text="Outgoing call")).to_have_count(1)


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_what_was_said_is_heard_on_the_clients_card_by_whoever_may(
    desk: Desk, employee: Callable[..., Person], box: Box, language: Words
) -> None:
    name = f"Rose{secrets.token_hex(3)}"
    boris, cara = (employee(one, f"of {name}", words=language) for one in ("Boris", "Cara"))
    desk.sits(box, ("100", boris))
    number = new_client(boris, name, cara)
    folder = desk.pbx.data / "monitor"
    desk.page.goto(f"{desk.place}numbers/")
    desk.page.locator("[name=recordings_here]").fill(str(folder))
    desk.page.locator("[name=recordings_there]").fill("/srv/monitor")
    desk.page.get_by_role("button", name="Save", exact=True).click()
    expect(desk.page.get_by_text("The rules are saved.")).to_be_visible()
    # As the box's configuration of a PBX has it.
    file = f"/srv/monitor/{name}.wav"
    steps = (f"MixMonitor,{file}", f'UserEvent,"{TELLS},File: {file}"', 'Dial,"PJSIP/100,60,tT"')
    for place, step in enumerate(steps, start=1):
        desk.pbx.cli(f"dialplan add extension {RECORDED},{place},{step} into korobka-incoming")
    card = card_of(boris, name)
    call_from_outside(desk.pbx, RECORDED, caller=number, seconds=4, whistles=True).wait(timeout=60)

    # It comes by itself once the PBX has written it and the box has fetched it.
    player = card.locator("#crm-timeline call-recording")
    expect(player).to_be_visible(timeout=240_000)
    loud = [int(one) for one in str(player.get_attribute("data-bars")).split()]
    assert max(loud) > 20
    player.locator("select").select_option("2")
    player.locator("canvas").click(position={"x": 4, "y": 20})
    sound = player.locator("audio")
    until(lambda: sound.evaluate("one => one.currentTime > 0.5 && !one.error"))
    assert sound.evaluate("one => [one.playbackRate, one.duration > 3]") == [2, True]
    settled(card)
    assert problems(card) == []

    # Who sees the client sees the call, and hears nothing of it.
    colleague = card_of(cara, name)
    expect(colleague.locator("#crm-timeline .crm-entry", has_text="Incoming call")).to_have_count(1)
    expect(colleague.locator("call-recording")).to_have_count(0)
    address = sound.get_attribute("src")
    assert cara.hand.get(str(address)).status == 404


def stereo(*, seconds: int) -> bytes:
    """As it comes from a studio."""
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(44_100)
        written.writeframes(bytes(4 * 44_100 * seconds))
    return out.getvalue()


def song(*, seconds: int, hertz: int) -> bytes:
    """An MP3 of a tone."""
    require.programs("lame", cure="apt-get install lame")
    tone = io.BytesIO()
    with wave.open(tone, "wb") as out:
        out.setparams((2, 2, 44_100, 0, "NONE", ""))
        waves = (round(12_000 * math.sin(2 * math.pi * hertz * n / 44_100)) for n in range(44_100 * seconds))
        out.writeframes(array("h", (side for one in waves for side in (one, one))).tobytes())
    encode = ["lame", "--quiet", "-b", "128", "-", "-"]
    made: bytes = subprocess.run(
        encode, input=tone.getvalue(), capture_output=True, check=True, timeout=60
    ).stdout
    return made


def test_what_callers_of_a_menu_hear_is_chosen_in_the_portal_and_fetched_by_the_pbx(
    desk: Desk, employee: Callable[..., Person], box: Box
) -> None:
    page, menu, pbx = desk.page, f"menu{secrets.token_hex(2)}", desk.pbx
    desk.sits(box, ("100", employee("Boris")))
    page.goto(f"{desk.place}menus/new/")
    page.locator("[name=name]").fill(menu)
    page.locator("[name=number]").fill(f"{secrets.randbelow(9000) + 80000}")
    page.locator("[name=key-1]").select_option("100")
    hello = FilePayload(name="hello.mp3", mimeType="audio/mpeg", buffer=song(seconds=3, hertz=1000))
    page.locator("[name=prompt]").set_input_files(hello)
    page.wait_for_function("() => document.querySelector('[name=prompt]').files[0].name === 'hello.wav'")
    settled(page)
    assert problems(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name=menu, exact=True)).to_be_visible()

    page.goto(f"{desk.place}configuration/")
    page.locator("[name=boxes]").fill("127.0.0.1")
    page.get_by_role("button", name="Show", exact=True).click()
    script = page.locator(".call-file", has=page.locator("summary", has_text="korobka_sounds.sh")).locator(
        "pre"
    )
    (pbx.data / "sounds.sh").write_text(str(script.text_content()))
    (pbx.data / "keys" / "box.crt").write_bytes(box.ca_file.read_bytes())
    # The PBX trusts the company's authority, as IT sees to.
    said = pbx.run("env", "CURL_CA_BUNDLE=/srv/keys/box.crt", "sh", "/srv/sounds.sh")
    fetched = pbx.data / "share/sounds/korobka" / f"{menu}.wav"
    assert fetched.exists(), said
    with wave.open(str(fetched)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert abs(sound.getnframes() - 24_000) < 1_000
    assert level(fetched, 1000) > 0.5

    # And a caller hears it, by the name that the dialplan has for it.
    steps = ("Answer", "MixMonitor,/srv/spool/heard.wav", f"Background,korobka/{menu}", "Hangup")
    for place, step in enumerate(steps, start=1):
        pbx.cli(f"dialplan add extension {GREETED},{place},{step} into korobka-incoming")
    call_from_outside(pbx, GREETED, seconds=8).wait(timeout=60)
    heard = pbx.data / "spool/heard.wav"
    until(lambda: is_whole(heard))
    assert level(heard, 1000) > 0.5


def test_a_line_and_a_queue_are_set_up_and_become_the_pbxs_configuration(
    desk: Desk, administrator: Person
) -> None:
    # What cannot be taken is said on the form.
    administrator.watch.tolerated.add("422")
    page, line, queue = desk.page, f"line{secrets.token_hex(2)}", f"desk{secrets.token_hex(2)}"
    number = f"{secrets.randbelow(9000) + 70000}"
    page.goto(f"{desk.place}trunks/")
    page.locator("a[href$='/queues/new/']").click()
    page.locator("[name=name]").fill(queue)
    page.locator("[name=number]").fill(number)
    page.locator("[name=members]").fill("100 x")
    settled(page)
    assert problems(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("“x” is no extension")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value(queue)
    page.locator("[name=members]").fill("100 101")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#trunks-queues")).to_be_visible()

    page.locator("a[href$='/lines/new/']").click()
    page.locator("[name=name]").fill(line)
    page.locator("[name=host]").fill("sip.provider.example")
    page.locator("[name=numbers]").fill(f"7495{number}0")
    page.locator("[name=answers]").select_option(number)
    settled(page)
    assert problems(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("section", has=page.locator("#trunks-trunks"))).to_contain_text(line)
    settled(page)
    assert problems(page) == []

    menu = f"menu{secrets.token_hex(2)}"
    page.locator("a[href$='/menus/new/']").click()
    page.locator("[name=name]").fill(menu)
    page.locator("[name=number]").fill(f"{number}1")
    page.locator("[name=key-1]").select_option(number)
    welcome = FilePayload(name="welcome.wav", mimeType="audio/wav", buffer=stereo(seconds=2))
    page.locator("[name=prompt]").set_input_files(welcome)
    # The browser has made of it what a PBX plays: 2 seconds of 8,000 samples of two bytes.
    page.wait_for_function(
        "() => Math.abs(document.querySelector('[name=prompt]').files[0].size - 32044) < 200"
    )
    settled(page)
    assert problems(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name=menu, exact=True).click()
    heard = page.locator("call-recording audio")
    rate = """async (src) => new DataView(await (await fetch(src)).arrayBuffer()).getUint32(24, true)"""
    assert page.evaluate(rate, heard.get_attribute("src")) == 8000
    settled(page)
    assert problems(page) == []

    page.goto(f"{desk.place}configuration/")
    page.locator("[name=boxes]").fill("10.0.0.5")
    page.get_by_role("button", name="Show", exact=True).click()
    for file, section in (
        ("queues_korobka.conf", f"[{queue}]"),
        ("pjsip_korobka.conf", f"[{line}]"),
        ("extensions_korobka.conf", f"Background(korobka/{menu})"),
        ("korobka_sounds.sh", f"fetch '{menu}'"),
    ):
        shown = page.locator(".call-file", has=page.locator("summary", has_text=file))
        expect(shown).to_contain_text(section)
    assert problems(page) == []

    for name, kind in ((menu, "menus"), (line, "lines"), (queue, "queues")):
        page.goto(f"{desk.place}trunks/")
        page.get_by_role("link", name=name, exact=True).click()
        page.locator(f"[hx-delete*='/{kind}/']").click()
        page.locator("#ask [value=yes]").click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
