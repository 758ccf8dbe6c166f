"""What came in is reported, each figure opens its payments; and nobody sees it whose role hides it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words

FIELDS = "/crm/settings/permissions/employees/fields/deal/"


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_payment_is_reported_and_hidden(
    olga: Portal, employee: Callable[..., Person], words: Words
) -> None:
    anna, title = employee("Anna", words=words), f"Lamps {secrets.token_hex(4)}"
    page = anna.open("/crm/deal/new/")
    page.locator("[name=title]").fill(title)
    page.locator("[name=amount]").fill("4321")
    page.locator("form[data-crm-alike] [type=submit]").click()
    expect(page.locator("#crm-bar .crm-amount")).to_contain_text(re.compile("4.321"))
    address = page.url
    today = datetime.now(tz=UTC).date().isoformat()
    paid = anna.hand.post(f"{address}payments/", amount="4321", on=today, nonce=secrets.token_hex(8))
    assert paid.status < 400, paid.data.decode()

    page = anna.open("/crm/report/person/?responsible=me&on=this-year")
    figure = page.locator(".crm-report tbody a.number").first
    expect(figure).to_contain_text(re.compile("4.321"))
    assert problems(page) == []
    figure.click()
    expect(page.locator("#list")).to_contain_text(title)
    assert problems(page) == []

    assert olga.post(FIELDS, amount="0").status == 302
    try:
        page = anna.open(address)
        expect(page.locator("#main h1")).to_contain_text(title)
        expect(page.locator("#main")).not_to_contain_text(re.compile("4.321"))
        page = anna.open("/crm/deal/?q=" + title.split()[1])
        expect(page.locator("#list")).to_contain_text(title)
        expect(page.locator("#list")).not_to_contain_text(re.compile("4.321"))
        settled(page)
        assert problems(page) == []
    finally:
        assert olga.post(FIELDS, amount="").status == 302
