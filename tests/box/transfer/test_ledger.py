"""What a migration knows of who is who, and for how long it remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from box.transfer.ledger import Ledger
from box.transfer.models import Identity, Migration
from box.transfer.stages.base import part_of
from tests.cast import person

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def ledger() -> Ledger:
    olga = person("Olga", is_administrator=True)
    migration = Migration.objects.create(by=olga, portal="company.bitrix24.com")
    return Ledger(migration)


def test_what_something_became_stays(ledger: Ledger) -> None:
    ledger.took("task", 7, 70, digest="first")
    ledger.took("task", "7", 71, digest="second", is_new=False)
    kept = Identity.objects.get()
    assert (kept.ours, kept.is_new, kept.digest) == (70, True, "second")


def test_who_is_who_is_asked_once_a_page(
    ledger: Ledger, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    boris = person("Boris")
    ledger.took("person", 5, boris.pk)
    with django_assert_num_queries(2):
        assert [ledger.person("5"), ledger.author("task", "1", 5)] == [boris, boris]
    assert ledger.all_ours("person", ["5", "6"]) == {"5": boris.pk}
    # Who comes is there for whatever comes behind them.
    ledger.took("person", 6, ledger.by.pk)
    assert ledger.ours("person", "6") == ledger.by.pk
    boris.delete()
    ledger.forget()
    assert ledger.person("5") == ledger.by


def test_what_a_page_leads_to_is_asked_for_at_once(
    ledger: Ledger, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = {str(number): person(f"P{number}") for number in range(1, 6)}
    ledger.took_all("person", ((theirs, one.pk, "") for theirs, one in people.items()))
    with django_assert_num_queries(2):
        ledger.prefetch("person", [*people, None, 0, "9"])
    with django_assert_num_queries(0):
        assert {theirs: ledger.person(theirs) for theirs in people} == people


def test_they_come_in_the_order_in_which_they_were_named(ledger: Ledger) -> None:
    """The first of somebody's departments is the one that they stand under."""
    named = [str(number) for number in range(40, 20, -1)]
    for one in sorted(named):
        ledger.took("department", one, int(one))
    ledger.ours("department", "30")
    assert list(ledger.all_ours("department", named)) == named


@pytest.mark.parametrize("nobody", [None, False, "", 0, "0"])
def test_nobody_is_not_asked_for(
    ledger: Ledger, nobody: object, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ledger.took("person", "0", 99)
    with django_assert_num_queries(0):
        assert (ledger.ours("person", nobody), ledger.person(nobody)) == (0, ledger.by)


def test_what_was_undone_is_not_remembered(ledger: Ledger) -> None:
    with transaction.atomic(), part_of(ledger, "post", "1"):
        ledger.took("comment", 1, 10)
        assert ledger.ours("comment", 1) == 10
        raise ValidationError("It cannot be here.")
    assert ledger.ours("comment", 1) == 0
    assert [one.text for one in ledger.migration.remarks.all()] == ["It cannot be here."]
