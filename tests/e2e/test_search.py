"""One finds what one may see, as one types, in whatever layout the keyboard is."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.boxes import Box, until
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words, new_word

RUSSIAN = {
    "Search": "Поиск",
    "Everything about": "Всё про",
    "Nothing was found": "Ничего не найдено",
    "What to look for": "Что искать",
    "Find": "Найти",
    "Posts": "Записи",
}

LATIN, CYRILLIC = "qwertyuiop[]asdfghjkl;'zxcvbnm,.", "йцукенгшщзхъфывапролджэячсмитьбю"
AS_IF_CYRILLIC = str.maketrans(LATIN, CYRILLIC)


def test_a_person_is_found_first_and_by_the_keyboard(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    # Letters alone: digits are the same in both layouts.
    name = f"Q{new_word()}"
    boris, anna = employee("Boris", name), employee("Anna", words=words)
    page = anna.open("/feed/")
    first = page.locator("#found .item").first
    page.keyboard.press("/")
    # "/" looks in the page first, where it has a field of its own; the feed has none.
    expect(page.get_by_role("searchbox", name=say("Search"), exact=True)).to_be_focused()
    page.keyboard.type(name[:5])
    expect(page.locator("#search")).to_have_value(name[:5])
    expect(first).to_contain_text(boris.name)
    page.locator("#search").fill("")
    page.locator("#search").press_sequentially(name.lower().translate(AS_IF_CYRILLIC))
    expect(first).to_contain_text(boris.name)
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_two_letters_are_enough(employee: Callable[..., Person], words: Words) -> None:
    anna = employee("Anna", "Żyła", words=words)
    page = anna.open("/feed/")
    page.locator("#search").press_sequentially("ży")
    expect(page.locator("#found .item").filter(has_text="Żyła").first).to_be_visible()


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("договоры подписаны", "договор"),
        ("contracts were signed", "contract"),
        ("Квартальный отчёт", "отчет"),
    ],
    ids=["russian", "english", "yo"],
)
def test_a_post_is_found_by_another_form_of_its_word(
    box: Box, employee: Callable[..., Person], written: str, typed: str
) -> None:
    anna, boris = employee("Anna"), employee("Boris")
    mark = secrets.token_hex(4)
    Portal.of(box, boris.login).publish(f"{written} {mark}")
    until_found(anna, f"{typed} {mark}", 1)
    anna.open("/feed/").locator("#search").fill(f"{typed} {mark}")
    expect(anna.page.locator("#found .item").filter(has_text=mark).first).to_be_visible()


def until_found(person: Person, text: str, count: int) -> None:
    """The index follows what is written in a moment."""
    portal = Portal.of(person.watch.box, person.login)
    path = f"/search/?{urlencode({'q': text})}"
    until(lambda: portal.get(path).data.decode().count('class="kind-icon"') == count)


def test_all_that_is_found_is_a_page_with_kinds(
    box: Box, employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), new_word()
    anna, boris = employee("Anna", words=words), employee("Boris")
    theirs = Portal.of(box, boris.login)
    post = theirs.publish(f"The plan {mark}")
    theirs.group(f"Planners {mark}")
    theirs.post(
        f"/discussion/feed.post/{post}/comments/", text=f"A better plan {mark}", nonce=secrets.token_hex(8)
    )
    theirs.publish(f"Between us {mark}", audience=f"U{boris.pk}")
    until_found(anna, mark, 3)
    page = anna.open("/feed/")
    page.locator("#search").fill(mark)
    page.locator("#search").press("Enter")
    rows = page.locator(".rows.found > li")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="Between us")).to_have_count(0)
    page.get_by_role("navigation").get_by_role("link", name=say("Posts"), exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"The plan {mark}")
    page.get_by_label(say("What to look for")).fill(new_word())
    page.get_by_role("button", name=say("Find")).click()
    expect(page.get_by_role("heading", name=say("Nothing was found"))).to_be_visible()
