"""Who sees a task, and loses sight of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.tasks.actions.tasks import change_task, delegate_task
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import (
    NewGroup,
    change_group,
    create_group,
    invite_people,
    join_group,
    leave_group,
)
from box.core.structure.actions import (
    add_member,
    create_department,
    move_department,
    move_member,
    remove_member,
)
from box.core.structure.models import Membership
from tests.box.apps.tasks.test_enclosures import seen_by, upload

if TYPE_CHECKING:
    from box.core.groups.models import Group
    from box.core.structure.models import Department
    from tests.box.apps.tasks.conftest import Give

HEAD = Membership.Role.HEAD


def sees(user: User, task: Task) -> bool:
    who = User.objects.get(pk=user.pk)
    found = Task.objects.visible_to(who).filter(pk=task.pk).exists()
    assert Task.objects.each_visible_to(who).filter(pk=task.pk).exists() == found
    return found


@pytest.fixture
def project(anna: User) -> Group:
    return create_group(NewGroup("Website"), by=anna)


def test_those_in_it_see_it_and_others_do_not(
    give: Give, anna: User, boris: User, cara: User, olga: User
) -> None:
    task = give()
    assert [sees(one, task) for one in (anna, boris, olga)] == [True, True, True]
    assert not sees(cara, task)


def test_whoever_helps_or_watches_sees_it(give: Give, cara: User) -> None:
    assert sees(cara, give(accomplice_ids=(cara.pk,)))
    assert sees(cara, give(observer_ids=(cara.pk,)))


def test_members_of_the_project_see_it_while_they_are_members(give: Give, cara: User, project: Group) -> None:
    task = give(project=project)
    assert not sees(cara, task)
    join_group(project, by=cara)
    assert sees(cara, task)
    leave_group(project, by=cara)
    assert not sees(cara, task)


def test_the_heads_above_see_it_and_those_of_others_do_not(
    give: Give, anna: User, boris: User, cara: User, sales: Department
) -> None:
    works = create_department("Works", parent=sales.parent, by=None)
    add_member(works, cara, role=HEAD, by=None)
    task = give()
    assert not sees(cara, task)
    company = sales.parent
    assert company is not None
    add_member(company, cara, role=HEAD, by=None)
    assert sees(cara, task)


def test_who_stops_to_lead_loses_it_at_the_next_request(give: Give, cara: User, sales: Department) -> None:
    add_member(sales, cara, role=HEAD, by=None)
    task = give()
    assert sees(cara, task)
    remove_member(sales, cara, by=None)
    assert not sees(cara, task)


def test_a_head_below_does_not_see_what_the_head_above_does(
    give: Give, anna: User, cara: User, sales: Department
) -> None:
    company = sales.parent
    assert company is not None
    add_member(company, cara, role=HEAD, by=None)
    add_member(sales, anna, role=HEAD, by=None)
    assert not sees(anna, give(by=cara, to=cara))


def test_when_people_move_their_tasks_are_seen_by_their_new_heads(
    give: Give, boris: User, cara: User, sales: Department
) -> None:
    works = create_department("Works", parent=sales.parent, by=None)
    add_member(works, cara, role=HEAD, by=None)
    task = give(by=boris, to=boris)
    move_member(boris, sales, works, by=None)
    deliver_all()
    assert sees(cara, task)
    move_member(boris, works, sales, by=None)
    deliver_all()
    assert not sees(cara, task)


def test_in_whatever_way_somebody_is_in_a_task_their_new_head_sees_it(
    give: Give, anna: User, boris: User, cara: User, sales: Department
) -> None:
    works = create_department("Works", parent=sales.parent, by=None)
    add_member(works, cara, role=HEAD, by=None)
    tasks = give(), give(by=boris, to=anna), give(to=anna, observer_ids=(boris.pk,))
    # That anna has come is told by then: only boris belongs elsewhere.
    deliver_all()
    assert not any(sees(cara, task) for task in tasks)
    move_member(boris, sales, works, by=None)
    deliver_all()
    assert [sees(cara, task) for task in tasks] == [True] * 3


def test_when_a_department_moves_the_heads_above_it_are_others(
    give: Give, boris: User, cara: User, sales: Department
) -> None:
    works = create_department("Works", parent=sales.parent, by=None)
    add_member(works, cara, role=HEAD, by=None)
    task = give(by=boris, to=boris)
    move_department(sales, works, by=None)
    deliver_all()
    assert sees(cara, task)


def test_a_secret_project_is_its_members_business(
    give: Give, anna: User, boris: User, cara: User, sales: Department, project: Group
) -> None:
    add_member(sales, cara, role=HEAD, by=None)
    join_group(project, by=boris)
    task = give(project=project)
    assert sees(cara, task)
    change_group(project, NewGroup("Website", kind="secret"), by=anna)
    deliver_all()
    assert not sees(cara, task)
    assert sees(boris, task)
    change_group(project, NewGroup("Website"), by=anna)
    deliver_all()
    assert sees(cara, task)


def test_whoever_is_left_out_sees_it_no_more(give: Give, anna: User, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    change_task(task, {"observer_ids": ()}, by=anna)
    assert not sees(cara, task)


def test_who_is_in_another_task_does_not_see_this_one_when_it_changes(
    give: Give, anna: User, cara: User, olga: User
) -> None:
    task, _other = give(), give("Weigh", observer_ids=(cara.pk,))
    change_task(task, {"title": "Paint"}, by=anna)
    assert not Event.objects.filter(kind="tasks.AudiencesChanged").exists()
    change_task(task, {"observer_ids": (olga.pk,)}, by=anna)
    assert not sees(cara, task)
    assert Event.objects.get(kind="tasks.AudiencesChanged").payload == {"task_ids": [task.pk]}


def test_files_of_a_task_and_of_what_is_said_below_it_are_for_whoever_sees_it(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    file, said, hidden = upload(anna), upload(boris, "look.png"), upload(anna, "hidden.pdf")
    task = give(file_ids=(file.pk,))
    give("Hidden", file_ids=(hidden.pk,))
    add_comment(task.thread, "Look", file_ids=[said.pk], by=boris)
    assert seen_by(cara) == set()
    delegate_task(task, cara, by=boris)
    assert seen_by(cara) == {file.pk, said.pk}


def test_whoever_passes_it_on_still_sees_it(give: Give, boris: User, cara: User) -> None:
    task = give()
    delegate_task(task, cara, by=boris)
    assert sees(boris, task)
    assert sees(cara, task)


def test_a_guest_works_in_their_groups_alone(give: Give, anna: User, erik: User, project: Group) -> None:
    with pytest.raises(ValidationError, match="guest"):
        give(to=erik)
    with pytest.raises(ValidationError, match="guest"):
        give(to=erik, project=project)
    assert not Task.objects.exists()


def test_a_guest_works_for_the_group_that_they_are_in(
    give: Give, anna: User, erik: User, project: Group
) -> None:
    change_group(project, NewGroup("Website", kind="extranet"), by=anna)
    other = create_group(NewGroup("Other", kind="extranet"), by=anna)
    for group in (project, other):
        invite_people(group, [erik], by=anna)
    join_group(project, by=erik)
    assert give(to=erik, project=project).responsible == erik
    with pytest.raises(ValidationError, match="guest"):
        give(to=erik, project=other)
    with pytest.raises(ValidationError, match="guest"):
        give(project=other, accomplice_ids=(erik.pk,))
    project.members.filter(user=erik).update(expires_at=timezone.now())
    with pytest.raises(ValidationError, match="guest"):
        give(to=erik, project=project)


def test_an_administrator_puts_a_task_into_any_group(give: Give, olga: User, project: Group) -> None:
    assert give(by=olga, project=project).project == project


def test_nobody_puts_a_task_into_a_group_of_others(give: Give, cara: User, project: Group) -> None:
    with pytest.raises(ValidationError, match="member of"):
        give(by=cara, to=cara, project=project)
