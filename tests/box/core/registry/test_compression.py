"""Pages are compressed for the portal's own requests, and for nobody else's."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_portal_or_the_person_asks_for_is_compressed(
    as_person: Browser, anna: User, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site, "Accept-Encoding": "gzip"}
    answer = as_person(anna).get("/employees/", headers=headers)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"<main" in gzip.decompress(answer.content)
    assert len(answer.content) * 2 < len(gzip.decompress(answer.content))


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_what_another_site_asks_for_is_not(as_person: Browser, anna: User, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Accept-Encoding": "gzip"}
    answer = as_person(anna).get("/employees/", headers=headers)
    assert "Content-Encoding" not in answer.headers
    assert b"<main" in answer.content


def test_only_pages_are_and_only_for_who_can_read_it(as_person: Browser, anna: User) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    data = as_person(anna).get("/discussion/people/?q=a", headers={**own, "Accept-Encoding": "gzip"})
    assert data.status_code == 200
    assert "Content-Encoding" not in data.headers
    page = as_person(anna).get("/employees/", headers=own)
    assert "Content-Encoding" not in page.headers


def test_two_answers_of_the_same_page_differ_in_length(as_person: Browser, anna: User) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip"}
    browser = as_person(anna)
    assert len({len(browser.get("/employees/", headers=headers).content) for _time in range(6)}) > 1
