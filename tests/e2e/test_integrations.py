"""A webhook: made in the browser, used by a program over HTTPS, and ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Integrations": "Интеграции",
    "New webhook": "Новый вебхук",
    "What will use it": "Что будет его использовать",
    "People (brief)": "Люди (минимальный)",
    "Feed": "Лента",
    "Make it": "Создать",
    "I have kept it": "Адрес сохранён",
    "never used": "ещё не использовался",
    "last used": "последнее действие",
    "Revoke": "Отозвать",
    "revoked": "отозван",
    "From the till": "Из кассы",
}


def test_a_program_works_in_somebodys_name_until_it_is_revoked(
    box: Box, employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    page = anna.open("/feed/")
    page.locator("summary.me").click()
    page.get_by_role("link", name=say("Integrations")).click()
    page.get_by_role("link", name=say("New webhook")).first.click()
    page.get_by_label(say("What will use it")).fill("The till")
    for scope in ("People (brief)", "Feed"):
        page.get_by_label(say(scope)).check()
    page.get_by_role("button", name=say("Make it")).click()
    address = urlsplit(page.locator("[data-address]").inner_text().strip())
    page.get_by_role("link", name=say("I have kept it")).click()
    expect(page.get_by_text(say("never used"))).to_be_visible()
    expect(page.get_by_text(address.path)).to_have_count(0)

    program = Portal(box)
    told = json.loads(program.get(f"{address.path}user.current.json").data)["result"]
    assert (told["ID"], told["NAME"], "EMAIL" in told) == (str(anna.pk), "Anna", False)
    said = program.post(f"{address.path}log.blogpost.add", POST_MESSAGE=say("From the till"))
    assert json.loads(said.data)["result"] > 0
    page.goto("/feed/")
    expect(anna.post(say("From the till"))).to_contain_text("Anna")

    page.goto("/profile/integrations/")
    expect(page.get_by_text(say("last used"))).to_be_visible()
    page.get_by_role("button", name=say("Revoke")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Revoke"), exact=True).click()
    expect(page.locator(".tag.bad")).to_have_text(say("revoked"))
    refused = program.get(f"{address.path}user.current.json")
    assert (refused.status, json.loads(refused.data)["error"]) == (401, "NO_AUTH_FOUND")
    log = (box.paths.log / "balancer.log").read_text()
    assert "/rest/.../user.current.json" in log
    assert address.path.rstrip("/").rpartition("/")[2] not in log
