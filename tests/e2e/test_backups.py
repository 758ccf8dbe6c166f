"""Backups in the browser, on a whole box: set up, confirmed from paper, made with progress, looked at.

Then a post with a file is deleted and put back; an employee gets back what is private, of which nobody else
learns; and a drill tells whether the box would come back.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.accessibility import problems
from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import Words

MINUTES = 60_000.0
PAGES = (
    "", "sets/", "plan/", "keys/", "targets/new/", "targets/new/?kind=s3", "targets/new/?kind=sftp",
    "drills/", "searches/", "restore/",
)  # fmt: skip
SAID = {
    "en": {
        "set_up": "Set up backups", "folder": "Folder", "first": "Try it and set it up",
        "more": "Try it and add it", "paper": "I have it on paper", "group": "Group {}", "confirm": "Confirm",
        "confirmed": "is confirmed", "now": "Back up now", "running": "under way", "done": "done",
        "again": "Password", "no_folder": "There is no folder", "more_about_post": "More about this post",
        "delete": "Delete the post", "word": "A word of it", "look_for": "Look for it", "gone": "gone now",
        "put_back": "Put back:", "is_back": "It is back.", "look_at": "Look at it",
        "drill": "Begin a drill", "was_well": "all was well", "signs_in": "Somebody signs in",
        "get_back": "Get something back", "ask": "Ask", "take_back": "Take the request back",
        "allow": "Allow", "looked": "looked through", "was_looked": "The backup was looked through for you",
        "asks": "asks to get something back", "refuse": "Refuse", "why_not": "Why not", "refused": "refused",
    },
    "ru": {
        "set_up": "Настроить копирование", "folder": "Папка", "first": "Проверить и настроить",
        "more": "Проверить и добавить", "paper": "Ключ на бумаге", "group": "Группа {}",
        "confirm": "Подтвердить", "confirmed": "подтверждён", "now": "Создать копию сейчас",
        "running": "выполняется", "done": "готово", "again": "Пароль", "no_folder": "There is no folder",
        "more_about_post": "Действия с записью", "delete": "Удалить запись", "word": "Слово из него",
        "look_for": "Найти", "gone": "сейчас нет", "put_back": "Вернуть:", "is_back": "Возвращено.",
        "look_at": "Посмотреть", "drill": "Начать учебное восстановление", "was_well": "всё в порядке",
        "signs_in": "Вход в портал", "get_back": "Вернуть утраченное", "ask": "Отправить запрос",
        "take_back": "Отозвать запрос", "allow": "Разрешить", "looked": "поиск закончен",
        "was_looked": "Поиск в копии по вашему запросу закончен", "asks": "просит вернуть утраченное",
        "refuse": "Отказать", "why_not": "Причина отказа", "refused": "отказано",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def disks() -> Iterator[list[Path]]:
    """What targets lie on. They stay until the end: where one is gone, the box begins a backup by itself."""
    made: list[Path] = []
    yield made
    for disk in made:
        shutil.rmtree(disk, ignore_errors=True)


@pytest.fixture
def folder(disks: list[Path]) -> Path:
    disks.append(Path(tempfile.mkdtemp(prefix="korobka-target-")))
    disks[-1].chmod(0o755)
    return disks[-1]


def give_password(keeper: Person, said: dict[str, str]) -> None:
    """What is dangerous asks for it again; who gave it a moment ago is not asked."""
    page = keeper.page
    field = page.get_by_label(said["again"], exact=True)
    if field.count():
        field.fill(keeper.login.password)
        page.locator("main form button[type=submit]").click()


def give_proof(box: Box, page: Page) -> None:
    """As root reads it on the machine: the code for what was asked for last."""
    page.locator("input[name=proof]").fill(box.boxctl("backup", "code").split()[-1])


def test_from_setting_up_to_the_report_of_a_drill(
    box: Box, employee: Callable[..., Person], folder: Path, words: Words
) -> None:
    """In the first language everything; in the other one what is there is added to. One drill is enough."""
    keeper = employee("Kira", "Keeper", words=words, administers=True)
    said, page = SAID[words.language], keeper.page
    keeper.watch.tolerated.add("422")
    keeper.open("/console/backups/")
    is_first = page.get_by_role("link", name=said["set_up"]).count() > 0
    keeper.open("/console/backups/targets/new/?kind=folder")
    give_password(keeper, said)

    page.get_by_label(said["folder"], exact=True).fill("/nowhere/at/all")
    if is_first:
        # Drawn before anything is saved.
        expect(page.locator(".kept-month").first).to_be_visible()
    page.get_by_role("button", name=said["first" if is_first else "more"]).click()
    expect(page.locator(".form-error").filter(has_text="sudo boxctl backup code")).to_be_visible()
    assert problems(page) == []
    give_proof(box, page)
    page.get_by_role("button", name=said["first" if is_first else "more"]).click()
    expect(page.get_by_role("alert").filter(has_text=said["no_folder"])).to_be_visible()
    if is_first:
        expect(page.locator(".kept-month").first).to_be_visible()
        assert page.locator("rect.kept").count() > 10
    page.get_by_label(said["folder"], exact=True).fill(str(folder))
    page.get_by_role("button", name=said["first" if is_first else "more"]).click()
    if not is_first:
        # The code was for the other folder.
        expect(page.locator(".form-error").filter(has_text="sudo boxctl backup code")).to_be_visible()
        give_proof(box, page)
        page.get_by_role("button", name=said["more"]).click()
        expect(page.get_by_role("heading", name=folder.name)).to_be_visible(timeout=MINUTES)
        keeper.open("/console/backups/keys/")
        page.locator("input[name=name]").fill(f"holder {words.language}")
        page.locator("main form[method=post] button[type=submit]").click()
        expect(page.locator(".form-error").filter(has_text="sudo boxctl backup code")).to_be_visible()
        give_proof(box, page)
        page.locator("main form[method=post] button[type=submit]").click()
    confirm(page, said)
    expect(page.get_by_role("status").filter(has_text=said["confirmed"])).to_be_visible()
    assert problems(page) == []

    # The service begins the first one by itself; what is under way shows itself.
    expect(page.locator(".backup-sets > li", has_text=folder.name).first).to_be_visible(timeout=4 * MINUTES)
    expect(page.locator(".backup-running")).to_have_count(0, timeout=4 * MINUTES)
    mark, content = secrets.token_hex(4), secrets.token_bytes(50_000)
    file = keeper.hand.upload("plan.bin", content)
    post = keeper.hand.publish(f"The plan {mark}", files=[file])
    owner, colleague = (employee(name, "Owner", words=words) for name in ("Anna", "Boris"))
    private = Private(secrets.token_hex(4), secrets.token_bytes(50_000))
    private.publish(owner, to=colleague)
    page.get_by_role("button", name=said["now"]).click()
    expect(page.locator(".backup-running progress")).to_be_visible()
    expect(page.locator(".backup-running")).to_have_count(0, timeout=4 * MINUTES)
    expect(page.locator(".time-line rect.mark").first).to_be_attached()
    newest = page.locator(".backup-sets > li", has_text=folder.name).first
    # Not by a click: the page renews itself, and may do so in the very moment.
    keeper.open(str(newest.get_by_role("link").get_attribute("href")))
    expect(page.locator("dl.facts code")).to_have_text(re.compile(r"^\d{8}-\d{6}"))
    assert problems(page) == []
    # The Console and the terminal tell the same.
    label = page.locator("dl.facts code").inner_text()
    assert label in box.boxctl("backup", "list")
    assert folder.name in box.boxctl("backup", "status", check=False)

    delete(keeper, said, post)
    put_back(keeper, said, mark)
    expect(page.get_by_role("article").get_by_text("plan.bin")).to_be_visible()
    assert keeper.hand.ask("GET", keeper.hand.link_to(file)).data == content
    get_back(keeper, owner, said, private)
    if is_first:
        hold_drill(keeper, said)
    read_report(keeper, said)


def test_a_link_that_is_followed_while_the_page_renews_itself_leads_there(
    employee: Callable[..., Person],
) -> None:
    looker = employee("Lena", "Looker", administers=True)
    page = looker.open("/console/backups/")
    renewals, steps = list[Route](), list[Route]()

    def hold_renewal(route: Route) -> None:
        renewals.append(route)

    def hold_step(route: Route) -> None:
        steps.append(route)

    page.route(re.compile("/console/backups/$"), hold_renewal)
    with page.expect_request(re.compile("/console/backups/$"), timeout=MINUTES):
        pass
    page.route(re.compile("/targets/new/$"), hold_step)
    with page.expect_request(re.compile("/targets/new/$")):
        page.locator("#backups a[href$='/targets/new/']").first.click()
    # The page comes anew first, and then what was asked for.
    with page.expect_event("requestfinished", lambda done: done.url.endswith("/console/backups/")):
        renewals[0].continue_()
    steps[0].continue_()
    expect(page.locator("#backups")).to_have_count(0)
    expect(page.locator("main form[method=post]")).to_be_visible()


def delete(keeper: Person, said: dict[str, str], post: int) -> None:
    page = keeper.open("/feed/")
    there = page.locator(f"#post-{post}")
    there.get_by_label(said["more_about_post"], exact=True).click()
    there.locator(".sheet").get_by_role("button", name=said["delete"]).click()
    expect(there).to_have_count(0)


def put_back(keeper: Person, said: dict[str, str], mark: str) -> None:
    """Looks for it in the newest set, puts it back, and follows the link to it."""
    page = keeper.open("/console/backups/searches/")
    page.locator("select[name=kind]").select_option("feed.post")
    page.get_by_label(said["word"]).fill(mark)
    page.get_by_role("button", name=said["look_for"]).click()
    give_password(keeper, said)
    line = page.get_by_role("listitem").filter(has_text=mark)
    expect(line).to_contain_text(said["gone"], timeout=4 * MINUTES)
    assert problems(page) == []
    line.get_by_role("button", name=said["put_back"]).click()
    expect(page.get_by_role("status").filter(has_text=said["is_back"])).to_be_visible(timeout=MINUTES)
    page.get_by_role("link", name=said["look_at"]).click()
    expect(keeper.post(mark)).to_be_visible()


@dataclass
class Private:
    """A post between two, with a file."""

    mark: str
    content: bytes
    file: int = 0
    post: int = 0

    def publish(self, owner: Person, *, to: Person) -> None:
        self.file = owner.hand.upload(f"{self.mark}.bin", self.content)
        self.post = owner.hand.publish(f"Between us {self.mark}", files=[self.file], audience=f"U{to.pk}")


def get_back(keeper: Person, owner: Person, said: dict[str, str], private: Private) -> None:
    """Whoever looks after backups allows it, and learns neither what it is nor that it came back."""
    delete(owner, said, private.post)
    page = ask_back(owner, said, private.mark)
    expect(page.get_by_role("button", name=said["take_back"])).to_be_visible()
    assert problems(page) == []

    there = keeper.open("/notifications/")
    notice = there.get_by_role("listitem").filter(has_text=owner.name).filter(has_text=said["asks"])
    expect(notice).to_be_visible(timeout=MINUTES)
    there = keeper.open("/console/backups/")
    request = there.locator(".backup-requests > li", has_text=owner.name).first
    request.get_by_role("button", name=said["allow"]).click()
    expect(request.get_by_role("button", name=said["allow"])).to_have_count(0)
    assert problems(there) == []

    line = page.get_by_role("listitem").filter(has_text=private.mark)
    expect(line).to_contain_text(said["gone"], timeout=5 * MINUTES)
    assert problems(page) == []
    line.get_by_role("button", name=said["put_back"]).click()
    expect(page.get_by_role("status").filter(has_text=said["is_back"])).to_be_visible(timeout=MINUTES)
    assert problems(page) == []
    page.get_by_role("link", name=said["look_at"]).click()
    expect(owner.post(private.mark)).to_be_visible()
    owner.open("/notifications/")
    notice = page.get_by_role("listitem").filter(has_text=said["was_looked"])
    expect(notice).to_be_visible(timeout=MINUTES)

    expect(request).to_contain_text(said["looked"], timeout=MINUTES)
    for path in ("backups/", "", "audit/", "services/agent/", "services/balancer/", "services/jobs/"):
        text = keeper.open(f"/console/{path}").content()
        for secret in (private.mark, "put-own-back", "/retrievals/"):
            assert secret not in text, (path, secret)
    # Who fetches a file stands in the audit log, as ever.
    assert owner.hand.ask("GET", owner.hand.link_to(private.file)).data == private.content

    ask_back(owner, said, private.mark)
    there = keeper.open("/console/backups/")
    request.get_by_role("link", name=said["refuse"]).click()
    assert problems(there) == []
    there.get_by_label(said["why_not"]).fill("Come and see me.")
    there.locator("main form[method=post] button[type=submit]").click()
    expect(request).to_contain_text(said["refused"])
    expect(page.get_by_text("Come and see me.")).to_be_visible(timeout=MINUTES)


def ask_back(owner: Person, said: dict[str, str], mark: str) -> Page:
    page = owner.open("/notifications/")
    entry = page.locator(".sheet a[href='/retrievals/']", has_text=said["get_back"])
    deadline = time.monotonic() + 2 * 60
    # Each worker asks once a minute whether there are backups.
    while not entry.count() and time.monotonic() < deadline:
        time.sleep(3)
        owner.open("/notifications/")
    page.locator("summary.me").click()
    entry.click()
    expect(page.get_by_role("heading", name=said["get_back"])).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    owner.open("/retrievals/")
    page.locator("select[name=kind]").select_option("feed.post")
    page.get_by_label(said["word"]).fill(mark)
    page.get_by_role("button", name=said["ask"], exact=True).click()
    return page


def hold_drill(keeper: Person, said: dict[str, str]) -> None:
    """Its progress stands on the page of backups, which it leads to."""
    page = keeper.open("/console/backups/drills/")
    page.get_by_role("button", name=said["drill"]).click()
    give_password(keeper, said)
    refusal = page.locator("main .notice.error")
    assert refusal.count() == 0, refusal.inner_text()
    expect(page.locator(".backup-running progress")).to_be_visible()
    expect(page.locator(".backup-running")).to_have_count(0, timeout=4 * MINUTES)


def read_report(keeper: Person, said: dict[str, str]) -> None:
    page = keeper.open("/console/backups/drills/")
    report = page.locator("section.card").first
    expect(report.locator("h2 + .tag"), report.inner_text()).to_have_text(said["was_well"])
    expect(report.locator("dl.facts > dd")).to_have_count(6)
    expect(report.locator("dl.facts .tag.bad")).to_have_count(0)
    expect(report.get_by_text(said["signs_in"])).to_be_visible()
    assert problems(page) == []


def confirm(page: Page, said: dict[str, str]) -> None:
    """Print the key, and type two groups from the paper."""
    expect(page.locator(".key-groups code")).to_have_count(8, timeout=MINUTES)
    assert problems(page) == []
    groups = page.locator(".key-groups code").all_inner_texts()
    page.emulate_media(media="print")
    expect(page.locator(".sidebar")).to_be_hidden()
    expect(page.locator(".key-groups")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("link", name=said["paper"]).click()
    for number in (2, 7):
        page.get_by_label(said["group"].format(number)).fill("AAAAA")
    page.get_by_role("button", name=said["confirm"]).click()
    expect(page.locator("main .notice.error")).to_be_visible()
    for number in (2, 7):
        page.get_by_label(said["group"].format(number)).fill(groups[number - 1].lower())
    page.get_by_role("button", name=said["confirm"]).click()


def test_every_page_about_backups_can_be_used_by_everybody(administrator: Person) -> None:
    for path in PAGES:
        page = administrator.open(f"/console/backups/{path}")
        assert list(found_in(page, EVERY_LOOK)) == [], path
