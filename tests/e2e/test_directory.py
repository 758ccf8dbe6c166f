"""A company follows its Active Directory: connect, map, preview, confirm, schedule, sign in, be put out.

At the end of it nothing of a password is anywhere: not in a dump of the database, nor in what any process of
the box has said or was called with.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urljoin

import pytest
from playwright.sync_api import Page, expect

from appliance.services.database.names import BIN
from tests.directory import entries
from tests.directory.entries import Entry
from tests.e2e.boxes import Box, Login
from tests.e2e.browser import is_signed_out
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.test_files import download
from tests.e2e.words import Words

if TYPE_CHECKING:
    from tests.directory.samba import Samba

READER_NAME, READER = "reader@corp.test", "Reader-Passw0rd"
THEIRS = "Anna-Passw0rd"
MISTYPED = "Anna+Passw0rd/é"


@dataclass(frozen=True)
class Said:
    """What the pages of directories call things in a language."""

    connect: str
    name: str
    servers: str
    account: str
    password: str
    test: str
    untrusted: str
    works: str
    choose: str
    take: str
    save: str
    preview: str
    nothing_written: str
    confirm: str
    done: str
    schedule: str
    every_hour: str
    signing_in: str
    with_theirs: str


SAID = {
    "en": Said(
        connect="Connect a directory",
        name="Name",
        servers="Servers",
        account="Account",
        password="Password of the account",
        test="Test",
        untrusted="The connection does not work yet",
        works="The connection works",
        choose="Choose from the tree",
        take="Take",
        save="Save",
        preview="Preview",
        nothing_written="Nothing has been written",
        confirm="Confirm, and do it",
        done="Done.",
        schedule="Synchronise",
        every_hour="every hour",
        signing_in="Signing in",
        with_theirs="People sign in with their password of the directory",
    ),
    "ru": Said(
        connect="Подключить каталог",
        name="Название",
        servers="Серверы",
        account="Учётная запись",
        password="Пароль учётной записи",
        test="Проверить",
        untrusted="Подключение пока не работает",
        works="Подключение работает",
        choose="Выбрать в дереве",
        take="Взять",
        save="Сохранить",
        preview="Предварительный просмотр",
        nothing_written="Ничего не записано",
        confirm="Подтвердить и выполнить",
        done="Готово.",
        schedule="Синхронизировать",
        every_hour="каждый час",
        signing_in="Вход",
        with_theirs="Люди входят с паролем из каталога",
    ),
}


@pytest.fixture
def keeper(box: Box, visitor: Callable[..., Person], words: Words) -> Iterator[Person]:
    """An administrator who reads this language, and removes the directory again: others' passwords must not
    be asked of a domain that is no more."""
    login = Login(f"keeper.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12))
    who = ("user", "create", login.login, "--first-name", "Kira", "--last-name", "Keeper")
    box.boxctl(
        *who, "--language", words.language, "--administrator", "--password-stdin", stdin=login.password
    )
    person = visitor("Kira", "Keeper", words=words)
    person.login = login
    portal = Portal.of(box, login)
    portal.get("/")
    person.is_signed_in_as(portal)
    yield person
    for place in set(re.findall(r"/console/directory/\d+/", portal.get("/console/directory/").data.decode())):
        assert portal.ask("DELETE", f"{place}connection/").status == 200


@dataclass(frozen=True)
class Staff:
    """What the domain has for one language: a unit in a unit, and people in it."""

    top: Entry
    sales: Entry
    anna: Login
    anna_dn: str
    count: int


@pytest.fixture(scope="module")
def domain(samba: Samba) -> Samba:
    """With an ordinary user, as whom the portal reads it."""
    samba.add(samba.person("reader", password=READER))
    return samba


@pytest.fixture
def staff(domain: Samba, words: Words) -> Staff:
    """Of their own for each language: a person comes from one directory."""
    mark = secrets.token_hex(3)
    top = domain.unit(f"Staff {mark}")
    sales = domain.unit(f"Sales {mark}", top.dn)
    login = f"anna-{mark}"
    anna = domain.person(
        login, sales.dn, name=f"Anna {mark}", givenName="Anna", sn=f"Test-{mark}", mail=f"{login}@corp.test",
        title="Head", description="Sells boxes", password=THEIRS,
    )  # fmt: skip
    others = [
        domain.person(f"p{number}-{mark}", sales.dn, givenName="Pavel", sn=f"P{number}-{mark}")
        for number in range(5)
    ]
    domain.add(top, sales, anna, *others)
    return Staff(top, sales, Login(login, THEIRS), anna.dn, 1 + len(others))


def test_a_directory_is_connected_followed_and_owns_what_came(
    box: Box,
    keeper: Person,
    visitor: Callable[..., Person],
    employee: Callable[..., Person],
    domain: Samba,
    staff: Staff,
    words: Words,
) -> None:
    # The refused drag.
    keeper.watch.tolerated |= {"409"}
    said = SAID[words.language]
    name = f"Corp {secrets.token_hex(3)}"
    page = keeper.open("/console/directory/")
    page.get_by_role("link", name=said.connect).first.click()
    page.locator('a[href$="kind=ad"]').click()
    place = connect(page, said, name, domain, staff)
    look(page)
    choose_attribute(page, said)

    page.goto(place)
    page.get_by_role("button", name=said.preview).click()
    expect(page.get_by_text(said.nothing_written)).to_be_visible()
    expect(
        page.locator("#list [data-row]", has_text=staff.anna.login.removeprefix("anna-")).first
    ).to_be_visible()
    look(page)
    people = Portal.of(box, keeper.login)
    assert f"{staff.anna.login}@" not in people.get(f"/employees/?q={staff.anna.login}").data.decode()

    confirm(page, said)
    look(page)

    page.goto(place)
    page.get_by_label(said.schedule).select_option(label=said.every_hour)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name=said.save).click()
    settled(page)
    expect(page.get_by_label(said.schedule)).to_have_value("60")
    page.get_by_role("link", name=said.signing_in).click()
    page.get_by_label(said.with_theirs).check()
    page.get_by_role("button", name=said.save).click()
    expect(page).to_have_url(re.compile(rf"{place}$"))

    drag_is_refused(page, staff, name)
    anna = visitor("Anna", words=words)
    with statements_written_down(box):
        anna.watch.tolerated |= {"422"}
        anna.login = Login(staff.anna.login, MISTYPED)
        anna.sign_in()
        expect(anna.page.get_by_text(words.wrong_password)).to_be_visible()
        anna.login = staff.anna
        anna.sign_in()
        anna.page.wait_for_url(re.compile(r"/feed/"))
        assert not is_signed_out(anna.page)
        assert "Sells boxes" in people.get(f"/employees/?q={staff.anna.login}").data.decode()
        boris = employee("Boris", words=words)
        shared = shared_by(anna, boris)

        # Disabled there: the next run puts the open page out, and her programs.
        expect(anna.page.locator("body")).to_have_attribute("data-listening", "")
        domain.apply(entries.modify(staff.anna_dn, userAccountControl="514"))
        called = commands_during(lambda: box.boxctl("directory", "sync", "--connection", name), box)
        expect(anna.page).to_have_url(re.compile(r"/sign-in/"))
        refused = Portal(box).get(f"{shared.program}user.current.json")
        assert (refused.status, json.loads(refused.data)["error"]) == (401, "NO_AUTH_FOUND")
        assert not Portal(box).sign_in(staff.anna)
        stays(shared, boris)
    nothing_of_a_password_is_kept_or_said(box, called)


def connect(page: Page, said: Said, name: str, samba: Samba, staff: Staff) -> str:
    """Through the form; the address of the directory's overview."""
    page.get_by_label(said.name, exact=True).fill(name)
    page.get_by_label(said.servers).fill(samba.address)
    page.get_by_label(said.account, exact=True).fill(READER_NAME)
    page.get_by_label(said.password).fill(READER)
    page.get_by_role("button", name=said.test, exact=True).click()
    expect(page.get_by_role("heading", name=said.untrusted)).to_be_visible()
    page.locator("details.folded > summary").click()
    page.locator("#id_ca_pem").fill(samba.authority.pem)
    page.get_by_role("button", name=said.test, exact=True).click()
    expect(page.get_by_role("heading", name=said.works)).to_be_visible()
    page.get_by_role("button", name=said.choose).click()
    page.locator(".tree summary").first.click()
    top = staff.top.dn.partition(",")[0].removeprefix("OU=")
    page.get_by_role("button", name=f"{said.take} {top}").or_(
        page.get_by_role("button", name=f"{said.take}: {top}")
    ).click()
    expect(page.locator("#id_people_bases")).to_have_value(staff.top.dn)
    look(page)
    page.get_by_role("button", name=said.save).click()
    expect(page.locator("table.mapping")).to_contain_text(f"{staff.anna.login}@corp.test")
    assert READER not in page.content()
    return re.sub(r"mapping/$", "", page.url.removeprefix(page.url.split("/console")[0]))


def choose_attribute(page: Page, said: Said) -> None:
    """Positions come from another attribute than usual; the examples show it before it is saved."""
    page.locator("#id_attribute-position").fill("description")
    page.locator("#id_attribute-position").press("Tab")
    expect(page.locator("table.mapping")).to_contain_text("Sells boxes")
    settled(page)
    page.get_by_role("button", name=said.save).click()
    expect(page).to_have_url(re.compile(r"/console/directory/\d+/$"))


@dataclass(frozen=True)
class Shared:
    """What somebody has given others: a post with a file to everybody, one to a group, and links to what is
    on the group's drive and on their own."""

    group: int
    post: str
    file: int
    content: bytes
    file_of_group: int
    content_of_group: bytes
    links: tuple[str, ...]
    """Each opens a page with one file that has `content`."""
    program: str
    """The path under which a program works in their name."""


def shared_by(anna: Person, boris: Person) -> Shared:
    """By the session of her open page; Boris joins her group."""
    kept = {one["name"]: one["value"] for one in anna.context.cookies() if "name" in one and "value" in one}
    hand, mark = Portal(anna.watch.box, kept), secrets.token_hex(3)
    content, content_of_group = secrets.token_bytes(100_000), secrets.token_bytes(6_000_000)
    group = hand.group(f"Boxes {mark}")
    file_of_group = hand.upload(f"prices-{mark}.bin", content_of_group)
    hand.publish(f"For the group {mark}", files=[file_of_group], audience=f"G{group}")
    file = hand.upload(f"plan-{mark}.bin", content)
    hand.publish(f"I was here {mark}", files=[file])
    kept_on = ("/drive/", f"/drive/groups/{group}/")
    links = tuple(hand.show_outside(hand.keep(drive, f"offer-{mark}.bin", content)) for drive in kept_on)
    made = hand.post(
        "/profile/integrations/new/", name="The till", scopes=["user_brief"], nonce=secrets.token_hex(8)
    )
    told = re.search(r"data-address[^>]*>\s*https://[^/]+([^<\s]+)", made.data.decode())
    assert told is not None, made.data.decode()
    assert Portal(anna.watch.box).get(f"{told[1]}user.current.json").status == 200
    assert boris.hand.post(f"/groups/{group}/membership/").status == 302
    return Shared(group, f"I was here {mark}", file, content, file_of_group, content_of_group, links, told[1])


def stays(shared: Shared, boris: Person) -> None:
    """A colleague finds it where it was, byte for byte, and so does an outsider who was given a link."""
    page = boris.open(f"/groups/{shared.group}/files/")
    assert download(boris, shared.file_of_group).path().read_bytes() == shared.content_of_group
    page.goto("/feed/")
    expect(boris.post(shared.post)).to_be_visible()
    assert download(boris, shared.file).path().read_bytes() == shared.content
    for link in shared.links:
        assert opened(boris.watch.box, link) == shared.content


def opened(box: Box, link: str) -> bytes:
    """What somebody without an account gets."""
    outsider = Portal(box)
    page = outsider.get(link)
    found = re.search(r'href="(/links/[^"]+/content)"', page.data.decode())
    assert page.status == 200 and found is not None, page.data.decode()
    leads_to = outsider.get(found[1]).headers["Location"]
    return outsider.http.request("GET", urljoin(box.url, leads_to)).data


def drag_is_refused(page: Page, staff: Staff, name: str) -> None:
    """Neither drawn nor moved: the answer names the directory."""
    sales = staff.sales.dn.partition(",")[0].removeprefix("OU=")
    page.goto("/structure/?edit")
    page.locator("[data-show=chart]").click()
    page.locator("[data-search]:visible").first.fill(sales)
    page.locator("[data-search]:visible").first.press("Enter")
    node = page.locator(".org-node", has_text=sales)
    expect(node).to_contain_text(name)
    # The search has moved to the department: both have to be in sight.
    page.locator("[data-zoom=fit]").click()
    company = page.locator(".org-node").first
    node.drag_to(company)
    expect(page.locator(".toasts")).to_contain_text(name)


# Passwords


def superuser(box: Box, program: str, *words: str, given: str = "") -> str:
    sockets = ("-h", str(box.paths.run / "database"), "-U", "postgres")
    done = subprocess.run(
        [BIN / program, *sockets, *words, "korobka"], input=given, capture_output=True, text=True, check=True
    )
    return done.stdout


@contextmanager
def statements_written_down(box: Box) -> Iterator[None]:
    """The database's log holds every statement meanwhile, as that of slow ones would on a slow day."""
    setting = "log_min_duration_statement"
    superuser(box, "psql", "-Xq", given=f"ALTER SYSTEM SET {setting} = 0; SELECT pg_reload_conf();")
    try:
        yield
        assert "duration: " in box.log("database")
    finally:
        superuser(box, "psql", "-Xq", given=f"ALTER SYSTEM RESET {setting}; SELECT pg_reload_conf();")


def commands_during(work: Callable[[], object], box: Box) -> str:
    """How each process of the box was called that was there while the work went on."""
    seen: set[str] = set()
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                # It may have ended meanwhile.
                with suppress(OSError):
                    called = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
                    if str(box.prefix) in f"{called} {(process / 'cwd').readlink()}":
                        seen.add(called)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        is_over.set()
        watcher.join()
    return "\n".join(sorted(seen))


def nothing_of_a_password_is_kept_or_said(box: Box, called: str) -> None:
    files = {file.name: file.read_text(errors="replace") for file in sorted(box.paths.log.rglob("*.log"))}
    said_by = {re.split(r"[@.]", name)[0] for name in files}
    assert {"web", "jobs", "push", "database", "balancer"} <= said_by
    assert "directory sync --connection" in called
    everything = {**files, "the database": superuser(box, "pg_dump"), "the processes": called}
    assert READER_NAME in everything["the database"]
    found = [
        (place, written)
        for place, text in everything.items()
        for password in (READER, THEIRS, MISTYPED)
        for written in ways_of_writing(password)
        if written.lower() in text.lower()
    ]
    assert found == []


def ways_of_writing(password: str) -> set[str]:
    """Plain and escaped, in hexadecimal, and in base64 at each of the three places where it may begin."""
    ways = {
        password,
        quote(password),
        quote(password, safe=""),
        quote_plus(password),
        json.dumps(password)[1:-1],
    }
    for raw in (password.encode(), password.encode("utf-16-le")):
        ways.add(raw.hex())
        for before in range(3):
            # Without the letters that also hold something of the neighbours.
            told = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
            ways.add(told[(before * 8 + 5) // 6 : len(told) - 1])
    return ways


def confirm(page: Page, said: Said) -> None:
    """What the preview shows is done."""
    page.get_by_role("button", name=said.confirm).click()
    # From the beginning, for the preview says "what would be done."
    expect(page.get_by_text(re.compile(f"^{re.escape(said.done)}"))).to_be_visible()


def look(page: Page) -> None:
    """axe finds nothing on it, narrow and wide, light and dark."""
    assert list(found_in(page, EVERY_LOOK)) == []
    page.set_viewport_size({"width": 1440, "height": 900})
