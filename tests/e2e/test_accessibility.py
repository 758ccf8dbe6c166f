"""axe finds nothing serious or critical on any page: narrow and wide, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person
from tests.e2e.portal import Portal

NARROW, WIDE = 360, 1440
EVERY_LOOK = tuple(product((NARROW, WIDE), ("light", "dark")))
# For what opens on a page that is itself looked at in every way.
TWO_LOOKS = ((NARROW, "dark"), (WIDE, "light"))


@dataclass(frozen=True)
class View:
    """A page, and what is done on it before looking."""

    path: str
    prepare: Callable[[Page], None] | None = None


def open_menu(page: Page) -> None:
    page.locator("summary.me").click()


def open_audience(page: Page) -> None:
    page.get_by_role("button", name="Choose who will see this").click()
    expect(page.locator("#audience-sheet .options button").first).to_be_visible()


def open_comments(page: Page) -> None:
    page.get_by_role("link", name="Comments").first.click()
    expect(page.get_by_label("Your comment").first).to_be_visible()


def send_nothing(page: Page) -> None:
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#composer").get_by_role("alert")).to_be_visible()


def send_half(page: Page) -> None:
    page.get_by_label("E-mail").fill("nobody@")
    page.locator("form[method=post]").last.evaluate("(form) => { form.noValidate = true }")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".form-error").first).to_be_visible()


def find_somebody(page: Page) -> None:
    page.get_by_role("searchbox", name="Find a colleague").fill("Olga")
    expect(page.locator("#found .item").first).to_be_visible()


def open_post_menu(page: Page) -> None:
    page.locator("article.post summary").first.click()


def ask_to_delete(page: Page) -> None:
    open_post_menu(page)
    page.get_by_role("button", name="Delete the post").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


VIEWS = {
    "feed": View("/feed/"),
    "feed-menu": View("/feed/", open_menu),
    "feed-audience": View("/feed/", open_audience),
    "feed-comments": View("/feed/", open_comments),
    "feed-refused": View("/feed/", send_nothing),
    "feed-search": View("/feed/", find_somebody),
    "feed-post-menu": View("/feed/", open_post_menu),
    "feed-question": View("/feed/", ask_to_delete),
    "post": View("/feed/{post}/"),
    "notifications": View("/notifications/"),
    "people": View("/employees/"),
    "people-nobody": View("/employees/?q=nobodyiscalledthat"),
    "person": View("/employees/{person}/"),
    "new": View("/employees/new/"),
    "new-refused": View("/employees/new/", send_half),
    "details": View("/employees/{person}/details/"),
    "password": View("/profile/password/"),
    "console": View("/console/"),
    "service": View("/console/services/web/"),
    "404": View("/nothing/here/"),
}


@pytest.fixture(scope="module")
def places(olga: Portal) -> dict[str, int]:
    """A post with a document and two comments, and a person."""
    from tests.e2e.people import new_login

    login = new_login("anna")
    person = olga.employ(login, first_name="Anna", last_name="Abramova")
    post = olga.publish("Look at https://example.com/", files=[olga.upload("a.csv", b"a;b\n1;2\n")])
    for text in ("First", "Second"):
        olga.post(f"/feed/{post}/comments/", text=text)
    return {"post": post, "person": person}


@pytest.mark.parametrize("name", VIEWS)
def test_page_is_for_everybody(administrator: Person, places: dict[str, int], name: str) -> None:
    administrator.watch.tolerated |= {"404", "422"}
    view = VIEWS[name]
    page = administrator.open(view.path.format(**places))
    if view.prepare:
        view.prepare(page)
    assert list(found_in(page, TWO_LOOKS if view.prepare else EVERY_LOOK)) == []


def test_door_is_for_everybody(visitor: Callable[..., Person]) -> None:
    nobody = visitor("Nobody")
    nobody.watch.tolerated.add("422")
    page = nobody.open("/sign-in/")
    assert list(found_in(page, EVERY_LOOK)) == []
    nobody.sign_in()
    expect(page.get_by_role("alert")).to_be_visible()
    assert list(found_in(page, TWO_LOOKS)) == []


def found_in(page: Page, looks: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Problems of the page in these widths and themes; nothing may stick out sideways either."""
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        # Colours on their way from one theme to the other are nobody's to read.
        page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
        yield from (f"{width} px, {theme}: {problem}" for problem in problems(page))
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            yield f"{width} px, {theme}: the page is wider than the window"
