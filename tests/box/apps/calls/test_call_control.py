"""Click to call, and what one does with a call: asked of the bridge once, or refused in words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.calls.access import CALL_OUTSIDE
from box.apps.calls.actions.call_control import dial, end_call, hold_call, pass_on, take_back
from box.apps.calls.actions.logging import follow_call
from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.permissions import audience_of
from box.apps.calls.presenters import live_calls
from box.bridges.telephony.actions import ask_pbx, refuse_command, set_extensions, take_commands
from box.bridges.telephony.models import Call, CallLeg, Command, Pbx
from box.core.access.actions import employees_role, set_rights
from box.core.access.rights import rights
from box.core.accounts.actions import dismiss_user
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.push.models import PushMessage
from tests.box.apps.calls.conftest import RINGING, TALKING, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def test_the_own_telephone_rings_first_and_then_the_number(pbx: Pbx, anna: User) -> None:
    command = dial("8 (916) 123-45-67", by=anna)
    assert command.action == "Originate"
    assert command.headers["Channel"] == "PJSIP/100"
    assert command.headers["Exten"] == "79161234567"


@pytest.mark.parametrize(
    "number", ["+44 20 7946 0000", "+7 979 123 45 67", "+7 809 123 45 67", "100,1&Local/9", "", "hello"]
)
def test_what_is_not_allowed_is_not_dialled(pbx: Pbx, anna: User, number: str) -> None:
    with pytest.raises(ValidationError):
        dial(number, by=anna)
    assert not Command.objects.exists()


def test_a_colleague_is_called_by_the_extension(pbx: Pbx, anna: User) -> None:
    assert dial("101", by=anna).headers["Exten"] == "101"


def test_an_extension_is_dialled_as_it_is_and_a_number_as_the_company_writes_it(pbx: Pbx, anna: User) -> None:
    pbx.prefixes, pbx.area = ["+7"], "495"
    # How its lines write numbers says nothing of what people write.
    pbx.trunk_rules = [["", "8", "+7495"], ["", "10", "+7916123456"]]
    pbx.save()
    for written, dialled in (
        ("101", "101"),
        ("123 45 67", "74951234567"),
        ("8 (916) 123-45-67", "79161234567"),
    ):
        assert dial(written, by=anna).headers["Exten"] == dialled


def test_who_has_no_extension_is_told_so(pbx: Pbx, cara: User) -> None:
    with pytest.raises(ValidationError, match="no extension"):
        dial("101", by=cara)


def test_without_the_right_nobody_outside_is_called(pbx: Pbx, anna: User) -> None:
    kept = [key for key, right in rights.items() if right.default and key != CALL_OUTSIDE]
    set_rights(employees_role(), kept, by=None)
    anna = User.objects.get(pk=anna.pk)
    with pytest.raises(ValidationError, match="inside only"):
        dial("+79161234567", by=anna)
    assert dial("101", by=anna)


def test_the_bridge_takes_a_command_once(pbx: Pbx, anna: User) -> None:
    command = dial("101", by=anna)
    assert take_commands(pbx, now=timezone.now()) == [command]
    assert take_commands(pbx, now=timezone.now()) == []


def test_what_waited_too_long_is_not_done(pbx: Pbx, anna: User) -> None:
    dial("101", by=anna)
    assert take_commands(pbx, now=timezone.now() + timedelta(seconds=11)) == []


def test_who_was_dismissed_meanwhile_calls_nobody(pbx: Pbx, anna: User, olga: User) -> None:
    ask_pbx(pbx, "Originate", {}, by=anna)
    dismiss_user(anna, by=olga)
    assert take_commands(pbx, now=timezone.now()) == []


def test_a_click_that_arrives_twice_is_one_call(pbx: Pbx, anna: User, as_person: Browser) -> None:
    sent = {"number": "101", "nonce": str(uuid4())}
    answers = [as_person(anna).post("/calls/dialled/", sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert Command.objects.count() == 1


def test_a_refusal_is_said_in_words(pbx: Pbx, anna: User, as_person: Browser) -> None:
    answer = as_person(anna).post("/calls/dialled/", {"number": "+4420", "nonce": str(uuid4())})
    assert answer.status_code == 422
    assert "toast" in answer.headers["HX-Trigger"]


def holding_somebody(pbx: Pbx, person: User) -> tuple[LoggedCall, Participant]:
    call = talking(pbx)
    hold_call(call, by=person)
    return call, call.participants.get(user=person)


def talking(pbx: Pbx) -> LoggedCall:
    return play(pbx, "incoming_queue", facts=TALKING)


def test_who_talks_hangs_up_and_passes_on_by_their_own_channel(pbx: Pbx, anna: User) -> None:
    call = talking(pbx)
    part = call.participants.get(user=anna)
    assert (part.state, part.ended_at) == ("talks", None)
    assert end_call(call, by=anna).headers["Channel"] == part.leg
    blind = pass_on(call, "101", is_attended=False, by=anna)
    assert (blind.action, blind.headers["Channel"], blind.headers["Exten"]) == (
        "BlindTransfer",
        part.leg,
        "101",
    )
    assert pass_on(call, "101", is_attended=True, by=anna).action == "Atxfer"


def test_nothing_is_passed_on_to_where_nobody_may_call(pbx: Pbx, anna: User) -> None:
    call = talking(pbx)
    with pytest.raises(ValidationError):
        pass_on(call, "+4420", is_attended=False, by=anna)


def test_who_does_not_talk_cannot_end_it(pbx: Pbx, boris: User, cara: User) -> None:
    call = talking(pbx)
    for person in (boris, cara):
        with pytest.raises(ValidationError):
            end_call(call, by=person)
    assert not Command.objects.exists()


def test_a_channel_whose_name_would_mean_many_is_hung_up_by_nobody(pbx: Pbx, anna: User) -> None:
    call = talking(pbx)
    CallLeg.objects.filter(uniqueid=call.participants.get(user=anna).leg).update(uniqueid="/.*/")
    call.participants.filter(user=anna).update(leg="/.*/")
    with pytest.raises(ValidationError, match="over"):
        end_call(call, by=anna)
    assert not Command.objects.exists()


@pytest.fixture
def holding(pbx: Pbx) -> Pbx:
    """It knows how to let somebody wait."""
    pbx.hold_context = "korobka-hold"
    pbx.save()
    return pbx


def test_who_is_on_hold_is_taken_back_to_the_telephone_that_held(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    assert [one.can_hold for one in live_calls(anna, now=timezone.now())] == [True]
    held = hold_call(call, by=anna)
    assert (held.action, held.headers["Context"], held.headers["Exten"]) == (
        "Redirect",
        "korobka-hold",
        "100",
    )
    # The client's leg, not hers.
    assert held.headers["Channel"] != call.participants.get(user=anna).leg
    # Hers ends with it; the call goes on.
    call.participants.filter(user=anna).update(ended_at=timezone.now())
    assert [one.state for one in live_calls(anna, now=timezone.now())] == ["holds"]
    with pytest.raises(ValidationError, match="over"):
        end_call(call, by=anna)
    back = take_back(call, by=anna)
    assert (back.headers["Context"], back.headers["Channel"]) == ("korobka-return", held.headers["Channel"])
    assert back.headers["Exten"] == "100"
    assert live_calls(anna, now=timezone.now()) == []
    with pytest.raises(ValidationError, match="over"):
        take_back(call, by=anna)


def picks_up_again(call: LoggedCall, own: Participant, **changed: Any) -> None:
    """The telephone that held rings, and the log hears of it."""
    # By the PBX's clock: the stream's moments lie ahead of ours.
    later = own.began_at + timedelta(minutes=1)
    CallLeg.objects.filter(uniqueid=own.leg).update(ended_at=later)
    values = {"endpoint": "PJSIP/100", "started_at": later, "answered_at": later, **changed}
    assert call.call is not None
    CallLeg.objects.create(call=call.call, uniqueid="back.1", is_called=True, **values)
    follow_call(call.call.pbx.name, call.call.key)


def elsewhere(pbx: Pbx, part: Participant, **changed: Any) -> Participant:
    """Of another call, and like this one."""
    call = Call.objects.create(pbx=pbx, key="9.9", started_at=part.began_at)
    logged = LoggedCall.objects.create(call=call, started_at=part.began_at, audience=audience_of([]))
    values = {field.attname: getattr(part, field.attname) for field in Participant._meta.fields[1:]}
    return Participant.objects.create(**{**values, "logged_id": logged.pk, **changed})


def test_who_has_them_back_or_passed_them_on_holds_them_no_more(
    holding: Pbx, anna: User, boris: User
) -> None:
    """Whoever pressed "Take back" then would tear the client away from a colleague."""
    call, own = holding_somebody(holding, anna)
    picks_up_again(call, own)
    assert [one.holds_leg for one in call.participants.filter(user=anna)] == ["", ""]
    call.participants.filter(leg=own.leg).update(holds_leg="1.1")
    pass_on(call, "101", is_attended=False, by=anna)
    assert not call.participants.exclude(holds_leg="").exists()


@pytest.mark.parametrize("changed", [{"answered_at": None}, {"endpoint": "PJSIP/101"}])
def test_while_the_telephone_rings_or_a_colleague_picks_up_the_client_still_waits(
    holding: Pbx, anna: User, changed: dict[str, Any]
) -> None:
    call, own = holding_somebody(holding, anna)
    picks_up_again(call, own, **changed)
    assert call.participants.get(leg=own.leg).holds_leg == own.holds_leg != ""


def test_whoever_else_is_held_still_waits_when_one_is_taken_back(
    holding: Pbx, anna: User, boris: User
) -> None:
    call, own = holding_somebody(holding, anna)
    call.participants.filter(user=boris).update(holds_leg="3.3")
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    there = elsewhere(branch, own)
    picks_up_again(call, own)
    assert set(Participant.objects.exclude(holds_leg="")) == {call.participants.get(user=boris), there}


def test_who_passes_a_call_on_lets_go_whom_they_hold_and_nobody_elses(
    holding: Pbx, anna: User, boris: User
) -> None:
    call, own = holding_somebody(holding, anna)
    call.participants.filter(user=boris).update(holds_leg="3.3")
    assert pass_on(call, "101", is_attended=False, by=anna).undo == [[own.leg, "", own.holds_leg]]
    assert [one.user for one in call.participants.exclude(holds_leg="")] == [boris]
    # Now she holds nobody: there is nothing to take back.
    assert pass_on(call, "101", is_attended=False, by=anna).undo == []


def answer_comes(command: Command, *, is_certain: bool = True) -> None:
    refuse_command(command, "No such channel", is_certain=is_certain)
    deliver_all()


def test_a_hold_that_the_pbx_refuses_holds_nobody(holding: Pbx, anna: User) -> None:
    """She goes on talking, and whom she passes the client on to by her telephone keeps them."""
    call = talking(holding)
    answer_comes(hold_call(call, by=anna))
    call.participants.filter(user=anna).update(ended_at=timezone.now())
    assert live_calls(anna, now=timezone.now()) == []
    with pytest.raises(ValidationError, match="over"):
        take_back(call, by=anna)


def test_a_refusal_takes_back_what_was_noted_of_that_part_alone(
    holding: Pbx, anna: User, boris: User
) -> None:
    call = talking(holding)
    held = hold_call(call, by=anna)
    own = call.participants.get(user=anna)
    values = {field.attname: getattr(own, field.attname) for field in Participant._meta.fields[1:]}
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    others = {
        elsewhere(branch, own),
        elsewhere(holding, own, user_id=boris.pk),
        Participant.objects.create(**{**values, "leg": "hers.2"}),
    }
    answer_comes(held)
    assert set(Participant.objects.exclude(holds_leg="")) == others


def test_the_page_of_who_asked_looks_again_where_a_refusal_took_something_back(
    holding: Pbx, anna: User
) -> None:
    held = hold_call(talking(holding), by=anna)
    PushMessage.objects.all().delete()
    for _time in range(2):
        answer_comes(held)
    looks = PushMessage.objects.filter(topic="calls", kind="now")
    assert [one.audience for one in looks] == [[f"U{anna.pk}"]]


def test_whom_the_pbx_does_not_give_back_or_pass_on_still_waits(
    holding: Pbx, anna: User, boris: User
) -> None:
    call = talking(holding)
    held = hold_call(call, by=anna)
    passed_on = pass_on(call, "101", is_attended=False, by=anna)
    # The colleague to whom nothing was refused.
    call.participants.filter(user=boris).update(holds_leg="3.3")
    call.participants.filter(user=anna).update(ended_at=timezone.now())
    assert live_calls(anna, now=timezone.now()) == []
    answer_comes(passed_on)
    assert [one.state for one in live_calls(anna, now=timezone.now())] == ["holds"]
    back = take_back(call, by=anna)
    assert live_calls(anna, now=timezone.now()) == []
    answer_comes(back)
    assert take_back(call, by=anna).headers["Channel"] == held.headers["Channel"]
    assert call.participants.get(user=boris).holds_leg == "3.3"


def test_whoever_may_wait_for_an_answer_was_lost_can_be_taken_back(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    answer_comes(hold_call(call, by=anna), is_certain=False)
    call.participants.filter(user=anna).update(ended_at=timezone.now())
    answer_comes(take_back(call, by=anna), is_certain=False)
    assert [one.state for one in live_calls(anna, now=timezone.now())] == ["holds"]


def test_what_was_changed_since_stays_when_an_older_refusal_is_heard_of(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    held = hold_call(call, by=anna)
    call.participants.filter(user=anna).update(holds_leg="another.1")
    answer_comes(held)
    assert call.participants.get(user=anna).holds_leg == "another.1"


def test_who_hung_up_while_on_hold_is_not_taken_back(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    held = hold_call(call, by=anna)
    CallLeg.objects.filter(uniqueid=held.headers["Channel"]).update(ended_at=timezone.now())
    with pytest.raises(ValidationError, match="over"):
        take_back(call, by=anna)


def test_who_talks_to_several_puts_none_of_them_on_hold(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    third = CallLeg.objects.get(call=call.call, endpoint="PJSIP/line")
    third.pk, third.uniqueid = None, "another.1"
    third.save(force_insert=True)
    with pytest.raises(ValidationError, match="alone talk to"):
        hold_call(call, by=anna)
    third.is_called, third.answered_at = True, None
    third.save()
    assert hold_call(call, by=anna).headers["Channel"] != third.uniqueid, "it rings, and is in no talk"


def test_what_only_rings_is_neither_passed_on_nor_held_but_can_be_refused(holding: Pbx, anna: User) -> None:
    call = play(holding, "incoming_queue", facts=RINGING)
    with pytest.raises(ValidationError, match="Answer the call first"):
        pass_on(call, "101", is_attended=False, by=anna)
    with pytest.raises(ValidationError, match="Answer the call first"):
        hold_call(call, by=anna)
    assert end_call(call, by=anna).headers["Channel"] == call.participants.get(user=anna).leg


def test_nobody_is_put_on_hold_where_the_pbx_knows_no_such_thing(pbx: Pbx, anna: User) -> None:
    call = talking(pbx)
    assert [one.can_hold for one in live_calls(anna, now=timezone.now())] == [False]
    with pytest.raises(ValidationError, match="administrator"):
        hold_call(call, by=anna)
    assert call.participants.get(user=anna).holds_leg == ""


def test_who_rings_or_does_not_take_part_holds_nobody(pbx: Pbx, boris: User, cara: User) -> None:
    call = talking(pbx)
    for person in (boris, cara):
        with pytest.raises(ValidationError):
            hold_call(call, by=person)
        with pytest.raises(ValidationError):
            take_back(call, by=person)
    assert not Command.objects.exists()


def client_of(call: LoggedCall) -> CallLeg:
    return CallLeg.objects.get(call=call.call_id, endpoint="PJSIP/line")


def beside(leg: CallLeg, uniqueid: str, **changed: Any) -> CallLeg:
    """Another one just like it."""
    values = {field.attname: getattr(leg, field.attname) for field in CallLeg._meta.fields[1:]}
    return CallLeg.objects.create(**{**values, "uniqueid": uniqueid, **changed})


def test_the_telephone_that_held_rings_and_nobody_else_holds_anybody(
    holding: Pbx, anna: User, boris: User
) -> None:
    # Hers is not the first that was given out.
    holding.extensions.get(number="100").delete()
    set_extensions(holding, [("100", anna)], by=None)
    call = talking(holding)
    assert hold_call(call, by=anna).headers["Exten"] == "100"
    # It rang at his, too.
    assert live_calls(boris, now=timezone.now()) == []
    with pytest.raises(ValidationError, match="over"):
        take_back(call, by=boris)


def test_nobody_waits_for_a_telephone_that_is_taken_away(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    holding.extensions.get(number="100").delete()
    with pytest.raises(ValidationError, match="put on hold"):
        hold_call(call, by=anna)


def test_whoever_else_is_on_the_line_now_is_put_on_hold(holding: Pbx, anna: User) -> None:
    call = talking(holding)
    client = client_of(call)
    beside(client, "left.1", ended_at=timezone.now())
    assert hold_call(call, by=anna).headers["Channel"] == client.uniqueid
    # Whom she has called herself, and who calls and is let in by what answers for nobody.
    for changed in ({"is_called": True}, {"is_called": False, "answered_at": None}):
        CallLeg.objects.filter(pk=client.pk).update(**changed)
        assert hold_call(call, by=anna).headers["Channel"] == client.uniqueid


def test_of_several_who_wait_the_last_is_taken_back_first(holding: Pbx, anna: User, boris: User) -> None:
    call = talking(holding)
    client = client_of(call)
    for name in ("waits.1", "waits.2", "waits.3"):
        beside(client, name)
    now = timezone.now()
    for held in ("waits.2", ""):
        Participant.objects.create(
            logged=call, user=anna, leg=f"hers.{held}", is_called=False, began_at=now, holds_leg=held
        )
    call.participants.filter(user=anna, answered_at__isnull=False).update(holds_leg="waits.1")
    call.participants.filter(user=boris).update(holds_leg="waits.3")
    taken = [take_back(call, by=person).headers["Channel"] for person in (anna, anna, boris)]
    assert taken == ["waits.2", "waits.1", "waits.3"]
    with pytest.raises(ValidationError, match="over"):
        take_back(call, by=anna)


def test_channels_of_another_pbx_are_not_meant_though_they_have_the_same_names(
    holding: Pbx, anna: User
) -> None:
    call = talking(holding)
    branch = Pbx.objects.create(name="branch", host="pbx2.corp.test")
    elsewhere = Call.objects.create(pbx=branch, key="1.1", started_at=call.started_at)
    for leg in CallLeg.objects.filter(call=call.call_id):
        beside(leg, leg.uniqueid, call_id=elsewhere.pk)
    assert hold_call(call, by=anna).pbx == holding
    # All have hung up, and nobody has told the log so far.
    CallLeg.objects.filter(call=call.call_id).update(ended_at=timezone.now())
    for act in (end_call, take_back):
        with pytest.raises(ValidationError, match="over"):
            act(call, by=anna)
    assert Command.objects.count() == 1
