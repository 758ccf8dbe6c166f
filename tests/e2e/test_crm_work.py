"""A deal's card through the day: the next step that colleagues see at once, what robots do with it, and a
file in a field of the company's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Route, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.test_crm_clients import written
from tests.e2e.words import Words

RUSSIAN = {
    "{} is writing …": "{} пишет комментарий…",
    "nothing is planned": "дел не запланировано",
    "done": "готово",
    "Text or subject": "Текст или тема",
}


def watched_by(anna: Person, boris: Person, title: str) -> Page:
    """The card of her new deal, which he observes, open before him as well."""
    address = written(anna.page, "deal", title=title)
    number = address.rstrip("/").rpartition("/")[2]
    sent = {"responsible": f"U{anna.pk}", "observers": f"U{boris.pk}"}
    answer = anna.hand.post(f"/crm/deal/{number}/facts/people/", **sent)
    assert answer.status < 400, answer.data.decode()
    page = boris.open(address)
    for one in (anna.page, page):
        expect(one.locator("body[data-listening]")).to_be_attached()
    return page


def test_a_next_step_is_planned_seen_at_once_done_and_stands_in_ones_day(
    employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), f"Q{secrets.token_hex(3)}"
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    theirs = watched_by(anna, boris, f"Lamps {mark}")
    page = anna.page
    steps = page.locator("#crm-steps")
    expect(steps.locator("h2")).to_contain_text(say("nothing is planned"))
    zone = ZoneInfo(page.evaluate("() => Intl.DateTimeFormat().resolvedOptions().timeZone"))
    soon = datetime.now(tz=zone) + timedelta(days=1)
    steps.locator("[name=subject]").fill(f"Send the drawing {mark}")
    steps.locator("[name=deadline]").fill(f"{soon:%Y-%m-%dT%H:%M}")
    steps.locator("[data-crm-plan] [type=submit]").click()
    expect(steps.locator(".crm-step")).to_contain_text(mark)
    expect(theirs.locator("#crm-steps .crm-step")).to_contain_text(mark)
    settled(page)
    assert problems(page) == []

    # The editor takes the field's place once somebody stands in it.
    theirs.get_by_label(words.your_comment).first.focus()
    expect(theirs.locator(".comments [contenteditable=true]").first).to_be_visible()
    theirs.keyboard.type("Is it oak?")
    expect(page.locator("[data-crm-writing]")).to_have_text(say("{} is writing …").format(boris.name))

    page.goto("/crm/day/")
    mine = page.locator(".crm-step", has_text=mark)
    expect(mine.get_by_role("link", name=f"Lamps {mark}")).to_be_visible()
    assert problems(page) == []
    mine.get_by_role("link", name=f"Lamps {mark}").click()
    step = page.locator("#crm-steps .crm-step")
    step.locator("details").first.locator("summary").click()
    step.locator("[name=result]").fill("It is on its way")
    step.locator("details[open] [type=submit]").click()
    for one in (page, theirs):
        done = one.locator("#crm-timeline .crm-entry", has_text="It is on its way")
        expect(done).to_contain_text(f"Send the drawing {mark}")
    expect(steps.locator(".crm-step")).to_have_count(0)
    expect(steps.locator("h2")).to_contain_text(say("nothing is planned"))


def answered_late(page: Page, address: re.Pattern[str], ask: Callable[[], None], *, title: str) -> None:
    """Asks, goes on to the card of another deal by the list, and has the answer there."""
    held = list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route(address, hold)
    with page.expect_request(address):
        ask()
    page.locator(".crm-record .tabs [aria-current=page]").click()
    page.locator("#main").get_by_role("link", name=title).click()
    expect(page.locator("#crm-bar h1")).to_have_text(title)
    with page.expect_event("requestfinished", lambda done: bool(address.search(done.url))):
        held[0].continue_()
    page.unroute(address)
    # Until the page has come once more, all that came before it has been dealt with.
    page.evaluate("() => fetch(location.href)")
    expect(page.locator("#crm-bar h1")).to_have_text(title)


def test_what_comes_late_of_a_card_that_was_left_changes_no_other_one(
    employee: Callable[..., Person],
) -> None:
    anna, boris, mark = employee("Anna"), employee("Boris"), f"Q{secrets.token_hex(3)}"
    page, lamps, chairs = anna.page, f"Lamps {mark}", f"Chairs {mark}"
    written(page, "deal", title=lamps)
    of_chairs = urlsplit(written(page, "deal", title=chairs)).path
    expect(page.locator("body[data-listening]")).to_be_attached()

    def add_an_observer() -> None:
        sent = {"responsible": f"U{anna.pk}", "observers": f"U{boris.pk}"}
        answer = anna.hand.post(f"{of_chairs}facts/people/", **sent)
        assert answer.status < 400, answer.data.decode()

    # News of it, and the answer to what was pressed on it.
    answered_late(page, re.compile("[?]part="), add_an_observer, title=lamps)
    stages = page.locator(".crm-stages button")
    answered_late(page, re.compile("/stage/$"), stages.nth(1).click, title=chairs)


def test_a_robot_is_made_plans_a_step_and_says_what_it_did(
    employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), f"Q{secrets.token_hex(3)}"
    olga, anna = employee("Olga", words=words, administers=True), employee("Anna", words=words)
    setup = olga.open("/crm/settings/robots/deal/")
    form = setup.locator("form.crm-robot")
    form.locator("[name=name]").fill(f"Robot {mark}")
    form.locator("[name=trigger]").select_option("stage")
    stage = form.locator("[name=stage] option").nth(3)
    form.locator("[name=stage]").select_option(stage.get_attribute("value"))
    form.locator("[name=effect]").select_option("activity")
    form.get_by_role("textbox", name=say("Text or subject")).fill(f"Call {mark}")
    expect(form.locator("[name=letter]")).to_be_hidden()
    assert problems(setup) == []
    form.locator("[type=submit]").click()
    robot = setup.locator(".rows li", has_text=f"Robot {mark}")
    expect(robot.first).to_be_visible()
    try:
        page = anna.page
        written(page, "deal", title=f"Chairs {mark}")
        expect(page.locator("body[data-listening]")).to_be_attached()
        page.locator(".crm-stages button").nth(2).click()
        expect(page.locator("#crm-steps .crm-step")).to_contain_text(f"Call {mark}")
        runs = page.locator("#crm-robots li")
        expect(runs).to_contain_text(f"Robot {mark}")
        expect(runs).to_contain_text(say("done"))
        settled(page)
        assert problems(page) == []
        setup.reload()
        run = setup.locator(".rows li", has=setup.get_by_role("link", name=f"Chairs {mark}"))
        expect(run).to_contain_text(say("done"))
        assert problems(setup) == []
    finally:
        setup.goto("/crm/settings/robots/deal/")
        robot.first.locator("button[value=away]").click()
        expect(setup.get_by_role("link", name=f"Robot {mark}", exact=True)).to_have_count(0)


def test_a_file_in_a_field_of_the_companys_own_is_for_whoever_sees_the_deal(
    employee: Callable[..., Person], words: Words, tmp_path: Path
) -> None:
    name = "".join(secrets.choice("glmnprst") for _ in range(8)).capitalize()
    olga = employee("Olga", words=words, administers=True)
    anna, boris, cara = (employee(one, words=words) for one in ("Anna", "Boris", "Cara"))
    fields = olga.open("/console/settings/fields/crm.deal/")
    form = fields.locator("form[data-field-kinds]")
    form.locator("[name=name]").fill(name)
    form.locator("[name=kind]").select_option("file")
    form.locator("[type=submit]").click()
    expect(fields.get_by_role("link", name=name)).to_be_visible()
    try:
        theirs = watched_by(anna, boris, f"Chairs {name}")
        page = anna.page
        page.reload()
        page.locator("a[href$='/facts/own/']").click()
        drawing = tmp_path / "drawing.txt"
        drawing.write_text("an oak chair")
        form = page.locator("form.crm-facts-form")
        form.locator("input[type=file]").set_input_files(str(drawing))
        expect(form.locator("upload-list")).to_contain_text("drawing.txt")
        expect(form.locator("upload-list input[type=hidden]")).to_be_attached()
        settled(page)
        assert problems(page) == []
        form.locator("[type=submit]").click()
        link = page.locator("#crm-facts a", has_text="drawing.txt")
        expect(link).to_be_visible()
        expect(theirs.locator("#crm-facts a", has_text="drawing.txt")).to_be_visible()
        expect(page.locator("#crm-timeline .crm-entry", has_text=name)).to_contain_text("drawing.txt")
        assert problems(page) == []
        address = str(link.get_attribute("href"))
        assert boris.hand.get(address).status == 302
        assert cara.hand.get(address).status == 404
    finally:
        fields.goto("/console/settings/fields/crm.deal/")
        fields.locator(f"button[value=archive][aria-label*='{name}']").click()
        expect(fields.get_by_role("link", name=name)).to_have_count(0)
