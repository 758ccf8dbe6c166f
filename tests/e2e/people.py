"""People in front of their browsers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.boxes import Login
from tests.e2e.browser import Watch
from tests.e2e.portal import SESSION_COOKIE, Portal
from tests.e2e.words import EN, Words


def settled(page: Page) -> None:
    """What came has its handlers: htmx gives them some milliseconds later, sooner than people act, but later
    than a test does."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")).to_have_count(0)


def listed(page: Page, person: Person) -> Locator:
    """The person's row in a list."""
    return page.locator("#list tr[data-row]").filter(has_text=person.last_name)


_PASSWORD = secrets.token_urlsafe(12)


def new_login(name: str) -> Login:
    """Nobody else's on this box; the password is everybody's, so that its hash is computed once."""
    return Login(f"{name.lower()}.{secrets.token_hex(4)}@example.com", _PASSWORD)


@dataclass
class Person:
    """An employee with a browser. `page` is the tab in front."""

    first_name: str
    last_name: str
    login: Login
    context: BrowserContext
    watch: Watch
    page: Page
    words: Words = EN
    pk: int = 0
    portal: Portal | None = None
    """The same session without a browser: another would be told of as a new device."""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def sign_in(self) -> None:
        """Through the form, as anybody does."""
        self.page.goto("/sign-in/")
        self.page.get_by_label(self.words.login).fill(self.login.login)
        self.page.get_by_label(self.words.password).fill(self.login.password)
        self.page.get_by_role("button", name=self.words.sign_in, exact=True).click()

    def forgets_the_session(self) -> None:
        """Its cookie is gone, with no page open that would notice and lead to the door by itself."""
        self.page.goto("about:blank")
        self.context.clear_cookies()

    def is_signed_in_as(self, portal: Portal) -> None:
        """Takes over a session that was begun elsewhere, for tests that are not about signing in."""
        self.portal = portal
        session = portal.cookies[SESSION_COOKIE]
        kept = {"name": SESSION_COOKIE, "value": session, "url": portal.box.url}
        self.context.add_cookies([{**kept, "secure": True, "httpOnly": True}])  # type: ignore[typeddict-item]

    @property
    def hand(self) -> Portal:
        """For what this person does besides, out of sight."""
        assert self.portal is not None
        return self.portal

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer")

    @property
    def text_field(self) -> Locator:
        return self.composer.get_by_label(self.words.what_is_new)

    @property
    def written(self) -> Locator:
        """Holds what the text field says, in plain text, also once the editor has taken its place."""
        return self.composer.locator("textarea[name=text]")

    def choose_files(self, *files: Path) -> None:
        self.composer.locator("input[type=file]").set_input_files([str(file) for file in files])

    def publish(self) -> None:
        self.composer.get_by_role("button", name=self.words.publish).click()

    def post(self, text: str) -> Locator:
        """The post with this text, as it stands in the feed or on its own page."""
        return self.page.get_by_role("article").filter(has_text=text)

    @property
    def chip(self) -> Locator:
        """What waits above the feed: "1 new"."""
        return self.page.locator("#feed-news a")

    def marks_the_page(self) -> None:
        """Leaves something in the window that would not survive loading the page anew."""
        self.page.evaluate("() => { window.markOfTheTest = true }")

    def expect_the_same_page(self) -> None:
        assert self.page.evaluate("() => window.markOfTheTest") is True
