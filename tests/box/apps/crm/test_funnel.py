"""How far records come, and how long they stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from box.apps.crm.actions.audiences import renew_audiences_of
from box.apps.crm.actions.bulk import add_records, remove_records
from box.apps.crm.actions.records import (
    NewRecord,
    bring_back_records,
    change_record,
    delete_records,
    move_record,
)
from box.apps.crm.actions.setup import add_pipeline
from box.apps.crm.catalog import catalog
from box.apps.crm.funnel import Ways, counted_ways, funnel_of, kept_ways, said_span
from box.apps.crm.models import PathTotal, Record, RecordType, StageVisit, StayTotal
from tests.box.apps.crm.conftest import added, stage_of, type_of

if TYPE_CHECKING:
    from django.core.exceptions import ValidationError
    from django.test import Client

    from box.apps.crm.models import Pipeline, Stage
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


def figures(olga: User) -> dict[str, tuple[int, int]]:
    """By stage how many came so far, and how many are there; counted, and as it is kept."""
    kept, counted = both(olga)
    found, also = (funnel_of(one, deal_stages(), has_sums=True) for one in (counted, kept))
    assert found == also
    return {str(one.stage): (one.reached, one.here) for one in found if one.reached}


def deal_pipeline() -> Pipeline:
    return catalog().pipelines_of(type_of("deal"))[0]


def deal_stages() -> Sequence[Stage]:
    return catalog().stages_of(deal_pipeline())


def both(reader: User) -> tuple[Ways, Ways]:
    """Of the deals of the first pipeline that this reader sees: as it is kept, and counted anew."""
    now = timezone.now()
    rows = Record.objects.there().filter(pipeline=deal_pipeline().pk).visible_to(reader)
    return (
        kept_ways(reader, deal_pipeline(), deal_stages(), now=now),
        counted_ways(rows, deal_stages(), now=now),
    )


def test_who_skips_a_stage_has_passed_it(anna: User, olga: User) -> None:
    added("deal", anna, "New")
    move_record(added("deal", anna, "Far"), stage_of("deal", "EXECUTING"), by=anna)
    assert figures(olga) == {
        "New": (2, 1), "Preparing documents": (1, 0), "Negotiation": (1, 0), "In work": (1, 1),
    }  # fmt: skip


def test_what_was_lost_counts_as_far_as_it_had_come_and_what_is_deleted_not_at_all(
    anna: User, olga: User
) -> None:
    lost = added("deal", anna, "Lost")
    move_record(lost, stage_of("deal", "NEGOTIATION"), by=anna)
    move_record(lost, stage_of("deal", "LOSE"), by=anna)
    delete_records([added("deal", anna, "Gone")], by=None)
    assert figures(olga) == {
        "New": (1, 0), "Preparing documents": (1, 0), "Negotiation": (1, 0), "Deal lost": (1, 1),
    }  # fmt: skip


def test_what_went_back_had_come_further(anna: User, olga: User) -> None:
    deal = added("deal", anna, "Back and forth")
    move_record(deal, stage_of("deal", "NEGOTIATION"), by=anna)
    move_record(deal, stage_of("deal", "NEW"), by=anna)
    assert figures(olga)["Negotiation"] == (1, 0)
    assert figures(olga)["New"] == (1, 1)


def test_the_mean_time_is_that_of_visits_also_of_those_that_last(anna: User, olga: User) -> None:
    now = datetime(2026, 5, 20, 12, tzinfo=UTC)
    stage = stage_of("deal", "NEW")
    for days, left in ((2, timedelta(days=1)), (3, None)):
        visit = StageVisit.objects.filter(record=added("deal", anna, f"{days}"))
        entered = now - timedelta(days=days)
        visit.update(entered_at=entered, left_at=entered + left if left else None)
    rows = Record.objects.there().of_type(RecordType.Id.DEAL)
    for ways in (counted_ways(rows, [stage], now=now), kept_ways(olga, deal_pipeline(), [stage], now=now)):
        assert funnel_of(ways, [stage], has_sums=True)[0].stays == "2 days"


WAYS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(["move", "hand", "bin", "leave", "erase", "late", "pipeline"])
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WAYS, st.randoms(use_true_random=False))
def test_what_is_kept_is_what_would_be_counted_whatever_is_done(
    anna: User, boris: User, olga: User, steps: list[tuple[int, str]], chance: Random
) -> None:
    """Several at once in one statement, too: as an import writes, and a stage that is taken away."""
    with transaction.atomic():
        other = add_pipeline(type_of("deal"), "Another", by=None)
        elsewhere = list(catalog().stages_of(catalog().pipelines[other.pk]))
        deals = [one for one in bulk(6, chance.choice([anna, boris])) if isinstance(one, Record)]
        for place, act in steps:
            _do(act, Record.objects.filter(pk=deals[place].pk).first(), chance, [anna, boris], elsewhere)
            for reader in (anna, olga):
                kept, counted = both(reader)
                assert {at: n for at, n in kept.furthest.items() if n} == counted.furthest
                assert {pk: one for pk, one in kept.here.items() if one[0]} == counted.here
                assert kept.stays.keys() == counted.stays.keys()
                assert all(
                    abs(span - kept.stays[pk]) < timedelta(milliseconds=1)
                    for pk, span in counted.stays.items()
                )
        Record.objects.all().delete()
        assert not PathTotal.objects.exclude(count=0).exists()
        assert not StayTotal.objects.exclude(ended=0, lasting=0, seconds=0, entered=0).exists()
        transaction.set_rollback(True)


def bulk(count: int, responsible: User) -> list[Record | ValidationError]:
    stages = deal_stages()
    kind = type_of("deal")
    new = [
        NewRecord(type=kind, responsible=responsible, stage=stages[n % len(stages)], title=f"Deal {n}")
        for n in range(count)
    ]
    return add_records(new, by=None)


def _do(act: str, deal: Record | None, chance: Random, people: list[User], elsewhere: list[Stage]) -> None:
    if deal is None:
        return
    stages = deal_stages()
    if act == "bin":
        (bring_back_records if deal.deleted_at else delete_records)([deal], by=None)
    elif act == "erase":
        remove_records([deal.pk], by=None)
    elif act == "late":
        # As a demo and a migration write down what was long ago: many at once.
        StageVisit.objects.update(entered_at=timezone.now() - timedelta(days=chance.randrange(90)))
    elif act == "leave":
        # As when two accounts become one: what is theirs is seen by whoever sees theirs.
        Record.objects.exclude(pk=deal.pk).update(responsible=(to := chance.choice(people)))
        renew_audiences_of(to)
    elif deal.deleted_at is None:
        if act == "hand":
            change_record(deal, {"responsible": chance.choice(people)}, by=None)
        else:
            move_record(deal, chance.choice(elsewhere if act == "pipeline" else stages), by=None)


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
