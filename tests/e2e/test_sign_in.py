"""Who gets in, who doesn't, and who is shown out."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.boxes import Box
from tests.e2e.people import Person, new_login
from tests.e2e.portal import Portal
from tests.e2e.words import EN, Words


def test_certificate_is_verified_by_the_authority_file_alone(box: Box) -> None:
    trusting = ssl.create_default_context(cafile=str(box.ca_file))
    with urlopen(f"{box.url}/sign-in/", context=trusting) as page:
        assert "Korobka" in page.read().decode()
    with pytest.raises(OSError, match="certificate verify failed"):
        urlopen(f"{box.url}/sign-in/", context=ssl.create_default_context())


def test_wrong_password_is_refused_with_a_word(visitor: Callable[..., Person], words: Words) -> None:
    nobody = visitor("Nobody", words=words)
    nobody.watch.tolerated.add("422")
    nobody.sign_in()
    expect(nobody.page.get_by_role("alert")).to_contain_text(words.wrong_password)
    expect(nobody.page.get_by_label(words.password)).to_have_value("")


def test_signing_out_leads_to_the_door(anna: Person) -> None:
    page = anna.open("/feed/")
    page.locator("summary.me").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/employees/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_after_signing_in_one_is_where_one_wanted_to_be(olga: Portal, visitor: Callable[..., Person]) -> None:
    anna = visitor("Anna")
    olga.employ(anna.login, first_name="Anna", last_name="Abramova")
    page = anna.open("/employees/?q=abram")
    page.get_by_label("Login or e-mail").fill(anna.login.login)
    page.get_by_label("Password").fill(anna.login.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{olga.box.url}/employees/?q=abram")


def test_dismissed_is_out_at_once(
    administrator: Person, employee: Callable[..., Person], words: Words
) -> None:
    """By the administrator's hand: an open page goes by push, one that hears nothing at its next action."""
    boris = employee("Boris", "Belov", words=words)
    boris.watch.tolerated |= {"net::ERR_FAILED", "401"}
    listening = boris.page
    listening.goto("/employees/")
    deaf = page_without_push(boris.context)
    deaf.goto("/feed/")
    expect(deaf.locator("#composer")).to_be_visible()

    dismiss(administrator, boris)

    expect(listening.get_by_role("button", name=words.sign_in, exact=True)).to_be_visible()
    expect(listening).to_have_url(f"{administrator.watch.box.url}/sign-in/?form=1&next=%2Femployees%2F")
    expect(deaf.locator("#composer")).to_be_visible()
    deaf.get_by_label(words.what_is_new).fill("Too late")
    deaf.get_by_role("button", name=words.publish).click()
    expect(deaf.get_by_role("button", name=words.sign_in, exact=True)).to_be_visible()

    boris.watch.tolerated.add("422")
    boris.sign_in()
    expect(boris.page.get_by_role("alert")).to_contain_text(words.wrong_password)


def page_without_push(context: BrowserContext) -> Page:
    page = context.new_page()
    # Neither hears itself nor hears the other tab.
    page.add_init_script("window.BroadcastChannel = class extends EventTarget { postMessage() {} }")
    page.route("**/push/**", lambda route: route.abort())
    return page


def dismiss(administrator: Person, person: Person) -> None:
    page = administrator.open(f"/employees/{person.pk}/")
    page.locator("#person summary").click()
    page.get_by_role("link", name="Dismiss").click()
    expect(page.locator("#main")).to_contain_text(f"{person.name} will be signed out everywhere")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text(EN.is_dismissed.format(person.name))).to_be_visible()


def test_suspended_returns_as_the_same_person(box: Box, olga: Portal) -> None:
    login = new_login("boris")
    pk = olga.employ(login, first_name="Boris", last_name="Belov")
    boris = Portal.of(box, login)
    assert olga.post(f"/employees/{pk}/suspension/").status == 200
    assert boris.get("/feed/").status == 302
    assert not Portal(box).sign_in(login)
    assert olga.ask("DELETE", f"/employees/{pk}/suspension/").status == 200
    assert Portal(box).sign_in(login)


def test_changing_the_password_signs_the_other_devices_out(box: Box, anna: Person) -> None:
    elsewhere = Portal.of(box, anna.login)
    new = secrets.token_urlsafe(12)
    page = anna.open("/profile/password/")
    page.get_by_label("Your password now").fill(anna.login.password)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    assert elsewhere.get("/feed/").status == 302
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Abramova")
