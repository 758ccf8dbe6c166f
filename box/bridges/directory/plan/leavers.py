"""Who leaves, by which rule, and who returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from box.bridges.directory.mapping import Rules
from box.bridges.directory.plan.values import (
    ACTIVE,
    DISMISSED,
    EXPIRED,
    GONE,
    LEAVER,
    SUSPENDED,
    LinkNow,
    LocalPerson,
    Note,
    PersonStep,
)
from box.bridges.directory.reader import PersonEntry
from box.bridges.directory.unreadable import DISABLED, EXPIRES


def status_of(
    entry: PersonEntry,
    link: LinkNow,
    here: LocalPerson,
    rules: Rules,
    *,
    why: str,
    since: datetime | None,
    now: datetime,
) -> tuple[str, str, list[Note]]:
    """The status to give (empty: as it is), the one that is the directory's doing then, and what is told."""
    is_undecided = bool(entry.unknown & {DISABLED, EXPIRES})
    if why and not (why == EXPIRED and EXPIRES in entry.unknown):
        return _leaving(link, here, rules, why=why, since=since, now=now)
    if entry.is_disabled and here.status == ACTIVE:
        return SUSPENDED, SUSPENDED, [Note("suspend", reason=_("disabled in the directory"))]
    if entry.is_disabled or is_undecided:
        return "", link.status, []
    # Only what the directory did it undoes: whom an administrator has suspended or dismissed stays so.
    if link.status and here.status == link.status:
        return ACTIVE, "", [Note("return", reason=_("is in the directory again, and not disabled"))]
    return "", "", []


def _leaving(
    link: LinkNow,
    here: LocalPerson,
    rules: Rules,
    *,
    why: str,
    since: datetime | None,
    now: datetime,
) -> tuple[str, str, list[Note]]:
    reason = {
        GONE: _("is not in the directory any more"),
        EXPIRED: _("the account has expired"),
        LEAVER: _("is in the unit of those who have left"),
    }[why]
    days = rules.dismiss_after_days
    if days is not None and since is not None and now - since >= timedelta(days=days):
        if here.status == DISMISSED:
            return "", link.status, []
        for_days = _("%(reason)s, for %(days)s days") % {"reason": reason, "days": days}
        return DISMISSED, DISMISSED, [Note("dismiss", reason=for_days if days else reason)]
    if here.status == ACTIVE:
        return SUSPENDED, SUSPENDED, [Note("suspend", reason=reason)]
    return "", link.status, []


def why_leaving(entry: PersonEntry, link: LinkNow, now: datetime) -> str:
    if entry.is_leaver:
        return LEAVER
    if EXPIRES in entry.unknown:
        return EXPIRED if link.leaving_why == EXPIRED else ""
    return EXPIRED if entry.expires_at is not None and entry.expires_at <= now else ""


def plan_gone(
    links: Mapping[str, LinkNow],
    people: Mapping[int, LocalPerson],
    rules: Rules,
    *,
    now: datetime,
    relinked: Collection[int] = (),
    asked_about: Collection[int] = (),
) -> list[PersonStep]:
    """What follows for those whom the directory doesn't show any more; nothing for who was found again under
    another id, and no dismissal of who may have been. Of whom it keeps as they are only that is written down:
    the days until somebody is dismissed begin where another rule does."""
    is_kept = rules.gone == "keep"
    steps = []
    for stable_id, link in sorted(links.items()):
        here = people.get(link.object_id)
        if here is None or here.id in relinked:
            continue
        if is_kept:
            if link.leaving_why != GONE:
                steps.append(_gone(stable_id, link, here, since=link.leaving_since))
            continue
        since = link.leaving_since or now
        # Who is asked about is only suspended, however few the days are.
        counted = None if here.id in asked_about else since
        status, link_status, notes = _leaving(link, here, rules, why=GONE, since=counted, now=now)
        if link.leaving_why == GONE and link.leaving_since and not status:
            continue
        step = _gone(stable_id, link, here, since=since)
        steps.append(replace(step, status=status, link_status=link_status, notes=tuple(notes)))
    return steps


def _gone(stable_id: str, link: LinkNow, here: LocalPerson, *, since: datetime | None) -> PersonStep:
    return PersonStep(
        stable_id=stable_id, dn=link.dn, base=link.base, name=here.name, object_id=here.id,
        linked_to=link.object_id, values=link.values, link_status=link.status,
        leaving_since=since.isoformat() if since else "", leaving_why=GONE, is_seen=False,
        photo_fingerprint=link.photo_fingerprint,
    )  # fmt: skip
