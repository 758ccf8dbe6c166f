"""What colleagues let somebody open from their drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.models import Share
from box.core.access.principals import codes_of
from box.core.lists.definition import Column, Empty, List, Search
from box.core.lists.filters import Dates, people
from box.core.lists.presenters import macro
from box.core.registry.filtering import Moment, Related

if TYPE_CHECKING:
    from box.core.accounts.models import User

UI = "drive/ui.html"
COLUMNS = (
    Column[Share]("name", gettext_lazy("Name"), lambda share: share.item.name, cell=macro(UI, "shared")),
    Column[Share]("by", gettext_lazy("Shared by"), lambda share: share.by.face),
    Column[Share]("when", gettext_lazy("Shared"), lambda share: share.created_at, sort="id"),
    Column[Share](
        "level",
        gettext_lazy("What you may do"),
        lambda share: _("you may change it") if share.can_edit else _("you may look"),
    ),
    Column[Share]("content", gettext_lazy("Download"), lambda share: "", cell=macro(UI, "download_of")),
)
FILTERS = (
    people("by", gettext_lazy("Shared by"), Related("by"), is_always_set=True),
    Dates("when", gettext_lazy("Shared"), Moment("created_at"), is_always_set=True),
)


def shared_list(user: User) -> List[Share]:
    """By name, by department or by group, the newest first; what was shared twice once."""
    theirs = Share.objects.filter(code__in=codes_of(user), item__trashed_at=None).exclude(by=user)
    newer = theirs.filter(item=OuterRef("item"), pk__gt=OuterRef("pk"))
    return List(
        key="drive.shared",
        title=gettext_lazy("Shared with me"),
        rows=theirs.filter(~Exists(newer)).select_related("item__file__blob", "by"),
        columns=COLUMNS,
        filters=FILTERS,
        order="-when",
        search=Search(gettext_lazy("Name"), lambda rows, text: rows.filter(item__name__icontains=text)),
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("Nobody has shared anything with you yet"),
            gettext_lazy("What colleagues let you open from their drives is gathered here."),
        ),
    )
