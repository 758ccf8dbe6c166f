"""Custom fields in a list: as columns, as filters, in its order and in its file."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.core.accounts.custom_fields import PERSON, PROFILE
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import write_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def shown(page: Any) -> str:
    return str(page.content.decode().partition('id="list"')[2])


def test_people_are_filtered_and_sorted_by_them(
    as_person: Browser, anna: User, boris: User, cara: User, olga: User
) -> None:
    town = add_field(PROFILE, FieldDraft("Town"), by=olga)
    room = add_field(PROFILE, FieldDraft("Room", "number"), by=olga)
    size = add_field(PROFILE, FieldDraft("Size", "choice", choices=("S", "M")), by=olga)
    write_many(
        PROFILE,
        {
            anna.pk: {town: ("Tver",), room: (Decimal(20),), size: (size.options[0].pk,)},
            boris.pk: {town: ("Oslo",), room: (Decimal(3),)},
        },
    )
    browser = as_person(cara)
    for query, names in (
        ({town.key: "tve"}, {"Anna"}),
        ({f"{room.key}.from": "5"}, {"Anna"}),
        ({f"{room.key}.to": "5"}, {"Boris"}),
        ({size.key: str(size.options[0].pk)}, {"Anna"}),
        ({f"{town.key}.is": "set"}, {"Anna", "Boris"}),
        ({f"{town.key}.is": "empty"}, {"Cara", "Olga"}),
    ):
        page = shown(browser.get("/employees/", query))
        assert {one for one in ("Anna", "Boris", "Cara", "Olga") if f"Test {one}" in page} == names, query
    page = shown(browser.get("/employees/", {"sort": room.key}))
    places = [page.index(f"Test {one}") for one in ("Boris", "Anna", "Cara")]
    assert places == sorted(places)
    page = shown(browser.get("/employees/", {"sort": f"-{room.key}"}))
    places = [page.index(f"Test {one}") for one in ("Anna", "Boris", "Cara")]
    assert places == sorted(places), "who has none comes last, either way"


def test_what_only_some_may_see_is_no_filter_of_others(
    as_person: Browser, anna: User, cara: User, olga: User
) -> None:
    secret = add_field(PROFILE, FieldDraft("Contract", readers=PERSON), by=olga)
    write_many(PROFILE, {anna.pk: {secret: ("till May",)}})
    assert "Test Anna" not in shown(as_person(cara).get("/employees/", {secret.key: "May"}))
    assert "Test Anna" in shown(as_person(olga).get("/employees/", {secret.key: "May"}))


def test_a_page_costs_the_same_however_many_have_values(
    as_person: Browser, anna: User, boris: User, cara: User, olga: User
) -> None:
    fields = [add_field(PROFILE, FieldDraft(f"Field {number}"), by=olga) for number in range(3)]
    browser = as_person(cara)

    def asked() -> int:
        browser.get("/employees/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/employees/")
        return len(queries)

    write_many(PROFILE, {anna.pk: {fields[0]: ("a",)}})
    few = asked()
    write_many(PROFILE, {one.pk: dict.fromkeys(fields, ("b",)) for one in (anna, boris, cara, olga)})
    assert asked() == few
