"""Thanks that arrive, what the portal tells by itself, and cards of links, in each language."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Said:
    thank: str
    what_for: str
    badge: str
    own: str
    new_colleague: str


SAID = {
    EN: Said(
        thank="Thank",
        what_for="What for?",
        badge="A great help",
        own="A picture of your own",
        new_colleague="New colleague",
    ),
    RU: Said(
        thank="Поблагодарить",
        what_for="За что?",
        badge="Выручил(а)",
        own="Своя картинка",
        new_colleague="Нов",
    ),
}


def test_a_colleague_is_thanked_and_knows_it(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna, boris = employee("Anna", words=words), employee("Boris", f"B{mark}", words=words)
    boris.open("/feed/")
    page = anna.open(f"/employees/{boris.pk}/")
    page.get_by_role("link", name=said.thank, exact=True).click()
    page.get_by_text(said.badge).click()
    page.get_by_label(said.what_for).fill(f"The report {mark}")
    assert problems(page) == []
    page.get_by_role("button", name=words.publish).click()
    expect(anna.post(mark).locator(".award")).to_contain_text(said.badge)
    assert problems(page) == []

    expect(boris.page.locator("#bell-count")).to_have_text("1")
    boris.chip.click()
    expect(boris.post(mark).locator(".award")).to_contain_text(boris.name)
    profile = boris.open(f"/employees/{boris.pk}/")
    expect(profile.locator(".given")).to_contain_text(said.badge)
    assert problems(profile) == []


def test_a_company_has_a_badge_of_its_own(
    employee: Callable[..., Person], words: Words, tmp_path: Path
) -> None:
    said, mark, file = SAID[words], secrets.token_hex(4), tmp_path / "badge.png"
    Image.new("RGBA", (300, 200), (160, 40, 90, 255)).save(file)
    olga, boris = employee("Olga", words=words, administers=True), employee("Boris", words=words)
    page = olga.open("/feed/badges/")
    page.locator("input[name=name_en]").fill(mark)
    page.locator("input[name=name_ru]").fill(mark)
    page.get_by_label(said.own).set_input_files(file)
    assert problems(page) == []
    page.locator("main form [type=submit]").last.click()
    expect(page.locator(".badge-row").filter(has_text=mark).locator("img[src*='/pictures/']")).to_be_visible()
    page.goto(f"/feed/thanks/{boris.pk}/")
    page.get_by_text(mark).click()
    page.get_by_role("button", name=words.publish).click()
    expect(page.locator(".award").filter(has_text=mark)).to_be_visible()
    own = boris.open("/feed/").locator(".award").filter(has_text=mark).locator("img")
    assert own.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


def test_the_portal_tells_who_is_new(employee: Callable[..., Person], olga: Portal, words: Words) -> None:
    mark = secrets.token_hex(4)
    anna = employee("Anna", words=words)
    telling = {"feed.dislikes": "on", "feed.tell_joined": "on"}
    assert olga.post("/console/settings/feed/", **telling).status == 302
    try:
        employee("Nina", f"N{mark}")
        page = anna.open("/feed/?kind=system")
        entry = page.get_by_role("article").filter(has_text=SAID[words].new_colleague).first
        for _ in range(20):
            if entry.count():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(entry).to_be_visible()
        assert problems(page) == []
    finally:
        olga.post("/console/settings/feed/", **{"feed.dislikes": "on"})


def test_a_link_shows_what_it_leads_to(employee: Callable[..., Person], words: Words) -> None:
    mark = secrets.token_hex(4)
    anna, cara = employee("Anna", words=words), employee("Cara", f"C{mark}", words=words)
    page = anna.open("/feed/")
    host = page.evaluate("location.origin")
    anna.text_field.fill(f"Ask her {mark} {host}/employees/{cara.pk}/")
    anna.publish()
    card = anna.post(mark).locator(".link-cards a")
    expect(card).to_have_text(cara.name)
    card.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"C{mark}")


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_thanking_is_accessible(
    employee: Callable[..., Person], administrator: Person, width: int, theme: str
) -> None:
    anna, boris = employee("Anna", width=width), employee("Boris")
    # Before the page comes: colours that are on their way are no colours to judge.
    anna.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page = anna.open(f"/feed/thanks/{boris.pk}/")
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/feed/thanks/?q=Boris")
    assert problems(page) == []
    administrator.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    administrator.open("/feed/badges/")
    assert problems(administrator.page) == []
