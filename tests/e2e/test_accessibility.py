"""axe finds nothing serious or critical on any page: narrow and wide, light and dark."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import urllib3
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from tests.e2e.accessibility import COLOURS, problems
from tests.e2e.boxes import Box
from tests.e2e.browser import watched_context
from tests.e2e.people import Person, new_login, settled
from tests.e2e.portal import Portal

NARROW, WIDE = 360, 1440
EVERY_LOOK = tuple(product((NARROW, WIDE), ("light", "dark")))
# For what opens on a page that is itself looked at in every way.
TWO_LOOKS = ((NARROW, "dark"), (WIDE, "light"))


@dataclass(frozen=True)
class View:
    """A page, and what is done on it before looking."""

    path: str
    prepare: Callable[[Page], None] | None = None


def open_menu(page: Page) -> None:
    page.locator("summary.me").click()


def open_audience(page: Page) -> None:
    page.get_by_role("button", name="Choose who will see this").click()
    expect(page.locator("#audience-sheet .options button").first).to_be_visible()


def open_comments(page: Page) -> None:
    page.get_by_role("link", name="Comments").first.click()
    expect(page.get_by_label("Your comment").first).to_be_visible()


def send_nothing(page: Page) -> None:
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#composer").get_by_role("alert")).to_be_visible()


def send_half(page: Page) -> None:
    page.get_by_label("E-mail").fill("nobody@")
    page.locator("main form[method=post]").last.evaluate("(form) => { form.noValidate = true }")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".form-error").first).to_be_visible()


def find_somebody(page: Page) -> None:
    page.get_by_role("searchbox", name="Search", exact=True).fill("Olga")
    expect(page.locator("#found .item").first).to_be_visible()


def open_post_menu(page: Page) -> None:
    page.locator("article.post summary").first.click()


def ask_to_suspend(page: Page) -> None:
    page.locator("#person summary").click()
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def draw_chart(page: Page) -> None:
    expect(page.locator(".org-node").first).to_be_visible()


def open_people_of_node(page: Page) -> None:
    page.get_by_role("searchbox", name="Find a department or its head").fill(DEPARTMENT)
    page.locator(".org-node.found").first.click()
    expect(page.locator(".structure-chart aside .rows li").first).to_be_visible()
    settled(page)


def open_department_menu(page: Page) -> Locator:
    line = page.locator("li[data-department] > .line").filter(has_text=DEPARTMENT).first
    line.locator("summary[aria-label]").last.click()
    return line


def show_department_menu(page: Page) -> None:
    open_department_menu(page)


def department_dialog(item: str) -> Callable[[Page], None]:
    def ask(page: Page) -> None:
        open_department_menu(page).get_by_text(item).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        settled(page)

    return ask


def ask_to_delete_group(page: Page) -> None:
    page.get_by_role("button", name="Delete the group").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def choose_whom_to_invite(page: Page) -> None:
    page.get_by_role("button", name="Add a person").click()
    page.get_by_role("searchbox", name="Name of a person", exact=True).fill("Abramova")
    expect(page.get_by_role("button", name="Abramova").first).to_be_visible()
    settled(page)


def choose_holders(page: Page) -> None:
    page.get_by_role("button", name="Add a holder").click()
    page.get_by_role("searchbox", name="Department or name").fill("Abramova")
    expect(page.get_by_role("button", name="Abramova").first).to_be_visible()
    settled(page)


def give_a_table(page: Page) -> None:
    table = "Last name;First name;E-mail;Mobile\nNowak;Ewa;ewa@;1\n"
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=table.encode())
    page.get_by_label("Table", exact=True).set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("What Mobile means")).to_be_visible()
    settled(page)


def draw_lines(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('pulse-chart').chart !== undefined")
    page.get_by_text("The same as a table").click()


def choose_in_drive(page: Page) -> None:
    page.locator("#list [name=row]").first.check()
    bulk = page.locator("#list-bulk")
    bulk.locator("summary").click()
    expect(bulk.locator(".places")).to_be_visible()


def open_drive_menu(page: Page) -> None:
    page.locator("#list .drive-acts summary").last.click()


def ask_for_folder(page: Page) -> None:
    page.get_by_role("link", name="New folder").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    settled(page)


def share_on_drive(page: Page) -> None:
    page.get_by_role("button", name="Choose people").click()
    page.get_by_role("searchbox", name="Department or name").fill("Abramova")
    expect(page.get_by_role("button", name="Abramova").first).to_be_visible()
    settled(page)


def open_clock(page: Page) -> None:
    page.locator("#work-clock summary").click()


LONG_NAME = "Donaudampfschifffahrtsgesellschaft-Altenburger"
DEPARTMENT = f"Readers {secrets.token_hex(3)}"

VIEWS = {
    "feed": View("/feed/"),
    "feed-menu": View("/feed/", open_menu),
    "feed-audience": View("/feed/", open_audience),
    "feed-comments": View("/feed/", open_comments),
    "feed-refused": View("/feed/", send_nothing),
    "feed-search": View("/feed/", find_somebody),
    "feed-post-menu": View("/feed/", open_post_menu),
    "feed-clock": View("/feed/", open_clock),
    "post": View("/feed/{post}/"),
    "notifications": View("/notifications/"),
    "preferences": View("/notifications/settings/"),
    "people": View("/employees/"),
    "people-long-name": View(f"/employees/?q={LONG_NAME}"),
    "people-nobody": View("/employees/?q=nobodyiscalledthat"),
    "person": View("/employees/{person}/"),
    "person-question": View("/employees/{person}/", ask_to_suspend),
    "new": View("/employees/new/"),
    "new-refused": View("/employees/new/", send_half),
    "absences": View("/employees/{person}/absences/"),
    "dismissal": View("/employees/{person}/dismissal/"),
    "duplicates": View("/employees/duplicates/"),
    "merger-with": View("/employees/{person}/merger/"),
    "merger": View("/employees/{person}/merger/{duplicate}/"),
    "invitations": View("/employees/invitations/"),
    "imports": View("/imports/people/"),
    "import": View("/imports/people/", give_a_table),
    "details": View("/employees/{person}/details/"),
    "structure": View("/structure/?view=list"),
    "structure-chart": View("/structure/?view=chart", draw_chart),
    "structure-editing": View("/structure/?edit&view=chart", open_people_of_node),
    "structure-menu": View("/structure/?edit&view=list", show_department_menu),
    "structure-add": View("/structure/?edit&view=list", department_dialog("Add somebody …")),
    "structure-name": View("/structure/?edit&view=list", department_dialog("Rename …")),
    "structure-move": View("/structure/?edit&view=list", department_dialog("Move …")),
    "structure-merge": View("/structure/?edit&view=list", department_dialog("Merge …")),
    "structure-new": View("/structure/?edit&view=list", department_dialog("Add a department below …")),
    "department": View("/structure/departments/{department}/"),
    "groups": View("/groups/?show=all"),
    "new-group": View("/groups/new/"),
    "group": View("/groups/{group}/"),
    "group-members": View("/groups/{group}/members/"),
    "group-files": View("/groups/{group}/files/"),
    "group-invitations": View("/groups/{group}/invitations/"),
    "group-candidates": View("/groups/{group}/invitations/", choose_whom_to_invite),
    "group-guests": View("/groups/{group}/guests/"),
    "group-settings": View("/groups/{group}/settings/"),
    "group-question": View("/groups/{group}/settings/", ask_to_delete_group),
    "group-drive": View("/groups/{group}/?show=drive"),
    "drive": View("/drive/"),
    "drive-chosen": View("/drive/", choose_in_drive),
    "drive-menu": View("/drive/", open_drive_menu),
    "drive-folder-new": View("/drive/", ask_for_folder),
    "drive-company": View("/drive/company/"),
    "drive-groups": View("/drive/groups/"),
    "drive-shared": View("/drive/shared/"),
    "drive-file": View("/drive/items/{file}/"),
    "drive-access": View("/drive/items/{file}/access/", share_on_drive),
    "drive-place": View("/drive/items/{file}/place/"),
    "drive-outside": View("{link}"),
    "drive-outside-gone": View("/links/1:nothing/"),
    "search": View("/search/?q=example"),
    "search-people": View("/search/?q=Olga&kind=people"),
    "search-nothing": View("/search/?q=nothingiscalledthat"),
    "password": View("/profile/password/"),
    "security": View("/profile/security/"),
    "factor": View("/profile/security/app/"),
    "integrations": View("/profile/integrations/"),
    "integration-new": View("/profile/integrations/new/"),
    "worktime": View("/worktime/"),
    "worktime-correction": View("/worktime/days/{yesterday}/correction/"),
    "worktime-person": View("/worktime/people/{person}/"),
    "worktime-approvals": View("/worktime/approvals/"),
    "worktime-team": View("/worktime/team/?department={department}"),
    "worktime-reports": View("/worktime/reports/"),
    "worktime-report": View("/worktime/reports/{report}/"),
    "worktime-schedules": View("/worktime/schedules/"),
    "worktime-schedule": View("/worktime/schedules/new/"),
    "pulse": View("/pulse/", draw_lines),
    "help": View("/help/"),
    "help-page": View("/help/feed/"),
    "console": View("/console/"),
    "service": View("/console/services/web/"),
    **{
        f"settings-{name}": View(f"/console/settings/{name}/")
        for name in (
            *("company", "services", "work", "mail", "sign_in", "feed", "worktime", "pulse"),
            "audit",
        )
    },
    **{f"setup-{name}": View(f"/console/setup/{name}/") for name in ("company", "work", "mail", "people")},
    "calendar": View("/console/settings/calendar/2026/"),
    "fields": View("/console/settings/fields/accounts.user/"),
    "integrations-all": View("/console/integrations/"),
    "listeners": View("/console/integrations/outgoing/"),
    "listener-new": View("/console/integrations/outgoing/new/"),
    "roles": View("/console/roles/"),
    "role": View("/console/roles/administrators/"),
    "role-new": View("/console/roles/new/", choose_holders),
    "rights": View("/console/roles/report/?person={person}"),
    "audit": View("/console/audit/"),
    "backups": View("/console/backups/"),
    "directories": View("/console/directory/"),
    "directory-new": View("/console/directory/new/"),
    **{
        f"directory-{name or 'overview'}": View(f"/console/directory/{{directory}}/{name}")
        for name in ("", "connection/", "mapping/", "groups/", "rules/", "sign-in/", "tree/")
    },
    "directory-explanation": View("/console/directory/explanation/"),
    "404": View("/nothing/here/"),
}


@pytest.fixture(scope="module")
def places(box: Box, olga: Portal) -> Iterator[dict[str, object]]:
    """A post with a document and two comments; a person in a department, whose day and report wait for a
    decision, and an account that may be hers too; a group for guests; a file on a drive, with a link; a
    directory where nobody answers."""
    # Directories are connected by who gave the password a moment ago.
    olga = Portal.of(box, box.admin)
    yesterday = (datetime.now(tz=UTC) - timedelta(days=1)).date()
    works = olga.department(f"Works of {DEPARTMENT}")
    department = olga.department(DEPARTMENT, works)
    olga.department(f"Beside {DEPARTMENT}", works)
    olga.place(box.admin, department, "head")
    login = new_login("anna")
    person = olga.employ(login, first_name="Anna", last_name="Abramova", department=department)
    duplicate = olga.employ(new_login("anna"), first_name="Anna", last_name="Abramova")
    anna = Portal.of(box, login)
    asked = {"starts": "09:00", "ends": "18:00", "pause": "60", "reason": "I was with a customer"}
    answer = anna.post(f"/worktime/days/{yesterday}/correction/", nonce=secrets.token_hex(8), **asked)
    assert answer.status == 302, answer.data.decode()
    sent = {"period": "week", "starts_on": str(yesterday), "plan": "Much", "text": "All of it", "send": "yes"}
    report = number_of(anna.post("/worktime/reports/", nonce=secrets.token_hex(8), **sent))
    # A name without a place to break it stands in the feed, in the card of a link and in lists.
    long_name = new_login("wolfe")
    wolfe = olga.employ(long_name, first_name="Wolfeschlegelsteinhausenbergerdorff", last_name=LONG_NAME)
    Portal.of(box, long_name).publish(f"So am I called: {box.url}/employees/{wolfe}/")
    post = olga.publish("Look at https://example.com/", files=[olga.upload("a.csv", b"a;b\n1;2\n")])
    for text in ("First", "Second"):
        olga.post(f"/discussion/feed.post/{post}/comments/", text=text)
    group = olga.group(f"Group of {DEPARTMENT}", "extranet")
    file = olga.keep("/drive/", f"Plan of {DEPARTMENT}.txt", b"All of it")
    corp = {"name": f"Corp of {DEPARTMENT}", "servers": "127.0.0.1:1", "security": "ldaps"}
    corp |= {"bind_dn": "portal@corp.test", "password": secrets.token_urlsafe(12)}
    corp |= {"people_bases": "dc=corp,dc=test"}
    connected = olga.post("/console/directory/new/?kind=ad", nonce=secrets.token_hex(8), **corp)
    directory = number_of(connected, -2)
    yield {
        "post": post,
        "person": person,
        "duplicate": duplicate,
        "department": department,
        "group": group,
        "report": report,
        "directory": directory,
        "yesterday": yesterday,
        "file": file,
        "link": olga.show_outside(file),
    }
    # It may be long ago meanwhile.
    olga = Portal.of(box, box.admin)
    assert olga.ask("DELETE", f"/console/directory/{directory}/connection/").status == 200
    assert olga.ask("DELETE", f"/groups/{group}/").status in (200, 204, 302)


def number_of(answer: urllib3.BaseHTTPResponse, place: int = -1) -> int:
    """In the address that the answer leads to."""
    assert answer.status == 302, answer.data.decode()
    return int(answer.headers["Location"].strip("/").split("/")[place])


@pytest.fixture(scope="module")
def onlooker(box: Box, browser: Browser) -> Iterator[Person]:
    """An administrator who looks at all the pages in one window."""
    with watched_context(browser, box) as (context, watch):
        watch.tolerated |= {"404", "422"}
        person = Person("Olga", "Orlova", box.admin, context, watch, context.new_page())
        person.is_signed_in_as(Portal.of(box, box.admin))
        yield person


@pytest.mark.parametrize("name", VIEWS)
def test_page_is_for_everybody(
    onlooker: Person, places: dict[str, object], visitor_pages: list[Person], name: str
) -> None:
    visitor_pages.append(onlooker)
    view = VIEWS[name]
    page = onlooker.page
    page.set_viewport_size({"width": WIDE, "height": 800})
    onlooker.open(view.path.format(**places))
    if view.prepare:
        view.prepare(page)
    found = list(found_in(page, TWO_LOOKS if view.prepare else EVERY_LOOK))
    complaints, onlooker.watch.complaints = onlooker.watch.complaints, []
    assert (found, complaints) == ([], [])


def test_door_is_for_everybody(visitor: Callable[..., Person]) -> None:
    nobody = visitor("Nobody")
    nobody.watch.tolerated.add("422")
    page = nobody.open("/sign-in/")
    assert list(found_in(page, EVERY_LOOK)) == []
    nobody.sign_in()
    expect(page.get_by_role("alert")).to_be_visible()
    assert list(found_in(page, TWO_LOOKS)) == []


def found_in(page: Page, looks: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Problems of the page in these widths and themes; nothing may stick out sideways either."""
    seen = set()
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        # Colours on their way from one theme to the other are nobody's to read.
        page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
        found = problems(page, COLOURS if width in seen else ())
        yield from (f"{width} px, {theme}: {problem}" for problem in found)
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            yield f"{width} px, {theme}: the page is wider than the window"
        seen.add(width)
