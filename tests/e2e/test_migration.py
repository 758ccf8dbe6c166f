"""A company moves in from the cloud: the administrator connects, looks, matches, brings, compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.cloud.company import small_company
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
}


@pytest.fixture
def cloud(box: Box) -> Iterator[Served]:
    """A portal on this very machine, which the box may reach for once."""
    box.boxctl("config", "set", "integrations.reachable_networks", "127.0.0.0/8")
    box.boxctl("restart", "web")
    box.boxctl("restart", "jobs")
    with served(small_company(), burst=10_000, per_second=1000.0) as cloud:
        yield cloud


def test_a_company_moves_in(box: Box, visitor: Callable[..., Person], cloud: Served, words: Words) -> None:
    say = words.saying(RUSSIAN)
    administrator = visitor("Olga", "Orlova", words=words)
    administrator.login = box.admin
    administrator.is_signed_in_as(Portal.of(box, box.admin))
    page = administrator.open("/console/migrations/")
    expect(page.get_by_text(say("as an administrator"))).to_be_visible()
    page.get_by_label(say("Address of the inbound webhook")).fill(cloud.webhook)
    page.get_by_role("button", name=say("Connect and look")).click()
    expect(page.get_by_role("heading", name=say("What the portal has"))).to_be_visible()
    expect(page.get_by_role("heading", name=say("What cannot come, or not as it is"))).to_be_visible()

    page.get_by_role("link", name=say("Look, and decide by hand")).click()
    cara = page.get_by_role("listitem").filter(has_text="Cara Lind")
    cara.get_by_text(say("Somebody else")).click()
    cara.get_by_label(say("E-mail or login of a colleague; nothing: will be added")).fill(box.admin.login)
    cara.get_by_role("button", name=say("Save")).click()
    expect(page.get_by_role("listitem").filter(has_text="Cara Lind")).to_contain_text(say("chosen by hand"))

    page.goto(page.url.partition("people/")[0])
    page.get_by_role("button", name=say("Begin"), exact=True).click()
    expect(page.get_by_text(say("Everything that can come is here"))).to_be_visible(timeout=120_000)

    page.get_by_role("link", name=say("Compare with the portal")).click()
    expect(page.get_by_text(say("Everything is here."))).to_be_visible()
    page.goto("/feed/")
    expect(page.get_by_text("Post 74 of")).to_be_visible()
    page.goto("/employees/")
    expect(page.get_by_role("link", name="Petrov Boris")).to_be_visible()
