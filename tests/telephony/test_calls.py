"""The portal's calls on a real Asterisk: in the log, on people's pages, on the line; with its recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pytest
from django.utils import timezone

from box.apps.calls.actions.browser_phone import connect_phone
from box.apps.calls.actions.call_control import dial, end_call, hold_call, pass_on, take_back
from box.apps.calls.actions.recordings import collect_recordings
from box.apps.calls.models import LoggedCall, Recording
from box.apps.calls.presenters import live_calls
from box.apps.calls.reports import wallboard
from box.bridges.telephony.actions import ask_pbx, save_pbx, set_extensions
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.originate import hang_up
from box.core.accounts.actions import dismiss_user
from box.core.events.delivery import deliver_all
from box.core.push.models import PushMessage
from tests.box.conftest import account, seaweedfs, store  # noqa: F401 - fixtures
from tests.box.processes import until
from tests.telephony.asterisk import PLAN, Asterisk
from tests.telephony.phones import call_from_outside
from tests.telephony.test_bridge import is_connected

if TYPE_CHECKING:
    import subprocess

    from django.test import Client

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

    type Start = Callable[[], subprocess.Popen[bytes]]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office(pbx: Pbx, start: Start, anna: User, boris: User, cara: User) -> Pbx:
    """Anna's telephone answers (100), boris's rings (101), cara's answers (105)."""
    pbx.prefixes = ["+79"]
    save_pbx(pbx, by=None)
    set_extensions(pbx, [("100", anna), ("101", boris), ("105", cara)], by=None)
    start()
    until(is_connected)
    return pbx


def happens(what: Callable[[], object]) -> None:
    """The jobs' process is not there: what the bridge tells is delivered while it is waited for."""

    def delivered() -> bool:
        deliver_all()
        return bool(what())

    until(delivered)


def states(user: User) -> list[str]:
    return [one.state for one in live_calls(user, now=timezone.now())]


def over() -> bool:
    return LoggedCall.objects.filter(ended_at__isnull=False).exists()


def test_a_client_calls_is_answered_passed_on_and_it_is_one_call(
    office: Pbx, asterisk: Asterisk, anna: User, boris: User, cara: User
) -> None:
    call_from_outside(asterisk, seconds=90)
    # Anna's telephone answers within half a second: that boris's has rung meanwhile is what stays.
    happens(lambda: states(anna) == ["talks"] and states(boris) == [])
    pass_on(LoggedCall.objects.get(), "105", is_attended=False, by=anna)
    happens(lambda: states(cara) == ["talks"] and states(anna) == [])
    end_call(LoggedCall.objects.get(), by=cara)
    happens(over)
    call = LoggedCall.objects.get()
    assert (call.direction, call.number, call.queue, call.user) == ("in", "+79161234567", "support", anna)
    people = dict(call.participants.values_list("user__first_name", "answered_at"))
    assert set(people) == {"Anna", "Boris", "Cara"}
    assert people["Boris"] is None


def test_a_click_rings_the_employee_and_then_the_client(office: Pbx, anna: User) -> None:
    dial("8 (916) 123-45-67", by=anna)
    happens(
        lambda: states(anna) == ["talks"] and LoggedCall.objects.filter(answered_at__isnull=False).exists()
    )
    call = LoggedCall.objects.get()
    assert (call.direction, call.user, call.number) == ("out", anna, "+79161234567")
    end_call(call, by=anna)
    happens(over)
    assert LoggedCall.objects.get().result == "answered"


def test_a_client_who_gives_up_is_missed_until_they_are_called_back(
    office: Pbx, asterisk: Asterisk, anna: User, boris: User
) -> None:
    set_extensions(office, [("100", None)], by=None)
    # It rings for as long as it takes the portal to say so.
    asterisk.cli('dialplan add extension 4950001,1,Dial,"PJSIP/101,90" into korobka-incoming')
    caller = call_from_outside(asterisk, "4950001", seconds=1)
    happens(lambda: states(boris) == ["rings"])
    caller.kill()
    asterisk.cli("channel request hangup all")
    happens(lambda: LoggedCall.objects.filter(is_missed=True).exists())
    assert list(LoggedCall.objects.waiting_for(boris, now=timezone.now())) == [LoggedCall.objects.get()]
    set_extensions(office, [("100", anna)], by=None)
    dial("+79161234567", by=anna)
    happens(lambda: states(anna) == ["talks"])
    happens(lambda: LoggedCall.objects.filter(direction="out", answered_at__isnull=False).exists())
    end_call(LoggedCall.objects.get(direction="out"), by=anna)
    happens(lambda: not LoggedCall.objects.waiting_for(boris, now=timezone.now()).exists())


def test_a_client_is_put_on_hold_and_taken_back(office: Pbx, asterisk: Asterisk, anna: User) -> None:
    office.hold_context = "korobka-hold"
    save_pbx(office, by=None)
    call_from_outside(asterisk, seconds=20)
    happens(lambda: states(anna) == ["talks"])
    hold_call(LoggedCall.objects.get(), by=anna)
    happens(lambda: states(anna) == ["holds"])
    take_back(LoggedCall.objects.get(), by=anna)
    happens(lambda: states(anna) == ["talks"])
    end_call(LoggedCall.objects.get(), by=anna)
    happens(over)
    call = LoggedCall.objects.get()
    assert (call.result, call.participants.filter(user=anna).count()) == ("answered", 2)


def test_the_pbx_knows_a_browsers_password_for_as_long_as_it_may(
    office: Pbx, asterisk: Asterisk, cara: User, olga: User, settings: Any
) -> None:
    settings.BROWSER_PHONES = ["office"]
    set_extensions(office, [("120", cara)], in_browser={"120"}, by=None)
    given = connect_phone(by=cara, now=timezone.now())
    until(lambda: given.password in asterisk.cli("pjsip show auth 120"))
    dismiss_user(cara, by=olga)
    until(lambda: given.password not in asterisk.cli("pjsip show auth 120"))
    # How it came there is nobody's call.
    assert not Call.objects.exists()


def test_a_caller_chooses_what_is_said_of_them_and_nothing_more(
    office: Pbx, asterisk: Asterisk, anna: User, as_person: Callable[[User], Client]
) -> None:
    name = "<b>Robert'); DROP TABLE calls;--</b>"
    call_from_outside(asterisk, caller="anonymous", name=f'"{name}"', seconds=1)
    happens(over)
    call = LoggedCall.objects.get()
    # Withheld, and so nobody's number; the name is text.
    assert (call.direction, call.number, call.caller_name) == ("in", "", name)
    page = as_person(anna).get(call.get_absolute_url()).text
    assert escape(name, {"'": "&#39;"}) in page
    assert "<b>Robert" not in page


def test_what_the_pbx_refuses_is_told_to_who_asked(office: Pbx, anna: User) -> None:
    ask_pbx(office, "Hangup", hang_up("1.1"), by=anna)
    happens(PushMessage.objects.filter(topic="calls", kind="refused").exists)
    message = PushMessage.objects.get(kind="refused")
    assert message.audience == [f"U{anna.pk}"]
    assert message.payload["reason"]


def test_who_takes_a_break_is_shown_as_paused(office: Pbx, asterisk: Asterisk, olga: User) -> None:
    def paused() -> list[str]:
        seats = wallboard(olga, now=timezone.now()).seats
        return [seat.person.first_name for seat in seats if seat.state == "paused"]

    assert paused() == []
    asterisk.cli("queue pause member PJSIP/101 queue support")
    happens(lambda: paused() == ["Boris"])
    asterisk.cli("queue unpause member PJSIP/101 queue support")
    happens(lambda: paused() == [])


@pytest.fixture
def recorded(asterisk: Asterisk) -> Iterator[Path]:
    """The PBX records; its folder, as the box sees it."""
    asterisk.plan = replace(asterisk.plan, records=True, recording_folder="/srv/monitor")
    asterisk.configure()
    asterisk.cli("dialplan reload")
    yield asterisk.data / "monitor"
    asterisk.plan = replace(asterisk.plan, records=PLAN.records, recording_folder=PLAN.recording_folder)
    asterisk.configure()
    asterisk.cli("dialplan reload")


def test_what_is_recorded_is_kept_and_can_be_heard(
    recorded: Path,
    office: Pbx,
    asterisk: Asterisk,
    store: S3Store,  # noqa: F811
) -> None:
    office.recordings_here, office.recordings_there = str(recorded), "/srv/monitor"
    save_pbx(office, by=None)
    call_from_outside(asterisk, seconds=3, whistles=True)
    happens(over)
    happens(Recording.objects.exists)
    later = timezone.now() + timedelta(minutes=2)
    until(lambda: collect_recordings(now=later) or Recording.objects.filter(state="kept").exists())
    kept = Recording.objects.get()
    assert kept.blob is not None
    assert kept.seconds >= 2
    # The whistle is on it, as loud as it was.
    assert max(kept.waveform) > 80
