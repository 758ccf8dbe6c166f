"""Lines, queues, menus and forwarding, and the configuration that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.calls.actions.trunks import forward_extension, remove_part, save_part
from box.bridges.telephony.asterisk_conf import Unwritable
from box.bridges.telephony.configuration import plan_of
from box.bridges.telephony.generator import generate
from box.bridges.telephony.models import CallMenu, CallQueue, Pbx, Trunk
from box.bridges.telephony.originate import NotAllowed
from box.bridges.telephony.plan import Release
from box.core.events.models import Event
from box.core.files.models import Blob, new_key
from box.core.registry.company import TIME_ZONE
from box.core.registry.settings import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

TRANSFERS = 't${IF($["${KOROBKA_OUTSIDE}" = ""]?T)}'
LINE = {"name": "line", "host": "sip.provider.test:5070", "numbers": "74951234567", "answers": "700"}
QUEUE = {
    "name": "support",
    "number": "700",
    "kind": "queue",
    "strategy": "ringall",
    "members": "100, 101",
    "rings_seconds": "20",
    "waits_seconds": "300",
}

MENU = {"name": "welcome", "number": "800", "sound": "custom/welcome", "key-1": "700", "key-0": "100"}


@pytest.fixture
def console(pbx: Pbx, olga: User, as_person: Browser) -> Callable[..., int]:
    """Sends a form to a page of the PBX; the status."""
    browser = as_person(olga)

    def send(place: str, sent: dict[str, str]) -> int:
        return browser.post(f"/calls/exchanges/{pbx.pk}/{place}/", sent).status_code

    return send


def dialplan(pbx: Pbx) -> str:
    return files(pbx)["extensions_korobka.conf"]


def files(pbx: Pbx) -> dict[str, str]:
    pbx.refresh_from_db()
    return generate(plan_of(pbx, asterisk=Release(20), boxes=("10.0.0.5/32",), records=False))


def test_a_line_and_a_queue_become_configuration(pbx: Pbx, console: Callable[..., int]) -> None:
    store({TIME_ZONE.key: "Europe/Moscow"})
    assert console("queues/new", QUEUE) == 302
    assert console("lines/new", {**LINE, "password": "p;w", "user": "us", "closed": "101"}) == 302
    written = files(pbx)
    assert "[support]" in written["queues_korobka.conf"]
    assert "member = PJSIP/101" in written["queues_korobka.conf"]
    assert "password = p\\;w" in written["pjsip_korobka.conf"]
    incoming = written["extensions_korobka.conf"].partition("[korobka-incoming]")[2]
    assert (
        "exten => 74951234567,1,Set(KOROBKA_OUTSIDE=yes)\n"
        " same => n,GotoIfTime(09:00-17:59,mon&tue&wed&thu&fri,*,*,Europe/Moscow?open)" in incoming
    )
    assert "Goto(korobka-internal,101,1)" in incoming
    # Its endpoint is a line outside from now on, and desk telephones keep the passwords that the PBX knows.
    assert "PJSIP/line" in pbx.lines
    assert "[100]" not in written["pjsip_korobka.conf"]


def test_the_password_of_a_line_is_shown_to_nobody_and_stays(
    pbx: Pbx, console: Callable[..., int], olga: User, as_person: Browser
) -> None:
    console("queues/new", QUEUE)
    console("lines/new", {**LINE, "password": "a-password"})
    trunk = Trunk.objects.get()
    address = f"lines/{trunk.pk}"
    assert "a-password" not in as_person(olga).get(f"/calls/exchanges/{pbx.pk}/{address}/").text
    assert console(address, {**LINE, "host": "sip2.provider.test"}) == 302
    trunk.refresh_from_db()
    assert (trunk.host, trunk.password) == ("sip2.provider.test", "a-password")
    assert "a-password" not in trunk.password_sealed


def test_the_bridge_sees_that_a_line_has_come_and_goes_on_where_none_has(
    pbx: Pbx, console: Callable[..., int]
) -> None:
    pbx.refresh_from_db()
    before = pbx.changed_at
    assert console("queues/new", QUEUE) == 302
    assert console("lines/new", {**LINE, "name": "second"}) == 302
    pbx.refresh_from_db()
    assert "PJSIP/second" in pbx.lines
    since = pbx.changed_at
    assert since > before
    # Whom it rings is of the configuration, which the bridge does not read.
    assert console(f"lines/{Trunk.objects.get().pk}", {**LINE, "name": "second", "answers": "100"}) == 302
    pbx.refresh_from_db()
    assert pbx.changed_at == since


def test_a_number_is_of_one_thing(pbx: Pbx, console: Callable[..., int]) -> None:
    assert console("queues/new", QUEUE) == 302
    assert console("menus/new", {**MENU, "number": "700"}) == 422
    assert console("menus/new", MENU) == 302
    assert console("queues/new", {**QUEUE, "name": "sales", "number": "800"}) == 422
    # Its own it keeps.
    assert console(f"menus/{CallMenu.objects.get().pk}", MENU) == 302
    assert console(f"queues/{CallQueue.objects.get().pk}", QUEUE) == 302


def test_a_group_rings_one_after_the_other_and_then_goes_on(pbx: Pbx, console: Callable[..., int]) -> None:
    group = {**QUEUE, "kind": "group", "strategy": "linear", "otherwise": "102", "rings_seconds": "7"}
    assert console("queues/new", group) == 302
    steps = dialplan(pbx).partition("exten => 700,1,")[2].partition("exten =>")[0]
    assert [line.rpartition(",1,")[2].strip() for line in steps.splitlines() if line][:5] == [
        f"Dial(PJSIP/100,7,{TRANSFERS})",
        'same => n,GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)',
        f"same => n,Dial(PJSIP/101,7,{TRANSFERS})",
        'same => n,GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)',
        "same => n,Goto(korobka-internal,102,1)",
    ]
    assert "[support]" not in files(pbx)["queues_korobka.conf"]


def test_a_menu_leads_where_its_keys_say(pbx: Pbx, console: Callable[..., int]) -> None:
    console("queues/new", QUEUE)
    assert console("menus/new", {**MENU, "otherwise": "700"}) == 302
    assert console("lines/new", {**LINE, "answers": "800"}) == 302
    written = dialplan(pbx)
    assert "exten => 800,1,Goto(korobka-menu-800,s,1)" in written
    assert "Goto(korobka-internal,800,1)" in written.partition("[korobka-incoming]")[2]
    menu = written.partition("[korobka-menu-800]")[2].partition("\n[")[0]
    assert "Background(custom/welcome)" in menu
    assert "exten => 1,1,Goto(korobka-internal,700,1)" in menu
    assert "exten => 0,1,Goto(korobka-internal,100,1)" in menu
    assert "same => n(further),Goto(korobka-internal,700,1)" in menu
    # Whoever calls from outside dials keys there and no numbers.
    assert [line for line in menu.splitlines() if line.startswith("exten => ") and line[10] != ","] == []
    made = CallMenu.objects.get()
    assert console(f"menus/{made.pk}", {**MENU, "key-0": ""}) == 302
    made.refresh_from_db()
    assert (made.choices, made.otherwise) == ({"1": "700"}, "")
    # What a key leads to, and what is gone, is refused before anything reaches the PBX.
    CallQueue.objects.all().delete()
    with pytest.raises(Unwritable, match="700"):
        dialplan(pbx)


def test_menus_that_lead_to_each_other_by_themselves_are_refused(
    pbx: Pbx, console: Callable[..., int]
) -> None:
    assert console("menus/new", MENU | {"key-1": "101"}) == 302
    other = {"name": "other", "number": "801", "key-1": "800", "otherwise": "800"}
    assert console("menus/new", {**MENU, **other}) == 302
    first = CallMenu.objects.get(number="800")
    assert console(f"menus/{first.pk}", {**MENU, "key-1": "801"}) == 302
    # By a key, they may: the caller decides.
    assert "korobka-menu-801" in dialplan(pbx)
    assert console(f"menus/{first.pk}", {**MENU, "key-1": "801", "otherwise": "801"}) == 302
    with pytest.raises(Unwritable, match="in a circle"):
        dialplan(pbx)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("menus/new", {**MENU, "key-1": "", "key-0": ""}),
        ("menus/new", {**MENU, "key-1": "999"}),
        ("menus/new", {**MENU, "key-1": "101", "number": "100"}),
        ("menus/new", {**MENU, "key-1": "101", "number": "8,1"}),
        ("menus/new", {**MENU, "key-1": "101", "sound": "../../etc/passwd"}),
        ("menus/new", {**MENU, "key-1": "101", "sound": "a&System(x)"}),
        ("menus/new", {**MENU, "key-1": "101", "otherwise": "800"}),
        ("queues/new", {**QUEUE, "members": "100 _X."}),
        ("queues/new", {**QUEUE, "number": "7,1)"}),
        ("queues/new", {**QUEUE, "number": "100"}),
        ("queues/new", {**QUEUE, "name": "a b"}),
        ("queues/new", {**QUEUE, "name": "general"}),
        ("queues/new", {**QUEUE, "rings_seconds": "100000"}),
        ("queues/new", {**QUEUE, "otherwise": "+79161234567"}),
        ("lines/new", {**LINE, "answers": "100", "host": "a\nb"}),
        ("lines/new", {**LINE, "answers": "999"}),
        ("lines/new", {**LINE, "answers": "100", "name": "100"}),
        ("lines/new", {**LINE, "answers": "100", "numbers": "74951234567,1)System(x"}),
    ],
)
def test_what_no_dialplan_can_hold_is_refused(
    pbx: Pbx, console: Callable[..., int], place: str, wrong: dict[str, str]
) -> None:
    assert console(place, wrong) == 422
    assert not CallMenu.objects.exists()
    assert not CallQueue.objects.exists()
    assert not Trunk.objects.exists()


def test_a_telephone_forwards_to_a_mobile_that_may_be_called(
    pbx: Pbx, console: Callable[..., int], olga: User
) -> None:
    extension = pbx.extensions.get(number="100")
    place = f"extensions/{extension.pk}"
    assert console(place, {"forwards_to": "8 (916) 123-45-67", "after": "15"}) == 302
    extension.refresh_from_db()
    assert (extension.forwards_to, extension.forwards_after) == ("+79161234567", 15)
    assert console(place, {"forwards_to": "100", "after": "15"}) == 422
    # Outside the beginnings that are allowed, or within one that is not.
    for dear in ("+442079460958", "+79791234567"):
        assert console(place, {"forwards_to": dear, "after": "15"}) == 422
        with pytest.raises(ValidationError):
            forward_extension(extension, dear, 15, by=olga)
    extension.refresh_from_db()
    assert extension.forwards_to == "+79161234567"
    pbx.prefixes = []
    pbx.save()
    # What was allowed once is allowed no more.
    with pytest.raises((NotAllowed, Unwritable)):
        files(pbx)


def test_a_telephone_rings_for_two_minutes_at_most_before_it_forwards(pbx: Pbx, olga: User) -> None:
    extension = pbx.extensions.get(number="100")
    for asked, kept in ((-1, 0), (120, 120), (121, 120)):
        forward_extension(extension, "101", asked, by=olga)
        extension.refresh_from_db()
        assert (extension.forwards_to, extension.forwards_after) == ("101", kept)
    Event.objects.all().delete()
    forward_extension(extension, "", 0, by=olga)
    extension.refresh_from_db()
    assert extension.forwards_to == ""
    told = Event.objects.get().payload
    assert (told["pbx_id"], told["by_id"]) == (pbx.pk, olga.pk)
    with pytest.raises(ValidationError, match="to itself"):
        forward_extension(extension, "100", 0, by=olga)


def test_a_pbx_has_so_many_lines_and_what_is_there_is_changed(
    pbx: Pbx, console: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calls.actions.trunks.MOST", 2)
    for name in ("one", "two"):
        assert console("lines/new", {**LINE, "answers": "100", "name": name}) == 302
    assert console("lines/new", {**LINE, "answers": "100", "name": "three"}) == 422
    first = Trunk.objects.get(name="one")
    assert console(f"lines/{first.pk}", {**LINE, "answers": "101", "name": "one"}) == 302
    # Of another kind there may be as many.
    assert console("queues/new", QUEUE) == 302


def test_the_lines_of_a_pbx_are_known_once_each_and_it_is_told_that_it_was_changed(
    pbx: Pbx, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calls.actions.trunks.MOST", 2)
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    values: dict[str, Any] = {"host": "sip.provider.test", "numbers": ["74951234567"], "answers": "100"}
    for name in ("one", "two"):
        save_part(Trunk(pbx=branch, name=name, **values), by=olga)
    Event.objects.all().delete()
    # What the other has says nothing of how many it may have; of these the first was known before.
    for name in ("line", "other"):
        save_part(Trunk(pbx=pbx, name=name, **values), by=olga)
    pbx.refresh_from_db()
    assert pbx.lines == ["PJSIP/line", "PJSIP/other"]
    told = list(Event.objects.values_list("kind", "payload"))
    assert told == 2 * [("telephony.PbxChanged", {"pbx_id": pbx.pk, "by_id": olga.pk})]


def test_a_name_is_of_one_queue_and_a_menu_leads_somewhere(pbx: Pbx, olga: User) -> None:
    save_part(CallQueue(pbx=pbx, name="support", number="700", members=["100"]), by=olga)
    with pytest.raises(ValidationError, match="already exists"):
        save_part(CallQueue(pbx=pbx, name="support", number="701", members=["100"]), by=olga)
    with pytest.raises(ValidationError, match="one key at least"):
        save_part(CallMenu(pbx=pbx, name="welcome", number="800", sound="custom/welcome"), by=olga)
    assert (CallQueue.objects.count(), CallMenu.objects.count()) == (1, 0)


def test_each_menu_keeps_its_own_recording_until_another_sound_is_named(pbx: Pbx, olga: User) -> None:
    usual: dict[str, Any] = {"pbx": pbx, "choices": {"1": "100"}}
    save_part(CallMenu(name="first", number="800", sound="custom/first", **usual), by=olga)
    blob = Blob.objects.create(key=new_key(timezone.now()), size=1)
    menu = CallMenu.objects.create(
        name="second", number="801", sound="korobka/second", prompt=blob, prompt_seconds=7, **usual
    )
    save_part(menu, by=olga)
    menu.refresh_from_db()
    assert (menu.prompt, menu.prompt_seconds, menu.sound) == (blob, 7, "korobka/second")
    menu.sound = "custom/second"
    save_part(menu, by=olga)
    menu.refresh_from_db()
    assert (menu.prompt, menu.prompt_seconds, menu.sound) == (None, 0, "custom/second")


def test_what_came_over_a_line_that_is_gone_still_came_from_outside(
    pbx: Pbx, console: Callable[..., int], olga: User
) -> None:
    console("lines/new", {**LINE, "answers": "100", "name": "old"})
    Event.objects.all().delete()
    remove_part(Trunk.objects.get(), by=olga)
    pbx.refresh_from_db()
    assert (Trunk.objects.exists(), "PJSIP/old" in pbx.lines) == (False, True)
    assert Event.objects.get(kind="telephony.PbxChanged").payload["pbx_id"] == pbx.pk


def test_calls_that_would_go_in_a_circle_are_refused(pbx: Pbx, olga: User) -> None:
    one, other = pbx.extensions.get(number="100"), pbx.extensions.get(number="101")
    forward_extension(one, "101", 0, by=olga)
    assert "exten => 100,1,Goto(korobka-internal,101,1)" in dialplan(pbx)
    forward_extension(other, "100", 20, by=olga)
    with pytest.raises(Unwritable, match="in a circle"):
        files(pbx)


def test_dear_numbers_are_refused_by_the_dialplan_as_well(pbx: Pbx, console: Callable[..., int]) -> None:
    console("lines/new", {**LINE, "answers": "100"})
    Pbx.objects.filter(pk=pbx.pk).update(dial_prefix="9")
    written = dialplan(pbx)
    assert "Dial(PJSIP/${EXTEN:1}@line,60,T" in written.partition("exten => _979X.,1,")[2]
    assert "exten => _97979X.,1,Hangup(21)" in written
