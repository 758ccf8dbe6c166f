"""The steps of a task: who may, who may not, and where each leads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.tasks.actions.states import (
    STEPS,
    Standing,
    accept_task,
    close_unaccepted,
    complete_task,
    defer_task,
    pause_task,
    return_task,
    start_task,
    take_back,
    take_over_state,
)
from box.apps.tasks.models import Task
from box.apps.tasks.states import RULES, Role, State, Step, is_allowed, steps, target
from box.core.accounts.actions import dismiss_user, suspend_user
from box.core.discussion.models import Comment
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.people.offboarding import dismiss
from box.core.registry.origin import importing

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

DOES, MANAGES = frozenset({Role.DOES}), frozenset({Role.MANAGES})


def test_the_table_holds_every_step() -> None:
    assert set(RULES) == set(Step) == set(STEPS)


@pytest.mark.parametrize(
    ("state", "doer", "manager"),
    [
        (State.WAITING, "start complete defer", "complete defer"),
        (State.IN_PROGRESS, "complete pause defer", "complete defer"),
        (State.DEFERRED, "start complete", "complete"),
        (State.IN_REVIEW, "", "accept return"),
        (State.COMPLETED, "", "return"),
    ],
)
def test_what_each_may_do_in_each_state(state: State, doer: str, manager: str) -> None:
    assert " ".join(steps(state, DOES)) == doer
    assert " ".join(steps(state, MANAGES)) == manager
    assert steps(state, frozenset()) == []


def test_done_is_accepted_by_whoever_gave_it() -> None:
    assert target(Step.COMPLETE, DOES, needs_acceptance=True) == State.IN_REVIEW
    assert target(Step.COMPLETE, DOES, needs_acceptance=False) == State.COMPLETED
    assert target(Step.COMPLETE, DOES | MANAGES, needs_acceptance=True) == State.COMPLETED
    assert not is_allowed(Step.ACCEPT, State.IN_REVIEW, DOES)


def test_a_task_goes_all_the_way(give: Give, anna: User, boris: User) -> None:
    task = give()
    assert start_task(task, by=boris).state == State.IN_PROGRESS
    assert pause_task(task, by=boris).state == State.WAITING
    assert defer_task(task, by=anna).state == State.DEFERRED
    assert start_task(task, by=boris).state == State.IN_PROGRESS
    waiting = complete_task(task, by=boris)
    assert (waiting.state, waiting.closed_at) == (State.IN_REVIEW, None)
    returned = return_task(task, "The sums are missing", by=anna)
    assert returned.state == State.WAITING
    assert Comment.objects.get().text == "The sums are missing"
    complete_task(task, by=boris)
    done = accept_task(task, by=anna)
    assert (done.state, done.closed_by) == (State.COMPLETED, anna)
    assert done.closed_at is not None
    kinds = Event.objects.filter(kind__startswith="tasks.").order_by("id").values_list("kind", flat=True)
    assert [kind.removeprefix("tasks.Task") for kind in kinds] == [
        *("Added", "Started", "Paused", "Deferred", "Started", "Submitted", "Returned", "Submitted"),
        "Completed",
    ]


def test_whoever_helps_works_on_it_and_whoever_watches_does_not(give: Give, cara: User, olga: User) -> None:
    assert start_task(give(accomplice_ids=(cara.pk,)), by=cara).state == State.IN_PROGRESS
    watched = give(observer_ids=(cara.pk,))
    with pytest.raises(PermissionDenied, match="works on"):
        start_task(watched, by=cara)
    watched.refresh_from_db()
    assert watched.state == State.WAITING


def test_nobody_accepts_their_own_work(give: Give, boris: User) -> None:
    task = give()
    complete_task(task, by=boris)
    with pytest.raises(PermissionDenied, match="gave"):
        accept_task(task, by=boris)


def test_without_acceptance_done_is_done(give: Give, boris: User) -> None:
    assert complete_task(give(needs_acceptance=False), by=boris).state == State.COMPLETED


def test_doing_it_twice_does_it_once(give: Give, boris: User) -> None:
    task = give()
    start_task(task, by=boris)
    start_task(task, by=boris)
    assert Event.objects.filter(kind="tasks.TaskStarted").count() == 1


def test_what_stands_otherwise_meanwhile_is_refused_with_a_word(give: Give, anna: User, boris: User) -> None:
    task = give()
    complete_task(task, by=anna)
    with pytest.raises(ValidationError, match="completed"):
        start_task(task, by=boris)


def test_whoever_completed_it_takes_that_back_and_nobody_else(give: Give, anna: User, boris: User) -> None:
    task = give(needs_acceptance=False)
    complete_task(task, by=boris)
    with pytest.raises(PermissionDenied):
        take_back(task, State.WAITING, by=anna)
    back = take_back(task, State.IN_PROGRESS, by=boris)
    assert (back.state, back.closed_at, back.closed_by) == (State.IN_PROGRESS, None, None)
    with pytest.raises(PermissionDenied):
        take_back(task, State.WAITING, by=boris)


def test_nothing_is_taken_back_into_being_done(give: Give, boris: User) -> None:
    task = give(needs_acceptance=False)
    complete_task(task, by=boris)
    with pytest.raises(ValidationError, match="undone"):
        take_back(task, State.COMPLETED, by=boris)


def test_whoever_has_handed_it_in_takes_that_back_until_it_is_accepted(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    task = give(accomplice_ids=(cara.pk,))
    complete_task(task, by=boris)
    with pytest.raises(PermissionDenied, match="takes that back"):
        take_back(task, State.WAITING, by=anna)
    assert take_back(task, State.DEFERRED, by=cara).state == State.DEFERRED
    assert Event.objects.filter(kind="tasks.TaskReturned").get().payload["by_id"] == cara.pk
    complete_task(task, by=boris)
    accept_task(task, by=anna)
    with pytest.raises(PermissionDenied, match="takes that back"):
        take_back(task, State.WAITING, by=boris)


def test_a_word_on_what_is_missing_has_an_end_and_none_is_no_comment(
    give: Give, anna: User, boris: User
) -> None:
    task = give()
    complete_task(task, by=boris)
    with pytest.raises(ValidationError, match="Write less"):
        return_task(task, "x" * 1001, by=anna)
    return_task(task, "  ", by=anna)
    assert not Comment.objects.exists()
    complete_task(task, by=boris)
    return_task(task, "x" * 1000, by=anna)
    assert Comment.objects.get().text == "x" * 1000
    notes = Event.objects.filter(kind="tasks.TaskReturned").order_by("id")
    assert [one.payload["note"] for one in notes] == ["", "x" * 1000]


def test_a_state_that_is_taken_over_is_told_to_nobody(give: Give, boris: User) -> None:
    task = give()
    Event.objects.all().delete()
    since = task.state_since
    assert take_over_state(task, State.WAITING, by=boris).state_since == since
    done = take_over_state(task, State.COMPLETED, by=boris)
    assert (done.state, done.closed_by) == (State.COMPLETED, boris)
    assert not Event.objects.filter(kind__startswith="tasks.").exists()


@pytest.mark.parametrize("state", list(State))
def test_what_is_taken_over_may_have_come_somewhere(
    give: Give, anna: User, boris: User, state: State
) -> None:
    """As if it had been given first and had come there then."""
    given, since = datetime(2021, 5, 3, 9, tzinfo=UTC), datetime(2021, 6, 7, 9, tzinfo=UTC)
    with importing(at=given):
        alone, together = give(), give(standing=Standing(state, since, anna))
    with importing(at=since):
        take_over_state(alone, state, by=anna)
    columns = ("state", "state_since", "created_at", "changed_at", "closed_at", "closed_by")
    as_alone, as_together = (Task.objects.values(*columns).get(pk=one.pk) for one in (alone, together))
    assert as_together == as_alone
    assert (together.closed_by == anna) is (state == State.COMPLETED)


def test_accepted_is_said_to_be_accepted(give: Give, anna: User, boris: User) -> None:
    task = give()
    complete_task(task, by=boris)
    accept_task(task, by=anna)
    complete_task(give(needs_acceptance=False), by=boris)
    told = Event.objects.filter(kind="tasks.TaskCompleted").order_by("id")
    assert [(one.payload["by_id"], one.payload["is_accepted"]) for one in told] == [
        (anna.pk, True),
        (boris.pk, False),
    ]


def test_nobody_accepts_for_whoever_has_left(
    give: Give, anna: User, boris: User, cara: User, olga: User
) -> None:
    handed_in, open_one, others = give("Handed in"), give("Open"), give("Others'", by=cara)
    never_begun = give("Never begun")
    for task in (handed_in, others):
        complete_task(task, by=boris)
    suspend_user(anna, by=olga)
    deliver_all()
    assert complete_task(open_one, by=boris).state == State.IN_REVIEW
    take_back(open_one, State.WAITING, by=boris)
    dismiss(anna, successor=cara, by=olga)
    assert complete_task(open_one, by=boris).state == State.COMPLETED
    deliver_all()
    for task in (handed_in, others):
        task.refresh_from_db()
    assert (handed_in.state, handed_in.closed_by) == (State.COMPLETED, boris)
    assert others.state == State.IN_REVIEW
    for task in (others, never_begun):
        close_unaccepted(task)
    assert Task.objects.filter(state=State.COMPLETED).count() == 2
    told = Event.objects.filter(kind="tasks.TaskCompleted").values_list("payload__task_id", flat=True)
    assert set(told) == {handed_in.pk, open_one.pk}


def test_what_was_dismissed_elsewhere_accepts_nothing_here(
    give: Give, anna: User, boris: User, olga: User
) -> None:
    task = complete_task(give(), by=boris)
    with importing(at=timezone.now()):
        dismiss_user(anna, by=olga)
    deliver_all()
    task.refresh_from_db()
    assert task.state == State.IN_REVIEW
