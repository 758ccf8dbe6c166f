"""What a task may be: its words, its people, its place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.tasks.access import CREATE
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.states import complete_task
from box.apps.tasks.actions.tasks import change_task, delegate_task, delete_tasks, place_task
from box.apps.tasks.models import Dependency, Task
from box.core.access.actions import create_role, grant_role
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group
from box.core.registry.origin import importing
from tests.box.core.groups.test_actions import again, group_of

if TYPE_CHECKING:
    from box.core.groups.models import Group
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=timezone.get_default_timezone())


def test_tags_are_words_without_what_stands_around_them(give: Give) -> None:
    assert give(tags=(" #Store ", "#", " ", "store")).tags == ["store"]
    with pytest.raises(ValidationError, match="tags"):
        give(tags=("store", "x" * 51))


def test_of_what_is_planned_either_end_may_be_unknown(give: Give) -> None:
    assert give(starts_at=NOON).ends_at is None
    assert give(ends_at=NOON).starts_at is None


def test_what_an_editor_gives_is_taken_before_plain_text_and_no_deeper_than_a_hand_writes(give: Give) -> None:
    task = give(text="plain", html="<p><strong>All</strong> of them</p>")
    assert (task.text, "<strong>" in task.html) == ("All of them", True)
    with pytest.raises(ValidationError, match="Write less"):
        give(html="<blockquote>" * 1000)


def test_a_task_is_no_worse_in_the_end_than_at_first(give: Give, anna: User) -> None:
    task = give()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"title": "  "}, "what is to be done"),
        ({"title": "x" * 256}, "Shorten"),
        ({"priority": 7}, "priorities"),
    ]
    for changes, said in wrong:
        with pytest.raises(ValidationError, match=said):
            change_task(task, changes, by=anna)
    task.refresh_from_db()
    assert (task.title, task.priority) == ("Count the boxes", Task.Priority.NORMAL)


# People and projects


@pytest.fixture
def shared(anna: User, erik: User) -> Group:
    """With erik, who is an outside guest."""
    return group_of(anna, erik, kind="extranet", name="With partners")


def test_a_guest_stays_in_tasks_of_their_groups_and_is_in_nobody_elses_way(
    give: Give, anna: User, erik: User, cara: User, shared: Group
) -> None:
    other = create_group(NewGroup("Others", kind="extranet"), by=anna)
    assert give().project is None
    with pytest.raises(ValidationError, match="guest"):
        give(to=erik)
    his, helped = give(to=erik, project=shared), give(project=shared, accomplice_ids=(erik.pk,))
    for task in (his, helped):
        for project in (other, None):
            with pytest.raises(ValidationError, match="guest"):
                change_task(task, {"project": project}, by=anna)
    strange = create_group(NewGroup("Cara's"), by=cara)
    with pytest.raises(ValidationError, match="member of"):
        change_task(give(), {"project": strange}, by=anna)
    assert set(Task.objects.values_list("project", flat=True)) == {None, shared.pk}


def test_a_guest_who_may_give_tasks_gives_them_in_their_groups_to_whom_they_meet(
    give: Give, anna: User, cara: User, erik: User, olga: User, shared: Group
) -> None:
    grant_role(create_role("Partners", [CREATE], by=olga), code_of(erik), by=olga)
    erik = again(erik)
    with pytest.raises(ValidationError, match="one of your groups"):
        give(by=erik, to=erik)
    with pytest.raises(ValidationError, match="not there any more"):
        give(by=erik, to=cara, project=shared)
    assert give(by=erik, to=anna, project=shared).created_by == erik
    assert give(by=erik, to=erik, project=shared).responsible == erik


def test_a_task_hangs_below_one_that_is_there_and_that_its_giver_sees(
    give: Give, anna: User, cara: User
) -> None:
    give("Hers", by=cara, to=cara)
    top = give("Top")
    with pytest.raises(ValidationError, match="above"):
        give(by=cara, to=cara, parent=top)
    below = give("Below", parent=top)
    delete_tasks([top], by=anna)
    with pytest.raises(ValidationError, match="above"):
        give(parent=top)
    # What hangs there already stays there, and may be changed.
    assert change_task(below, {"title": "Paint"}, by=anna).parent == top


def test_what_is_taken_over_was_decided_elsewhere(give: Give, boris: User, cara: User, erik: User) -> None:
    """By people who have left since, in groups that they are in no more, and for guests."""
    secret = create_group(NewGroup("Plans", kind="secret"), by=boris)
    hidden = give("Hidden", by=boris, to=boris)
    User.objects.filter(pk=cara.pk).update(status=User.Status.DISMISSED)
    cara = again(cara)
    with importing(at=NOON):
        task = give(by=erik, to=cara, project=secret, parent=hidden)
        change_task(task, {"title": "Weigh"}, by=cara)
        add_dependency(hidden, task, by=erik)
    task.refresh_from_db()
    assert (task.title, task.created_by, task.responsible) == ("Weigh", erik, cara)
    assert (task.project, task.parent) == (secret, hidden)
    assert Dependency.objects.get().before == hidden
    with pytest.raises(PermissionDenied):
        change_task(task, {"title": "Paint"}, by=cara)


def test_in_the_trash_a_task_stands_still(give: Give, anna: User, boris: User, cara: User) -> None:
    task, other = give(), give("Weigh")
    delete_tasks([task], by=anna)
    for change in (
        lambda: complete_task(task, by=boris),
        lambda: delegate_task(task, cara, by=anna),
        lambda: place_task(task, other.pk, None, by=anna),
        lambda: change_task(task, {"title": "Paint"}, by=anna),
    ):
        with pytest.raises(ValidationError, match="not there any more"):
            change()
    assert set(Task.objects.filter(title__in=("Count the boxes", "Weigh"), responsible=boris)) == {
        task,
        other,
    }
    assert set(Task.objects.values_list("state", flat=True)) == {"waiting"}
