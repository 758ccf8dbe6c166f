"""Lists of records, one for each type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.catalog import catalog
from box.apps.crm.models import Record
from box.core.lists.definition import Column, Empty, List
from box.core.lists.presenters import macro

if TYPE_CHECKING:
    from box.apps.crm.models import RecordType
    from box.core.accounts.models import User


def record_list(user: User, kind: RecordType) -> List[Record]:
    return List(
        key=f"crm.{kind.slug}",
        title=kind.label,
        rows=Record.objects.visible_to(user).there().of_type(kind.pk).select_related("responsible"),
        columns=tuple(_columns(kind)),
        order="-added",
        present=lambda rows: catalog().dress(rows),
        can_export=False,
        empty=Empty(_("Nothing is here yet"), _("What you add, and what is shared with you, stands here.")),
    )


def _columns(kind: RecordType) -> list[Column[Record]]:
    columns: list[Column[Record]] = [
        Column(
            "title",
            gettext_lazy("Name") if kind.is_person else gettext_lazy("Title"),
            lambda record: record.title,
            sort="title",
        )
    ]
    if kind.has_stages:
        columns.append(
            Column(
                "stage",
                gettext_lazy("Stage"),
                lambda record: str(record.stage),
                cell=macro("crm/ui.html", "stage_of"),
            )
        )
    columns += [
        Column("responsible", gettext_lazy("Responsible"), lambda record: record.responsible.face),
        Column("added", gettext_lazy("Added"), lambda record: record.created_at, sort="id"),
    ]
    return columns
