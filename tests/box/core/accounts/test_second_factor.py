"""The second factor: asked for, good once, and never a way to lock oneself out for good."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from box.core.access.actions import create_role, grant_role, set_second_factor
from box.core.accounts import factors
from box.core.accounts.actions import NewUser, invite, set_administrator
from box.core.accounts.invitations import token_of
from box.core.accounts.models import RecoveryCode, Session, Totp, User
from box.core.accounts.throttle import MOST_OF_SECOND_STEP
from box.core.registry.settings import store
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def browser() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def code(seconds: int = 0) -> str:
    return pyotp.TOTP(SEED).at(timezone.now() + timedelta(seconds=seconds))


def with_totp(user: User) -> User:
    factors.add_totp(user, SEED, code(-30), by=user)
    return user


def password_given(client: Client, user: User, **more: str) -> Any:
    return client.post("/sign-in/", {"login": user.login, "password": PASSWORD, **more})


def test_after_the_password_the_code_is_asked_for_and_nothing_is_open_before(anna: User) -> None:
    with_totp(anna)
    client = browser()
    assert password_given(client, anna, next="/employees/").headers["Location"] == "/sign-in/second-step/"
    assert client.get("/feed/").status_code == 302
    assert not Session.objects.filter(user=anna).exists()
    before = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    answer = client.post("/sign-in/second-step/", {"code": code()})
    assert answer.headers["Location"] == "/employees/"
    assert client.get("/feed/").status_code == 200
    # Whoever planted the key of the half session has nothing of the whole one.
    assert client.cookies[django_settings.SESSION_COOKIE_NAME].value != before


def test_a_code_is_good_once(anna: User) -> None:
    with_totp(anna)
    now = code()
    assert factors.check_totp(anna, now)
    assert not factors.check_totp(anna, now)


@pytest.mark.parametrize("sent", ["", "000000", "nonsense", "١٢٣٤٥٦"])
def test_a_wrong_code_is_refused_with_a_word(anna: User, sent: str) -> None:
    with_totp(anna)
    client = browser()
    password_given(client, anna)
    answer = client.post("/sign-in/second-step/", {"code": sent})
    assert answer.status_code == 422
    assert not Session.objects.filter(user=anna).exists()


def test_codes_are_not_guessed_for_long(anna: User) -> None:
    with_totp(anna)
    client = browser()
    password_given(client, anna)
    for _ in range(10):
        client.post("/sign-in/second-step/", {"code": "000000"})
    answer = client.post("/sign-in/second-step/", {"code": code()})
    assert "Too many attempts" in answer.content.decode()


def test_codes_are_not_guessed_from_many_networks_either(anna: User) -> None:
    with_totp(anna)
    own = browser()
    password_given(own, anna)
    assert own.post("/sign-in/second-step/", {"code": code()}).status_code == 302
    own.post("/sign-out/")
    client = browser()
    password_given(client, anna)

    def tried(at: Client, network: int, said: str) -> str:
        answer = at.post("/sign-in/second-step/", {"code": said}, REMOTE_ADDR=f"192.0.{network}.7")
        return str(answer.content.decode())

    for number in range(MOST_OF_SECOND_STEP):
        assert "Too many attempts" not in tried(client, number // 5, "000000")
    assert "Too many attempts" in tried(client, 77, code(30))
    password_given(own, anna)
    assert "Too many attempts" not in tried(own, 0, code(30)), "she has been here with this browser"


@pytest.mark.parametrize("change", ["password", "late", "dismissed"])
def test_a_half_sign_in_ends_with_the_password_the_time_or_the_person(
    anna: User, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_totp(anna)
    client = browser()
    password_given(client, anna)
    if change == "password":
        anna.set_password("entirely different words")
    elif change == "dismissed":
        anna.status = User.Status.DISMISSED
    else:
        data = client.session
        data["pending"] = {**data["pending"], "until": (timezone.now() - timedelta(seconds=1)).isoformat()}
        data.save()
    anna.save()
    answer = client.post("/sign-in/second-step/", {"code": code()})
    assert answer.headers["Location"] == "/sign-in/"


def test_a_recovery_code_lets_in_once_however_it_is_written(anna: User) -> None:
    with_totp(anna)
    first, *_others = factors.new_recovery_codes(anna)
    for written, status in ((f" {first.upper()} ", 302), (first, 422)):
        client = browser()
        password_given(client, anna)
        assert client.post("/sign-in/second-step/", {"code": written}).status_code == status
    assert RecoveryCode.objects.filter(user=anna).count() == 9


def test_what_is_stored_opens_nothing(anna: User) -> None:
    with_totp(anna)
    codes = factors.new_recovery_codes(anna)
    assert SEED not in Totp.objects.get(user=anna).seed
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert stored.isdisjoint({one.replace("-", "") for one in codes} | set(codes))


def test_one_sets_an_app_up_and_is_given_recovery_codes(as_person: Browser, anna: User) -> None:
    client = as_person(anna)
    page = client.get("/profile/security/app/").content.decode()
    found = re.search(r'<code class="seed">(\w+)</code>', page)
    assert found
    assert "data:image/svg+xml" in page
    assert client.post("/profile/security/app/", {"code": "000000"}).status_code == 422
    anna.refresh_from_db()
    assert not anna.has_second_factor
    answer = client.post("/profile/security/app/", {"code": pyotp.TOTP(found[1]).now()})
    assert len(re.findall(r"<li><code>[a-z2-9-]{11}</code>", answer.content.decode())) == 10
    anna.refresh_from_db()
    assert anna.has_second_factor


def test_new_recovery_codes_void_the_old_ones(as_person: Browser, anna: User) -> None:
    with_totp(anna)
    (old, *_others) = factors.new_recovery_codes(anna)
    assert as_person(anna).post("/profile/security/recovery-codes/").status_code == 200
    assert not factors.use_recovery_code(anna, old)


# Needed by role


def test_an_administrator_is_led_to_set_it_up_and_may_put_it_off_for_some_days(olga: User) -> None:
    client = browser()
    answer = password_given(client, olga, next="/employees/")
    assert answer.headers["Location"] == "/profile/security/?next=%2Femployees%2F"
    page = client.get(answer.headers["Location"]).content.decode()
    assert 'href="/employees/"' in page
    assert client.get("/employees/").status_code == 200


def test_after_these_days_nothing_else_is_open(olga: User) -> None:
    client = browser()
    password_given(client, olga)
    User.objects.filter(pk=olga.pk).update(second_factor_due_at=timezone.now() - timedelta(minutes=1))
    assert client.get("/feed/?a=1").headers["Location"] == "/profile/security/?next=%2Ffeed%2F%3Fa%3D1"
    part = client.get("/feed/news/?after=0", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"].startswith("/profile/security/")
    page = client.get("/profile/security/?next=/feed/").content.decode()
    assert "to go on" in page
    assert ">Later<" not in page
    assert client.get("/profile/security/app/").status_code == 200
    assert client.post("/sign-out/").status_code == 302


def test_without_days_it_is_due_at_once(olga: User) -> None:
    store({"sign_in.grace_days": 0})
    client = browser()
    password_given(client, olga)
    assert client.get("/feed/").headers["Location"].startswith("/profile/security/")


def test_a_role_that_needs_it_asks_its_holders_and_nobody_else(anna: User, boris: User, olga: User) -> None:
    role = create_role("Accountants", [], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    assert not factors.is_needed(anna)
    set_second_factor(role, True, by=olga)
    assert factors.is_needed(anna)
    assert not factors.is_needed(boris)
    assert factors.is_needed(olga)


def test_who_joins_as_an_administrator_is_led_to_it_too(olga: User) -> None:
    chief = invite(NewUser(email="chief@example.com", is_administrator=True), by=olga)
    client = browser()
    answer = client.post(f"/join/{token_of(chief)}/", {"password": "nine-lives-cat"})
    assert answer.headers["Location"].startswith("/profile/security/?next=")
    chief.refresh_from_db()
    assert chief.second_factor_due_at is not None


def by_promotion(anna: User, by: User) -> None:
    set_administrator(anna, True, by=by)


def by_a_role(anna: User, by: User) -> None:
    role = create_role("Accountants", [], by=by)
    set_second_factor(role, True, by=by)
    grant_role(role, f"U{anna.pk}", by=by)


@pytest.mark.parametrize("comes", [by_promotion, by_a_role])
def test_what_needs_it_and_comes_into_an_open_session_asks_there(
    anna: User, olga: User, comes: Callable[[User, User], None]
) -> None:
    client = browser()
    password_given(client, anna)
    assert client.get("/employees/").status_code == 200
    comes(anna, olga)
    assert client.get("/employees/").status_code == 200
    anna.refresh_from_db()
    due = anna.second_factor_due_at
    assert due is not None
    assert client.get("/employees/").status_code == 200
    anna.refresh_from_db()
    assert anna.second_factor_due_at == due, "the days begin once"
    User.objects.filter(pk=anna.pk).update(second_factor_due_at=timezone.now() - timedelta(minutes=1))
    assert client.get("/employees/").headers["Location"].startswith("/profile/security/")


def test_a_box_that_can_only_be_read_begins_no_days(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser()
    password_given(client, anna)
    set_administrator(anna, True, by=olga)
    monkeypatch.setattr(factors, "is_read_only", lambda: True)
    assert client.get("/employees/").status_code == 200
    anna.refresh_from_db()
    assert anna.second_factor_due_at is None


def test_who_needs_it_keeps_one(as_person: Browser, olga: User, anna: User) -> None:
    for person, status in ((with_totp(olga), 403), (with_totp(anna), 200)):
        assert as_person(person).delete("/profile/security/app/").status_code == status
        assert Totp.objects.filter(user=person).exists() is (status == 403)


# The way back


def test_an_administrator_resets_it(as_person: Browser, anna: User, olga: User, boris: User) -> None:
    with_totp(anna)
    open_before = as_person(anna)
    assert as_person(boris).delete(f"/employees/{anna.pk}/second-factor/").status_code == 403
    assert as_person(olga).delete(f"/employees/{olga.pk}/second-factor/").status_code == 403
    assert as_person(olga).delete(f"/employees/{anna.pk}/second-factor/").status_code == 200
    assert open_before.get("/feed/").status_code == 302
    assert password_given(browser(), anna).headers["Location"] == "/"


def test_the_last_administrator_is_helped_by_boxctl(olga: User) -> None:
    with_totp(olga)
    call_command("user", "reset-second-factor", olga.login)
    assert password_given(browser(), olga).headers["Location"].startswith("/profile/security/")
    with pytest.raises(CommandError, match="boxctl user list"):
        call_command("user", "reset-second-factor", "nobody")
