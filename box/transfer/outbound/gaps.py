"""What cannot go into a portal, or not as it was, and why: said before anything is written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.transfer.gaps import SCOPES, Gap, Weight
from box.transfer.outbound.base import MOST_UPLOADED


def outbound_gaps(found: Mapping[str, Any]) -> list[Gap]:
    """`found` is as `box.transfer.outbound.inventory` keeps it."""
    return sorted(_gaps(found), key=lambda gap: gap.weight)


def _gaps(found: Mapping[str, Any]) -> Iterator[Gap]:
    counts = found.get("counts") or {}
    for scope in found.get("missing_scopes") or ():
        why = _("The webhook lacks the permission “%(scope)s”: give it that one, and connect it anew.")
        yield Gap(Weight.KIND, str(SCOPES.get(scope, scope)), why % {"scope": scope})
    if not found.get("is_administrator"):
        why = _("Whoever made the webhook is no administrator: the portal takes nothing from them under the"
                " names of others.")  # fmt: skip
        yield Gap(Weight.KIND, _("who wrote what"), why)
    if not found.get("takes_over") and (strangers := found.get("strangers")):
        said = ngettext(
            "%(count)s person is not there by their e-mail: what they made stands under the name of"
            " %(name)s, with theirs in its first line. The portal can invite them: choose that below.",
            "%(count)s people are not there by their e-mail: what they made stands under the name of"
            " %(name)s, with theirs in its first line. The portal can invite them: choose that below.",
            strangers,
        )
        told = {"count": strangers, "name": found.get("person") or "?"}
        yield Gap(Weight.PART, _("people"), said % told)
    why = _("The portal shows what is for everybody, a group or a department to whoever it has there."
            " What is for named people alone, and what you do not see, stays here.")  # fmt: skip
    yield Gap(Weight.PART, _("private things"), why)
    why = _("Of later changes the portal is told for tasks, groups, events, clients and contents of files."
            " Others stay here, and the notes name each: change those there by hand. What is removed here,"
            " and whoever leaves a group here, stays there.")  # fmt: skip
    yield Gap(Weight.PART, _("what changes after it was sent"), why)
    if found.get("takes_over") and (large := found.get("large_files")):
        said = ngettext(
            "%(count)s file is larger than %(most)s MB: carry it over by hand.",
            "%(count)s files are larger than %(most)s MB: carry them over by hand.",
            large,
        )
        yield Gap(Weight.PART, _("large files"), said % {"count": large, "most": MOST_UPLOADED // 10**6})
    if counts.get("posts") or counts.get("tasks"):
        if not found.get("takes_over"):
            why = _("The portal lets nobody say them: posts, tasks and clients begin with when and by whom"
                    " they were made.")  # fmt: skip
            yield Gap(Weight.FORM, _("dates"), why)
            why = _("Our own numbers stand there in their place: by them things are found again.")
            yield Gap(Weight.FORM, _("external IDs that other programs have written"), why)
        why = _("The portal takes them from nobody but whoever gives them.")
        yield Gap(Weight.PART, _("likes, votes, receipts and badges"), why)
    if counts.get("tasks"):
        why = _("The portal takes neither from programs as they are here.")
        yield Gap(Weight.PART, _("templates of tasks, and by how much a task follows another"), why)
    if counts.get("task-fields") and not found.get("takes_over"):
        why = _(
            "The portal knows texts, numbers, moments, and yes or no there: anything else becomes a text."
        )
        yield Gap(Weight.FORM, _("own fields of tasks"), why)
    if staying := found.get("fields_that_stay"):
        said = ngettext(
            "%(count)s field points at what has no place there, or holds files of tasks: it stays here.",
            "%(count)s fields point at what has no place there, or hold files of tasks: they stay here.",
            staying,
        )
        yield Gap(Weight.PART, _("own fields"), said % {"count": staying})
    if counts.get("drives") or counts.get("folders"):
        why = _("Everything in a drive is for those whose drive it is.")
        yield Gap(Weight.FORM, _("rights of single folders, links for outsiders"), why)
    if counts.get("events"):
        why = _("A series there knows no times at which it is otherwise: these stand beside it. Whoever is"
                " invited has to answer again.")  # fmt: skip
        yield Gap(Weight.FORM, _("exceptions of series, answers"), why)
    if counts.get("letters"):
        why = _("The portal would send a letter that it is given: they become comments of the client.")
        yield Gap(Weight.FORM, _("letters, notes and other activities"), why)
    why = _("No program may write them there.")
    yield Gap(Weight.KIND, _("calls, working days, absences, quotes and invoices, processes"), why)
