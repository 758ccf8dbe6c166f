"""Every write to calendars."""

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.calendars import (
    change_calendar,
    create_calendar,
    main_calendar,
    remove_calendar,
)
from box.apps.calendar.actions.events import (
    Change,
    EventDraft,
    Scope,
    change_event,
    create_event,
    move_event,
    purge_removed,
    remove_event,
)
from box.apps.calendar.actions.revisions import take_back

__all__ = [
    "Change",
    "EventDraft",
    "Scope",
    "answer_event",
    "change_calendar",
    "change_event",
    "create_calendar",
    "create_event",
    "main_calendar",
    "move_event",
    "purge_removed",
    "remove_calendar",
    "remove_event",
    "take_back",
]
