from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from box.apps.calendar.actions import main_calendar
from box.apps.calendar.demo import PER_HOST as EVENTS_PER_HOST
from box.apps.calendar.models import Event
from box.apps.calls.models import LoggedCall
from box.apps.crm.agenda import due_count
from box.apps.crm.models import Record
from box.apps.feed.models import Post
from box.apps.tasks.counters import attention_count
from box.apps.tasks.demo import PER_HOST
from box.apps.tasks.models import OPEN, Task
from box.core.accounts.models import User
from box.core.discussion.models import Comment, Thread
from box.core.notify.counters import counters_of, shown
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

DISMISSED_SELLER = 22
"""A seed with which one of the first two, who sell, does not work here any more."""


def _demo(**options: object) -> str:
    out = io.StringIO()
    call_command("demo", employees=40, posts=120, stdout=out, **options)
    return out.getvalue()


def test_a_company_is_whole(store: object) -> None:
    with pytest.raises(CommandError, match="No demonstration"):
        call_command("demo", check=True)
    _demo()
    call_command("demo", check=True)
    assert User.objects.filter(is_demo=True, is_extranet=False).count() == 40
    assert Post.objects.count() == 120
    assert Membership.objects.filter(role="head").count() == Department.objects.count()
    for thread in Thread.objects.all():
        assert thread.comments_count == Comment.objects.filter(thread=thread).count()
    assert all(department.path[-1] == department.pk for department in Department.objects.all())


def test_the_planner_knows_it_at_once(store: object) -> None:
    _demo()
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'feed_post'::regclass")
        assert cursor.fetchone() == (120,)


def test_who_administers_the_box_has_work_in_it_too(store: object, olga: User) -> None:
    main_calendar(f"U{olga.pk}")
    _demo()
    own = Task.objects.filter(responsible=olga)
    assert own.count() > PER_HOST / 2
    assert Task.objects.visible_to(olga).filter(created_by=olga).exclude(responsible=olga).exists()
    assert Record.objects.filter(responsible=olga).exists()
    assert LoggedCall.objects.filter(user=olga).exists()
    assert LoggedCall.objects.unreturned().count() < LoggedCall.objects.filter(is_missed=True).count()
    assert Event.objects.visible_to(olga).filter(organizer=olga).count() == EVENTS_PER_HOST


def test_the_menu_says_what_waits(store: object, olga: User) -> None:
    _demo()
    now = timezone.now()
    late = Task.objects.filter(OPEN, responsible=olga, deadline_at__lt=now)
    assert late.exists() and due_count(olga, now)
    waiting = {
        # It depends on the hour whether a call of the last working day is of these days.
        "calls": LoggedCall.objects.waiting_for(olga, now=now).count(),
        "crm": due_count(olga, now),
        "tasks": attention_count(olga, now),
    }
    assert dict(counters_of(olga)) == {key: shown(count) for key, count in waiting.items() if count}


def test_who_has_left_sells_nothing(store: object) -> None:
    _demo(seed=DISMISSED_SELLER)
    first = User.objects.filter(is_demo=True).order_by("pk")[0]
    assert first.status == User.Status.DISMISSED, "another seed is needed"
    assert Record.objects.exists() and not Record.objects.filter(responsible=first).exists()


def test_one_seed_makes_one_company(store: object) -> None:
    def company() -> list[object]:
        empty = transaction.savepoint_create()
        _demo(seed=7)
        made = [
            *User.objects.order_by("id").values_list("login", "position"),
            *Post.objects.order_by("id").values_list("text", flat=True),
        ]
        transaction.savepoint_rollback(empty)
        return made

    assert company() == company()


def test_a_box_with_real_people_is_left_alone(person: Callable[..., User]) -> None:
    person("Anna")
    person("Olga", is_administrator=True)
    with pytest.raises(CommandError, match="Real people"):
        _demo()
    assert User.objects.count() == 2
    assert not Post.objects.exists()


def test_it_is_not_done_twice(store: object) -> None:
    _demo()
    with pytest.raises(CommandError, match="already"):
        _demo()
    assert Post.objects.count() == 120
