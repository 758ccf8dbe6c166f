"""Computers of the domain: their browsers open the portal, and whoever has a ticket there has typed nothing.

As on a desk of the company, Chromium is allowed to show tickets to the portal's host (the policy
AuthServerAllowlist, here by its switch), and the person has one from signing in to the computer (`kinit`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.boxes import Box, Login, until
from tests.e2e.browser import profile_at
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import EN, Words

if TYPE_CHECKING:
    from tests.directory.samba import Samba

SECRET = "Desk-0f-the-Corp"
ALLOWED = "--auth-server-allowlist=localhost"
RUSSIAN = {
    "This computer has not said who you are": "Этот компьютер не сообщил, кто вы",
    "Your account is not in the portal": "Вашей учётной записи на портале нет",
    "Your account of the portal is suspended": "Ваша учётная запись на портале приостановлена",
    "Sign in as on this computer": "Войти как на этом компьютере",
}


@dataclass(frozen=True)
class Company:
    """Anna works here, Dora is suspended in the portal, and Boris was not imported."""

    samba: Samba
    anna: str
    boris: str
    dora: str


@pytest.fixture(scope="module")
def company(box: Box, samba: Samba) -> Iterator[Company]:
    """Imported, and its tickets are taken from this machine; until the module is done."""
    mark = secrets.token_hex(3)
    desks = samba.unit("Desks")
    anna, boris, dora = (f"{name}-{mark}" for name in ("anna", "boris", "dora"))
    samba.add(
        desks,
        samba.person(anna, desks.dn, givenName="Anna", sn=f"Desk-{mark}", password=SECRET),
        samba.person(dora, desks.dn, givenName="Dora", sn=f"Desk-{mark}", password=SECRET),
        samba.person(boris, password=SECRET),
        samba.person("korobka", password="Portal-0f-the-Corp"),
    )
    keytab = samba.folder / "portal.keytab"
    keytab.write_bytes(samba.service_keytab("korobka", "HTTP/localhost"))
    portal = Portal.of(box, box.admin)
    connected = portal.post(
        "/console/directory/new/?kind=ad", name=f"Desks {mark}", servers=samba.address, security="starttls",
        ca_pem=samba.authority.pem, bind_dn=f"{anna}@corp.test", password=SECRET, people_bases=desks.dn,
        nonce=secrets.token_hex(8),
    )  # fmt: skip
    assert connected.status == 302, connected.data.decode()
    place = re.sub(r"mapping/$", "", connected.headers["Location"])
    try:
        imported(portal, place)
        until(lambda: pk_of(portal, f"Desk-{mark} Dora"))
        given_the_key(portal, place, keytab.read_bytes())
        suspended = portal.post(f"/employees/{pk_of(portal, f'Desk-{mark} Dora')}/suspension/")
        assert suspended.status == 200, suspended.data.decode()
        yield Company(samba, anna, boris, dora)
    finally:
        assert portal.ask("DELETE", f"{place}connection/").status == 200


def imported(portal: Portal, place: str) -> None:
    preview = portal.post(f"{place}runs/", mode="preview").headers["Location"]
    until(lambda: "confirmation/" in portal.get(preview).data.decode())
    assert portal.post(f"{preview}confirmation/").status == 302


def pk_of(portal: Portal, name: str) -> int:
    """The id of whoever is called so in the list of employees; 0: nobody is."""
    shown = portal.get(f"/employees/?q={quote(name)}").data.decode()
    found = re.search(rf'href="/employees/(\d+)/">{name}<', shown)
    return int(found[1]) if found else 0


def given_the_key(portal: Portal, place: str, keytab: bytes) -> None:
    """The keytab is a file: the form comes in parts."""
    from urllib3 import encode_multipart_formdata

    chosen = {
        "is_on": "on", "attempts": "3", "attempts_minutes": "30", "kerberos_realm": "CORP.TEST",
        "kerberos_networks": "127.0.0.0/8",
    }  # fmt: skip
    body, kind = encode_multipart_formdata({**chosen, "keytab": ("portal.keytab", keytab)})
    answer = portal.ask("POST", f"{place}sign-in/", body=body, headers={"Content-Type": kind})
    assert answer.status == 302, answer.data.decode()


type Desk = Callable[..., Person]


@pytest.fixture
def desk(
    box: Box, browser: Browser, company: Company, visitor_pages: list[Person], tmp_path: Path
) -> Iterator[Desk]:
    """A browser at somebody's computer: `desk(company.anna)`; without a login nobody has a ticket there."""
    with ExitStack() as stack:

        def sit_down(login: str = "", *flags: str, words: Words = EN) -> Person:
            home = tmp_path / f"home-{login or 'nobody'}"
            ticket = company.samba.ticket(login, SECRET) if login else {"KRB5CCNAME": f"FILE:{home}/none"}
            locale = {"en": "en-GB", "ru": "ru-RU"}[words.language]
            profile = profile_at(home, browser.browser_type, box, *flags, locale=locale, **ticket)
            context, watch = stack.enter_context(profile)
            # How the portal asks for a ticket, and how it refuses one.
            watch.tolerated |= {"401", "422"}
            name = login.partition("-")[0].title() or "Nobody"
            person = Person(name, "Desk", Login(login, SECRET), context, watch, context.new_page(), words)
            visitor_pages.append(person)
            return person

        yield sit_down


def test_a_ticket_opens_the_portal_and_nothing_is_typed(desk: Desk, company: Company) -> None:
    anna = desk(company.anna, ALLOWED)
    page = anna.open("/employees/?q=anna")
    expect(page).to_have_url(re.compile(r"/employees/\?q=anna$"))
    page.goto("/profile/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Anna")
    # Whoever signs out wants to be out: the form comes, also where the page has only heard of it, and the
    # ticket is asked for by its button alone.
    page.locator("summary.me").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("/feed/")
    expect(page.get_by_label("Password")).to_be_visible()
    page.get_by_role("link", name="Sign in as on this computer").click()
    expect(page).to_have_url(re.compile(r"/feed/$"))
    anna.forgets_the_session()
    page.goto("/profile/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Anna")


def test_without_a_ticket_the_form_comes_with_a_word(desk: Desk, words: Words) -> None:
    said = words.saying(RUSSIAN)
    nobody = desk("", ALLOWED, words=words)
    page = nobody.open("/feed/")
    expect(page.get_by_label(words.password)).to_be_visible()
    expect(page.get_by_text(said("This computer has not said who you are"))).to_be_visible()
    expect(page.get_by_role("link", name=said("Sign in as on this computer"))).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []


def test_a_browser_that_may_not_shows_no_ticket(desk: Desk, company: Company, words: Words) -> None:
    said = words.saying(RUSSIAN)
    anna = desk(company.anna, words=words)
    page = anna.open("/feed/")
    expect(page.get_by_text(said("This computer has not said who you are"))).to_be_visible()
    # The form does what it always does.
    page.get_by_label(words.login).fill(company.anna)
    page.get_by_label(words.password).fill(SECRET)
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(page).to_have_url(re.compile(r"/feed/$"))


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("boris", "Your account is not in the portal"),
        ("dora", "Your account of the portal is suspended"),
    ],
)
def test_a_ticket_that_lets_nobody_in_says_why(
    desk: Desk, company: Company, words: Words, who: str, why: str
) -> None:
    person = desk(getattr(company, who), ALLOWED, words=words)
    page = person.open("/feed/")
    expect(page.get_by_role("alert")).to_contain_text(words.saying(RUSSIAN)(why))
    expect(page.get_by_label(words.password)).to_be_visible()


def test_a_ticket_of_whoever_is_in_many_groups_gets_through(box: Box, company: Company) -> None:
    """Windows makes them of up to 48,000 bytes, and a browser sends them in base64."""
    answer = Portal(box).ask(
        "GET", "/sign-in/ticket/", headers={"Authorization": f"Negotiate {'A' * 64_000}"}
    )
    assert answer.status == 422
    assert "was not taken here" in answer.data.decode()
