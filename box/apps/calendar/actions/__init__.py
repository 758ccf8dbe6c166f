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
from box.apps.calendar.actions.feeds import create_feed, end_feed
from box.apps.calendar.actions.guests import GuestDraft, answer_as_guest, write_to_guests
from box.apps.calendar.actions.reminders import choose_reminder, plan_reminders
from box.apps.calendar.actions.revisions import take_back
from box.apps.calendar.actions.rooms import RoomDraft, book_ahead, change_room, create_room, retire_room

__all__ = [
    "Change",
    "EventDraft",
    "GuestDraft",
    "RoomDraft",
    "Scope",
    "answer_as_guest",
    "answer_event",
    "book_ahead",
    "change_calendar",
    "change_event",
    "change_room",
    "choose_reminder",
    "create_calendar",
    "create_event",
    "create_feed",
    "create_room",
    "end_feed",
    "main_calendar",
    "move_event",
    "plan_reminders",
    "purge_removed",
    "remove_calendar",
    "remove_event",
    "retire_room",
    "take_back",
    "write_to_guests",
]
