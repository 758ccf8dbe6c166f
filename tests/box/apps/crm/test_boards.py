"""The board of deals: columns with what they come to, moves that are asked for or refused, cards by key."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.actions.records import move_record
from box.apps.crm.actions.stages import set_demands
from box.apps.crm.models import LossReason, Record
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.boards.ranking import LONGEST
from box.core.registry.settings import raise_version
from tests.box.apps.crm.conftest import added, allow, stage_of

if TYPE_CHECKING:
    from django.test import Client

    from box.apps.crm.models import Stage
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
BOARD = "/crm/deal/board/"


def columns_in(page: Any) -> dict[str, list[str]]:
    """Titles of cards by the label of their column."""
    found = {}
    for part in page.content.decode().split('<section class="board-column"')[1:]:
        label = re.search(r"<h2[^>]*>([^<]+)</h2>", part)
        found[label[1] if label else ""] = re.findall(r'crm-card-title"[^>]*>([^<]+)</a>', part)
    return found


def move(browser: Client, card: Record, stage: Any, **more: Any) -> Any:
    data = {"do": "move", "card": card.pk, "column": stage.pk, **more}
    return browser.post(BOARD, data, headers=HTMX)


def test_a_deal_stands_in_the_column_of_its_stage_and_counts_there(as_person: Browser, anna: User) -> None:
    added("deal", anna, "Chairs", amount=Decimal(1200))
    added("deal", anna, "Tables", amount=Decimal(800), stage=stage_of("deal", "NEGOTIATION"))
    page = as_person(anna).get(BOARD)
    shown = columns_in(page)
    assert shown["New"] == ["Chairs"]
    assert shown["Negotiation"] == ["Tables"]
    assert "1,200\xa0" in page.content.decode()


def test_who_shares_the_department_sees_nothing_of_it_on_the_board(
    as_person: Browser, boris: User, deal: Record
) -> None:
    assert deal.title not in as_person(boris).get(BOARD).content.decode()
    assert move(as_person(boris), deal, stage_of("deal", "EXECUTING")).status_code == 404


def test_a_card_is_moved_between_two_others(as_person: Browser, anna: User) -> None:
    stage = stage_of("deal", "EXECUTING")
    below, above = added("deal", anna, "Below", stage=stage), added("deal", anna, "Above", stage=stage)
    card = added("deal", anna, "Between")
    answer = move(as_person(anna), card, stage, after=above.pk, before=below.pk)
    assert answer.status_code == 200
    assert f'data-card="{card.pk}"' in answer.content.decode()
    assert columns_in(as_person(anna).get(BOARD))["In work"] == ["Above", "Between", "Below"]


def test_what_a_stage_demands_is_asked_in_place_and_then_it_moves(
    as_person: Browser, anna: User, deal: Record
) -> None:
    stage = stage_of("deal", "EXECUTING")
    set_demands(stage, ["amount", "comment"], by=None)
    browser = as_person(anna)
    asked = move(browser, deal, stage)
    assert asked.status_code == 422
    assert 'name="amount"' in asked.content.decode()
    assert 'name="comment"' in asked.content.decode()
    wrong = move(browser, deal, stage, asked=["amount", "comment"], amount="much", comment="Rose street")
    assert wrong.status_code == 422
    assert "Write a number" in wrong.content.decode()
    deal.refresh_from_db()
    assert (deal.stage, deal.comment) == (stage_of("deal", "NEW"), "")
    moved = move(browser, deal, stage, asked=["amount", "comment"], amount="1 500,50", comment="Rose street")
    assert moved.status_code == 200
    deal.refresh_from_db()
    assert (deal.stage, deal.amount, deal.comment) == (stage, Decimal("1500.50"), "Rose street")


def test_an_answer_fills_in_only_what_was_asked(as_person: Browser, anna: User) -> None:
    deal = added("deal", anna, "Chairs", amount=Decimal(70))
    stage = stage_of("deal", "EXECUTING")
    set_demands(stage, ["amount", "comment"], by=None)
    browser = as_person(anna)
    assert 'name="amount"' not in move(browser, deal, stage).content.decode()
    assert move(browser, deal, stage, asked=["comment"], comment="Rose street").status_code == 200
    # What nobody was asked for is not taken from whoever sends it all the same.
    assert move(browser, deal, stage, asked=["title"], title="Stolen").status_code == 200
    deal.refresh_from_db()
    assert (deal.amount, deal.comment, deal.title) == (Decimal(70), "Rose street", "Chairs")


def test_what_is_lost_says_why_where_a_company_has_reasons(
    as_person: Browser, anna: User, deal: Record
) -> None:
    browser, lost = as_person(anna), stage_of("deal", "LOSE")
    assert move(browser, added("deal", anna, "Without reasons"), lost).status_code == 200
    reason = LossReason.objects.create(name="Too dear", rank="i")
    raise_version()
    asked = move(browser, deal, lost)
    assert asked.status_code == 422
    assert "Too dear" in asked.content.decode()
    assert move(browser, deal, lost, asked="loss_reason", loss_reason=reason.pk).status_code == 200
    deal.refresh_from_db()
    assert (deal.stage, deal.loss_reason) == (lost, reason)


def test_a_card_that_one_may_only_read_stays_where_it_is(
    as_person: Browser, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    page = as_person(boris).get(BOARD).content.decode()
    assert "data-fixed" in page
    refused = move(as_person(boris), deal, stage_of("deal", "EXECUTING"))
    assert refused.status_code == 403
    assert "but not change it" in refused.content.decode()


def test_a_line_above_a_column_makes_one_card_however_often_it_is_sent(
    as_person: Browser, anna: User
) -> None:
    stage = stage_of("deal", "NEGOTIATION")
    sent = {"do": "add", "column": stage.pk, "title": "Lamps", "nonce": str(uuid4())}
    for _ in range(2):
        assert "Lamps" in as_person(anna).post(BOARD, sent, headers=HTMX).content.decode()
    made = Record.objects.get()
    assert (made.stage, made.responsible) == (stage, anna)
    empty = as_person(anna).post(BOARD, {**sent, "title": " ", "nonce": str(uuid4())}, headers=HTMX)
    assert (empty.status_code, Record.objects.count()) == (409, 1)


def in_column(stage: Stage) -> list[str]:
    return [one.title for one in Record.objects.filter(stage=stage).on_board()]


def test_what_is_put_between_two_of_one_rank_comes_behind_them_and_no_further(
    as_person: Browser, anna: User
) -> None:
    stage = stage_of("deal", "NEW")
    last, twin, first, moved = (added("deal", anna, one) for one in ("Last", "Twin", "First", "Moved"))
    # As after two were added at once.
    Record.objects.filter(pk=first.pk).update(rank=twin.rank)
    assert in_column(stage) == ["Moved", "First", "Twin", "Last"]
    assert move(as_person(anna), moved, stage, after=first.pk, before=twin.pk).status_code == 200
    assert in_column(stage) == ["First", "Twin", "Moved", "Last"]
    assert move(as_person(anna), last, stage, after=twin.pk, before=moved.pk).status_code == 200
    assert in_column(stage) == ["First", "Twin", "Last", "Moved"]


def test_a_gap_that_was_filled_a_thousand_times_has_room_again(as_person: Browser, anna: User) -> None:
    stage = stage_of("deal", "NEW")
    titles = ["Top", "A", "B", "C", "End", "Beyond"]
    cards = {title: added("deal", anna, title) for title in titles}
    # As always right below the one that stays on top.
    ranks = ["i", *("i" + "0" * 198 + digit for digit in "135"), "j", "k"]
    for title, rank in zip(titles, ranks, strict=True):
        Record.objects.filter(pk=cards[title].pk).update(rank=rank)
    browser = as_person(anna)
    assert move(browser, cards["C"], stage, after=cards["Top"].pk, before=cards["A"].pk).status_code == 200
    assert in_column(stage) == ["Top", "C", "A", "B", "End", "Beyond"]
    kept = dict(Record.objects.filter(stage=stage).values_list("title", "rank"))
    assert max(map(len, kept.values())) <= 3
    assert (kept["Top"], kept["End"], kept["Beyond"]) == ("i", "j", "k")


@pytest.mark.django_db(transaction=True)
def test_who_makes_room_waits_for_nobody(anna: User) -> None:
    stage = stage_of("deal", "NEW")
    top, *cards = (added("deal", anna, title) for title in ("Top", *"ABCDEF"))
    for card, rank in zip((top, *cards), ("i", *("i" + "0" * 120 + one for one in "13579b")), strict=True):
        Record.objects.filter(pk=card.pk).update(rank=rank)
    problems: list[Exception] = []
    begin = threading.Barrier(len(cards))

    def carry(card: Record, near: Record) -> None:
        try:
            begin.wait()
            for _time in range(3):
                move_record(card, stage, after=top, before=near, by=anna)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    pairs = zip(cards, [*cards[1:], cards[0]], strict=True)
    threads = [threading.Thread(target=carry, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    # And whoever comes when nobody is there makes room.
    assert len(move_record(cards[0], stage, after=top, by=anna).rank) <= LONGEST


@pytest.mark.parametrize("is_first", [True, False])
def test_there_is_room_again_at_either_end(as_person: Browser, anna: User, is_first: bool) -> None:
    stage = stage_of("deal", "NEW")
    one, other, moved = (added("deal", anna, title) for title in ("One", "Other", "Moved"))
    digits = ("0" * 199, "z" * 199)[not is_first]
    Record.objects.filter(pk=one.pk).update(rank=digits + "1")
    Record.objects.filter(pk=other.pk).update(rank=digits + "5")
    near = {"before": one.pk} if is_first else {"after": other.pk}
    assert move(as_person(anna), moved, stage, **near).status_code == 200
    assert in_column(stage) == (["Moved", "One", "Other"] if is_first else ["One", "Other", "Moved"])


def test_a_column_goes_on_by_key_and_misses_and_repeats_nothing(as_person: Browser, anna: User) -> None:
    for number in range(45):
        added("deal", anna, f"Number {number}")
    # Two at the same place: the newer one comes first.
    Record.objects.filter(title__in=["Number 24", "Number 25"]).update(
        rank=Record.objects.get(title="Number 25").rank
    )
    browser = as_person(anna)
    page = browser.get(BOARD).content.decode()
    seen = re.findall(r"Number \d+(?=</a>)", page)
    while more := re.search(r'data-board-more href="([^"]+)"', page):
        page = browser.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()
        seen += re.findall(r"Number \d+(?=</a>)", page)
    assert seen == [f"Number {number}" for number in reversed(range(45))]


def test_the_board_costs_the_same_for_many_as_for_few(as_person: Browser, anna: User) -> None:
    company = added("company", anna, "Rose")
    browser = as_person(anna)
    added("deal", anna, "The first", company=company)
    browser.get(BOARD)
    with CaptureQueriesContext(connection) as for_one:
        browser.get(BOARD)
    for number in range(30):
        stage = stage_of("deal", ("NEW", "EXECUTING", "WON")[number % 3])
        added("deal", anna, f"Number {number}", company=company, stage=stage)
    with CaptureQueriesContext(connection) as for_many:
        browser.get(BOARD)
    assert len(for_many) == len(for_one) <= 8


def test_filters_are_those_of_the_list_and_sums_are_of_what_they_find(as_person: Browser, anna: User) -> None:
    added("deal", anna, "Dear", amount=Decimal(5000))
    added("deal", anna, "Cheap", amount=Decimal(10))
    browser = as_person(anna)
    page = browser.get(BOARD, {"amount.from": "1000"})
    assert columns_in(page)["New"] == ["Dear"]
    assert "5,000\xa0" in page.content.decode()
    assert 'href="/crm/deal/?amount.from=1000"' in page.content.decode()
    listed = browser.get("/crm/deal/", {"amount.from": "1000"}).content.decode()
    assert "Dear" in listed
    assert "Cheap" not in listed


def test_a_card_that_the_filters_do_not_find_any_more_is_not_told(as_person: Browser, anna: User) -> None:
    deal = added("deal", anna, "Dear", amount=Decimal(5000))
    browser = as_person(anna)
    there = browser.get(BOARD, {"cards": str(deal.pk), "amount.from": "1000"}, headers=HTMX)
    assert f'data-card="{deal.pk}"' in there.content.decode()
    gone = browser.get(BOARD, {"cards": f"{deal.pk},7x", "amount.from": "9000"}, headers=HTMX)
    assert "data-card" not in gone.content.decode()
    assert "board-head" in gone.content.decode()
