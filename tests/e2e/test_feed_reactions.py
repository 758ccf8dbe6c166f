"""Emoji that arrive live, and the viewer of pictures, in each language."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Said:
    add: str
    everything: str
    find: str
    word: str
    found: str
    viewer: str
    following: str
    close: str
    download: str


SAID = {
    EN: Said(
        add="Add an emoji",
        everything="All emoji",
        find="Find an emoji",
        word="birthday",
        found="🎂",
        viewer="Pictures",
        following="Next",
        close="Close",
        download="Download",
    ),
    RU: Said(
        add="Добавить эмодзи",
        everything="Все эмодзи",
        find="Найти эмодзи",
        word="рождения",
        found="🎂",
        viewer="Изображения",
        following="Следующая",
        close="Закрыть",
        download="Скачать",
    ),
}


def test_emoji_arrive_before_everybodys_eyes(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    anna.open("/feed/")
    anna.text_field.fill(f"We did it {mark}")
    anna.publish()
    expect(anna.post(mark)).to_be_visible()
    boris.open("/feed/")
    own, other = anna.post(mark), boris.post(mark)

    other.locator("summary").and_(boris.page.get_by_label(said.add)).click()
    other.get_by_role("button", name="🎉").click()
    expect(other.locator(".act.emoji")).to_have_text("🎉 1")
    expect(own.locator(".act.emoji")).to_have_text("🎉 1")

    # What came by itself can be pressed.
    own.locator(".act.emoji").click()
    expect(own.locator(".act.emoji")).to_have_attribute("aria-pressed", "true")
    expect(other.locator(".act.emoji")).to_have_text("🎉 2")

    # Any other one, found by a word and by keys alone.
    own.locator(".emoji-drop > summary").click()
    expect(own.locator(".reacted")).to_contain_text(boris.name)
    own.get_by_role("button", name=said.everything).click()
    own.get_by_label(said.find).fill(said.word)
    expect(own.locator(".emoji-grid button").filter(has_text=said.found)).to_be_visible()
    assert problems(anna.page) == []
    anna.page.keyboard.press("ArrowDown")
    first = own.locator(".emoji-grid button").first
    expect(first).to_be_focused()
    chosen = first.get_attribute("value") or ""
    anna.page.keyboard.press("Enter")
    expect(other.locator(f".act.emoji[value='{chosen}']")).to_be_visible()


def test_pictures_are_looked_at_one_after_another(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    files = [
        olga.upload(f"{name}.png", picture_of(tint)) for name, tint in (("sea", "teal"), ("sun", "orange"))
    ]
    post = olga.publish(f"Look {mark}", files=files)
    anna = employee("Anna", words=words)
    page = anna.open(f"/feed/{post}/")
    pictures = page.locator(".pictures a")
    # They are drawn small by a job.
    expect(drawn(anna, f"/feed/{post}/")).to_have_count(2)
    pictures.first.click()
    viewer = page.get_by_role("dialog", name=said.viewer)
    expect(viewer).to_be_visible()
    expect(viewer.locator("img.pswp__img:not(.pswp__img--placeholder)").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(viewer.locator(".pswp__counter")).to_have_text("2 / 2")
    expect(viewer.get_by_label(said.download)).to_have_attribute("download", "sun.png")
    assert problems(page) == []
    # The focus stays within, and comes back to where it was.
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.pswp') !== null")
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(pictures.first).to_be_focused()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sheet_of_emoji_is_accessible(employee: Callable[..., Person], width: int, theme: str) -> None:
    anna = employee("Anna", width=width)
    page = anna.open("/feed/")
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    mark = secrets.token_hex(4)
    anna.text_field.fill(mark)
    anna.publish()
    post = anna.post(mark)
    post.locator(".emoji-drop > summary").click()
    post.get_by_role("button", name=SAID[EN].everything).click()
    expect(post.locator(".emoji-grid button").first).to_be_visible()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def drawn(person: Person, path: str) -> Locator:
    """The two small pictures, as soon as they are there."""
    for _ in range(20):
        pictures = person.page.locator(".pictures a")
        if pictures.count() == 2:
            break
        person.page.wait_for_timeout(500)
        person.open(path)
    return person.page.locator(".pictures a")


def picture_of(tint: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1600, 900), tint).save(file, "PNG")
    return file.getvalue()
