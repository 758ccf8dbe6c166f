"""The structure is changed by hand: with mouse and keyboard, as a chart and as a list, and taken back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.words import EN, Words

RUSSIAN = {
    "Edit": "Изменить",
    "Find a department or its head": "Найти отдел или руководителя",
    "Found: 1": "Найдено: 1",
    "Nothing is called that": "Ничего не найдено",
    "Smaller": "Мельче",
    "Larger": "Крупнее",
    "Whole": "Целиком",
    "Chart": "Схема",
    "List": "Список",
    "This changes what 1 person sees.": "Изменится то, что видит 1 человек.",
    "They gain: {}": "Станет доступно: {}",
    "They lose: {}": "Перестанет быть доступно: {}",
    "Move": "Переместить",
    "Move …": "Переместить…",
    "Undo": "Отменить",
    "Undone.": "Отменено.",
    "Cancel": "Отмена",
    "Part of": "Входит в",
    "Change {}": "Изменить «{}»",
    "Rename …": "Переименовать…",
    "Rename": "Переименовать",
    "Name": "Название",
    "Merge …": "Объединить…",
    "Merge": "Объединить",
    "Into": "С каким отделом",
    "Add somebody …": "Добавить сотрудника…",
    "Name or e-mail": "Имя или почта",
    "Role": "Роль",
    "head": "руководитель",
    "Add": "Добавить",
    "Add a department below …": "Добавить отдел внутри…",
    "Delete": "Удалить",
    "{} is not empty": "Отдел «{}» не пуст",
    "The structure has changed": "Структура изменилась",
}


@dataclass(frozen=True)
class Works:
    """Works ⊃ Forge and Foundry; boris forges. Named as nothing else is on this box."""

    mark: str
    works: int
    forge: int
    foundry: int

    def name(self, what: str) -> str:
        return f"{what} {self.mark}"


@pytest.fixture
def works(olga: Portal) -> Works:
    mark = secrets.token_hex(3)
    top = olga.department(f"Works {mark}")
    return Works(mark, top, *(olga.department(f"{name} {mark}", top) for name in ("Forge", "Foundry")))


def node(page: Page, department: int) -> Locator:
    return page.locator(f'[data-node="{department}"]')


def find(person: Person, text: str, say: Callable[[str], str]) -> None:
    person.page.get_by_role("searchbox", name=say("Find a department or its head")).fill(text)


def parent_of(olga: Portal, department: int) -> int | None:
    (found,) = (one["parentId"] for one in olga.departments() if one["id"] == department)
    parent: int | None = found
    return parent


def test_a_department_is_dragged_and_who_sees_what_is_said_first(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    employee("Boris", department=works.forge)
    editor = employee("Olga", words=words, administers=True)
    page = editor.open("/structure/?view=chart")
    page.get_by_role("button", name=say("Edit"), exact=True).click()
    expect(page.locator("org-structure[data-editing]")).to_be_visible()
    find(editor, works.name("Works"), say)
    expect(page.locator(".structure-bar [role=status]")).to_have_text(say("Found: 1"))
    node(page, works.forge).drag_to(node(page, works.foundry))

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(say("This changes what 1 person sees."))
    expect(dialog).to_contain_text(say("They gain: {}").format(works.name("Foundry")))
    assert parent_of(olga, works.forge) == works.works
    settled(page)
    dialog.get_by_role("button", name=say("Move"), exact=True).click()
    undo = page.get_by_role("button", name=say("Undo"))
    undo.hover()
    assert parent_of(olga, works.forge) == works.foundry
    undo.click()
    expect(page.get_by_text(say("Undone."))).to_be_visible()
    assert parent_of(olga, works.forge) == works.works


def test_a_person_is_dragged_from_one_department_to_another(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    boris = employee("Boris", "Belov", department=works.forge)
    page = employee("Olga", words=words, administers=True).open("/structure/?edit&view=chart")
    page.get_by_role("searchbox", name=say("Find a department or its head")).fill(works.name("Works"))
    node(page, works.forge).click()
    panel = page.get_by_role("complementary")
    row = panel.locator("li").filter(has_text=boris.name)
    row.drag_to(node(page, works.foundry))

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(say("They gain: {}").format(works.name("Foundry")))
    expect(dialog).to_contain_text(say("They lose: {}").format(works.name("Forge")))
    settled(page)
    dialog.get_by_role("button", name=say("Move"), exact=True).click()
    expect(row).to_have_count(0)
    expect(node(page, works.foundry)).to_contain_text("1")
    page.get_by_role("button", name=say("Undo")).click()
    expect(row).to_be_visible()


def test_the_keyboard_walks_the_chart_and_moves_what_it_stands_on(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    editor = employee("Olga", words=words, administers=True)
    page = editor.open("/structure/?edit&view=chart")
    find(editor, works.name("Works"), say)
    node(page, works.works).focus()
    page.keyboard.press("ArrowDown")
    expect(node(page, works.forge)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(node(page, works.foundry)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(node(page, works.works)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.keyboard.press("m")
    settled(page)
    under = dialog.get_by_role("combobox", name=say("Part of"))
    expect(under.get_by_role("option", name=works.name("Forge"))).to_have_count(0)
    under.select_option(label=works.name("Foundry"))
    move = dialog.get_by_role("button", name=say("Move"), exact=True)
    expect(move).to_be_visible()
    settled(page)
    move.press("Enter")
    expect(page.get_by_role("button", name=say("Undo"))).to_be_visible()
    assert parent_of(olga, works.forge) == works.foundry


def test_all_of_it_works_in_the_list_too(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    boris = employee("Boris", works.name("B"), words=words)
    editor = employee("Olga", words=words, administers=True)
    editor.watch.tolerated.add("409")
    page = editor.open("/structure/?edit&view=chart")
    page.get_by_role("button", name=say("List"), exact=True).click()
    find(editor, works.name("Works"), say)
    dialog = page.get_by_role("dialog")

    def choose(department: int, item: str) -> None:
        line = page.locator(f'li[data-department="{department}"] > .line')
        line.locator("summary[aria-label]").last.click()
        line.get_by_role("link", name=item).or_(line.get_by_role("button", name=item)).first.click()
        settled(page)

    choose(works.forge, say("Rename …"))
    dialog.get_by_label(say("Name")).fill(works.name("Smithy"))
    dialog.get_by_role("button", name=say("Rename"), exact=True).click()
    smithy = page.locator(f'li[data-department="{works.forge}"]')
    expect(smithy.locator("> .line .name")).to_have_text(works.name("Smithy"))

    choose(works.forge, say("Add somebody …"))
    dialog.get_by_label(say("Name or e-mail")).fill(boris.login.login)
    dialog.get_by_label(say("Role")).select_option("head")
    expect(dialog).to_contain_text(say("This changes what 1 person sees."))
    settled(page)
    dialog.get_by_role("button", name=say("Add"), exact=True).click()
    expect(smithy.locator("> .line .leader")).to_contain_text(boris.name)

    choose(works.forge, say("Delete"))
    dialog.get_by_role("button", name=say("Delete")).click()
    expect(page.locator(".toast-note.error")).to_contain_text(
        say("{} is not empty").format(works.name("Smithy"))
    )

    choose(works.forge, say("Merge …"))
    dialog.get_by_label(say("Into")).select_option(label=works.name("Foundry"))
    expect(dialog).to_contain_text(say("This changes what 1 person sees."))
    settled(page)
    dialog.get_by_role("button", name=say("Merge"), exact=True).click()
    expect(smithy).to_have_count(0)
    foundry = page.locator(f'li[data-department="{works.foundry}"]')
    expect(foundry.locator("> .line .people-of")).to_contain_text("1")

    choose(works.works, say("Add a department below …"))
    dialog.get_by_label(say("Name")).fill(works.name("Store"))
    dialog.get_by_role("button", name=say("Add"), exact=True).click()
    expect(page.get_by_role("link", name=works.name("Store"))).to_be_visible()


def test_one_finds_a_head_and_looks_closer(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    boris = employee("Boris", works.name("B"))
    olga.place(boris.login, works.forge, "head")
    anna = employee("Anna", words=words)
    page = anna.open("/structure/?view=chart")
    expect(page.get_by_role("button", name=say("Edit"), exact=True)).to_have_count(0)
    find(anna, works.name("B"), say)
    expect(node(page, works.forge)).to_have_class("org-node found")
    expect(node(page, works.forge)).to_be_in_viewport()
    before = size_of(page, works.forge)
    page.get_by_role("button", name=say("Larger")).click()
    page.wait_for_function(WIDER, arg=[works.forge, before])
    page.get_by_role("button", name=say("Whole")).click()
    find(anna, "Nobody is called that", say)
    expect(page.locator(".structure-bar [role=status]")).to_have_text(say("Nothing is called that"))


WIDER = "([id, width]) => document.querySelector(`[data-node='${id}']`).getBoundingClientRect().width > width"


def size_of(page: Page, department: int) -> float:
    box = node(page, department).bounding_box()
    assert box is not None
    return box["width"]


def chip(page: Page, say: Callable[[str], str]) -> Locator:
    return page.get_by_role("button", name=say("The structure has changed"))


def looking(person: Person, view: str) -> Page:
    """The page of somebody who hears of what happens from now on."""
    page = person.open(f"/structure/?view={view}")
    expect(page.locator("body[data-listening]")).to_be_attached()
    return page


def questions(person: Person) -> int:
    return sum("shown=" in request.url for request in person.watch.to("/structure/chart/"))


def test_what_a_colleague_changes_waits_behind_a_chip_and_moves_nothing(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    say = words.saying(RUSSIAN)
    editor, anna = employee("Olga", administers=True), employee("Anna", words=words)
    page, changing = looking(anna, "chart"), looking(editor, "chart")
    find(anna, works.name("Forge"), say)
    node(page, works.forge).click()
    page.get_by_role("button", name=say("Larger")).click()
    panel = page.get_by_role("complementary")
    expect(panel.get_by_role("heading")).to_have_text(works.name("Forge"))
    expect(panel.locator("li")).to_have_count(1)
    settled(page)
    anna.marks_the_page()
    before, asked = where(page, works.forge), questions(editor)

    renamed = editor.hand.post(f"/structure/departments/{works.forge}/name/", name=works.name("Forging"))
    assert renamed.status == 302
    boris = employee("Boris", works.name("B"))
    editor.hand.place(boris.login, works.forge)
    expect(chip(page, say)).to_be_visible()
    expect(node(page, works.forge)).to_contain_text(works.name("Forge"))
    assert where(page, works.forge) == before

    chip(page, say).press("Enter")
    expect(node(page, works.forge)).to_contain_text(works.name("Forging"))
    expect(panel.locator("li")).to_contain_text(boris.name)
    expect(chip(page, say)).to_have_count(0)
    searched = page.get_by_role("searchbox", name=say("Find a department or its head"))
    expect(searched).to_have_value(works.name("Forge"))
    expect(page.get_by_role("button", name=say("Chart"), exact=True)).to_be_focused()
    assert where(page, works.forge) == before
    anna.expect_the_same_page()
    # Whoever does it is told nothing: a page that changes it shows it by itself.
    assert questions(editor) == asked
    expect(chip(changing, str)).to_have_count(0)


def where(page: Page, department: int) -> tuple[int, int, int]:
    """Once it stands still."""
    previous = None
    while (box := node(page, department).bounding_box()) != previous:
        previous = box
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert box is not None
    return round(box["x"]), round(box["y"]), round(box["width"])


def test_a_colleagues_change_leaves_what_one_is_doing_in_the_list(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    """A half-written name stays, and the chip waits; one's own change brings the other with it."""
    say = words.saying(RUSSIAN)
    boris = employee("Boris", works.name("B"), department=works.foundry)
    cara = employee("Cara", words=words, administers=True)
    page = looking(cara, "list&edit")
    foundry = page.locator(f'li[data-department="{works.foundry}"]')
    foundry.locator(".people-of summary").first.click()
    expect(foundry.locator(".people-here")).to_contain_text(boris.name)
    forge = page.locator(f'li[data-department="{works.forge}"]')
    forge.locator("summary[aria-label]").last.click()
    forge.get_by_role("link", name=say("Rename …")).click()
    name = page.get_by_role("dialog").get_by_label(say("Name"))
    name.fill(works.name("Smithy"))
    settled(page)

    renamed = olga.post(f"/structure/departments/{works.foundry}/name/", name=works.name("Moulding"))
    assert renamed.status == 302
    expect(page.locator(".news button")).to_have_text(say("The structure has changed"))
    expect(name).to_have_value(works.name("Smithy"))
    expect(foundry.locator("> .line .name")).to_have_text(works.name("Foundry"))
    name.press("Enter")
    expect(forge.locator("> .line .name")).to_have_text(works.name("Smithy"))
    expect(foundry.locator("> .line .name")).to_have_text(works.name("Moulding"))
    # Whoever was unfolded is there still.
    expect(foundry.locator(".people-here")).to_contain_text(boris.name)
    expect(page.locator(".news button")).to_have_count(0)


def test_the_chip_follows_what_is_and_not_what_was_told(
    employee: Callable[..., Person], olga: Portal, works: Works, words: Words
) -> None:
    """In the list; and the chart, when one goes there, is the new one."""
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    page = looking(anna, "chart")
    find(anna, works.name("Forge"), say)
    expect(node(page, works.forge)).to_be_visible()
    page.get_by_role("button", name=say("List"), exact=True).click()
    olga.post(f"/structure/departments/{works.forge}/name/", name=works.name("Smithy"))
    forge = page.locator(f'li[data-department="{works.forge}"] > .line .name')
    chip(page, say).click()
    expect(forge).to_have_text(works.name("Smithy"))
    expect(chip(page, say)).to_have_count(0)
    page.get_by_role("button", name=say("Chart"), exact=True).click()
    expect(node(page, works.forge)).to_contain_text(works.name("Smithy"))


def test_a_colleague_reads_it_and_cannot_turn_it_into_a_circle(
    employee: Callable[..., Person], olga: Portal, works: Works
) -> None:
    anna = Portal.of(olga.box, employee("Anna", words=EN).login)
    assert anna.get("/structure/?edit").status == 200
    assert anna.post(f"/structure/departments/{works.forge}/place/", under=str(works.foundry)).status == 403
    assert olga.post(f"/structure/departments/{works.works}/place/", under=str(works.forge)).status == 422
    assert parent_of(olga, works.works) != works.forge
