"""What the history of a task tells those who see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.events import (
    BaselineDropped,
    BaselineTaken,
    ChecklistChanged,
    DependencyChanged,
    ParticipantsChanged,
    TaskAdded,
    TaskChanged,
    TaskCompleted,
    TaskDeferred,
    TaskDelegated,
    TaskPaused,
    TaskPlaced,
    TaskRelated,
    TaskReturned,
    TasksDeleted,
    TasksRestored,
    TaskStarted,
    TaskSubmitted,
    TimeWritten,
)
from box.apps.tasks.models import KIND, Participant, Task
from box.core.accounts.models import User
from box.core.fields.sets import name_of
from box.core.registry.auditing import About, Audited, audited, told
from box.core.registry.capabilities import searchables
from box.core.registry.environment import format_moment
from box.lib.durations import clock

LABELS = {
    "title": gettext_lazy("Title"),
    "text": gettext_lazy("Description"),
    "deadline_at": gettext_lazy("Deadline"),
    "starts_at": gettext_lazy("Planned start"),
    "ends_at": gettext_lazy("Planned end"),
    "estimate_minutes": gettext_lazy("Estimate"),
    "priority": pgettext_lazy("of a task", "Priority"),
    "tags": gettext_lazy("Tags"),
    "project": gettext_lazy("Project"),
    "parent": gettext_lazy("Part of"),
    "needs_acceptance": gettext_lazy("The result is accepted"),
    "may_move_deadline": gettext_lazy("Whoever is responsible moves the deadline"),
    "external_id": gettext_lazy("External ID"),
}


def declare() -> None:
    kept = gettext_lazy("kept the dates of project %(group_id)s as the baseline “%(name)s”")
    audited.add("tasks.baseline_taken", Audited(kept, event=BaselineTaken))
    dropped = gettext_lazy("dropped the baseline “%(name)s” of project %(group_id)s")
    audited.add("tasks.baseline_dropped", Audited(dropped, event=BaselineDropped))
    for kind, sentence, is_it in (
        ("added", gettext_lazy("gave the task"), lambda event: event.template_id is None),
        (
            "added_by_template",
            gettext_lazy("gave the task by a template"),
            lambda event: event.template_id and not event.times_missed,
        ),
        (
            "added_late",
            gettext_lazy(
                "gave the task by a template, for %(times_missed)s more times that were missed, too"
            ),
            lambda event: event.template_id and event.times_missed,
        ),
    ):
        _tell(kind, sentence, TaskAdded, told=is_it)
    for kind, sentence, event in (
        ("started", gettext_lazy("began with it"), TaskStarted),
        ("paused", gettext_lazy("paused it"), TaskPaused),
        ("deferred", gettext_lazy("deferred it"), TaskDeferred),
        ("submitted", gettext_lazy("has done it, and asks to accept it"), TaskSubmitted),
    ):
        _tell(kind, sentence, event)
    _tell(
        "completed",
        gettext_lazy("completed the task"),
        TaskCompleted,
        told=lambda event: not event.is_accepted,
    )
    _tell(
        "accepted",
        gettext_lazy("accepted what was done"),
        TaskCompleted,
        told=lambda event: event.is_accepted,
    )
    _tell("returned", gettext_lazy("returned the task"), TaskReturned, told=lambda event: not event.note)
    _tell(
        "returned_with_note",
        gettext_lazy("returned the task: %(note)s"),
        TaskReturned,
        told=lambda event: bool(event.note),
    )
    _tell(
        "delegated",
        gettext_lazy("made %(user_id)s responsible instead of %(former_id)s"),
        TaskDelegated,
        words={"user_id": _called, "former_id": _called},
    )
    _tell("changed", gettext_lazy("changed %(changes)s"), TaskChanged, words={"changes": _changes})
    for role, joined, left in (
        (
            Participant.Role.ACCOMPLICE,
            gettext_lazy("asked %(user_ids)s to help"),
            gettext_lazy("released %(former_ids)s from helping"),
        ),
        (
            Participant.Role.OBSERVER,
            gettext_lazy("lets %(user_ids)s watch"),
            gettext_lazy("lets %(former_ids)s watch no more"),
        ),
    ):
        words = {"user_ids": _all_called, "former_ids": _all_called}
        _tell(f"{role}_added", joined, ParticipantsChanged, told=_has(role, "user_ids"), words=words)
        _tell(f"{role}_left", left, ParticipantsChanged, told=_has(role, "former_ids"), words=words)
    for change, sentence in (
        ("added", gettext_lazy("added to the list: %(text)s")),
        ("done", gettext_lazy("ticked off: %(text)s")),
        ("undone", gettext_lazy("ticked off no more: %(text)s")),
        ("deleted", gettext_lazy("deleted from the list: %(text)s")),
    ):
        _tell(f"item_{change}", sentence, ChecklistChanged, told=_is(change))
    _tell("placed", gettext_lazy("put it into “%(stage)s”"), TaskPlaced, told=lambda event: not event.is_own)
    for kind, sentence, is_added in (
        ("linked", gettext_lazy("said that it comes after %(before_id)s"), True),
        ("unlinked", gettext_lazy("said that it does not come after %(before_id)s any more"), False),
    ):
        _tell(kind, sentence, DependencyChanged, told=_linked(is_added), words={"before_id": _numbered})
    for kind, sentence, is_added in (
        ("related", gettext_lazy("said what belongs to it: %(others)s"), True),
        ("unrelated", gettext_lazy("took away what belonged to it: %(others)s"), False),
    ):
        _tell(kind, sentence, TaskRelated, told=_linked(is_added), words={"others": _kinds})
    _tell(
        "time_corrected",
        gettext_lazy("corrected their time: %(reason)s"),
        TimeWritten,
        told=lambda event: bool(event.reason),
    )
    for kind, sentence, many in (
        ("deleted", gettext_lazy("threw the task away"), TasksDeleted),
        ("restored", gettext_lazy("brought the task back"), TasksRestored),
    ):
        _tell(kind, sentence, many, told=lambda event: len(event.task_ids) == 1)


def _tell(kind: str, sentence: Any, event: type[Any], **more: Any) -> None:
    audited.add(
        f"tasks.{kind}",
        Audited(sentence, event, about=_task, timeline=True, is_logged=False, **more),
    )


def _task(event: Any) -> About:
    pk = event.task_ids[0] if hasattr(event, "task_ids") else event.task_id
    return About(KIND, pk, "")


def _is(change: str) -> Callable[[Any], bool]:
    return lambda event: bool(event.change == change)


def _has(role: str, name: str) -> Callable[[Any], bool]:
    return lambda event: event.role == role and bool(getattr(event, name))


def _linked(is_added: bool) -> Callable[[Any], bool]:
    return lambda event: event.is_added is is_added


def _numbered(pk: Any) -> str:
    """Not its title: whoever sees the one may not see the other."""
    return f"#{pk}"


def _kinds(others: Any) -> str:
    """What kinds of things: whoever sees the task may not see them."""
    kinds = (one.partition(":")[0] for one in others or ())
    return ", ".join(str(searchables[one].label) if one in searchables else "…" for one in kinds)


def _called(pk: Any) -> str:
    return _all_called([pk])


def _all_called(ids: Any) -> str:
    people = User.objects.filter(pk__in=list(ids or ()))
    return ", ".join(person.name for person in people.order_by("sort_name"))


def _changes(changes: Any) -> str:
    return "; ".join(_change(*one) for one in changes)


def _change(name: str, was: str, now: str) -> str:
    label = str(LABELS.get(name) or name_of(name) or name)
    if name == "text":
        return label
    say: Callable[[str], str] = _WORDS.get(name, told)
    return f"{label}: {say(was)} → {say(now)}"


def _moment(text: str) -> str:
    return format_moment(datetime.fromisoformat(text)) if text else "…"


def _priority(text: str) -> str:
    return str(dict(Task.Priority.choices)[int(text)])


def _yes_no(text: str) -> str:
    return _("yes") if text == "yes" else _("no")


def _minutes(text: str) -> str:
    return clock(int(text)) if text else "…"


_WORDS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("deadline_at", "starts_at", "ends_at"), _moment),
    **dict.fromkeys(("needs_acceptance", "may_move_deadline"), _yes_no),
    "priority": _priority,
    "estimate_minutes": _minutes,
}
