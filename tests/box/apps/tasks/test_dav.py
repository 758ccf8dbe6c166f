"""Tasks in phones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from tests.box.apps.tasks.conftest import DAY
from tests.box.bridges.dav.phones import Phone

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def path(phone: Phone, name: object = "") -> str:
    return f"{phone.home}tasks/{name}"


def test_a_task_of_a_phone_is_its_persons_own(anna: User) -> None:
    phone = Phone(anna)
    lines = (
        "UID:todo-1", "SUMMARY:Buy milk", "DUE;VALUE=DATE:20261203", "PRIORITY:1", "CATEGORIES:Home,Big shop",
        "DESCRIPTION:Two litres",
    )  # fmt: skip
    assert phone.put(path(phone, "ab.ics"), *lines, kind="VTODO").status_code == 201
    task = Task.objects.get()
    assert (task.title, task.responsible, task.created_by, task.text) == (
        "Buy milk",
        anna,
        anna,
        "Two litres",
    )
    assert (task.priority, task.tags) == (Task.Priority.HIGH, ["home", "big-shop"])
    assert task.deadline_at == datetime(2026, 12, 3, 20, 59, tzinfo=UTC)
    text = phone.text(path(phone, "ab.ics"))
    assert "UID:todo-1" in text
    assert phone.change(path(phone, "ab.ics"), "Buy milk", "Buy bread").status_code == 204
    task.refresh_from_db()
    assert task.title == "Buy bread"
    assert phone.ask("DELETE", path(phone, "ab.ics")).status_code == 200
    assert not Task.objects.there().exists()


def test_what_is_done_waits_for_acceptance_and_comes_back(anna: User, boris: User, give: Give) -> None:
    task, does, gave = give(), Phone(boris), Phone(anna)
    name = f"{task.pk}.ics"
    assert "STATUS:NEEDS-ACTION" in does.text(path(does, name))
    assert does.change(path(does, name), "NEEDS-ACTION", "IN-PROCESS").status_code == 204
    assert does.change(path(does, name), "IN-PROCESS", "COMPLETED").status_code == 204
    task.refresh_from_db()
    assert task.state == State.IN_REVIEW
    assert "STATUS:COMPLETED" in does.text(path(does, name))
    assert gave.change(path(gave, name), "NEEDS-ACTION", "COMPLETED").status_code == 204
    task.refresh_from_db()
    assert task.state == State.COMPLETED
    text = gave.text(path(gave, name))
    line = next(one for one in text.split("\r\n") if one.startswith("COMPLETED:"))
    etag = gave.ask("GET", path(gave, name)).headers["ETag"]
    opened = text.replace(f"{line}\r\n", "").replace("STATUS:COMPLETED", "STATUS:NEEDS-ACTION")
    assert gave.ask("PUT", path(gave, name), opened, If_Match=etag).status_code == 204
    task.refresh_from_db()
    assert task.state == State.WAITING


def test_who_only_does_it_changes_no_words_and_removes_nothing(
    boris: User, cara: User, give: Give, caplog: pytest.LogCaptureFixture
) -> None:
    task, does = give(), Phone(boris)
    name = f"{task.pk}.ics"
    with caplog.at_level("INFO"):
        assert does.change(path(does, name), "Count the boxes", "Count no boxes").status_code == 403
        assert does.ask("DELETE", path(does, name)).status_code == 403
    # A line each, and nothing of a fault.
    assert [(one.name, one.levelname, one.exc_info) for one in caplog.records] == [
        ("box.bridges.dav.endpoint", "INFO", None)
    ] * 2
    task.refresh_from_db()
    assert (task.title, task.deleted_at) == ("Count the boxes", None)
    stranger = Phone(cara)
    assert stranger.ask("GET", path(stranger, name)).status_code == 404
    assert stranger.sync(path(stranger))[1] == {}


def test_what_recurs_is_refused_and_events_have_no_place(anna: User) -> None:
    phone = Phone(anna)
    lines = ("UID:todo-1", "SUMMARY:Daily", "DUE:20261203T100000Z", "RRULE:FREQ=DAILY")
    assert phone.put(path(phone, "a.ics"), *lines, kind="VTODO").status_code == 403
    event = ("UID:e", "SUMMARY:Event", "DTSTART:20261203T100000Z")
    assert phone.put(path(phone, "b.ics"), *event).status_code == 403
    assert not Task.objects.exists()


def test_what_a_calendar_says_less_exactly_is_not_changed_by_who_ticks_off(
    anna: User, boris: User, give: Give
) -> None:
    exact = datetime(2030, 1, 31, 12, 0, 7, 250, tzinfo=UTC)
    more = {"tags": ("big deal", "oak"), "starts_at": exact - DAY, "deadline_at": exact}
    task, does, gave = give(**more), Phone(boris), Phone(anna)
    name = f"{task.pk}.ics"
    assert does.change(path(does, name), "NEEDS-ACTION", "COMPLETED").status_code == 204
    task.refresh_from_db()
    assert task.state == State.IN_REVIEW
    # Nor is a tag called otherwise where another one comes.
    assert gave.change(path(gave, name), "big deal,oak", "big deal,elm").status_code == 204
    task.refresh_from_db()
    assert task.tags == ["big deal", "elm"]
    assert (task.starts_at, task.deadline_at) == (exact - DAY, exact)
    assert gave.change(path(gave, name), "20300131T120007Z", "20300131T120008Z").status_code == 204
    task.refresh_from_db()
    assert task.deadline_at == exact.replace(second=8, microsecond=0)
    assert task.starts_at == exact - DAY
