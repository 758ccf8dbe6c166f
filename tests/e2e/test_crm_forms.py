"""A form is designed, stands on a page without TLS, and is filled in by a stranger: page by page, with a
drawing and the proof of work that a browser has to find."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import randrange
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.browser import FOREIGN_SITE
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words

RUSSIAN = {"Oak chairs": "Дубовые стулья", "Thank you!": "Спасибо!"}


@pytest.fixture
def shop() -> Iterator[Callable[[str], str]]:
    """Serves this page, whatever is asked for, without TLS; where."""
    pages = [""]

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages[-1].encode())

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        def serve(page: str) -> str:
            pages.append(page)
            return f"http://{FOREIGN_SITE}:{server.server_port}/"

        yield serve
        server.shutdown()


def design(page: Page, name: str, thanks: str, anna: Person) -> None:
    """With a second page that asks for a file."""
    page.locator("#main [name=name]").fill(name)
    page.locator("[name=thanks]").fill(thanks)
    rows = page.locator(".question-row")
    # Those that there are, and no empty one.
    expect(page.locator(".question-row:visible")).to_have_count(3)
    for number, (kind, label) in enumerate((("page", "The chairs"), ("file", "A drawing")), 3):
        page.locator("[data-more-questions]").click()
        row = rows.nth(number)
        row.locator("select").select_option(kind)
        row.locator("[name^=label]").fill(label)
        if kind == "file":
            row.locator("[type=checkbox]").check()
    picker = page.locator("[data-list-pick]").filter(has=page.locator("input[type=search]"))
    picker.locator("input[type=search]").fill(anna.last_name)
    # Before anything is found, the first that there are are offered.
    picker.locator("[data-list-found]").get_by_text(anna.last_name).click()
    settled(page)
    assert problems(page) == []


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_strangers_form_with_pages_and_a_file_becomes_a_lead(
    olga: Portal,
    administrator: Person,
    employee: Callable[..., Person],
    visitor: Callable[..., Person],
    shop: Callable[[str], str],
    words: Words,
    tmp_path: Path,
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", f"Form{secrets.token_hex(3)}", words=words)
    # Whoever has this number already would be given one thing more, and no new lead.
    phone = f"+7 916 {randrange(100, 1000)}-{randrange(10, 100)}-{randrange(10, 100)}"
    name, thanks = f"{say('Oak chairs')} {secrets.token_hex(3)}", say("Thank you!")
    page = administrator.open("/crm/settings/forms/")
    design(page, name, thanks, anna)
    page.locator("form.card:has([name=thanks]) [type=submit]").click()
    page.wait_for_url(re.compile(r"/crm/settings/forms/\d+/"))
    snippet = page.locator("input[value^='<script']").input_value()
    assert problems(page) == []

    stranger = visitor("Rose", words=words)
    address = shop(f"<!doctype html><title>Shop</title><h1>Shop</h1><div id=here>{snippet}</div>")
    stranger.watch.sites.add(address)
    stranger.page.goto(f"{address}chairs?utm_source=leaflet")
    # In a page without TLS browsers have no SHA-256 of their own.
    assert stranger.page.evaluate("() => isSecureContext") is False
    form = stranger.page.frame_locator("iframe")
    expect(form.locator("h1")).to_be_visible()
    following, sending = form.locator("[data-next]"), form.locator("[type=submit]")
    expect(sending).to_be_hidden()
    following.click()
    # The telephone has to be said before one goes on.
    expect(form.locator("[aria-invalid=true]")).to_have_count(1)
    form.locator("[name=q1]").fill("Rose")
    form.locator("[name=q2]").fill(phone)
    following.click()
    drawing = tmp_path / "chair.txt"
    drawing.write_text("a chair")
    form.locator("input[type=file]").set_input_files(str(drawing))
    expect(following).to_be_hidden()
    height = stranger.page.locator("iframe").evaluate("one => one.style.height")
    assert height.endswith("px")
    sending.click()
    # It stands in the page from the beginning, unseen.
    expect(form.locator("#thanks")).to_be_visible(timeout=60_000)
    expect(form.locator("#thanks")).to_have_text(thanks)

    seen = anna.open("/crm/lead/")
    seen.get_by_role("link", name=f"{name}: Rose", exact=True).click()
    entry = seen.locator("#crm-timeline .crm-entry").filter(has_text=name).first
    expect(entry).to_contain_text(phone)
    expect(entry.locator(".crm-files a")).to_contain_text("chair.txt")
    assert problems(seen) == []
