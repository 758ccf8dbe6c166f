"""What is to be ticked off. Whoever writes holds the task's row, whose numbers are kept with each write."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from box.apps.tasks.access import can_work_on
from box.apps.tasks.actions.locking import Gone, locked, must
from box.apps.tasks.events import ChecklistChanged
from box.apps.tasks.models import LONGEST_ITEM, ChecklistItem, Task
from box.core.events.outbox import emit
from box.core.registry.origin import moment
from box.lib.moments import EARLIEST, LATEST
from box.lib.ranks import between

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_ITEMS = 200


@transaction.atomic
def add_items(task: Task, text: str, *, by: User) -> list[ChecklistItem]:
    """Each line of the text is an item; marks of lists before it are left out."""
    task = _held(task, by)
    texts = lines_of(text)
    if not texts:
        raise ValidationError(_("Write what is to be ticked off."), code="empty")
    if task.items_count + len(texts) > MOST_ITEMS:
        raise ValidationError(_("A list has at most %(most)s lines.") % {"most": MOST_ITEMS}, code="many")
    rank = task.items.order_by("rank", "id").values_list("rank", flat=True).last()
    made = []
    for line in texts:
        rank = between(rank, None)
        made.append(ChecklistItem(task=task, text=line, rank=rank))
    ChecklistItem.objects.bulk_create(made)
    _count(task)
    for item in made:
        _tell(item, "added", by)
    return made


@transaction.atomic
def check_item(item: ChecklistItem, is_done: bool, *, by: User) -> ChecklistItem:
    """Ticks it off, or not any more. Doing it again does nothing."""
    item = _held_item(item, by)
    if (item.done_at is not None) == is_done:
        return item
    item.done_at, item.done_by = (moment(), by) if is_done else (None, None)
    item.save(update_fields=["done_at", "done_by"])
    _count(item.task)
    _tell(item, "done" if is_done else "undone", by)
    return item


@transaction.atomic
def rename_item(item: ChecklistItem, text: str, *, by: User) -> ChecklistItem:
    item, text = _held_item(item, by), " ".join(text.split())
    if not text or len(text) > LONGEST_ITEM:
        said = _("Write what is to be done, in at most %(most)s characters.") % {"most": LONGEST_ITEM}
        raise ValidationError(said, code="text")
    if text != item.text:
        item.text = text
        item.save(update_fields=["text"])
        _tell(item, "renamed", by)
    return item


@transaction.atomic
def assign_item(item: ChecklistItem, to: User | None, *, by: User) -> ChecklistItem:
    """To one of those in the task, or to nobody."""
    item = _held_item(item, by)
    task = item.task
    if to is not None:
        others = task.participants.filter(user=to).exists()
        if to.pk not in (task.responsible_id, task.created_by_id) and not others:
            raise ValidationError(_("Choose somebody who is in the task."), code="people")
    if item.assignee_id != (to.pk if to else None):
        item.assignee = to
        item.save(update_fields=["assignee"])
        _tell(item, "assigned", by)
    return item


@transaction.atomic
def date_item(item: ChecklistItem, due_on: date | None, *, by: User) -> ChecklistItem:
    """It is to be done by the end of this day; None: whenever."""
    item = _held_item(item, by)
    if due_on is not None and not EARLIEST.date() <= due_on <= LATEST.date():
        raise ValidationError(_("This time is too far away."), code="due_on")
    if item.due_on != due_on:
        item.due_on = due_on
        item.save(update_fields=["due_on"])
        _tell(item, "dated", by)
    return item


@transaction.atomic
def move_item(item: ChecklistItem, after: ChecklistItem | None, *, by: User) -> ChecklistItem:
    """Behind another one of the list; None: to its top."""
    item = _held_item(item, by)
    others = list(item.task.items.exclude(pk=item.pk).order_by("rank", "id"))
    places = [None, *others, None]
    for before, behind in pairwise(places):
        if (before.pk if before else None) == (after.pk if after else None):
            item.rank = between(before.rank if before else None, behind.rank if behind else None)
            item.save(update_fields=["rank"])
            _tell(item, "moved", by)
            return item
    raise Gone


@transaction.atomic
def delete_item(item: ChecklistItem, *, by: User) -> None:
    item = _held_item(item, by)
    _tell(item, "deleted", by)
    ChecklistItem.objects.filter(pk=item.pk).delete()
    _count(item.task)


def lines_of(text: str) -> list[str]:
    """Raises ValidationError for one that is too long."""
    texts = [line.strip().lstrip("-*•·").strip() for line in text.splitlines()]
    if any(len(line) > LONGEST_ITEM for line in texts):
        raise ValidationError(
            _("A line has at most %(most)s characters.") % {"most": LONGEST_ITEM}, code="long"
        )
    return [line for line in texts if line]


def _held(task: Task, by: User) -> Task:
    task = locked(task)
    must(can_work_on(by, task), _("Only whoever works on the task does this."))
    return task


def _held_item(item: ChecklistItem, by: User) -> ChecklistItem:
    task = _held(item.task, by)
    found = ChecklistItem.objects.select_related("assignee").filter(pk=item.pk).first()
    if found is None:
        raise Gone
    found.task = task
    return found


def _count(task: Task) -> None:
    done = Count("pk", filter=Q(done_at__isnull=False))
    found = task.items.aggregate(count=Count("pk"), done=done)
    Task.objects.filter(pk=task.pk).update(items_count=found["count"], items_done=found["done"])


def _tell(item: ChecklistItem, change: str, by: User) -> None:
    emit(
        ChecklistChanged(
            task_id=item.task_id, by_id=by.pk, change=change, text=item.text, user_id=item.assignee_id
        )
    )
