"""A list from its filter to what is done with many of its rows: by keyboard, on a phone, in each language."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.people import Person, new_login, settled
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, TWO_LOOKS, found_in
from tests.e2e.words import Words

RUSSIAN = {
    "Filter": "Фильтр",
    "Status": "Статус",
    "active": "работает",
    "Show": "Показать",
    "Suspend": "Приостановить доступ",
    "Undo": "Отменить",
    "Save this choice as": "Сохранить этот выбор как",
    "Save": "Сохранить",
    "Phone": "Телефон",
    "Show these columns": "Показать эти столбцы",
    "Keys of this list": "Клавиши этого списка",
}


def test_a_list_is_worked_through_by_keyboard(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), f"Q{secrets.token_hex(3)}"
    chief = employee("Olga", "Orlova", words=words, administers=True)
    for name in ("Ada", "Bob", "Cid", "Dan"):
        olga.employ(new_login(name), first_name=name, last_name=mark)
    page = chief.open("/employees/")
    rows = page.locator("#list tr[data-row]")
    # What one looks for: the slash leads to it, and the address is what can be sent to a colleague.
    page.keyboard.press("/")
    page.keyboard.type(mark)
    expect(rows).to_have_count(4)
    expect(page).to_have_url(f"{chief.hand.box.url}/employees/?q={mark}")
    settled(page)
    page.locator("#main h1").click()
    for key in ("j", "x", "j", "j", "X"):
        page.keyboard.press(key)
    expect(page.locator("#list tr[data-row] input:checked")).to_have_count(3)
    expect(page.locator(".list-bulk")).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []

    page.get_by_role("button", name=say("Suspend"), exact=True).click()
    page.locator("#ask [value=yes]").click()
    outcome = page.locator("[data-list-outcome]")
    expect(outcome).to_be_focused()
    expect(rows.locator(".tag.warn")).to_have_count(3)
    assert list(found_in(page, TWO_LOOKS)) == []
    outcome.get_by_role("button", name=say("Undo")).click()
    expect(rows.locator(".tag.warn")).to_have_count(0)

    page.keyboard.press("?")
    expect(page.get_by_role("heading", name=say("Keys of this list"))).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#person")).to_contain_text(mark)


def test_a_filter_gets_a_name_and_columns_an_order(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    page = employee("Olga", "Orlova", words=words, administers=True).open("/employees/")
    page.locator(".list-form summary").first.click()
    page.locator(".list-filter summary").filter(has_text=say("Status")).click()
    assert list(found_in(page, TWO_LOOKS)) == []
    page.locator(".list-filter[open] input[value=active]").check()
    page.get_by_role("button", name=say("Show"), exact=True).click()
    expect(page.locator(".list-chips a")).to_have_count(1)
    assert page.url.endswith("?status=active")
    page.locator("#list-tools summary").first.click()
    page.get_by_label(say("Save this choice as")).fill("Here")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.locator(".list-views a").last).to_have_attribute("aria-current", "page")

    page.locator("#list-tools summary").last.click()
    settled(page)
    assert list(found_in(page, TWO_LOOKS)) == []
    phone = page.locator(".list-columns li").filter(has_text=say("Phone"))
    phone.locator("input").check()
    phone.locator("[data-list-up]").click()
    page.get_by_role("button", name=say("Show these columns")).click()
    expect(page.locator("#list thead")).to_contain_text(say("Phone"))
    # On a phone each row is a card that names its columns.
    page.set_viewport_size({"width": 360, "height": 800})
    expect(page.locator("#list thead")).to_be_hidden()
    settled(page)
    assert list(found_in(page, EVERY_LOOK)) == []
