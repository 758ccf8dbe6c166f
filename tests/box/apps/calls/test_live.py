"""What people's pages show while the telephone rings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.calls.models import LoggedCall
from box.apps.calls.presenters import live_calls
from box.core.push.models import PushMessage
from box.core.registry.capabilities import CallerLookup, Card, Ref, callers
from tests.box.apps.calls.conftest import RINGING, TALKING, miss, play

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.test import Client

    from box.bridges.telephony.models import Pbx
    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def roses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anna may see the client behind the number."""

    def cards(numbers: Sequence[str], reader: User) -> Mapping[str, Sequence[Card]]:
        if not reader.email.startswith("anna"):
            return {}
        return {"+79161234567": (Card(Ref("crm.record", 7), "Rose", "/crm/contact/7/"),)}

    def new(number: str, reader: User) -> str:
        return f"/crm/lead/new/?phone={number}"

    # The first of the rooms that has clients, in the place of those that are there.
    monkeypatch.setattr(callers, "_offers", {"feed": CallerLookup(cards, lambda number: None, new)})


def states(user: User) -> list[str]:
    return [one.state for one in live_calls(user, now=timezone.now())]


def test_it_rings_at_both_and_is_gone_where_somebody_else_answered(
    pbx: Pbx, anna: User, boris: User, cara: User
) -> None:
    play(pbx, "incoming_queue", facts=RINGING)
    assert (states(anna), states(boris), states(cara)) == (["rings"], ["rings"], [])
    play(pbx, "incoming_queue", facts=TALKING)
    assert (states(anna), states(boris)) == (["talks"], [])
    play(pbx, "incoming_queue")
    assert (states(anna), states(boris)) == ([], [])


def test_it_is_gone_when_the_caller_gives_up(pbx: Pbx, boris: User) -> None:
    miss(pbx)
    assert states(boris) == []


def test_what_seems_to_go_on_for_ever_is_not_shown(pbx: Pbx, anna: User) -> None:
    play(pbx, "incoming_queue", facts=RINGING)
    later = timezone.now() + timedelta(hours=13)
    assert len(live_calls(anna, now=later - timedelta(hours=2))) == 1
    assert live_calls(anna, now=later) == []


@pytest.mark.usefixtures("roses")
def test_the_clients_card_is_there_for_who_may_see_it(
    pbx: Pbx, anna: User, boris: User, as_person: Browser
) -> None:
    play(pbx, "incoming_queue", facts=RINGING)
    hers = as_person(anna).get("/calls/now/").content.decode()
    assert "Rose" in hers
    assert "/crm/contact/7/" in hers
    his = as_person(boris).get("/calls/now/").content.decode()
    assert "Rose" not in his
    assert "/crm/lead/new/?phone=+79161234567" in his


@pytest.mark.usefixtures("roses")
def test_only_those_whose_telephone_rings_are_told(pbx: Pbx, anna: User, boris: User) -> None:
    play(pbx, "incoming_queue", facts=RINGING)
    told = PushMessage.objects.filter(topic="calls", kind="now")
    codes = {code for message in told for code in message.audience}
    assert codes == {f"U{anna.pk}", f"U{boris.pk}"}
    # Nothing about the client is in it: that each asks for.
    assert all(set(message.payload) == {"call"} for message in told)


@pytest.mark.usefixtures("roses")
def test_the_log_asks_as_much_for_many_as_for_one(pbx: Pbx, anna: User, as_person: Browser) -> None:
    play(pbx, "incoming_queue")
    browser = as_person(anna)
    browser.get("/calls/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert "Rose" in browser.get("/calls/").content.decode()
    first = LoggedCall.objects.get()
    for _ in range(20):
        first.pk, first.call_id = None, None
        first._state.adding = True
        first.save()
    with CaptureQueriesContext(connection) as many:
        browser.get("/calls/")
    assert len(many) == len(one)


def test_the_page_of_a_call_tells_it_from_beginning_to_end(pbx: Pbx, anna: User, as_person: Browser) -> None:
    call = play(pbx, "incoming_queue")
    page = as_person(anna).get(f"/calls/{call.pk}/").content.decode()
    said = (
        "(916) 123-45-67 calls",
        "In the queue “support”",
        "Rings at: Anna Test",
        "Anna Test answers",
        "The call is over",
    )
    steps = [page.index(text) for text in said]
    assert steps == sorted(steps)
