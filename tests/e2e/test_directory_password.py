"""Somebody changes the password that they have in the company's domain, in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.directory.server import run
from tests.e2e.boxes import Login
from tests.e2e.portal import Portal
from tests.e2e.test_directory import SAID, THEIRS, confirm, connect, domain, keeper, look, staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.directory.samba import Samba
    from tests.e2e.boxes import Box
    from tests.e2e.people import Person
    from tests.e2e.test_directory import Staff
    from tests.e2e.words import Words

__all__ = ["domain", "keeper", "staff"]

NEW = "Another-Passw0rd"
RUSSIAN = {
    "They change it in the portal too": "Сменить его можно и на портале",
    "Your password now": "Текущий пароль",
    "New password": "Новый пароль",
    "The new password once more": "Новый пароль ещё раз",
    "Change the password": "Сменить пароль",
    "does not take this password": "не принимает этот пароль",
    "Your password is changed.": "Пароль изменён.",
}


def test_a_password_of_the_domain_is_changed_in_the_portal(
    box: Box, keeper: Person, visitor: Callable[..., Person], domain: Samba, staff: Staff, words: Words
) -> None:
    said, text = SAID[words.language], words.saying(RUSSIAN)
    domain.tool("domain", "passwordsettings", "set", "--min-pwd-age=0")
    page = keeper.open("/console/directory/")
    page.get_by_role("link", name=said.connect).first.click()
    page.locator('a[href$="kind=ad"]').click()
    name = f"Passwords {staff.anna.login}"
    place = connect(page, said, name, domain, staff)
    page.goto(place)
    page.get_by_role("button", name=said.preview).click()
    confirm(page, said)
    page.goto(place)
    page.get_by_role("link", name=said.signing_in).click()
    page.get_by_label(said.with_theirs).check()
    page.get_by_label(text("They change it in the portal too")).check()
    look(page)
    page.get_by_role("button", name=said.save).click()
    page.wait_for_url(f"**{place}")

    anna = visitor("Anna", words=words)
    anna.login = staff.anna
    anna.sign_in()
    anna.page.wait_for_url("**/feed/")
    elsewhere = Portal(box)
    assert elsewhere.sign_in(staff.anna)
    page = anna.open("/profile/password/")
    expect(page.locator("form.card")).to_contain_text(name)

    def change(new: str) -> None:
        page.get_by_label(text("Your password now")).fill(THEIRS)
        page.get_by_label(text("New password"), exact=True).fill(new)
        page.get_by_label(text("The new password once more")).fill(new)
        page.get_by_role("button", name=text("Change the password")).click()

    # By the domain's rules, and not by the portal's.
    anna.watch.tolerated |= {"422"}
    change("short")
    expect(page.get_by_text(text("does not take this password"))).to_be_visible()
    look(page)
    assert elsewhere.get("/feed/").status == 200
    change(NEW)
    expect(page.get_by_text(text("Your password is changed."))).to_be_visible()

    assert elsewhere.get("/feed/").status == 302
    page.goto("/feed/")
    expect(page.locator("body")).to_have_attribute("data-listening", "")
    assert not Portal(box).sign_in(staff.anna)
    assert Portal(box).sign_in(Login(staff.anna.login, NEW))
    # The domain has it too: for their computer.
    secret = domain.folder / "asked"
    secret.write_text(NEW, encoding="utf-8")
    env = {"LDAPTLS_CACERT": str(domain.authority.file), "LDAPTLS_REQCERT": "demand"}
    known = ("-H", domain.url, "-ZZ", "-x", "-D", f"{staff.anna.login}@corp.test", "-y", str(secret))
    assert staff.anna_dn in run(["ldapsearch", *known, "-b", staff.anna_dn, "-s", "base", "-LLL"], env=env)
