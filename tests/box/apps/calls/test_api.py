"""Other exchanges tell of their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.calls.models import LoggedCall
from box.apps.calls.presenters import live_calls
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.notify.models import Counter
from tests.box.rest.calling import Program, program_of

pytestmark = pytest.mark.django_db

if TYPE_CHECKING:
    from typing import Any

INCOMING: dict[str, Any] = {"PHONE_NUMBER": "8 (916) 123-45-67", "TYPE": 2}


def begun(program: Program, **more: Any) -> str:
    name: str = program.call("telephony.externalCall.register", **{**INCOMING, **more})["CALL_ID"]
    return name


def rings(person: User) -> list[str]:
    return [one.state for one in live_calls(person, now=timezone.now())]


def test_a_call_rings_is_talked_and_stands_in_the_log(anna: User) -> None:
    program = program_of(anna, "telephony")
    call = begun(program)
    assert rings(anna) == ["rings"]
    program.call("telephony.externalCall.finish", CALL_ID=call, DURATION=70, STATUS_CODE="200")
    program.call("telephony.externalCall.finish", CALL_ID=call, DURATION=0, STATUS_CODE="304")
    logged = LoggedCall.objects.get()
    assert (logged.direction, logged.number, logged.talk_seconds) == ("in", "+79161234567", 70)
    assert (logged.user, logged.is_missed, rings(anna)) == (anna, False, [])
    assert Event.objects.filter(kind="calls.CallFinished").count() == 1


def test_a_call_of_another_age_is_none(anna: User) -> None:
    answer = program_of(anna, "telephony").ask(
        "telephony.externalCall.register", **INCOMING, CALL_START_DATE="0001-01-01T00:00:00"
    )
    assert answer.status_code == 400
    assert not LoggedCall.objects.exists()


def test_a_call_that_began_long_ago_is_ended_too(anna: User) -> None:
    """A number has no room for the seconds of a century."""
    program = program_of(anna, "telephony")
    call = begun(program, CALL_START_DATE="1901-01-01T00:00:00")
    program.call("telephony.externalCall.finish", CALL_ID=call, DURATION=10, STATUS_CODE="200")
    assert LoggedCall.objects.get().ended_at is not None


def test_what_nobody_took_waits_to_be_returned(anna: User) -> None:
    program = program_of(anna, "telephony")
    program.call("telephony.externalCall.finish", CALL_ID=begun(program), DURATION=0)
    assert LoggedCall.objects.get().is_missed
    assert Counter.objects.get(key="calls").user == anna
    back = begun(program, TYPE=1)
    program.call("telephony.externalCall.finish", CALL_ID=back, DURATION=5, STATUS_CODE="200")
    assert not Counter.objects.filter(key="calls").exists()


def test_two_at_once_between_the_same_numbers_are_two(anna: User) -> None:
    program = program_of(anna, "telephony")
    first, second = begun(program), begun(program)
    assert first != second
    program.call("telephony.externalCall.finish", CALL_ID=first, DURATION=5, STATUS_CODE="200")
    assert rings(anna) == ["rings"]


def test_its_window_is_shown_and_hidden(anna: User, boris: User, olga: User) -> None:
    program = program_of(olga, "telephony")
    call = begun(program, USER_ID=anna.pk, SHOW="0")
    assert rings(anna) == []
    program.call("telephony.externalCall.show", CALL_ID=call, USER_ID=[anna.pk, boris.pk])
    assert (rings(anna), rings(boris)) == (["rings"], ["rings"])
    assert LoggedCall.objects.visible_to(boris).exists()
    program.call("telephony.externalCall.hide", CALL_ID=call, USER_ID=[boris.pk])
    assert (rings(anna), rings(boris)) == (["rings"], [])


def test_nobody_tells_of_others_calls_but_who_looks_after_telephony(anna: User, boris: User) -> None:
    theirs = program_of(anna, "telephony")
    assert theirs.error("telephony.externalCall.register", **INCOMING, USER_ID=boris.pk)[0] == 403
    call = begun(program_of(boris, "telephony"))
    assert theirs.error("telephony.externalCall.finish", CALL_ID=call, DURATION=1) == (400, "ERROR_NOT_FOUND")
    assert theirs.error("telephony.externalCall.register", PHONE_NUMBER="1", TYPE=9)[0] == 400
    assert LoggedCall.objects.count() == 1
