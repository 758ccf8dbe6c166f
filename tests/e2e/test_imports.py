"""A table is imported: how it is read, what its columns mean, what was refused, and once more."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from playwright.sync_api import FilePayload, expect

from tests.e2e.people import Person
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.words import Words

RUSSIAN = {
    "Added: 1. Corrected: 0. Unchanged: 0. Refused: 1.":
        "Добавлено: 1. Исправлено: 0. Без изменений: 0. Не принято: 1.",
    "Encoding": "Кодировка",
    "Go on": "Дальше",
    "Import": "Импорт",
    "Last name": "Фамилия",
    "Read it this way": "Прочитать так",
    "Rows that were refused": "Непринятые строки",
    "Show what the rows become": "Показать, что получится",
    "Table": "Таблица",
    "The table looks wrong? Choose how the file is read.":
        "Таблица выглядит неправильно? Выберите, как читать файл.",
    "What": "Что значит",
    "new": "новая запись",
}  # fmt: skip


def test_a_table_of_an_old_program_is_read_understood_and_remembered(
    employee: Callable[..., Person], words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    page = employee("Olga", words=words, administers=True).open("/employees/")
    page.get_by_role("link", name=say("Import"), exact=True).press("Enter")
    rows = f"Кто;Почта\nЛунёва{mark};iya.{mark}@example.com\nНикто{mark};без адреса\n"
    file = FilePayload(name="old.csv", mimeType="text/csv", buffer=rows.encode("cp866"))
    page.get_by_label(say("Table"), exact=True).set_input_files(file)
    page.get_by_role("button", name=say("Go on")).press("Enter")
    expect(page.get_by_role("cell", name=f"Лунёва{mark}")).to_be_visible()

    # Read wrongly on purpose, and rightly again.
    for encoding, heading in (("Windows-1251", "Љв®"), ("DOS (866)", "Кто")):
        page.get_by_text(say("The table looks wrong? Choose how the file is read.")).click()
        page.get_by_label(say("Encoding")).select_option(label=encoding)
        page.get_by_role("button", name=say("Read it this way")).press("Enter")
        expect(page.locator("thead th").first).to_contain_text(heading)

    page.locator("thead select").first.select_option(label=say("Last name"))
    page.get_by_role("button", name=say("Show what the rows become")).press("Enter")
    row = page.get_by_role("row").filter(has_text=f"Лунёва{mark}")
    expect(row).to_contain_text(say("new"))
    page.set_viewport_size({"width": 360, "height": 720})
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_role("button", name=say("Import"), exact=True).press("Enter")
    expect(page.get_by_text(say("Added: 1. Corrected: 0. Unchanged: 0. Refused: 1."))).to_be_visible()
    expect(page.get_by_role("heading", name=say("Rows that were refused"))).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []

    # Whoever has said once what a column means need not again.
    page.goto("/imports/people/")
    page.get_by_label(say("Table"), exact=True).set_input_files(file)
    page.get_by_role("button", name=say("Go on")).press("Enter")
    expect(page.locator("thead select").first).to_have_value("last_name")
