"""The bell rings in every open page; what one wants to hear of, and when, is one's own choice."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from tests.box.mailbox import Mailbox, text_of
from tests.e2e.boxes import Box
from tests.e2e.letters import letter_to, link_in
from tests.e2e.people import Person, new_login
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "commented on your post": "Новый комментарий к вашей записи",
    "and 2 more": "и ещё 2",
    "Mark all as read": "Отметить всё прочитанным",
    "Mark as read": "Отметить прочитанным",
    "What you are told of": "О чём вам сообщать",
    "Comments on your posts: in the portal": "Комментарии к вашим записям: на портале",
    "Quiet from": "Не беспокоить с",
    "until": "до",
    "Save": "Сохранить",
    "Write both ends of the quiet hours, or neither.": "Укажите и начало, и конец тихих часов — или ничего.",
    "mentioned you": "Вас упоминают",
    "No such letters any more": "Больше не присылать такие письма",
    "You will get no such letters any more": "Больше таких писем не будет",
}  # fmt: skip


def test_the_bell_rings_in_every_tab_and_one_line_speaks_for_all(
    employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    post = anna.hand.publish(f"A question {mark}")
    page, other = anna.open("/feed/"), anna.context.new_page()
    other.goto("/groups/")
    anna.marks_the_page()
    theirs = boris.hand
    for number in range(3):
        theirs.post(
            f"/discussion/feed.post/{post}/comments/", text=f"Answer {number}", nonce=secrets.token_hex(8)
        )
    for tab in (page, other):
        expect(tab.locator("#bell-count")).to_have_text("3")
    anna.expect_the_same_page()

    page.locator("#bell").click()
    line = page.locator(".notices li.unread")
    expect(line).to_have_count(1)
    expect(line).to_contain_text(say("commented on your post"))
    expect(line).to_contain_text(say("and 2 more"))
    line.get_by_role("button", name=say("Mark as read")).click()
    expect(line).to_have_count(0)
    for tab in (page, other):
        expect(tab.locator("#bell-count")).to_be_empty()

    theirs.post(f"/discussion/feed.post/{post}/comments/", text="One more", nonce=secrets.token_hex(8))
    expect(page.locator("#bell-count")).to_have_text("1")
    page.goto("/notifications/")
    page.get_by_role("button", name=say("Mark all as read")).click()
    expect(page.locator("#bell-count")).to_be_empty()
    # Who follows what they were told of has read it with that.
    theirs.post(f"/discussion/feed.post/{post}/comments/", text="The last", nonce=secrets.token_hex(8))
    expect(page.locator("#bell-count")).to_have_text("1")
    page.goto("/notifications/")
    page.locator(".notices li.unread").get_by_role("link", name=mark).click()
    expect(anna.post(f"A question {mark}")).to_be_visible()
    expect(page.locator("#bell-count")).to_be_empty()


def test_one_hears_of_what_one_has_chosen(employee: Callable[..., Person], words: Words) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    anna.watch.tolerated.add("422")
    post = anna.hand.publish(f"A question {mark}")
    page = anna.open("/notifications/")
    page.get_by_role("link", name=say("What you are told of")).click()
    comments = page.get_by_role("checkbox", name=say("Comments on your posts: in the portal"))
    comments.uncheck()
    page.get_by_label(say("Quiet from")).fill("22:00")
    page.get_by_role("button", name=say("Save")).click()
    expect(page.get_by_role("alert")).to_contain_text(say("Write both ends of the quiet hours, or neither."))
    page.get_by_role("textbox", name=re.compile(rf"^{say('until')}( |$)")).fill("07:30")
    page.get_by_role("button", name=say("Save")).click()
    expect(page.locator(".notice.good")).to_be_visible()
    page.goto("/notifications/settings/")
    expect(page.get_by_label(say("Quiet from"))).to_have_value("22:00")
    expect(comments).not_to_be_checked()

    theirs = boris.hand
    theirs.post(f"/discussion/feed.post/{post}/comments/", text="Unheard", nonce=secrets.token_hex(8))
    theirs.call(anna.pk, anna.name)
    expect(page.locator("#bell-count")).to_have_text("1")
    page.locator("#bell").click()
    expect(page.locator(".notices li")).to_have_count(1)
    expect(page.locator(".notices li")).to_contain_text(say("mentioned you"))


def test_who_is_away_gets_a_letter_and_can_end_such_letters(
    box: Box, olga: Portal, employee: Callable[..., Person], visitor: Callable[..., Person], letters: Mailbox
) -> None:
    """Both languages at once: the job that looks who is away comes once a minute."""
    boris = employee("Boris")
    away = {words: new_login("anna") for words in (EN, RU)}
    ids = {
        words: olga.employ(login, first_name="Anna", last_name="Away", language=words.language)
        for words, login in away.items()
    }
    theirs = boris.hand
    for pk in ids.values():
        theirs.call(pk, "Anna Away")
    for words, login in away.items():
        say = words.saying(RUSSIAN)
        letter = letter_to(letters, login.login)
        assert say("mentioned you") in str(letter["Subject"])
        assert boris.name in text_of(letter)
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        nobody = visitor("Nobody", words=words)
        page = nobody.open(str(letter["List-Unsubscribe"]).strip("<>"))
        page.get_by_role("button", name=say("No such letters any more")).click()
        expect(page.get_by_role("heading", name=say("You will get no such letters any more"))).to_be_visible()
        assert link_in(letter, "/feed/")
    theirs.call(ids[EN], "Anna Away")
    mentions = Portal.of(box, away[EN]).get("/notifications/").data.decode()
    assert mentions.count('class="unread"') == 2, "in the portal she is told as before"
