"""What an administrator chooses for all, and how the portal is another one at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.box.mailbox import Mailbox
from tests.e2e.boxes import Box
from tests.e2e.letters import letter_to
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import EN, Words

RUSSIAN = {
    "Setting up the portal": "Настройка портала",
    "Company name": "Название компании",
    "Save and go on": "Сохранить и продолжить",
    "Skip this step": "Пропустить шаг",
    "The portal is set up": "Портал настроен",
    "Save": "Сохранить",
    "Save the logo": "Сохранить логотип",
    "The logo is saved.": "Логотип сохранён.",
    "Pulse": "Пульс",
    "Send me a test letter": "Отправить мне пробное письмо",
    "A letter from your portal": "Письмо с вашего портала",
    "Day": "День",
    "What it is": "Какой он",
    "Name": "Название",
    "As supplied": "Как в поставке",
    "Help on this page": "Справка по этой странице",
    "Groups": "Группы",
    "Write a post about it": "Рассказать в ленте",
    "Months": "Месяцы",
}


def test_a_new_portal_leads_its_administrator_through(
    box: Box, employee: Callable[..., Person], words: Words
) -> None:
    """From where it was left: whatever was passed before is not asked again."""
    say, name = words.saying(RUSSIAN), f"Boxes & Co {secrets.token_hex(3)}"
    olga = employee("Olga", words=words, administers=True)
    page = olga.open("/console/setup/company/")
    expect(page.get_by_role("heading", name=say("Setting up the portal"))).to_be_visible()
    before = page.get_by_label(say("Company name")).input_value()
    try:
        page.get_by_label(say("Company name")).fill(name)
        page.get_by_role("button", name=say("Save and go on")).click()
        skip = page.get_by_role("button", name=say("Skip this step"))
        end = page.get_by_role("heading", name=say("The portal is set up"))
        expect(skip.or_(end)).to_be_visible()
        for step in ("logo", "work", "mail", "people"):
            page.goto(f"/console/setup/{step}/")
            skip.click()
            expect(page).not_to_have_url(re.compile(f"/{step}/"))
        expect(end).to_be_visible()
        anna = employee("Anna", words=words)
        expect(anna.open("/feed/").locator(".brand").first).to_contain_text(name)
    finally:
        page.goto("/console/settings/company/")
        page.get_by_label(say("Company name")).fill(before)
        page.get_by_role("button", name=say("Save"), exact=True).click()
        expect(page.locator(".notice.good")).to_be_visible()


def test_a_logo_stands_above_every_page_and_at_the_door(
    employee: Callable[..., Person],
    guest: Callable[..., Person],
    visitor: Callable[..., Person],
    olga: Portal,
    tmp_path: Path,
    words: Words,
) -> None:
    say, file = words.saying(RUSSIAN), tmp_path / "logo.png"
    Image.new("RGB", (256, 256), "#0a7").save(file)
    anna = employee("Anna", words=words)
    erik = guest(
        "Erik", group=anna.hand.group(f"Supply {secrets.token_hex(3)}", "extranet"), by=anna, words=words
    )
    for reader in (anna, erik):
        reader.open("/feed/")
        expect(reader.page.locator("body[data-listening]")).to_be_attached()
        reader.marks_the_page()
    page = employee("Olga", words=words, administers=True).open("/console/settings/company/")
    page.locator("upload-list input[type=file]").set_input_files(file)
    expect(page.locator("upload-list .uploads li")).to_have_count(1)
    page.get_by_role("button", name=say("Save the logo")).click()
    expect(page.get_by_text(say("The logo is saved."))).to_be_visible()
    for open_page in (page, anna.page, erik.page):
        shown = open_page.locator(".sidebar .brand img")
        expect(shown).to_have_attribute("src", re.compile("/logo/"))
        # Once it is there nobody asks for it any more when it goes.
        shown.evaluate("(image) => image.decode()")
    anna.expect_the_same_page()
    erik.expect_the_same_page()
    door = visitor("Nobody", words=words).open("/sign-in/")
    logo = door.locator("img[src*='/logo/']").first
    expect(logo).to_be_visible()
    assert logo.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    olga.post("/console/settings/logo/")
    # Told to everybody: later it would reach pages of the next story, which would ask for what is gone.
    for open_page in (page, anna.page, erik.page):
        expect(open_page.locator(".brand img[src*='/logo/']")).to_have_count(0)
    door.reload()
    expect(logo).to_have_count(0)


def test_a_service_that_is_off_is_nowhere(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    anna.watch.tolerated.add("404")
    olga = employee("Olga", words=words, administers=True)
    page = olga.open("/console/settings/services/")
    entry = anna.page.locator(".menu-list a[data-entry=pulse]")
    try:
        page.get_by_role("checkbox", name=say("Pulse")).uncheck()
        page.get_by_role("button", name=say("Save"), exact=True).click()
        expect(page.locator(".notice.good")).to_be_visible()
        anna.open("/feed/")
        expect(anna.text_field).to_be_visible()
        expect(entry).to_have_count(0)
        anna.open("/pulse/")
        expect(anna.page.locator("[data-error]")).to_be_visible()
    finally:
        page.goto("/console/settings/services/")
        page.get_by_role("checkbox", name=say("Pulse")).check()
        page.get_by_role("button", name=say("Save"), exact=True).click()
        expect(page.locator(".notice.good")).to_be_visible()
    anna.open("/feed/")
    expect(entry).to_be_visible()


def test_a_letter_shows_that_mail_works(
    employee: Callable[..., Person], letters: Mailbox, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    olga = employee("Olga", words=words, administers=True)
    olga.watch.tolerated.add("422")
    page = olga.open("/console/settings/mail/")
    page.get_by_role("button", name=say("Send me a test letter")).click()
    expect(page.locator(".notice.good")).to_contain_text(olga.login.login)
    assert letter_to(letters, olga.login.login)["Subject"] == say("A letter from your portal")
    # A server that refuses is quoted.
    letters.answers[olga.login.login] = "550 no such mailbox"
    page.get_by_role("button", name=say("Send me a test letter")).click()
    expect(page.locator(".notice.error").first).to_contain_text("no such mailbox")


def test_a_day_of_the_year_is_decided_otherwise(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    page = employee("Olga", words=words, administers=True).open("/console/settings/calendar/2027/")
    tag = page.locator(".page-head .tag")
    before = number_in(tag.inner_text())
    page.get_by_label(say("Day"), exact=True).fill("2027-08-18")
    page.get_by_label(say("What it is")).select_option("off")
    page.get_by_label(re.compile(f"^{say('Name')}")).fill("The day of the box")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    row = page.locator(".rows li").filter(has_text="The day of the box")
    expect(row).to_be_visible()
    assert number_in(tag.inner_text()) == before - 1
    expect(page.locator("td[title='The day of the box']")).to_contain_text("18")
    row.get_by_role("button", name=say("As supplied")).click()
    expect(row).to_have_count(0)
    assert number_in(tag.inner_text()) == before


def number_in(text: str) -> int:
    (number,) = re.findall(r"\d+", text)
    return int(number)


def test_pulse_explains_a_tool_with_a_post_that_is_begun(
    employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    page = anna.open("/pulse/")
    page.get_by_role("link", name=say("Months"), exact=True).click()
    expect(page).to_have_url(re.compile("by=month"))
    explain = page.get_by_role("button", name=say("Write a post about it")).first
    if not explain.count():
        pytest.fail("On a box that few use every tool is one to explain.")
    explain.click()
    expect(anna.text_field).to_be_visible()
    expect(anna.written).not_to_have_value("")


@pytest.mark.parametrize(
    "path", ["/feed/", "/employees/", "/structure/", "/groups/", "/notifications/", "/search/", "/pulse/"]
)
def test_the_question_mark_explains_the_screen_in_ones_language(
    employee: Callable[..., Person], words: Words, path: str
) -> None:
    say = words.saying(RUSSIAN)
    page = employee("Anna", words=words).open(path)
    page.get_by_role("link", name=say("Help on this page")).click()
    heading = page.locator("article.prose h1")
    expect(heading).to_be_visible()
    is_russian = re.search("[а-яё]", heading.inner_text()) is not None
    assert is_russian == (words is not EN)


def test_the_mark_follows_where_one_goes(box: Box, employee: Callable[..., Person], words: Words) -> None:
    """Also while the shell stays and only the main region changes."""
    say = words.saying(RUSSIAN)
    page = employee("Anna", words=words).open("/feed/")
    page.get_by_role("navigation").get_by_role("link", name=say("Groups")).click()
    expect(page).to_have_url(f"{box.url}/groups/")
    page.get_by_role("link", name=say("Help on this page")).click()
    expect(page).to_have_url(f"{box.url}/help/groups/")
    assert Portal(box).get("/help/groups/").status == 302
