"""Guessing is slow for whoever guesses, and for nobody else; dangerous things ask again; sessions end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, hashers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.core.accounts import actions
from box.core.accounts.browsers import COOKIE, described
from box.core.accounts.digests import digest
from box.core.accounts.models import Failures, Session, User
from box.core.accounts.sessions import SessionStore
from box.core.accounts.throttle import MOST_OF_LOGIN, MOST_OF_NETWORK, forget, network_of
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.registry.settings import store
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HOME, AWAY = "192.0.2.1", "198.51.100.1"


def browser() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def tried(client: Client, login: str, password: str, address: str = HOME) -> Any:
    return client.post("/sign-in/", {"login": login, "password": password}, REMOTE_ADDR=address)


@pytest.fixture
def guessed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was hashed."""
    hashed: list[str] = []
    encode = hashers.Argon2PasswordHasher.encode

    def count(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.Argon2PasswordHasher, "encode", count)
    verify = hashers.Argon2PasswordHasher.verify

    def count_verified(self: Any, password: str, encoded: str) -> bool:
        hashed.append(password)
        return verify(self, password, encoded)

    monkeypatch.setattr(hashers.Argon2PasswordHasher, "verify", count_verified)
    return hashed


def test_who_guesses_waits_and_who_sits_elsewhere_does_not(anna: User) -> None:
    for _ in range(MOST_OF_LOGIN):
        assert tried(browser(), anna.login, "wrong", AWAY).status_code == 422
    answer = tried(browser(), anna.login, PASSWORD, AWAY)
    assert "Too many attempts" in answer.content.decode()
    assert tried(browser(), anna.login, PASSWORD, HOME).status_code == 302


def test_a_person_is_counted_by_whichever_name_they_are_called(anna: User) -> None:
    anna.login = "anna.a"
    anna.save()
    names = [anna.login, anna.email, f" {anna.login.upper()}", anna.email.title()]
    for number in range(MOST_OF_LOGIN):
        assert "Too many" not in tried(browser(), names[number % 4], "wrong", AWAY).content.decode()
    for name in names:
        assert "Too many attempts" in tried(browser(), name, PASSWORD, AWAY).content.decode()


def test_a_name_that_looks_like_a_person_counts_nobody(anna: User) -> None:
    for _ in range(MOST_OF_LOGIN):
        tried(browser(), f"person {anna.pk}", "wrong", AWAY)
    assert tried(browser(), anna.login, PASSWORD, AWAY).status_code == 302


def test_a_browser_that_is_known_is_not_closed_by_others_of_its_network(anna: User) -> None:
    own = browser()
    assert tried(own, anna.login, PASSWORD).status_code == 302
    own.post("/sign-out/")
    for _ in range(MOST_OF_LOGIN):
        tried(browser(), anna.login, "wrong")
    assert "Too many" in tried(browser(), anna.login, PASSWORD).content.decode()
    assert tried(own, anna.login, PASSWORD).status_code == 302


def test_a_known_browser_is_one_of_its_person_alone(anna: User, boris: User) -> None:
    own = browser()
    tried(own, anna.login, PASSWORD)
    own.post("/sign-out/")
    for _ in range(MOST_OF_LOGIN):
        tried(own, boris.login, "wrong")
    assert "Too many" in tried(browser(), boris.login, PASSWORD).content.decode()


def test_one_password_for_many_logins_is_no_way_round(anna: User) -> None:
    Failures.objects.create(key=digest(f"network:{network_of(HOME)}"), count=MOST_OF_NETWORK)
    assert "Too many" in tried(browser(), anna.login, PASSWORD, "192.0.2.77").content.decode()
    assert tried(browser(), anna.login, PASSWORD, AWAY).status_code == 302


@pytest.mark.parametrize("attempts", [1, MOST_OF_LOGIN + 1])
def test_a_known_and_an_unknown_login_cost_as_many_hashes_and_say_the_same(
    anna: User, guessed: list[str], attempts: int
) -> None:
    said = []
    for login in (anna.login, "nobody@example.com"):
        guessed.clear()
        answers = [tried(browser(), login, "wrong") for _ in range(attempts)]
        said.append((len(guessed), [answer.status_code for answer in answers], text_of(answers[-1], login)))
    assert said[0] == said[1]


def text_of(answer: Any, login: str) -> str:
    return str(answer.content.decode().partition('role="alert"')[2].partition("</div>")[0].replace(login, ""))


def test_the_wait_ends_and_what_it_was_about_is_forgotten(anna: User) -> None:
    for _ in range(MOST_OF_LOGIN):
        tried(browser(), anna.login, "wrong")
    Failures.objects.update(began_at=timezone.now() - timedelta(minutes=16))
    assert tried(browser(), anna.login, PASSWORD).status_code == 302
    tried(browser(), anna.login, "wrong")
    assert set(Failures.objects.values_list("count", flat=True)) == {1}
    Failures.objects.update(began_at=timezone.now() - timedelta(minutes=16))
    forget(timezone.now())
    assert not Failures.objects.exists()


def test_the_first_browser_is_no_news_and_the_second_is(
    anna: User, django_capture_on_commit_callbacks: Any
) -> None:
    first = browser()
    tried(first, anna.login, PASSWORD)
    first.post("/sign-out/")
    tried(first, anna.login, PASSWORD)
    assert not Event.objects.filter(kind="accounts.PeopleCalled").exists()
    tried(browser(), anna.login, PASSWORD)
    assert Event.objects.filter(kind="accounts.PeopleCalled").count() == 1
    deliver_all()
    assert "in a new browser" in first.get("/notifications/").content.decode()


def test_the_cookie_of_a_browser_is_read_by_no_script(anna: User) -> None:
    client = browser()
    tried(client, anna.login, PASSWORD)
    cookie = client.cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/")


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 YaBrowser/25 Safari/537", "Yandex, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604", "Safari, iPhone"),
        ("curl/8", "Unknown browser"),
    ],
)
def test_a_browser_is_told_as_one_knows_it(agent: str, said: str) -> None:
    assert described(agent) == said


# Proving again


def test_what_is_dangerous_asks_for_the_password_again(as_person: Browser, olga: User) -> None:
    client = as_person(olga)
    data = client.session
    data["proven_at"] = (timezone.now() - timedelta(minutes=16)).isoformat()
    data.save()
    address = "/console/roles/new/"
    asked = client.get(address).headers["Location"]
    assert asked == "/profile/proof/?next=%2Fconsole%2Froles%2Fnew%2F"
    sent = client.post(address, {"name": "Watchers"}, headers={"Referer": f"https://testserver{address}"})
    assert sent.headers["Location"] == asked
    assert client.post(asked, {"password": "wrong", "next": address}).status_code == 422
    led = client.post(asked, {"password": PASSWORD, "next": "https://evil.example/"})
    assert led.headers["Location"] == "/"
    assert client.get(address).status_code == 200


def test_the_password_is_not_guessed_from_an_open_session(as_person: Browser, olga: User) -> None:
    client = as_person(olga)
    for _ in range(MOST_OF_LOGIN):
        client.post("/profile/proof/", {"password": "wrong"})
    assert "Too many" in client.post("/profile/proof/", {"password": PASSWORD}).content.decode()


# Sessions


def test_one_sees_where_one_is_signed_in_and_ends_it(anna: User, boris: User) -> None:
    here, there, others = browser(), browser(), browser()
    for client, person in ((here, anna), (there, anna), (others, boris)):
        tried(client, person.login, PASSWORD)
    page = here.get("/profile/security/").content.decode()
    assert page.count(">this one<") == 1
    key = there.session.session_key or ""
    assert key not in page
    assert others.post(f"/profile/security/sessions/{digest(key)}/ending/").status_code == 404
    assert here.post(f"/profile/security/sessions/{digest(key)}/ending/").status_code == 302
    assert there.get("/feed/").status_code == 302
    assert here.get("/feed/").status_code == 200
    assert others.get("/feed/").status_code == 200


def test_one_ends_all_others_at_once(anna: User) -> None:
    here, there = browser(), browser()
    for client in (here, there):
        tried(client, anna.login, PASSWORD)
    here.post("/profile/security/sessions/ending/")
    assert there.get("/feed/").status_code == 302
    assert here.get("/feed/").status_code == 200


def test_a_session_goes_on_while_it_is_used_but_not_for_ever(anna: User) -> None:
    store({"sign_in.idle_hours": 10, "sign_in.longest_days": 2})
    client = browser()
    tried(client, anna.login, PASSWORD)
    row = Session.objects.get()
    assert timedelta(hours=10) <= row.expire_date - row.started_at < timedelta(hours=11)
    session = SessionStore(row.session_key)
    session.load()
    session.touch(row.started_at + timedelta(hours=9))
    row.refresh_from_db()
    assert row.expire_date - row.started_at == timedelta(hours=19)
    session.touch(row.started_at + timedelta(hours=47))
    row.refresh_from_db()
    assert row.expire_date - row.started_at == timedelta(days=2)


def test_a_session_that_was_idle_for_too_long_is_over(anna: User) -> None:
    client = browser()
    tried(client, anna.login, PASSWORD)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/feed/").status_code == 302


def test_a_shorter_limit_cuts_sessions_that_are_open(anna: User) -> None:
    client = browser()
    tried(client, anna.login, PASSWORD)
    store({"sign_in.idle_hours": 1})
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=30))
    client.get("/feed/")
    row = Session.objects.get()
    assert row.expire_date - row.seen_at == timedelta(hours=1)


@pytest.mark.parametrize(
    ("password", "said"), [("elevenchars", "too short"), ("only letters here", "letters and digits")]
)
def test_passwords_follow_the_settings(anna: User, password: str, said: str) -> None:
    from django.core.exceptions import ValidationError

    store({"sign_in.password_length": 12, "sign_in.password_mix": True})
    with pytest.raises(ValidationError, match=said):
        actions.change_password(anna, password, by=anna)
    actions.change_password(anna, "letters and 12 digits", by=anna)


def test_a_page_asks_for_the_session_and_its_person_at_once(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    browser.get("/employees/")
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/employees/").status_code == 200
    asked = [query["sql"] for query in queries if '"accounts_session"' in query["sql"]]
    assert len(asked) == 1
    assert '"accounts_user"' in asked[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [(HASH_SESSION_KEY, "of another password"), (SESSION_KEY, "0"), (BACKEND_SESSION_KEY, "somewhere.Else")],
)
def test_a_session_that_is_not_exactly_theirs_lets_nobody_in(
    as_person: Browser, anna: User, key: str, value: str
) -> None:
    browser = as_person(anna)
    session = browser.session
    session[key] = value
    row = Session.objects.get(session_key=session.session_key)
    Session.objects.filter(pk=row.pk).update(session_data=session.encode(dict(session.items())))
    assert browser.get("/employees/").status_code == 302
