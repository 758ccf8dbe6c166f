"""A role gives a right to whoever holds it, at once; who had which right when is told by the report."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Add a role": "Добавить роль",
    "Name": "Название",
    "Add a holder": "Выдать ещё кому-нибудь",
    "Department or name": "Отдел или имя",
    "Write announcements that everybody confirms to have read":
        "Писать объявления, прочтение которых подтверждает каждый",
    "An announcement: everybody confirms to have read it": "Объявление: каждый подтверждает, что прочитал",
    "Add": "Добавить",
    "Save": "Сохранить",
    "Remove {}": "Убрать: {}",
    "Rights of a person": "Права сотрудника",
    "Name, login or e-mail": "Имя, логин или почта",
    "On the day": "На день",
    "Show": "Показать",
    "More about {}": "Действия: {}",
    "Delete the role": "Удалить роль",
    "Delete": "Удалить",
    "Only from these networks": "Только из этих сетей",
}  # fmt: skip


def test_a_role_is_made_given_reported_and_taken_away(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    right = say("Write announcements that everybody confirms to have read")
    boris = employee("Boris", f"B{mark}", words=words)
    page = employee("Olga", words=words, administers=True).open("/console/roles/")
    page.get_by_role("link", name=say("Add a role")).click()
    page.get_by_label(say("Name"), exact=True).fill(f"Heralds {mark}")
    page.get_by_role("button", name=say("Add a holder")).click()
    page.get_by_role("searchbox", name=say("Department or name")).fill(f"B{mark}")
    page.get_by_role("button", name=boris.name).click()
    page.get_by_label(right).check()
    page.get_by_role("button", name=say("Add"), exact=True).click()
    row = page.locator(".rows > li").filter(has_text=f"Heralds {mark}")
    expect(row).to_contain_text(boris.name)

    boris.open("/feed/").locator(".composer-more summary").click()
    announcement = boris.composer.get_by_label(say("An announcement: everybody confirms to have read it"))
    expect(announcement).to_be_visible()

    page.get_by_role("link", name=say("Rights of a person")).click()
    page.get_by_label(say("Name, login or e-mail")).fill(boris.login.login)
    page.get_by_role("button", name=say("Show")).click()
    if (link := page.locator(".rows a").filter(has_text=f"B{mark}")).count():
        link.first.click()
    granted = page.locator("dt", has_text=right)
    expect(granted).to_be_visible()
    expect(page.locator("dl.facts")).to_contain_text(f"Heralds {mark}")
    page.get_by_label(say("On the day")).fill("2020-01-01")
    page.goto(f"/console/roles/report/?person={boris.pk}&on=2020-01-01")
    expect(page.get_by_role("heading", name=boris.name)).to_be_visible()
    expect(granted).to_have_count(0)

    page.goto("/console/roles/")
    page.get_by_role("link", name=f"Heralds {mark}").click()
    page.get_by_label(say("More about {}").format(f"Heralds {mark}")).click()
    page.get_by_role("button", name=say("Delete the role")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("Delete")).click()
    expect(page.get_by_role("link", name=say("Add a role"))).to_be_visible()
    expect(row).to_have_count(0)
    boris.open("/feed/").locator(".composer-more summary").click()
    expect(announcement).to_have_count(0)


def test_an_administrator_cannot_lock_themselves_out(employee: Callable[..., Person], words: Words) -> None:
    """By an allowed network in which they are not."""
    say = words.saying(RUSSIAN)
    olga = employee("Olga", words=words, administers=True)
    olga.watch.tolerated.add("422")
    page = olga.open("/console/roles/administrators/")
    page.get_by_label(say("Only from these networks")).fill("192.0.2.0/24")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    expect(page.locator(".form-error, .notice.error").first).to_be_visible()
    page.goto("/console/roles/administrators/")
    expect(page.get_by_label(say("Only from these networks"))).to_have_value("")
