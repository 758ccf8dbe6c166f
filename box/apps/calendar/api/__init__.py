"""The REST face of the calendar."""


def declare() -> None:
    from box.apps.calendar.api import events, meetings, sections

    events.declare()
    meetings.declare()
    sections.declare()
