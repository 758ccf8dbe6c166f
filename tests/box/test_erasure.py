"""Whatever points at a person is taken away when they are erased, or stays for a reason that is told here."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.calendar.actions import (
    EventDraft,
    PageDraft,
    create_event,
    create_feed,
    create_page,
    main_calendar,
)
from box.apps.calendar.models import Appointment, HeldTime
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.models import Plan as ExpectedRevenue
from box.apps.crm.models import Receiver, RecordType, Robot, RobotTurn, WebForm
from box.apps.feed.actions import Draft, Prize, edit_post, publish_post
from box.apps.feed.models import Badge, Mark, Post, PostVersion, ScheduledPost
from box.apps.pulse.aggregation import count_days
from box.apps.pulse.models import Rank, Use
from box.apps.tasks.actions.stages import stages_of
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.actions.templates import Plan, add_template
from box.apps.tasks.models import ProgramName, Task
from box.apps.worktime.models import Correction, PersonSchedule, Report, Schedule, WorkDay
from box.bridges.dav.models import Device, SyncState
from box.bridges.directory.models import Conflict, Connection
from box.bridges.telephony.models import Command, Extension, Pbx
from box.console.models import Retrieval
from box.core.access.principals import EVERYONE
from box.core.accounts.actions import dismiss_user
from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import KnownBrowser, Passkey, Profile, RecoveryCode, Session, Totp, User
from box.core.discussion.models import Follower
from box.core.drafts import models as drafts
from box.core.events.delivery import deliver_all
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import write_values
from box.core.files.models import Blob
from box.core.groups.actions import NewGroup, create_group, invite_people
from box.core.groups.models import Group
from box.core.imports.models import ImportProblem, ImportRun
from box.core.lists.models import Preference, SavedView
from box.core.notify.models import Counter, Notification, Preferences, Presence, QueuedLetter, Reminder
from box.core.people.models import Absence
from box.core.people.skills import add_skill
from box.core.registry.belongings import Deleted, Stays, belongings, going, relations_to
from box.core.search.models import Document
from box.rest.models import Application, AuthorizationCode, Grant, Webhook
from box.transfer.models import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    type Maker = Callable[..., User]

pytestmark = pytest.mark.django_db


def reached() -> tuple[str, ...]:
    """The relations whose rows go with a person."""
    return tuple(
        name for room in belongings for name, one in room.rows.items() if isinstance(one.erased, Deleted)
    )


def test_every_relation_to_a_person_has_one_line() -> None:
    """A room that is yet to be built fails here until it says what becomes of its rows."""
    said = [name for room in belongings for name in room.rows]
    assert sorted(said) == sorted(relation.name for relation in relations_to(User)), (
        "add a line to the room's belongings.py: what becomes of these rows when a person is erased or merged"
    )


def test_what_stays_says_why() -> None:
    for room in belongings:
        for name, one in room.rows.items():
            assert not isinstance(one.erased, Stays) or len(one.erased.why) > 10, name


def test_of_many_rows_all_go_a_bounded_number_at_a_time(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.core.registry.belongings.BATCH", 2)
    for n in range(5):
        SavedView.objects.create(user=anna, name=f"v{n}", query="q")
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not SavedView.objects.exists()


def fill_every_room(anna: User, boris: User) -> None:
    head = add_field(PROFILE, FieldDraft("Head", "person"), by=boris)
    write_values(PROFILE, boris.pk, {head: (anna.pk,)})
    now = timezone.now()
    for model, fields in (
        (Profile, {}),
        (Totp, {"seed": "s"}),
        (Passkey, {"credential_id": b"x", "credential": b""}),
        (RecoveryCode, {"digest": "d"}),
        (KnownBrowser, {"digest": "d"}),
        (Session, {"session_key": "k", "expire_date": now}),
        (Notification, {"kind": "k", "about_kind": "a", "about_id": 1, "key": "1"}),
        (Reminder, {"kind": "k", "about_kind": "a", "about_id": 1, "due_at": now}),
        (Preferences, {}),
        (Counter, {"key": "worktime", "value": 1}),
        (Presence, {"seen_at": now}),
        (drafts.Draft, {"place": "new", "content": {}, "browser": "b"}),
        (SavedView, {"list_key": "l", "name": "v", "query": "q"}),
        (Preference, {"list_key": "l"}),
        (Webhook, {"name": "w", "scopes": [], "prefix": "p", "digest": "d"}),
        (Use, {"on": now.date(), "tool": "feed", "times": 1}),
        (Rank, {"times": 1}),
        (WorkDay, {"on": now, "marks": [], "state": "finished", "started_at": now, "forgotten_at": now}),
        (Correction, {"on": now.date(), "starts_at": now, "ends_at": now + timedelta(hours=1)}),
        (Report, {"period": "day", "starts_on": now.date()}),
    ):  # fmt: skip
        model._default_manager.create(user=anna, **fields)
    pbx = Pbx.objects.create(name="office", host="pbx.corp.test")
    Extension.objects.create(pbx=pbx, number="100", endpoint="PJSIP/100", user=anna)
    Command.objects.create(pbx=pbx, action="Hangup", by=anna)
    lead = NewRecord(
        type=RecordType.objects.get(slug="lead"), responsible=boris, title="Rose", observers=[anna]
    )
    add_record(lead, by=None)
    form = WebForm.objects.create(token="t", name="f", type=lead.type, heading="h", button="b", thanks="t")
    Receiver.objects.create(form=form, user=anna)
    sing = TaskDraft(title="Sing", responsible=boris, observer_ids=(anna.pk,))
    add_task(sing, by=boris)
    add_template(sing, Plan(zone="UTC"), by=boris)
    ProgramName.objects.create(task=Task.objects.get(title="Sing"), user=anna, uid="t", href="t")
    Device.objects.create(user=anna, name="Phone", digest="d")
    SyncState.objects.create(user=anna, collection="t", token="t", packed=b"")
    ExpectedRevenue.objects.create(user=anna, month=now.date().replace(day=1), amount=1)
    hands_out = Robot.objects.create(
        type=lead.type, name="r", trigger=Robot.Trigger.ADDED, effect=Robot.Effect.ROUTE
    )
    RobotTurn.objects.create(robot=hands_out, user=anna, given_at=now)
    stages_of(anna)
    Conflict.objects.create(
        connection=Connection.objects.create(), stable_id="t", kind="login", person=anna, dn="t"
    )
    program = Application.objects.create(
        name="t", client_id="t", redirect_uri="https://t", scopes=[], by=boris
    )
    AuthorizationCode.objects.create(application=program, user=anna, prefix="t", digest="d", made_at=now)
    Grant.objects.create(
        application=program,
        user=anna,
        webhook=Webhook.objects.filter(user=anna)[0],
        refresh_prefix="t",
        refresh_ends_at=now,
    )
    Export.objects.create(by=anna)
    Retrieval.objects.create(asker=anna, kind="feed.post", text="t", asked_at=now)
    ScheduledPost.objects.create(author=anna, publish_at=now, audience=[EVERYONE])
    PersonSchedule.objects.create(person=anna, schedule=Schedule.objects.create(name="s", kind="flexible"))
    post = publish_post(Draft("By Boris", (EVERYONE,)), by=boris)
    Mark.objects.create(user=anna, post=post, is_favourite=True)
    Follower.objects.create(user=anna, thread=post.thread)
    badge = Badge.objects.create(name_en="Star", name_ru="Звезда")
    publish_post(Draft("Praise of her", (EVERYONE,), award=Prize(badge.pk, anna.pk)), by=boris)
    add_skill(anna, "Finnish", by=anna)
    Absence.objects.create(user=anna, by=anna, starts_on=now.date(), ends_on=now.date())
    hour = EventDraft(
        title="t", starts_at=now, ends_at=now + timedelta(hours=1), zone="UTC", invited=(f"U{anna.pk}",)
    )
    create_event(main_calendar(f"U{boris.pk}"), hour, by=boris)
    create_feed(main_calendar(f"U{anna.pk}"), by=anna)
    page = create_page(PageDraft(title="t", zone="UTC"), by=anna)
    event = create_event(main_calendar(f"U{boris.pk}"), hour, by=boris)
    visitor = {"name": "Zoe", "email": "zoe@example.com", "language": "en", "zone": "UTC"}
    booked = Appointment.objects.create(page=page, event=event, key="k", **visitor)
    HeldTime.objects.create(appointment=booked, user=anna, span=event.span)
    create_group(NewGroup("Choir"), by=anna)
    invite_people(create_group(NewGroup("Closed", kind=Group.Kind.CLOSED), by=boris), [anna], by=boris)


def rows_of(person: User, names: tuple[str, ...]) -> dict[str, int]:
    relations = {relation.name: relation for relation in relations_to(User)}
    return {
        name: one.model._base_manager.filter(**{one.field.attname: person.pk}).count()
        for name in names
        for one in [relations[name]]
    }


def test_whatever_is_said_to_be_reached_is(anna: User, boris: User, olga: User) -> None:
    fill_every_room(anna, boris)
    dismissed_later = {"accounts.Session.user"}
    empty = [name for name, count in rows_of(anna, reached()).items() if not count]
    assert not empty, "this test would say nothing about them"
    dismiss_user(anna, by=olga)
    said = {str(one.label) for one in going(anna)}
    assert {"Groups", "Pulse", "Feed", "Discussions", "Notifications", "Working time"} <= said
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not {name for name, count in rows_of(anna, reached()).items() if count}
    assert dismissed_later <= set(reached())
    group = Group.objects.get(name="Choir")
    assert group.members_count == 0
    assert f"U{anna.pk}" not in Group.objects.get(name="Closed").audience


def test_what_a_badge_was_given_for_goes_and_that_it_was_given_stays(
    anna: User, boris: User, olga: User
) -> None:
    badge = Badge.objects.create(name_en="Star", name_ru="Звезда")
    draft = Draft("Zyxwvut saved the day #zyxwvut", (EVERYONE,), award=Prize(badge.pk, anna.pk))
    post = publish_post(draft, by=boris)
    edit_post(post, "Zyxwvut saved two days", version=1, by=boris)
    deliver_all()
    assert Document.objects.filter(kind="feed.post", object_id=post.pk, body__contains="Zyxwvut").exists()
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    deliver_all()
    left = Post.objects.get(pk=post.pk)
    assert (left.author_id, left.text, left.html) == (boris.pk, "Star", "")
    assert left.details is not None
    assert left.details["award"]["names"]["en"] == "Star"
    assert not PostVersion.objects.filter(post=post).exists()
    assert not Document.objects.filter(body__contains="Zyxwvut").exists()


def test_rows_of_tables_that_were_refused_are_forgotten(person: Maker, olga: User) -> None:
    nina = person("Nina")
    User.objects.filter(pk=nina.pk).update(last_name='O"Hara')
    blob = Blob.objects.create(key="2026/03/" + "0" * 32, size=1)
    rows = [
        ["Name", "E-mail"],
        ['O"Hara Nina', "x"],
        ["Other", "other@example.com"],
        ["?", "NINA@example.com"],
    ]
    run = ImportRun.objects.create(importer="people", by=olga, name="t", blob=blob, total=3, preview=rows)
    for n, cells in enumerate(rows[1:]):
        ImportProblem.objects.create(run=run, row=n, text="wrong", cells=cells)
    dismiss_user(nina, by=olga)
    gone = User.objects.get(pk=nina.pk)
    assert any("2 rows of imported tables" in one.things for one in going(gone))
    erase_person(gone, by=olga)
    run.refresh_from_db()
    assert run.preview == [rows[0], rows[2]]
    assert [one.cells for one in ImportProblem.objects.all()] == [rows[2]]


def test_letters_that_wait_for_the_person_go_too(anna: User, olga: User) -> None:
    QueuedLetter.objects.create(key="k", to=anna.email, language="en", subject="s")
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert not QueuedLetter.objects.exists(), "they are found by the e-mail, which goes last"


def test_pulse_does_not_count_them_again(anna: User, boris: User, olga: User) -> None:
    publish_post(Draft("x", (EVERYONE,)), by=anna)
    publish_post(Draft("y", (EVERYONE,)), by=boris)
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    now = timezone.now()
    today: date = now.date()
    count_days(today - timedelta(days=1), today + timedelta(days=1), now=now)
    used: Any = Use.objects.filter(tool="feed").values_list("user", flat=True)
    assert set(used) == {boris.pk}
