"""The phone in the browser: who has one, what it signs in with and for how long, what it may dial."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.calls.access import CALL_OUTSIDE
from box.apps.calls.actions.browser_phone import await_return, connect_phone, dialled, phone_of
from box.apps.calls.actions.call_control import extension_of
from box.apps.calls.settings import RELAYS, RELAYS_SECRET
from box.bridges.telephony.actions import (
    forget_credential,
    set_extensions,
    stale_credentials,
    take_credentials,
)
from box.bridges.telephony.credentials import LIVES, TICKET_LIVES
from box.bridges.telephony.models import Call, CallLeg, Command, Credential, Pbx
from box.bridges.telephony.relays import LIVES as RELAY_LIVES
from box.core.access.actions import employees_role, set_rights
from box.core.access.rights import rights
from box.core.accounts.actions import dismiss_user
from box.core.accounts.models import User
from box.core.registry.settings import store
from tests.box.apps.calls.conftest import TALKING, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def browsers(pbx: Pbx, settings: Any, anna: User) -> Pbx:
    """Anna's extension 100 rings in her browser."""
    settings.BROWSER_PHONES = ["office"]
    set_extensions(pbx, [("100", anna)], in_browser={"100"}, by=None)
    return pbx


def test_a_browser_rings_where_the_box_leads_to_its_pbx(
    browsers: Pbx, settings: Any, anna: User, boris: User
) -> None:
    found = phone_of(anna)
    assert found is not None
    assert found.number == "100"
    # His is a telephone on the desk.
    assert phone_of(boris) is None
    settings.BROWSER_PHONES = ["branch"]
    assert phone_of(anna) is None


def test_a_guest_has_no_phone_whatever_was_given_out(browsers: Pbx, erik: User) -> None:
    set_extensions(browsers, [("102", erik)], in_browser={"102"}, by=None)
    assert phone_of(erik) is None
    with pytest.raises(ValidationError, match="rings in the browser"):
        connect_phone(by=erik, now=timezone.now())


def test_who_works_outside_gets_a_relay_that_knows_them_for_a_while(
    browsers: Pbx, anna: User, as_person: Browser
) -> None:
    def relays() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = as_person(anna).post("/calls/phone/").json()["relays"]
        return found

    assert relays() == []
    turn = "turn:relay.example.com:3478"
    store({RELAYS.key: f"stun:relay.example.com\n{turn}", RELAYS_SECRET.key: "a-shared-secret"})
    plain, closed = relays()
    assert plain == {"urls": ["stun:relay.example.com"]}
    until, _colon, who = closed["username"].partition(":")
    assert who == f"U{anna.pk}"
    assert abs(int(until) - (timezone.now() + RELAY_LIVES).timestamp()) < 60
    digest = hmac.digest(b"a-shared-secret", closed["username"].encode(), "sha1")
    assert closed["credential"] == base64.b64encode(digest).decode()
    assert closed["urls"] == [turn]


def test_relays_are_set_up_with_their_secret_and_as_addresses(olga: User, as_person: Browser) -> None:
    browser = as_person(olga)
    usual = {
        "calls.answers_within": "20",
        "calls.call_back_within": "60",
        "calls.recordings_kept": "180",
        "calls.makes_leads": "none",
    }

    def status(**sent: str) -> int:
        given = {f"calls.{name}": value for name, value in sent.items()}
        return browser.post("/console/settings/calls/", {**usual, **given}).status_code

    assert status(relays="turn:relay.example.com") == 422
    assert status(relays="http://relay.example.com", relays_secret="s") == 422
    assert status(relays="turn:relay.example.com:3478", relays_secret="s") == 302
    # It stays as it is where none is given.
    assert status(relays="turns:relay.example.com:5349") == 302
    assert (RELAYS.value, RELAYS_SECRET.value) == ("turns:relay.example.com:5349", "s")


def test_the_line_is_given_to_whose_it_is_and_to_nobody_else(
    browsers: Pbx, anna: User, boris: User, as_person: Browser
) -> None:
    answer = as_person(anna).post("/calls/phone/")
    assert answer.status_code == 200
    given = answer.json()
    assert given["number"] == "100"
    assert given["socket"].startswith("/phone/office?ticket=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert as_person(boris).post("/calls/phone/").status_code == 404
    assert as_person(boris).post("/calls/phone/number/", {"number": "101"}).status_code == 404
    assert as_person(boris).post("/calls/phone/leaving/").status_code == 404
    assert "data-has-phone" in as_person(anna).get("/calls/now/").text
    assert "data-has-phone" not in as_person(boris).get("/calls/now/").text


def test_the_ticket_is_for_this_pbx_and_two_minutes(browsers: Pbx, anna: User) -> None:
    now = timezone.now()
    ticket = connect_phone(by=anna, now=now).socket.partition("ticket=")[2]
    _head, said, _signature = ticket.split(".")
    claims = json.loads(base64.urlsafe_b64decode(said + "=="))
    assert claims == {"aud": "office", "exp": int((now + TICKET_LIVES).timestamp())}


def test_all_browsers_of_a_person_sign_in_alike_until_half_of_its_time(browsers: Pbx, anna: User) -> None:
    now = timezone.now()
    first = connect_phone(by=anna, now=now)
    assert connect_phone(by=anna, now=now + LIVES / 2 - timedelta(seconds=1)).password == first.password
    assert connect_phone(by=anna, now=now + LIVES / 2).password != first.password


def test_the_pbx_is_told_each_password_once(browsers: Pbx, anna: User) -> None:
    now = timezone.now()
    given = connect_phone(by=anna, now=now)
    assert take_credentials(browsers, now=now) == [("100", given.password)]
    assert take_credentials(browsers, now=now) == []
    # What is stored is not the password.
    assert given.password not in Credential.objects.get().key


def test_a_password_ends_with_its_hour(browsers: Pbx, anna: User) -> None:
    now = timezone.now()
    connect_phone(by=anna, now=now)
    assert stale_credentials(browsers, now=now + LIVES - timedelta(seconds=1)) == []
    (stale,) = stale_credentials(browsers, now=now + LIVES)
    assert stale.number == "100"
    forget_credential(stale)
    assert not Credential.objects.exists()


def test_a_password_ends_with_the_work_of_whose_it_is(browsers: Pbx, anna: User, olga: User) -> None:
    now = timezone.now()
    connect_phone(by=anna, now=now)
    dismiss_user(anna, by=olga)
    assert [one.number for one in stale_credentials(browsers, now=now)] == ["100"]


@pytest.mark.parametrize("in_browser", [{"100"}, set()], ids=["to another", "to a telephone"])
def test_an_extension_that_changes_hands_takes_no_password_along(
    browsers: Pbx, anna: User, boris: User, in_browser: set[str]
) -> None:
    first = connect_phone(by=anna, now=timezone.now())
    set_extensions(browsers, [("101", None), ("100", boris)], in_browser=in_browser, by=None)
    if in_browser:
        assert connect_phone(by=boris, now=timezone.now()).password != first.password
    else:
        assert [one.number for one in stale_credentials(browsers, now=timezone.now())] == ["100"]


def test_a_browser_dials_what_any_telephone_may(browsers: Pbx, anna: User, as_person: Browser) -> None:
    assert dialled("8 (916) 123-45-67", by=anna) == "79161234567"
    assert dialled("101", by=anna) == "101"
    refused = as_person(anna).post("/calls/phone/number/", {"number": "+4420"})
    assert (refused.status_code, "not called from here" in refused.json()["error"]) == (422, True)
    kept = [key for key, right in rights.items() if right.default and key != CALL_OUTSIDE]
    set_rights(employees_role(), kept, by=None)
    with pytest.raises(ValidationError, match="inside only"):
        dialled("+79161234567", by=User.objects.get(pk=anna.pk))


def test_whoever_is_on_the_line_waits_for_the_next_page(browsers: Pbx, anna: User) -> None:
    browsers.hold_context = "korobka-hold"
    browsers.save()
    call = play(browsers, "incoming_queue", facts=TALKING)
    command = await_return(by=anna)
    assert command is not None
    assert command.action == "Redirect"
    client = call.call.legs.get(endpoint="PJSIP/line")  # type: ignore[union-attr]
    assert command.headers == {
        "Channel": client.uniqueid,
        "Context": "korobka-return",
        "Exten": "100",
        "Priority": "1",
    }


def test_of_the_calls_on_a_line_only_the_one_that_is_talked_waits(browsers: Pbx, anna: User) -> None:
    browsers.hold_context = "korobka-hold"
    browsers.save()
    assert await_return(by=anna) is None
    call = play(browsers, "incoming_queue", facts=TALKING)
    assert call.call is not None
    own, client = (call.call.legs.get(endpoint=endpoint) for endpoint in ("PJSIP/100", "PJSIP/line"))

    def beside(pbx: Pbx, key: str, **changed: Any) -> None:
        """Another call just like it, but for her part."""
        other = Call.objects.create(pbx=pbx, key=key, started_at=call.started_at)
        for leg, more in ((own, changed), (client, {})):
            values = {field.attname: getattr(leg, field.attname) for field in CallLeg._meta.fields[1:]}
            CallLeg.objects.create(**{**values, "call_id": other.pk, "uniqueid": f"{key}.{leg.pk}", **more})

    beside(browsers, "was talked", ended_at=timezone.now())
    beside(browsers, "rings", answered_at=None)
    beside(Pbx.objects.create(name="branch", host="pbx2.corp.test"), "of another PBX")
    command = await_return(by=anna)
    assert command is not None
    assert command.headers["Channel"] == client.uniqueid
    # Of two that are talked one is on hold already.
    beside(browsers, "is talked")
    assert await_return(by=anna) is None


def test_a_pbx_that_knows_no_waiting_is_asked_for_none(browsers: Pbx, anna: User) -> None:
    play(browsers, "incoming_queue", facts=TALKING)
    assert await_return(by=anna) is None
    assert not Command.objects.exists()


def test_a_click_still_rings_the_telephone_of_who_has_both(browsers: Pbx, anna: User) -> None:
    set_extensions(browsers, [("102", anna)], by=None)
    found = extension_of(anna)
    assert found is not None
    assert found.number == "102"
