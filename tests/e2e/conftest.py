"""The box that all these tests visit, a browser, and the cast: olga administers, the others work here."""

from __future__ import annotations

import hashlib
import re
import secrets
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.box.mailbox import Mailbox
from tests.e2e.boxes import PATIENCE, ROOT, Box, box_to_visit
from tests.e2e.browser import chromium, watched_context
from tests.e2e.letters import letter_to, letters_of, link_in
from tests.e2e.people import Person, new_login
from tests.e2e.personnel import Personnel, personnel_of
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words
from tests.randomness import chosen

LARGE = 200_000_000


VARIANTS = {"words", "language", "texts", "width", "theme"}
"""Arguments by which a story is told again: once in a run, as the seed chooses; a thorough one tells all."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    told: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            told.setdefault(story_of(item), []).append(item)
    left_out = set()
    for story, variants in told.items():
        variants.sort(key=lambda item: item.nodeid)
        left_out |= {id(item) for item in variants} - {id(item) for item in chosen(story, variants)}
    # Somebody who names one means it.
    if left_out and not any("[" in argument for argument in config.args):
        config.hook.pytest_deselected(items=[item for item in items if id(item) in left_out])
        items[:] = [item for item in items if id(item) not in left_out]


def story_of(item: pytest.Item) -> str:
    """The test without the variant in which it is told."""
    callspec = getattr(item, "callspec", None)
    others = {} if callspec is None else {k: v for k, v in callspec.indices.items() if k not in VARIANTS}
    return f"{item.path.name} {getattr(item, 'originalname', item.name)} {others}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps what the pages of a failed test looked like, in build/e2e/."""
    report = yield
    if report.when == "call" and report.failed:
        for visit in getattr(item, "funcargs", {}).get("visitor_pages", ()):
            keep_picture(visit, f"{item.name}-{visit.first_name}")
    return report


def keep_picture(person: Person, name: str) -> None:
    folder = ROOT / "build/e2e"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{re.sub(r'[^\w-]+', '-', name)}.png"
    person.page.screenshot(path=file)
    sys.stdout.write(f"{person.first_name} was at {person.page.url}, see {file}\n")


@pytest.fixture
def visitor_pages() -> list[Person]:
    """Everybody who opened a browser in this test."""
    return []


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    with box_to_visit() as box:
        yield box


@pytest.fixture(scope="session")
def browser(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    with chromium(box, tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture(scope="session")
def olga(box: Box) -> Portal:
    """The administrator, for what is done without a browser."""
    portal = Portal.of(box, box.admin)
    # The setup is offered once: by now it was.
    portal.get("/")
    # What the portal tells by itself would come among what the tests wait for.
    assert portal.post("/console/settings/feed/", **{"feed.dislikes": "on"}).status == 302
    return portal


@pytest.fixture(scope="session")
def personnel(box: Box) -> Iterator[Personnel]:
    with personnel_of(box) as personnel:
        yield personnel


@pytest.fixture(scope="module")
def letters(olga: Portal) -> Iterator[Mailbox]:
    """What the portal sends while the tests of a module run."""
    with letters_of(olga) as mailbox:
        yield mailbox


@pytest.fixture
def visitor(box: Box, browser: Browser, visitor_pages: list[Person]) -> Iterator[Callable[..., Person]]:
    """A new browser that nobody is signed in with: `visitor("Anna", "Abramova", words=RU)`."""
    with ExitStack() as stack:

        def visit(
            first_name: str, last_name: str = "Test", *, words: Words = EN, width: int = 1440
        ) -> Person:
            locale = {"en": "en-GB", "ru": "ru-RU"}[words.language]
            profile = watched_context(browser, box, locale=locale, width=width)
            context, watch = stack.enter_context(profile)
            login = new_login(first_name if first_name.isascii() else "person")
            person = Person(first_name, last_name, login, context, watch, context.new_page(), words)
            visitor_pages.append(person)
            return person

        yield visit


@pytest.fixture
def employee(personnel: Personnel, olga: Portal, visitor: Callable[..., Person]) -> Callable[..., Person]:
    """Somebody who works here and is signed in: `employee("Anna")`."""

    def employ(
        first_name: str,
        last_name: str = "Test",
        *,
        words: Words = EN,
        width: int = 1440,
        password: str = "",
        **more: Any,
    ) -> Person:
        """With `password` one of their own: it costs a hash."""
        person = visitor(first_name, last_name, words=words, width=width)
        if password:
            person.login = replace(person.login, password=password)
        person.pk, portal = personnel.employ(
            person.login, first_name=first_name, last_name=last_name, language=words.language, **more
        )
        person.is_signed_in_as(portal)
        return person

    return employ


@pytest.fixture
def guest(box: Box, letters: Mailbox, visitor: Callable[..., Person]) -> Callable[..., Person]:
    """Somebody from outside, whom a person has invited into a group: `guest("Erik", group=7, by=anna)`."""

    def invite(first_name: str, *, group: int, by: Person, words: Words = EN, width: int = 1440) -> Person:
        person = visitor(first_name, "Ek", words=words, width=width)
        until_then = (datetime.now(tz=UTC).date() + timedelta(days=30)).isoformat()
        answer = Portal.of(box, by.login).post(
            f"/groups/{group}/guests/",
            email=person.login.login,
            first_name=first_name,
            last_name="Ek",
            expires_on=until_then,
        )
        assert answer.status == 302, answer.data.decode()
        portal = Portal(box)
        link = link_in(letter_to(letters, person.login.login), "/join/")
        portal.get(link)
        assert portal.post(link, password=person.login.password).status == 302
        portal.post("/preferences/", language=words.language)
        person.is_signed_in_as(portal)
        return person

    return invite


@pytest.fixture
def anna(request: pytest.FixtureRequest, employee: Callable[..., Person]) -> Person:
    return _colleague(request, employee, "Anna", "Abramova")


@pytest.fixture
def boris(request: pytest.FixtureRequest, employee: Callable[..., Person]) -> Person:
    return _colleague(request, employee, "Boris", "Belov")


def _colleague(
    request: pytest.FixtureRequest, employee: Callable[..., Person], first_name: str, last_name: str
) -> Person:
    """In the language of the story, where it is told in several: of the many of that name on this box this
    one is meant."""
    if "words" not in request.fixturenames:
        return employee(first_name, last_name)
    return employee(first_name, secrets.token_hex(4), words=request.getfixturevalue("words"))


@pytest.fixture
def administrator(box: Box, olga: Portal, visitor: Callable[..., Person]) -> Person:
    """Olga in front of her browser; she has given her password a moment ago, unlike the session of `olga`."""
    person = visitor("Olga", "Orlova")
    person.login = box.admin
    person.is_signed_in_as(Portal.of(olga.box, box.admin))
    # The story before may have been told in another language.
    assert person.hand.post("/preferences/", language=person.words.language).status == 302
    return person


@pytest.fixture(params=[EN, RU], ids=lambda words: words.language)
def words(request: pytest.FixtureRequest) -> Words:
    """The same in every language."""
    words: Words = request.param
    return words


@pytest.fixture
def say(request: pytest.FixtureRequest, words: Words) -> Callable[[str], str]:
    """What the portal says in the language of the story, which is told in English: see the file's RUSSIAN."""
    return words.saying(request.module.RUSSIAN)


@pytest.fixture(scope="session")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 MB that no compression makes smaller and of which no two parts are the same."""
    file = tmp_path_factory.mktemp("files") / "film.bin"
    with file.open("wb") as out:
        for number in range(LARGE // 1_000_000):
            out.write(hashlib.shake_256(number.to_bytes(4)).digest(1_000_000))
    return file
