"""A migration goes on, is matched, paused, repeated, undone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from box.apps.crm.models import Activity, Record
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Task, TimeEntry
from box.apps.tasks.states import State
from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Comment
from box.core.groups.models import Group
from box.core.structure.actions import create_department
from box.core.structure.models import Department
from box.transfer import actions, sources, undo
from box.transfer.models import Match, Migration
from tests.box.transfer.moving import Move
from tests.cast import browser, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


def test_a_second_pass_brings_what_has_changed_and_nothing_else(store: object, olga: User) -> None:
    move = Move(olga)
    move.bring()
    fetched = len(move.loaded)
    company = move.company
    company.posts[0]["DETAIL_TEXT"] = "Welcome all"
    company.tasks[0] |= {
        "title": "Write the best offer",
        "status": 5,
        "closedBy": 2,
        "closedDate": "2021-05-01T10:00:00+03:00",
    }
    company.people[1]["WORK_POSITION"] = "Director"
    company.post(90, 1, "Brand new")
    company.task_comment(7, 3, "Ready")
    company.tasks[0]["activityDate"] = "2021-05-01T11:00:00+03:00"
    move.bring()
    changed = dict(move.migration.progress.values_list("stage", "changed"))
    created = dict(move.migration.progress.values_list("stage", "created"))
    assert {stage: count for stage, count in changed.items() if count} == {
        "people": 1,
        "posts": 1,
        "tasks": 1,
    }
    assert {stage: count for stage, count in created.items() if count and stage != "links"} == {"posts": 1}
    assert Post.objects.get(pk=move.ours("post", 1)).text == "Welcome all"
    task = Task.objects.get(pk=move.ours("task", 7))
    assert (task.title, task.state) == ("Write the best offer", State.COMPLETED)
    assert Comment.objects.filter(thread=task.thread).count() == 2
    assert task.items_count == 2 and task.spent_seconds == 5400
    assert User.objects.get(pk=move.ours("person", 2)).position == "Director"
    # What is here already is not fetched again.
    assert len(move.loaded) == fetched
    assert move.migration.passes == 2


def test_whoever_is_here_already_is_recognised_and_stays_as_they_are(store: object, olga: User) -> None:
    here = person("Boris", position="Owner")
    move = Move(olga)
    move.look()
    match = move.migration.matches.get(theirs="2")
    assert (match.user, match.way) == (here, Match.Way.EMAIL)
    move.bring()
    here.refresh_from_db()
    assert move.ours("person", 2) == here.pk
    assert here.position == "Owner"


def test_somebody_is_matched_by_hand_before_anything_is_written(store: object, olga: User) -> None:
    here, other = person("Barbara"), person("Boris")
    move = Move(olga)
    move.look()
    match = move.migration.matches.get(theirs="3")
    with pytest.raises(actions.NotNow, match="somebody else"):
        actions.decide_match(match, other, by=olga)
    actions.decide_match(match, here, by=olga)
    move.bring()
    assert move.ours("person", 3) == here.pk
    with pytest.raises(actions.NotNow, match="come already"):
        actions.decide_match(match, None, by=olga)


def test_whoever_got_an_account_after_somebody_had_looked_is_recognised(store: object, olga: User) -> None:
    move = Move(olga)
    move.look()
    boris = person("Boris")
    move.bring()
    assert move.ours("person", 2) == boris.pk
    match = move.migration.matches.get(theirs="2")
    assert (match.user, match.way) == (boris, Match.Way.EMAIL)
    # Hired in both between two passes: nobody had looked at her at all.
    hanna = person("Hanna")
    move.company.person(950, "Hanna", "Holm", EMAIL=hanna.email)
    move.company.post(90, 950, "Good morning")
    move.bring()
    assert move.ours("person", 950) == hanna.pk
    assert Post.objects.get(pk=move.ours("post", 90)).author == hanna
    # Whom it has brought itself is nobody else of the portal.
    move.company.person(951, "Borja", "Two", EMAIL=boris.email)
    move.company.person(952, "Anja", "Two", EMAIL=User.objects.get(pk=move.ours("person", 1)).email)
    move.bring()
    assert {"951", "952"} <= move.said("person").keys()
    assert not move.migration.identities.filter(kind="person", theirs__in=["951", "952"]).exists()


def test_whoever_is_nobody_here_by_hand_is_added_and_a_colleague_keeps_the_e_mail(
    store: object, olga: User
) -> None:
    boris = person("Boris")
    move = Move(olga)
    move.look()
    match = move.migration.matches.get(theirs="2")
    assert match.user == boris
    actions.decide_match(match, None, by=olga)
    move.bring()
    other = User.objects.get(pk=move.ours("person", 2))
    assert (other == boris, other.email, other.first_name) == (False, "", "Boris")
    assert f"Somebody here has the e-mail “{boris.email}”" in move.said("person")["2"]
    # Of whom nobody has an e-mail nothing is said.
    assert "1" not in move.said("person")


def test_it_is_paused_between_two_pages_and_goes_on(store: object, olga: User) -> None:
    move = Move(olga)
    move.look()
    actions.begin(move.migration, by=olga)
    # As soon as the first page of people is here.
    move.portal.on_request = lambda portal: (
        User.objects.count() > 1 and actions.pause(move.migration, by=olga)
    )
    assert move.go().state == Migration.State.PAUSED
    assert User.objects.count() > 1 and not Task.objects.exists()
    move.portal.on_request = lambda portal: None
    actions.resume(move.migration, by=olga)
    assert move.go().state == Migration.State.DONE
    assert Task.objects.count() == len(move.company.tasks)
    assert User.objects.count() == len(move.company.people) + 1


def test_all_of_it_uses_nearly_all_of_the_rate_and_not_one_request_more(store: object, olga: User) -> None:
    """The clock moves while the portal works, and not while the box does: the portal alone holds it."""
    move = Move(olga, burst=5)
    assert move.bring().state == Migration.State.DONE
    assert move.portal.refusals == []
    assert move.share_of_rate() >= 0.95


def test_two_do_not_go_on_at_once(store: object, olga: User) -> None:
    first = Move(olga)
    with pytest.raises(actions.NotNow, match="Another migration"):
        Move(olga)
    first.look()
    second = Move(olga)
    second.look()
    actions.begin(first.migration, by=olga)
    with pytest.raises(actions.NotNow, match="Another migration"):
        actions.begin(second.migration, by=olga)


def test_the_same_portal_is_not_brought_by_a_second_migration(store: object, olga: User) -> None:
    move = Move(olga)
    before = move.look()
    other = Move(olga, move.company)
    other.look()
    move.bring()
    for bring_again in (lambda: Move(olga, move.company), other.bring):
        with pytest.raises(actions.NotNow, match="would come twice: use “Connect anew”"):
            bring_again()
    assert (other.again().state, other.migration.passes) == (Migration.State.READY, 0)
    # What was undone may come again; and this portal may be moved into.
    actions.begin_undo(move.migration, by=olga)
    undo.take_back(move.again())
    assert other.bring().state == Migration.State.DONE
    assert actions.connect(move.cloud(), by=olga, is_outbound=True).portal == before.portal


def test_undone_nothing_of_it_is_left_and_whoever_was_here_stays(store: object, olga: User) -> None:
    here = person("Boris")
    create_department("Here", parent=None, by=None)
    move = Move(olga)
    move.bring()
    actions.begin_undo(move.migration, by=olga)
    undo.take_back(move.again())
    assert move.again().state == Migration.State.UNDONE
    assert not move.migration.remarks.exists()
    page = browser(olga).get(reverse("transfer:migration", args=[move.migration.pk])).content.decode()
    assert "Undone: nothing of it is here any more." in page
    assert set(User.objects.all()) == {olga, here}
    for model in (Post, Task, Group, Comment, TimeEntry, Record, Activity):
        assert not model.objects.exists()
    assert not Item.objects.exclude(parent=None).exists()
    assert not Department.objects.exclude(parent=None).exists()


def test_what_people_have_worked_with_is_not_undone(store: object, olga: User) -> None:
    move = Move(olga)
    move.bring()
    add_comment(Post.objects.get(pk=move.ours("post", 1)).thread, "Since then", by=olga)
    with pytest.raises(actions.NotNow, match="1 comments"):
        actions.begin_undo(move.migration, by=olga)
    assert move.again().state == Migration.State.DONE


def test_whoever_goes_on_after_a_kill_does_not_fill_the_portals_bucket_again(
    olga: User, store: object
) -> None:
    move = Move(olga)
    migration = move.look()
    fresh, cold = sources.cloud_of(migration), migration
    assert fresh.pace.wait(("scope",), fresh.clock()) == 0
    cold.requests = 7
    again = sources.cloud_of(cold)
    assert again.pace.wait(("scope",), again.clock()) > 0
    cold.moved_at = timezone.now() - timedelta(hours=1)
    later = sources.cloud_of(cold)
    assert later.pace.wait(("scope",), later.clock()) == 0


def test_one_that_never_got_to_look_is_removed(olga: User, store: object) -> None:
    move = Move(olga)
    actions.forget(move.migration, by=olga)
    assert not Migration.objects.exists()


def test_whoever_has_come_is_invited_once_and_nobody_else(olga: User, store: object) -> None:
    person("Boris")
    move = Move(olga)
    move.bring()
    # Of all people of the portal: one was here, one has left.
    assert actions.invite_newcomers(move.migration, by=olga) == len(move.company.people) - 2
    assert actions.invite_newcomers(move.migration, by=olga) == 0
    anna = User.objects.get(pk=move.ours("person", 1))
    dora = User.objects.get(pk=move.ours("person", 4))
    assert anna.invited_at is not None and dora.invited_at is None


def test_what_a_person_was_called_there_goes_with_them(olga: User, store: object) -> None:
    move = Move(olga)
    move.bring()
    boris = User.objects.get(pk=move.ours("person", 2))
    dismiss_user(boris, by=olga)
    erase_person(User.objects.get(pk=boris.pk), by=olga)
    match = move.migration.matches.get(theirs="2")
    assert (match.name, match.email) == ("", "")
    assert move.ours("person", 2) == boris.pk
