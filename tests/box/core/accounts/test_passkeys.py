"""Passkeys: a sign-in of its own, a second factor, and nothing that a false page or a copy could use."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from box.core.accounts import factors, passkey_pages, passkeys
from box.core.accounts.auditing import SIGN_IN_REFUSED
from box.core.accounts.models import Passkey, RecoveryCode, Session, User
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from tests.box.core.accounts.authenticator import PRESENT, Authenticator, decoded
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

ORIGIN = django_settings.PORTAL_URL


def browser() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def device(**more: Any) -> Authenticator:
    return Authenticator(ORIGIN, **more)


def added(client: Client, made: Authenticator, name: str = "My phone") -> Any:
    options = client.post("/profile/security/passkeys/challenge/").json()
    return client.post("/profile/security/passkeys/", {"name": name, "credential": made.create(options)})


def signed(client: Client, made: Authenticator, **more: str) -> Any:
    options = client.post("/sign-in/passkey/challenge/").json()
    return client.post("/sign-in/passkey/", {"credential": made.get(options), **more})


@pytest.fixture
def phone(as_person: Browser, anna: User) -> Authenticator:
    """anna's, with a passkey of hers."""
    made = device()
    assert added(as_person(anna), made).status_code == 200
    anna.refresh_from_db()
    return made


def is_in(client: Client) -> bool:
    return client.get("/feed/").status_code == 200


def test_a_passkey_is_a_sign_in_of_its_own(phone: Authenticator, anna: User) -> None:
    client = browser()
    answer = signed(client, phone, next="/employees/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/employees/")
    assert Session.objects.filter(user=anna, pk=client.session.session_key).exists()
    passkey = Passkey.objects.get()
    assert (passkey.name, passkey.sign_count, passkey.transports) == ("My phone", 1, ["internal"])
    assert passkey.used_at
    record = AuditRecord.objects.get(kind="accounts.signed_in")
    assert record.details["step"] == "passkey"


def test_it_is_the_second_step_after_the_password(phone: Authenticator, anna: User) -> None:
    client = browser()
    answer = client.post(
        "/sign-in/", {"login": anna.login, "password": PASSWORD, "next": "/employees/"}, follow=True
    )
    assert "Use a passkey" in answer.content.decode()
    assert "Recovery code" in answer.content.decode()
    options = client.post("/sign-in/passkey/challenge/").json()
    assert [decoded(one["id"]) for one in options["allowCredentials"]] == [phone.credential_id]
    answer = client.post("/sign-in/passkey/", {"credential": phone.get(options)})
    assert answer.headers["Location"] == "/employees/"
    assert is_in(client)


def test_in_the_second_step_of_anna_nobody_elses_passkey_is_taken(
    phone: Authenticator, as_person: Browser, anna: User, boris: User
) -> None:
    other = device()
    added(as_person(boris), other)
    client = browser()
    client.post("/sign-in/", {"login": anna.login, "password": PASSWORD})
    answer = signed(client, other)
    assert answer.status_code == 422
    assert "Second step" in answer.content.decode()
    assert not is_in(client)


def test_what_is_asked_for_needs_the_person_and_names_nobody(phone: Authenticator) -> None:
    options = browser().post("/sign-in/passkey/challenge/").json()
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    assert not options.get("allowCredentials")


def test_what_is_made_can_be_found_without_a_login_and_tells_nothing_of_the_person(
    as_person: Browser, anna: User
) -> None:
    options = as_person(anna).post("/profile/security/passkeys/challenge/").json()
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    handle = decoded(options["user"]["id"])
    assert str(anna.pk).encode() not in handle
    assert len(handle) == 32


def test_the_first_passkey_brings_recovery_codes_and_counts_as_second_factor(
    as_person: Browser, anna: User
) -> None:
    client = as_person(anna)
    page = added(client, device()).content.decode()
    assert len(re.findall(r"<code>\w{5}-\w{5}</code>", page)) == 10
    anna.refresh_from_db()
    assert anna.has_second_factor
    assert added(client, device()).status_code == 302
    shown = client.get("/profile/security/").content.decode()
    assert shown.count("My phone") >= 2


def test_a_recovery_code_stands_in_for_a_lost_device(phone: Authenticator, anna: User) -> None:
    code, *_ = factors.new_recovery_codes(anna)
    client = browser()
    client.post("/sign-in/", {"login": anna.login, "password": PASSWORD})
    assert client.post("/sign-in/second-step/", {"code": code}).status_code == 302
    assert is_in(client)


@pytest.mark.parametrize(
    "wrong",
    [
        "other origin",
        "plain origin",
        "other port",
        "not verified",
        "not present",
        "other key",
        "other handle",
    ],
)
def test_what_is_not_of_this_portal_and_this_person_is_refused(phone: Authenticator, wrong: str) -> None:
    match wrong:
        case "other origin":
            phone.origin = "https://localhost.evil.example"
        case "plain origin":
            phone.origin = ORIGIN.replace("https", "http")
        case "other port":
            phone.origin = "https://localhost:1"
        case "not verified":
            phone.flags = PRESENT
        case "not present":
            phone.flags = 0x04
        case "other key":
            phone.key = device().key
        case "other handle":
            phone.user_handle = b"x" * 32
    client = browser()
    answer = signed(client, phone)
    assert answer.status_code == 422
    assert "was not accepted" in answer.content.decode()
    assert not is_in(client)
    record = AuditRecord.objects.get(kind="accounts.sign_in_refused")
    assert record.details["step"] == "passkey"


@pytest.mark.parametrize("wrong", ["other origin", "not verified"])
def test_none_is_added_that_was_made_elsewhere_or_without_the_person(
    as_person: Browser, anna: User, wrong: str
) -> None:
    made = device()
    if wrong == "other origin":
        made.origin = "https://evil.example"
    else:
        made.flags = PRESENT
    assert added(as_person(anna), made).status_code == 422
    assert not Passkey.objects.exists()


def test_a_challenge_is_good_once_in_its_session_and_for_its_purpose(
    phone: Authenticator, as_person: Browser, anna: User
) -> None:
    client, other = browser(), browser()
    options = client.post("/sign-in/passkey/challenge/").json()
    other.post("/sign-in/passkey/challenge/")
    answer = phone.get(options)
    # In another session.
    assert other.post("/sign-in/passkey/", {"credential": answer}).status_code == 422
    assert client.post("/sign-in/passkey/", {"credential": answer}).status_code == 302
    client.post("/sign-out/")
    assert client.post("/sign-in/passkey/", {"credential": answer}).status_code == 422
    # Made to sign in, and used to add.
    inside = as_person(anna)
    options = inside.post("/profile/security/passkeys/challenge/").json()
    session = inside.session
    session["challenge"] = {**session["challenge"], "purpose": "sign in"}
    session.save()
    sent = {"name": "x", "credential": device().create(options)}
    assert inside.post("/profile/security/passkeys/", sent).status_code == 422


def test_a_challenge_gets_old(phone: Authenticator) -> None:
    client = browser()
    options = client.post("/sign-in/passkey/challenge/").json()
    session = client.session
    ago = (timezone.now() - timedelta(seconds=1)).isoformat()
    session["challenge"] = {**session["challenge"], "until": ago}
    session.save()
    answer = client.post("/sign-in/passkey/", {"credential": phone.get(options)})
    assert "took too long" in answer.content.decode()


def test_a_copy_is_noticed_by_its_counter(phone: Authenticator, anna: User) -> None:
    assert signed(browser(), phone).status_code == 302
    phone.count = 0
    answer = signed(browser(), phone)
    assert "may have been copied" in answer.content.decode()
    assert Passkey.objects.get().sign_count == 1
    record = AuditRecord.objects.get(kind="accounts.sign_in_refused")
    assert record.about_id == anna.pk


def test_a_device_that_does_not_count_is_taken_again_and_again(as_person: Browser, anna: User) -> None:
    made = device(counts=False)
    added(as_person(anna), made)
    for _ in range(2):
        assert signed(browser(), made).status_code == 302


@pytest.mark.parametrize("state", [User.Status.SUSPENDED, User.Status.DISMISSED])
def test_who_may_not_come_in_does_not_with_a_passkey_either(
    phone: Authenticator, anna: User, state: User.Status
) -> None:
    anna.status = state
    anna.save()
    answer = signed(browser(), phone)
    assert "not known here" in answer.content.decode()


@pytest.mark.parametrize("sent", ["", "{", "[]", '{"rawId": 5}', '{"rawId": "eA", "id": "eA"}', "x" * 30_000])
def test_nonsense_is_refused_with_a_word(phone: Authenticator, sent: str) -> None:
    client = browser()
    client.post("/sign-in/passkey/challenge/")
    answer = client.post("/sign-in/passkey/", {"credential": sent})
    assert answer.status_code == 422
    assert "not accepted" in answer.content.decode()


def test_nobody_fills_the_audit_log_or_the_sessions_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkey_pages, "MOST_CHALLENGES", 3)
    monkeypatch.setattr(passkey_pages, "MOST_REFUSED", 3)
    asked = [browser().post("/sign-in/passkey/challenge/").status_code for _ in range(4)]
    assert asked == [200, 200, 200, 429]
    answers = [browser().post("/sign-in/passkey/", {"credential": "{}"}) for _ in range(5)]
    assert ["Too many attempts" in one.content.decode() for one in answers] == [False] * 3 + [True] * 2
    assert AuditRecord.objects.filter(kind=SIGN_IN_REFUSED).count() == 3


def test_one_is_removed_by_its_person_who_gives_the_password_again(
    phone: Authenticator, as_person: Browser, anna: User, boris: User
) -> None:
    passkey = Passkey.objects.get()
    address = f"/profile/security/passkeys/{passkey.pk}/"
    assert as_person(boris).delete(address).status_code == 404
    client = as_person(anna)
    session = client.session
    session["proven_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    session.save()
    assert "/profile/proof/" in client.delete(address).headers["Location"]
    assert "/profile/proof/" in client.post("/profile/security/passkeys/challenge/").headers["Location"]
    assert Passkey.objects.exists()
    assert as_person(anna).delete(address).status_code == 200
    anna.refresh_from_db()
    assert not Passkey.objects.exists()
    assert not anna.has_second_factor
    assert not RecoveryCode.objects.filter(user=anna).exists()
    assert "not known here" in signed(browser(), phone).content.decode()
    deliver_all()
    kinds = set(AuditRecord.objects.values_list("kind", flat=True))
    assert {"accounts.second_factor_added", "accounts.second_factor_removed"} <= kinds


def test_a_role_that_needs_a_second_factor_keeps_the_last_one_of_either_kind(
    as_person: Browser, olga: User
) -> None:
    client = as_person(olga)
    added(client, device())
    passkey = Passkey.objects.get()
    address = f"/profile/security/passkeys/{passkey.pk}/"
    answer = client.delete(address)
    assert answer.status_code == 403
    assert "cannot be without one" in answer.content.decode()
    seed = factors.new_seed()
    factors.add_totp(olga, seed, pyotp.TOTP(seed).now(), by=olga)
    assert client.delete(address).status_code == 200
    olga.refresh_from_db()
    assert olga.has_second_factor
    assert client.delete("/profile/security/app/").status_code == 403
    added(client, device())
    assert client.delete("/profile/security/app/").status_code == 200
    olga.refresh_from_db()
    assert olga.has_second_factor


def test_resetting_takes_the_passkeys_too(phone: Authenticator, anna: User, olga: User) -> None:
    factors.reset(anna, by=olga)
    assert not Passkey.objects.exists()
    assert signed(browser(), phone).status_code == 422


def test_one_passkey_cannot_be_of_two_people(phone: Authenticator, as_person: Browser, boris: User) -> None:
    answer = added(as_person(boris), phone)
    assert "in use already" in answer.content.decode()
    assert Passkey.objects.count() == 1


def test_there_are_not_too_many(as_person: Browser, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MOST", 1)
    client = as_person(anna)
    added(client, device())
    assert "remove one first" in added(client, device()).content.decode()


def test_those_there_are_are_not_made_again(phone: Authenticator, as_person: Browser, anna: User) -> None:
    options = as_person(anna).post("/profile/security/passkeys/challenge/").json()
    assert [decoded(one["id"]) for one in options["excludeCredentials"]] == [phone.credential_id]


def test_the_balancers_own_words_make_no_difference(phone: Authenticator) -> None:
    """The origin is the portal's as it is configured, whatever host a request names."""
    client = Client(headers={"X-Forwarded-Proto": "https", "Host": "evil.example"})
    options = client.post("/sign-in/passkey/challenge/").json()
    assert options["rpId"] == "localhost"
    phone.origin = "https://evil.example"
    assert client.post("/sign-in/passkey/", {"credential": phone.get(options)}).status_code == 422


def test_where_the_portal_has_an_address_for_a_name_there_are_none(
    as_person: Browser, anna: User, settings: Any
) -> None:
    settings.PORTAL_URL = "https://192.0.2.7:8443"
    assert "Use a passkey" not in browser().get("/sign-in/").content.decode()
    client = as_person(anna)
    assert "/profile/security/passkeys/" not in client.get("/profile/security/").content.decode()
    assert client.get("/profile/security/passkeys/").status_code == 404


def test_a_name_in_other_letters_is_compared_as_browsers_write_it(settings: Any) -> None:
    settings.PORTAL_URL = "https://портал.example"
    assert passkeys.host().isascii()
    assert passkeys.host().startswith("xn--")
    assert json.dumps(passkeys.request_for(None)[0])


def test_it_reads_in_russian(as_person: Browser, anna: User) -> None:
    anna.language = "ru"
    anna.save()
    assert "Ключи доступа" in as_person(anna).get("/profile/security/").content.decode()
