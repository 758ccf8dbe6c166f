"""What the history of a group tells those who see it. The audit log is not told: of some groups only their
members know."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.groups.events import GroupChanged, GroupCreated
from box.core.groups.models import KIND, Group
from box.core.registry.auditing import About, Audited, audited, changes_of

LABELS = {
    "name": _("Name"),
    "description": _("What it is for"),
    "kind": _("Who joins"),
    "is_archived": _("In the archive"),
}


def declare() -> None:
    audited.add(
        "groups.created",
        Audited(_("made the group"), GroupCreated, about=_group, timeline=True, is_logged=False),
    )
    audited.add(
        "groups.changed",
        Audited(
            _("changed %(changes)s"),
            GroupChanged,
            about=_group,
            told=lambda event: bool(event.changes),
            words={"changes": changes_of(LABELS, {"kind": dict(Group.Kind.choices)})},
            timeline=True,
            is_logged=False,
        ),
    )


def _group(event: Any) -> About:
    return About(KIND, event.group_id, "")
