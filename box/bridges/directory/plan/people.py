"""Who comes, and what changes of whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from box.bridges.directory import distinguished_names
from box.bridges.directory.mapping import Rules
from box.bridges.directory.plan.leavers import status_of, why_leaving
from box.bridges.directory.plan.values import (
    SUSPENDED,
    Claims,
    Known,
    LinkNow,
    LocalPerson,
    Note,
    PersonStep,
)
from box.bridges.directory.reader import PersonEntry
from box.bridges.directory.unreadable import DISABLED, EXPIRES, MANAGER, PHOTO, as_known


def plan_people(
    entries: Iterable[PersonEntry], known: Known, rules: Rules, claims: Claims, *, now: datetime
) -> list[PersonStep]:
    """What follows from these entries. Whoever has nothing new gets no step."""
    steps = (_person_step(entry, known, rules, claims, now) for entry in entries)
    return [step for step in steps if step is not None]


def _person_step(
    entry: PersonEntry, known: Known, rules: Rules, claims: Claims, now: datetime
) -> PersonStep | None:
    link = known.links.get(entry.stable_id)
    if link is not None and link.object_id in known.people:
        here = known.people[link.object_id]
        return _step_of_known(entry, link, here, known=known, rules=rules, claims=claims, now=now)
    return _step_of_new(entry, known, rules, claims, now)


def _step_of_new(entry: PersonEntry, known: Known, rules: Rules, claims: Claims, now: datetime) -> PersonStep:
    login, email = entry.fields.get("login", ""), entry.fields.get("email", "")
    if reason := _why_not(entry, rules, now):
        return _skipped(entry, reason)
    local = _match(login, email, known, rules, claims)
    if local is not None and local.holds_console:
        return _skipped(
            entry,
            _(
                "%(name)s holds a role of the Console, and stays local: a directory takes over no such"
                " account."
            )
            % {"name": local.name},
        )
    if local is not None:
        claims.people.add(local.id)
        return _step_of_known(
            entry, LinkNow(local.id), local, known=known, rules=rules, claims=claims, now=now
        ) or _skipped(entry, "")
    if known.is_taken(login) or hash(login) in claims.names:
        return _skipped(entry, _("The login %(login)s is somebody else's already.") % {"login": login})
    fields = dict(entry.fields)
    notes = [Note("report", reason=reason) for reason in entry.reports]
    is_whole = True
    if email and (known.is_taken(email) or hash(email) in claims.names):
        fields["email"] = ""
        is_whole = False
        notes.append(Note("report", "email", new=email, reason=_email_taken(email)))
    claims.names |= {hash(login), hash(fields.get("email") or login)}
    manager, about_manager = _manager(entry, known)
    notes += about_manager
    fingerprint = entry.fingerprint(manager, entry.photo_fingerprint)
    status = SUSPENDED if entry.is_disabled else ""
    if status:
        notes.append(Note("suspend", reason=_("disabled in the directory")))
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name, is_new=True,
        fields=fields,
        values=_values(fields, entry.unit, manager, () if is_whole else ("email",), fingerprint),
        unit=entry.unit if known.has_units else None,
        status=status, link_status=status, expires_at=_iso(entry.expires_at),
        fingerprint=fingerprint if is_whole else "",
        photo_fingerprint=entry.photo_fingerprint,
        notes=(Note("create", new=login), *notes),
    )  # fmt: skip


def _why_not(entry: PersonEntry, rules: Rules, now: datetime) -> str:  # noqa: PLR0911 - a sentence a case
    """Why this entry, which is not here yet, is not taken in; empty where it is."""
    fields = entry.fields
    login = fields.get("login", "")
    if not login:
        return _("It has no login.")
    if any(letter.isspace() or letter in "/\\" for letter in login):
        return _("Its login has a space or a slash in it: %(login)s.") % {"login": login}
    if rules.without_name == "skip" and not (fields.get("first_name") or fields.get("last_name")):
        return _("It has no name.")
    if rules.without_email == "skip" and not fields.get("email"):
        return _("It has no e-mail.")
    if entry.is_leaver:
        return _("It is in the unit of those who have left.")
    if entry.expires_at is not None and entry.expires_at <= now:
        return _("The account has expired.")
    if entry.unknown & {DISABLED, EXPIRES}:
        return _("The bind account may not read whether this account is disabled or has expired.")
    return ""


def _match(login: str, email: str, known: Known, rules: Rules, claims: Claims) -> LocalPerson | None:
    """The local person who is the same, and is nobody's entry yet."""
    found = []
    if rules.matching in ("email", "either") and email:
        found.append(known.by_email.get(email))
    if rules.matching in ("login", "either") and login:
        found.append(known.by_login.get(login))
    for pk in found:
        if pk is None or pk in known.linked or pk in claims.people:
            continue
        person = known.people.get(pk)
        if person is not None and not person.is_extranet:
            return person
    return None


def _step_of_known(
    entry: PersonEntry,
    link: LinkNow,
    here: LocalPerson,
    *,
    known: Known,
    rules: Rules,
    claims: Claims,
    now: datetime,
) -> PersonStep | None:
    # An entry that is known already has left its name.
    is_matched = not link.dn
    entry = as_known(entry, link)
    manager, about_manager = _manager(entry, known)
    if MANAGER in entry.unknown:
        manager = str(link.values.get("manager", ""))
    photo = link.photo_fingerprint if PHOTO in entry.unknown else entry.photo_fingerprint
    fingerprint = entry.fingerprint(manager, photo)
    leaving_why = why_leaving(entry, link, now)
    leaving_since = (link.leaving_since or now) if leaving_why else None
    status, link_status, about_status = status_of(
        entry, link, here, rules, why=leaving_why, since=leaving_since, now=now
    )
    is_same = (
        link.fingerprint == fingerprint
        and link.dn == entry.dn
        and link.base == entry.base
        and link.leaving_why == leaving_why
        and link.status == link_status
        and not status
    )
    if is_same and not is_matched:
        return None
    fields, conflicts = _changed_fields(entry, link, here, known, claims)
    taken = sorted(note.field for note in conflicts)
    is_known_conflict = (
        bool(taken)
        and link.values.get("conflicts") == taken
        and link.values.get("fingerprint") == fingerprint
        and link.photo_fingerprint == photo
    )
    notes = [Note("change", name, here.fields.get(name, ""), value) for name, value in sorted(fields.items())]
    if is_matched:
        notes.insert(0, Note("link", new=here.fields.get("login", "")))
    unit, about_unit = _moved(entry, link, here, known)
    if about_unit is not None:
        notes.append(about_unit)
    notes += about_status
    if (
        is_known_conflict
        and not notes
        and not status
        and link.dn == entry.dn
        and link.leaving_why == leaving_why
    ):
        # Nobody has given it away meanwhile; it was said before.
        return None
    notes += about_manager + conflicts
    notes += [Note("report", reason=reason) for reason in entry.reports]
    told = {**here.fields, **fields}
    kept = {name for name, value in entry.fields.items() if value and told.get(name) == value}
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name, object_id=here.id,
        fields=fields,
        values=_values({name: entry.fields[name] for name in kept}, entry.unit, manager, taken, fingerprint),
        unit=unit, status=status, link_status=link_status,
        leaving_since=_iso(leaving_since), leaving_why=leaving_why, expires_at=_iso(entry.expires_at),
        fingerprint="" if conflicts else fingerprint,
        takes_photo_away=bool(link.photo_fingerprint) and not photo,
        photo_fingerprint=photo,
        notes=tuple(notes),
    )  # fmt: skip


def _changed_fields(
    entry: PersonEntry, link: LinkNow, here: LocalPerson, known: Known, claims: Claims
) -> tuple[dict[str, str], list[Note]]:
    """What to write, and what of it somebody else has already. A value that the directory no longer holds is
    taken away where the directory had written it."""
    fields: dict[str, str] = {}
    conflicts = []
    for name in known.mapped:
        value = entry.fields.get(name, "")
        before = here.fields.get(name, "")
        if value == before or (not value and (name == "login" or not link.values.get(name))):
            continue
        if name == "login" and _is_taken(value, here, known, claims):
            reason = _("The login %(login)s is somebody else's already.") % {"login": value}
            conflicts.append(Note("report", "login", before, value, reason))
        elif name == "email" and value and _is_taken(value, here, known, claims):
            conflicts.append(Note("report", "email", before, value, _email_taken(value)))
        else:
            fields[name] = value
    claims.names.update(hash(fields[name]) for name in ("login", "email") if fields.get(name))
    return fields, conflicts


def _is_taken(value: str, here: LocalPerson, known: Known, claims: Claims) -> bool:
    return known.is_taken(value, by_others_than=here.id) or hash(value) in claims.names


def _moved(
    entry: PersonEntry, link: LinkNow, here: LocalPerson, known: Known
) -> tuple[str | None, Note | None]:
    """Whoever has left stays where they were: the leavers' unit is no department."""
    if not known.has_units or entry.is_leaver:
        return None, None
    unit = known.units.get(entry.unit)
    if unit is None or (unit.id is not None and unit.id in here.departments and entry.unit == _unit_of(link)):
        return None, None
    before = known.units.get(_unit_of(link))
    if unit.id is not None and here.departments == {unit.id}:
        return entry.unit, None
    return entry.unit, Note("move", "departments", before.name if before else "", unit.name)


def _unit_of(link: LinkNow) -> str:
    return str(link.values.get("unit", ""))


def _manager(entry: PersonEntry, known: Known) -> tuple[str, list[Note]]:
    if not entry.manager:
        return "", []
    found = known.managers.get(distinguished_names.key(entry.manager), "")
    if found == entry.stable_id:
        return "", []
    if not found:
        reason = _("The manager %(name)s is not among those imported.") % {
            "name": distinguished_names.name_of(entry.manager)
        }
        return "", [Note("report", "manager", new=entry.manager, reason=reason)]
    return found, []


def _values(
    fields: Mapping[str, str], unit: str, manager: str, conflicts: Sequence[str], fingerprint: str
) -> dict[str, Any]:
    """What is remembered of the entry. Whoever has conflicts is looked at with every run, until nothing of
    theirs is somebody else's: the fingerprint beside them tells whether there is other news."""
    held = {name: value for name, value in fields.items() if value}
    told = {"conflicts": list(conflicts), "fingerprint": fingerprint} if conflicts else {}
    return {**held, "unit": unit, "manager": manager, **told}


def _skipped(entry: PersonEntry, reason: str) -> PersonStep:
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name,
        is_skipped=True, notes=(Note("skip", reason=reason),),
    )  # fmt: skip


def _email_taken(email: str) -> str:
    return _("The e-mail %(email)s is somebody else's already: the person has none here.") % {"email": email}


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
