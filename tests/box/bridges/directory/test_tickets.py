"""Single sign-on with real tickets of a real Kerberos: whom they let in, and from where."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any

import gssapi
import pytest
from django.conf import settings
from django.test import Client

from box.bridges.directory.mapping import SignIn
from box.bridges.directory.models import Connection
from box.bridges.directory.tickets import TicketRefused, read
from box.core.accounts import actions
from box.core.accounts.models import User
from tests.box.bridges.directory.conftest import ANNA, SECRET
from tests.directory import entries
from tests.directory.samba import harden, soften
from tests.directory.server import run

if TYPE_CHECKING:
    from tests.directory.samba import Samba

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("patience")]

PORTAL = "portal.corp.test"
INSIDE, OUTSIDE = "10.1.2.3", "198.51.100.1"
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


@pytest.fixture(scope="module")
def keytab(corp: Samba) -> bytes:
    """Of the account that the portal's service has in the domain."""
    corp.add(corp.person("korobka", password="Portal-0f-the-Corp"))
    found = corp.service_keytab("korobka", f"HTTP/{PORTAL}")
    corp.keep("corp")
    return found


@pytest.fixture
def taking(line: Connection, keytab: bytes) -> Connection:
    """The connection takes tickets from the company's network."""
    line.keytab = keytab
    line.sign_in = SignIn(
        is_on=True, kerberos_realm="CORP.TEST", kerberos_networks=("10.0.0.0/8", "127.0.0.0/8")
    )
    line.save()
    return line


@pytest.fixture
def ticket(corp: Samba, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a browser would send after its person has signed in at the computer."""

    def make(login: str = "anna", mechanism: gssapi.OID = SPNEGO) -> str:
        for name, value in corp.ticket(login, SECRET).items():
            monkeypatch.setenv(name, value)
        portal = gssapi.Name(f"HTTP@{PORTAL}", gssapi.NameType.hostbased_service)
        token = gssapi.SecurityContext(name=portal, mech=mechanism, usage="initiate").step()
        assert token is not None
        return f"Negotiate {base64.b64encode(token).decode()}"

    return make


def shown(authorization: str = "", address: str = INSIDE, onward: str = "", **headers: str) -> Any:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    sent = headers | ({"Authorization": authorization} if authorization else {})
    return client.get("/sign-in/ticket/", {"next": onward}, headers=sent, REMOTE_ADDR=address)


def test_a_ticket_lets_in(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    anna = imported("anna")
    answer = shown(ticket(), onward="/feed/")
    assert answer.headers["Location"] == "/feed/"
    assert answer.headers["WWW-Authenticate"].startswith("Negotiate ")
    assert anna.sessions.count() == 1


def test_over_real_http_with_curl(
    taking: Connection, imported: Callable[[str], User], corp: Samba, live_server: Any
) -> None:
    imported("anna")
    port = live_server.url.rpartition(":")[2]
    address = f"http://{PORTAL}:{port}/sign-in/ticket/?next=/feed/"
    curl = ["curl", "-s", "-i", "--resolve", f"{PORTAL}:{port}:127.0.0.1", "-H", "X-Forwarded-Proto: https"]
    with_ticket = run([*curl, "--negotiate", "-u", ":", address], env=corp.ticket("anna", SECRET))
    assert "302 Found" in with_ticket
    assert "Location: /feed/" in with_ticket
    without = run([*curl, address])
    assert "WWW-Authenticate: Negotiate" in without
    assert "form=no-ticket" in without


def test_the_sign_in_page_leads_there_once(taking: Connection) -> None:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    led = client.get("/sign-in/", {"next": "/feed/"}, REMOTE_ADDR=INSIDE)
    assert led.headers["Location"] == "/sign-in/ticket/?next=%2Ffeed%2F"
    asked = client.get(led.headers["Location"], REMOTE_ADDR=INSIDE)
    assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, "Negotiate")
    back = asked.headers["Refresh"].partition("url=")[2]
    form = client.get(back, REMOTE_ADDR=INSIDE)
    assert form.status_code == 200
    assert "/sign-in/ticket/?next=%2Ffeed%2F" in form.content.decode()
    assert 'value="/feed/"' in form.content.decode()


def test_whoever_signs_out_stays_out(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    imported("anna")
    client = Client(headers={"X-Forwarded-Proto": "https"})
    client.get("/sign-in/ticket/", headers={"Authorization": ticket()}, REMOTE_ADDR=INSIDE)
    client.post("/sign-out/", REMOTE_ADDR=INSIDE)
    # An open page that hears of it goes there by itself.
    assert client.get("/sign-in/", {"next": "/feed/"}, REMOTE_ADDR=INSIDE).status_code == 200
    client.get("/sign-in/ticket/", headers={"Authorization": ticket()}, REMOTE_ADDR=INSIDE)
    client.cookies.pop(settings.SESSION_COOKIE_NAME)
    assert client.get("/sign-in/", {"next": "/feed/"}, REMOTE_ADDR=INSIDE).status_code == 302


def test_without_a_ticket_the_form_says_why(taking: Connection) -> None:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    asked = client.get("/sign-in/ticket/", {"next": "/feed/"}, REMOTE_ADDR=INSIDE)
    by_itself = client.get(asked.headers["Refresh"].partition("url=")[2], REMOTE_ADDR=INSIDE)
    assert "has not said who you are" in by_itself.content.decode()
    chosen = re.search(r'href="(/sign-in/\?form=1[^"]*)"', asked.content.decode())
    assert chosen is not None
    assert "has not said" not in client.get(unescape(chosen[1]), REMOTE_ADDR=INSIDE).content.decode()


def test_only_when_it_is_switched_on(taking: Connection) -> None:
    taking.sign_in = replace(taking.sign_in, kerberos_realm="")
    taking.save()
    assert shown().status_code == 404
    assert Client().get("/sign-in/", REMOTE_ADDR=INSIDE).status_code in (200, 301)


def test_only_from_the_networks(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    imported("anna")
    for authorization in ("", ticket()):
        answer = shown(authorization, OUTSIDE)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/sign-in/?form=1")
        assert "WWW-Authenticate" not in answer.headers
    page = Client(headers={"X-Forwarded-Proto": "https"}).get("/sign-in/", REMOTE_ADDR=OUTSIDE)
    assert "/sign-in/ticket/" not in page.content.decode()


@pytest.mark.parametrize(
    "authorization", ["Negotiate", "Negotiate !", "Negotiate TlRMTVNTUAABAAAA", "Basic YTpi"]
)
def test_what_is_no_ticket_ends_at_the_form(taking: Connection, authorization: str) -> None:
    answer = shown(authorization)
    assert answer.status_code == 422
    assert "was not taken here" in answer.content.decode()
    assert 'name="password"' in answer.content.decode()


def test_a_ticket_for_another_service_is_refused(
    keytab: bytes, ticket: Callable[..., str], corp: Samba
) -> None:
    token = base64.b64decode(ticket().partition(" ")[2])
    assert read(token, keytab).login == "anna"
    with pytest.raises(TicketRefused):
        read(token[:-20] + bytes(20), keytab)
    other = corp.service_keytab("boris", "HTTP/other.corp.test")
    with pytest.raises(TicketRefused):
        read(token, other)


def test_of_another_realm_is_refused(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    imported("anna")
    taking.sign_in = replace(taking.sign_in, kerberos_realm="OTHER.TEST")
    taking.save()
    assert shown(ticket()).status_code == 422


def test_who_was_not_imported_is_told(taking: Connection, ticket: Callable[..., str]) -> None:
    Connection.objects.update(is_on=False)
    assert "not in the portal" in shown(ticket()).content.decode()


def test_who_was_disabled_since_stays_out(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str], corp: Samba
) -> None:
    imported("anna")
    authorization = ticket()
    corp.apply(entries.modify(ANNA, userAccountControl="514"))
    try:
        assert "disabled" in shown(authorization).content.decode()
    finally:
        corp.apply(entries.modify(ANNA, userAccountControl="512"))


def test_where_nobody_can_tell_the_form_is_asked_for(
    corp: Samba, taking: Connection, in_corp: User, ticket: Callable[..., str]
) -> None:
    """An account whose state may not be read is not taken to be on: a ticket outlives it by hours."""
    taking.bind_dn, taking.bind_password = "boris@corp.test", SECRET
    taking.save()
    assert shown(ticket()).status_code == 302
    harden(corp)
    try:
        answer = unescape(shown(ticket()).content.decode())
    finally:
        soften(corp)
    assert "Sign in with login and password: the portal may not see" in answer


def test_who_is_suspended_here_stays_out(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    actions.suspend_user(imported("anna"), by=None)
    assert "suspended" in shown(ticket()).content.decode()


def test_groups_count_for_tickets_too(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str], corp: Samba
) -> None:
    imported("anna")
    taking.sign_in = replace(taking.sign_in, denied_groups=(f"CN=Outer,CN=Users,{corp.base}",))
    taking.save()
    assert "may not sign in here" in shown(ticket()).content.decode()


def test_the_second_factor_is_asked_for_all_the_same(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    anna = imported("anna")
    User.objects.filter(pk=anna.pk).update(has_second_factor=True)
    answer = shown(ticket(), onward="/feed/")
    assert answer.headers["Location"] == "/sign-in/second-step/"
    assert not anna.sessions.exists()


def test_what_is_dangerous_still_asks_for_the_password(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    imported("anna")
    client = Client(headers={"X-Forwarded-Proto": "https"})
    client.get("/sign-in/ticket/", headers={"Authorization": ticket()}, REMOTE_ADDR=INSIDE)
    assert client.get("/profile/security/app/").headers["Location"].startswith("/profile/proof/")


def test_it_leads_nowhere_else_and_stands_in_no_page_of_others(
    taking: Connection, imported: Callable[[str], User], ticket: Callable[..., str]
) -> None:
    imported("anna")
    for evil in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert shown(ticket(), onward=evil).headers["Location"] == "/"
    inside = shown(ticket(), **{"Sec-Fetch-Dest": "image"})
    assert inside.headers["Location"].startswith("/sign-in/?form=1")


def test_the_key_is_sealed_and_on_no_disk(taking: Connection, keytab: bytes) -> None:
    stored = Connection.objects.get()
    assert stored.keytab == keytab
    assert base64.b64encode(keytab).decode()[:40] not in stored.keytab_sealed
