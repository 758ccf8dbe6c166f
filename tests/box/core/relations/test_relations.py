"""What belongs together is said once, seen from both ends, and by nobody who does not see the other end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.tasks.actions.tasks import TaskDraft, add_task, delete_tasks, purge_old
from box.apps.tasks.actions.work import give_work
from box.apps.tasks.models import Task
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.history.presenters import history_of
from box.core.people.merging import merge_people
from box.core.people.offboarding import dismiss
from box.core.registry.capabilities import Ref, Work
from box.core.registry.origin import importing
from box.core.relations.actions import (
    MOST_RELATIONS,
    check_relatable,
    forget_relations,
    hand_on,
    relate,
    unrelate,
)
from box.core.relations.models import Relation
from box.core.relations.presenters import related_to
from box.core.relations.relatable import ref_at, relatables
from tests import cast

if TYPE_CHECKING:
    from box.apps.feed.models import Post

type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def task(anna: User, boris: User) -> Task:
    """Which anna gives boris."""
    return add_task(TaskDraft(title="Count the boxes", responsible=boris), by=anna)


@pytest.fixture
def post(anna: User, boris: User) -> Post:
    return publish_post(Draft(text="The store is full", audience=(code_of(boris),)), by=anna)


def person(user: User) -> Ref:
    return Ref("org.person", user.pk)


def titles(ref: Ref, reader: User) -> list[str]:
    return [card.title for card in related_to(ref, reader=reader).cards]


def test_both_ends_tell_of_each_other_to_those_who_see_them(
    task: Task, post: Post, anna: User, boris: User, cara: User
) -> None:
    relate(task.ref, [post.ref, person(cara)], by=boris)
    assert set(titles(task.ref, boris)) == {str(post), cara.name}
    assert titles(post.ref, anna) == [task.title]
    assert titles(person(cara), anna) == [task.title]
    # She sees neither the task nor the post.
    assert titles(person(cara), cara) == []
    assert titles(post.ref, cara) == []


def test_saying_it_again_from_either_end_says_it_once(task: Task, post: Post, boris: User) -> None:
    assert relate(task.ref, [post.ref, post.ref], by=boris) == [post.ref]
    assert relate(task.ref, [post.ref], by=boris) == []
    other = add_task(TaskDraft(title="Weigh", responsible=boris), by=boris)
    relate(task.ref, [other.ref], by=boris)
    assert relate(other.ref, [task.ref], by=boris) == []
    assert Relation.objects.count() == 2
    unrelate(other.ref, task.ref, by=boris)
    assert titles(task.ref, boris) == [str(post)]


def test_nothing_belongs_to_itself(task: Task, boris: User) -> None:
    assert relate(task.ref, [task.ref], by=boris) == []
    assert not Relation.objects.exists()


def test_what_one_does_not_see_one_does_not_relate(task: Task, anna: User, boris: User) -> None:
    hidden = publish_post(Draft(text="Between us", audience=(code_of(anna),)), by=anna)
    with pytest.raises(ValidationError, match="cannot see all"):
        relate(task.ref, [hidden.ref], by=boris)
    with pytest.raises(ValidationError, match="cannot see all"):
        relate(task.ref, [Ref("feed.post", 10**12), Ref("no.such", 1)], by=boris)
    assert not Relation.objects.exists()


def test_only_whoever_works_on_a_task_says_what_belongs_to_it(
    task: Task, post: Post, anna: User, boris: User, cara: User
) -> None:
    watched = add_task(TaskDraft(title="Watched", responsible=boris, observer_ids=(cara.pk,)), by=anna)
    with pytest.raises(PermissionDenied):
        relate(watched.ref, [person(boris)], by=cara)
    relate(watched.ref, [person(boris)], by=boris)
    with pytest.raises(PermissionDenied):
        unrelate(watched.ref, person(boris), by=cara)
    assert related_to(watched.ref, reader=boris).can_change
    assert not related_to(watched.ref, reader=cara).can_change
    check_relatable(watched.ref, by=boris)
    with pytest.raises(PermissionDenied):
        check_relatable(watched.ref, by=cara)


def test_it_has_an_end(task: Task, boris: User) -> None:
    Relation.objects.bulk_create(
        Relation(kind="no.such", object_id=number, other_kind="tasks.task", other_id=task.pk, made_by=boris)
        for number in range(MOST_RELATIONS)
    )
    with pytest.raises(ValidationError, match="take some away"):
        relate(task.ref, [person(boris)], by=boris)


def test_what_is_related_already_is_refused_by_no_number_of_others(
    task: Task, post: Post, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others relate as many things to it as they like."""
    other = add_task(TaskDraft(title="Weigh", responsible=boris), by=boris)
    monkeypatch.setattr("box.core.relations.actions.MOST_RELATIONS", 3)
    relate(task.ref, [post.ref, person(boris), other.ref], by=boris)
    monkeypatch.setattr("box.core.relations.actions.MOST_RELATIONS", 1)
    for related in (post.ref, person(boris), other.ref):
        assert relate(task.ref, [related], by=boris) == []
    with pytest.raises(ValidationError, match="take some away"):
        relate(task.ref, [post.ref, Ref("no.such", 1)], by=boris)


def test_the_last_that_there_may_be_is_taken_and_what_is_said_again_counts_once(
    task: Task, post: Post, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.core.relations.actions.MOST_RELATIONS", 2)
    relate(task.ref, [person(boris)], by=boris)
    assert relate(task.ref, [person(boris), post.ref], by=boris) == [post.ref]


def test_what_is_handed_on_is_what_may_be_and_what_is_said_there_already_stays(
    task: Task, post: Post, boris: User, anna: User
) -> None:
    other = add_task(TaskDraft(title="Weigh", responsible=boris), by=boris)
    relate(task.ref, [post.ref, person(anna), person(boris), other.ref], by=boris)
    relate(other.ref, [post.ref], by=boris)
    rows = {one.end_beside(task.ref): one.pk for one in Relation.objects.of(task.ref)}
    among = [rows[post.ref], rows[other.ref], rows[person(anna)]]
    # Not the one that is said there, nor the one to itself, nor the one that was not named.
    assert hand_on(task.ref, other.ref, among=among) == [rows[person(anna)]]
    assert set(titles(other.ref, boris)) == {str(post), anna.name, task.title}
    assert set(titles(task.ref, boris)) == {str(post), boris.name, other.title}
    assert hand_on(task.ref, other.ref) == [rows[person(boris)]]


def test_what_is_gone_for_good_is_forgotten_at_whichever_end_it_stood(
    task: Task, post: Post, boris: User, cara: User
) -> None:
    relate(task.ref, [post.ref, person(cara), person(boris)], by=boris)
    forget_relations([post.ref, person(cara)])
    assert titles(task.ref, boris) == [boris.name]
    forget_relations([task.ref])
    assert not Relation.objects.exists()


def test_what_is_handed_on_stands_where_its_kind_has_its_place(
    task: Task, post: Post, boris: User, cara: User
) -> None:
    relate(task.ref, [post.ref], by=boris)
    hand_on(post.ref, person(cara))
    assert set(Relation.objects.between(person(cara), task.ref)) == set(Relation.objects.all())
    hand_on(task.ref, post.ref)
    assert Relation.objects.between(person(cara), post.ref).count() == Relation.objects.count() == 1


def test_what_is_gone_takes_along_nothing_of_the_same_number(boris: User) -> None:
    def say(*ends: Ref) -> Relation:
        first, second = ends
        return Relation.objects.create(
            kind=first.kind, object_id=first.id, other_kind=second.kind, other_id=second.id, made_by=boris
        )

    one, two = Ref("no.one", 1), Ref("no.two", 1)
    kept = [say(Ref("no.one", 2), Ref("no.two", 2)), say(Ref("no.other", 1), Ref("no.zero", 1))]
    say(one, Ref("no.zero", 3))
    say(Ref("no.other", 3), two)
    forget_relations([one, two])
    assert list(Relation.objects.order_by("id")) == kept


def test_each_saying_is_told_of_the_object_of_which_it_is_said_and_once(
    task: Task, post: Post, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, list[Ref], bool, User]] = []
    noted = replace(
        relatables["tasks.task"],
        told=lambda pk, others, is_made, by: told.append((pk, list(others), is_made, by)),
    )
    monkeypatch.setitem(relatables._offers, "tasks.task", noted)
    for _twice in range(2):
        relate(task.ref, [post.ref], by=boris)
    for _twice in range(2):
        unrelate(task.ref, post.ref, by=boris)
    assert told == [(task.pk, [post.ref], is_made, boris) for is_made in (True, False)]


def test_what_is_taken_over_is_related_whoever_sees_it(task: Task, anna: User, boris: User) -> None:
    hidden = publish_post(Draft(text="Between us", audience=(code_of(anna),)), by=anna)
    with importing(at=timezone.now()):
        assert relate(task.ref, [hidden.ref], by=boris) == [hidden.ref]


def test_what_belongs_to_a_comment_is_told_on_the_page_of_its_post(
    task: Task, post: Post, anna: User, boris: User
) -> None:
    comment = add_comment(post.thread, "Who counts?", by=boris)
    relate(task.ref, [Ref("feed.comment", comment.pk)], by=boris)
    assert titles(post.ref, anna) == [task.title]
    assert titles(task.ref, anna) == ["Who counts?"]


def test_a_task_made_of_a_comment_belongs_to_it(
    as_person: Browser, post: Post, anna: User, boris: User
) -> None:
    comment = add_comment(post.thread, "Who counts?", by=anna)
    browser, said = as_person(boris), f"feed.comment:{comment.pk}"
    page = browser.get("/tasks/new/", {"of": said}).content.decode()
    assert f'value="{said}" checked' in page
    sent = {"title": "Count", "priority": "1", "responsible": code_of(boris), "nonce": uuid4().hex}
    link = f"https://box.example.com/employees/{anna.pk}/"
    assert browser.post("/tasks/new/", {**sent, "about": said, "links": link}).status_code == 302
    made = Task.objects.get(title="Count")
    assert set(titles(made.ref, boris)) == {"Who counts?", anna.name}


def test_a_link_that_leads_nowhere_is_named_and_no_task_is_given(
    as_person: Browser, anna: User, boris: User
) -> None:
    hidden = publish_post(Draft(text="Between us", audience=(code_of(anna),)), by=anna)
    sent = {"title": "Count", "priority": "1", "responsible": code_of(boris)}
    elsewhere = "https://elsewhere.example.com/x/"
    for links, said in ((elsewhere, elsewhere), (hidden.get_absolute_url(), "cannot see all")):
        answer = as_person(boris).post("/tasks/new/", {**sent, "links": links, "nonce": uuid4().hex})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert not Task.objects.exists()


def test_the_page_adds_by_a_link_and_takes_away(
    as_person: Browser, task: Task, post: Post, anna: User, boris: User
) -> None:
    browser, there = as_person(boris), f"/relations/tasks.task/{task.pk}/"
    assert "link" in browser.get(there, headers=HTMX).content.decode()
    wrong = browser.post(there, {"link": "/nowhere/"}, headers=HTMX)
    assert (wrong.status_code, "Paste the link" in wrong.content.decode()) == (422, True)
    assert str(post) in browser.post(there, {"link": post.get_absolute_url()}, headers=HTMX).content.decode()
    gone = browser.delete(f"{there}feed.post/{post.pk}/", headers=HTMX).content.decode()
    assert str(post) not in gone
    deliver_all()
    told = [line.sentence for line in history_of(task.ref, reader=boris, before=None).lines]
    assert sum("belong" in sentence for sentence in told) == 2
    # Of a post nobody says it there: it is said of the task.
    assert as_person(anna).post(f"/relations/feed.post/{post.pk}/", {"link": "x"}).status_code == 403


def test_work_that_another_room_gives_belongs_to_what_it_came_of(post: Post, anna: User, cara: User) -> None:
    made = give_work(Work(title="Count", text="", responsible=anna, about=post.ref), anna)
    assert titles(made, anna) == [str(post)]
    unseen = give_work(Work(title="Weigh", text="", responsible=cara, about=post.ref), cara)
    assert titles(unseen, anna) == []


def test_a_task_that_is_gone_for_good_belongs_to_nothing(task: Task, post: Post, anna: User) -> None:
    relate(task.ref, [post.ref], by=anna)
    delete_tasks([task], by=anna)
    assert titles(post.ref, anna) == []
    assert Relation.objects.exists()
    purge_old(timezone.now() + timedelta(days=40))
    assert not Relation.objects.exists()


def test_two_accounts_that_become_one_are_related_once(
    task: Task, anna: User, boris: User, cara: User, olga: User
) -> None:
    relate(task.ref, [person(anna), person(cara)], by=boris)
    merge_people(cara, anna, by=olga)
    assert Relation.objects.get().end_beside(task.ref) == person(anna)


def test_nothing_belongs_to_whoever_is_erased(task: Task, boris: User, cara: User, olga: User) -> None:
    relate(task.ref, [person(cara)], by=boris)
    dismiss(cara, successor=None, by=olga)
    erase_person(User.objects.get(pk=cara.pk), by=olga)
    assert not Relation.objects.exists()


@pytest.mark.parametrize(
    ("address", "ref"),
    [
        ("https://box.example.com/tasks/12/?x=1#y", Ref("tasks.task", 12)),
        ("/crm/deal/7/", Ref("crm.record", 7)),
        (" /employees/3/ ", Ref("org.person", 3)),
        ("/tasks/", None),
        ("no address", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_an_address_names_an_object(address: str, ref: Ref | None) -> None:
    assert ref_at(address) == ref


def test_many_cost_as_little_as_one(task: Task, boris: User, anna: User) -> None:
    costs = []
    for count in (1, 9):
        posts = [publish_post(Draft(text=f"{n}", audience=(EVERYONE,)), by=anna) for n in range(count)]
        relate(task.ref, [one.ref for one in posts], by=boris)
        reader = User.objects.get(pk=boris.pk)
        with CaptureQueriesContext(connection) as asked:
            related_to(task.ref, reader=reader)
        costs.append(len(asked))
    assert costs[0] == costs[1]


@pytest.mark.django_db(transaction=True)
def test_two_who_say_the_same_at_once_say_it_once() -> None:
    anna, boris = cast.person("Anna"), cast.person("Boris")
    one = add_task(TaskDraft(title="Count", responsible=boris), by=anna)
    other = add_task(TaskDraft(title="Weigh", responsible=boris), by=anna)
    together = Barrier(2)

    def say(first: Task, second: Task, by: User) -> None:
        together.wait()
        try:
            relate(first.ref, [second.ref], by=by)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for said in [pool.submit(say, one, other, anna), pool.submit(say, other, one, boris)]:
            said.result()
    assert Relation.objects.count() == 1
