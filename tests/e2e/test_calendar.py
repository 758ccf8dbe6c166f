"""The calendar as two people have it: what is planned, answered, moved, refused and shown outside."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import urllib3
from playwright.sync_api import FilePayload, Page, expect

from tests.box.mailbox import Mailbox
from tests.e2e.accessibility import problems
from tests.e2e.boxes import until
from tests.e2e.letters import letter_to, link_in
from tests.e2e.people import Person, settled
from tests.e2e.planning import planned, tomorrow
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "New event": "Новое событие",
    "Save": "Сохранить",
    "Invite": "Пригласить",
    "Which times?": "Какие повторы?",
    "Only this time": "Только этот раз",
    "Moved.": "Перенесено.",
    "Undo": "Отменить",
    "comes": "придёт",
    "Busy": "Занято",
    "proposes another time": "предлагает другое время",
    "is taken": "занята",
    "has to be approved": "нужно подтверждение",
    "Say why": "Укажите причину",
    "Change": "Изменить",
    "When can all come?": "Когда всем удобно?",
    "Take it back": "Отменить изменение",
    "Make a link": "Создать ссылку",
    "End the link": "Отключить ссылку",
    "Remove the device": "Отключить устройство",
    "Table": "Таблица",
    "Go on": "Дальше",
    "Import": "Импорт",
    "Undo the whole import": "Отменить весь импорт",
}


def said(words: Words, text: str) -> str:
    return text if words is EN else RUSSIAN[text]


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_meeting_is_planned_answered_and_moved(employee: Callable[..., Person], language: Words) -> None:
    # Of the many of that name on this box this one is meant.
    anna, boris = (employee(name, secrets.token_hex(4), words=language) for name in ("Anna", "Boris"))
    his = boris.open("/calendar/?view=week&on=2027-02-02")
    expect(his.locator(".calendar-title")).not_to_be_empty()
    page = anna.open("/calendar/?view=week&on=2027-02-02")
    page.get_by_role("link", name=said(language, "New event")).click()
    form = page.locator("[data-event-form]")
    form.locator("[name=title]").fill("Budget")
    for name, value in (
        ("starts_on", "2027-02-02"), ("starts", "10:00"), ("ends_on", "2027-02-02"), ("ends", "11:00"),
    ):  # fmt: skip
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=repeats]").select_option("daily")
    form.get_by_role("button", name=said(language, "Invite")).click()
    form.locator("[name=q]").fill(boris.name)
    form.locator(".options .item", has_text=boris.name).click()
    form.get_by_role("button", name=said(language, "Save")).click()
    expect(page.locator(".cal-event", has_text="Budget").first).to_be_visible()
    # Boris has it without loading anything anew, not answered yet.
    arrived = his.locator(".cal-event.is-open", has_text="Budget")
    expect(arrived.first).to_be_visible(timeout=30_000)
    arrived.first.click()
    his.locator(".event-answer [value=accepted]").click()
    expect(his.locator(".event-people .tag.good")).to_have_text(said(language, "comes"))
    # Anna drags the first of the times two hours later, and takes it back.
    drag(page, "Budget", hours=2)
    dialog = page.locator("#calendar-scope")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name=said(language, "Only this time")).click()
    expect(page.locator(".toast-note", has_text=said(language, "Moved."))).to_be_visible()
    expect(page.locator(".cal-event", has_text=re.compile("12:00"))).to_have_count(1)
    page.locator(".toast-note").get_by_role("button", name=said(language, "Undo")).click()
    expect(page.locator(".cal-event", has_text=re.compile("12:00"))).to_have_count(0)


def drag(page: Page, title: str, *, hours: int) -> None:
    """The first of these, so many hours later on the same day."""
    event = page.locator(".cal-event", has_text=title).first
    event.scroll_into_view_if_needed()
    box = event.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x, y + step * hours * box["height"] / 5)
    page.mouse.up()


# 8. Views, keys, layers, and what is private


def test_views_by_keys_and_private_time_is_only_taken(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    department = olga.department(f"Store {secrets.token_hex(3)}")
    anna, boris = (
        employee(name, secrets.token_hex(4), words=words, department=department) for name in ("Anna", "Boris")
    )
    planned(anna, "Dentist", is_confidential="on")
    due = {
        "title": "Report",
        "responsible": f"U{anna.pk}",
        "priority": "1",
        "deadline_at": f"{tomorrow()}T12:00",
    }
    assert anna.hand.post("/tasks/new/", nonce=secrets.token_hex(16), **due).status == 302

    for person, word in ((anna, "Dentist"), (boris, said(words, "Busy"))):
        page = person.open(f"/calendar/team/?of={department}&on={tomorrow()}")
        expect(page.locator(".team-table tr", has_text=anna.name)).to_contain_text(word)
    expect(boris.page.locator("#main")).not_to_contain_text("Dentist")
    assert problems(boris.page) == []

    page = anna.open(f"/calendar/?view=week&on={tomorrow()}")
    event, deadline = (page.locator(".cal-event", has_text=title) for title in ("Dentist", "Report"))
    expect(event).to_be_visible()
    for key, view in (("d", "day"), ("m", "month"), ("a", "agenda"), ("w", "week")):
        page.keyboard.press(key)
        expect(page.locator(f"[data-view={view}]")).to_have_attribute("aria-pressed", "true")
        expect(event).to_be_visible()
        expect(deadline).to_be_visible()
        if view == "agenda":
            # A long title is not cut off there.
            expect(event.locator(".cal-title")).to_have_css("white-space", "normal")
    title = page.locator(".calendar-title")
    before = title.text_content() or ""
    page.keyboard.press("ArrowRight")
    expect(title).not_to_have_text(before)
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(before)
    # A layer is switched off, and stays so when the page is opened anew.
    page.locator("[data-layer='tasks.deadlines']").uncheck()
    expect(deadline).to_have_count(0)
    page.reload()
    expect(event).to_be_visible()
    expect(deadline).to_have_count(0)
    page.keyboard.press("n")
    expect(page.locator("#calendar-dialog [data-event-form]")).to_be_visible()
    settled(page)
    assert problems(page) == []


# 9. Somebody outside, and another time


def test_somebody_outside_answers_and_a_colleague_proposes_another_time(
    employee: Callable[..., Person], visitor: Callable[..., Person], letters: Mailbox, words: Words
) -> None:
    anna, boris = (employee(name, secrets.token_hex(4), words=words) for name in ("Anna", "Boris"))
    address = f"rose.{secrets.token_hex(3)}@example.com"
    event = planned(anna, "Fair", audience=f"U{boris.pk}", guests=f"Rose <{address}>")
    letter = letter_to(letters, address)
    invitation = next(part for part in letter.walk() if part.get_content_type() == "text/calendar")
    assert invitation.get_param("method") == "REQUEST"
    rose = visitor("Rose", words=words, width=360)
    seen = rose.open(link_in(letter, "/calendar/invitations/"))
    assert problems(seen) == []
    assert seen.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    seen.locator("[name=comment]").fill("With a cake")
    seen.locator("[value=accepted]").click()
    expect(seen.locator(".notice.good")).to_be_visible()

    his = boris.open(f"/calendar/events/{event}/")
    his.locator(".event-answer summary").click()
    his.locator("[name=proposed_at]").fill(f"{tomorrow()}T15:00")
    his.locator(".event-answer [value=declined]").click()
    expect(his.locator(".event-people li", has_text=boris.name)).to_contain_text(
        said(words, "proposes another time")
    )
    page = anna.open(f"/calendar/events/{event}/")
    expect(page.locator(".event-people li", has_text="Rose")).to_contain_text("With a cake")
    expect(page.locator(".event-people li", has_text="Rose")).to_contain_text(said(words, "comes"))
    answer = page.locator(".event-people li", has_text=boris.name)
    expect(answer).to_contain_text(said(words, "proposes another time"))
    expect(answer).to_contain_text("15:00")
    settled(page)
    assert problems(page) == []


# 10. Rooms, and times that suit


def test_a_room_that_somebody_has_is_refused_and_another_time_is_found(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    room = f"Blue {secrets.token_hex(3)}"
    made = olga.post(
        "/calendar/rooms/new/", nonce=secrets.token_hex(16), name=room, capacity="8", audience="UA"
    )
    assert made.status in {200, 302}
    anna, boris = (employee(name, secrets.token_hex(4), words=words) for name in ("Anna", "Boris"))
    boris.watch.tolerated.add("422")
    # Both have the form open, and mean the same time.
    for person in (anna, boris):
        page = person.open(f"/calendar/?view=day&on={tomorrow()}")
        page.get_by_role("link", name=said(words, "New event")).click()
        form = page.locator("[data-event-form]")
        form.locator("[name=title]").fill(f"Meeting of {person.first_name}")
        day = f"{tomorrow()}"
        for name, value in (("starts_on", day), ("ends_on", day), ("starts", "10:00"), ("ends", "11:00")):
            form.locator(f"[name={name}]").fill(value)
        blue = form.locator("[name=room] option", has_text=room).get_attribute("value")
        form.locator("[name=room]").select_option(blue)
    for person in (anna, boris):
        person.page.locator("[data-event-form]").get_by_role("button", name=said(words, "Save")).click()
        if person is anna:
            expect(anna.page.locator(".cal-event", has_text="Meeting of Anna")).to_be_visible()
    page, form = boris.page, boris.page.locator("[data-event-form]")
    refused = form.get_by_role("alert")
    expect(refused).to_contain_text(room)
    expect(refused).to_contain_text(said(words, "is taken"))
    settled(page)
    assert problems(page) == []
    assert not re.search("Meeting of Boris", boris.hand.get(items_of_day()).data.decode())

    # She is to come: the next times at which both can, half an hour of way left before and after.
    form.get_by_role("button", name=said(words, "Invite"), exact=True).click()
    form.locator("[name=q]").fill(anna.name)
    form.locator(".options .item", has_text=anna.name).click()
    form.locator("[name=way]").select_option("30")
    form.get_by_role("button", name=said(words, "When can all come?")).click()
    suggested = form.locator("[data-suggested]")
    expect(suggested).to_have_count(5)
    assert problems(page) == []
    suggested.first.click()
    form.locator("[name=room]").select_option(blue)
    form.get_by_role("button", name=said(words, "Save")).click()
    expect(page.locator(".toast-note", has_text="Meeting of Boris")).to_be_visible()
    # The day of rooms says who has it, and not what for.
    hers = anna.open(f"/calendar/rooms/?on={tomorrow()}")
    expect(hers.locator(".team-table tr", has_text=room)).to_contain_text("Meeting of Anna")
    seen = boris.open(f"/calendar/rooms/?on={tomorrow()}")
    expect(seen.locator(".team-table tr", has_text=room)).to_contain_text(anna.name)
    expect(seen.locator(".team-table tr", has_text=room)).not_to_contain_text("Meeting of Anna")
    assert problems(seen) == []


def test_a_room_is_asked_for_refused_and_approved(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    anna, boris, cara = (
        employee(name, secrets.token_hex(4), words=words) for name in ("Anna", "Boris", "Cara")
    )
    boris.watch.tolerated.add("422")
    cara.watch.tolerated.add("422")
    room = f"Hall {secrets.token_hex(3)}"
    made = olga.post(
        "/calendar/rooms/new/", nonce=secrets.token_hex(16), name=room, capacity="80", audience="UA",
        needs_approval="on", keepers=f"U{cara.pk}",
    )  # fmt: skip
    assert made.status in {200, 302}
    page = anna.open(f"/calendar/rooms/?on={tomorrow()}")
    page.locator(".team-table tr", has_text=room).locator("a.btn-icon").click()
    form = page.locator("[data-event-form]")
    form.locator("[name=title]").fill("Fair")
    form.locator("[name=starts]").fill("10:00")
    form.locator("[name=ends]").fill("11:00")
    expect(form.locator("[name=room] option:checked")).to_contain_text(said(words, "has to be approved"))
    form.get_by_role("button", name=said(words, "Save")).click()
    held = page.locator(".team-block.waiting", has_text="Fair")
    expect(held).to_be_visible()
    settled(page)
    assert problems(page) == []

    # Nobody takes it meanwhile.
    his_form = boris.hand.get("/calendar/events/new/").data.decode()
    (hall,) = re.findall(rf'<option value="(\d+)"[^>]*>{room}', his_form)
    with pytest.raises(AssertionError, match=said(words, "is taken")):
        planned(boris, "Other", room=hall)

    # Whoever keeps it hears of it, and says no.
    until(lambda: room in cara.hand.get("/notifications/").data.decode(), patience=60)
    hers = cara.open("/calendar/rooms/requests/")
    asked = hers.locator(".room-request", has_text=room)
    expect(asked).to_contain_text(anna.name)
    expect(asked).not_to_contain_text("Fair")
    assert list(found_in(hers, EVERY_LOOK)) == []
    asked.locator("[value=refuse]").click()
    expect(hers.get_by_role("alert")).to_contain_text(said(words, "Say why"))
    asked.locator("[name=reason]").fill("The floor is wet")
    asked.locator("[value=refuse]").click()
    expect(asked).to_have_count(0)
    page.reload()
    expect(held).to_have_count(0)
    event = re.findall(r"/calendar/events/(\d+)/", anna.hand.get(items_of_day()).data.decode())[0]
    page = anna.open(f"/calendar/events/{event}/")
    expect(page.locator(".event-facts")).to_contain_text("The floor is wet")
    expect(page.locator(".event-facts .tag.bad")).to_be_visible()
    assert problems(page) == []

    # Asked once more, and approved.
    page.get_by_role("link", name=said(words, "Change"), exact=True).click()
    form = page.locator("[data-event-form]")
    form.locator("[name=room]").select_option(hall)
    form.get_by_role("button", name=said(words, "Save")).click()
    until(lambda: "Fair" in anna.hand.get(f"/calendar/rooms/?on={tomorrow()}").data.decode(), patience=60)
    hers = cara.open("/calendar/rooms/requests/")
    hers.locator(".room-request", has_text=room).locator("[value=approve]").click()
    expect(hers.locator(".room-request", has_text=room)).to_have_count(0)
    until(lambda: room in anna.hand.get("/notifications/").data.decode(), patience=60)
    page = anna.open(f"/calendar/rooms/?on={tomorrow()}")
    expect(page.locator(".team-block", has_text="Fair")).to_be_visible()
    expect(page.locator(".team-block.waiting", has_text="Fair")).to_have_count(0)


def items_of_day() -> str:
    return f"/calendar/items/?start={tomorrow()}T00:00:00Z&end={tomorrow() + timedelta(days=1)}T00:00:00Z"


# 12. Phones, links, files


def test_a_phone_changes_an_event_and_its_owner_takes_that_back(
    employee: Callable[..., Person], words: Words
) -> None:
    anna = employee("Anna", secrets.token_hex(4), words=words)
    title = f"Fair {secrets.token_hex(3)}"
    event = planned(anna, title)
    page = anna.open("/profile/devices/new/")
    page.locator("[name=name]").fill("Telephone")
    page.locator("form.card [type=submit]").click()
    password = page.locator("[data-password]").inner_text()
    assert problems(page) == []
    phone = Phone(anna, password)
    href, text = phone.event(title)
    changed = phone.ask("PUT", href, text.replace(title, "Written over by a phone"))
    assert changed.status in {201, 204}, changed.data
    page = anna.open(f"/calendar/events/{event}/")
    expect(page.locator("#calendar-dialog-title")).to_have_text("Written over by a phone")
    page.locator("details.folded > summary").last.click()
    with page.expect_response(lambda one: "/undoing/" in one.url):
        page.get_by_role("button", name=said(words, "Take it back")).click()
    expect(anna.open(f"/calendar/events/{event}/").locator("#calendar-dialog-title")).to_have_text(title)

    # A lost telephone gets nothing any more.
    page = anna.open("/profile/devices/")
    assert problems(page) == []
    page.locator("form[action$='/removal/'] [type=submit]").click()
    page.locator(
        "dialog[open] .btn-danger, dialog[open] [value=yes], dialog[open] .btn-primary"
    ).first.click()
    expect(page.locator(".rows li")).to_have_count(0)
    assert phone.ask("GET", href).status == 401


def test_a_link_shows_a_calendar_outside_until_it_is_ended(
    employee: Callable[..., Person], words: Words
) -> None:
    anna = employee("Anna", secrets.token_hex(4), words=words)
    title = f"Fair {secrets.token_hex(3)}"
    planned(anna, title)
    planned(anna, "Dentist", is_confidential="on")
    form = anna.hand.get("/calendar/events/new/").data.decode()
    calendar = re.search(r'name="calendar".*?<option value="(\d+)"', form, re.DOTALL)
    assert calendar is not None
    page = anna.open(f"/calendar/calendars/{calendar[1]}/")
    page.get_by_role("button", name=said(words, "Make a link")).click()
    address = page.locator(".calendar-feed .copyable input").input_value()
    settled(page)
    assert problems(page) == []
    outside = Portal(anna.hand.box)
    shown = outside.get(urlsplit(address).path)
    assert shown.status == 200
    assert f"SUMMARY:{title}" in shown.data.decode()
    assert "Dentist" not in shown.data.decode()
    page.get_by_role("button", name=said(words, "End the link")).click()
    page.locator("dialog[open]").get_by_role("button", name=said(words, "End the link")).click()
    expect(page.locator(".calendar-feed")).to_have_count(0)
    assert outside.get(urlsplit(address).path).status == 404


def test_a_calendar_file_is_taken_in_and_taken_back(employee: Callable[..., Person], words: Words) -> None:
    anna = employee("Anna", secrets.token_hex(4), words=words)
    mark = secrets.token_hex(3)
    lines = (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Google Inc//Google Calendar//EN", "BEGIN:VEVENT",
        f"UID:{mark}@google.com", "DTSTART;TZID=Russian Standard Time:20310203T100000",
        "DTEND;TZID=Russian Standard Time:20310203T110000", f"SUMMARY:Fair {mark}", "END:VEVENT",
        "END:VCALENDAR",
    )  # fmt: skip
    page = anna.open("/imports/calendar.events/")
    file = FilePayload(name="a.ics", mimeType="text/calendar", buffer="\r\n".join(lines).encode())
    page.get_by_label(said(words, "Table"), exact=True).set_input_files(file)
    page.get_by_role("button", name=said(words, "Go on")).click()
    expect(page.get_by_role("cell", name=f"Fair {mark}").first).to_be_visible()
    assert problems(page) == []
    page.get_by_role("button", name=said(words, "Import"), exact=True).click()
    undo = page.get_by_role("button", name=said(words, "Undo the whole import"))
    expect(undo).to_be_visible()
    here, there = page.url, "/calendar/?view=week&on=2031-02-03"
    event = anna.open(there).locator(".cal-event", has_text=f"Fair {mark}")
    expect(event).to_contain_text("10:00")
    page.goto(here)
    undo.click()
    expect(undo).to_have_count(0)
    page.goto(there)
    expect(page.locator(".calendar-title")).not_to_be_empty()
    page.wait_for_load_state("networkidle")
    expect(event).to_have_count(0)


class Phone:
    """A program that knows somebody's login and a password of its own."""

    def __init__(self, person: Person, password: str) -> None:
        self.person, self.box = person, person.hand.box
        self.http = urllib3.PoolManager(ca_certs=str(self.box.ca_file), retries=False, timeout=60)
        self.headers = urllib3.make_headers(basic_auth=f"{person.login.login}:{password}")

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> urllib3.BaseHTTPResponse:
        kind = "text/xml" if body.startswith("<") else "text/calendar"
        given = {**self.headers, **headers, "Content-Type": f"{kind}; charset=utf-8"}
        return self.http.request(method, self.box.url + path, body=body.encode(), headers=given)

    def event(self, title: str) -> tuple[str, str]:
        """Where it is, and its text."""
        home = f"/dav/{self.person.pk}/"
        listed = self.ask(
            "PROPFIND", home, '<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>', Depth="1"
        )
        assert listed.status == 207, listed.data
        for collection in dict.fromkeys(re.findall(rf"{home}calendar-\d+/", listed.data.decode())):
            inside = self.ask(
                "PROPFIND", collection, '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>', Depth="1"
            ).data.decode()
            for href in dict.fromkeys(re.findall(rf"{collection}[^<]+\.ics", inside)):
                text = self.ask("GET", href).data.decode()
                if title in text:
                    return href, text
        raise AssertionError(f"{title} is in none of the calendars.")
