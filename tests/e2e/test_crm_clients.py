"""A seller's day with clients: what a stage asks for, many at once, duplicates, tables, leads."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.test_crm import drag
from tests.e2e.words import EN, RU, Words

BOTH = pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])


def written(page: Page, slug: str, **fields: str) -> str:
    """Adds a record through its form; the address of its card."""
    page.goto(f"/crm/{slug}/new/")
    for name, value in fields.items():
        page.locator(f"form[data-crm-alike] [name={name}]").first.fill(value)
    page.locator("form[data-crm-alike] [type=submit]").click()
    page.wait_for_url(f"**/crm/{slug}/*/", wait_until="commit")
    expect(page.locator("#crm-bar h1")).to_be_visible()
    return page.url


@BOTH
def test_a_stage_asks_for_what_it_demands_where_the_card_was_dropped(
    olga: Portal, employee: Callable[..., Person], words: Words
) -> None:
    anna, title = employee("Anna", words=words), f"Lamps {secrets.token_hex(4)}"
    # What is asked for comes as the answer to a move that was refused.
    anna.watch.tolerated.add("422")
    page = anna.page
    address = written(page, "deal", title=title)
    page.goto("/crm/deal/board/")
    column = page.locator(".board-column").nth(2)
    stage = f"/crm/settings/stage/{column.get_attribute('data-key')}/"
    # As it is called to whoever writes: another name would be one of its own in every language.
    form = olga.get(stage).data.decode()
    named = {
        name: re.findall(rf'name="{name}"[^>]* value="([^"]+)"|value="([^"]+)"[^>]* name="{name}"', form)[0]
        for name in ("name", "color")
    }
    named = {name: "".join(found) for name, found in named.items()}
    assert olga.post(stage, **named, demands="amount").status == 302
    try:
        card = page.locator(".board-card", has_text=title)
        drag(page, card, column)
        asked = page.locator("[data-board-asks]")
        expect(asked.locator("[name=amount]")).to_be_visible()
        assert problems(page) == []
        asked.locator("[name=amount]").fill("4321")
        asked.locator("[type=submit]").click()
        expect(asked).to_be_hidden()
        expect(column.locator(".board-card", has_text=title)).to_be_visible()
        page.goto(address)
        expect(page.locator("#crm-facts")).to_contain_text(re.compile("4.321"))
    finally:
        assert olga.post(stage, **named).status == 302


@BOTH
def test_many_are_handed_over_at_once_and_taken_back(employee: Callable[..., Person], words: Words) -> None:
    olga, mark = employee("Olga", words=words, administers=True), f"Q{secrets.token_hex(3)}"
    boris = employee("Boris", f"Berg{mark}", words=words)
    page = olga.page
    for number in range(3):
        written(page, "deal", title=f"Chairs {mark} {number}")
    page.goto(f"/crm/deal/?q={mark}")
    rows = page.locator("#list tr[data-row]")
    expect(rows).to_have_count(3)
    for number in range(2):
        rows.nth(number).locator("[name=row]").check()
    bulk = page.locator(".list-bulk-form").first
    bulk.locator("summary").click()
    bulk.locator("[type=search]").fill(boris.last_name)
    bulk.locator("[data-list-found] label", has_text=boris.last_name).locator("input").check()
    assert problems(page) == []
    bulk.locator("[type=submit]").click()
    outcome = page.locator("[data-list-outcome]")
    expect(outcome).to_be_visible()
    expect(rows.filter(has_text=boris.last_name)).to_have_count(2)
    settled(page)
    outcome.get_by_role("button").click()
    expect(rows.filter(has_text=boris.last_name)).to_have_count(0)


@BOTH
def test_a_duplicate_is_found_merged_and_parted_again(employee: Callable[..., Person], words: Words) -> None:
    mark = "".join(secrets.choice("glmnprst") for _ in range(8)).capitalize()
    anna = employee("Anna", words=words)
    page = anna.page
    twice = written(page, "contact", last_name=mark, first_name="Rosa", position="Buyer")
    kept = written(page, "contact", last_name=mark, first_name="Rosa")
    page.locator("a[href$='/duplicates/']").click()
    dialog = page.locator("#crm-dialog")
    expect(dialog.locator("[name=other]").first).to_be_visible()
    assert problems(page) == []
    dialog.locator("[name=other]").first.check()
    dialog.locator("[type=submit]").click()
    expect(page.locator("#crm-facts")).to_contain_text("Buyer")
    parting = page.locator("button[hx-delete*='/mergers/']")
    expect(parting).to_be_visible()
    page.reload()
    settled(page)
    assert problems(page) == []
    # Its address leads on to what it became.
    led = anna.hand.get(twice)
    assert (led.status, str(led.headers["Location"]).endswith(urlsplit(kept).path)) == (302, True)

    settled(page)
    parting.click()
    page.locator("#ask [value=yes]").click()
    expect(parting).to_have_count(0)
    expect(page.locator("#crm-facts")).not_to_contain_text("Buyer")
    page.goto(twice)
    expect(page.locator("#crm-facts")).to_contain_text("Buyer")
    assert kept != twice


@BOTH
def test_a_table_of_clients_is_imported_and_undone_as_a_whole(
    employee: Callable[..., Person], words: Words
) -> None:
    mark = f"Q{secrets.token_hex(3)}"
    page = employee("Olga", words=words, administers=True).page
    page.goto("/imports/crm.contact/")
    rows = "First Name,Last Name,Company,Business Phone\n" + "".join(
        f"Rose,{mark}{n},Client {mark},+7925{secrets.randbelow(10**7):07}\n" for n in range(4)
    )
    file = FilePayload(name="clients.csv", mimeType="text/csv", buffer=rows.encode())
    page.locator("input[type=file]").set_input_files(file)
    page.locator("#main form [type=submit]").first.click()
    expect(page.locator("thead select").first).to_have_value("first_name")
    assert problems(page) == []
    page.locator("form:has(thead) .btn-primary").click()
    undo = page.locator("form[action$='/undoing/'] button")
    expect(undo).to_be_visible(timeout=60_000)
    run = page.url
    page.goto(f"/crm/contact/?q={mark}")
    expect(page.locator("#list tr[data-row]")).to_have_count(4)
    page.goto(run)
    undo.click()
    expect(undo).to_have_count(0, timeout=60_000)
    assert problems(page) == []
    for slug in ("contact", "company"):
        page.goto(f"/crm/{slug}/?q={mark}")
        expect(page.locator("#list tr[data-row]")).to_have_count(0)


@BOTH
def test_a_lead_becomes_a_contact_a_company_and_a_deal(employee: Callable[..., Person], words: Words) -> None:
    mark = f"Q{secrets.token_hex(3)}"
    page = employee("Anna", words=words).page
    lead = written(page, "lead", title=f"Weber{mark}")
    page.locator("a[href$='/conversion/']").click()
    dialog = page.locator("#crm-dialog")
    dialog.locator("[name=company][value=new]").check()
    dialog.locator("[name=company_title]").fill(f"Lamps {mark} Ltd")
    settled(page)
    assert problems(page) == []
    dialog.locator("[type=submit]").click()
    page.wait_for_url("**/crm/deal/*/")
    facts = page.locator("#crm-facts")
    expect(facts).to_contain_text(f"Weber{mark}")
    expect(facts).to_contain_text(f"Lamps {mark} Ltd")
    page.goto(lead)
    expect(page.locator("a[href$='/conversion/']")).to_have_count(0)
