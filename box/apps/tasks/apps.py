from django.utils.translation import gettext_lazy as _

from box.core.access.principals import EVERYONE
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MadeOf,
    MenuEntry,
    Panel,
    Widget,
    assets,
    calendar_layers,
    card_routes,
    cards,
    creators,
    demo_shares,
    finders,
    holdings,
    made_of,
    menu,
    panels,
    searchables,
    widgets,
    workshops,
)
from box.core.registry.dav import dav_sources


class TasksConfig(Room):
    name = "box.apps.tasks"

    def offer(self) -> None:
        from box.apps.tasks import access, notices, searching
        from box.apps.tasks.actions.deadlines import DAY
        from box.apps.tasks.actions.relations import RELATABLE
        from box.apps.tasks.actions.work import WORKSHOP
        from box.apps.tasks.belongings import HOLDINGS
        from box.apps.tasks.cards import day_cards
        from box.apps.tasks.dav import TaskSource
        from box.apps.tasks.demo import give_tasks
        from box.apps.tasks.fields import TASK_FIELDS
        from box.apps.tasks.history import redactor
        from box.apps.tasks.importing import TaskImporter
        from box.apps.tasks.layers import DEADLINES
        from box.apps.tasks.models import (
            KIND,
            TEMPLATE,
            Task,
            address_of,
            found_tasks,
            new_address,
            task_cards,
            template_cards,
        )
        from box.apps.tasks.panels import panel
        from box.core.discussion.searching import comment_cards
        from box.core.discussion.threads import Discussed, Told, threads
        from box.core.fields.sets import field_sets
        from box.core.history.redaction import redactors
        from box.core.imports.importers import importers
        from box.core.registry.services import Service, services
        from box.core.relations.relatable import relatables

        holdings.add("tasks", HOLDINGS)
        dav_sources.add("tasks", TaskSource())
        services.add("tasks", Service(_("Tasks"), _("Who does what until when, alone and in projects.")))
        menu.add(
            "tasks",
            MenuEntry(key="tasks", label=_("Tasks"), icon="checkbox", url_name="tasks:list", order=20),
        )
        assets.add(
            "tasks",
            Assets(("tasks/tasks.css", "tasks/gantt.css"), ("tasks/tasks.js", "tasks/gantt.js")),
        )
        widgets.add("tasks", Widget("tasks/widget.html", order=5))
        rights.add(access.CREATE, Right("tasks", _("Give tasks"), default=(EVERYONE,)))
        field_sets.add(TASK_FIELDS.key, TASK_FIELDS)
        redactors.add(KIND, redactor)
        cards.add(KIND, task_cards)
        cards.add(TEMPLATE, template_cards)
        cards.add("tasks.comment", comment_cards(KIND))
        cards.add(DAY, day_cards)
        finders.add(KIND, found_tasks)
        importers.add(TaskImporter.key, TaskImporter())
        card_routes.add("tasks:task", KIND)
        creators.add(KIND, new_address)
        workshops.add("tasks", WORKSHOP)
        made_of.add("tasks", MadeOf(_("Make a task"), "checkbox", address_of, is_for=access.can_create))
        relatables.add(KIND, RELATABLE)
        searchables.add(KIND, searching.TASKS)
        searchables.add("tasks.comment", searching.COMMENTS)
        panels.add("tasks", Panel(label=_("Tasks"), icon="checkbox", order=20, render=panel))
        calendar_layers.add("tasks.deadlines", DEADLINES)
        demo_shares.add("tasks", give_tasks)
        threads.add(
            KIND,
            Discussed(
                Task.objects.there,
                can_write=access.can_comment,
                can_moderate=access.can_edit,
                listeners=lambda task: (
                    {task.created_by_id, task.responsible_id}
                    | set(task.participants.values_list("user", flat=True))
                ),
                told=Told(notices.MENTIONED, own=notices.COMMENTED, followed=notices.COMMENTED),
            ),
        )
