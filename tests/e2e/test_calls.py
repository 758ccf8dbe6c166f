"""The telephone rings, and the portal knows: with a real Asterisk, and the bridge as a service of the box."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.boxes import Box, until
from tests.e2e.people import Person
from tests.e2e.words import EN, RU, Words
from tests.telephony.asterisk import SECRET, Asterisk
from tests.telephony.phones import call_from_outside

RUSSIAN = {
    "Test": "Проверить",
    "The PBX can be used": "АТС готова к работе",
    "Save": "Сохранить",
    "“office” is saved.": "Сохранено: «office».",
    "The rules are saved.": "Правила сохранены.",
    "Calls you": "Звонит вам",
    "missed": "пропущен",
    "Done": "Готово",
    "The missed call is done.": "Пропущенный звонок обработан.",
}
CLIENT = "(916) 123-45-67"


@pytest.fixture
def pbx(box: Box, asterisk: Asterisk) -> Iterator[Asterisk]:
    """Connected, with the service at work. 4950001 rings at 101, which nobody picks up."""
    asterisk.cli('dialplan add extension 4950001,1,Dial,"PJSIP/101,90" into korobka-incoming')
    box.boxctl("config", "set", "telephony.enabled", "true")
    yield asterisk
    box.boxctl("config", "set", "telephony.enabled", "false")


def connect(page: Page, pbx: Asterisk, say: Callable[[str], str]) -> None:
    """As an administrator does: where it is, what its test says, how it writes numbers, who sits where. It is
    one PBX, whichever story connects it first: its calls are kept."""
    page.goto("/calls/exchanges/")
    known = page.get_by_role("link", name="office", exact=True)
    if known.count():
        known.click()
    else:
        page.goto("/calls/exchanges/new/")
        page.locator("[name=name]").fill("office")
    page.locator("[name=host]").fill(pbx.address)
    page.locator("[name=secret]").fill(SECRET)
    page.locator("[name=is_on]").check()
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.get_by_text(say("“office” is saved."))).to_be_visible()
    page.goto(str(page.locator(".tabs a").nth(1).get_attribute("href")))
    page.locator("[name=lines]").fill("PJSIP/line")
    page.locator("[name=prefixes]").fill("+79")
    page.locator("[name=recordings_here]").fill("")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.get_by_text(say("The rules are saved."))).to_be_visible()
    page.goto(str(page.locator(".tabs a").first.get_attribute("href")))
    page.get_by_role("button", name=say("Test"), exact=True).click()
    expect(page.locator("#tried h2")).to_have_text(say("The PBX can be used"))


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_client_calls_in_vain_and_waits_until_somebody_has_seen_to_it(
    pbx: Asterisk, administrator: Person, employee: Callable[..., Person], box: Box, language: Words
) -> None:
    def say(text: str) -> str:
        return RUSSIAN.get(text, text) if language is RU else text

    anna = employee("Anna", words=language)
    page = administrator.page
    connect(page, pbx, lambda text: text)
    page.locator(".tabs a").nth(2).click()
    page.locator("[name=number]").fill("101")
    page.locator("[name=person]").fill(anna.login.login)
    page.locator("form").filter(has=page.locator("[name=number]")).get_by_role("button").click()
    expect(page.locator(".rows")).to_contain_text("101")
    # Otherwise it reads "never heard of".
    until(lambda: "heard of 2" in box.boxctl("telephony", "status"))

    first, second = anna.open("/feed/"), anna.context.new_page()
    second.goto("/notifications/")
    expect(first.locator("body[data-listening]")).to_be_attached()
    anna.marks_the_page()
    caller = call_from_outside(pbx, "4950001", seconds=1)
    for tab in (first, second):
        expect(tab.locator(".call-popup")).to_contain_text(say("Calls you"))
        expect(tab.locator(".call-popup")).to_contain_text(CLIENT)
    # It stays while one goes on working.
    first.locator(".menu-list a[data-entry=calls]").click()
    expect(first.locator("main h1")).to_be_visible()
    expect(first.locator(".call-popup")).to_be_visible()
    anna.expect_the_same_page()
    # Closed in one tab, it is closed in all.
    second.locator(".call-popup [data-hide]").click()
    expect(first.locator(".call-popup")).to_be_hidden()

    caller.kill()
    pbx.cli("channel request hangup all")
    expect(first.locator(".call-popup")).to_have_count(0)
    expect(first.locator("#counter-calls")).to_have_text("1")
    first.goto("/calls/")
    row = first.locator("[data-row]")
    expect(row).to_contain_text(CLIENT)
    expect(row).to_contain_text(say("missed"))
    row.locator("a").first.click()
    first.locator(".page-head").get_by_role("button", name=say("Done")).click()
    expect(first.locator("#counter-calls")).to_have_text("")
