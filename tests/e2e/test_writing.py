"""What one writes arrives, once, and is never lost on the way."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.boxes import Box, until
from tests.e2e.people import Person
from tests.e2e.portal import Portal


def test_comment_leaves_an_empty_field(anna: Person, olga: Portal) -> None:
    pk = olga.publish("Said")
    page = anna.open(f"/feed/{pk}/")
    field = page.get_by_label("Your comment")
    field.fill("Heard")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".comment").filter(has_text="Heard")).to_have_count(1)
    expect(page.locator(".answer textarea")).to_have_value("")
    page.reload()
    expect(page.locator(".comment").filter(has_text="Heard")).to_have_count(1)
    expect(page.locator(".answer textarea")).to_have_value("")


def test_half_written_text_survives_leaving_and_reloading(anna: Person) -> None:
    text = "Half of a thought, половина мысли"
    page = anna.open("/feed/")
    anna.text_field.fill(text)
    page.get_by_role("navigation").get_by_role("link", name="Company").click()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Feed").click()
    expect(anna.written).to_have_value(text)
    page.go_back()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    page.go_forward()
    expect(anna.written).to_have_value(text)
    page.reload()
    expect(anna.written).to_have_value(text)


def test_half_written_text_is_not_shown_to_the_next_person(box: Box, anna: Person, olga: Portal) -> None:
    """Two people may share a computer."""
    page = anna.open("/feed/")
    anna.text_field.fill("Between me and me")
    anna.is_signed_in_as(olga)
    page.goto("/feed/")
    expect(page.locator("summary.me")).to_contain_text("olga", ignore_case=True)
    expect(anna.written).to_have_value("")


def test_comment_survives_leaving(anna: Person, olga: Portal) -> None:
    pk = olga.publish("Said")
    page = anna.open(f"/feed/{pk}/")
    page.get_by_label("Your comment").fill("Heard by half")
    page.get_by_role("navigation").get_by_role("link", name="Company").click()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    page.goto(f"/feed/{pk}/")
    expect(page.locator(".answer textarea")).to_have_value("Heard by half")


def test_text_survives_the_death_of_every_worker(box: Box, anna: Person) -> None:
    """Whether the balancer waits for new workers or gives up: nothing is lost, nothing is said twice."""
    anna.watch.tolerated |= {"502", "503"}
    text = f"Said to whom? {secrets.token_hex(4)}"
    page = anna.open("/feed/")
    anna.text_field.fill(text)
    killed = box.processes("web")
    assert len(killed) == 2
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    anna.publish()
    error = page.locator(".toast-note.error")
    expect(anna.post(text).or_(error)).to_be_visible()
    if error.is_visible():
        expect(anna.written).to_have_value(text)
        until(lambda: killed.isdisjoint(box.processes("web")) and answers(box))
        anna.publish()
    expect(anna.post(text)).to_be_visible()
    until(lambda: answers(box))
    page.reload()
    expect(anna.post(text)).to_have_count(1)
    expect(anna.written).to_have_value("")


def answers(box: Box) -> bool:
    return Portal(box).get("/readyz").status == 200


def test_double_click_makes_one_post(anna: Person) -> None:
    text = f"Once {secrets.token_hex(4)}"
    page = anna.open("/feed/")
    anna.text_field.fill(text)
    anna.composer.get_by_role("button", name="Publish").dblclick()
    expect(page.get_by_text("Published.")).to_be_visible()
    page.reload()
    expect(anna.post(text)).to_have_count(1)


def test_form_sent_again_makes_one_post(box: Box, anna: Person, olga: Portal) -> None:
    """As a browser without scripts does, whose person presses the button twice or reloads the answer."""
    text, nonce = f"Once {secrets.token_hex(4)}", secrets.token_hex(8)
    assert olga.publish(text, nonce=nonce) == olga.publish(text, nonce=nonce)
    anna.open("/feed/")
    expect(anna.post(text)).to_have_count(1)


def test_empty_post_is_refused_with_a_word(anna: Person) -> None:
    anna.watch.tolerated.add("422")
    anna.open("/feed/")
    anna.publish()
    expect(anna.composer.get_by_role("alert")).to_have_text("Write something, or add a file.")


def test_two_posts_in_a_row_are_two(anna: Person) -> None:
    """The nonce of the first must not swallow the second."""
    anna.open("/feed/")
    first, second = (f"{word} {secrets.token_hex(4)}" for word in ("First", "Second"))
    for text in (first, second):
        anna.text_field.fill(text)
        anna.publish()
        expect(anna.post(text)).to_be_visible()
        expect(anna.written).to_have_value("")
    anna.page.reload()
    expect(anna.post(first)).to_have_count(1)
    expect(anna.post(second)).to_have_count(1)


def test_a_post_for_one_colleague_is_for_nobody_else(anna: Person, employee: Callable[..., Person]) -> None:
    """Whom it is for is chosen by a search, kept with the draft, and the usual again for the next post."""
    mark = secrets.token_hex(4)
    boris, cara = employee("Boris", f"Borisov{mark}"), employee("Cara")
    page, text = anna.open("/feed/"), f"Between us {mark}"
    chosen = anna.composer.locator(".chip-choice")
    expect(chosen).to_have_text(["All employees"])
    more = page.get_by_role("button", name="Choose who will see this")
    more.click()
    search = page.get_by_role("searchbox", name="Department or name")
    search.press("Escape")
    expect(search).to_be_hidden()
    more.click()
    search.fill(boris.last_name)
    page.get_by_role("button", name=boris.name).click()
    expect(chosen).to_have_text([boris.name])
    anna.text_field.fill(text)
    page.reload()
    expect(anna.written).to_have_value(text)
    expect(chosen).to_have_text([boris.name])
    anna.publish()
    expect(anna.post(text)).to_be_visible()
    expect(chosen).to_have_text(["All employees"])
    for reader, count in ((boris, 1), (cara, 0)):
        reader.open("/feed/")
        expect(reader.text_field).to_be_visible()
        expect(reader.post(text)).to_have_count(count)
