"""Events from files: previewed, taken in once, undone."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection, transaction

from box.apps.calendar.actions import create_calendar, main_calendar, move_event
from box.apps.calendar.importing import KEY
from box.apps.calendar.models import Event
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import, start_undo
from box.core.imports.importers import importers
from box.core.imports.models import ImportRun
from box.core.imports.preview import preview
from tests import cast
from tests.box.apps.calendar.conftest import MOSCOW, planned

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "store")]

ICS = """\
BEGIN:VCALENDAR
X-WR-TIMEZONE:Europe/Moscow
BEGIN:VEVENT
UID:weekly@google.com
DTSTART;TZID=Russian Standard Time:20261201T100000
DTEND;TZID=Russian Standard Time:20261201T110000
RRULE:FREQ=WEEKLY;COUNT=4
EXDATE;TZID=Russian Standard Time:20261215T100000
SUMMARY:Weekly
ATTENDEE:mailto:somebody@example.com
END:VEVENT
BEGIN:VEVENT
UID:weekly@google.com
RECURRENCE-ID:20261208T070000Z
DTSTART:20261208T090000Z
DTEND:20261208T100000Z
SUMMARY:Weekly, later
END:VEVENT
BEGIN:VEVENT
UID:fair@google.com
DTSTART;VALUE=DATE:20261207
DTEND;VALUE=DATE:20261209
SUMMARY:Fair
END:VEVENT
BEGIN:VEVENT
UID:hourly@google.com
DTSTART:20261208T090000Z
RRULE:FREQ=HOURLY
SUMMARY:Hourly
END:VEVENT
END:VCALENDAR
"""
OUTLOOK = """\
Subject,Start Date,Start Time,End Date,End Time,All day event,Location,Private
Meeting,12/1/2026,9:30:00 AM,12/1/2026,1:00:00 PM,False,Room,True
Holiday,12/7/2026,,12/8/2026,,True,,False
Wrong,31/31/2026,9:30:00 AM,,,False,,False
"""


def imported(text: str, by: User, name: str = "a.ics") -> ImportRun:
    run = begin_import(importers[KEY], io.BytesIO(text.encode()), name, by=by)
    start_import(run, run.columns, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def there(by: User) -> list[tuple[str, ...]]:
    rows = Event.objects.there().filter(calendar=main_calendar(f"U{by.pk}")).order_by("starts_at", "pk")
    form = "%d %H:%M"
    return [
        (
            one.title,
            one.starts_at.astimezone(MOSCOW).strftime(form),
            one.ends_at.astimezone(MOSCOW).strftime(form),
        )
        for one in rows
    ]


def test_a_calendar_file_comes_in_once_and_goes_again(anna: User) -> None:
    run = imported(ICS, anna)
    assert (run.created, run.failed) == (3, 1)
    assert there(anna) == [
        ("Weekly", "01 10:00", "01 11:00"),
        ("Fair", "07 03:00", "09 03:00"),
        ("Weekly, later", "08 12:00", "08 13:00"),
    ]
    weekly = Event.objects.get(title="Weekly")
    assert [one.astimezone(MOSCOW).day for one in weekly.excluded] == [8, 15]
    assert not weekly.guests.exists()
    assert imported(ICS, anna).created == 0
    start_undo(run, by=anna)
    jobs.import_once(run.pk)
    assert there(anna) == []


def test_what_has_changed_since_is_not_undone(anna: User) -> None:
    run = imported(ICS, anna)
    fair = Event.objects.get(title="Fair")
    move_event(fair, fair.starts_at, fair.ends_at, by=anna)
    start_undo(run, by=anna)
    jobs.import_once(run.pk)
    assert len(there(anna)) == 3


def test_a_table_of_outlook_is_understood_and_what_is_wrong_named(anna: User) -> None:
    run = begin_import(importers[KEY], io.BytesIO(OUTLOOK.encode()), "a.csv", by=anna)
    shown = preview(run, run.columns)
    assert [one.is_bad for one in shown] == [False, False, True]
    assert "01.12.2026 09:30" in shown[0].cells
    run = imported(OUTLOOK, anna, "a.csv")
    assert (run.created, run.failed) == (2, 1)
    assert there(anna) == [("Meeting", "01 09:30", "01 13:00"), ("Holiday", "07 03:00", "09 03:00")]
    assert Event.objects.get(title="Meeting").is_confidential
    assert imported(OUTLOOK, anna, "a.csv").created == 0


def test_a_column_names_another_calendar_of_ones_own(anna: User, boris: User) -> None:
    family = create_calendar("Family", "plum", by=anna)
    planned(boris)
    run = imported(
        "Событие;Начало;Календарь\nОбед;01.12.2026 13:00;family\nУжин;01.12.2026 19:00;Борис\n", anna, "a.csv"
    )
    assert (run.created, run.failed) == (1, 1)
    assert Event.objects.get(title="Обед").calendar == family


def test_guests_of_the_portal_have_no_calendar_to_import_into(erik: User, anna: User) -> None:
    assert importers[KEY].can_import(anna)
    assert not importers[KEY].can_import(erik)


@pytest.mark.django_db(transaction=True)
def test_what_an_undo_has_looked_at_nobody_changes_before_it_is_over() -> None:
    anna = cast.person("Anna")
    event, other = planned(anna), planned(anna)

    def is_held(pk: int) -> bool:
        try:
            with transaction.atomic():
                Event.objects.select_for_update(nowait=True).get(pk=pk)
        except OperationalError:
            return True
        finally:
            connection.close()
        return False

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        assert importers[KEY].states([event.pk])
        assert list(pool.map(is_held, [event.pk, other.pk])) == [True, False]
