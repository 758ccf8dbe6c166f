"""Tasks, for programs: the same actions and the same rules of who sees what as on their pages."""


def declare() -> None:
    from box.apps.tasks.api import parts, plans, tasks, v3

    tasks.declare()
    parts.declare()
    plans.declare()
    v3.declare()
