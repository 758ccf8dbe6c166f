"""Passkeys with Chromium's own virtual device: made, used instead of the password and after it, removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import CDPSession, expect

from tests.e2e.people import Person
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Texts:
    words: Words
    add: str
    kept_them: str
    use: str
    second_step: str
    refused: str
    remove: str
    removed: str


TEXTS = (
    Texts(
        EN,
        add="Add a passkey",
        kept_them="I have kept them",
        use="Use a passkey",
        second_step="Second step",
        refused="No passkey was used.",
        remove="Remove it",
        removed="The passkey is removed",
    ),
    Texts(
        RU,
        add="Добавить ключ доступа",
        kept_them="Коды сохранены",
        use="Войти с ключом доступа",
        second_step="Второй шаг",
        refused="Войти с ключом не получилось.",
        remove="Убрать",
        removed="Ключ доступа убран",
    ),
)


@pytest.fixture(params=TEXTS, ids=lambda texts: texts.words.language)
def texts(request: pytest.FixtureRequest) -> Texts:
    found: Texts = request.param
    return found


def with_device(person: Person) -> tuple[CDPSession, str]:
    """A computer that knows its owner by the finger."""
    cdp = person.context.new_cdp_session(person.page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return cdp, made["authenticatorId"]


def test_a_passkey_lives_its_life(employee: Callable[..., Person], texts: Texts) -> None:
    words = texts.words
    anna = employee("Anna", "Abramova", words=words)
    # Pages that stand open while the cookies go ask in vain.
    anna.watch.tolerated |= {"401", "422"}
    page = anna.page
    anna.forgets_the_session()
    anna.sign_in()
    expect(page.get_by_role("navigation").first).to_be_visible()
    cdp, device = with_device(anna)

    # Made.
    anna.open("/profile/security/passkeys/")
    assert list(found_in(page, EVERY_LOOK)) == []
    page.locator("form[data-passkey] button[type=submit]").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name=texts.kept_them).click()
    expect(page.get_by_text("Chrome, Linux").first).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []

    # Instead of the password.
    anna.forgets_the_session()
    anna.open("/sign-in/?next=/groups/")
    page.get_by_role("button", name=texts.use).click()
    expect(page).to_have_url(f"{anna.watch.box.url}/groups/")

    # After it.
    anna.forgets_the_session()
    anna.sign_in()
    expect(page.get_by_role("heading", name=texts.second_step)).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_role("button", name=texts.use).click()
    expect(page.get_by_role("navigation").first).to_be_visible()

    # The finger is another's.
    anna.forgets_the_session()
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    anna.open("/sign-in/")
    page.get_by_role("button", name=texts.use).click()
    expect(page.get_by_role("alert")).to_contain_text(texts.refused)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name=texts.use).click()
    expect(page.get_by_role("navigation").first).to_be_visible()

    # Removed, and it opens nothing.
    anna.open("/profile/security/")
    page.locator("main").get_by_role("button", name=texts.remove).first.click()
    page.get_by_role("dialog").get_by_role("button", name=texts.remove).click()
    expect(page.get_by_text(texts.removed)).to_be_visible()
    anna.forgets_the_session()
    anna.open("/sign-in/")
    page.get_by_role("button", name=texts.use).click()
    expect(page.get_by_role("alert")).to_be_visible()
    anna.sign_in()
    expect(page.get_by_role("navigation").first).to_be_visible()
