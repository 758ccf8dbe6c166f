"""Companies move in and out: an administrator connects, looks, matches, brings or sends, compares, undoes."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.boxed.company import Boxed
from tests.cloud.companies import empty_company, small_company
from tests.cloud.company import HOST
from tests.cloud.server import Served, served
from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Address of the inbound webhook": "Адрес входящего вебхука",
    "Connect and look": "Подключить и посмотреть",
    "What the portal has": "Что есть на портале",
    "What cannot come, or not as it is": "Что не переедет или переедет не полностью",
    "Look, and decide by hand": "Посмотреть и решить вручную",
    "Somebody else": "Другой человек",
    "E-mail or login of a colleague; nothing: will be added": (
        "Почта или логин сотрудника; пусто — человек будет добавлен"
    ),
    "Save": "Сохранить",
    "chosen by hand": "выбрано вручную",
    "Begin": "Начать",
    "Everything that can come is here": "Всё, что может переехать, уже здесь",
    "Compare with the portal": "Сравнить с порталом",
    "Everything is here.": "Всё на месте.",
    "as an administrator": "под администратором",
    "Folder with the dump": "Папка с дампом",
    "Address of the portal, as people call it": "Адрес портала, по которому его открывали",
    "Look into the dump": "Посмотреть дамп",
    "messages of chats": "сообщения чатов",
    "rows of lists": "записи списков",
    "Connect anew, undo, remove": "Подключить заново, отменить, удалить",
    "Undo all of it": "Отменить весь перенос",
    "Undone: nothing of it is here any more.": "Отменено: ничего из перенесённого здесь больше нет.",
    "Undone, but for what is listed below: that stays.": (
        "Отменено, кроме перечисленного ниже: оно остаётся здесь."
    ),
    "Remove the connection": "Удалить подключение",
    "Move into the cloud": "Перенести в облако",
    "What would go": "Что было бы перенесено",
    "What cannot go, or not as it is": "Что не переносится или переносится не так, как есть",
    "private things": "личное",
    "Everything that can go is there": "Всё, что можно перенести, уже там",
    "Everything that can go is there.": "Всё, что можно перенести, уже там.",
    "Send what has changed since": "Отправить изменившееся",
    "Pass 2": "Проход 2",
}
MOVING = Path("/srv/korobka-moving")
"""Where an installed box looks for dumps."""
A_LINE = 32
"""Pixels that a name takes where there is room for it."""
A_WHILE = 300_000
"""Milliseconds until whoever waits for a migration gives up."""


@pytest.fixture(scope="module")
def neighbour(box: Box) -> None:
    """The box may reach for portals on this very machine, once."""
    box.boxctl("config", "set", "integrations.reachable_networks", "127.0.0.0/8")
    box.boxctl("restart", "web")
    box.boxctl("restart", "jobs")


@pytest.fixture
def administrator(box: Box, visitor: Callable[..., Person], words: Words) -> Iterator[Person]:
    """Olga, who reads the language of the story until it is told."""
    olga = visitor("Olga", "Orlova", words=words)
    olga.login = box.admin
    olga.is_signed_in_as(Portal.of(box, box.admin))
    assert olga.hand.post("/preferences/", language=words.language).status == 302
    yield olga
    assert olga.hand.post("/preferences/", language="en").status == 302


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a boxed portal's dump and its upload folder; a name below the place of dumps."""
    is_ours = not MOVING.exists()
    folder = MOVING / f"portal-{secrets.token_hex(4)}"
    Boxed(small_company()).written(folder, is_packed=True)
    yield folder
    shutil.rmtree(MOVING if is_ours else folder)


def test_a_company_moves_in(administrator: Person, box: Box, neighbour: None, words: Words) -> None:
    say = words.saying(RUSSIAN)
    page = administrator.open("/console/migrations/")
    expect(page.get_by_text(say("as an administrator"))).to_be_visible()
    with served(small_company(), burst=10_000, per_second=1000.0) as cloud:
        _connected(page, cloud, say)
        expect(page.get_by_role("heading", name=say("What the portal has"))).to_be_visible()
        expect(page.get_by_role("heading", name=say("What cannot come, or not as it is"))).to_be_visible()

        page.get_by_role("link", name=say("Look, and decide by hand")).click()
        cara = page.get_by_role("listitem").filter(has_text="Cara Lind")
        page.set_viewport_size({"width": 360, "height": 800})
        name = cara.get_by_text("Cara Lind").first.bounding_box()
        assert name is not None and name["height"] < A_LINE
        page.set_viewport_size({"width": 1440, "height": 900})
        cara.get_by_text(say("Somebody else")).click()
        cara.get_by_label(say("E-mail or login of a colleague; nothing: will be added")).fill(box.admin.login)
        cara.get_by_role("button", name=say("Save")).click()
        expect(page.get_by_role("listitem").filter(has_text="Cara Lind")).to_contain_text(
            say("chosen by hand")
        )

        page.goto(page.url.partition("people/")[0])
        page.get_by_role("button", name=say("Begin"), exact=True).click()
        expect(page.get_by_text(say("Everything that can come is here"))).to_be_visible(timeout=A_WHILE)

        page.get_by_role("link", name=say("Compare with the portal")).click()
        expect(page.get_by_text(say("Everything is here."))).to_be_visible()
    page.goto("/feed/")
    expect(page.get_by_text("Post 74 of")).to_be_visible()
    page.goto("/employees/")
    expect(page.get_by_role("link", name="Petrov Boris")).to_be_visible()


def test_a_boxed_portal_moves_in_and_is_undone(administrator: Person, folder: Path, words: Words) -> None:
    say = words.saying(RUSSIAN)
    page = administrator.open("/console/migrations/")
    page.get_by_label(say("Folder with the dump")).fill(folder.name)
    page.get_by_label(say("Address of the portal, as people call it")).fill(HOST)
    page.get_by_role("button", name=say("Look into the dump")).click()
    expect(page.get_by_role("heading", name=say("What the portal has"))).to_be_visible(timeout=A_WHILE)
    # How much of what stays behind there is: 204 messages, three rows.
    expect(_told(page, say("messages of chats"))).to_contain_text("204")
    expect(_told(page, say("rows of lists"))).to_contain_text("3")

    page.get_by_role("button", name=say("Begin"), exact=True).click()
    expect(page.get_by_text(say("Everything that can come is here"))).to_be_visible(timeout=A_WHILE)
    migration = page.url
    page.get_by_role("link", name=say("Compare with the portal")).click()
    expect(page.get_by_text(say("Everything is here."))).to_be_visible()
    page.goto("/feed/")
    expect(page.get_by_text("Post 74 of").first).to_be_visible()

    page.goto(migration)
    page.get_by_text(say("Connect anew, undo, remove")).click()
    page.get_by_role("button", name=say("Undo all of it")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Undo all of it")).click()
    # What another story has brought into the same departments keeps these.
    whole = page.get_by_text(say("Undone: nothing of it is here any more."))
    but = page.get_by_text(say("Undone, but for what is listed below: that stays."))
    expect(whole.or_(but)).to_be_visible(timeout=A_WHILE)
    page.reload()
    page.get_by_text(say("Connect anew, undo, remove")).click()
    page.get_by_role("button", name=say("Remove the connection")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Remove the connection")).click()
    expect(page).to_have_url(re.compile("/console/migrations/$"))


def test_a_company_moves_into_the_cloud(
    administrator: Person, anna: Person, neighbour: None, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    # What the story in the other language has published is here, too.
    moving, liking = (
        f"{said} {secrets.token_hex(4)}" for said in ("The parrots move on Friday", "They like it")
    )
    anna.hand.publish(moving)
    page = administrator.open("/console/migrations/")
    page.get_by_role("link", name=say("Move into the cloud")).click()
    # The page before has a field of the same name.
    expect(page.get_by_role("heading", name=say("Move into the cloud"))).to_be_visible()
    with served(empty_company(), burst=10_000, per_second=1000.0) as cloud:
        _connected(page, cloud, say)
        expect(page.get_by_role("heading", name=say("What would go"))).to_be_visible(timeout=A_WHILE)
        expect(page.get_by_role("heading", name=say("What cannot go, or not as it is"))).to_be_visible()
        expect(_told(page, say("private things"))).to_be_visible()
        assert not cloud.company.posts

        page.get_by_role("button", name=say("Begin"), exact=True).click()
        expect(page.get_by_text(say("Everything that can go is there"))).to_be_visible(timeout=A_WHILE)
        assert _posts(cloud, moving) == 1

        migration = page.url
        page.get_by_role("link", name=say("Compare with the portal")).click()
        expect(page.get_by_text(say("Everything that can go is there."))).to_be_visible()

        anna.hand.publish(liking)
        page.goto(migration)
        page.get_by_role("button", name=say("Send what has changed since")).click()
        expect(page.get_by_text(say("Pass 2"))).to_be_visible()
        expect(page.get_by_text(say("Everything that can go is there"))).to_be_visible(timeout=A_WHILE)
        assert _posts(cloud, moving) == 1
        assert _posts(cloud, liking) == 1


def _connected(page: Page, cloud: Served, say: Callable[[str], str]) -> None:
    page.get_by_label(say("Address of the inbound webhook")).fill(cloud.webhook)
    page.get_by_role("button", name=say("Connect and look")).click()


def _told(page: Page, what: str) -> Locator:
    """Why something of this name cannot come."""
    return page.locator("dt", has_text=re.compile(f"^{re.escape(what)}$")).locator("+ dd")


def _posts(cloud: Served, text: str) -> int:
    return sum(text in row["DETAIL_TEXT"] for row in cloud.company.posts)
