"""Tasks, for programs: the same actions and the same rules of who sees what as on their pages."""


def declare() -> None:
    from box.apps.tasks.api import own_fields, parts, plans, tasks, v3

    tasks.declare()
    parts.declare()
    plans.declare()
    own_fields.declare()
    v3.declare()
