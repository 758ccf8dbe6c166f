"""People, for programs."""


def declare() -> None:
    from box.core.people.api import reading, writing

    reading.declare()
    writing.declare()
