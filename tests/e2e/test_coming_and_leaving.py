"""How people come, are corrected, leave and return, in front of everybody's browser."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.box.mailbox import Mailbox, text_of
from tests.e2e.letters import letter_to, link_in
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Invite": "Пригласить",
    "E-mails": "Адреса почты",
    "Language": "Язык",
    "invites you": "Вас приглашают на портал",
    "Welcome": "Здравствуйте",
    "Choose a password": "Придумайте пароль",
    "Join": "Присоединиться",
    "This invitation is over": "Приглашение больше не действует",
    "Forgot your password?": "Забыли пароль?",
    "Send the letter": "Отправить письмо",
    "Check your e-mail": "Проверьте почту",
    "A new password": "Новый пароль для входа",
    "Change the password": "Сменить пароль",
    "Your password is changed": "Пароль изменён",
    "This link is no longer valid": "Ссылка больше не действует",
    "invited, has not come yet": "приглашение ещё не принято",
    "Last name": "Фамилия",
    "First name": "Имя",
    "Save": "Сохранить",
    "Import": "Импорт",
    "Table": "Таблица",
    "Go on": "Дальше",
    "What Mobile means": "Что значит «Mobile»",
    "Phone": "Телефон",
    "Added: 2. Corrected: 0. Unchanged: 0. Refused: 3.":
        "Добавлено: 2. Исправлено: 0. Без изменений: 0. Не принято: 3.",
    "Added: 0. Corrected: 0. Unchanged: 2. Refused: 3.":
        "Добавлено: 0. Исправлено: 0. Без изменений: 2. Не принято: 3.",
    "Rows that were refused": "Непринятые строки",
    "Suspend": "Приостановить доступ",
    "suspended": "доступ закрыт",
    "Let return": "Вернуть доступ",
    "Dismiss …": "Уволить…",
    "Dismiss": "Уволить",
    "This passes to the successor:": "Преемнику перейдёт:",
    "Successor": "Преемник",
    "dismissed": "уволен",
    "Merge with …": "Объединить с…",
    "This cannot be undone.": "Это нельзя отменить.",
    "1 post": "1 запись",
    "Merge for good": "Объединить навсегда",
    "Status": "Статус",
    "Show": "Показать",
    "Photo": "Фото",
    "Use this photo": "Поставить это фото",
    "Remove it": "Убрать",
}  # fmt: skip


def test_who_is_invited_by_letter_comes_by_its_link_once(
    employee: Callable[..., Person],
    visitor: Callable[..., Person],
    letters: Mailbox,
    words: Words,
) -> None:
    say = words.saying(RUSSIAN)
    olga = employee("Olga", words=words, administers=True)
    boris = visitor("Boris", f"Belov{secrets.token_hex(3)}", words=words)
    page = olga.open("/employees/")
    page.get_by_role("link", name=say("Invite"), exact=True).click()
    page.get_by_label(say("E-mails")).fill(boris.login.login)
    page.get_by_role("combobox", name=say("Language")).select_option(words.language)
    page.get_by_role("button", name=say("Invite"), exact=True).click()
    expect(page.get_by_role("status").first).to_be_visible()

    letter = letter_to(letters, boris.login.login)
    assert say("invites you") in text_of(letter)
    link = link_in(letter, "/join/")
    theirs = boris.open(link)
    expect(theirs.get_by_role("heading", level=1)).to_contain_text(say("Welcome"))
    theirs.get_by_label(say("Choose a password")).fill(boris.login.password)
    theirs.get_by_role("button", name=say("Join")).click()
    theirs.get_by_label(re.compile(f"^{say('Last name')}")).fill(boris.last_name)
    theirs.get_by_label(re.compile(f"^{say('First name')}")).fill("Boris")
    theirs.get_by_role("button", name=say("Save"), exact=True).click()
    expect(theirs.get_by_role("heading", level=1)).to_contain_text(boris.last_name)

    page.goto(f"/employees/?q={boris.last_name}")
    expect(page.locator("#list tr[data-row]")).to_have_count(1)
    again = visitor("Somebody", words=words)
    again.watch.tolerated.add("404")
    again.open(link)
    expect(again.page.get_by_role("heading", name=say("This invitation is over"))).to_be_visible()


def test_who_forgot_their_password_chooses_another_by_a_letter(
    employee: Callable[..., Person],
    visitor: Callable[..., Person],
    letters: Mailbox,
    words: Words,
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    elsewhere = visitor("Anna", words=words)
    page = elsewhere.open("/sign-in/")
    page.get_by_role("link", name=say("Forgot your password?")).click()
    page.get_by_label(words.login).fill(anna.login.login)
    page.get_by_role("button", name=say("Send the letter")).click()
    expect(page.get_by_role("heading", name=say("Check your e-mail"))).to_be_visible()

    link = link_in(letter_to(letters, anna.login.login), "/sign-in/reset/")
    elsewhere.open(link)
    expect(page.get_by_role("heading", name=say("A new password"))).to_be_visible()
    elsewhere.login = replace(anna.login, password=secrets.token_urlsafe(12))
    page.get_by_label(say("Choose a password")).fill(elsewhere.login.password)
    page.get_by_role("button", name=say("Change the password")).click()
    expect(page.get_by_role("status")).to_contain_text(say("Your password is changed"))

    page.get_by_label(words.login).fill(elsewhere.login.login)
    page.get_by_label(words.password).fill(elsewhere.login.password)
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    expect(page.locator("summary.me")).to_be_visible()
    again = visitor("Somebody", words=words)
    again.watch.tolerated.add("404")
    again.open(link)
    expect(again.page.get_by_role("heading", name=say("This link is no longer valid"))).to_be_visible()


def test_a_table_is_imported_and_its_bad_rows_are_named(
    employee: Callable[..., Person], tmp_path: Path, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    file = table_of_people(tmp_path / "people.xlsx", mark)
    page = employee("Olga", words=words, administers=True).open("/employees/")
    page.get_by_role("link", name=say("Import"), exact=True).click()
    import_table(page, file, say)
    expect(page.get_by_text(say("Added: 2. Corrected: 0. Unchanged: 0. Refused: 3."))).to_be_visible()
    refused = page.locator("table").last
    expect(page.get_by_role("heading", name=say("Rows that were refused"))).to_be_visible()
    for row, about in (("3", "nobody@"), ("5", "31.31.1990"), ("6", "")):
        expect(
            refused.get_by_role("row").filter(has=page.get_by_role("cell", name=row, exact=True))
        ).to_contain_text(about)

    page.goto("/imports/people/")
    import_table(page, file, say)
    expect(page.get_by_text(say("Added: 0. Corrected: 0. Unchanged: 2. Refused: 3."))).to_be_visible()
    page.goto(f"/employees/?q=Nowak{mark}")
    page.locator("#list").get_by_role("link", name=f"Nowak{mark}").first.click()
    expect(page.get_by_role("link", name="+48 22 123")).to_be_visible()


def table_of_people(file: Path, mark: str) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("Last name", "First name", "E-mail", "Birthday", "Mobile"),
        (f"Nowak{mark}", "Ewa", f"ewa.{mark}@example.com", "01.02.1990", "+48 22 123"),
        (f"Bad{mark}", "Mail", "nobody@", "", ""),
        (f"Лунёва{mark}", "Ия", f"iya.{mark}@example.com", "1991-03-04", ""),
        (f"Bad{mark}", "Date", f"date.{mark}@example.com", "31.31.1990", ""),
        ("", "", f"nameless.{mark}@example.com", "", ""),
    ):
        sheet.append(row)
    book.save(file)
    return file


def import_table(page: Page, file: Path, say: Callable[[str], str]) -> None:
    page.get_by_label(say("Table")).set_input_files(file)
    page.get_by_role("button", name=say("Go on")).click()
    page.get_by_label(say("What Mobile means")).select_option(label=say("Phone"))
    page.get_by_role("button", name=say("Import"), exact=True).click()


def test_who_is_suspended_is_out_at_once_and_comes_back(
    employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    boris = employee("Boris", words=words)
    boris.watch.tolerated |= {"422", "401"}
    boris.open("/feed/")
    expect(boris.text_field).to_be_visible()
    olga = employee("Olga", words=words, administers=True)
    page = olga.open(f"/employees/{boris.pk}/")
    press(page, say("Suspend"))
    page.get_by_role("dialog").get_by_role("button", name=say("Suspend")).click()
    expect(page.locator("#person")).to_contain_text(say("suspended"))

    expect(boris.page.get_by_role("button", name=words.sign_in, exact=True)).to_be_visible()
    boris.sign_in()
    expect(boris.page.get_by_role("alert")).to_contain_text(words.wrong_password)
    press(page, say("Let return"))
    expect(page.locator("#person")).not_to_contain_text(say("suspended"))
    boris.sign_in()
    expect(boris.text_field).to_be_visible()


def test_what_the_dismissed_held_passes_to_their_manager(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    department = olga.department(f"Sales {mark}")
    anna = employee("Anna", f"A{mark}", words=words)
    olga.place(anna.login, department, "head")
    boris = employee("Boris", f"B{mark}", words=words, department=department)
    group = Portal.of(olga.box, boris.login).group(f"Rowing {mark}")

    page = employee("Olga", words=words, administers=True).open(f"/employees/{boris.pk}/")
    press(page, say("Dismiss …"))
    expect(page.locator("#main")).to_contain_text(say("This passes to the successor:"))
    expect(page.locator("#main .facts")).to_contain_text(f"Rowing {mark}")
    expect(page.get_by_label(say("Successor"))).to_have_value(anna.login.login)
    page.get_by_role("button", name=say("Dismiss"), exact=True).click()
    expect(page.locator("#person")).to_contain_text(say("dismissed"))

    leading = anna.open(f"/groups/{group}/").locator(".group-aside")
    expect(leading.get_by_role("link", name=anna.name)).to_be_visible()
    page.goto(f"/employees/?q=B{mark}")
    found = page.locator("#list tr[data-row]").get_by_role("link", name=f"B{mark}")
    expect(found).to_have_count(0)
    page.locator(".list-form summary").first.click()
    page.locator(".list-filter summary").filter(has_text=say("Status")).click()
    page.locator(".list-filter[open] input[value=dismissed]").check()
    page.get_by_role("button", name=say("Show"), exact=True).click()
    found.first.click()
    press(page, say("Let return"))
    expect(page.locator("#person")).not_to_contain_text(say("dismissed"))
    assert Portal(olga.box).sign_in(boris.login)


def test_two_accounts_of_one_person_become_one(employee: Callable[..., Person], words: Words) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna = employee("Anna", f"Kern{mark}", words=words)
    twin = employee("Annette", f"Kern{mark}", words=words, password=secrets.token_urlsafe(12))
    twin.watch.tolerated |= {"422", "401"}
    twin.open("/feed/")
    twin.text_field.fill(f"Said by the other one {mark}")
    twin.publish()
    expect(twin.post(f"Said by the other one {mark}")).to_be_visible()

    page = employee("Olga", words=words, administers=True).open(f"/employees/{anna.pk}/")
    press(page, say("Merge with …"))
    page.locator(".people-filter [type=search]").fill(twin.login.login)
    page.locator("#found").get_by_role("link", name=twin.last_name).click()
    expect(page.get_by_role("note").first).to_contain_text(say("This cannot be undone."))
    expect(page.locator("#main .facts")).to_contain_text(say("1 post"))
    page.get_by_role("radio", name="Annette", exact=True).check()
    page.locator("#main").get_by_role("checkbox").check()
    page.get_by_role("button", name=say("Merge for good")).click()
    expect(page.locator("#person h1")).to_contain_text("Annette")
    page.goto(f"/employees/{twin.pk}/")
    expect(page).to_have_url(re.compile(rf"/employees/{anna.pk}/$"))

    expect(twin.page.get_by_role("button", name=words.sign_in, exact=True)).to_be_visible()
    twin.sign_in()
    expect(twin.page.get_by_role("alert")).to_contain_text(words.wrong_password)
    twin.login = replace(twin.login, password=anna.login.password)
    twin.sign_in()
    expect(twin.text_field).to_be_visible()
    expect(twin.post(f"Said by the other one {mark}").first).to_contain_text(f"Annette Kern{mark}")
    expect(anna.open("/feed/").get_by_role("article").first).to_be_visible()


def press(page: Page, item: str) -> None:
    page.locator("#person summary").click()
    sheet: Locator = page.locator("#person .sheet")
    sheet.get_by_role("button", name=item).or_(sheet.get_by_role("link", name=item)).click()


def test_a_photo_is_cropped_and_stands_beside_the_name(
    employee: Callable[..., Person], tmp_path: Path, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    photo, text = tmp_path / "photo.png", tmp_path / "photo.jpg"
    Image.new("RGB", (1600, 900), "#a43").save(photo)
    text.write_text("no picture at all")
    anna = employee("Anna", words=words)
    page = anna.open(f"/employees/{anna.pk}/details/")
    page.get_by_label(say("Photo"), exact=True).set_input_files(text)
    page.get_by_role("button", name=say("Use this photo")).click()
    expect(page.locator("img.avatar-round")).to_have_count(0)

    page.goto(f"/employees/{anna.pk}/details/")
    page.get_by_label(say("Photo"), exact=True).set_input_files(photo)
    page.get_by_role("button", name=say("Use this photo")).click()
    picture = page.locator("#person img.avatar-round")
    expect(picture).to_be_visible()
    sides = picture.evaluate(
        "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    )
    assert sides[0] == sides[1] <= 512
    boris = employee("Boris", words=words)
    expect(boris.open(f"/employees/{anna.pk}/").locator("#person img.avatar-round")).to_be_visible()
    page.goto(f"/employees/{anna.pk}/details/")
    page.get_by_role("button", name=say("Remove it")).click()
    expect(page.locator("#person span.avatar-round")).to_be_visible()


@pytest.mark.parametrize(
    "text", ["Zhukov", "жуков", "Zhukv", ";erjd"], ids=["latin", "cyrillic", "typo", "layout"]
)
def test_one_finds_a_colleague_however_one_types(
    anna: Person, olga: Portal, text: str, employee: Callable[..., Person]
) -> None:
    mark = secrets.token_hex(2)
    employee("Пётр", f"Жуков-{mark}")
    page = anna.open("/employees/")
    page.locator(".list-form .search input").fill(text)
    expect(page.locator("#list").get_by_role("link", name=f"Жуков-{mark}").first).to_be_visible()
