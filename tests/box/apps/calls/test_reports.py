"""What the log adds up to, of the calls that the reader sees; and who does what at this moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.permissions import audience_of
from box.apps.calls.reports import Report, report, wallboard
from box.apps.calls.settings import ANSWERS_WITHIN
from box.bridges.telephony.actions import keep_queues
from box.core.registry.company import TIME_ZONE, company_day, company_zone
from box.core.registry.settings import store
from tests.box.apps.calls.conftest import RINGING, TALKING, miss, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.bridges.telephony.models import Pbx
    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_moscow(db: None) -> None:
    store({TIME_ZONE.key: "Europe/Moscow"})


def noon() -> Any:
    today = company_day()
    return datetime(today.year, today.month, today.day, 12, tzinfo=company_zone())


def logged(person: User, *, wait: int = 5, talk: int = 60, **more: Any) -> LoggedCall:
    """Somebody called and spoke with this person at noon."""
    start = more.pop("at", noon())
    answered = start + timedelta(seconds=wait) if talk else None
    end = start + timedelta(seconds=wait + talk)
    usual = {"direction": "in", "is_missed": not talk, "queue": "support"}
    call = LoggedCall.objects.create(
        number="+79161234567",
        started_at=start,
        answered_at=answered,
        ended_at=end,
        wait_seconds=wait,
        talk_seconds=talk,
        user=person if talk else None,
        audience=audience_of([person.pk]),
        **{**usual, **more},
    )
    Participant.objects.create(
        logged=call, user=person, leg="1", is_called=call.direction == "in", began_at=start,
        answered_at=answered, ended_at=end,
    )  # fmt: skip
    return call


def today(user: User) -> Report:
    return report(user, company_day(), company_day())


def test_the_service_level_leaves_out_who_hung_up_at_once(anna: User) -> None:
    within = ANSWERS_WITHIN.value
    logged(anna, wait=within)
    logged(anna, wait=within + 1)
    logged(anna, wait=4, talk=0)
    logged(anna, wait=5, talk=0)
    found = today(anna).all
    assert (found.incoming, found.answered, found.missed, found.gave_up_at_once) == (4, 2, 2, 1)
    # Of three that waited, one was answered in time, and one gave up.
    assert (found.service_level, found.abandonment) == (33, 33)


def test_a_part_of_the_report_is_saved_as_it_is_shown(anna: User, as_person: Browser) -> None:
    within = ANSWERS_WITHIN.value
    logged(anna, wait=within)
    logged(anna, wait=within + 1)
    browser = as_person(anna)
    day = company_day().isoformat()

    def table(of: str) -> list[list[str]]:
        answer = browser.get(f"/calls/reports/table/?of={of}&as=csv&day=today")
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        return [line.split(";" if ";" in line else ",") for line in text.splitlines()]

    assert table("queues")[1][:5] == ["support", "2", "2", "0", "50"]
    assert table("days")[1][:3] == [day, "2", "2"]
    assert table("hours")[1:] == [["12", "2", "0"]]
    assert table("people")[1][1:] == ["2", "0", "0", "120"]
    for wrong in ("of=people&as=exe", "of=secrets&as=csv", "of=people&as=csv&day=never"):
        assert browser.get(f"/calls/reports/table/?{wrong}").status_code == 404


def test_a_month_is_told_day_by_day(anna: User) -> None:
    logged(anna)
    logged(anna, at=noon() - timedelta(days=1))
    found = report(anna, company_day() - timedelta(days=1), company_day())
    assert [(day, figures.incoming) for day, figures in found.days] == [
        (company_day() - timedelta(days=1), 1),
        (company_day(), 1),
    ]


def test_without_a_call_there_is_no_level(anna: User) -> None:
    found = today(anna)
    assert (found.all.service_level, found.all.abandonment) == (None, None)
    assert (found.queues, found.people, found.hours) == ([], [], [])


def test_each_counts_for_who_talked_and_for_whose_telephone_rang_in_vain(anna: User) -> None:
    logged(anna, talk=60)
    logged(anna, talk=0)
    logged(anna, talk=30, direction="out", queue="")
    one = today(anna).people[0]
    assert (one.person, one.answered, one.not_answered, one.outgoing) == (anna, 1, 1, 1)
    assert one.talk_seconds == 90
    assert [name for name, _figures in today(anna).queues] == ["support"]


def test_a_day_ends_by_the_companys_clock(anna: User) -> None:
    midnight = noon() + timedelta(hours=12)
    logged(anna, at=midnight - timedelta(seconds=1))
    logged(anna, at=midnight)
    assert today(anna).all.incoming == 1
    assert [hour.hour for hour in today(anna).hours] == [23]


def test_nobody_reports_on_what_they_do_not_see(anna: User, boris: User, olga: User) -> None:
    logged(anna)
    assert today(boris).all.incoming == 0
    assert today(olga).all.incoming == 1


def test_a_report_costs_as_much_for_many_as_for_one(anna: User, as_person: Browser) -> None:
    browser = as_person(anna)
    logged(anna)
    browser.get("/calls/reports/")
    with CaptureQueriesContext(connection) as one:
        assert browser.get("/calls/reports/").status_code == 200
    for _ in range(10):
        logged(anna)
    with CaptureQueriesContext(connection) as many:
        browser.get("/calls/reports/")
    assert len(many) == len(one)
    assert browser.get("/calls/reports/?day=never").status_code == 422


def test_the_wallboard_says_who_waits_and_who_talks(
    pbx: Pbx, anna: User, boris: User, cara: User, olga: User
) -> None:
    def seats(user: User) -> dict[str, str]:
        return {seat.person.first_name: seat.state for seat in wallboard(user, now=timezone.now()).seats}

    play(pbx, "incoming_queue", facts=RINGING)
    board = wallboard(olga, now=timezone.now())
    assert len(board.waiting) == 1
    assert seats(olga) == {"Anna": "rings", "Boris": "rings"}
    play(pbx, "incoming_queue", facts=TALKING)
    assert seats(olga) == {"Anna": "talks", "Boris": "free"}
    # Each sees themselves; who has no telephone, nobody.
    assert seats(boris) == {"Boris": "free"}
    assert seats(cara) == {}
    assert wallboard(olga, now=timezone.now()).waiting == []


def test_the_wallboard_counts_what_is_to_be_returned(pbx: Pbx, anna: User, as_person: Browser) -> None:
    miss(pbx)
    assert wallboard(anna, now=timezone.now()).unreturned == 1
    part = as_person(anna).get("/calls/wallboard/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="wallboard"')


def test_who_takes_a_break_is_paused_until_they_are_back(pbx: Pbx, olga: User) -> None:
    def state() -> str:
        seats = wallboard(olga, now=timezone.now()).seats
        return next(seat.state for seat in seats if seat.person.first_name == "Anna")

    def queues(paused: str) -> dict[str, Any]:
        return {"support": {"members": {"PJSIP/100": {"Paused": paused}, "PJSIP/101": {"Paused": "0"}}}}

    assert keep_queues(pbx, queues("1"))
    assert state() == "paused"
    assert not keep_queues(pbx, queues("1"))
    assert keep_queues(pbx, queues("0"))
    assert state() == "free"
    assert keep_queues(pbx, {})
    assert not pbx.queue_members.exists()


def test_whoever_picks_up_at_anothers_telephone_has_answered_and_called_nobody(anna: User) -> None:
    """They call the PBX for it, so that their part is not that of somebody who was called."""
    logged(anna).participants.update(is_called=False)
    logged(anna, direction="out")
    (found,) = today(anna).people
    assert (found.answered, found.not_answered, found.outgoing) == (1, 0, 1)
