"""The shell stays, everything works from the keyboard, and one connection tells all tabs what is new."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.boxes import Box, until
from tests.e2e.people import Person, new_login
from tests.e2e.portal import Portal


def test_navigation_swaps_the_main_region_only(anna: Person) -> None:
    page = anna.open("/feed/")
    anna.marks_the_page()
    menu = page.get_by_role("navigation")
    menu.get_by_role("link", name="Company").click()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    expect(menu.get_by_role("link", name="Company")).to_have_attribute("aria-current", "page")
    expect(page).to_have_title("Employees · Korobka")
    page.locator("#list").get_by_role("link", name="Abramova").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Abramova")
    page.go_back()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    menu.get_by_role("link", name="Feed").click()
    expect(anna.text_field).to_be_visible()
    expect(menu.get_by_role("link", name="Feed")).to_have_attribute("aria-current", "page")
    anna.expect_the_same_page()


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/structure/?view=list", "#tree a.name"),
        ("/worktime/", "#days a[href*=month]"),
        ("/console/", "#health a"),
        ("/console/backups/", "#backups a"),
        ("/drive/", "#list tr[data-row] a"),
    ],
)
def test_the_address_follows_a_link_in_what_renews_itself(
    box: Box, olga: Portal, visitor: Callable[..., Person], path: str, link: str
) -> None:
    olga.department(f"Sales {secrets.token_hex(3)}")
    olga.keep("/drive/", f"plan-{secrets.token_hex(3)}.txt", b"all of it")
    admin = visitor("Olga")
    admin.is_signed_in_as(Portal.of(box, box.admin))
    page = admin.open(path)
    leads_to = page.locator(link).locator("visible=true").first
    address = leads_to.get_attribute("href")
    leads_to.click()
    expect(page).to_have_url(f"{box.url}{address}")
    page.go_back()
    expect(page).to_have_url(f"{box.url}{path}")
    expect(page.locator(link).locator("visible=true").first).to_be_visible()


def test_error_pages_keep_the_shell(anna: Person) -> None:
    anna.watch.tolerated |= {"404", "403"}
    page = anna.open("/feed/999999999/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name="Feed")).to_be_visible()
    page.goto("/employees/new/")
    expect(page.get_by_text("Ask an administrator for the right to change who works here.")).to_be_visible()


def test_sign_in_write_and_open_the_menu_without_a_mouse(
    olga: Portal, visitor: Callable[..., Person]
) -> None:
    anna = visitor("Anna")
    olga.employ(anna.login, first_name="Anna", last_name="Abramova")
    page = anna.open("/sign-in/")
    keyboard = page.keyboard
    tab_to(page, page.get_by_label("Login or e-mail"))
    keyboard.type(anna.login.login)
    keyboard.press("Tab")
    keyboard.type(anna.login.password)
    keyboard.press("Enter")
    expect(anna.text_field).to_be_visible()

    text = f"Without a mouse {secrets.token_hex(4)}"
    tab_to(page, anna.text_field)
    keyboard.type(text)
    keyboard.press("Control+Enter")
    expect(anna.post(text)).to_be_visible()

    page.reload()
    tab_to(page, page.locator("summary.me"))
    keyboard.press("Enter")
    first = page.get_by_role("link", name="My profile")
    expect(first).to_be_visible()
    keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Abramova")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()


def test_first_tab_leads_past_the_menu(anna: Person) -> None:
    page = anna.open("/feed/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_deleting_is_taken_back_for_a_while(anna: Person) -> None:
    text = f"Delete me {secrets.token_hex(4)}"
    page = anna.open("/feed/")
    anna.text_field.fill(text)
    anna.publish()
    post = anna.post(text)
    delete(post)
    expect(post).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(post).to_be_visible()
    page = anna.open("/feed/")
    delete(post)
    expect(post).to_have_count(0)
    page.reload()
    expect(page.locator("#composer")).to_be_visible()
    expect(post).to_have_count(0)


def delete(post: Locator) -> None:
    post.locator("summary").first.click()
    post.get_by_role("button", name="Delete the post").click()


def test_a_dangerous_thing_asks_first_and_escape_takes_it_back(administrator: Person, olga: Portal) -> None:
    boris = olga.employ(new_login("boris"), first_name="Boris", last_name="Belov")
    page = administrator.open(f"/employees/{boris}/")
    page.locator("#person summary").click()
    page.get_by_role("button", name="Suspend").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will be signed out everywhere")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.reload()
    expect(page.locator("#person")).not_to_contain_text("suspended")


def test_all_tabs_share_one_connection(anna: Person, olga: Portal) -> None:
    tabs = [anna.open("/feed/"), *(anna.context.new_page() for _ in range(3))]
    for tab in tabs[1:]:
        tab.goto("/feed/")
        expect(tab.locator("#composer")).to_be_visible()
    until(lambda: anna.watch.to("/push/stream"))
    olga.publish("For every tab")
    for tab in tabs:
        expect(tab.locator("#feed-news a")).to_have_text("1 new")
    assert len(anna.watch.to("/push/stream")) == 1

    # The tab that listened is closed: another one goes on.
    (listening,) = {request.frame.page for request in anna.watch.to("/push/stream")}
    listening.close()
    until_listening_again(anna, tabs[-1] if listening is not tabs[-1] else tabs[0])
    olga.publish("For those that are left")
    for tab in tabs:
        if tab is not listening:
            expect(tab.locator("#feed-news a")).to_have_text("2 new")
    assert len(anna.watch.to("/push/stream")) == 2


def until_listening_again(person: Person, tab: Page) -> None:
    for _ in range(200):
        if len(person.watch.to("/push/stream")) > 1:
            return
        tab.wait_for_timeout(50)
    pytest.fail("No other tab took over.")


def test_what_comes_while_one_reads_moves_nothing(anna: Person, olga: Portal) -> None:
    for _ in range(8):
        olga.publish("One of many\n" * 5)
    page = anna.open("/feed/")
    page.mouse.wheel(0, 900)
    page.wait_for_function("() => scrollY > 500")
    before = page.evaluate("() => scrollY")
    olga.publish("Something new")
    expect(anna.chip).to_have_text("1 new")
    assert page.evaluate("() => scrollY") == before


def tab_to(page: Page, wanted: Locator) -> None:
    """As many times Tab as it takes, at most fifty."""
    for _ in range(50):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"The keyboard does not reach {wanted}.")
