"""Groups, two people at once: coming in, asking and being asked, writing to each other, and the end."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Create a group": "Создать группу",
    "Create": "Создать",
    "Name": "Название",
    "Open": "Открытая",
    "By request": "По заявке",
    "Secret": "Секретная",
    "Join the group": "Вступить",
    "You are in the group now.": "Теперь вы в группе.",
    "Ask to join": "Подать заявку",
    "you asked to join": "заявка подана",
    "What is written here is for the members": "Записи здесь — для участников",
    "asks to join the group": "просит принять в группу",
    "Accept": "Принять",
    "you into the group": "вы приняты в группу",
    "Invite": "Пригласить",
    "Add a person": "Добавить человека",
    "Name of a person": "Имя сотрудника",
    "you to the group": "вас в группу",
    "Accept the invitation": "Принять приглашение",
    "Nothing matches": "Ничего не найдено",
    "Name of a group": "Название группы",
    "More about the group": "Действия с группой",
    "Settings": "Настройки",
    "Put into the archive": "Отправить в архив",
    "in the archive": "в архиве",
    "Open it again": "Вернуть из архива",
    "New owner": "Новый владелец",
    "Hand over": "Передать",
    "Delete the group": "Удалить группу",
    "is deleted": "удалена",
}


def create(person: Person, name: str, kind: str, say: Callable[[str], str]) -> str:
    """By the form; the address of the group."""
    page = person.open("/groups/")
    page.get_by_role("link", name=say("Create a group")).click()
    page.get_by_label(say("Name"), exact=True).fill(name)
    page.get_by_role("radio", name=re.compile(f"^{say(kind)}")).check()
    page.get_by_role("button", name=say("Create"), exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return page.url


def bell(person: Person) -> Page:
    """Rings in the open page, and leads to what it rang for."""
    expect(person.page.locator("#bell-count")).to_have_text("1")
    person.page.locator("#bell").click()
    return person.page


def test_an_open_group_is_entered_at_once_and_its_feed_lives(
    employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    cara = Portal.of(anna.watch.box, employee("Cara").login)
    address = create(anna, f"Rowing {mark}", "Open", say)

    page = boris.open("/groups/?show=all")
    page.get_by_role("searchbox", name=say("Name of a group")).fill(f"rowing {mark}")
    # It may have been the only one before.
    expect(page).to_have_url(re.compile(r"[?&]q=rowing"))
    expect(page.locator("#list tr[data-row]")).to_have_count(1)
    page.get_by_role("button", name=say("Join the group")).click()
    expect(page.get_by_text(say("You are in the group now."))).to_be_visible()
    expect(page).to_have_url(address)

    boris.marks_the_page()
    anna.text_field.fill(f"At the river at six {mark}")
    anna.publish()
    expect(boris.chip).to_have_text(words.new_posts[0])
    boris.chip.click()
    expect(boris.post(f"At the river at six {mark}")).to_be_visible()
    boris.expect_the_same_page()
    # Also for cara, who could join but has not.
    assert mark not in cara.get("/feed/").data.decode()


def test_one_asks_to_come_in_and_is_accepted(employee: Callable[..., Person], words: Words) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    address = create(anna, f"Budget {mark}", "By request", say)
    anna.open("/feed/")
    anna.marks_the_page()

    page = boris.open(address)
    expect(page.get_by_text(say("What is written here is for the members"))).to_be_visible()
    page.get_by_role("button", name=say("Ask to join")).click()
    expect(page.get_by_text(say("you asked to join")).first).to_be_visible()

    expect(anna.page.locator("#bell-count")).to_have_text("1")
    anna.expect_the_same_page()
    owner = bell(anna)
    notice = owner.locator(".notices li").first
    expect(notice).to_contain_text(say("asks to join the group"))
    notice.get_by_role("link", name=f"Budget {mark}").click()
    owner.locator("a[href$='/members/']").first.click()
    owner.get_by_role("button", name=say("Accept"), exact=True).click()

    asker = bell(boris)
    expect(asker.locator(".notices li").first).to_contain_text(say("you into the group"))
    asker.locator(".notices li").first.get_by_role("link", name=f"Budget {mark}").click()
    expect(boris.text_field).to_be_visible()


def test_a_secret_group_is_known_to_whom_it_invites(employee: Callable[..., Person], words: Words) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna = employee("Anna", words=words)
    boris = employee("Boris", f"Belov{mark}", words=words)
    cara = employee("Cara", words=words)
    cara.watch.tolerated.add("404")
    address = create(anna, f"Merger {mark}", "Secret", say)
    found = cara.open("/groups/?show=all")
    found.get_by_role("searchbox", name=say("Name of a group")).fill(f"Merger {mark}")
    expect(found.get_by_text(say("Nothing matches"))).to_be_visible()
    cara.open(address)
    expect(cara.page.locator("[data-error]")).to_be_visible()

    boris.open("/feed/")
    page = anna.page
    page.get_by_role("link", name=say("Invite"), exact=True).click()
    page.get_by_role("button", name=say("Add a person")).click()
    page.get_by_role("searchbox", name=say("Name of a person"), exact=True).fill(mark)
    page.get_by_role("button", name=boris.name).click()
    page.get_by_role("button", name=say("Invite"), exact=True).click()
    theirs = bell(boris)
    notice = theirs.locator(".notices li").first
    expect(notice).to_contain_text(say("you to the group"))
    notice.get_by_role("link", name=f"Merger {mark}").click()
    theirs.get_by_role("button", name=say("Accept the invitation")).click()
    expect(theirs.get_by_text(say("You are in the group now."))).to_be_visible()
    expect(boris.text_field).to_be_visible()


def test_a_group_is_handed_over_archived_and_deleted(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words), employee("Boris", f"B{mark}", words=words)
    name = f"Party {mark}"
    address = create(anna, name, "Open", say)
    Portal.of(olga.box, boris.login).post(f"{path_of(address)}membership/")

    page = anna.page
    settings(page, say)
    page.get_by_role("combobox", name=say("New owner")).select_option(str(boris.pk))
    page.get_by_role("button", name=say("Hand over")).click()
    expect(page.locator(".group-aside")).to_contain_text(boris.name)

    page = boris.open(address)
    expect(boris.text_field).to_be_visible()
    settings(page, say)
    page.get_by_role("button", name=say("Put into the archive")).click()
    expect(page.get_by_text(say("in the archive")).first).to_be_visible()
    expect(boris.composer).to_have_count(0)
    settings(page, say)
    page.get_by_role("button", name=say("Open it again")).click()
    expect(boris.text_field).to_be_visible()

    chief = employee("Olga", words=words, administers=True)
    page = chief.open(address)
    settings(page, say)
    page.get_by_role("button", name=say("Delete the group")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(name)
    dialog.get_by_role("button", name=say("Delete the group")).click()
    expect(page.locator("#toasts")).to_contain_text(say("is deleted"))
    assert Portal.of(olga.box, boris.login).get(path_of(address)).status == 404


def settings(page: Page, say: Callable[[str], str]) -> None:
    page.locator("summary").and_(page.get_by_label(say("More about the group"))).click()
    page.get_by_role("link", name=say("Settings"), exact=True).click()


def path_of(address: str) -> str:
    return "/" + address.split("/", 3)[3]
