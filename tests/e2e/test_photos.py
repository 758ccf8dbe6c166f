"""A photo's square is chosen by mouse, fingers and keys, and later anew without sending the picture again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.e2e.people import Person
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import Words

RUSSIAN = {
    "Photo": "Фото",
    "Use this photo": "Поставить это фото",
    "Choose another square": "Выбрать другой квадрат",
    "Use this square": "Поставить этот квадрат",
    "Square of the photo": "Квадрат фотографии",
    "Zoom of the photo": "Масштаб фотографии",
    "once more": "ещё раз",
    "no picture": "не изображение",
}

type Say = Callable[[str], str]
type Colour = tuple[int, int, int]

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 40), (30, 40, 200), (250, 250, 250)


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", "Abramova", words=words)


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """A telephone's picture, stored on its side: upright it is 600 wide, 800 high, with red and green above,
    blue and white below."""
    upright = Image.new("RGB", (600, 800))
    for colour, left, top in ((RED, 0, 0), (GREEN, 300, 0), (BLUE, 0, 400), (WHITE, 300, 400)):
        upright.paste(colour, (left, top, left + 300, top + 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "portrait.jpg"
    upright.transpose(Image.Transpose.ROTATE_90).save(file, exif=exif)
    return file


def details(person: Person, say: Say) -> tuple[Page, Locator]:
    page = person.open(f"/employees/{person.pk}/details/")
    return page, page.get_by_role("application", name=say("Square of the photo"))


def square(page: Page) -> tuple[int, int, int]:
    """What would be sent."""
    left, top, side = (int(page.locator(f"photo-square [name={name}]").input_value()) for name in NAMES)
    return left, top, side


NAMES = ("left", "top", "side")


def colours(page: Page) -> list[Colour]:
    """Of the photo on the profile, in the middle of each quarter."""
    shown = page.locator("#person img.avatar-round")
    expect(shown).to_be_visible()
    drawn = shown.evaluate(
        """async (image) => {
             await image.decode();
             const canvas = new OffscreenCanvas(4, 4);
             const pen = canvas.getContext("2d");
             pen.drawImage(image, 0, 0, 4, 4);
             const pixels = pen.getImageData(0, 0, 4, 4).data;
             return [5, 7, 13, 15].map((at) => [...pixels.slice(4 * at, 4 * at + 3)]);
           }"""
    )
    return [nearest(tuple(pixel)) for pixel in drawn]


def nearest(colour: Colour) -> Colour:
    def distance(one: Colour) -> int:
        return sum(abs(mine - its) for mine, its in zip(colour, one, strict=True))

    return min((RED, GREEN, BLUE, WHITE), key=distance)


def test_by_mouse_the_picture_is_zoomed_and_moved(anna: Person, say: Say, portrait: Path) -> None:
    page, stage = details(anna, say)
    page.get_by_label(say("Photo"), exact=True).set_input_files(portrait)
    expect(stage).to_be_visible()
    assert square(page) == (0, 70, 600)
    expect(page.locator(".photo-previews img")).to_have_count(3)
    box = stage.bounding_box()
    assert box is not None
    # What is under the pointer stays there, three quarters down and to the right.
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"])
    for _turn in range(6):
        page.mouse.wheel(0, -100)
    side = round(600 / 1.15**6)
    expect(page.locator("photo-square [name=side]")).to_have_value(str(side))
    left, top, _side = square(page)
    assert abs(left + 0.75 * side - 450) <= 2
    assert abs(top + 0.75 * side - 520) <= 2
    page.mouse.down()
    # Far up and to the left, further than there is picture: it ends at its corner.
    page.mouse.move(box["x"] - box["width"], box["y"] - 2 * box["height"], steps=5)
    page.mouse.up()
    assert square(page) == (600 - side, 800 - side, side)
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_role("button", name=say("Use this photo")).click()
    assert set(colours(page)) == {WHITE}


def test_by_keyboard_alone_and_later_anew(anna: Person, say: Say, portrait: Path) -> None:
    page, stage = details(anna, say)
    page.get_by_label(say("Photo"), exact=True).set_input_files(portrait)
    expect(stage).to_be_visible()
    page.get_by_label(say("Photo"), exact=True).focus()
    page.keyboard.press("Tab")
    expect(stage).to_be_focused()
    for _press in range(6):
        page.keyboard.press("+")
    for _press in range(30):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    assert square(page)[:2] == (0, 0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name=say("Zoom of the photo"))).to_be_focused()
    before = square(page)[2]
    page.keyboard.press("ArrowLeft")
    assert square(page)[2] > before
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=say("Use this photo"))).to_be_focused()
    chosen = square(page)
    page.keyboard.press("Enter")
    assert set(colours(page)) == {RED}

    # Where it was left, and then to the other side of the same picture.
    page, stage = details(anna, say)
    page.get_by_role("button", name=say("Choose another square")).focus()
    page.keyboard.press("Enter")
    expect(stage).to_be_focused()
    assert square(page) == chosen
    expect(page.get_by_role("button", name=say("Use this photo"))).to_be_hidden()
    assert list(found_in(page, EVERY_LOOK)) == []
    for _press in range(30):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name=say("Use this square")).press("Enter")
    assert set(colours(page)) == {GREEN}


def test_two_fingers_zoom_and_one_moves(anna: Person, say: Say, portrait: Path) -> None:
    page, stage = details(anna, say)
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_label(say("Photo"), exact=True).set_input_files(portrait)
    expect(stage).to_be_visible()
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    x, y, part = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 8
    fingers = page.context.new_cdp_session(page)
    touch(fingers, "touchStart", (x - part, y), (x + part, y))
    touch(fingers, "touchMove", (x - 2 * part, y), (x + 2 * part, y))
    touch(fingers, "touchEnd")
    left, top, side = square(page)
    assert 295 <= side <= 305
    assert abs(left + side / 2 - 300) <= 15
    touch(fingers, "touchStart", (x, y))
    touch(fingers, "touchMove", (x, y + 2 * part))
    touch(fingers, "touchEnd")
    assert abs(square(page)[1] - (top - side / 4)) <= 5
    page.get_by_role("button", name=say("Use this photo")).click()
    expect(page.locator("#person img.avatar-round")).to_be_visible()


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    said = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": said})


def test_what_the_browser_cannot_draw_is_the_servers_to_refuse(
    anna: Person, say: Say, portrait: Path, tmp_path: Path
) -> None:
    page, stage = details(anna, say)
    page.get_by_label(say("Photo"), exact=True).set_input_files(portrait)
    expect(stage).to_be_visible()
    text = tmp_path / "text.jpg"
    text.write_text("no picture at all")
    page.get_by_label(say("Photo"), exact=True).set_input_files(text)
    expect(stage).to_be_hidden()
    page.get_by_role("button", name=say("Use this photo")).click()
    expect(page.get_by_text(say("no picture"))).to_be_visible()
    expect(page.locator("#person span.avatar-round")).to_be_visible()
