"""Drives: putting in, naming, moving, throwing away, sharing, and links for those without an account."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.boxes import Box
from tests.e2e.browser import watched_context
from tests.e2e.people import Person, settled
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "Upload": "Загрузить",
    "New folder": "Новая папка",
    "Name": "Название",
    "Make the folder": "Создать папку",
    "Select {}": "Выбрать: {}",
    "Move": "Переместить",
    "Move here": "Переместить сюда",
    "Company drive": "Диск компании",
    "To the trash": "В корзину",
    "Undo": "Отменить",
    "Trash": "Корзина",
    "More about this folder": "Действия с папкой",
    "More about {}": "Действия: {}",
    "Bring back": "Вернуть",
    "Rename": "Переименовать",
    "Share": "Поделиться",
    "Choose people": "Выберите людей",
    "Department or name": "Отдел или имя",
    "may look": "просмотр",
    "Shared with me": "Доступные мне",
    "Make a link": "Создать ссылку",
    "Password": "Пароль",
    "Address of the link": "Адрес ссылки",
    "Password of the link": "Пароль ссылки",
    "Open the link": "Открыть",
    "Done": "Готово",
    "End the link": "Отключить ссылку",
    "This link leads nowhere": "Ссылка не работает",
    "Something has changed here": "Здесь что-то изменилось",
    "Version 1": "Версия 1",
    "Drop the files here": "Отпустите файлы здесь",
}

type Say = Callable[[str], str]


@pytest.fixture(params=[EN, RU], ids=["en", "ru"])
def words(request: pytest.FixtureRequest) -> Words:
    found: Words = request.param
    return found


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", words=words)


def a_file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def upload(page: Page, *files: Path) -> None:
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.url.endswith("/files/")
    ):
        page.locator("#drive-files input[type=file]").set_input_files([str(file) for file in files])
    for file in files:
        expect(page.locator("#list").get_by_role("link", name=file.name, exact=True)).to_be_visible()
    settled(page)


def make_folder(page: Page, name: str, say: Say) -> None:
    page.get_by_role("link", name=say("New folder")).click()
    page.get_by_role("textbox", name=say("Name"), exact=True).fill(name)
    page.get_by_role("button", name=say("Make the folder")).click()
    expect(page.locator("#drive-dialog")).to_be_hidden()
    expect(page.locator("#list").get_by_role("link", name=name, exact=True)).to_be_visible()
    settled(page)


def named(page: Page, name: str) -> Any:
    return page.locator("#list tbody tr").filter(has=page.get_by_role("link", name=name, exact=True))


def test_a_folder_is_filled_sorted_out_and_cleared_up(anna: Person, say: Say, tmp_path: Path) -> None:
    page = anna.open("/drive/")
    make_folder(page, "Letters", say)
    upload(page, a_file(tmp_path, "plan.txt", b"first"), a_file(tmp_path, "notes.txt", b"notes"))
    assert problems(page) == []

    # Into the folder, by what is chosen in the list.
    for name in ("plan.txt", "notes.txt"):
        page.get_by_label(say("Select {}").format(name)).check()
    bulk = page.locator("#list-bulk")
    bulk.locator("summary").filter(has_text=say("Move")).click()
    bulk.get_by_role("link", name="Letters").click()
    expect(bulk.locator(".way b")).to_have_text("Letters")
    assert problems(page) == []
    bulk.get_by_role("button", name=say("Move"), exact=True).click()
    expect(named(page, "plan.txt")).to_have_count(0)
    # All back at once, and one after the other by its own menu.
    page.locator("[data-list-outcome]").get_by_role("button", name=say("Undo")).click()
    expect(named(page, "notes.txt")).to_be_visible()
    for name in ("plan.txt", "notes.txt"):
        named(page, name).get_by_label(say("More about {}").format(name)).click()
        named(page, name).get_by_role("link", name=say("Move")).click()
        dialog = page.locator("#drive-dialog")
        dialog.get_by_role("link", name="Letters").click()
        expect(dialog.locator(".way b")).to_have_text("Letters")
        assert problems(page) == []
        dialog.get_by_role("button", name=say("Move here")).click()
        expect(dialog).to_be_hidden()
        expect(named(page, name)).to_have_count(0)
        settled(page)

    # The same name again is a new version; the old one is still there.
    page.locator("#list").get_by_role("link", name="Letters").click()
    expect(page.get_by_role("heading", name="Letters", level=1)).to_be_visible()
    upload(page, a_file(tmp_path, "plan.txt", b"second, and better"))
    page.locator("#list").get_by_role("link", name="plan.txt", exact=True).click()
    with page.expect_download() as fetched:
        page.get_by_role("link", name=say("Version 1")).click()
    assert fetched.value.path().read_bytes() == b"first"
    assert problems(page) == []
    page.go_back()

    # Away, and back at once; away, and back from the trash.
    named(page, "notes.txt").get_by_label(say("More about {}").format("notes.txt")).click()
    named(page, "notes.txt").get_by_role("button", name=say("To the trash")).click()
    expect(named(page, "notes.txt")).to_have_count(0)
    page.get_by_role("button", name=say("Undo")).click()
    expect(named(page, "notes.txt")).to_be_visible()
    settled(page)
    page.get_by_label(say("Select {}").format("notes.txt")).check()
    bulk.get_by_role("button", name=say("To the trash")).click()
    expect(named(page, "notes.txt")).to_have_count(0)
    page.goto("/drive/")
    page.get_by_label(say("More about this folder")).click()
    page.get_by_role("link", name=say("Trash"), exact=True).click()
    assert problems(page) == []
    page.get_by_role("button", name=say("Bring back")).click()
    expect(page.locator("#items li")).to_have_count(0)


def test_what_is_being_uploaded_arrives_also_when_one_goes_on(anna: Person, say: Say, tmp_path: Path) -> None:
    page = anna.open("/drive/")
    large = a_file(tmp_path, "large.bin", secrets.token_bytes(60_000_000))
    page.locator("#drive-files input[type=file]").set_input_files(str(large))
    expect(page.locator(".uploads li")).to_be_visible()
    anna.marks_the_page()
    page.get_by_role("link", name=say("Shared with me")).click()
    expect(page.get_by_role("heading", name=say("Shared with me"), level=1)).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("1")
    anna.expect_the_same_page()
    page.goto("/drive/")
    expect(named(page, "large.bin")).to_be_visible()
    expect(page.locator(".uploads li")).to_have_count(0)


def test_a_colleague_is_let_in_and_sees_what_changes_behind_a_chip(
    anna: Person, employee: Callable[..., Person], words: Words, say: Say, tmp_path: Path
) -> None:
    boris = employee("Boris", f"Borisov{secrets.token_hex(2)}", words=words)
    page = anna.open("/drive/")
    make_folder(page, "Contracts", say)
    named(page, "Contracts").get_by_label(say("More about {}").format("Contracts")).click()
    named(page, "Contracts").get_by_role("link", name=say("Share")).click()
    dialog = page.locator("#drive-dialog")
    dialog.get_by_role("button", name=say("Choose people")).click()
    dialog.get_by_label(say("Department or name")).fill(boris.last_name)
    dialog.get_by_role("button", name=boris.name).click()
    dialog.get_by_role("button", name=say("Share"), exact=True).click()
    expect(dialog.locator("li").filter(has_text=boris.name)).to_contain_text(say("may look"))
    assert problems(page) == []
    dialog.get_by_role("link", name=say("Done")).click()
    expect(dialog).to_be_hidden()

    seen = boris.open("/drive/")
    seen.get_by_role("link", name=say("Shared with me")).click()
    seen.get_by_role("link", name="Contracts").click()
    expect(seen.get_by_role("heading", name="Contracts", level=1)).to_be_visible()
    expect(seen.locator("#drive-files")).to_have_count(0)

    named(page, "Contracts").get_by_role("link", name="Contracts").click()
    expect(page.get_by_role("heading", name="Contracts", level=1)).to_be_visible()
    upload(page, a_file(tmp_path, "contract.txt", b"signed"))
    chip = seen.get_by_role("button", name=say("Something has changed here"))
    expect(chip).to_be_visible()
    expect(named(seen, "contract.txt")).to_have_count(0)
    chip.click()
    expect(named(seen, "contract.txt")).to_be_visible()
    expect(chip).to_have_count(0)


def test_an_outsider_opens_a_link_with_its_password_until_it_is_ended(
    anna: Person, browser: Browser, box: Box, words: Words, say: Say, tmp_path: Path
) -> None:
    content = secrets.token_bytes(50_000)
    page = anna.open("/drive/")
    make_folder(page, "For the bank", say)
    page.locator("#list").get_by_role("link", name="For the bank").click()
    expect(page.get_by_role("heading", name="For the bank", level=1)).to_be_visible()
    upload(page, a_file(tmp_path, "balance.bin", content))
    page.get_by_label(say("More about this folder")).click()
    page.locator(".page-head").get_by_role("link", name=say("Share"), exact=True).click()
    dialog = page.locator("#drive-dialog")
    dialog.get_by_label(say("Password")).fill("knock knock")
    dialog.get_by_role("button", name=say("Make a link")).click()
    address = dialog.get_by_label(say("Address of the link")).input_value()
    assert address.startswith(f"{box.url}/links/")

    locale = {"en": "en-GB", "ru": "ru-RU"}[words.language]
    with watched_context(browser, box, locale=locale, width=360) as (context, watch):
        # The refused password, and the link that is over.
        watch.tolerated |= {"422", "404"}
        outside = context.new_page()
        outside.goto(address)
        outside.get_by_label(say("Password of the link")).fill("wrong")
        outside.get_by_role("button", name=say("Open the link")).click()
        expect(outside.locator(".form-error")).to_be_visible()
        assert problems(outside) == []
        outside.get_by_label(say("Password of the link")).fill("knock knock")
        outside.get_by_role("button", name=say("Open the link")).click()
        assert problems(outside) == []
        with outside.expect_download() as fetched:
            outside.get_by_role("link", name="balance.bin").click()
        assert fetched.value.path().read_bytes() == content

        dialog.get_by_role("button", name=say("End the link")).click()
        page.locator("#ask").get_by_role("button", name=say("End the link")).click()
        expect(dialog.get_by_label(say("Address of the link"))).to_have_count(0)
        outside.goto(address)
        expect(outside.get_by_role("heading", name=say("This link leads nowhere"))).to_be_visible()
        assert problems(outside) == []


def drag(page: Page, file: Path, x: float, y: float, *, until: str = "drop") -> None:
    """A file from the desktop, over this place of the page, as the browser itself has it."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        if kind == until:
            break
    session.detach()


def test_a_file_is_dropped_anywhere_on_the_drive_and_nowhere_opened(
    anna: Person, say: Say, tmp_path: Path
) -> None:
    page = anna.open("/drive/")
    address = page.url
    lying = a_file(tmp_path, "lying.txt", b"dropped below the list")
    shown = page.viewport_size
    assert shown is not None
    low = shown["height"] - 40
    drag(page, lying, shown["width"] / 2, low, until="dragOver")
    expect(page.locator("main.dropping")).to_have_attribute("data-drop", say("Drop the files here"))
    drag(page, lying, shown["width"] / 2, low)
    expect(page.locator("#list").get_by_role("link", name="lying.txt", exact=True)).to_be_visible()
    expect(page.locator(".dropping")).to_have_count(0)
    # Beside it, and on a page that takes no files, a drop is caught.
    drag(page, lying, 20, low)
    assert page.url == address
    page = anna.open("/notifications/")
    address = page.url
    drag(page, lying, shown["width"] / 2, low)
    # Whatever a browser does with a file, it begins at once: the page still answers, and is the same.
    assert page.evaluate("location.href") == address
    expect(page.get_by_role("heading", level=1)).to_be_visible()
