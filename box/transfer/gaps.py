"""What cannot come from a portal, and why: said before anything is written.

Pure: what the portal was found to have comes in, sentences come out, the gravest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class Weight(IntEnum):
    """How much is missing: a whole kind, a part of each thing, or a form that differs."""

    KIND = 0
    PART = 1
    FORM = 2


@dataclass(frozen=True)
class Gap:
    weight: Weight
    what: str
    why: str


SCOPES: Mapping[str, _StrOrPromise] = {
    "user": gettext_lazy("people"),
    "department": gettext_lazy("departments"),
    "sonet_group": gettext_lazy("groups"),
    "log": gettext_lazy("posts of the feed"),
    "task": gettext_lazy("tasks"),
    "disk": gettext_lazy("drives and attached files"),
    "crm": gettext_lazy("the CRM"),
    "calendar": gettext_lazy("calendars"),
    "telephony": gettext_lazy("calls"),
    "vote": gettext_lazy("polls"),
}
"""What each permission of the webhook opens, of what can come."""

_NOT_YET: Mapping[str, _StrOrPromise] = {
    "products": gettext_lazy("products"),
}
_STAYS: Mapping[str, tuple[Weight, _StrOrPromise]] = {
    "messages": (Weight.KIND, gettext_lazy("messages of chats")),
    "lists": (Weight.KIND, gettext_lazy("rows of lists")),
    "processes": (Weight.KIND, gettext_lazy("processes and robots")),
    "products": (Weight.KIND, gettext_lazy("products of the catalogue")),
    "own_entities": (Weight.KIND, gettext_lazy("records of a company's own entities")),
    "papers": (Weight.KIND, gettext_lazy("quotes and invoices")),
    "forms": (Weight.KIND, gettext_lazy("forms of the CRM")),
    "mail": (Weight.KIND, gettext_lazy("letters of mailboxes")),
    "task_templates": (Weight.KIND, gettext_lazy("templates of tasks")),
    "working_days": (Weight.KIND, gettext_lazy("working days")),
    "activity_files": (Weight.PART, gettext_lazy("files of activities")),
    "liked_comments": (Weight.PART, gettext_lazy("likes of comments")),
    "badges": (Weight.PART, gettext_lazy("badges of posts")),
}
"""Of a dump: see `box.transfer.boxed.stays`."""


def gaps_of(found: Mapping[str, Any], *, newcomers: int = 0) -> list[Gap]:
    """`found` is as `box.transfer.inventory.as_json` keeps it; `newcomers` how many people will be added."""
    return sorted(_gaps(found, newcomers), key=lambda gap: gap.weight)


def _gaps(found: Mapping[str, Any], newcomers: int) -> Iterator[Gap]:
    if found.get("is_archive"):
        yield from _gaps_of_archive(found, newcomers)
        return
    if found.get("is_boxed"):
        yield from _gaps_of_dump(found, newcomers)
        return
    counts = found.get("counts") or {}
    for scope in found.get("missing_scopes") or ():
        if scope in SCOPES:
            why = _("The webhook lacks the permission “%(scope)s”: give it that one, and connect it anew.")
            yield Gap(Weight.KIND, str(SCOPES[scope]), why % {"scope": scope})
    for key, label in _NOT_YET.items():
        if count := counts.get(key):
            why = _("This version does not bring them yet: they stay in the portal (%(count)s).")
            yield Gap(Weight.KIND, str(label), why % {"count": count})
    if not found.get("is_administrator"):
        why = _("Whoever made the webhook is no administrator: what they do not see does not come.")
        yield Gap(Weight.KIND, _("what others see"), why)
    if counts.get("posts"):
        why = _("The portal gives the texts of comments only to whoever wrote them.")
        yield Gap(Weight.PART, _("comments of the feed by others"), why)
        why = _("The portal does not give them to programs.")
        yield Gap(Weight.PART, _("likes and badges of posts"), why)
    if counts.get("tasks"):
        why = _("The new card of tasks keeps them in a chat, which this version does not read.")
        yield Gap(Weight.PART, _("messages of tasks in their chats"), why)
    if counts.get("drives"):
        why = _("They are not given to programs: everything is for those whose drive it is.")
        yield Gap(Weight.FORM, _("rights of single folders, links for outsiders"), why)
    if "calendar" not in (found.get("missing_scopes") or ()):
        why = _("Of others the portal gives what whoever made the webhook may see in their calendars.")
        yield Gap(Weight.PART, _("calendars of others, and reminders"), why)
    yield from _gaps_of_crm(found, counts)
    yield from _passwords(newcomers)


def _gaps_of_crm(found: Mapping[str, Any], counts: Mapping[str, Any]) -> Iterator[Gap]:
    if counts.get("companies") and not found.get("is_korobka"):
        why = _("Of them the tax number comes.")
        yield Gap(Weight.PART, _("requisites of companies"), why)
    if counts.get("deals") or counts.get("leads"):
        why = _("This version does not bring them yet.")
        yield Gap(Weight.PART, _("files and letters of activities"), why)


def _gaps_of_dump(found: Mapping[str, Any], newcomers: int) -> Iterator[Gap]:
    if not found.get("has_upload"):
        why = _("There is no folder “upload” beside the dump: copy it there, and look again.")
        yield Gap(Weight.KIND, _("all files and pictures"), why)
    counts = found.get("stays") or {}
    for key, (weight, label) in _STAYS.items():
        if count := counts.get(key):
            why = _("This version does not bring them yet: they stay in the portal (%(count)s).")
            yield Gap(weight, str(label), why % {"count": count})
    if count := counts.get("elsewhere"):
        why = _("The portal keeps them in a store of a provider, and not in its upload folder (%(count)s).")
        yield Gap(Weight.PART, _("files that lie elsewhere"), why % {"count": count})
    why = _("Everything is for those whose drive it is.")
    yield Gap(Weight.FORM, _("rights of single folders, links for outsiders"), why)
    yield from _passwords(newcomers)


def _gaps_of_archive(found: Mapping[str, Any], newcomers: int) -> Iterator[Gap]:
    if count := found.get("missing"):
        said = ngettext(
            "The store had lost %(count)s of them when the archive was written.",
            "The store had lost %(count)s of them when the archive was written.",
            count,
        )
        yield Gap(Weight.PART, _("bytes of files"), said % {"count": count})
    if found.get("is_private_left_out"):
        why = _("Whoever wrote the archive did not see it: it stayed where it was.")
        yield Gap(Weight.PART, _("what is for named people alone"), why)
    why = _("They are no part of the format: what they were about comes.")
    yield Gap(Weight.PART, _("badges, notices, drafts, saved views, working days, calls, papers"), why)
    yield from _passwords(newcomers)


def _passwords(newcomers: int) -> Iterator[Gap]:
    if newcomers:
        said = ngettext(
            "%(count)s person is added without a password: invite them when everything is here.",
            "%(count)s people are added without a password: invite them when everything is here.",
            newcomers,
        )
        yield Gap(Weight.FORM, _("passwords"), said % {"count": newcomers})
