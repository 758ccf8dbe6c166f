"""The audit log in the console: everything is found again, and can be taken along."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Who or what": "Кто или что",
    "added": "добавлен сотрудник",
    "Nothing matches": "Ничего не найдено",
}


def test_what_somebody_did_is_found_and_exported(
    box: Box, employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    boris = employee("Boris", f"B{mark}", words=words)
    Portal.of(box, boris.login)
    page = employee("Olga", words=words, administers=True).open("/console/audit/")
    page.get_by_label(say("Who or what")).fill(mark)
    records = page.locator("#list tbody tr")
    # That olga added him, and that he signed in.
    expect(records).to_have_count(2)
    expect(records.filter(has_text=say("added"))).to_have_count(1)
    page.goto(f"/console/audit/?q={mark}&kind=accounts.signed_in")
    expect(records).to_have_count(1)
    expect(records).to_contain_text(boris.name)
    assert "kind=accounts.signed_in" in page.url

    page.reload()
    expect(records).to_have_count(1)
    page.locator("#list-tools summary").last.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert len(rows) == 2
    assert any(mark in cell for cell in rows[1])
    page.goto("/console/audit/?kind=lists.exported")
    expect(records.first).to_be_visible()
    page.goto(f"/console/audit/?q={secrets.token_hex(8)}")
    expect(page.get_by_role("heading", name=say("Nothing matches"))).to_be_visible()


def test_it_is_for_whoever_may_read_it(box: Box, employee: Callable[..., Person]) -> None:
    anna = Portal.of(box, employee("Anna").login)
    assert anna.get("/console/audit/").status == 404
    assert anna.get("/console/audit/?as=csv").status == 404
