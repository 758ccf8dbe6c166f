"""A migration says whose doing something was, and when: an administrator's, with the scope for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.utils import timezone

from box.apps.feed.models import Post
from box.apps.tasks.models import Task, TimeEntry
from box.core.accounts.actions import dismiss_user
from box.core.discussion.models import Comment
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from tests.box.rest.calling import EVERYTHING, Program, program_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

SCOPE = "korobka_transfer"
THEN = datetime(2019, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def moving(olga: User) -> Program:
    return program_of(olga, *EVERYTHING, SCOPE)


def test_what_is_written_is_theirs_and_of_then(moving: Program, boris: User, sales: Department) -> None:
    then = {"KOROBKA_BY": boris.pk, "KOROBKA_AT": THEN.isoformat()}
    pk = moving.call("log.blogpost.add", POST_MESSAGE="Moved", DEST=["UA"], **then)
    post = Post.objects.get(pk=pk)
    assert (post.author, post.created_at) == (boris, THEN)
    later = {"korobka_by": str(boris.pk), "korobka_at": "2019-03-02T10:00:00Z"}
    comment = Comment.objects.get(pk=moving.call("log.blogcomment.add", POST_ID=pk, TEXT="Too", **later))
    assert (comment.author, comment.created_at) == (boris, THEN + timedelta(days=1))
    fields = {"TITLE": "Build", "RESPONSIBLE_ID": boris.pk}
    told = moving.call("tasks.task.add", fields=fields, **then)
    task = Task.objects.get(pk=told["task"]["id"])
    assert (task.created_by, task.created_at) == (boris, THEN)
    moving.call("task.elapseditem.add", taskId=task.pk, arFields={"SECONDS": 90}, **then)
    assert TimeEntry.objects.get().seconds == 90
    deliver_all()
    assert not Notification.objects.exists()
    assert not QueuedLetter.objects.exists()


def test_of_those_who_have_left_too(moving: Program, boris: User) -> None:
    dismiss_user(boris, by=None)
    pk = moving.call("log.blogpost.add", POST_MESSAGE="Moved", KOROBKA_BY=boris.pk)
    assert Post.objects.get(pk=pk).author == boris


def test_each_command_of_a_batch_says_its_own(moving: Program, boris: User, anna: User) -> None:
    cmd = {
        "one": f"log.blogpost.add?POST_MESSAGE=One&KOROBKA_BY={boris.pk}&KOROBKA_AT=2019-03-01T10:00:00Z",
        "two": f"log.blogpost.add?POST_MESSAGE=Two&KOROBKA_BY={anna.pk}",
        "three": "log.blogpost.add?POST_MESSAGE=Three",
    }
    made = moving.call("batch", cmd=cmd)["result"]
    one, two, three = (Post.objects.get(pk=made[name]) for name in cmd)
    assert (one.author, one.created_at) == (boris, THEN)
    assert two.author == anna
    assert three.author_id == moving.webhook.user_id
    assert three.created_at > timezone.now() - timedelta(minutes=5)


def test_nobody_else_says_so(olga: User, anna: User, boris: User) -> None:
    given = {"POST_MESSAGE": "In whose name?", "KOROBKA_BY": boris.pk}
    assert program_of(olga).error("log.blogpost.add", **given) == (403, "insufficient_scope")
    assert program_of(anna, "log", SCOPE).error("log.blogpost.add", **given) == (403, "ACCESS_DENIED")
    dated = {"POST_MESSAGE": "When?", "KOROBKA_AT": THEN.isoformat()}
    assert program_of(anna, "log", SCOPE).error("log.blogpost.add", **dated) == (403, "ACCESS_DENIED")
    as_bitrix = {"POST_MESSAGE": "In whose name?", "USER_ID": boris.pk}
    assert program_of(olga, "log").error("log.blogpost.add", **as_bitrix) == (403, "ACCESS_DENIED")
    assert program_of(anna, "log", SCOPE).error("log.blogpost.add", **as_bitrix) == (403, "ACCESS_DENIED")
    assert not Post.objects.exists()


def test_what_is_wrong_is_refused(moving: Program, boris: User) -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    wrong: tuple[dict[str, Any], ...] = (
        *({"KOROBKA_AT": at} for at in (tomorrow, "1969-12-31T23:59:59Z", "soon", "", ["2019-03-01"])),
        *({"KOROBKA_BY": by} for by in (10**12, "anna", "", -1, [boris.pk])),
    )
    for said in wrong:
        assert moving.error("log.blogpost.add", POST_MESSAGE="x", **said) == (400, "ERROR_ARGUMENT"), said
    assert moving.error("log.blogpost.get", KOROBKA_BY=boris.pk) == (400, "ERROR_ARGUMENT")
    assert not Post.objects.exists()


def test_bitrix24s_own_parameter_writes_now_in_anothers_name(moving: Program, boris: User) -> None:
    pk = moving.call("log.blogpost.add", POST_MESSAGE="As Bitrix24 has it", USER_ID=boris.pk)
    post = Post.objects.get(pk=pk)
    assert post.author == boris
    assert post.created_at > timezone.now() - timedelta(minutes=5)


def test_a_task_is_as_it_was(moving: Program, anna: User, boris: User) -> None:
    fields = {"TITLE": "Build", "RESPONSIBLE_ID": boris.pk, "CREATED_BY": anna.pk, "STATUS": 5}
    told = moving.call("tasks.task.add", fields=fields, KOROBKA_BY=boris.pk, KOROBKA_AT=THEN.isoformat())
    task = Task.objects.get(pk=told["task"]["id"])
    assert (task.created_by, task.responsible, task.closed_by) == (anna, boris, boris)
    assert (task.state, task.closed_at) == ("completed", THEN)
    given = {"fields": {"TITLE": "Mine", "RESPONSIBLE_ID": anna.pk, "CREATED_BY": boris.pk}}
    assert program_of(anna, "task").error("tasks.task.add", **given) == (403, "ACCESS_DENIED")


def test_a_state_is_reached_by_the_steps_of_people(anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    fields = {"TITLE": "Build", "RESPONSIBLE_ID": anna.pk, "TASK_CONTROL": "N"}
    pk = program.call("tasks.task.add", fields=fields)["task"]["id"]
    for number, state in ((3, "in-progress"), (6, "deferred"), (5, "completed")):
        program.call("tasks.task.update", taskId=pk, fields={"STATUS": number})
        assert Task.objects.get(pk=pk).state == state
    for wrong in ({"STATUS": 9}, {"CREATED_BY": boris.pk, "TITLE": "x"}):
        assert program.error("tasks.task.update", taskId=pk, fields=wrong) == (400, "ERROR_ARGUMENT")
    theirs = program_of(boris, "task")
    assert theirs.error("tasks.task.update", taskId=pk, fields={"STATUS": 3}) == (400, "ERROR_NOT_FOUND")
    assert Task.objects.get(pk=pk).title == "Build"


def test_only_administrators_are_offered_the_scope(
    as_person: Callable[[User], Client], olga: User, anna: User
) -> None:
    address = "/profile/integrations/new/"
    assert SCOPE in as_person(olga).get(address).content.decode()
    assert SCOPE not in as_person(anna).get(address).content.decode()
    sent = {"name": "The mover", "scopes": [SCOPE], "nonce": str(uuid4())}
    assert as_person(anna).post(address, sent).status_code == 422
