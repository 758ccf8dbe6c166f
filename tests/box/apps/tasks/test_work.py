"""What other rooms have to do with tasks: work that they give, and what belongs to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied

from box.apps.tasks.actions.locking import Gone
from box.apps.tasks.actions.tasks import delete_tasks
from box.apps.tasks.actions.work import WORKSHOP
from box.apps.tasks.models import KIND, Task
from box.core.events.models import Event
from box.core.registry.capabilities import Ref, Work
from box.core.relations.actions import check_relatable, relate, unrelate
from box.core.relations.models import Relation

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_work_of_another_room_is_a_task_and_has_one_deadline_in_both(
    give: Give, anna: User, boris: User
) -> None:
    about = give("Decide", deadline_at=NOON)
    ref, other = (
        WORKSHOP.give(
            Work(title="Count", text="All", responsible=boris, deadline_at=NOON + DAY, about=one), anna
        )
        for one in (about.ref, None)
    )
    task = Task.objects.get(pk=ref.id)
    assert (task.title, task.text, task.responsible, task.created_by) == ("Count", "All", boris, anna)
    assert [row.end_beside(ref) for row in Relation.objects.of(ref)] == [about.ref]
    assert not Relation.objects.of(other).exists()
    assert WORKSHOP.deadline(ref.id) == NOON + DAY
    WORKSHOP.move(ref.id, NOON + 2 * DAY, boris)
    assert [WORKSHOP.deadline(one.id) for one in (about.ref, ref, other)] == [
        NOON, NOON + 2 * DAY, NOON + DAY,
    ]  # fmt: skip
    delete_tasks([task], by=anna)
    assert WORKSHOP.deadline(ref.id) is None
    with pytest.raises(Gone):
        WORKSHOP.move(ref.id, NOON, anna)


def test_whoever_works_on_a_task_says_what_belongs_to_it(
    give: Give, anna: User, boris: User, cara: User
) -> None:
    hers, task, other = give("Hers", by=cara, to=cara), give(observer_ids=(cara.pk,)), give("Weigh")
    check_relatable(task.ref, by=boris)
    # One of them she watches, and the other she does not see.
    for one in (task, other):
        with pytest.raises(PermissionDenied):
            check_relatable(one.ref, by=cara)
    with pytest.raises(PermissionDenied, match="works on"):
        relate(task.ref, [hers.ref], by=cara)
    assert relate(task.ref, [other.ref], by=boris) == [other.ref]
    with pytest.raises(PermissionDenied, match="works on"):
        unrelate(task.ref, other.ref, by=cara)
    unrelate(task.ref, other.ref, by=boris)
    with pytest.raises(Gone):
        relate(Ref(KIND, 10**9), [other.ref], by=boris)
    told = Event.objects.filter(kind="tasks.TaskRelated").order_by("pk")
    assert [one.payload for one in told] == [
        {"task_id": task.pk, "by_id": boris.pk, "others": [str(other.ref)], "is_added": is_added}
        for is_added in (True, False)
    ]
