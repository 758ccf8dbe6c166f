"""PBXs as they are set up, and what their bridge is asked to do: each for itself, and told to who follows."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.bridges.telephony.actions import (
    ask_pbx,
    forget_commands,
    forget_credential,
    issue_credential,
    keep_calls,
    keep_queues,
    place_credentials_again,
    refuse_command,
    remove_extension,
    remove_pbx,
    save_pbx,
    set_extensions,
    stale_credentials,
    take_commands,
    take_credentials,
    tell_state,
)
from box.bridges.telephony.ami import ActionRefused, PbxTrouble
from box.bridges.telephony.bridge import Bridge
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.credentials import nobodys_password, password
from box.bridges.telephony.models import Call, Command, Credential, Extension, Pbx
from box.core.events.models import Event

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def connected(name: str) -> Pbx:
    pbx = Pbx(name=name, host="pbx.corp.test", is_on=True)
    save_pbx(pbx, by=None)
    return pbx


@pytest.fixture
def office() -> Pbx:
    return connected("office")


@pytest.fixture
def branch() -> Pbx:
    return connected("branch")


def told(kind: str) -> list[dict[str, Any]]:
    heard = Event.objects.filter(kind=f"telephony.{kind}").order_by("id")
    return list(heard.values_list("payload", flat=True))


def test_whoever_follows_a_pbx_hears_that_it_was_changed_and_by_whom(office: Pbx, cara: User) -> None:
    Pbx.objects.update(changed_at=timezone.now() - timedelta(days=1))
    save_pbx(office, by=cara)
    office.refresh_from_db()
    # By that its bridge sees it.
    assert office.changed_at > timezone.now() - timedelta(hours=1)
    assert told("PbxChanged") == [{"pbx_id": office.pk, "by_id": by} for by in (None, cara.pk)]


def test_a_pbx_goes_with_its_extensions_unless_calls_of_it_are_kept(
    office: Pbx, branch: Pbx, cara: User
) -> None:
    set_extensions(office, [("100", cara)], by=cara)
    Call.objects.create(pbx=branch, key="1.1", started_at=timezone.now())
    remove_pbx(office, by=cara)
    assert told("PbxRemoved") == [{"name": "office", "by_id": cara.pk}]
    assert not Extension.objects.exists()
    with pytest.raises(ValidationError, match="“branch” are kept"):
        remove_pbx(branch, by=cara)
    assert list(Pbx.objects.all()) == [branch]


def test_what_is_known_of_one_pbx_is_said_of_no_other(office: Pbx, branch: Pbx) -> None:
    tell_state(office, trouble="It is away.")
    keep_calls(office, Calls("office"), [], cursors={"cel": "1:100"})
    known = Pbx.objects.order_by("name").values_list("name", "trouble", "cursors")
    assert list(known) == [("branch", "", {}), ("office", "It is away.", {"cel": "1:100"})]


def test_extensions_are_given_out_together_or_not_at_all_and_told_of_once(office: Pbx, cara: User) -> None:
    for wrong in ("", "1" * 16, "10a", "10 ", "x" * 50):
        with pytest.raises(ValidationError, match=f"“{wrong[:40]}” is no extension"):
            set_extensions(office, [("100", cara), (wrong, None)], by=cara)
    assert not office.extensions.exists()
    wanted = [("100", cara), ("9" * 15, None)]
    assert [set_extensions(office, wanted, by=cara) for _ in range(2)] == [2, 0]
    assert told("ExtensionsChanged") == [{"pbx_id": office.pk, "by_id": cara.pk}]


# Phones in browsers


@pytest.fixture
def phones(office: Pbx, branch: Pbx, cara: User) -> list[Credential]:
    """100 and 101 of the office and 100 of the branch ring in browsers, which have signed in."""
    set_extensions(office, [("100", cara), ("101", cara)], in_browser={"100", "101"}, by=None)
    set_extensions(branch, [("100", cara)], in_browser={"100"}, by=None)
    now = timezone.now()
    return [issue_credential(one, now=now) for one in Extension.objects.order_by("id")]


def test_each_phone_has_a_password_of_its_own_that_its_own_pbx_is_told(
    phones: list[Credential], office: Pbx, branch: Pbx
) -> None:
    first, second, third = (password(one) for one in phones)
    assert len({first, second, third}) == 3
    now = timezone.now()
    assert take_credentials(office, now=now) == [("100", first), ("101", second)]
    assert take_credentials(branch, now=now) == [("100", third)]
    # One that was away may have lost them.
    place_credentials_again(office)
    assert take_credentials(branch, now=now) == []
    assert take_credentials(office, now=now) == [("100", first), ("101", second)]


def test_of_many_passwords_so_many_are_told_or_forgotten_at_a_time(
    phones: list[Credential], office: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.bridges.telephony.actions.MOST_CREDENTIALS", 1)
    now = timezone.now()
    told = [take_credentials(office, now=now) for _ in range(3)]
    assert [[number for number, _password in some] for some in told] == [["100"], ["101"], []]
    now += timedelta(days=1)
    assert [[one.number for one in stale_credentials(office, now=now)] for _ in range(2)] == [["100"]] * 2
    for number in ("100", "101"):
        (stale,) = stale_credentials(office, now=now)
        assert stale.number == number
        forget_credential(stale)
    assert stale_credentials(office, now=now) == []


def test_with_an_extension_its_password_ends_and_no_other(
    phones: list[Credential], office: Pbx, cara: User
) -> None:
    gone, *others = phones
    Event.objects.all().delete()
    remove_extension(office.extensions.get(number="100"), by=cara)
    assert list(office.extensions.values_list("number", flat=True)) == ["101"]
    assert told("ExtensionsChanged") == [{"pbx_id": office.pk, "by_id": cara.pk}]
    gone.refresh_from_db()
    now = timezone.now()
    assert gone.expires_at <= now
    (stale,) = stale_credentials(office, now=now)
    assert (stale.number, len(nobodys_password())) == ("100", len(password(gone)))
    forget_credential(stale)
    left = Credential.objects.order_by("id")
    assert [(one.pk, one.expires_at) for one in left] == [(one.pk, one.expires_at) for one in others]


class Line:
    """A session that takes so many passwords, and then breaks."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.taken: list[str] = []

    def originate(self, **headers: str) -> None:
        if len(self.taken) >= self.takes:
            raise PbxTrouble("The line is dead.")
        self.taken.append(headers["Channel"])


def test_a_password_is_known_until_the_pbx_has_another_in_its_place(
    phones: list[Credential], office: Pbx
) -> None:
    now = timezone.now() + timedelta(days=1)
    bridge, broken = Bridge(office.pk, threading.Event(), now=lambda: now), Line(0)
    with pytest.raises(PbxTrouble):
        bridge._end_stale(office, broken)  # type: ignore[arg-type]
    assert [one.number for one in stale_credentials(office, now=now)] == ["100", "101"]
    # One of two has been told.
    with pytest.raises(PbxTrouble):
        bridge._end_stale(office, Line(1))  # type: ignore[arg-type]
    assert [one.number for one in stale_credentials(office, now=now)] == ["101"]
    bridge._end_stale(office, Line(1))  # type: ignore[arg-type]
    assert not Credential.objects.filter(pbx=office).exists()


def test_what_is_about_to_be_overwritten_is_issued_to_nobody(phones: list[Credential], office: Pbx) -> None:
    """Somebody was dismissed by mistake, and works here again a moment later."""
    extension, now = office.extensions.get(number="100"), timezone.now()
    office.extensions.filter(number="100").update(is_browser=False)
    (stale,) = stale_credentials(office, now=now)
    issued = issue_credential(extension, now=now)
    assert password(issued) != password(stale)
    forget_credential(stale)
    assert Credential.objects.get(pbx=office, number="100").key == issued.key


# What people ask of the bridge


def test_commands_are_of_one_pbx_and_taken_so_many_at_a_time(
    office: Pbx, branch: Pbx, cara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.bridges.telephony.actions.MOST_COMMANDS", 1)
    first, second, third = (ask_pbx(pbx, "Hangup", {}, by=cara) for pbx in (office, office, branch))
    now = timezone.now()
    assert [take_commands(office, now=now) for _ in range(3)] == [[first], [second], []]
    assert take_commands(branch, now=now) == [third]


def test_who_asked_hears_why_the_pbx_did_not_do_it(office: Pbx, cara: User) -> None:
    refused, done = (ask_pbx(office, "Hangup", {}, by=cara) for _ in range(2))
    refuse_command(refused, "No such channel")
    assert [Command.objects.get(pk=one.pk).trouble for one in (refused, done)] == ["No such channel", ""]
    assert told("CommandRefused") == [
        {"command_id": refused.pk, "by_id": cara.pk, "reason": "No such channel", "is_certain": True}
    ]


def test_what_nobody_has_done_in_time_is_taken_back_once_and_without_a_word(
    office: Pbx, branch: Pbx, cara: User
) -> None:
    """The bridge was away: whoever counted on it does so no more."""
    late, elsewhere = (
        ask_pbx(pbx, "Redirect", {}, by=cara, undo=[["1.1", "2.2", ""]]) for pbx in (office, branch)
    )
    # Of this nothing is to be taken back.
    ask_pbx(office, "Hangup", {}, by=cara)
    Command.objects.update(asked_at=late.asked_at)
    assert [one.pk for one in Command.objects.overdue(office, since=late.asked_at)] == []
    after = late.asked_at + timedelta(seconds=10, microseconds=1)
    assert [take_commands(office, now=after) for _ in range(2)] == [[], []]
    assert told("CommandRefused") == [
        {"command_id": late.pk, "by_id": cara.pk, "reason": "", "is_certain": True}
    ]
    assert Command.objects.get(pk=elsewhere.pk).taken_at is None


class _Refusing:
    """A session of which every command ends in this trouble."""

    def __init__(self, trouble: PbxTrouble) -> None:
        self._trouble = trouble

    def act(self, action: str, **headers: str) -> None:
        raise self._trouble


@pytest.mark.parametrize("is_certain", [True, False])
def test_who_asked_hears_whether_it_may_have_been_done_all_the_same(
    office: Pbx, cara: User, is_certain: bool
) -> None:
    ask_pbx(office, "Redirect", {}, by=cara)
    said = "No such channel"
    bridge = Bridge(office.pk, threading.Event())
    if is_certain:
        bridge._obey(office, _Refusing(ActionRefused(said)))  # type: ignore[arg-type]
    else:
        with pytest.raises(PbxTrouble):
            bridge._obey(office, _Refusing(PbxTrouble(said)))  # type: ignore[arg-type]
    assert [(one["reason"], one["is_certain"]) for one in told("CommandRefused")] == [(said, is_certain)]


def test_what_was_asked_of_a_pbx_is_known_for_a_day(office: Pbx, branch: Pbx, cara: User) -> None:
    now = timezone.now()
    _old, just, fresh, elsewhere = (
        Command.objects.create(pbx=pbx, action="Hangup", by=cara, asked_at=now - age)
        for pbx, age in (
            (office, timedelta(days=1, seconds=1)),
            (office, timedelta(days=1)),
            (office, timedelta(hours=1)),
            (branch, timedelta(days=9)),
        )
    )
    forget_commands(office, now=now)
    assert set(Command.objects.all()) == {just, fresh, elsewhere}


# Who is in which queue


def test_the_queues_of_one_pbx_are_kept_beside_those_of_another(
    office: Pbx, branch: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def members(*endpoints: str, queue: str = "support") -> dict[str, Any]:
        return {queue: {"members": {one: {"Paused": "1"} for one in endpoints}}}

    assert keep_queues(branch, members("PJSIP/200"))
    long = members("e" * 100, queue="q" * 100)
    assert [keep_queues(office, long) for _ in range(2)] == [True, False]
    kept = office.queue_members.get()
    assert (kept.queue, kept.endpoint, kept.is_paused) == ("q" * 80, "e" * 80, True)
    assert keep_queues(office, {})
    assert (office.queue_members.count(), branch.queue_members.count()) == (0, 1)
    monkeypatch.setattr("box.bridges.telephony.actions.MOST_MEMBERS", 2)
    assert keep_queues(office, members("PJSIP/100", "PJSIP/101", "PJSIP/102"))
    assert office.queue_members.count() == 2
