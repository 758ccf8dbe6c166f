"""What stands around every page is remembered, and never for somebody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User
from box.core.registry.services import switch_of
from box.core.registry.settings import store

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

PAGE = "/notifications/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9]{64})"')


def around(browser: Client) -> str:
    return browser.get(PAGE).content.decode()


def test_each_answer_has_its_own_token_in_all_of_its_forms(
    as_person: Browser, anna: User, boris: User
) -> None:
    tokens = []
    for person in (anna, boris):
        page = around(as_person(person))
        assert "<token>" not in page
        found = TOKEN.findall(page)
        assert len(found) >= 3
        assert len(set(found)) == 1
        tokens.append(found[0])
    assert tokens[0] != tokens[1]


def test_a_theme_and_a_language_are_the_persons_own(as_person: Browser, anna: User, boris: User) -> None:
    assert 'data-set-theme="dark"\naria-pressed="false"' in around(as_person(anna))
    User.objects.filter(pk=boris.pk).update(theme="dark", language="ru")
    page = around(as_person(boris))
    assert 'data-set-theme="dark"\naria-pressed="true"' in page
    assert "Выйти" in page
    page = around(as_person(anna))
    assert 'data-set-theme="dark"\naria-pressed="false"' in page
    assert "Выйти" not in page


def test_a_service_that_is_switched_off_has_nothing_in_the_bar(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    assert "<task-clock" in around(browser)
    store({switch_of("tasks"): False})
    assert "<task-clock" not in around(browser)
    store({switch_of("tasks"): True})
    assert "<task-clock" in around(browser)


def test_who_may_not_has_no_entry_whoever_was_here_before(as_person: Browser, olga: User, erik: User) -> None:
    assert 'data-entry="company"' in around(as_person(olga))
    assert 'data-entry="company"' not in around(as_person(erik))
