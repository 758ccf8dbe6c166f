"""Who is away, new, or has a birthday: what may be written down, who sees it, and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.worktime.export import table_of
from box.apps.worktime.hours import Remark
from box.apps.worktime.presenters import sheets
from box.core.accounts.actions import NewUser, dismiss_user, invite, join, suspend_user, update_profile
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.people import today
from box.core.people.absences import Away, can_write_absences, remove_absence, write_absence
from box.core.people.models import Absence
from box.core.portal.actions import decide_day
from box.core.registry.company import company_day
from box.core.registry.settings import as_of, read_version
from box.core.structure.actions import add_member, create_department
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

NOON = datetime(2027, 2, 24, 9, tzinfo=UTC)


def day(number: int = 0) -> date:
    return company_day() + timedelta(days=number)


def away(first: int, last: int, kind: str = "vacation", **more: Any) -> Away:
    return Away(kind, day(first), day(last), **more)


def born(person: User, on: date, **fields: Any) -> User:
    User.objects.filter(pk=person.pk).update(birthday_on=on, **fields)
    return person


@pytest.fixture
def hugo(person: Callable[..., User], sales: Department) -> User:
    """Heads what is above sales."""
    hugo = person("Hugo")
    company = sales.parent
    assert company is not None
    add_member(company, hugo, role=Membership.Role.HEAD, by=None)
    return hugo


def test_the_person_and_who_leads_them_write_absences_down(
    anna: User, boris: User, hugo: User, olga: User, erik: User, person: Callable[..., User]
) -> None:
    other = person("Otto")
    add_member(create_department("Plant", parent=Department.objects.get(parent=None), by=None), other,
               role=Membership.Role.HEAD, by=None)  # fmt: skip
    may = {one.first_name for one in (anna, boris, hugo, olga, erik, other) if can_write_absences(one, anna)}
    assert may == {"Anna", "Hugo", "Olga"}
    with pytest.raises(PermissionDenied):
        write_absence(anna, away(0, 1), by=boris)
    assert not can_write_absences(olga, erik)


def test_what_cannot_be_is_refused(anna: User, erik: User) -> None:
    write_absence(anna, away(0, 3), by=anna)
    for bad in (away(5, 4), away(3, 9), away(-2, 0), away(10, 2000), away(5, 6, substitute=erik),
                away(5, 6, substitute=anna)):  # fmt: skip
        with pytest.raises(ValidationError):
            write_absence(anna, bad, by=anna)
    one = write_absence(anna, away(4, 6), by=anna)
    write_absence(anna, away(5, 8), by=anna, absence=one)
    assert [(one.starts_on, one.ends_on) for one in Absence.objects.order_by("starts_on")] == [
        (day(0), day(3)),
        (day(5), day(8)),
    ]


def test_a_sick_leave_is_one_to_the_person_and_who_leads_them_alone(
    as_person: Browser, anna: User, boris: User, hugo: User, erik: User
) -> None:
    write_absence(anna, away(0, 1, "sick", comment="Call Boris", substitute=boris), by=anna)
    for reader, said in ((anna, "sick leave"), (hugo, "sick leave"), (boris, "other absence")):
        for address in (f"/employees/{anna.pk}/", f"/employees/{anna.pk}/absences/"):
            page = as_person(reader).get(address).content.decode()
            assert said in page, (reader.name, address)
            assert "Call Boris" in page
    pages = [as_person(boris).get(address).content.decode() for address in ("/employees/", "/feed/")]
    pages.append(as_person(boris).get(f"/employees/{anna.pk}/absences/").content.decode())
    assert not any("sick" in page for page in pages)
    assert all("other absence" in page for page in pages)
    assert "Out today" not in as_person(erik).get("/feed/").content.decode()


def test_it_is_written_changed_and_taken_back_on_pages(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    sent = {"kind": "vacation", "starts_on": str(day(0)), "ends_on": str(day(2)), "nonce": "n" * 36}
    answer = browser.post(f"/employees/{anna.pk}/absences/", {**sent, "substitute": "nobody like that"})
    assert answer.status_code == 422
    answer = browser.post(f"/employees/{anna.pk}/absences/", {**sent, "substitute": "boris@example.com"})
    assert answer.status_code == 302
    one = Absence.objects.get()
    assert (one.substitute, one.by) == (boris, anna)
    answer = browser.post(f"/absences/{one.pk}/", {**sent, "ends_on": str(day(5))})
    assert answer.status_code == 302
    one.refresh_from_db()
    assert (one.ends_on, one.substitute) == (day(5), None)
    browser.post(f"/absences/{one.pk}/", {**sent, "substitute": f"{boris.name} #{boris.pk}"})
    one.refresh_from_db()
    assert one.substitute == boris
    page = browser.get(f"/absences/{one.pk}/").content.decode()
    assert f'value="{boris.name} #{boris.pk}"' in page
    assert 'data-options="/fields/options/org.person/"' in page
    found = as_person(boris).get("/employees/?away=yes").content.decode()
    assert "Anna" in found
    assert "Cara" not in found
    assert browser.delete(f"/absences/{one.pk}/").status_code == 302
    assert not Absence.objects.exists()


def test_the_day_tells_who_is_out_until_it_is_over(as_person: Browser, anna: User, boris: User) -> None:
    one = write_absence(anna, away(-1, 0), by=anna)
    write_absence(boris, away(1, 2), by=boris)
    assert list(today.read().out) == [anna.pk]
    assert list(today.read(timezone.now() + timedelta(days=1)).out) == [boris.pk]
    reader = as_person(boris)
    assert "Out today" in reader.get("/feed/").content.decode()
    remove_absence(one, by=anna)
    assert 'id="today-away"' not in reader.get("/feed/").content.decode()


def test_birthdays_cross_the_years_end_and_leap_years(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    born(anna, date(1990, 12, 31))
    born(boris, date(1988, 1, 2))
    born(cara, date(1992, 2, 29))
    eve = today.read(datetime(2026, 12, 31, 9, tzinfo=UTC))
    assert [(one.face.pk, one.on) for one in eve.birthdays] == [
        (anna.pk, date(2026, 12, 31)),
        (boris.pk, date(2027, 1, 2)),
    ]
    assert [one.face.pk for one in eve.born_today] == [anna.pk]
    assert [one.on for one in today.read(NOON).birthdays] == [date(2027, 2, 28)]
    leap = today.read(datetime(2028, 2, 24, 9, tzinfo=UTC))
    assert [one.on for one in leap.birthdays] == [date(2028, 2, 29)]


def test_a_birthday_is_shown_as_the_person_wants(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    shown = User.BirthdayShown
    born(anna, date(1990, day().month, min(day().day, 28)))
    update_profile(anna, {"birthday_shown": shown.DAY}, by=anna)

    def page(reader: User) -> str:
        return as_person(reader).get(f"/employees/{anna.pk}/").content.decode()

    assert "Birthday" in page(boris)
    assert "1990" not in page(boris)
    update_profile(anna, {"birthday_shown": shown.YEAR}, by=anna)
    assert "1990" in page(boris)
    update_profile(anna, {"birthday_shown": shown.NOBODY}, by=anna)
    assert "Birthday" not in page(boris)
    assert "1990" in page(olga)
    assert today.read().birthdays == ()


def test_who_is_gone_or_a_guest_is_neither_new_nor_out(
    anna: User, boris: User, erik: User, olga: User
) -> None:
    write_absence(anna, away(0, 0), by=anna)
    suspend_user(anna, by=olga)
    dismiss_user(boris, by=olga)
    User.objects.filter(pk=olga.pk).update(joined_at=timezone.now() - timedelta(days=31))
    now = today.read()
    assert (now.out, now.new) == ({}, ())


def test_who_was_invited_is_new_once_they_have_come(as_person: Browser, anna: User, olga: User) -> None:
    dina = invite(NewUser(email="dina@example.com"), by=olga)
    assert dina.pk not in [face.pk for face in today.read().new]
    listed = as_person(anna).get("/employees/?new=yes").content.decode()
    assert ">dina</a>" not in listed
    join(dina, "a-long-pass-phrase-of-dina")
    assert dina.pk in [face.pk for face in today.read().new]
    assert ">dina</a>" in as_person(anna).get("/employees/?new=yes").content.decode()


def test_reading_the_day_costs_two_queries_and_the_indexes_are_used(anna: User) -> None:
    with as_of(read_version()):
        company_day()
        with CaptureQueriesContext(connection) as queries:
            today.read()
    assert len(queries) == 2
    with connection.cursor() as cursor:
        # A table of a few rows is read whole, whatever indexes there are.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + queries[0]["sql"])
        people = "\n".join(row[0] for row in cursor.fetchall())
    assert "user_by_joining" in people
    assert "user_by_birthday" in people
    assert "absence_by_days" in Absence.objects.on(day()).explain()


def test_the_feed_pays_nothing_for_it(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(boris)

    def asked() -> int:
        browser.get("/feed/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/feed/")
        return sum("people_absence" in query["sql"] or "joined_at" in query["sql"].split("WHERE")[-1]
                   for query in queries)  # fmt: skip

    write_absence(anna, away(0, 0), by=anna)
    assert asked() == 0


def test_nothing_is_expected_of_a_day_on_which_one_is_away(anna: User, olga: User) -> None:
    User.objects.filter(pk=anna.pk).update(joined_at=timezone.now() - timedelta(days=40))
    anna.refresh_from_db()
    first, last = day(-6), day(-2)
    for number in range(-6, -1):
        decide_day(day(number), "worked", name="", by=olga)
    write_absence(anna, away(-4, -3, "trip"), by=anna)
    (sheet,) = sheets([anna], first, last)
    assert [bool(one.absence) for one in sheet.days] == [False, False, True, True, False]
    assert sheet.counts[Remark.ABSENT] == 3
    answer: Any = table_of("csv", User.objects.filter(pk=anna.pk), first, last)
    assert b"".join(answer.streaming_content).decode().count("business trip") == 2


def test_erasing_takes_absences(anna: User, olga: User) -> None:
    write_absence(anna, away(0, 0, comment="Zyxwvut"), by=anna)
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not Absence.objects.exists()
