from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from box.core.accounts import actions, factors
from box.core.accounts.models import Session, User
from box.core.accounts.password_reset_pages import MOST_OF_NETWORK, MOST_OF_PERSON
from box.core.accounts.password_resets import GOOD_FOR, person_of, token_of
from box.core.accounts.throttle import MOST_OF_LOGIN
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.actions import send_letters
from box.core.notify.models import QueuedLetter
from box.core.registry.settings import store
from tests.box.mailbox import mailbox, text_of
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

NEW = "nine-lives-cat"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def mail(olga: User) -> None:
    store({"mail.host": "mail.test"})


@pytest.fixture
def stranger() -> Client:
    return browser()


@pytest.fixture
def kept_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("passwords", "letters"):
        monkeypatch.setattr(f"box.core.accounts.{room}.keeper_of", lambda person: "CORP")


def browser(address: str = "192.0.2.1") -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=address)


def ask(client: Client, login: str) -> int:
    return client.post("/sign-in/forgotten/", {"login": login}).status_code


def asked() -> int:
    return Event.objects.filter(kind="accounts.PasswordResetAsked").count()


def letters() -> int:
    deliver_all()
    return QueuedLetter.objects.count()


def sign_in(client: Client, person: User, password: str) -> int:
    return client.post("/sign-in/", {"login": person.login, "password": password}).status_code


def test_who_forgot_their_password_gets_a_letter_and_chooses_another(anna: User, stranger: Client) -> None:
    User.objects.filter(pk=anna.pk).update(language="ru")
    assert "/sign-in/forgotten/" in stranger.get("/sign-in/").content.decode()
    with mailbox() as box:
        store({"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "none"})
        assert stranger.get("/sign-in/forgotten/").status_code == 200
        answer = stranger.post("/sign-in/forgotten/", {"login": anna.email.upper()}, follow=True)
        assert "Check your e-mail" in answer.content.decode()
        deliver_all()
        assert send_letters(timezone.now()) == 1
        (letter,) = box.letters
    assert letter["To"] == anna.email
    assert "пароль" in letter["Subject"]
    address = re.search(r"/sign-in/reset/[^/\s]+/", text_of(letter))
    assert address is not None
    assert anna.login in stranger.get(address[0]).content.decode()
    said = stranger.post(address[0], {"password": NEW}, follow=True).content.decode()
    assert "Your password is changed" in said
    assert sign_in(stranger, anna, PASSWORD) == 422
    assert sign_in(stranger, anna, NEW) == 302


def test_nobody_is_told_who_is_here(anna: User, boris: User, stranger: Client, olga: User) -> None:
    actions.suspend_user(boris, by=olga)
    answers = [
        stranger.post("/sign-in/forgotten/", {"login": login}, follow=True).content
        for login in (anna.login, "nobody", boris.email)
    ]
    assert len(set(answers)) == 1
    assert (asked(), letters()) == (1, 1)


@pytest.mark.parametrize(
    "login", [" ", "\0", "a\0b", "\ud800", "x" * 255, "x" * 100_000, "%s", "\u202e", "\U0001f4e6" * 200]
)
def test_an_odd_login_is_nobodys_or_refused(login: str, anna: User, stranger: Client) -> None:
    sent = {"login": login.encode("utf-8", "surrogatepass")}
    assert stranger.post("/sign-in/forgotten/", sent).status_code in (302, 400, 422)
    assert asked() == 0


@pytest.mark.parametrize("token", ["x", "a:b:c", "W10:1:" + "x" * 43, "%00", "\u0436", "y" * 4000])
def test_an_odd_link_opens_nothing(token: str, anna: User, stranger: Client) -> None:
    address = f"/sign-in/reset/{token}/"
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"password": NEW}).status_code == 404
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)


def test_a_letter_goes_to_those_alone_who_have_an_address(anna: User, stranger: Client) -> None:
    User.objects.filter(pk=anna.pk).update(email="")
    assert ask(stranger, anna.login) == 302
    assert (asked(), letters()) == (0, 0)


def test_who_left_before_the_letter_was_written_gets_none(anna: User, olga: User, stranger: Client) -> None:
    ask(stranger, anna.login)
    actions.dismiss_user(anna, by=olga)
    assert letters() == 0


def test_where_no_letters_are_sent_the_administrator_is_asked(anna: User, stranger: Client) -> None:
    store({"mail.host": ""})
    assert "Ask your administrator" in (page := stranger.get("/sign-in/").content.decode())
    assert "/sign-in/forgotten/" not in page
    assert ask(stranger, anna.login) == 404
    stranger.force_login(anna)
    for address in ("/profile/password/", "/profile/proof/"):
        assert "/sign-in/forgotten/" not in stranger.get(address).content.decode()


def test_who_is_signed_in_and_forgot_it_gets_a_letter_too(anna: User, stranger: Client) -> None:
    stranger.force_login(anna)
    for address in ("/profile/password/", "/profile/proof/"):
        assert "/sign-in/forgotten/" in stranger.get(address).content.decode()
    assert ask(stranger, anna.login) == 302
    assert letters() == 1


def test_a_mailbox_and_the_portal_are_no_target(anna: User, boris: User) -> None:
    for number in range(MOST_OF_PERSON + 2):
        assert ask(browser(f"192.0.{number}.1"), anna.login) == 302
    assert letters() == MOST_OF_PERSON
    answers = [ask(browser("198.51.100.7"), f"nobody-{number}") for number in range(MOST_OF_NETWORK + 1)]
    assert answers == [302] * MOST_OF_NETWORK + [422]
    assert ask(browser("198.51.100.8"), boris.login) == 422
    assert ask(browser("203.0.113.8"), boris.login) == 302


def test_a_link_is_good_once_for_an_hour_and_as_it_was_written(
    anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, others = token_of(anna), token_of(boris)
    now = timezone.now()

    def at(moment: datetime) -> None:
        monkeypatch.setattr("django.core.signing.time.time", moment.timestamp)

    assert (person_of(token), person_of(others)) == (anna, boris)
    assert person_of(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    at(now + GOOD_FOR - timedelta(minutes=1))
    assert person_of(token) == anna
    at(now + GOOD_FOR + timedelta(minutes=1))
    assert person_of(token) is None
    at(now)
    actions.reset_password(anna, NEW)
    assert (person_of(token), person_of(others)) == (None, boris)


def test_a_password_that_was_changed_otherwise_voids_it(anna: User, stranger: Client) -> None:
    address = f"/sign-in/reset/{token_of(anna)}/"
    actions.change_password(anna, NEW, by=anna)
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"password": "another-long-one"}).status_code == 404
    anna.refresh_from_db()
    assert anna.check_password(NEW)


def test_of_two_who_hold_one_link_the_first_sets_the_password(anna: User) -> None:
    twice = User.objects.get(pk=anna.pk)
    actions.reset_password(anna, NEW)
    with pytest.raises(ValidationError, match="was used already"):
        actions.reset_password(twice, "another-long-one")
    twice.refresh_from_db()
    assert twice.check_password(NEW)


def test_who_left_meanwhile_sets_none(anna: User, olga: User, stranger: Client) -> None:
    address, seen = f"/sign-in/reset/{token_of(anna)}/", User.objects.get(pk=anna.pk)
    actions.suspend_user(anna, by=olga)
    assert stranger.get(address).status_code == 404
    with pytest.raises(ValidationError):
        actions.reset_password(seen, NEW)


def test_a_weak_password_is_refused_and_the_link_stays_good(anna: User, stranger: Client) -> None:
    address = f"/sign-in/reset/{token_of(anna)}/"
    assert stranger.post(address, {"password": "short"}).status_code == 422
    assert stranger.post(address, {"password": NEW}).status_code == 302


def test_everybody_who_is_signed_in_as_them_is_out(anna: User, boris: User, stranger: Client) -> None:
    thief, other = browser(), browser()
    assert (sign_in(thief, anna, PASSWORD), sign_in(other, boris, PASSWORD)) == (302, 302)
    stranger.post(f"/sign-in/reset/{token_of(anna)}/", {"password": NEW})
    assert not Session.objects.filter(user=anna).exists()
    assert thief.get("/notifications/").status_code == 302
    assert other.get("/notifications/").status_code == 200


def test_the_link_is_no_second_factor(anna: User, stranger: Client) -> None:
    factors.add_totp(anna, SEED, pyotp.TOTP(SEED).now(), by=anna)
    answer = stranger.post(f"/sign-in/reset/{token_of(anna)}/", {"password": NEW})
    assert answer.headers["Location"].startswith("/sign-in/")
    assert stranger.get("/notifications/").status_code == 302
    answer = stranger.post("/sign-in/", {"login": anna.login, "password": NEW})
    assert answer.headers["Location"] == "/sign-in/second-step/"


def test_who_has_guessed_in_vain_before_does_not_wait_with_the_right_one(
    anna: User, stranger: Client
) -> None:
    for _ in range(MOST_OF_LOGIN):
        assert sign_in(stranger, anna, "wrong") == 422
    assert sign_in(stranger, anna, PASSWORD) == 422
    stranger.post(f"/sign-in/reset/{token_of(anna)}/", {"password": NEW})
    assert sign_in(stranger, anna, NEW) == 302


@pytest.mark.usefixtures("kept_elsewhere")
def test_whose_password_is_kept_elsewhere_is_told_where(anna: User, olga: User, stranger: Client) -> None:
    """An administrator has one here besides."""
    ask(stranger, anna.login)
    ask(stranger, olga.login)
    deliver_all()
    told = {letter.to: letter for letter in QueuedLetter.objects.all()}
    assert "CORP" in told[anna.email].text
    assert "/sign-in/reset/" not in told[anna.email].text
    assert "/sign-in/reset/" in told[olga.email].text
    assert person_of(token_of(anna)) is None
    assert person_of(token_of(olga)) == olga
    with pytest.raises(ValidationError, match="CORP"):
        actions.reset_password(anna, NEW)


def test_it_stands_in_the_audit_log(anna: User, stranger: Client) -> None:
    ask(stranger, anna.login)
    stranger.post(f"/sign-in/reset/{token_of(anna)}/", {"password": NEW})
    deliver_all()
    kinds = AuditRecord.objects.order_by("pk").values_list("kind", "by_id", "about_id")
    assert ("accounts.password_reset_asked", None, anna.pk) in kinds
    assert ("accounts.password_reset", anna.pk, None) in kinds
