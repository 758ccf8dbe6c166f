"""Small things that people stumbled over, as they do them now, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import Person, new_login, settled
from tests.e2e.portal import Portal
from tests.e2e.words import Words

type Say = Callable[[str], str]

RUSSIAN = {
    "Comments": "Комментарии",
    "Your comment": "Ваш комментарий",
    "Save": "Сохранить",
    "Substitute": "Замещает",
    "Start the day": "Начать день",
    "Poll and more": "Опрос и другое",
    "Answer 3": "Ответ 3",
    "Drive": "Диск",
    "Members": "Участники",
    "Copy the link": "Скопировать ссылку",
    "The link is copied.": "Ссылка скопирована.",
}
CONSOLE = (
    "/console/",
    "/console/roles/",
    "/console/settings/company/",
    "/console/audit/",
    "/console/settings/fields/",
)


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", "Abramova", words=words)


def test_comments_leads_into_the_field(anna: Person, olga: Portal, say: Say) -> None:
    post = olga.publish("Shall we meet?")
    page = anna.open("/feed/")
    page.locator(f'article a[href*="/feed/{post}/"]', has_text=say("Comments")).click()
    expect(page.get_by_role("textbox", name=say("Your comment"))).to_be_focused()


def test_the_bar_says_what_one_is_called_from_now_on(anna: Person, say: Say) -> None:
    page = anna.open(f"/employees/{anna.pk}/details/")
    expect(page.locator(".me")).to_contain_text("Anna")
    page.locator("[name=first_name]").fill("Hanna")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.get_by_role("heading", name="Hanna")).to_be_visible()
    expect(page.locator(".me")).to_contain_text("Hanna")


def test_a_substitute_is_picked(anna: Person, olga: Portal, say: Say) -> None:
    olga.employ(new_login("Quentin"), first_name="Quentin", last_name="Quiller")
    page = anna.open(f"/employees/{anna.pk}/absences/")
    page.get_by_label(say("Substitute")).press_sequentially("Quentin")
    expect(page.locator("datalist option[value^='Quentin Quiller']").first).to_be_attached()


def test_the_day_starts_with_one_press(anna: Person, say: Say) -> None:
    page = anna.open("/feed/")
    page.get_by_role("button", name=say("Start the day")).click()
    expect(page.get_by_role("button", name=say("Start the day"))).to_have_count(0)


def test_a_poll_has_a_field_for_each_answer(anna: Person, say: Say) -> None:
    page = anna.open("/feed/")
    anna.text_field.click()
    anna.composer.get_by_text(say("Poll and more")).click()
    for number in (1, 2):
        anna.composer.locator("poll-answers input[type=text]").nth(number - 1).fill(f"{number}")
    expect(page.get_by_placeholder(say("Answer 3"))).to_be_visible()
    expect(page.locator("textarea[name=options]")).to_be_hidden()


def test_all_pages_of_a_group_lead_to_its_drive(anna: Person, say: Say) -> None:
    group = anna.hand.group("Chess")
    page = anna.open(f"/groups/{group}/members/")
    page.locator("main").get_by_role("link", name=say("Drive"), exact=True).click()
    expect(page).to_have_url(f"{anna.watch.box.url}/groups/{group}/?show=drive")
    page.locator("main").get_by_role("link", name=say("Members")).first.click()
    expect(page.locator("main").get_by_role("link", name=say("Drive"), exact=True)).to_be_visible()


def test_the_tabs_of_the_console_stay_where_they_are(administrator: Person, words: Words) -> None:
    assert administrator.hand.post("/preferences/", language=words.language).status in (200, 204, 302)
    seen = {path: place_of_tabs(administrator.open(path)) for path in CONSOLE}
    assert len(set(seen.values())) == 1, seen


def place_of_tabs(page: Page) -> tuple[int, int]:
    settled(page)
    box = page.locator("main nav.tabs a").first.bounding_box()
    assert box is not None
    return round(box["x"]), round(box["y"])


def test_on_a_phone_people_stand_above_what_is_said_of_the_day(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    olga.employ(new_login("Newton"), first_name="Newton", last_name="New")
    page = employee("Anna", "Abramova", words=words, width=390).open("/employees/")
    asides, people = page.locator(".asides").bounding_box(), page.locator("#list").bounding_box()
    assert asides is not None and people is not None
    assert asides["y"] >= people["y"] + people["height"]


def test_no_file_is_chosen_by_the_browsers_own_button(employee: Callable[..., Person], words: Words) -> None:
    """It speaks the browser's language, and looks like no button of ours."""
    chief = employee("Olga", "Orlova", words=words, administers=True)
    for path in (f"/employees/{chief.pk}/details/", "/console/settings/company/", "/imports/people/"):
        fields = chief.open(path).locator("main input[type=file]")
        expect(fields.first).to_be_attached()
        for field in fields.all():
            size = field.bounding_box()
            assert size is None or size["width"] <= 2, path


def test_a_guests_invitation_has_a_button_that_copies_it(anna: Person, say: Say) -> None:
    group = anna.hand.group("Bridge", "extranet")
    page = anna.open(f"/groups/{group}/guests/")
    page.locator("[name=email]").fill(new_login("Erik").login)
    page.locator("[name=first_name]").fill("Erik")
    page.locator("[name=expires_on]").fill((datetime.now(tz=UTC).date() + timedelta(days=9)).isoformat())
    anna.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("main form button[type=submit]").last.click()
    page.get_by_role("button", name=say("Copy the link")).click()
    expect(page.get_by_text(say("The link is copied."))).to_be_visible()
    assert "/join/" in page.evaluate("() => navigator.clipboard.readText()")
