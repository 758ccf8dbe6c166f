"""The list of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.groups.access import Standing
from box.core.groups.models import Group
from box.core.lists.definition import Column, Empty, List, Search, Shortcut
from box.core.lists.filters import Word
from box.core.lists.presenters import macro
from box.core.registry.environment import url

if TYPE_CHECKING:
    from box.core.accounts.models import User

ALL, ARCHIVE = "all", "archive"
SHOW = Word(
    "show",
    gettext_lazy("Show"),
    read_word=lambda text: text if text in (ALL, ARCHIVE) else "",
    say=lambda word, reader: _("All") if word == ALL else _("Archive"),
)
WAYS_IN = macro("groups/ui.html", "ways_in_or_standing")


def group_list(user: User, *, show: str, text: str, csrf_input: Callable[[], Any]) -> List[Group, Standing]:
    """One's own groups; all of them, or those in the archive, where one asks for these (`show`) or looks for
    one by its name: it may be a group that one is not in."""
    seen = Group.objects.visible_to(user)
    rows = seen if show or text else seen.of(user)
    return List(
        key="groups.groups",
        title=gettext_lazy("Groups"),
        rows=rows.filter(archived_at__isnull=show != ARCHIVE).with_standing_of(user),
        columns=(
            Column(
                "name",
                gettext_lazy("Name"),
                lambda standing: standing.group.name,
                sort="name",
                cell=macro("groups/ui.html", "title"),
            ),
            Column("members", gettext_lazy("Members"), lambda standing: standing.group.members_count),
            Column(
                "standing",
                gettext_lazy("You"),
                lambda standing: standing.role or "",
                cell=lambda standing: WAYS_IN(standing, csrf_input()),
                is_exported=False,
            ),
        ),
        filters=(SHOW,),
        shortcuts=(
            Shortcut(gettext_lazy("All"), f"show={ALL}"),
            Shortcut(gettext_lazy("Archive"), f"show={ARCHIVE}"),
        ),
        order="name",
        search=Search(gettext_lazy("Name of a group"), narrow=lambda found, words: found.matching(words)),  # type: ignore[attr-defined]
        present=lambda groups: _standings(user, groups),
        pk=lambda standing: standing.group.pk,
        href=lambda standing: url("groups:group", standing.group.pk),
        can_export=False,
        empty=Empty(
            gettext_lazy("You are in no group yet"),
            gettext_lazy("Look through all groups and join one, or create your own."),
            f"{url('groups:list')}?show={ALL}",
            gettext_lazy("Look at the groups"),
        ),
    )


def _standings(user: User, groups: Sequence[Group]) -> Iterable[Standing]:
    return (Standing.of(user, group) for group in groups)
