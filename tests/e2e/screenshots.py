"""Pictures of every page, for people to look at: in each language, width and theme, into build/screenshots/.

    python -m tests.e2e.screenshots            all, and the README's picture, docs/images/feed.png
    python -m tests.e2e.screenshots gantt crm  these pages alone, and those whose names begin so

Shows the invented company of `boxctl demo`.
"""

from __future__ import annotations

import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.e2e.boxes import ROOT, Box, Login, box_to_visit
from tests.e2e.browser import chromium, watched_context
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words

FOLDER = ROOT / "build/screenshots"
README_PICTURE = ROOT / "docs/images/feed.png"
# In bytes: it is read on slow links too.
README_PICTURE_LIMIT = 300_000
COMPANY = ("--employees", "60", "--posts", "3000", "--seed", "4")
SIZES = ((360, 740), (1440, 900))
THEMES = ("light", "dark")

PAGES = {
    "feed": "/feed/",
    "post": "/feed/{post}/",
    "people": "/employees/",
    "person": "/employees/{person}/",
    "new": "/employees/new/",
    "details": "/employees/{person}/details/",
    "absences": "/employees/{person}/absences/",
    "merger": "/employees/{person}/merger/1/",
    "duplicates": "/employees/duplicates/",
    "structure": "/structure/?view=list",
    "groups": "/groups/?show=all",
    "drive": "/drive/company/",
    "notifications": "/notifications/",
    "worktime": "/worktime/",
    "pulse": "/pulse/",
    "tasks": "/tasks/",
    "tasks-board": "/tasks/board/deadline/",
    "tasks-plan": "/tasks/plan/",
    "tasks-gantt": "/tasks/gantt/",
    "tasks-workload": "/tasks/workload/",
    "tasks-report": "/tasks/report/person/?role=all&during=last-month",
    "tasks-time": "/tasks/time/",
    "tasks-templates": "/tasks/templates/",
    "tasks-new": "/tasks/new/",
    "task": "{task}",
    "calendar": "/calendar/",
    "calendar-month": "/calendar/?view=month",
    "calendar-agenda": "/calendar/?view=agenda",
    "calendar-team": "/calendar/team/",
    "calendar-rooms": "/calendar/rooms/",
    "calendar-new": "/calendar/events/new/",
    "booking": "/calendar/booking/",
    "booking-new": "/calendar/booking/new/",
    "crm": "/crm/deal/board/",
    "crm-list": "/crm/deal/",
    "crm-funnel": "/crm/deal/funnel/",
    "crm-day": "/crm/day/",
    "crm-contacts": "/crm/contact/",
    "crm-report": "/crm/report/month/",
    "crm-trash": "/crm/deal/trash/",
    "crm-quotes": "/crm/quote/",
    "crm-settings": "/crm/settings/",
    "crm-robots": "/crm/settings/robots/deal/",
    "crm-permissions": "/crm/settings/permissions/",
    "crm-papers": "/crm/settings/papers/",
    "crm-deal": "{deal}",
    "calls": "/calls/",
    "calls-reports": "/calls/reports/",
    "calls-wallboard": "/calls/wallboard/",
    "calls-setup": "/calls/exchanges/",
    "devices": "/profile/devices/",
    "applications": "/console/integrations/applications/",
    "application-new": "/console/integrations/applications/new/",
    "migrations": "/console/migrations/",
    "exports": "/console/migrations/exports/",
    "outbound": "/console/migrations/outbound/",
    "cluster": "/console/cluster/",
    "releases": "/console/releases/",
    "integrations": "/profile/integrations/",
    "integration-new": "/profile/integrations/new/",
    "password": "/profile/password/",
    "console": "/console/",
    "service": "/console/services/web/",
    "company": "/console/settings/company/",
    "fields": "/console/settings/fields/accounts.user/",
    "listener-new": "/console/integrations/outgoing/new/",
    "backups": "/console/backups/",
    "directories": "/console/directory/",
    "audit": "/console/audit/",
    "404": "/nothing/here/",
}


def main(wanted: tuple[str, ...]) -> int:
    with box_to_visit() as box, tempfile.TemporaryDirectory() as home:
        make_company(box)
        olga = Portal.of(box, box.admin)
        with chromium(box, Path(home)) as browser:
            for words, size in product((EN, RU), SIZES):
                show_everything(browser, olga, words, size, wanted)
            if not wanted:
                show_readme(browser, olga)
    return 0


def make_company(box: Box) -> None:
    """Unless it is there: nobody but the administrators means an empty box."""
    box.boxctl("demo", *COMPANY, check=False)


def show_everything(
    browser: Browser, olga: Portal, words: Words, size: tuple[int, int], wanted: tuple[str, ...]
) -> None:
    olga.post("/preferences/", language=words.language)
    places = places_of(olga)
    with person_at(browser, olga, words, size) as person:
        for name, path in PAGES.items():
            if wanted and not name.startswith(wanted):
                continue
            person.open(path.format(**places))
            take(person.page, f"{name}-{words.language}-{size[0]}")
        if wanted:
            return
        person.open("/feed/")
        person.page.locator("summary.me").click()
        take(person.page, f"menu-{words.language}-{size[0]}")
        person.context.clear_cookies()
        person.open("/sign-in/")
        take(person.page, f"door-{words.language}-{size[0]}")


def places_of(olga: Portal) -> dict[str, str]:
    """The post that is talked about most, and who wrote it; the first task and deal of their lists."""
    feed = olga.get("/feed/").data.decode()
    posts = re.findall(r'id="post-(\d+)".*?id="count-\1"[^>]*>(\d*)<', feed, re.DOTALL)
    post = max(posts, key=lambda found: int(found[1] or 0))[0]
    person = re.search(r'href="/employees/(\d+)/"', feed.partition(f'id="post-{post}"')[2])
    assert person is not None
    return {
        "post": post,
        "person": person[1],
        "task": first_link(olga, "/tasks/", r"/tasks/\d+/"),
        "deal": first_link(olga, "/crm/deal/", r"/crm/deal/\d+/"),
    }


def first_link(olga: Portal, page: str, address: str) -> str:
    found = re.search(f'href="({address})"', olga.get(page).data.decode())
    return found[1] if found else page


@contextmanager
def person_at(browser: Browser, olga: Portal, words: Words, size: tuple[int, int]) -> Iterator[Person]:
    locale = {"en": "en-GB", "ru": "ru-RU"}[words.language]
    profile = watched_context(browser, olga.box, locale=locale, width=size[0], height=size[1])
    with profile as (context, watch):
        watch.tolerated.add("404")
        person = Person("Olga", "Orlova", Login("", ""), context, watch, context.new_page(), words)
        person.is_signed_in_as(olga)
        yield person


def take(page: Page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        settle(page, theme)
        page.screenshot(path=FOLDER / f"{name}-{theme}.png")


def settle(page: Page, theme: str) -> None:
    """Fonts and pictures are there, and nothing moves any more."""
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    page.wait_for_load_state("load")
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.wait_for_function(
        """() => document.getAnimations().every((one) => one.playState !== 'running')
              && [...document.images].every((image) => image.complete || image.loading === 'lazy')"""
    )


def show_readme(browser: Browser, olga: Portal) -> None:
    """The feed as an employee has it, in few colours so that the file stays small."""
    olga.post("/preferences/", language="en")
    login = Login(f"guide.{secrets.token_hex(3)}@example.com", secrets.token_urlsafe(12))
    olga.employ(login, first_name="Anna", last_name="Wells")
    README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with person_at(browser, Portal.of(olga.box, login), EN, (1280, 800)) as person:
        person.open("/feed/")
        settle(person.page, "light")
        person.page.screenshot(path=README_PICTURE)
    with Image.open(README_PICTURE) as picture:
        small = picture.convert("RGB").quantize(128)
    small.save(README_PICTURE, optimize=True)
    assert README_PICTURE.stat().st_size < README_PICTURE_LIMIT


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
