"""A deal from its first line to its next stage, and to its card."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.words import EN, RU, Words


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_deal_is_written_dragged_on_and_opened(employee: Callable[..., Person], words: Words) -> None:
    anna, title = employee("Anna", words=words), f"Lamps {secrets.token_hex(4)}"
    page = anna.open("/crm/deal/board/")
    columns = page.locator(".board-column")
    columns.first.locator(".board-add summary").click()
    columns.first.locator("[name=title]").fill(title)
    columns.first.locator("[name=title]").press("Enter")
    card = columns.first.locator(".board-card", has_text=title)
    expect(card).to_be_visible()
    assert problems(page) == []

    with page.expect_response(lambda one: one.request.method == "POST" and "/board/" in one.url):
        drag(page, card, columns.nth(1))
    moved = columns.nth(1).locator(".board-card", has_text=title)
    expect(moved).to_be_visible()
    settled(page)
    page.reload()
    expect(moved).to_be_visible()

    moved.get_by_role("link", name=title).click()
    expect(page.locator("#main h1")).to_contain_text(title)
    assert problems(page) == []


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_products_become_an_invoice_that_the_client_opens(
    employee: Callable[..., Person], visitor: Callable[..., Person], words: Words
) -> None:
    anna, title = employee("Anna", words=words), f"Chairs {secrets.token_hex(4)}"
    page = anna.open("/crm/deal/new/")
    page.locator("[name=title]").fill(title)
    page.locator("form[data-crm-alike] [type=submit]").click()
    expect(page.locator("#main h1")).to_contain_text(title)

    lines = page.locator("#crm-lines")
    lines.locator(".crm-group-head a").click()
    line = lines.locator("[data-crm-line]").first
    line.locator("[name=line-name]").fill("Oak chair")
    line.locator("[name=line-quantity]").fill("3")
    line.locator("[name=line-price]").fill("1220,50")
    line.locator("[name=line-vat]").select_option("22i")
    expect(lines.locator("#crm-lines-sums .crm-total")).to_contain_text(re.compile("3.661[.,]50"))
    settled(page)
    assert problems(page) == []
    lines.locator("form.crm-lines-form [type=submit]").click()
    expect(lines.locator("table")).to_contain_text("Oak chair")
    expect(page.locator("#crm-bar .crm-amount")).to_contain_text(re.compile("3.661[.,]50"))

    page.locator("#crm-paper button[value=invoice]").click()
    page.wait_for_url("**/crm/invoice/*/")
    paper = page.locator("#crm-paper")
    paper.locator("button[hx-post$='/pdf/']").click()
    expect(paper.locator("a[href$='/pdf/']")).to_be_visible(timeout=60_000)
    paper.locator("details", has=page.locator("[name=days]")).locator("summary").click()
    paper.locator("details form", has=page.locator("[name=days]")).locator("[type=submit]").click()
    link = paper.locator(".crm-links input")
    expect(link).to_be_visible()
    settled(page)
    assert problems(page) == []

    client = visitor("Client", words=words)
    seen = client.open(link.input_value())
    expect(seen.locator("main table")).to_contain_text("Oak chair")
    assert problems(seen) == []


def drag(page: Page, what: Locator, onto: Locator) -> None:
    """As a hand does: pressed, moved in steps, let go."""
    start, end = what.bounding_box(), onto.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 40, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 40, steps=5)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + min(120, end["height"] - 16), steps=15)
    page.mouse.up()
