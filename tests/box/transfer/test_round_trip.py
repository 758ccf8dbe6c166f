"""Box to archive to box: what comes is what went, but for what is named here, each with its reason."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.calendar.actions.appointments import VisitorDraft, book_time
from box.apps.calendar.actions.events import move_event
from box.apps.calendar.models import Appointment, BookingPage, Event
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Dependency, Task
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.files.models import File
from box.core.notify.models import Notification, QueuedLetter
from box.core.people.models import Absence
from box.core.push.models import PushMessage
from box.core.registry.settings import store as set_settings
from box.core.relations.models import Relation
from box.core.structure.models import Department
from box.transfer.archive import records
from box.transfer.archive.container import Manifest, Writer, blob_name
from box.transfer.archive.records import FORMAT, VERSION, Record
from box.transfer.models import Migration
from tests.box.transfer.archived import AT, Canonical, archive, company, lines_of, moved_in, undone
from tests.cast import person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)

DIFFERENCES = {
    "absences": {},
    "people": {
        "photo": "drawn anew of the picture, in this box's size",
        "departments": "whoever was dismissed belongs nowhere",
    },
    "groups": {"members": "whoever was dismissed is in no group"},
    "pipelines": {"code": "a stage of a company's own is called by its number"},
    "tasks": {"started_at": "time is written down by the day: the hour is that of its morning"},
    "events": {"attendees": "nobody asks whoever has left"},
}
"""By kind the fields that may differ, with why."""


def test_a_company_comes_back_as_it_was(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    migration = moved_in(went.getvalue(), olga)
    assert migration.state == Migration.State.DONE
    assert [str(one) for one in migration.remarks.all()] == []
    came = archive()
    before, after = Canonical(went).dump(), Canonical(came).dump()
    assert before.keys() == after.keys()
    for kind in before:
        allowed = set(DIFFERENCES.get(kind, {}))
        assert without(before[kind], allowed) == without(after[kind], allowed), kind
        assert len(before[kind]) >= 1
    # Of a call its subject does not say it.
    numbers = [one["number"] for one in lines_of(came)["activities"] if one["kind"] == "call"]
    assert numbers == ["8 (916) 123-45-67"]


def without(lines: list[str], fields: set[str]) -> list[object]:
    def cut(value: object) -> object:
        if isinstance(value, dict):
            return {name: cut(one) for name, one in value.items() if name not in fields}
        return [cut(one) for one in value] if isinstance(value, list) else value

    return sorted((cut(json.loads(line)) for line in lines), key=lambda one: json.dumps(one, sort_keys=True))


def test_nobody_is_told_of_anything_that_comes(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    moved_in(went.getvalue(), olga)
    deliver_all()
    assert not Notification.objects.exclude(kind__startswith="transfer.").exists()
    assert not QueuedLetter.objects.exists()
    others = [f"U{one.pk}" for one in User.objects.exclude(pk=olga.pk)]
    assert not PushMessage.objects.filter(audience__overlap=others).exists()


def test_who_was_invited_by_letter_is_known_and_hears_of_the_next_change(
    store: S3Store,
) -> None:
    set_settings({"mail.host": "127.0.0.1"})
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    moved_in(went.getvalue(), olga)
    deliver_all()
    # What they know from the other box is not written again, and what is new is.
    assert not QueuedLetter.objects.exists()
    weekly = Event.objects.get(title="Weekly")
    tomorrow = timezone.now() + 24 * HOUR
    move_event(weekly, tomorrow, tomorrow + HOUR, by=weekly.organizer)
    deliver_all()
    assert {one.to for one in QueuedLetter.objects.all()} >= {"mason@stone.example", "smith@iron.example"}


def test_a_time_that_was_booked_is_taken(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    moved_in(went.getvalue(), olga)
    booked = Appointment.objects.get()
    assert (booked.page.title, booked.page.owner.first_name) == ("See the bridge", "Anna")
    span = booked.held_times.get().span
    assert (span.lower, span.upper) == (booked.event.starts_at, booked.event.ends_at + HOUR / 2)
    again = VisitorDraft(name="Walt", email="walt@visit.example", language="en", zone="Europe/Moscow")
    with pytest.raises(ValidationError) as refused:
        book_time(booked.page, booked.event.starts_at, again, key="2", now=AT)
    assert "start" in refused.value.message_dict


def test_nobody_comes_with_a_password_or_as_an_administrator(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(person("Root", is_administrator=True))
        went = archive()
    moved_in(went.getvalue(), olga)
    root = User.objects.get(login="root@example.com")
    assert not root.is_administrator
    assert not root.has_usable_password()
    assert "password" not in lines_of(went)["people"][0]


def crafted(**kinds: Sequence[Record]) -> bytes:
    """An archive that nobody's box has written."""
    out = io.BytesIO()
    writer = Writer(out, at=AT)
    for kind, lines in kinds.items():
        writer.add_kind(kind, lines)
    manifest = Manifest(
        format=FORMAT, version=VERSION, source="evil.example", created_at=AT, files=writer.members
    )
    writer.finish(manifest, "")
    return out.getvalue()


def _related(pk: int, one: tuple[Any, int], other: tuple[Any, int], *, by: int = 2) -> records.Relation:
    ends = (records.End(kind=kind, id=number) for kind, number in (one, other))
    return records.Relation(id=pk, one=next(ends), other=next(ends), created_by=by, created_at=AT)


def test_a_hostile_archive_is_cleaned_or_left_out_with_a_sentence(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    bad = "<p>Hello<script>alert(1)</script><img src=x onerror=alert(2)></p>"
    given: dict[str, Any] = {"state_since": AT, "created_by": 2, "responsible": 2, "created_at": AT}
    content = crafted(
        departments=[
            records.Department(id=1, name="Company"),
            # They stand under each other.
            records.Department(id=2, name="Hen", parent=3),
            records.Department(id=3, name="Egg", parent=2),
        ],
        people=[
            records.Person(id=1, name="Eve", login="eve/../x", email="no e-mail", joined_at=AT),
            records.Person(id=2, name="Mallory", login="mallory", first_name="M" * 900, joined_at=AT),
            records.Person(id=3, name="Olga", login="olga@example.com", first_name="Olga", joined_at=AT),
        ],
        groups=[records.Group(id=1, name="G" * 900, created_at=AT, owner=99, members=[2, 77])],
        posts=[
            records.Post(id=1, author=2, html=bad, audience=["UA", "U77", "G1"], created_at=AT),
            records.Post(id=2, author=77, html="", audience=["UA"], created_at=AT),
        ],
        tasks=[
            records.Task(id=1, title="T" * 900, state="ruined", **given),
            records.Task(
                id=2, title="Fine", state="waiting", parent=2, waits_for=[records.Waits(task=2, kind="FS")],
                **given,
            ),
        ],
        comments=[records.Comment(id=1, on_kind="post", on=55, author=2, html="<p>x</p>", created_at=AT)],
        drives=[
            records.DriveItem(
                id=1, drive="G1", name="../../passwd", is_folder=True, created_by=2, created_at=AT
            )
        ],
        relations=[
            # Two people, a task that was refused, one with itself, and one that is right.
            _related(1, ("person", 2), ("person", 3)),
            _related(2, ("task", 1), ("person", 2)),
            _related(3, ("task", 2), ("task", 2)),
            _related(4, ("client", 7), ("task", 2)),
            _related(5, ("person", 2), ("task", 2), by=77),
        ],
    )  # fmt: skip
    migration = moved_in(content, olga)
    assert migration.state == Migration.State.DONE
    post = Post.objects.exclude(kind=Post.Kind.SYSTEM).get()
    assert "script" not in post.html
    assert "onerror" not in post.html
    assert {one.title for one in Task.objects.all()} == {"Fine"}
    assert not Task.objects.get().parent_id
    assert Item.objects.exclude(parent=None).get().name == "passwd"
    olga.refresh_from_db()
    assert olga.first_name == "Olga"
    tops = Department.objects.standing().filter(parent=None)
    assert tops.count() == 1
    said = {f"{one.kind} {one.theirs}" for one in migration.remarks.all()}
    assert said >= {"department 2", "person 1", "post 2", "task 1", "comment 1", "relation 1", "relation 5"}
    assert Relation.objects.get().made_by == olga


def test_bytes_that_lie_stay_out_with_a_sentence_and_the_rest_comes(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    names = ("lies.txt", "lacks.txt", "../../true.txt")
    digests = [sha256(name.encode()).hexdigest() for name in names]
    files = [
        records.Attachment(id=number, name=name, sha256=digest, size=len(name))
        for number, (name, digest) in enumerate(zip(names, digests, strict=True), 1)
    ]
    content = io.BytesIO(
        crafted(
            people=[records.Person(id=2, name="Eve", login="eve", first_name="Eve", joined_at=AT)],
            posts=[
                records.Post(id=1, author=2, html="<p>x</p>", audience=["UA"], files=files, created_at=AT)
            ],
        )
    )
    with zipfile.ZipFile(content, "a") as archive_:
        archive_.writestr(blob_name(digests[0]), b"LIES.TXT")
        archive_.writestr(blob_name(digests[2]), names[2])
    migration = moved_in(content.getvalue(), olga)
    assert migration.state == Migration.State.DONE
    post = Post.objects.exclude(kind=Post.Kind.SYSTEM).get()
    assert [file.name for file in post.files.all()] == ["true.txt"]
    said = [one.text for one in migration.remarks.filter(kind="post")]
    assert any("other bytes" in text for text in said) and any("has no file" in text for text in said)
    assert not File.objects.filter(name__in=["lies.txt", "lacks.txt"]).exists()


def test_what_those_who_have_left_had_comes_whole_and_names_stay_as_they_are(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    given: dict[str, Any] = {
        "state": "waiting", "state_since": AT, "created_by": 2, "responsible": 2, "created_at": AT,
    }  # fmt: skip
    folder: dict[str, Any] = {"drive": "UA", "is_folder": True, "created_by": 2, "created_at": AT}
    content = crafted(
        departments=[records.Department(id=1, name="Company")],
        people=[
            records.Person(id=1, name="Olga", login="olga@example.com", first_name="Olga", joined_at=AT),
            records.Person(
                id=2, name="Lena", login="lena", first_name="Lena", status="dismissed", joined_at=AT
            ),
        ],
        tasks=[
            records.Task(id=1, title="Dig", **given),
            records.Task(
                id=2, title="Build", waits_for=[records.Waits(task=1, kind=Dependency.Kind.FINISH_START)],
                **given,
            ),
        ],
        drives=[
            records.DriveItem(id=number, name=name, **folder)
            for number, name in enumerate(("Plans \\ 2026", ".notes", "..", "up/../etc"), 1)
        ],
        absences=[
            records.Absence(id=1, person=2, kind="vacation", starts_on=AT.date(), ends_on=AT.date(), by=2)
        ],
    )  # fmt: skip
    migration = moved_in(content, olga)
    assert migration.state == Migration.State.DONE
    assert [str(one) for one in migration.remarks.all()] == []
    assert Dependency.objects.get().after.title == "Build"
    assert Absence.objects.get().user.login == "lena"
    names = set(Item.objects.exclude(parent=None).values_list("name", flat=True))
    assert names >= {"Plans \\ 2026", ".notes", "etc"}
    assert ".." not in names


def test_bookings_that_cannot_be_stay_out_with_a_sentence_and_their_events_come(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    hours: dict[str, Any] = {
        "step_minutes": 30, "notice_hours": 1, "horizon_days": 9, "weekdays": [0], "begins": time(9),
        "ends": time(18), "zone": "Europe/Moscow", "kept_days": 9, "created_at": AT,
    }  # fmt: skip
    booked: dict[str, Any] = {"language": "en", "zone": "Europe/Moscow", "made_at": AT}

    def event(pk: int, page: int, **more: Any) -> records.Event:
        starts = AT + timedelta(days=pk)
        return records.Event(
            id=pk, calendar="U2", title=f"Event {pk}", starts_at=starts, ends_at=starts + HOUR,
            zone="Europe/Moscow", organizer=2, created_at=AT,
            guests=[records.Guest(email="vera@visit.example" if pk == 2 else "no e-mail")],
            appointment=records.Appointment(page=page, **{**booked, **more}),
        )  # fmt: skip

    content = crafted(
        departments=[records.Department(id=1, name="Company")],
        people=[
            records.Person(id=1, name="Olga", login="olga@example.com", first_name="Olga", joined_at=AT),
            records.Person(id=2, name="Mallory", login="mallory", first_name="Mallory", joined_at=AT),
        ],
        bookings=[
            records.BookingPage(id=1, owner=2, title="T" * 900, length_minutes=30, **hours),
            records.BookingPage(id=2, owner=2, title="Too short", length_minutes=1, **hours),
            records.BookingPage(id=3, owner=99, title="Of nobody", length_minutes=30, **hours),
            records.BookingPage(id=4, owner=2, title="No group", hosts="all", length_minutes=30, **hours),
        ],
        events=[
            event(1, 2),
            event(2, 1, language="../x", zone="Mars/Base", email="vera@visit.example", name="V" * 900),
            event(3, 1, email="no e-mail"),
        ],
    )
    migration = moved_in(content, olga)
    assert migration.state == Migration.State.DONE
    assert Event.objects.count() == 3
    (page,) = BookingPage.objects.all()
    assert (len(page.title), page.owner.login) == (120, "mallory")
    (found,) = Appointment.objects.all()
    assert (found.event.title, found.page, found.language) == ("Event 2", page, "en")
    assert (found.zone, len(found.name)) == ("Europe/Moscow", 100)
    remarks = sorted((one.kind, one.theirs) for one in migration.remarks.all())
    assert {one for one in remarks if one[0] == "booking"} == {("booking", str(pk)) for pk in (2, 3, 4)}
    assert {one for one in remarks if one[0] == "event"} == {("event", "1"), ("event", "3")}
