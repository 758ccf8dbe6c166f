"""The list of templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from box.apps.tasks.actions.templates import delete_template
from box.apps.tasks.models import Template
from box.core.lists.definition import Bulk, Column, Empty, List, Search
from box.core.lists.presenters import macro

if TYPE_CHECKING:
    from box.core.accounts.models import User


def _deleted(count: int) -> str:
    return ngettext("%(num)s template is deleted.", "%(num)s templates are deleted.", count) % {"num": count}


COLUMNS: tuple[Column[Template], ...] = (
    Column(
        "title",
        gettext_lazy("Template"),
        lambda one: one.title,
        sort="title",
        cell=macro("tasks/ui.html", "template_title"),
    ),
    Column("rhythm", gettext_lazy("Repeats"), lambda one: one.rhythm),
    Column("next", gettext_lazy("Next task"), lambda one: one.next_at, sort="next_at"),
    Column("responsible", pgettext_lazy("task", "Responsible"), lambda one: one.responsible.face),
    Column("project", gettext_lazy("Project"), lambda one: one.project.name if one.project else ""),
    Column("keeper", gettext_lazy("Kept by"), lambda one: one.created_by.face),
)


def template_list(user: User) -> List[Template]:
    rows = Template.objects.visible_to(user).select_related("responsible", "project", "created_by")
    return List(
        key="tasks.templates",
        title=gettext_lazy("Templates and recurring tasks"),
        rows=rows,
        columns=COLUMNS,
        bulk=(
            Bulk(
                key="delete",
                label=gettext_lazy("Delete"),
                icon="trash",
                act=lambda one, *, by: delete_template(one, by=by),
                done=_deleted,
                question=gettext_lazy("The templates are deleted for good. Tasks that they have given stay."),
            ),
        ),
        order="title",
        search=Search(
            gettext_lazy("Title of a template"), narrow=lambda rows, text: rows.filter(title__icontains=text)
        ),
        can_export=False,
        empty=Empty(
            gettext_lazy("No templates yet"),
            gettext_lazy(
                "What is done again and again is written down once: by hand, or every Monday by itself."
            ),
            reverse("tasks:new-template"),
            gettext_lazy("New template"),
        ),
    )
