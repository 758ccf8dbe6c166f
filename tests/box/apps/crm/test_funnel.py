"""How far records come, and how long they stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.apps.crm.actions.records import delete_records, move_record
from box.apps.crm.catalog import catalog
from box.apps.crm.funnel import funnel_of, said_span
from box.apps.crm.models import Record, RecordType, StageVisit
from tests.box.apps.crm.conftest import added, stage_of, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


def figures() -> dict[str, tuple[int, int]]:
    """By stage how many came so far, and how many are there."""
    deals = type_of("deal")
    stages = catalog().stages_of(catalog().pipelines_of(deals)[0])
    rows = Record.objects.there().of_type(RecordType.Id.DEAL)
    found = funnel_of(rows, stages, has_sums=True, now=timezone.now())
    return {str(one.stage): (one.reached, one.here) for one in found if one.reached}


def test_who_skips_a_stage_has_passed_it(anna: User) -> None:
    added("deal", anna, "New")
    move_record(added("deal", anna, "Far"), stage_of("deal", "EXECUTING"), by=anna)
    assert figures() == {
        "New": (2, 1), "Preparing documents": (1, 0), "Negotiation": (1, 0), "In work": (1, 1),
    }  # fmt: skip


def test_what_was_lost_counts_as_far_as_it_had_come_and_what_is_deleted_not_at_all(anna: User) -> None:
    lost = added("deal", anna, "Lost")
    move_record(lost, stage_of("deal", "NEGOTIATION"), by=anna)
    move_record(lost, stage_of("deal", "LOSE"), by=anna)
    delete_records([added("deal", anna, "Gone")], by=None)
    assert figures() == {
        "New": (1, 0), "Preparing documents": (1, 0), "Negotiation": (1, 0), "Deal lost": (1, 1),
    }  # fmt: skip


def test_what_went_back_had_come_further(anna: User) -> None:
    deal = added("deal", anna, "Back and forth")
    move_record(deal, stage_of("deal", "NEGOTIATION"), by=anna)
    move_record(deal, stage_of("deal", "NEW"), by=anna)
    assert figures()["Negotiation"] == (1, 0)
    assert figures()["New"] == (1, 1)


def test_the_mean_time_is_that_of_visits_also_of_those_that_last(anna: User) -> None:
    now = datetime(2026, 5, 20, 12, tzinfo=UTC)
    stage = stage_of("deal", "NEW")
    for days, left in ((2, timedelta(days=1)), (3, None)):
        visit = StageVisit.objects.filter(record=added("deal", anna, f"{days}"))
        entered = now - timedelta(days=days)
        visit.update(entered_at=entered, left_at=entered + left if left else None)
    rows = Record.objects.there().of_type(RecordType.Id.DEAL)
    found = funnel_of(rows, [stage], has_sums=True, now=now)
    assert found[0].stays == "2 days"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (None, ""),
        (timedelta(minutes=20), "less than an hour"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=10), "10 days"),
    ],
)
def test_a_span_is_said_in_hours_and_then_in_days(span: timedelta | None, said: str) -> None:
    assert said_span(span) == said


def test_every_figure_opens_its_rows_and_counts_only_what_one_sees(
    as_person: Browser, anna: User, boris: User
) -> None:
    far = added("deal", anna, "Far")
    move_record(far, stage_of("deal", "NEGOTIATION"), by=anna)
    added("deal", anna, "New one")
    added("deal", boris, "His")
    browser = as_person(anna)
    page = browser.get("/crm/deal/funnel/").content.decode()
    links = re.findall(r'href="(/crm/deal/\?reached=\d+)">(\d+)<', page)
    assert [int(number) for _link, number in links] == [2, 1, 1, 0, 0, 0, 0]
    rows = browser.get(links[1][0]).content.decode()
    assert "Far" in rows
    assert "New one" not in rows


def test_a_number_and_its_sum_are_not_read_as_one(as_person: Callable[[User], Client], anna: User) -> None:
    """In Russian the figures of `6` and `767 284` part by the same space."""
    added("deal", anna, amount=Decimal(767_284), currency="RUB")
    page = as_person(anna).get("/crm/deal/funnel/").content.decode()
    cell = page.partition('data-label="Are there now"')[2].partition("</td>")[0]
    assert re.sub(r"<[^>]+>", "", cell).startswith(">1 · 767,284")
