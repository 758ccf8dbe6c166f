"""Giving tasks, changing them, passing them on, throwing them away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.tasks.actions.tasks import (
    attach_files,
    change_task,
    delegate_task,
    delete_tasks,
    place_task,
    purge_old,
    readdress,
    restore_tasks,
)
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.lists import BULK
from box.apps.tasks.models import (
    KEPT_IN_TRASH_DAYS,
    KIND,
    Participant,
    Task,
    found_tasks,
    new_address,
    task_cards,
)
from box.apps.tasks.models.tasks import MOST_TAGS
from box.core.access.actions import create_role, grant_role
from box.core.accounts.access import EDIT_PEOPLE
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Thread
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.fields.values import values_of
from box.core.files.models import Blob, File
from box.core.history.presenters import history_of
from box.core.people.offboarding import dismiss
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.relations.actions import relate
from box.core.relations.models import Relation
from box.lib.moments import EARLIEST, LATEST
from box.lib.rich_text import LONGEST_TAG
from tests.box.apps.tasks.test_enclosures import upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.box.apps.tasks.conftest import Give

NOON = datetime(2030, 1, 31, 12, tzinfo=timezone.get_default_timezone())


def test_a_task_is_what_was_written(give: Give, anna: User, boris: User, cara: User) -> None:
    task = give(
        "  Count   the boxes ",
        text="All of them",
        deadline_at=NOON,
        tags=("#Store", "store", "boxes"),
        accomplice_ids=(cara.pk,),
        observer_ids=(cara.pk, boris.pk, anna.pk),
    )
    assert (task.title, task.text, task.tags) == ("Count the boxes", "All of them", ["store", "boxes"])
    # Each is in it once: who helps also watches, who does it too, and who gave it.
    assert list(task.participants.values_list("user", "role")) == [(cara.pk, "accomplice")]
    assert {f"U{one.pk}" for one in (anna, boris, cara)} <= set(task.audience)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": "  "}, "what is to be done"),
        ({"title": "x" * 256}, "Shorten"),
        ({"starts_at": NOON, "ends_at": NOON - timedelta(minutes=1)}, "before the start"),
        ({"tags": tuple(f"t{n}" for n in range(21))}, "tags"),
        ({"tags": ("x" * 51,)}, "tags"),
        ({"text": "x" * 100_001}, "Write less"),
        ({"priority": 7}, "priorities"),
        ({"accomplice_ids": (10**9,)}, "not there"),
        ({"deadline_at": LATEST + timedelta(seconds=1)}, "too far away"),
        ({"starts_at": EARLIEST - timedelta(seconds=1)}, "too far away"),
        # Moments that PostgreSQL keeps, and that nobody reads any more.
        ({"deadline_at": datetime(9999, 12, 31, 23, tzinfo=timezone.get_fixed_timezone(-300))}, "too far"),
        ({"ends_at": datetime(1, 1, 1, tzinfo=timezone.get_fixed_timezone(180))}, "too far"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(give: Give, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        give(wrong.pop("title", "Count"), **wrong)
    assert not Task.objects.exists()
    assert not Thread.objects.filter(kind="tasks.task").exists()


def test_what_is_as_much_as_may_be_is_taken(
    give: Give, anna: User, cara: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.checks.MOST_PARTICIPANTS", 2)
    tags = tuple(f"{number}".rjust(LONGEST_TAG, "t") for number in range(MOST_TAGS))
    external_id = "e" * LONGEST_EXTERNAL_ID
    task = give(
        "x" * 255, tags=tags, external_id=external_id, text="x" * 100_000,
        accomplice_ids=(cara.pk,), observer_ids=(olga.pk,),
    )  # fmt: skip
    assert (len(task.title), len(task.tags), task.participants.count()) == (255, 20, 2)
    with pytest.raises(ValidationError, match="external ID"):
        give(external_id=f"{external_id}e")
    monkeypatch.setattr("box.apps.tasks.actions.checks.MOST_PARTICIPANTS", 1)
    with pytest.raises(ValidationError, match="Too many people"):
        give(accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))


def test_the_first_and_the_last_moment_are_taken(give: Give) -> None:
    task = give(starts_at=EARLIEST, ends_at=LATEST)
    task.refresh_from_db()
    assert (task.starts_at, task.ends_at) == (EARLIEST, LATEST)


def test_a_planned_end_may_be_the_start(give: Give) -> None:
    assert give(starts_at=NOON, ends_at=NOON).ends_at == NOON


def test_who_may_not_give_tasks_is_refused(give: Give, erik: User) -> None:
    with pytest.raises(PermissionDenied, match="administrator"):
        give(by=erik, to=erik)


def test_only_whoever_gave_it_changes_it(give: Give, anna: User, boris: User) -> None:
    task = give(may_move_deadline=False)
    with pytest.raises(PermissionDenied, match="changes it"):
        change_task(task, {"title": "Nothing"}, by=boris)
    assert change_task(task, {"title": "Count them"}, by=anna).title == "Count them"


def test_whoever_does_it_moves_the_deadline_where_that_is_allowed(
    give: Give, boris: User, cara: User
) -> None:
    assert change_task(give(), {"deadline_at": NOON}, by=boris).deadline_at == NOON
    with pytest.raises(PermissionDenied, match="ask them"):
        change_task(give(may_move_deadline=False), {"deadline_at": NOON}, by=boris)
    with pytest.raises(PermissionDenied, match="changes it"):
        change_task(give(observer_ids=(cara.pk,)), {"deadline_at": NOON}, by=cara)
    # The deadline alone.
    with pytest.raises(PermissionDenied):
        change_task(give(), {"deadline_at": NOON, "title": "Later"}, by=boris)


def test_the_same_again_is_no_change(give: Give, anna: User) -> None:
    task = give(deadline_at=NOON)
    before = task.changed_at
    assert change_task(task, {"title": task.title, "deadline_at": NOON}, by=anna).changed_at == before


def told(kind: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(kind=f"tasks.{kind}").order_by("pk")
    return [row.payload for row in rows]


def test_of_a_changed_task_just_what_differs_is_told(give: Give, anna: User) -> None:
    task = give(text="All of them", deadline_at=NOON, tags=("store",))
    same = {"title": task.title, "text": "All of them", "tags": ["Store"], "needs_acceptance": True}
    change_task(task, {**same, "priority": 1}, by=anna)
    assert told("TaskChanged") == []
    change_task(
        task,
        {**same, "text": "Some of them", "deadline_at": None, "needs_acceptance": False, "tags": ["a", "b"]},
        by=anna,
    )
    assert sorted(told("TaskChanged")[0]["changes"]) == [
        ["deadline_at", NOON.astimezone(UTC).isoformat(), ""],
        ["needs_acceptance", "yes", "no"],
        ["tags", "store", "a, b"],
        ["text", "", ""],
    ]
    before = task.changed_at
    task.refresh_from_db()
    assert (task.text, task.html) == ("Some of them", "<p>Some of them</p>")
    assert task.changed_at > before


def test_links_that_lead_elsewhere_now_are_no_change_of_a_task(give: Give) -> None:
    task = give(text="All of them")
    before = task.changed_at
    readdress(task, '<p><a href="https://new.example.com/">There</a></p>')
    task.refresh_from_db()
    assert (task.text, "new.example.com" in task.html, task.changed_at) == ("There", True, before)
    assert told("TaskChanged") == []


def test_a_deadline_that_is_moved_may_pass_once_more(give: Give, anna: User) -> None:
    task = give(deadline_at=NOON)
    Task.objects.filter(pk=task.pk).update(is_overdue_told=True)
    assert change_task(task, {"title": "Weigh"}, by=anna).is_overdue_told
    changes = {"title": "Count", "deadline_at": NOON + timedelta(days=1)}
    assert not change_task(task, changes, by=anna).is_overdue_told


def test_who_helps_and_who_watches_are_changed_each_by_themselves_and_told_of(
    give: Give, anna: User, cara: User, olga: User
) -> None:
    task = give(accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))

    def people() -> dict[int, str]:
        return dict(task.participants.values_list("user", "role"))

    change_task(task, {"accomplice_ids": (cara.pk,)}, by=anna)
    assert (people(), told("ParticipantsChanged")) == ({cara.pk: "accomplice", olga.pk: "observer"}, [])
    change_task(task, {"accomplice_ids": ()}, by=anna)
    assert people() == {olga.pk: "observer"}
    change_task(task, {"accomplice_ids": (olga.pk,)}, by=anna)
    assert people() == {olga.pk: "accomplice"}
    usual = {"task_id": task.pk, "by_id": anna.pk}
    assert told("ParticipantsChanged") == [
        {**usual, "role": "accomplice", "user_ids": [], "former_ids": [cara.pk]},
        {**usual, "role": "accomplice", "user_ids": [olga.pk], "former_ids": []},
        {**usual, "role": "observer", "user_ids": [], "former_ids": [olga.pk]},
    ]
    assert f"U{cara.pk}" not in Task.objects.get().audience
    change_task(task, {"accomplice_ids": (cara.pk,), "observer_ids": (olga.pk,)}, by=anna)
    assert people() == {cara.pk: "accomplice", olga.pk: "observer"}
    with pytest.raises(ValidationError, match="not there any more"):
        change_task(task, {"observer_ids": (10**9,)}, by=anna)


def test_who_has_left_may_stay_in_a_task_and_comes_into_none(give: Give, anna: User, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    User.objects.filter(pk=cara.pk).update(status=User.Status.DISMISSED)
    change_task(task, {"observer_ids": (cara.pk,), "title": "Weigh"}, by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        give(observer_ids=(cara.pk,))
    with pytest.raises(ValidationError, match="not there any more"):
        delegate_task(task, cara, by=anna)


def test_whoever_gave_a_task_passes_it_on_once_and_watches_it_anyway(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give(to=anna)
    delegate_task(task, anna, by=anna)
    assert told("TaskDelegated") == []
    before = task.changed_at
    task = delegate_task(task, boris, by=anna)
    assert task.changed_at > before
    assert not task.participants.exists()
    assert told("TaskDelegated") == [
        {"task_id": task.pk, "by_id": anna.pk, "user_id": boris.pk, "former_id": anna.pk}
    ]
    delegate_task(task, cara, by=anna)
    assert not task.participants.exists(), "who is relieved of it need not watch it"


def test_a_task_stands_between_two_that_its_mover_sees(give: Give, boris: User, cara: User) -> None:
    first, second, third = (give(title) for title in "abc")
    hidden = give("hidden", to=cara, by=cara)

    def order() -> str:
        return "".join(Task.objects.exclude(pk=hidden.pk).order_by("rank").values_list("title", flat=True))

    for task, after, before in ((second, first.pk, None), (third, second.pk, None)):
        first.refresh_from_db()
        place_task(task, after, before, by=boris)
    assert order() == "abc"
    place_task(third, first.pk, second.pk, by=boris)
    assert order() == "acb"
    place_task(third, None, first.pk, by=boris)
    assert order() == "cab"
    rank = Task.objects.get(pk=third.pk).rank
    place_task(third, hidden.pk, None, by=boris)
    place_task(third, None, None, by=boris)
    assert Task.objects.get(pk=third.pk).rank == rank
    with pytest.raises(PermissionDenied):
        place_task(third, first.pk, None, by=cara)


def test_a_gap_that_was_filled_a_thousand_times_has_room_again(give: Give, boris: User) -> None:
    tasks = [give(title) for title in ("top", "a", "b", "moved", "end")]
    # As always right below the one that stays on top.
    ranks = ["i", *("i" + "0" * 198 + digit for digit in "13"), "j", "k"]
    for task, rank in zip(tasks, ranks, strict=True):
        Task.objects.filter(pk=task.pk).update(rank=rank)
    top, first, _second, moved, _end = tasks
    place_task(moved, top.pk, first.pk, by=boris)
    kept = dict(Task.objects.order_by("rank").values_list("title", "rank"))
    assert [*kept] == ["top", "moved", "a", "b", "end"]
    assert max(map(len, kept.values())) <= 3


def test_it_is_passed_on_by_whoever_does_it(
    give: Give, anna: User, boris: User, cara: User, olga: User
) -> None:
    task = give(accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))
    before = task.changed_at
    delegate_task(task, cara, by=boris)
    task.refresh_from_db()
    assert (task.responsible, task.changed_at > before) == (cara, True)
    observer = Participant.Role.OBSERVER
    assert dict(task.participants.values_list("user", "role")) == {boris.pk: observer, olga.pk: observer}
    with pytest.raises(PermissionDenied):
        delegate_task(task, boris, by=boris)
    assert delegate_task(task, boris, by=anna).responsible == boris


def test_no_task_is_a_part_of_itself(give: Give, anna: User) -> None:
    top = give("Top")
    below = give("Below", parent=top)
    with pytest.raises(ValidationError, match="part of itself"):
        change_task(top, {"parent": below}, by=anna)


def test_tasks_stand_ten_deep_and_no_deeper(give: Give) -> None:
    task = give("0")
    for depth in range(1, 11):
        task = give(str(depth), parent=task)
    with pytest.raises(ValidationError, match="10 deep"):
        give("11", parent=task)


def test_nobody_hangs_a_task_below_one_that_they_do_not_see(give: Give, cara: User) -> None:
    with pytest.raises(ValidationError, match="above"):
        give(by=cara, to=cara, parent=give())


def test_a_company_adds_fields_of_its_own(give: Give, anna: User) -> None:
    field = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    task = give(fields={field: ("12",)})
    assert values_of(TASK_FIELDS, task.pk) == {field: ("12",)}
    change_task(task, {"fields": {field: ("14",)}}, by=anna)
    deliver_all()
    assert "Room: 12 → 14" in history_of(task.ref).lines[0].sentence


def test_the_history_names_what_a_field_points_at_as_its_reader_sees_it(
    give: Give, anna: User, boris: User
) -> None:
    """Whoever wrote it may see more than others who see the task."""
    field = add_field(TASK_FIELDS, FieldDraft(name="After", kind="reference", target=KIND), by=anna)
    secret, task = give(by=anna, to=anna, title="Sell the company"), give(by=anna, to=boris)
    change_task(task, {"fields": {field: (secret.pk,)}}, by=anna)
    deliver_all()
    assert "Sell the company" in history_of(task.ref, reader=anna).lines[0].sentence
    told = history_of(task.ref, reader=boris).lines[0].sentence
    assert "After: " in told
    assert "Sell the company" not in told


def test_a_file_in_a_companys_own_field_is_for_whoever_sees_the_task(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    field = add_field(TASK_FIELDS, FieldDraft(name="Plan", kind=Field.Kind.FILE), by=anna)
    blob = Blob.objects.create(key=f"2026/01/{'0' * 32}", size=1)
    plan = File.objects.create(owner=anna, name="plan.pdf", blob=blob, audience=[f"U{anna.pk}"])
    task = give(fields={field: (plan.pk,)})
    delegate_task(task, cara, by=boris)
    assert File.objects.visible_to(cara).filter(pk=plan.pk).exists()


def test_the_history_says_in_words_who_did_what(give: Give, anna: User, boris: User, cara: User) -> None:
    task = give(deadline_at=NOON)
    change_task(
        task,
        {"title": "Weigh", "deadline_at": None, "priority": 2, "observer_ids": (cara.pk,)},
        by=anna,
    )
    delegate_task(task, cara, by=boris)
    deliver_all()
    told = [(line.who, line.sentence) for line in history_of(task.ref).lines]
    assert told[-1] == ("Anna Test", "gave the task")
    said = " | ".join(sentence for _who, sentence in told)
    assert "Title: Count the boxes → Weigh" in said
    assert "Priority: normal → high" in said
    assert "at 12:00" in said or "at 12:00 PM" in said or "12:00" in said
    assert "lets Cara Test watch" in said
    assert "made Cara Test responsible instead of Boris Test" in said


def test_what_is_thrown_away_comes_back(give: Give, anna: User, boris: User) -> None:
    task = give()
    with pytest.raises(PermissionDenied):
        delete_tasks([task], by=boris)
    delete_tasks([task], by=anna)
    assert not Task.objects.there().exists()
    assert task_cards([task.pk], anna) == {}
    with pytest.raises(PermissionDenied):
        restore_tasks([task], by=boris)
    restore_tasks([task], by=anna)
    assert Task.objects.there().get() == task


def test_of_several_all_are_thrown_away_or_none(give: Give, anna: User, boris: User) -> None:
    mine, other, theirs = give(), give(), give(by=boris)
    with pytest.raises(PermissionDenied):
        delete_tasks([mine, theirs], by=anna)
    assert Task.objects.there().count() == 3
    for _twice in range(2):
        delete_tasks([mine, other], by=anna)
    assert list(Task.objects.there()) == [theirs]
    assert {one.deleted_by for one in Task.objects.thrown_away()} == {anna}
    for _twice in range(2):
        restore_tasks([mine], by=anna)
    assert set(Task.objects.there()) == {mine, theirs}
    mine.refresh_from_db()
    assert (mine.deleted_at, mine.deleted_by) == (None, None)
    assert told("TasksDeleted") == [{"task_ids": [mine.pk, other.pk], "by_id": anna.pk}]
    assert told("TasksRestored") == [{"task_ids": [mine.pk], "by_id": anna.pk}]


def test_what_goes_for_good_takes_along_what_was_said_of_it_and_nothing_else(give: Give, anna: User) -> None:
    field = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    gone, kept = (give(title, fields={field: (title,)}) for title in ("gone", "kept"))
    relate(gone.ref, [kept.ref], by=anna)
    delete_tasks([gone], by=anna)
    now = timezone.now() + timedelta(days=KEPT_IN_TRASH_DAYS + 1)
    assert purge_old(now) == 1
    assert (values_of(TASK_FIELDS, gone.pk), values_of(TASK_FIELDS, kept.pk)) == ({}, {field: ("kept",)})
    assert not Relation.objects.exists()
    assert Thread.objects.filter(kind="tasks.task").get() == kept.thread
    assert told("TasksPurged") == [{"task_ids": [gone.pk]}]
    assert purge_old(now) == 0
    assert len(told("TasksPurged")) == 1


def test_what_goes_for_good_takes_its_files_along_and_nobody_elses(
    give: Give, anna: User, boris: User
) -> None:
    gone, kept = (give(title, file_ids=(upload(anna).pk,)) for title in ("gone", "kept"))
    for task in (gone, kept):
        add_comment(task.thread, "Look", file_ids=[upload(boris).pk], by=boris)
    delete_tasks([gone], by=anna)
    assert File.objects.count() == 4
    purge_old(timezone.now() + timedelta(days=KEPT_IN_TRASH_DAYS + 1))
    left = {*kept.files.all(), File.objects.get(owner=boris)}
    assert set(File.objects.all()) == left
    assert len(left) == 2


def test_a_task_has_so_many_files_and_no_more(
    give: Give, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.tasks.MOST_FILES", 2)
    files = [upload(anna).pk for _number in range(6)]
    task, other = give(file_ids=files[:2]), give(file_ids=files[2:3])
    attach_files(other, files[3:4], by=anna)
    assert (task.files.count(), other.files.count()) == (2, 2)
    for attempt in (
        lambda: give(file_ids=(*files[4:], 10**9)),
        lambda: attach_files(other, files[4:5], by=anna),
    ):
        with pytest.raises(ValidationError, match="2 at most"):
            attempt()


def test_so_many_go_for_good_at_once_the_oldest_first(give: Give, anna: User) -> None:
    tasks = [give(title) for title in "abc"]
    delete_tasks(tasks[2:], by=anna)
    delete_tasks(tasks, by=anna)
    now = timezone.now() + timedelta(days=KEPT_IN_TRASH_DAYS + 1)
    assert purge_old(now, most=2) == 2
    assert [one.title for one in Task.objects.all()] == ["c"]


def test_the_trash_is_emptied_after_a_month_and_not_a_day_earlier(give: Give, anna: User) -> None:
    task = give()
    delete_tasks([task], by=anna)
    deleted_at = Task.objects.get().deleted_at
    assert deleted_at is not None
    over = deleted_at + timedelta(days=KEPT_IN_TRASH_DAYS)
    assert purge_old(over) == 0
    assert purge_old(over + timedelta(seconds=1)) == 1
    assert not Task.objects.exists()
    assert not Thread.objects.filter(kind="tasks.task").exists()


def test_a_task_is_found_by_words_and_by_its_number(give: Give, anna: User, cara: User) -> None:
    task = give("Count the boxes")
    assert [card.title for card in found_tasks("box count", anna)] == ["Count the boxes"]
    assert [card.ref.id for card in found_tasks(f"#{task.pk}", anna)] == [task.pk]
    assert found_tasks("box", cara) == []


def test_what_others_have_written_becomes_a_task_to_be(anna: User) -> None:
    assert new_address("Call them", anna) == "/tasks/new/?title=Call+them&text="
    assert (
        new_address("Call them\nand write", anna) == "/tasks/new/?title=Call+them&text=Call+them%0Aand+write"
    )


def test_whoever_dismisses_people_passes_on_tasks_that_are_not_theirs(
    give: Give, anna: User, boris: User, cara: User, olga: User, person: Callable[..., User]
) -> None:
    task, hanna = give(), person("Hanna")
    grant_role(create_role("Personnel", [EDIT_PEOPLE], by=olga), f"U{hanna.pk}", by=olga)
    with pytest.raises(PermissionDenied, match="passes a task on"):
        delegate_task(task, cara, by=hanna)
    dismiss(boris, successor=cara, by=User.objects.get(pk=hanna.pk))
    task.refresh_from_db()
    assert (task.responsible, task.created_by) == (cara, anna)
    assert Event.objects.get(kind="tasks.TaskDelegated").payload["by_id"] == hanna.pk


@pytest.mark.parametrize(("key", "day"), [("day-later", 25), ("week-later", 31)])
def test_what_is_put_off_stays_at_its_hour_when_the_clocks_change(
    give: Give, anna: User, key: str, day: int
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    task = give(deadline_at=datetime(2035, 3, 24, 18, tzinfo=berlin))
    later = next(one for one in BULK if one.key == key)
    with timezone.override(berlin):
        later.act(Task.objects.get(pk=task.pk), by=anna)
    task.refresh_from_db()
    assert task.deadline_at == datetime(2035, 3, day, 18, tzinfo=berlin)
