"""People whose entries were deleted and made anew: the list asks about each, and one step answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.directory import entries
from tests.e2e.portal import Portal
from tests.e2e.test_directory import SAID, confirm, connect, domain, keeper, look, staff

if TYPE_CHECKING:
    from tests.directory.samba import Samba
    from tests.e2e.boxes import Box
    from tests.e2e.people import Person
    from tests.e2e.test_directory import Staff
    from tests.e2e.words import Words

__all__ = ["domain", "keeper", "staff"]

RUSSIAN = {
    "Conflicts": "Расхождения",
    "To be decided": "Требуют решения",
    "made anew": "создана заново",
    "The same person again?": "Тот же человек?",
    "link": "связать",
    "It is somebody new": "Это новый человек",
    "No conflicts": "Расхождений нет",
}


def test_entries_made_anew_are_linked_or_told_apart(
    box: Box, keeper: Person, domain: Samba, staff: Staff, words: Words
) -> None:
    said = SAID[words.language]

    def text(english: str) -> str:
        return RUSSIAN[english] if words.language == "ru" else english

    page = keeper.open("/console/directory/")
    page.get_by_role("link", name=said.connect).first.click()
    page.locator('a[href$="kind=ad"]').click()
    name = f"Again {staff.anna.login}"
    place = connect(page, said, name, domain, staff)
    page.goto(place)
    page.get_by_role("button", name=said.preview).click()
    confirm(page, said)

    mark = staff.anna.login.removeprefix("anna-")
    pavel = f"CN=p0-{mark},{staff.sales.dn}"
    domain.apply(entries.delete(staff.anna_dn))
    domain.apply(entries.delete(pavel))
    domain.add(
        domain.person(
            staff.anna.login, staff.sales.dn, name=f"Anna {mark}", givenName="Anna", sn=f"Test-{mark}",
            mail=f"{staff.anna.login}@corp.test",
        ),
        domain.person(f"p0-{mark}", staff.sales.dn, givenName="Pyotr", sn=f"Other-{mark}"),
    )  # fmt: skip
    box.boxctl("directory", "sync", "--connection", name)
    assert f"Directory: {name} has 2 conflicts" in box.boxctl("status", check=False)

    page.goto(place)
    page.get_by_role("link", name=text("Conflicts"), exact=True).click()
    lines = page.locator("#list tbody tr")
    expect(lines).to_have_count(2)
    expect(lines.filter(has_text=f"Test-{mark}")).to_contain_text(text("The same person again?"))
    page.get_by_role("link", name=re.compile(text("To be decided"))).click()
    expect(lines).to_have_count(2)
    look(page)

    anna = lines.filter(has_text=f"Test-{mark}")
    anna.get_by_role("button", name=re.compile(text("link"))).click()
    expect(lines).to_have_count(1)
    lines.get_by_role("button", name=text("It is somebody new")).click()
    expect(page.get_by_text(text("No conflicts"))).to_be_visible()
    look(page)

    box.boxctl("directory", "sync", "--connection", name)
    people = Portal.of(box, keeper.login).get(f"/employees/?q={mark}").data.decode()
    assert f"Other-{mark}" in people
    # One Anna, who works here.
    assert len(set(re.findall(rf'href="(/employees/\d+/)"[^>]*>[^<]*Test-{mark}', people))) == 1
