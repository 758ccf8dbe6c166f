"""What people do with posts, two at once, in each language: ask, announce, change their mind, find again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Said:
    poll: str
    option: str
    vote: str
    more: str
    edit: str
    save: str
    delete: str
    undo: str
    reply: str
    favourites: str
    add_to_favourites: str
    announcement: str
    i_have_read: str
    who_has_read: str
    have_read: str


SAID = {
    EN: Said(
        poll="Poll",
        option="Answer",
        vote="Vote",
        more="More about this post",
        edit="Edit",
        save="Save",
        delete="Delete the post",
        undo="Undo",
        reply="Reply",
        favourites="favourites",
        add_to_favourites="Add to favourites",
        announcement="An announcement: everybody confirms to have read it",
        i_have_read="I have read it",
        who_has_read="Who has read it",
        have_read="Have read it: 1",
    ),
    RU: Said(
        poll="Опрос",
        option="Ответ",
        vote="Проголосовать",
        more="Действия с записью",
        edit="Изменить",
        save="Сохранить",
        delete="Удалить запись",
        undo="Отменить",
        reply="Ответить",
        favourites="избранное",
        add_to_favourites="Добавить в избранное",
        announcement="Объявление: каждый подтверждает, что прочитал",
        i_have_read="Подтверждаю прочтение",
        who_has_read="Кто прочитал",
        have_read="Прочитали: 1",
    ),
}


def test_a_poll_moves_before_the_eyes_of_who_has_voted(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    anna.open("/feed/")
    anna.text_field.fill(f"Tea or coffee? {mark}")
    anna.composer.locator(".composer-more summary").click()
    for number, option in enumerate(("tea", "coffee", "<img src=x onerror=alert(1)>"), start=1):
        anna.composer.get_by_label(f"{said.option} {number}").fill(option)
    anna.publish()
    own = anna.post(mark)
    expect(own.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    own.get_by_label("tea").check()
    own.get_by_role("button", name=said.vote, exact=True).click()
    expect(own.locator("[data-voters]")).to_have_text("1")

    boris.open("/feed/")
    other = boris.post(mark)
    other.get_by_label("coffee").check()
    other.get_by_role("button", name=said.vote, exact=True).click()
    expect(own.locator("[data-voters]")).to_have_text("2")
    expect(own.locator("[data-votes]")).to_have_text(["1", "1", "0"])


def test_one_changes_ones_mind(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna = employee("Anna", words=words)
    page = anna.open("/feed/")
    anna.text_field.fill(f"A mistkae {mark}")
    anna.publish()
    post = anna.post(mark)
    menu(anna, post, said.edit)
    # A kept text opens its editor at once.
    post.locator("[contenteditable]").fill(f"A mistake {mark}")
    post.get_by_role("button", name=said.save).click()
    expect(post.locator(".prose")).to_have_text(f"A mistake {mark}")

    menu(anna, post, said.delete)
    expect(post).to_have_count(0)
    page.get_by_role("button", name=said.undo).click()
    expect(anna.post(f"A mistake {mark}")).to_be_visible()


def test_one_answers_and_finds_again(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    page = anna.open("/feed/")
    anna.text_field.fill(f"Something #tag{mark}")
    anna.publish()
    post = anna.post(mark)
    menu(anna, post, said.add_to_favourites)
    page.goto("/feed/?only=favourites")
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("link", name=f"#tag{mark}").click()
    expect(page.get_by_role("article")).to_have_count(1)

    boris.open(anna.post(mark).locator(".about a").first.get_attribute("href") or "")
    boris.page.get_by_label(words.your_comment).fill("first")
    boris.page.get_by_role("button", name=words.send).click()
    comment = boris.page.locator(".comment").filter(has_text="first")
    comment.get_by_role("button", name=said.reply).click()
    boris.page.keyboard.type("to myself")
    boris.page.get_by_role("button", name=words.send).click()
    expect(boris.page.locator(".replies .comment")).to_contain_text("to myself")


def test_an_announcement_is_read_and_its_author_knows(
    administrator: Person, employee: Callable[..., Person], words: Words
) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    boris = employee("Boris", f"B{mark}", words=words)
    administrator.open("/feed/")
    administrator.text_field.fill(f"New rules {mark}")
    administrator.composer.locator(".composer-more summary").click()
    administrator.composer.get_by_label(SAID[EN].announcement).check()
    administrator.publish()
    own = administrator.post(mark)
    expect(own.get_by_role("link", name=SAID[EN].who_has_read)).to_be_visible()

    boris.open("/feed/?only=unread")
    boris.post(mark).get_by_role("button", name=said.i_have_read).click()
    expect(boris.post(mark).get_by_role("button", name=said.i_have_read)).to_have_count(0)

    own.get_by_role("link", name=SAID[EN].who_has_read).click()
    expect(administrator.page.get_by_role("heading", name=SAID[EN].have_read)).to_be_visible()
    expect(administrator.page.get_by_role("link", name=boris.name)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_lively_feed_is_accessible(employee: Callable[..., Person], width: int, theme: str) -> None:
    anna = employee("Anna", width=width)
    page = anna.open("/feed/")
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    question = f"Which one? {secrets.token_hex(4)}"
    anna.text_field.fill(question)
    anna.composer.locator(".composer-more summary").click()
    for number, option in enumerate(("this", "that"), start=1):
        anna.composer.get_by_label(f"{SAID[EN].option} {number}").fill(option)
    assert problems(page) == []
    anna.publish()
    post = anna.post(question)
    post.get_by_role("radio", name="this", exact=True).check()
    post.get_by_role("button", name="Vote", exact=True).click()
    expect(post.locator("progress").first).to_be_visible()
    assert problems(page) == []


def menu(person: Person, post: Locator, item: str) -> None:
    post.locator("details.drop > summary.btn-icon").click()
    sheet = post.locator(".sheet")
    found = sheet.get_by_role("link", name=item).or_(sheet.get_by_role("button", name=item)).first
    expect(found).to_be_visible()
    settled(person.page)
    found.click()
    settled(person.page)
