"""Writing with an editor: what one sees while writing is what others read, and nothing of it ever runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

PASTE = """(field, html) => {
  const clipboard = new DataTransfer();
  clipboard.setData("text/html", html);
  clipboard.setData("text/plain", "plain");
  const what = { clipboardData: clipboard, bubbles: true, cancelable: true };
  field.dispatchEvent(new ClipboardEvent("paste", what));
}"""
EXCEL = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta name=Generator content="Excel">
<style>td {mso-number-format:General; color:red}</style></head><body><table border=0 style='width:96pt'>
<tr height=20 style='height:15pt'><td class=xl65 style='width:48pt'>Январь</td><td align=right>1,5</td></tr>
<tr><td>Февраль</td><td align=right>2</td></tr></table></body></html>"""
WORD = """<p class=MsoNormal><b><span style='font-size:14pt'>Plan<o:p></o:p></span></b></p>
<p class=MsoListParagraphCxSpFirst style='mso-list:l0'><![if !supportLists]><span>1.<span>&nbsp;</span></span>
<![endif]>first</p><p class=MsoListParagraphCxSpLast style='mso-list:l0'><![if !supportLists]><span>2.</span>
<![endif]>second</p>"""
ATTACK = """<img src=x onerror="window.attacked = 1"><script>window.attacked = 1</script>
<a href="javascript:window.attacked = 1">press me</a><svg onload="window.attacked = 1"></svg>
<p onclick="window.attacked = 1" style="position:fixed">words</p>"""


def test_a_formatted_post_reads_as_it_was_written(employee: Callable[..., Person], words: Words) -> None:
    anna, mark = employee("Anna", "Abramova", words=words), secrets.token_hex(4)
    boris = employee("Boris", f"B{mark}", words=words)
    page = anna.open("/feed/")
    field = writing(anna)
    page.keyboard.type("# Big news\n")
    page.keyboard.type("Some ")
    page.keyboard.press("Control+b")
    page.keyboard.type(f"bold {mark}")
    page.keyboard.press("Control+b")
    page.keyboard.type(f" words for @b{mark}")
    option = anna.composer.get_by_role("option", name=boris.name)
    expect(option).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.type(" #plan\n- one\ntwo")
    expect(field.locator("li")).to_have_count(2)
    page.keyboard.press("Control+Enter")
    post = anna.post(mark)
    expect(post.get_by_role("heading", name="Big news")).to_be_visible()
    expect(post.locator("strong")).to_have_text(f"bold {mark}")
    expect(post.get_by_role("listitem").filter(has_text="two")).to_be_visible()
    expect(post.get_by_role("link", name=f"@{boris.name}")).to_have_attribute(
        "href", f"/employees/{boris.pk}/"
    )
    expect(post.get_by_role("link", name="#plan")).to_be_visible()
    expect(field).to_have_text("")

    boris.open("/employees/")
    expect(boris.page.locator("#bell-count")).to_have_text("1")
    boris.open("/notifications/")
    expect(boris.page.locator("#main").get_by_role("link", name=anna.name)).to_be_visible()


def test_what_is_typed_while_the_editor_comes_is_all_there(anna: Person) -> None:
    page, script = anna.open("/feed/"), re.compile(r"/js/editor\.[^/]*js$")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(script, hold)
    with page.expect_request(script):
        anna.text_field.click()
    page.keyboard.type("Between ")
    for route in held:
        route.continue_()
    expect(anna.composer.locator("[contenteditable=true]")).to_be_focused()
    page.keyboard.type("words")
    expect(anna.written).to_have_value("Between words")
    page.unroute(script)


def test_a_table_from_excel_stays_a_table(anna: Person) -> None:
    mark = secrets.token_hex(4)
    anna.open("/feed/")
    field = writing(anna)
    anna.page.keyboard.type(mark)
    field.evaluate(PASTE, EXCEL)
    expect(field.locator("td")).to_have_count(4)
    anna.publish()
    post = anna.post(mark)
    expect(post.get_by_role("cell", name="Февраль")).to_be_visible()
    expect(post.locator("td")).to_have_count(4)
    expect(post.locator("[style], [class^=xl]")).to_have_count(0)


def test_a_list_from_word_stays_a_list(anna: Person) -> None:
    anna.open("/feed/")
    field = writing(anna)
    field.evaluate(PASTE, WORD)
    expect(field.locator("ol > li")).to_have_text(["first", "second"])
    expect(field.locator("strong")).to_have_text("Plan")


def test_nothing_that_is_pasted_or_sent_ever_runs(anna: Person, boris: Person) -> None:
    mark = secrets.token_hex(4)
    page = anna.open("/feed/")
    field = writing(anna)
    page.keyboard.type(mark)
    field.evaluate(PASTE, ATTACK)
    # And past the editor, as a program would send it.
    anna.composer.locator("input[name=html]").evaluate(
        "(field, html) => { field.value = html }", f"{mark}{ATTACK}"
    )
    anna.publish()
    for reader in (anna, boris):
        if reader is boris:
            reader.open("/feed/")
        post = reader.post(mark)
        expect(post.get_by_text("words")).to_be_visible()
        post.get_by_text("press me").click()
        assert reader.page.evaluate("() => window.attacked") is None
        expect(post.locator(".prose").locator("script, svg, img, [onclick], [style]")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1440])
def test_the_tools_work_by_keyboard_and_by_touch(employee: Callable[..., Person], width: int) -> None:
    anna = employee("Anna", width=width)
    page = anna.open("/feed/")
    field = writing(anna)
    page.keyboard.type("word")
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    bold = anna.composer.get_by_role("button", name="Bold")
    expect(bold).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(field.locator("em")).to_have_text("word")
    bold.click()
    expect(field.locator("em strong, strong em")).to_have_text("word")
    expect(bold).to_have_attribute("aria-pressed", "true")


def test_a_formatted_draft_survives(anna: Person) -> None:
    page = anna.open("/feed/")
    writing(anna)
    page.keyboard.type("> quoted")
    expect(anna.composer.locator("blockquote")).to_have_text("quoted")
    page.reload()
    expect(anna.composer.locator("blockquote")).to_have_text("quoted")
    page.get_by_role("navigation").get_by_role("link", name="Company").click()
    expect(page.get_by_role("heading", name="Employees")).to_be_visible()
    page.go_back()
    expect(anna.composer.locator("blockquote")).to_have_text("quoted")


def test_one_answers_with_a_call(anna: Person, boris: Person, olga: Portal) -> None:
    pk = olga.publish("Said")
    page = anna.open(f"/feed/{pk}/")
    editor_of(page, page.locator(".answer"))
    page.keyboard.type(f"Ask @{boris.last_name.lower()}")
    expect(page.get_by_role("option", name=boris.name).first).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".comment").get_by_role("link", name=f"@{boris.name}")).to_be_visible()


def writing(person: Person) -> Locator:
    """The composer's editor, with the caret in it."""
    return editor_of(person.page, person.composer)


def editor_of(page: Page, place: Locator) -> Locator:
    place.locator("textarea[name=text]").click()
    field = place.locator("[contenteditable]")
    expect(field).to_be_focused()
    return field
