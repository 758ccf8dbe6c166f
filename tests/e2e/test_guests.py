"""An outside guest: invited by letter into one group, and of all the portal sees that group alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from tests.box.mailbox import Mailbox
from tests.e2e.boxes import Box
from tests.e2e.letters import letter_to, link_in
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Invite": "Пригласить",
    "Invite somebody from outside by e-mail": "Пригласить человека со стороны по почте",
    "E-mail": "Эл. почта",
    "First name": "Имя",
    "Last name": "Фамилия",
    "Choose a password": "Придумайте пароль",
    "Join": "Присоединиться",
    "Groups": "Группы",
    "Company": "Компания",
    "Pulse": "Пульс",
    "guest": "гость",
    "More about {}": "Действия: {}",
    "Take out of the group": "Исключить из группы",
    "Take out": "Исключить",
    "Nothing was found.": "Ничего не нашлось.",
}


def test_a_guest_comes_by_letter_writes_along_and_is_taken_out(
    box: Box, employee: Callable[..., Person], visitor: Callable[..., Person], letters: Mailbox, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna = employee("Anna", f"A{mark}", words=words)
    erik = visitor("Erik", f"Ek{mark}", words=words)
    erik.watch.tolerated.add("404")
    group = Portal.of(box, anna.login).group(f"Supply {mark}", "extranet")
    page = anna.open(f"/groups/{group}/")
    page.get_by_role("link", name=say("Invite"), exact=True).click()
    page.get_by_role("link", name=say("Invite somebody from outside by e-mail")).click()
    page.get_by_label(say("E-mail"), exact=True).fill(erik.login.login)
    page.get_by_label(say("First name")).fill(erik.first_name)
    page.get_by_label(say("Last name")).fill(erik.last_name)
    page.get_by_role("button", name=say("Invite"), exact=True).click()
    row = page.locator("#list tbody tr").filter(has_text=erik.name)
    expect(row).to_contain_text(say("guest"))

    theirs = erik.open(link_in(letter_to(letters, erik.login.login), "/join/"))
    theirs.get_by_label(say("Choose a password")).fill(erik.login.password)
    theirs.get_by_role("button", name=say("Join")).click()
    menu = theirs.get_by_role("navigation").first
    expect(menu.get_by_role("link", name=say("Groups"))).to_be_visible()
    for hidden in ("Company", "Pulse"):
        expect(menu.get_by_role("link", name=say(hidden))).to_have_count(0)

    erik.open(f"/groups/{group}/")
    anna.open(f"/groups/{group}/")
    anna.text_field.fill(f"The pipes have come {mark}")
    anna.publish()
    expect(erik.chip).to_be_visible()
    erik.chip.click()
    expect(erik.post(f"The pipes have come {mark}")).to_be_visible()
    erik.text_field.fill(f"Thank you {mark}")
    erik.publish()
    expect(anna.chip).to_be_visible()

    page.goto(f"/groups/{group}/members/")
    row.locator("summary").click()
    row.get_by_role("button", name=say("Take out of the group")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Take out")).click()
    expect(row).to_have_count(0)
    erik.open(f"/groups/{group}/")
    expect(theirs.locator("[data-error]")).to_be_visible()
    erik.open("/feed/")
    expect(erik.post(f"The pipes have come {mark}")).to_have_count(0)


def test_a_guest_finds_nothing_else(
    box: Box,
    olga: Portal,
    employee: Callable[..., Person],
    guest: Callable[..., Person],
    words: Words,
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    # Of her own: names that are half the same are found for each other.
    hers = secrets.token_hex(3)
    anna = employee("Anna", f"Apraxina{mark}")
    employee("Cara", f"Cherny{hers}")
    group = Portal.of(box, anna.login).group(f"Supply {mark}", "extranet")
    erik = guest("Erik", group=group, by=anna, words=words)
    page = erik.open("/feed/")
    expect(erik.text_field).to_be_visible()
    erik.marks_the_page()
    olga.publish(f"For the company alone {mark}")
    Portal.of(box, anna.login).publish(f"For the group {mark}", audience=f"G{group}")
    expect(erik.chip).to_have_text(words.new_posts[0])
    erik.chip.click()
    expect(erik.post(f"For the group {mark}")).to_be_visible()
    expect(erik.post(f"For the company alone {mark}")).to_have_count(0)

    search, found = page.locator("#search"), page.locator("#found")
    search.fill(f"Cherny{hers}")
    expect(found).to_contain_text(say("Nothing was found."))
    search.fill(f"Apraxina{mark}")
    expect(found).to_contain_text(anna.name)
    search.fill(f"company alone {mark}")
    expect(found).to_contain_text(say("Nothing was found."))
    page.keyboard.press("Escape")

    # Whoever may be mentioned: the people of the group, and nobody else.
    erik.text_field.click()
    with page.expect_response(lambda answer: f"q=Cherny{hers}" in answer.url) as told:
        page.keyboard.type(f"@Cherny{hers}")
    assert told.value.json() == {"people": []}
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type(f"@Apraxina{mark}")
    expect(page.get_by_role("option", name=anna.name)).to_be_visible()

    theirs = Portal.of(box, erik.login)
    for path in ("/employees/", "/structure/", "/structure/chart/", "/pulse/", "/worktime/", "/console/"):
        assert theirs.get(path).status == 404, path
