from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from django.core.exceptions import ValidationError
from django.core.signing import TimestampSigner
from django.test import Client
from django.utils import timezone

from box.core.accounts import actions, factors
from box.core.accounts.actions import NewUser
from box.core.accounts.invitations import INVITATION_DAYS, invited_by, token_of
from box.core.accounts.models import User
from box.core.events.models import Event

if TYPE_CHECKING:
    from datetime import datetime

    from tests.clock import Clock

GOOD = "nine-lives-cat"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def dina(olga: User) -> User:
    return actions.invite(NewUser(email="Dina@example.com", first_name="Dina"), by=olga)


@pytest.fixture
def stranger() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def letters() -> int:
    return Event.objects.filter(kind="accounts.PersonInvited").count()


def test_who_was_invited_chooses_a_password_and_is_in(dina: User, stranger: Client) -> None:
    address = f"/join/{token_of(dina)}/"
    assert "Welcome, Dina" in stranger.get(address).content.decode()
    answer = stranger.post(address, {"password": GOOD})
    assert answer.headers["Location"] == f"/employees/{dina.pk}/details/"
    dina.refresh_from_db()
    assert dina.check_password(GOOD)
    assert dina.invited_at is None
    assert stranger.get("/notifications/").status_code == 200


def test_whoever_comes_in_russian_goes_on_in_russian(dina: User, stranger: Client) -> None:
    assert dina.language != "ru"
    address = f"/join/{token_of(dina)}/"
    stranger.post(address, {"password": GOOD}, headers={"Accept-Language": "ru"})
    dina.refresh_from_db()
    assert dina.language == "ru"
    assert (
        stranger.get("/notifications/", headers={"Accept-Language": "en"}).headers["Content-Language"] == "ru"
    )


def test_a_link_is_good_once(dina: User, stranger: Client) -> None:
    address = f"/join/{token_of(dina)}/"
    stranger.post(address, {"password": GOOD})
    again = stranger.post(address, {"password": "another-long-one"})
    assert again.status_code == 404
    assert "This invitation is over" in again.content.decode()
    dina.refresh_from_db()
    assert dina.check_password(GOOD)


def test_two_who_come_at_once_are_one(dina: User) -> None:
    twice = User.objects.get(pk=dina.pk)
    actions.join(dina, GOOD)
    with pytest.raises(ValidationError, match="was used already"):
        actions.join(twice, "another-long-one")


def test_each_takes_up_their_own_invitation_and_only_who_has_one(
    clock: Clock, dina: User, anna: User, olga: User
) -> None:
    User.objects.filter(pk=dina.pk).update(language="ru")
    dina.refresh_from_db()
    twice = User.objects.get(pk=dina.pk)
    other = actions.invite(NewUser(email="other@example.com"), by=olga)
    assert other.invited_at == dina.invited_at == clock.now
    actions.join(dina, GOOD)
    dina.refresh_from_db()
    assert (dina.language, dina.check_password(GOOD)) == ("ru", True)
    told = Event.objects.filter(kind="accounts.PersonJoined")
    assert [one.payload for one in told] == [{"user_id": dina.pk}]
    for person in (twice, dina, anna):
        with pytest.raises(ValidationError, match="was used already"):
            actions.join(person, "another-long-one")
    actions.suspend_user(other, by=olga)
    with pytest.raises(ValidationError, match="was used already"):
        actions.join(other, "another-long-one")


def test_an_invitation_ends(dina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(dina)
    now = timezone.now()

    def at(moment: datetime) -> None:
        monkeypatch.setattr("django.core.signing.time.time", moment.timestamp)

    at(now + timedelta(days=INVITATION_DAYS.value, minutes=-1))
    assert invited_by(token) == dina
    at(now + timedelta(days=INVITATION_DAYS.value, minutes=1))
    assert invited_by(token) is None


def test_a_password_that_was_set_otherwise_ends_it(dina: User, stranger: Client) -> None:
    token = token_of(dina)
    actions.change_password(dina, GOOD, by=None)
    assert invited_by(token) is None
    assert stranger.get(f"/join/{token}/").status_code == 404
    assert Event.objects.filter(kind="accounts.PersonJoined").count() == 1
    actions.change_password(dina, f"{GOOD}-2", by=dina)
    assert Event.objects.filter(kind="accounts.PersonJoined").count() == 1


def test_who_has_a_second_factor_gives_it_when_they_join(dina: User, stranger: Client) -> None:
    factors.add_totp(dina, SEED, pyotp.TOTP(SEED).now(), by=dina)
    answer = stranger.post(f"/join/{token_of(dina)}/", {"password": GOOD})
    assert answer.headers["Location"] == "/sign-in/second-step/"
    assert stranger.get("/notifications/").status_code == 302


def test_sending_it_again_voids_the_link_before(dina: User, olga: User) -> None:
    before = token_of(dina)
    actions.invite_again(dina, by=olga)
    assert invited_by(before) is None
    assert invited_by(token_of(dina)) == dina
    assert letters() == 2


def test_a_forged_link_opens_nothing(dina: User, stranger: Client) -> None:
    token = token_of(dina)
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), TimestampSigner().sign("1"), "x"):
        assert invited_by(forged) is None
        assert stranger.post(f"/join/{forged}/", {"password": GOOD}).status_code == 404


def test_a_weak_password_is_refused_with_a_word(dina: User, stranger: Client) -> None:
    answer = stranger.post(f"/join/{token_of(dina)}/", {"password": "short"})
    assert answer.status_code == 422
    assert "too short" in answer.content.decode()
    dina.refresh_from_db()
    assert not dina.has_usable_password()


def test_what_a_password_must_be_is_said_in_a_line_of_each_language(dina: User, stranger: Client) -> None:
    path = f"/join/{token_of(dina)}/"
    said = "At least 10 characters. Not your name, login or e-mail. Not one that many people use."
    assert said in stranger.get(path, headers={"accept-language": "en"}).content.decode()
    said = "Не короче 10 символов. Не похож на ваше имя, логин или адрес почты. Не из числа самых"
    assert said in stranger.get(path, headers={"accept-language": "ru"}).content.decode()


def test_a_browser_of_somebody_else_becomes_theirs(
    dina: User, anna: User, as_person: Callable[[User], Client]
) -> None:
    browser = as_person(anna)
    key = browser.session.session_key
    browser.post(f"/join/{token_of(dina)}/", {"password": GOOD})
    assert browser.session["_auth_user_id"] == str(dina.pk)
    assert browser.session.session_key != key


def test_who_is_here_already_is_not_invited(anna: User, olga: User) -> None:
    assert actions.invite(NewUser(email="ANNA@example.com"), by=olga) == anna
    assert letters() == 0
    with pytest.raises(ValidationError, match="no invitation"):
        actions.invite_again(anna, by=olga)


def test_an_invited_person_who_was_suspended_stays_out(dina: User, olga: User) -> None:
    token = token_of(dina)
    actions.suspend_user(dina, by=olga)
    assert invited_by(token) is None


def test_without_a_password_nobody_signs_in(dina: User, stranger: Client) -> None:
    assert stranger.post("/sign-in/", {"login": dina.login, "password": ""}).status_code == 422


def test_a_guest_is_invited_the_same_way(olga: User) -> None:
    guest = actions.invite(NewUser(email="guest@example.org", is_extranet=True), by=olga)
    assert guest.is_extranet
    assert invited_by(token_of(guest)) == guest
