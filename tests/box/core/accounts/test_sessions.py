"""A signed-in browser: its key is new and its own, and it remembers from where the person came in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from box.core.accounts.models import Session, User
from box.core.accounts.sessions import SessionStore
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def signed_in(anna: User, client: Client, *, address: str = "192.0.2.1") -> Client:
    form = {"login": anna.email, "password": PASSWORD}
    answer = client.post("/sign-in/", form, REMOTE_ADDR=address)
    assert answer.status_code == 302
    return client


@pytest.fixture
def browser() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https", "User-Agent": "Lynx/2.9"})


def test_a_key_that_somebody_else_has_chosen_is_not_kept(anna: User, browser: Client) -> None:
    """Otherwise whoever plants a key in a browser is signed in with it as soon as its person is."""
    planted = SessionStore()
    planted["theirs"] = True
    planted.save()
    key = str(planted.session_key)
    browser.cookies[settings.SESSION_COOKIE_NAME] = key
    signed_in(anna, browser)
    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != key
    assert not Session.objects.filter(session_key=key).exists()
    thief = Client(headers={"X-Forwarded-Proto": "https"})
    thief.cookies[settings.SESSION_COOKIE_NAME] = key
    assert thief.get("/feed/").status_code == 302


def test_signing_in_as_another_leaves_nothing_of_the_first(anna: User, boris: User, browser: Client) -> None:
    signed_in(anna, browser)
    first = browser.cookies[settings.SESSION_COOKIE_NAME].value
    browser.post("/sign-out/")
    assert not Session.objects.filter(session_key=first).exists()
    signed_in(boris, browser)
    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != first


def test_the_cookie_is_this_hosts_alone_and_no_script_reads_it(anna: User, browser: Client) -> None:
    cookie = signed_in(anna, browser).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie.key.startswith("__Host-")
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")


def test_a_session_knows_its_person_and_where_they_came_from(anna: User, browser: Client) -> None:
    signed_in(anna, browser, address="2001:db8::7")
    session = Session.objects.get()
    assert (session.user, session.address, session.agent) == (anna, "2001:db8::7", "Lynx/2.9")


def test_a_session_keeps_its_beginning_when_it_is_written_again(anna: User, browser: Client) -> None:
    signed_in(anna, browser)
    data = browser.session
    data["entrance"] |= {"at": (timezone.now() - timedelta(days=3)).isoformat()}
    data.save()
    again = SessionStore(str(data.session_key))
    again["something"] = "new"
    again.save()
    assert timezone.now() - Session.objects.get().started_at > timedelta(days=2)


def test_an_address_that_is_none_is_not_noted(anna: User, browser: Client) -> None:
    signed_in(anna, browser, address="localhost")
    assert Session.objects.get().address is None
