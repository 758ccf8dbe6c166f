"""Who may what, at the addresses of this room. Anna has answered the call; boris's telephone rang too."""

from __future__ import annotations

from typing import Any

from box.apps.calls.models import BlockedNumber, Recording
from box.apps.calls.prompts import token_of
from box.bridges.telephony.models import CallMenu, CallQueue, Trunk
from tests.box.apps.calls.conftest import office, play
from tests.box.visits import CONSOLE, EMPLOYEES, SIGN_IN, Cast, Visit

TOOK_PART = (200, 200, 200, 404, 404, SIGN_IN)
WROTE = (302, 302, 302, 404, 404, SIGN_IN)
SET_UP_REFUSED = (422, 404, 404, 404, 404, SIGN_IN)

VISITS = (
    Visit("GET", "calls:log", EMPLOYEES),
    Visit("POST", "calls:log", (400, 400, 400, 400, 404, SIGN_IN)),
    Visit("GET", "calls:reports", EMPLOYEES),
    # With what it needs to be a file: see EXPORTS.
    Visit("GET", "calls:report-table", (404, 404, 404, 404, 404, SIGN_IN)),
    Visit("GET", "calls:wallboard", EMPLOYEES),
    Visit("GET", "calls:now", EMPLOYEES),
    Visit("POST", "calls:dialled", (422, 422, 422, 422, 404, SIGN_IN)),
    Visit("GET", "calls:call", TOOK_PART, of="call"),
    Visit("POST", "calls:end", (422, 422, 422, 404, 404, SIGN_IN), of="call"),
    Visit("POST", "calls:transfer", (422, 422, 422, 404, 404, SIGN_IN), of="call"),
    # Nobody's browser rings in the world of these; who has one: test_browser_phone.
    Visit("GET", "calls:phone", (404, 404, 404, 404, 404, SIGN_IN)),
    Visit("POST", "calls:phone", (404, 404, 404, 404, 404, SIGN_IN)),
    Visit("POST", "calls:phone-number", (404, 404, 404, 404, 404, SIGN_IN)),
    Visit("POST", "calls:phone-leaving", (404, 404, 404, 404, 404, SIGN_IN)),
    Visit("POST", "calls:waiting", (422, 422, 422, 404, 404, SIGN_IN), of="call"),
    Visit("POST", "calls:settlement", WROTE, of="call"),
    Visit("DELETE", "calls:settlement", WROTE, of="call"),
    Visit("POST", "calls:note", WROTE, of="call", data={"note": "Roses, red"}),
    Visit("POST", "calls:hold", (302, 403, 403, 404, 404, SIGN_IN), of="call", data={"held": "yes"}),
    Visit("GET", "calls:recording", (404, 404, 404, 404, 404, SIGN_IN), of="recording"),
    # Whose session it is counts for nothing there: the PBX signs what it sends.
    Visit("POST", "calls:receiver", (401,) * 6, has_session=False),
    Visit("GET", "calls:exchanges", CONSOLE),
    Visit("GET", "calls:new-exchange", CONSOLE),
    Visit("POST", "calls:new-exchange", SET_UP_REFUSED),
    Visit("GET", "calls:exchange", CONSOLE, of="pbx"),
    Visit("POST", "calls:exchange", SET_UP_REFUSED, of="pbx"),
    Visit("DELETE", "calls:exchange", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:numbers", CONSOLE, of="pbx"),
    Visit("POST", "calls:numbers", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:extensions", CONSOLE, of="pbx"),
    Visit("POST", "calls:extensions", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:extension", CONSOLE, of="extension"),
    Visit("POST", "calls:extension", SET_UP_REFUSED, of="extension"),
    Visit("GET", "calls:extension-table", CONSOLE, of="pbx"),
    Visit("GET", "calls:trunks", CONSOLE, of="pbx"),
    Visit("GET", "calls:new-trunk", CONSOLE, of="pbx"),
    Visit("POST", "calls:new-trunk", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:trunk", CONSOLE, of="trunk"),
    Visit("POST", "calls:trunk", SET_UP_REFUSED, of="trunk"),
    Visit("DELETE", "calls:trunk", (302, 404, 404, 404, 404, SIGN_IN), of="trunk"),
    Visit("GET", "calls:new-queue", CONSOLE, of="pbx"),
    Visit("POST", "calls:new-queue", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:queue", CONSOLE, of="queue"),
    Visit("POST", "calls:queue", SET_UP_REFUSED, of="queue"),
    Visit("DELETE", "calls:queue", (302, 404, 404, 404, 404, SIGN_IN), of="queue"),
    Visit("GET", "calls:new-menu", CONSOLE, of="pbx"),
    Visit("POST", "calls:new-menu", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:menu", CONSOLE, of="menu"),
    Visit("POST", "calls:menu", SET_UP_REFUSED, of="menu"),
    Visit("DELETE", "calls:menu", (302, 404, 404, 404, 404, SIGN_IN), of="menu"),
    # Nothing was recorded for it here.
    Visit("GET", "calls:prompt", (404, 404, 404, 404, 404, SIGN_IN), of="menu"),
    Visit("GET", "calls:fetched-prompt", (404,) * 6, of="address of a sound", has_session=False),
    Visit("DELETE", "calls:extension", (302, 404, 404, 404, 404, SIGN_IN), of="extension"),
    Visit("GET", "calls:configuration", CONSOLE, of="pbx"),
    Visit("POST", "calls:configuration", SET_UP_REFUSED, of="pbx"),
    Visit("GET", "calls:blocked", CONSOLE),
    Visit("POST", "calls:blocked", SET_UP_REFUSED),
    Visit("DELETE", "calls:unblock", (302, 404, 404, 404, 404, SIGN_IN), of="blocked"),
)


def things(cast: Cast) -> dict[str, Any]:
    pbx = office(cast.anna, cast.boris)
    call = play(pbx, "incoming_queue")
    # On its way: nobody hears anything yet.
    recording = Recording.objects.create(logged=call, file="a.wav")
    blocked = BlockedNumber.objects.create(number="+79990000000")
    trunk = Trunk.objects.create(pbx=pbx, name="line", host="sip.example", numbers=["1"], answers="100")
    queue = CallQueue.objects.create(pbx=pbx, name="support", number="700", members=["100"])
    menu = CallMenu.objects.create(
        pbx=pbx, name="welcome", number="800", sound="welcome", choices={"1": "700"}
    )
    return {
        "pbx": pbx.pk,
        "call": call.pk,
        "recording": (call.pk, recording.pk),
        "extension": (pbx.pk, pbx.extensions.get(number="102").pk),
        "blocked": blocked.pk,
        "trunk": (pbx.pk, trunk.pk),
        "queue": (pbx.pk, queue.pk),
        "menu": (pbx.pk, menu.pk),
        "address of a sound": token_of(menu),
    }
