"""Workgroups and who is in them, for programs."""


def declare() -> None:
    from box.core.groups.api import groups, members

    groups.declare()
    members.declare()
