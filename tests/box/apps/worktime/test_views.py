from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from box.apps.worktime.actions import Truth, ask_correction, take_step
from box.apps.worktime.clock import Step
from box.apps.worktime.models import Correction, DepartmentSchedule, PersonSchedule, Schedule, WorkDay
from box.core.structure.actions import add_member, create_department
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.usefixtures("clock", "in_utc")

HTMX = {"HX-Request": "true"}
HOUR = timedelta(hours=1)


def press(browser: Client, step: str, nonce: str = "") -> Any:
    sent = {"step": step, "nonce": nonce or str(uuid4())}
    return browser.post("/worktime/steps/", sent, headers=HTMX)


def worked(person: User, on: datetime, *, starts: float = 9, ends: float = 18) -> WorkDay:
    take_step(Step.START, by=person, at=on + starts * HOUR)
    return take_step(Step.FINISH, by=person, at=on + ends * HOUR)


# A month of the past, from which all days count: it begins with a Monday.
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def in_june(person: User) -> User:
    person.joined_at = JUNE - timedelta(days=100)
    person.save(update_fields=["joined_at"])
    return person


def test_the_day_goes_through_the_bar(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    assert "Start the day" in browser.get("/worktime/clock/", headers=HTMX).content.decode()
    answer = press(browser, "start").content.decode()
    assert "data-running" in answer
    assert "Take a break" in answer
    answer = press(browser, "pause").content.decode()
    assert "data-running" not in answer
    assert "Resume" in answer
    assert "Your day is finished" in press(browser, "finish").content.decode()


def test_a_press_that_arrives_late_once_more_does_nothing(as_person: Browser, anna: User) -> None:
    """The answer was lost, the client sent it again, and meanwhile the person had gone on."""
    browser, nonce = as_person(anna), str(uuid4())
    press(browser, "start")
    press(browser, "pause", nonce)
    press(browser, "resume")
    assert "data-running" in press(browser, "pause", nonce).content.decode()
    assert len(WorkDay.objects.get().marks) == 3


def test_a_step_that_does_not_follow_is_refused_with_the_clock_as_it_is(
    as_person: Browser, anna: User
) -> None:
    answer = press(as_person(anna), "finish")
    assert answer.status_code == 422
    assert "start it first" in answer.headers["HX-Trigger"]
    assert not WorkDay.objects.exists()
    assert press(as_person(anna), "dance").status_code == 422


def test_every_page_has_the_clock_for_employees(as_person: Browser, anna: User, erik: User) -> None:
    assert b"<work-clock" in as_person(anna).get("/notifications/").content
    assert b"<work-clock" not in as_person(erik).get("/notifications/").content
    assert b"My time" not in as_person(erik).get("/notifications/").content


def test_my_month_shows_what_i_worked_and_what_strikes(as_person: Browser, anna: User) -> None:
    in_june(anna)
    worked(anna, JUNE)
    worked(anna, JUNE + timedelta(days=1), starts=10, ends=17)
    page = as_person(anna).get("/worktime/?month=2026-06").content.decode()
    assert "9:00" in page
    assert "7:00" in page
    assert "came late" in page
    assert "left early" in page
    # 22 working days without those two.
    assert page.count("absent") == 20
    assert "16:00" in page


@pytest.mark.parametrize("month", ["", "x", "2026-13", "0001-01", "9999-12", "2026-6-1"])
def test_a_month_that_is_none_is_not_an_error(as_person: Browser, anna: User, month: str) -> None:
    assert as_person(anna).get("/worktime/", {"month": month}).status_code == 200


def test_the_head_approves_on_the_page_what_was_asked_on_another(
    as_person: Browser, anna: User, head: User
) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    sent = {"starts": "09:00", "ends": "17:30", "pause": "30", "reason": "Forgot <b>it</b>"}
    address = f"/worktime/days/{yesterday}/correction/"
    nonce = str(uuid4())
    for _ in range(2):
        assert as_person(anna).post(address, {**sent, "nonce": nonce}).status_code == 302
    asked = Correction.objects.get()
    page = as_person(head).get("/worktime/approvals/").content.decode()
    assert "Forgot &lt;b&gt;" in page
    assert "09:00 – 17:30" in page
    as_person(head).post(f"/worktime/corrections/{asked.pk}/decision/", {"decision": "approve"})
    assert WorkDay.objects.get().worked_seconds == 8 * 3600
    assert "corrected" in as_person(anna).get(f"/worktime/?month={yesterday:%Y-%m}").content.decode()


def test_a_day_that_is_over_is_offered_to_be_corrected(as_person: Browser, anna: User) -> None:
    address = f"/worktime/days/{timezone.now().date()}/correction/"
    browser = as_person(anna)
    for step, is_offered in (("start", False), ("pause", False), ("finish", True)):
        press(browser, step)
        assert (address in browser.get("/worktime/").content.decode()) is is_offered


@pytest.mark.parametrize(
    "wrong", [{"starts": "x"}, {"ends": ""}, {"pause": "-1"}, {"reason": ""}, {"pause": "600"}]
)
def test_a_correction_that_is_incomplete_is_refused(
    as_person: Browser, anna: User, wrong: dict[str, str]
) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    sent = {"starts": "09:00", "ends": "17:30", "pause": "30", "reason": "?", "nonce": str(uuid4()), **wrong}
    assert as_person(anna).post(f"/worktime/days/{yesterday}/correction/", sent).status_code == 422
    assert not Correction.objects.exists()


def test_nobody_else_decides(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    yesterday = timezone.now().replace(hour=9) - timedelta(days=1)
    truth = Truth(yesterday, yesterday + HOUR, timedelta(), "?")
    asked = ask_correction(yesterday.date(), truth, by=anna)
    address = f"/worktime/corrections/{asked.pk}/decision/"
    for who, status in ((anna, 403), (boris, 404), (cara, 404)):
        assert as_person(who).post(address, {"decision": "approve"}).status_code == status
    assert not WorkDay.objects.exists()


def test_a_head_sees_the_days_of_those_below_and_of_nobody_else(
    as_person: Browser, anna: User, head: User, cara: User
) -> None:
    page = as_person(head).get("/worktime/team/").content.decode()
    assert anna.full_name in page
    assert cara.full_name not in page
    assert as_person(head).get(f"/worktime/people/{anna.pk}/").status_code == 200
    assert as_person(head).get(f"/worktime/people/{cara.pk}/").status_code == 404
    assert as_person(anna).get(f"/worktime/people/{head.pk}/").status_code == 404


def test_the_team_costs_as_many_queries_for_three_hundred_as_for_one(
    as_person: Browser, anna: User, olga: User, sales: Department, person: Callable[..., User]
) -> None:
    for one in (anna, olga):
        worked(in_june(one), JUNE)
    schedule = Schedule.objects.create(name="Free", kind="flexible")
    DepartmentSchedule.objects.create(schedule=schedule, department=sales)
    browser = as_person(olga)
    address = "/worktime/team/?month=2026-06"
    browser.get(address)
    with CaptureQueriesContext(connection) as for_two:
        browser.get(address)
    _three_hundred(sales)
    with CaptureQueriesContext(connection) as for_many:
        page = browser.get(address).content.decode()
    assert len(for_many) == len(for_two) <= 12
    assert page.count("<tr>") == 51
    last = page.rpartition("after=")[2].partition('"')[0]
    with CaptureQueriesContext(connection) as for_next:
        following = browser.get(f"{address}&after={last}", headers=HTMX).content.decode()
    assert following.count("<tr>") == 50
    assert len(for_next) <= 12


def _three_hundred(sales: Department) -> None:
    from box.core.accounts.models import User

    people = User.objects.bulk_create(
        User(login=f"p{number}", last_name=f"Person{number:03d}", joined_at=JUNE - timedelta(days=9))
        for number in range(300)
    )
    Membership.objects.bulk_create(Membership(user=one, department=sales) for one in people)
    WorkDay.objects.bulk_create(
        WorkDay(
            user=one,
            on=(JUNE + timedelta(days=day)).date(),
            marks=[],
            state="finished",
            started_at=JUNE + timedelta(days=day, hours=9),
            finished_at=JUNE + timedelta(days=day, hours=18),
            worked_seconds=8 * 3600,
            forgotten_at=JUNE + timedelta(days=day + 1),
        )
        for one in people
        for day in range(5)
    )


def test_the_team_is_exported_as_csv_and_xlsx(as_person: Browser, anna: User, olga: User) -> None:
    worked(in_june(anna), JUNE, starts=10)
    browser = as_person(olga)
    text = b"".join(browser.get("/worktime/team/csv/?month=2026-06")).decode()
    assert "Test Anna,2026-06-01,10:00:00,18:00:00,0:00,8:00,480,came late" in text
    # She did not come on the other 21 working days; olga has worked here since today.
    assert text.count("absent") == 21
    book = load_workbook(BytesIO(b"".join(browser.get("/worktime/team/xlsx/?month=2026-06"))))
    assert next(iter(book.active.values))[0] == "Person"  # type: ignore[union-attr]
    assert browser.get("/worktime/team/pdf/").status_code == 404


def test_the_nearest_schedule_holds(
    as_person: Browser, anna: User, boris: User, cara: User, olga: User, sales: Department
) -> None:
    """Anna's own, boris's of the department above his, cara's of the portal."""
    assert sales.parent is not None
    west = create_department("West", parent=sales, by=None)
    add_member(west, boris, by=None)
    early = Schedule.objects.create(name="Early", starts="06:00", ends="15:00")
    late = Schedule.objects.create(name="Late", starts="12:00", ends="21:00")
    free = Schedule.objects.create(name="Free", kind="flexible")
    DepartmentSchedule.objects.create(schedule=late, department=sales.parent)
    DepartmentSchedule.objects.create(schedule=early, department=west)
    PersonSchedule.objects.create(schedule=free, person=anna)
    for one in (anna, boris, cara):
        worked(in_june(one), JUNE, starts=9.5, ends=18)
    text = b"".join(as_person(olga).get("/worktime/team/csv/?month=2026-06")).decode()
    remarks = {
        line.partition(",")[0]: line.split(",", 7)[7].strip('"')
        for line in text.splitlines()
        if "2026-06-01" in line
    }
    assert remarks == {"Test Anna": "", "Test Boris": "came late", "Test Cara": "came late"}


def test_it_reads_in_russian(as_person: Browser, anna: User) -> None:
    anna.language = "ru"
    anna.save()
    assert "Начать день" in as_person(anna).get("/worktime/").content.decode()
