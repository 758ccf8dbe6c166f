"""Numbers in the menu: one truth, told to every open page, and with nobody's page a query more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from box.core.accounts.models import User
from box.core.notify.counters import COUNT_CAP, recount, set_counter
from box.core.notify.models import Counter
from box.core.push.models import PushMessage

if TYPE_CHECKING:
    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def told() -> list[str]:
    messages = PushMessage.objects.filter(topic="notify", kind="counter").order_by("pk")
    return [message.payload["shown"] for message in messages]


def beside(page: str, key: str) -> str:
    return page.partition(f'data-counter="{key}">')[2].partition("<")[0]


def test_a_number_is_told_when_it_changes_and_gone_at_nothing(anna: User) -> None:
    for n in (3, 3, 2, 0, 0):
        set_counter(anna, "worktime", n)
    assert told() == ["3", "2", ""]
    assert not Counter.objects.exists()


@pytest.mark.parametrize(
    ("n", "shown"), [(COUNT_CAP, "99"), (COUNT_CAP + 1, "99+"), (10**9, "99+"), (-1, "")]
)
def test_more_than_anybody_counts_is_more(as_person: Browser, anna: User, n: int, shown: str) -> None:
    set_counter(anna, "worktime", n)
    assert beside(as_person(anna).get("/feed/").content.decode(), "worktime") == shown


def test_it_is_its_persons_alone(as_person: Browser, anna: User, boris: User) -> None:
    set_counter(anna, "worktime", 3)
    assert beside(as_person(boris).get("/feed/").content.decode(), "worktime") == ""
    assert PushMessage.objects.get(kind="counter").audience == [f"U{anna.pk}"]


def test_what_is_taken_back_is_not_counted(anna: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        set_counter(anna, "worktime", 3)
        raise RuntimeError
    assert (Counter.objects.count(), told()) == (0, [])


def test_a_page_knows_them_with_its_person(as_person: Browser, anna: User) -> None:
    browser, counts = as_person(anna), []
    for n in (0, 3):
        recount(anna, "worktime", lambda n=n: n)  # type: ignore[misc]
        browser.get("/feed/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/feed/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_page_that_missed_messages_gets_them_all(as_person: Browser, anna: User) -> None:
    set_counter(anna, "worktime", 3)
    answer = as_person(anna).get("/notifications/unread/", headers={"HX-Request": "true"}).content.decode()
    assert 'data-counter="worktime" hx-swap-oob="true">3<' in answer
