"""The list of employees narrowed and saved; and somebody who has left, erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Person, new_login
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, TWO_LOOKS, found_in
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Texts:
    words: Words
    new_here: str
    take_back: str
    erase: str
    is_sure: str
    for_good: str
    nameless: str


TEXTS = (
    Texts(
        EN,
        new_here="New here",
        take_back="take back",
        erase="Erase personal data …",
        is_sure="I know that nobody can bring this back.",
        for_good="Erase for good",
        nameless="former employee",
    ),
    Texts(
        RU,
        new_here="Новые",
        take_back="отменить",
        erase="Стереть персональные данные…",
        is_sure="Понимаю, что вернуть это будет невозможно.",
        for_good="Стереть навсегда",
        nameless="бывший сотрудник",
    ),
)


@pytest.fixture(params=TEXTS, ids=lambda texts: texts.words.language)
def texts(request: pytest.FixtureRequest) -> Texts:
    found: Texts = request.param
    return found


@pytest.fixture
def chief(employee: Callable[..., Person], texts: Texts) -> Person:
    """An administrator in front of her browser, in this language; she gave her password a moment ago."""
    return employee("Olga", "Orlova", words=texts.words, administers=True)


def test_the_list_is_narrowed_by_chips_and_saved(chief: Person, texts: Texts) -> None:
    page = chief.open("/employees/")
    page.get_by_role("link", name=texts.new_here, exact=True).click()
    chip = page.locator(".list-chips a").filter(has_text=texts.new_here)
    expect(chip).to_contain_text(texts.take_back)
    assert "new=yes" in page.url
    assert list(found_in(page, EVERY_LOOK)) == []
    page.locator("#list-tools summary").last.click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename == "employees.csv"
    chip.click()
    expect(chip).to_have_count(0)
    assert "new=yes" not in page.url


def test_who_has_left_is_erased(chief: Person, olga: Portal, texts: Texts) -> None:
    login = new_login("gone")
    pk = olga.employ(login, first_name="Zoe", last_name="Leaver")
    Portal.of(olga.box, login).publish(f"Zoe wrote this, {pk}")
    olga.dismiss(pk)
    page = chief.open(f"/employees/{pk}/")
    page.locator("#person summary").click()
    page.get_by_role("link", name=texts.erase).click()
    expect(page.get_by_role("button", name=texts.for_good)).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_label(texts.is_sure).check()
    page.get_by_role("button", name=texts.for_good).click()
    expect(page.get_by_role("heading", name=texts.nameless)).to_be_visible()
    assert list(found_in(page, TWO_LOOKS)) == []
    chief.open("/feed/")
    post = chief.post(f"Zoe wrote this, {pk}")
    expect(post).to_contain_text(texts.nameless)
    expect(post).not_to_contain_text("Leaver")
