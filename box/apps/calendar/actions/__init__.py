"""Every write to calendars."""

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.appointments import (
    MOST_MOVES,
    VisitorDraft,
    book_time,
    cancel_appointment,
    confirm_appointment,
    forget_visitor,
    move_appointment,
)
from box.apps.calendar.actions.booking_pages import (
    PageDraft,
    change_page,
    create_page,
    renew_address,
    retire_page,
    switch_page,
)
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
from box.apps.calendar.actions.requests import decide_request
from box.apps.calendar.actions.revisions import take_back
from box.apps.calendar.actions.rooms import RoomDraft, book_ahead, change_room, create_room, retire_room

__all__ = [
    "MOST_MOVES",
    "Change",
    "EventDraft",
    "GuestDraft",
    "PageDraft",
    "RoomDraft",
    "Scope",
    "VisitorDraft",
    "answer_as_guest",
    "answer_event",
    "book_ahead",
    "book_time",
    "cancel_appointment",
    "change_calendar",
    "change_event",
    "change_page",
    "change_room",
    "choose_reminder",
    "confirm_appointment",
    "create_calendar",
    "create_event",
    "create_feed",
    "create_page",
    "create_room",
    "decide_request",
    "end_feed",
    "forget_visitor",
    "main_calendar",
    "move_appointment",
    "move_event",
    "plan_reminders",
    "purge_removed",
    "remove_calendar",
    "remove_event",
    "renew_address",
    "retire_page",
    "retire_room",
    "switch_page",
    "take_back",
    "write_to_guests",
]
