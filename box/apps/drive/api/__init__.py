"""Drives, for programs: the same actions and the same rules of who sees what as on their pages."""


def declare() -> None:
    from box.apps.drive.api import contents, items

    items.declare()
    contents.declare()
