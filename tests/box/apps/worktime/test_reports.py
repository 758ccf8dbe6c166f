from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from box.apps.worktime.actions import (
    Plan,
    begin_report,
    confirm_report,
    delete_schedule,
    give_schedule,
    save_schedule,
    write_report,
)
from box.apps.worktime.models import DepartmentSchedule, PersonSchedule, Report, Schedule
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.models import Notification
from box.core.structure.actions import create_department

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

WEDNESDAY = date(2026, 11, 25)
NOON, HOUR = datetime(2026, 11, 27, 12, tzinfo=UTC), timedelta(hours=1)


def sent_by(person: User) -> Report:
    return write_report("week", WEDNESDAY, plan="Sell", text="Sold", is_sent=True, by=person)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("day", WEDNESDAY, WEDNESDAY),
        ("week", date(2026, 11, 23), date(2026, 11, 29)),
        ("month", date(2026, 11, 1), date(2026, 11, 30)),
    ],
)
def test_a_report_is_of_the_period_that_holds_the_day(
    anna: User, period: str, first: date, last: date
) -> None:
    report = write_report(period, WEDNESDAY, plan="Sell", text="", is_sent=False, by=anna)
    assert (report.starts_on, report.ends_on) == (first, last)
    assert write_report(period, last, plan="Sell more", text="", is_sent=False, by=anna).pk == report.pk


def test_the_manager_hears_once_of_what_is_sent_and_the_author_of_its_confirmation(
    anna: User, head: User
) -> None:
    report = sent_by(anna)
    sent_by(anna)
    deliver_all()
    assert Notification.objects.get(user=head).kind == "worktime.sent"
    confirm_report(report, score="good", remark="Thanks", by=head)
    confirm_report(report, score="poor", remark="", by=head)
    deliver_all()
    assert Notification.objects.get(user=anna).kind == "worktime.confirmed"
    assert (report.score, report.remark, report.confirmed_by) == ("good", "Thanks", head)
    assert Event.objects.filter(kind="worktime.ReportConfirmed").count() == 1


def test_a_report_that_is_sent_again_says_something_else_and_was_sent_when_it_was(
    anna: User, boris: User, head: User
) -> None:
    def write(plan: str, text: str, at: datetime) -> Report:
        return write_report("week", WEDNESDAY, plan=plan, text=text, is_sent=True, by=anna, at=at)

    write("Sell", "Sold", NOON)
    report = write("Sell all", "Sold all", NOON + HOUR)
    others = sent_by(boris)
    assert Report.objects.get(pk=report.pk).sent_at == NOON
    assert Event.objects.filter(kind="worktime.ReportSent").count() == 2, "of anna's and of boris's once"
    for at in (NOON + 2 * HOUR, NOON + 3 * HOUR):
        confirm_report(report, score="good", remark="Thanks", by=head, at=at)
    kept = Report.objects.get(pk=report.pk)
    assert (kept.plan, kept.text, kept.confirmed_at) == ("Sell all", "Sold all", NOON + 2 * HOUR)
    assert Report.objects.waiting().get() == others


def test_nothing_is_not_sent_and_what_is_confirmed_stays(anna: User, head: User) -> None:
    with pytest.raises(ValidationError, match="Write what you have done"):
        write_report("day", WEDNESDAY, plan="Sell", text=" ", is_sent=True, by=anna)
    assert not Report.objects.exists()
    report = sent_by(anna)
    confirm_report(report, score="good", remark="", by=head)
    with pytest.raises(ValidationError, match="confirmed"):
        write_report("week", WEDNESDAY, plan="", text="Other", is_sent=True, by=anna)
    assert Report.objects.get().text == "Sold"


def test_a_draft_is_for_its_author_alone(as_person: Browser, anna: User, head: User) -> None:
    draft = write_report("week", WEDNESDAY, plan="Secret", text="", is_sent=False, by=anna)
    assert as_person(head).get(draft.get_absolute_url()).status_code == 404
    assert as_person(anna).get(draft.get_absolute_url()).status_code == 200
    confirm_report(draft, score="good", remark="", by=head)
    assert draft.confirmed_at is None


def test_a_report_goes_through_the_pages(as_person: Browser, anna: User, head: User) -> None:
    form = {"period": "week", "starts_on": "2026-11-25", "plan": "Sell", "text": "Sold <b>all</b>"}
    sent = {**form, "send": "yes", "nonce": str(uuid4())}
    address = as_person(anna).post("/worktime/reports/", sent).headers["Location"]
    assert as_person(anna).post("/worktime/reports/", sent).headers["Location"] == address
    assert "Read and confirm" in as_person(head).get("/worktime/approvals/").content.decode()
    assert "Sold &lt;b&gt;" in as_person(head).get(address).content.decode()
    as_person(head).post(f"{address}confirmation/", {"score": "good", "remark": "Fine"})
    page = as_person(anna).get(address).content.decode()
    assert "well done" in page
    assert "Fine" in page
    assert as_person(anna).post(address, {**sent, "nonce": str(uuid4())}).status_code == 422
    assert "well done" in as_person(anna).get("/worktime/reports/").content.decode()


def test_the_form_of_a_new_report_takes_nothing_from_one_that_is_begun(
    as_person: Browser, anna: User, head: User
) -> None:
    def send(**given: str) -> Any:
        form = {"period": "week", "starts_on": "2026-11-25", "plan": "", "text": "", "nonce": str(uuid4())}
        return as_person(anna).post("/worktime/reports/", form | given)

    def kept() -> tuple[str, str, bool]:
        report = Report.objects.get()
        return report.plan, report.text, report.sent_at is not None

    address = send(plan="Sell").headers["Location"]
    assert send(text="Sold", starts_on="2026-11-27", send="yes").headers["Location"] == address
    assert kept() == ("Sell", "Sold", True)
    assert send(plan="Sell", text="").headers["Location"] == address
    for other in ({"plan": "Buy"}, {"text": "Bought", "send": "yes"}):
        refused = send(**other)
        assert refused.status_code == 422
        said = refused.content.decode()
        assert "it says something else" in said
        assert f'href="{address}"' in said.partition('name="text"')[0]
    # Nor is what was sent emptied on its own page.
    given = {"plan": "Sell", "text": "", "nonce": str(uuid4())}
    assert as_person(anna).post(address, given).status_code == 422
    assert kept() == ("Sell", "Sold", True)
    assert send(plan="Buy", starts_on="2026-11-30").headers["Location"] != address


def test_what_is_begun_is_of_one_person_and_period_and_lacks_what_is_given_later(
    anna: User, boris: User
) -> None:
    monday = date(2026, 11, 23)

    def begin(period: str, plan: str, text: str, by: User) -> Report:
        return begin_report(period, monday, plan=plan, text=text, is_sent=False, by=by)

    write_report("week", monday, plan="Buy", text="Bought", is_sent=False, by=boris)
    write_report("day", monday, plan="Rest", text="Rested", is_sent=False, by=anna)
    begin("week", "", "Sold", anna)
    for _twice in range(2):
        kept = begin("week", "Sell", "Sold", anna)
        assert (kept.plan, kept.text) == ("Sell", "Sold")
    assert Report.objects.count() == 3


def test_a_score_there_is_not_is_refused(as_person: Browser, anna: User, head: User) -> None:
    report = sent_by(anna)
    address = f"/worktime/reports/{report.pk}/confirmation/"
    assert as_person(head).post(address, {"score": "great"}).status_code == 403
    report.refresh_from_db()
    assert report.confirmed_at is None


def test_a_department_has_one_schedule(olga: User, sales: Department) -> None:
    save_schedule(Schedule(), Plan("Early", "fixed", time(6), time(15), 480, (sales.pk,)), by=olga)
    free = save_schedule(Schedule(), Plan("Free", "flexible", None, None, 240, (sales.pk,)), by=olga)
    assert DepartmentSchedule.objects.get(department=sales).schedule == free
    delete_schedule(free, by=olga)
    assert not DepartmentSchedule.objects.exists()
    assert Event.objects.filter(kind="worktime.ScheduleChanged").count() == 3


def test_a_schedule_is_what_was_said_of_it_last_and_others_keep_their_departments(
    olga: User, sales: Department
) -> None:
    assert sales.parent is not None
    company = sales.parent
    works = create_department("Works", parent=company, by=None)
    early = Plan("Early", "fixed", time(6), time(15), 480, (sales.pk, company.pk))
    schedule = save_schedule(Schedule(), early, by=olga)
    save_schedule(Schedule(), Plan("Free", "flexible", None, None, 240, (works.pk,)), by=olga)
    late = Plan("Whenever", "flexible", time(9), time(18), 300, (sales.pk,))
    save_schedule(schedule, late, by=olga)
    kept = Schedule.objects.get(pk=schedule.pk)
    assert (kept.name, kept.kind, kept.minutes) == ("Whenever", "flexible", 300)
    assert (kept.starts, kept.ends) == (None, None)
    rows = DepartmentSchedule.objects.values_list("department", "schedule__name")
    assert dict(rows) == {sales.pk: "Whenever", works.pk: "Free"}


def test_whose_schedule_is_taken_back_is_theirs_alone_and_told_once(
    anna: User, boris: User, olga: User
) -> None:
    early, late = (
        save_schedule(Schedule(), Plan(name, "flexible", None, None, 240), by=olga)
        for name in ("Early", "Late")
    )
    Event.objects.all().delete()
    for schedule in (early, late):
        give_schedule(anna, schedule, by=olga)
    give_schedule(boris, early, by=olga)
    for _twice in range(2):
        give_schedule(anna, None, by=olga)
    assert list(PersonSchedule.objects.values_list("person", "schedule")) == [(boris.pk, early.pk)]
    told = Event.objects.filter(kind="worktime.ScheduleChanged").order_by("pk")
    assert [one.payload for one in told] == [
        {"schedule_id": one.pk, "by_id": olga.pk} for one in (early, late, early, late)
    ]


def test_fixed_hours_without_hours_are_refused(olga: User) -> None:
    for starts, ends in ((None, time(9)), (time(9), None), (time(9), time(9))):
        plan = Plan("?", "fixed", starts, ends, 480)
        with pytest.raises(ValidationError, match="Say when"):
            save_schedule(Schedule(), plan, by=olga)
    assert not Schedule.objects.exists()


def test_a_schedule_is_set_up_and_given_on_the_pages(
    as_person: Browser, anna: User, olga: User, sales: Department
) -> None:
    browser = as_person(olga)
    sent = {
        "name": "Early",
        "kind": "fixed",
        "starts": "06:00",
        "ends": "15:00",
        "minutes": "480",
        "departments": str(sales.pk),
        "nonce": str(uuid4()),
    }
    for _ in range(2):
        assert browser.post("/worktime/schedules/new/", sent).status_code == 302
    schedule = Schedule.objects.get()
    assert "06:00 – 15:00" in browser.get("/worktime/schedules/").content.decode()
    assert browser.post("/worktime/schedules/new/", {**sent, "minutes": "0"}).status_code == 422
    browser.post(f"/worktime/people/{anna.pk}/schedule/", {"schedule": str(schedule.pk)})
    assert PersonSchedule.objects.get().person == anna
    give_schedule(anna, None, by=olga)
    assert not PersonSchedule.objects.exists()
