"""A migration is undone to its end, and nothing goes that people have written."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, Scope, change_event, create_event
from box.apps.calendar.models import Event, Meeting
from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.records import NewRecord, add_record, change_record
from box.apps.crm.models import Activity, Payment, Record, RecordType
from box.apps.drive.actions.tree import add_files, move_items, root_of
from box.apps.drive.actions.versions import new_version
from box.apps.drive.models import Item, Version
from box.apps.feed.actions import edit_post
from box.apps.feed.models import Post
from box.apps.tasks.actions.checklists import add_items
from box.apps.tasks.actions.tasks import TaskDraft, add_task, change_task
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Comment
from box.core.files.actions import store_whole, take_in
from box.core.groups.models import Group
from box.transfer import actions, exports, jobs, obstacles, undo
from box.transfer.models import Export, Identity, Migration
from box.transfer.obstacles import in_use
from tests.box.transfer.moving import Move
from tests.cast import browser, person

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.files.models import File

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

State = Migration.State


@pytest.fixture
def move(moved: Move) -> Move:
    moved.again()
    return moved


def uploaded(by: User, name: str = "own.txt") -> File:
    return take_in(store_whole(BytesIO(b"Our own")), name, by=by)


def record(move: Move, kind: str = "deal", theirs: int = 1) -> Record:
    return Record.objects.select_related("type", "stage", "thread").get(pk=move.ours(kind, theirs))


def task(move: Move, theirs: int = 7) -> Task:
    return Task.objects.select_related("thread").get(pk=move.ours("task", theirs))


def own_deal(move: Move, **more: Any) -> Record:
    deal = RecordType.objects.get(slug="deal")
    return add_record(NewRecord(type=deal, responsible=move.by, title="Our own", **more), by=move.by)


def own_task(move: Move, **more: Any) -> Task:
    return add_task(TaskDraft(title="Our own", responsible=move.by, **more), by=move.by)


def own_activity(move: Move) -> Activity:
    new = NewActivity(kind="note", subject="Our own", responsible=move.by)
    return add_activity(new, [record(move, "contact")], by=move.by)


def done(move: Move) -> None:
    planned = Activity.objects.filter(done_at=None, deadline__isnull=False).first()
    assert planned is not None
    complete_activity(planned, by=move.by)


def draft(starts: datetime) -> EventDraft:
    return EventDraft(title="Our own", starts_at=starts, ends_at=starts + timedelta(hours=1), zone="UTC")


def own_event(move: Move) -> Event:
    calendar = main_calendar(f"G{move.ours('group', 1)}")
    boris = User.objects.get(pk=move.ours("person", 2))
    return create_event(calendar, draft(timezone.now() + timedelta(days=1)), by=boris)


def own_file(move: Move, folder: Item) -> Item:
    return add_files(folder, [uploaded(move.by).pk], by=move.by).new[0]


def newer_content(move: Move) -> None:
    new_version(Item.objects.get(name="rules.txt"), uploaded(move.by).pk, by=move.by)


def met(move: Move) -> Meeting:
    event = Event.objects.get(title="Talk of the offer")
    return Meeting.objects.create(event=event, at=event.starts_at)


def exception(move: Move) -> Event:
    series, at = Event.objects.get(title="Weekly"), datetime(2021, 9, 20, 6, tzinfo=UTC)
    return change_event(series, draft(at), by=series.organizer, scope=Scope.THIS, at=at).event


def changed_event(move: Move) -> object:
    event = Event.objects.get(title="Talk of the offer")
    return change_event(event, draft(event.starts_at), by=event.organizer)


def changed_post(move: Move) -> None:
    post = Post.objects.get(pk=move.ours("post", 1))
    edit_post(post, "Otherwise", version=post.version, by=post.author)


def paid(move: Move) -> Payment:
    return note_payment(record(move), PaymentDraft(amount=Decimal(5), on=date(2026, 1, 1)), by=move.by)


WAYS: dict[str, tuple[str, Callable[[Move], object]]] = {
    "a comment on a post": (
        "1 comments",
        lambda move: add_comment(Post.objects.get(pk=move.ours("post", 1)).thread, "Since then", by=move.by),
    ),
    "a comment on a task": ("1 comments", lambda move: add_comment(task(move).thread, "Since", by=move.by)),
    "a comment on a deal": ("1 comments", lambda move: add_comment(record(move).thread, "Since", by=move.by)),
    "a post that was changed": ("1 edits", changed_post),
    "an event that was changed": ("1 edits", changed_event),
    "hours": (
        "1 hours of work",
        lambda move: add_time(task(move, 8), 30, on=timezone.localdate(), by=task(move, 8).responsible),
    ),
    "a task in a group": (
        "1 tasks",
        lambda move: own_task(move, project=Group.objects.get(pk=move.ours("group", 1))),
    ),
    "a part of a task": ("1 tasks", lambda move: own_task(move, parent=task(move))),
    "a task that was changed": (
        "1 edits",
        lambda move: change_task(task(move), {"title": "Otherwise"}, by=move.by),
    ),
    "a line of a checklist": (
        "1 lines of checklists",
        lambda move: add_items(task(move), "Our own", by=move.by),
    ),
    "a deal that was changed": (
        "1 edits",
        lambda move: change_record(record(move), {"title": "Otherwise"}, by=move.by),
    ),
    "an activity": ("[12] activities", own_activity),
    "an activity that was done": ("1 edits", done),
    "a payment": ("1 payments", paid),
    "an invoice": (
        "1 quotes and invoices",
        lambda move: add_paper(record(move), RecordType.objects.get(slug="invoice"), by=move.by),
    ),
    "a deal of a company": (
        "1 links of other",
        lambda move: own_deal(move, company=record(move, "company")),
    ),
    "a deal of a contact": (
        "1 links of other",
        lambda move: own_deal(move, contact=record(move, "contact")),
    ),
    "a file in a folder": ("1 files", lambda move: own_file(move, Item.objects.get(name="Papers"))),
    "a file on a group's drive": (
        "1 files",
        lambda move: own_file(move, root_of(f"G{move.ours('group', 1)}", by=move.by)),
    ),
    "a newer content": ("1 newer contents", newer_content),
    "minutes of a meeting": ("1 minutes", met),
    "a time of a series": ("events", exception),
    "an event in a group's calendar": ("1 events", own_event),
}


def test_what_people_have_written_anywhere_is_counted_before_anything_goes(move: Move) -> None:
    assert obstacles.obstacles(move.migration) == ""
    for name, (said, write) in WAYS.items():
        with transaction.atomic():
            write(move)
            with pytest.raises(actions.NotNow, match=said):
                actions.begin_undo(move.migration, by=move.by)
            transaction.set_rollback(True)
        assert move.again().state == State.DONE, name


BETWEEN_PASSES = (
    *("a post that was changed", "a task that was changed", "a deal that was changed"),
    *("an activity that was done", "an event that was changed", "hours"),
)


def test_what_was_changed_between_two_passes_is_people_s_behind_the_second(move: Move) -> None:
    """Its moment is before the end of that one, and tells nothing."""
    for name in BETWEEN_PASSES:
        WAYS[name][1](move)
    planned = Activity.objects.exclude(deadline=None).exclude(done_at=None).latest("done_at").pk
    event = Event.objects.get(title="Our own").pk
    assert move.bring().state == State.DONE
    assert obstacles.obstacles(move.migration).endswith("would be lost: 5 edits, 1 hours of work.")
    with pytest.raises(actions.NotNow):
        actions.begin_undo(move.migration, by=move.by)
    edited = {
        "post": move.ours("post", 1), "task": move.ours("task", 7), "deal": move.ours("deal", 1),
        "activity": planned, "event": event,
    }  # fmt: skip
    for kind, pk in edited.items():
        others = list(move.migration.identities.filter(kind=kind).values_list("ours", flat=True))
        with transaction.atomic():
            found = in_use(move.migration, kind, others)
        assert found.pop(pk) == "edits", kind
        assert found == ({move.ours("task", 8): "hours of work"} if kind == "task" else {})


def test_what_was_changed_while_it_was_paused_is_people_s_when_it_goes_on(move: Move) -> None:
    actions.begin(move.migration, by=move.by)
    actions.pause(move.migration, by=move.by)
    WAYS["a task that was changed"][1](move)
    actions.resume(move.migration, by=move.by)
    assert move.go().state == State.DONE
    with pytest.raises(actions.NotNow, match="would be lost: 1 edits"):
        actions.begin_undo(move.migration, by=move.by)


def test_what_is_written_while_it_is_undone_stays_wherever_it_is_killed(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, company = record(move), record(move, "company")
    folder = Item.objects.get(name="Papers")
    actions.begin_undo(move.migration, by=move.by)
    said = add_comment(deal.thread, "Meanwhile", by=move.by)
    ours = own_deal(move, company=company)
    file = own_file(move, Item.objects.get(name="2021"))
    newer_content(move)
    minutes = met(move)
    monkeypatch.setattr(undo, "BATCH", 7)
    batches, remove_all = 0, undo._remove_all

    def killed(migration: Migration, kind: str, rows: list[Identity], remove: Any) -> int:
        """Each batch once, behind all that it has done."""
        nonlocal batches
        count = remove_all(migration, kind, rows, remove)
        batches += bool(rows)
        if rows and batches % 2:
            raise KeyboardInterrupt
        return count

    monkeypatch.setattr(undo, "_remove_all", killed)
    for _run in range(200):
        with suppress(KeyboardInterrupt):
            undo.take_back(move.again())
        if move.again().state == State.UNDONE:
            break
    assert move.migration.state == State.UNDONE and batches > 10
    assert set(Comment.objects.all()) >= {said}
    ours.refresh_from_db()
    assert ours.company == company
    assert Item.objects.there().get(pk=file.pk).parent_id and folder in Item.objects.there()
    assert Version.objects.filter(item__name="rules.txt", item__trashed_at=None).count() == 2
    assert Meeting.objects.get() == minutes
    # What nobody has touched has gone.
    assert set(Record.objects.all()) >= {deal, ours, company}
    assert not Record.objects.filter(type__slug="lead").exists()
    assert not Post.objects.exists() and not Task.objects.exists()
    assert "comments" in move.said("deal")["1"] and "links" in move.said("company")["1"]
    assert any("newer contents" in text for text in move.said("drive-file").values())
    assert any("minutes" in text for text in move.said("event").values())


def test_a_folder_that_was_moved_since_goes_with_nothing_that_stays_in_it(move: Move) -> None:
    """The folder around it came behind what is in it now, and so is asked first."""
    report, older = Item.objects.get(name="report.txt"), Item.objects.get(name="Papers")
    newer = Item.objects.get(name="2021")
    move_items([newer], older.parent or older, by=move.by)
    move_items([older], Item.objects.get(pk=newer.pk), by=move.by)
    rules = Item.objects.get(name="rules.txt")
    actions.begin_undo(move.migration, by=move.by)
    own = own_file(move, Item.objects.get(pk=older.pk))
    undo.take_back(move.again())
    assert move.again().state == State.UNDONE
    there = set(Item.objects.there().values_list("pk", flat=True))
    assert {own.pk, older.pk, newer.pk} <= there
    assert not {report.pk, rules.pk} & there


def test_what_nobody_has_thought_of_keeps_no_undoing_from_its_end(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses what else leads to a thing: it stays, with a sentence, and the rest goes."""
    company = record(move, "company")
    ours = own_deal(move, company=company)
    monkeypatch.setattr(actions, "obstacles", lambda migration: "")
    monkeypatch.setattr(undo, "in_use", lambda migration, kind, ids: {})
    actions.begin_undo(move.migration, by=move.by)
    undo.take_back(move.again())
    assert move.again().state == State.UNDONE
    ours.refresh_from_db()
    assert ours.company == company
    assert move.said("company") == {"1": "It stays: something else leads to it."}
    # What had not come is said no longer.
    stays = set(move.migration.remarks.values_list("text", flat=True))
    assert all(text.startswith("It stays: ") for text in stays)
    page = browser(move.by).get(reverse("transfer:migration", args=[move.migration.pk])).content.decode()
    assert "Undone, but for what is listed below: that stays." in page
    assert page.count("What stays") == 2 and "What did not come" not in page
    out = StringIO()
    call_command("transfer", "status", stdout=out)
    assert "What stays:\n" in out.getvalue()
    # The next one is not in its way any more.
    assert Move(move.by).migration.state == State.LOOKING


def test_a_mistake_of_ours_keeps_one_thing_and_no_undoing_from_its_end(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Post.objects.order_by("pk").first()
    assert kept is not None

    def forget(post: Post) -> None:
        if post == kept:
            raise RuntimeError
        post.delete()

    monkeypatch.setattr(undo, "forget_post", forget)
    actions.begin_undo(move.migration, by=move.by)
    undo.take_back(move.again())
    assert move.again().state == State.UNDONE
    assert list(Post.objects.all()) == [kept]
    said = "It stays: taking it back failed, and the log of the jobs says how."
    assert said in move.said("post").values()


def test_of_many_it_is_asked_as_often_as_of_one(move: Move) -> None:
    def asked(count: int) -> int:
        found = Identity.objects.filter(migration=move.migration, kind="task")
        ids = list(found.values_list("ours", flat=True)[:count])
        assert len(ids) == count
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            transaction.atomic(),
        ):
            in_use(move.migration, "task", ids)
        return len(queries)

    assert asked(1) == asked(20)


def test_an_undoing_that_fails_keeps_no_archive_from_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    xenia, long_ago = person("Xenia", is_administrator=True), timezone.now() - timedelta(hours=1)
    Migration.objects.create(portal="old.example", by=xenia, state=State.UNDOING, moved_at=long_ago)
    Export.objects.create(by=xenia, moved_at=long_ago)
    written: list[Export] = []

    def fail(migration: Migration) -> None:
        raise RuntimeError

    monkeypatch.setattr(jobs, "run_at_low_priority", lambda work: work())
    monkeypatch.setattr(undo, "take_back", fail)
    monkeypatch.setattr(exports, "write_export", written.append)
    every_minute = [
        one for name, one in vars(jobs).items() if "forgotten" in name and hasattr(one, "call_local")
    ]
    for job in every_minute:
        with suppress(RuntimeError):
            job.call_local()
    assert written == list(Export.objects.all())
