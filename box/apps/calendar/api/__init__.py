"""The REST face of the calendar."""


def declare() -> None:
    from box.apps.calendar.api import events, meetings, resources, sections

    events.declare()
    meetings.declare()
    resources.declare()
    sections.declare()
