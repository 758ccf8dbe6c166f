"""What stands on profiles beside the name: skills, and who is away when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Person, listed, settled
from tests.e2e.test_accessibility import EVERY_LOOK, TWO_LOOKS, found_in
from tests.e2e.test_rich_text import editor_of
from tests.e2e.words import Words, new_word

RUSSIAN = {
    "Add": "Добавить",
    "Add a skill": "Добавить навык",
    "Change the absence from": "Изменить отсутствие с",
    "Comment for colleagues": "Комментарий для коллег",
    "Confirmed by": "Подтверждают:",
    "First day": "Первый день",
    "Kind": "Вид",
    "Last day": "Последний день",
    "Name": "Название",
    "Out today": "Сегодня отсутствуют",
    "Save": "Сохранить",
    "Skills": "Навыки",
    "Substitute": "Замещает",
    "Take back": "Убрать",
    "Take back the absence from": "Убрать отсутствие с",
    "The absence is taken back.": "Запись об отсутствии убрана.",
    "Write an absence down": "Записать отсутствие",
    "Can:": "Умеет:",
    "confirm": "подтвердить",
    "other absence until": "отсутствие по",
    "sick leave": "больничный",
    "sick leave until": "больничный по",
    "vacation": "отпуск",
    "vacation until": "отпуск по",
}

type Say = Callable[[str], str]


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", f"Abramova{new_word()}", words=words)


@pytest.fixture
def boris(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Boris", f"Belov{new_word()}", words=words)


def test_a_skill_is_added_confirmed_and_found(anna: Person, boris: Person, say: Say) -> None:
    skill = new_word()
    page = anna.open(f"/employees/{anna.pk}/")
    for name in (skill, f"{skill} two"):
        page.get_by_label(say("Add a skill")).fill(name)
        page.locator("#skills").get_by_role("button", name=say("Add"), exact=True).click()
        expect(page.locator("#skills").get_by_role("link", name=name, exact=True)).to_be_visible()
        settled(page)
    assert list(found_in(page, EVERY_LOOK)) == []

    page = boris.open(f"/employees/{anna.pk}/")
    thumb = page.get_by_role("button", name=f"{skill}: {say('confirm')}")
    expect(thumb).to_have_attribute("aria-pressed", "false")
    thumb.press("Enter")
    expect(thumb).to_have_attribute("aria-pressed", "true")
    settled(page)
    assert list(found_in(page, EVERY_LOOK)) == []
    page.locator("#skills").get_by_role("link", name=skill, exact=True).click()
    expect(page.locator(".list-chips")).to_contain_text(f"{say('Can:')} {skill}")
    expect(page.locator("#list tr[data-row]")).to_have_count(1)
    expect(listed(page, anna)).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    page.locator("#search").press_sequentially(skill)
    expect(page.locator("#found .item").first).to_contain_text(anna.name)

    page = anna.open(f"/employees/{anna.pk}/")
    confirmed = page.locator("#skills li").filter(has_text=skill).first
    expect(confirmed.get_by_title(f"{say('Confirmed by')} {boris.name}")).to_be_attached()


def test_an_absence_is_written_down_seen_by_colleagues_and_taken_back(
    anna: Person, boris: Person, say: Say
) -> None:
    today = datetime.now(tz=UTC).date()
    page = anna.open(f"/employees/{anna.pk}/")
    page.get_by_role("link", name=say("Write an absence down")).click()
    page.get_by_label(say("Kind"), exact=True).select_option(label=say("vacation"))
    page.get_by_label(say("First day")).fill(str(today - timedelta(days=2)))
    page.get_by_label(say("Last day")).fill(str(today + timedelta(days=3)))
    page.get_by_label(say("Substitute")).press_sequentially(boris.name)
    expect(page.locator(f"datalist option[value^='{boris.name}']")).to_have_count(1)
    page.get_by_label(say("Comment for colleagues")).fill("By the sea")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.locator("main .rows li")).to_contain_text("By the sea")
    assert list(found_in(page, EVERY_LOOK)) == []
    expect_away(boris, anna, say("vacation until"), say)
    # Whoever is about to call them is told, too.
    editor_of(boris.page, boris.composer)
    boris.page.keyboard.type(f"Ask @{anna.last_name.lower()}")
    option = boris.composer.get_by_role("option", name=anna.name)
    expect(option).to_contain_text(say("vacation until"))
    assert list(found_in(boris.page, TWO_LOOKS)) == []
    profile = boris.open(f"/employees/{anna.pk}/").locator("#person")
    expect(profile).to_contain_text(say("vacation"))
    expect(profile.get_by_role("link", name=boris.name)).to_be_visible()
    assert list(found_in(boris.page, EVERY_LOOK)) == []

    # That somebody is ill is nothing for colleagues to know.
    page.get_by_role("link", name=say("Change the absence from")).click()
    # The page before it has such fields, too.
    expect(page.get_by_label(say("First day"))).to_have_value(str(today - timedelta(days=2)))
    page.get_by_label(say("Kind"), exact=True).select_option(label=say("sick leave"))
    assert list(found_in(page, TWO_LOOKS)) == []
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.locator("main .rows li")).to_contain_text(say("sick leave"))
    expect_away(boris, anna, say("other absence until"), say)
    profile = boris.open(f"/employees/{anna.pk}/").locator("#person")
    expect(profile).to_contain_text("By the sea")
    expect(profile).not_to_contain_text(say("sick leave"))

    page.get_by_role("button", name=say("Take back the absence from")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Take back"), exact=True).click()
    expect(page.get_by_text(say("The absence is taken back."))).to_be_visible()
    expect(page.locator("main .rows li")).to_have_count(0)
    page = boris.open(f"/employees/?q={anna.last_name}")
    expect(listed(page, anna)).to_be_visible()
    expect(listed(page, anna).locator(".tag")).to_have_count(0)
    expect(boris.open(f"/employees/{anna.pk}/").locator("#person")).not_to_contain_text("By the sea")


def expect_away(reader: Person, person: Person, said: str, say: Say) -> None:
    """In the list, among those who are out, and beside the feed."""
    page = reader.open(f"/employees/?q={person.last_name}")
    expect(listed(page, person).locator(".tag")).to_contain_text(said)
    page.goto(page.url + "&away=yes")
    expect(page.locator(".list-chips li")).to_have_count(2)
    expect(listed(page, person)).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    page = reader.open("/feed/")
    aside = page.get_by_role("region", name=say("Out today"))
    expect(aside).to_contain_text(person.name)
    expect(aside.get_by_role("listitem").filter(has_text=person.name)).to_contain_text(said)
    assert list(found_in(page, EVERY_LOOK)) == []
