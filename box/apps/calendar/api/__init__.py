"""The REST face of the calendar."""


def declare() -> None:
    from box.apps.calendar.api import bookings, events, meetings, resources, sections

    bookings.declare()
    events.declare()
    meetings.declare()
    resources.declare()
    sections.declare()
