"""The question mark explains the screen, in the reader's language, from the box itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from box.core.accounts.models import User
from box.core.portal.help import FOLDER, INDEX, contents, help_page, names, page_for
from box.core.registry.capabilities import console_pages, menu

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]

SCREENS = sorted({entry.url_name for entry in (*menu, *console_pages)})


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_of_the_menu_has_its_page_in_both_languages(screen: str) -> None:
    name = page_for(reverse(screen))
    assert name != INDEX, f"write docs/user/{screen.partition(':')[0]}.md, or name another page in help_pages"
    assert (FOLDER / "ru" / f"{name}.md").is_file(), f"write docs/user/ru/{name}.md"


def test_every_page_is_in_both_languages_with_a_title_of_its_own() -> None:
    russian = {file.stem for file in (FOLDER / "ru").glob("*.md")}
    assert names() == russian
    for language in ("en", "ru"):
        titles = [page.title for page in contents(language)]
        assert len(titles) == len(set(titles))
    for page in contents("ru"):
        assert re.search("[а-я]", page.title), page.title


def test_links_between_pages_lead_to_pages() -> None:
    for language in ("en", "ru"):
        for name in names():
            page = help_page(name, language)
            assert page is not None
            assert ".md" not in page.body, f"{name} ({language}) links to a page that there is not"


def test_screens_below_the_menu_have_the_page_of_their_part() -> None:
    assert page_for("/feed/7/") == "feed"
    assert page_for("/employees/7/") == "company"
    assert page_for("/notifications/settings/") == "notifications"
    assert page_for("/retrievals/7/") == "retrievals"
    assert page_for("/console/settings/mail/") == "settings"
    assert page_for("/console/settings/calendar/2026/") == "calendar"
    assert page_for("/no/such/page/") == INDEX
    assert page_for("https://elsewhere.example/") == INDEX


@pytest.mark.django_db
def test_the_question_mark_leads_to_the_page_in_the_readers_language(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    page = browser.get("/notifications/").content.decode()
    assert 'href="/help/for/?at=/notifications/"' in page
    assert browser.get("/help/for/", {"at": "/notifications/"}).headers["Location"] == "/help/notifications/"
    assert "<h1>Notifications</h1>" in browser.get("/help/notifications/").content.decode()
    User.objects.filter(pk=anna.pk).update(language="ru")
    assert "<h1>Уведомления</h1>" in browser.get("/help/notifications/").content.decode()
    assert "Уведомления" in browser.get("/help/").content.decode()
    assert browser.get("/help/../settings/").status_code == 404
    assert browser.get("/help/nonsense/").status_code == 404
