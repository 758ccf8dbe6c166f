"""Fields of a company's own: an administrator defines them, people fill them in, colleagues find them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Person, listed
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import Words, new_word

RUSSIAN = {
    "Add": "Добавить",
    "Archive": "В архив:",
    "Call choices otherwise": "Переименовать варианты",
    "Hint": "Подсказка",
    "How forms will ask for them": "Как это будет в форме",
    "Kind": "Вид",
    "Move %s up": "Поднять %s",
    "Name": "Название",
    "Save": "Сохранить",
    "Several values": "Несколько значений",
    "Usual currency": "Обычная валюта",
    "What there is to choose from": "Варианты",
    "money": "деньги",
    "one of a list": "выбор из списка",
    "person": "человек",
    "phone": "телефон",
}

type Say = Callable[[str], str]


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", f"Abramova{new_word()}", words=words)


@pytest.fixture
def boris(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Boris", f"Belov{new_word()}", words=words)


def test_a_field_of_the_companys_own_is_defined_filled_in_and_found(
    employee: Callable[..., Person], anna: Person, boris: Person, say: Say, words: Words
) -> None:
    olga = employee("Olga", "Orlova", words=words, administers=True)
    name, small, large = (new_word().capitalize() for _ in range(3))
    page = olga.open("/console/settings/fields/accounts.user/")
    page.get_by_label(say("Name"), exact=True).fill(name)
    page.get_by_label(say("Kind"), exact=True).select_option(label=say("one of a list"))
    page.get_by_label(say("What there is to choose from")).fill(f"{small}\n{large}")
    page.get_by_role("button", name=say("Add"), exact=True).click()
    expect(page.get_by_role("link", name=name)).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []

    page = anna.open(f"/employees/{anna.pk}/details/")
    page.get_by_label(name).select_option(label=large)
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.locator("#person dl")).to_contain_text(f"{name}{large}")

    page = boris.open("/feed/")
    page.locator("#search").press_sequentially(large)
    expect(page.locator("#found .item").first).to_contain_text(anna.name)
    page.goto("/employees/")
    page.locator(".list-form .search input").fill(large.lower())
    expect(page.locator("#list tr[data-row]")).to_have_count(1)
    listed(page, anna).get_by_role("link").first.click()
    expect(page.locator("#person dl")).to_contain_text(f"{name}{large}")
    assert list(found_in(page, EVERY_LOOK)) == []

    # In the archive it is on no profile, and nobody is found by it.
    olga.page.get_by_role("button", name=f"{say('Archive')} {name}").click()
    expect(olga.page.get_by_role("link", name=name)).to_have_count(0)
    page.goto(f"/employees/{anna.pk}/")
    expect(page.locator("#person dl")).not_to_contain_text(name)


def test_a_colleague_and_several_phones_are_typed_on_the_keyboard(
    employee: Callable[..., Person], anna: Person, boris: Person, say: Say, words: Words
) -> None:
    olga = employee("Olga", "Orlova", words=words, administers=True)
    page = olga.open("/console/settings/fields/accounts.user/")
    names = {kind: new_word().capitalize() for kind in ("person", "phone")}
    currency = page.get_by_label(say("Usual currency"))
    expect(currency).to_be_hidden()
    for kind, name in names.items():
        page.get_by_label(say("Name"), exact=True).fill(name)
        page.get_by_label(say("Kind"), exact=True).select_option(label=say(kind))
        if kind == "phone":
            page.get_by_label(say("Several values")).press("Space")
        page.get_by_label(say("Name"), exact=True).press("Enter")
        expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_label(say("Kind"), exact=True).select_option(label=say("money"))
    expect(currency).to_be_visible()

    page = anna.open(f"/employees/{anna.pk}/details/")
    person = page.get_by_label(names["person"])
    person.press_sequentially(boris.last_name)
    expect(page.locator(f"datalist option[value*='{boris.last_name}']")).to_be_attached()
    phones = page.locator("more-inputs input")
    phones.first.fill("8 (495) 123-45-67")
    phones.nth(1).press_sequentially("+7 916 000-00-01")
    expect(phones).to_have_count(3)
    page.set_viewport_size({"width": 360, "height": 720})
    assert list(found_in(page, EVERY_LOOK)) == []
    person.press("Enter")
    facts = page.locator("#person dl")
    expect(facts.get_by_role("link", name=boris.name)).to_be_visible()
    expect(facts.locator("a[href='tel:+74951234567']")).to_be_visible()
    expect(facts.locator("a[href='tel:+79160000001']")).to_be_visible()

    for name in names.values():
        olga.page.goto("/console/settings/fields/accounts.user/")
        olga.page.get_by_role("button", name=f"{say('Archive')} {name}").press("Enter")
        expect(olga.page.get_by_role("link", name=name)).to_have_count(0)
