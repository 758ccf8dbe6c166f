"""Tasks, for programs: the same actions and the same rules of who sees what as on their pages."""


def declare() -> None:
    from box.apps.tasks.api import parts, plans, tasks

    tasks.declare()
    parts.declare()
    plans.declare()
