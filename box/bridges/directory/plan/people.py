"""Who comes, and what changes of whom.

Most entries are decided as they are read. Where a login or an e-mail is somebody else's, it may be given up
in the same run: such entries wait until all have been read (`names.granted`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from box.bridges.directory import distinguished_names
from box.bridges.directory.mapping import Rules
from box.bridges.directory.plan import clashes
from box.bridges.directory.plan.clashes import Clash
from box.bridges.directory.plan.leavers import status_of, why_leaving
from box.bridges.directory.plan.names import Holder, Wish, granted
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

NAMES = ("login", "email")


@dataclass(frozen=True)
class Recognised:
    """Whose entry it is: somebody's by its link, a local person's, or (`here` is None) nobody's yet."""

    here: LocalPerson | None
    link: LinkNow
    is_relinked: bool = False


@dataclass(frozen=True)
class Waiting:
    """An entry of which a name is somebody else's."""

    entry: PersonEntry
    whose: Recognised
    known: Known
    wishes: tuple[Wish, ...]


def plan_people(
    entries: Iterable[PersonEntry],
    known: Known,
    rules: Rules,
    claims: Claims,
    waiting: list[Waiting],
    *,
    now: datetime,
) -> list[PersonStep]:
    """What follows from these entries. Whoever has nothing new gets no step; whoever waits for a name is put
    there."""
    steps = (_decided(entry, known, rules, claims, waiting, now=now) for entry in entries)
    return [step for step in steps if step is not None]


def plan_waiting(
    waiting: Iterable[Waiting], rules: Rules, claims: Claims, *, now: datetime
) -> list[PersonStep]:
    """When all have been read: these are done together, for what one gives up another takes."""
    waiting = list(waiting)
    wishes = [wish for one in waiting for wish in one.wishes if hash(wish.name) not in claims.names]
    holders: dict[str, frozenset[Holder]] = {}
    for one in waiting:
        holders.update((wish.name, one.known.holders(wish.name)) for wish in one.wishes)
    given = granted(wishes, claims.moving, holders)
    steps = []
    for one in waiting:
        denied = frozenset(wish.field for wish in one.wishes if wish.key not in given)
        step = _step(one.entry, one.whose, one.known, rules, denied, now=now)
        if step is not None:
            steps.append(step)
    return steps


def together(waiting: Iterable[Waiting], claims: Claims) -> frozenset[str]:
    """The ids of entries that are done in one piece: who waits, and who gives up what they wait for."""
    giving = {wish.person: wish.stable_id for wish in claims.moving}
    found = set()
    for one in waiting:
        found.add(one.entry.stable_id)
        for wish in one.wishes:
            found.update(
                giving[person] for person, _field in one.known.holders(wish.name) if person in giving
            )
    return frozenset(found)


def _decided(
    entry: PersonEntry,
    known: Known,
    rules: Rules,
    claims: Claims,
    waiting: list[Waiting],
    *,
    now: datetime,
) -> PersonStep | None:
    whose = _recognised(entry, known, rules, claims, now)
    if isinstance(whose, Clash):
        if whose.person is not None and whose.kind == clashes.AGAIN:
            claims.asked_about.add(whose.person)
        return _skipped(entry, whose)
    wishes = _wishes(entry, whose)
    if any(_is_contested(wish, known, claims) for wish in wishes):
        waiting.append(Waiting(entry, whose, known, wishes))
        claims.moving += _given_up(entry, whose)
        claims.contested.update(hash(wish.name) for wish in wishes)
        return None
    claims.names.update(hash(wish.name) for wish in wishes)
    claims.moving += [*(wish for wish in wishes if wish.gives_up), *_given_up(entry, whose)]
    return _step(entry, whose, known, rules, frozenset(), now=now)


def _recognised(  # noqa: PLR0911 - a way a line
    entry: PersonEntry, known: Known, rules: Rules, claims: Claims, now: datetime
) -> Recognised | Clash:
    """Whose it is, or why it is left out."""
    link = known.links.get(entry.stable_id)
    if link is not None and link.object_id in known.people:
        return Recognised(known.people[link.object_id], link)
    if (reason := _why_not(entry, rules, now)) is not None:
        return reason
    if apart := _apart(entry, known):
        return apart
    again = known.again.get(entry.stable_id) if entry.stable_id not in known.separate else None
    former = known.people.get(again.person or 0) if again else None
    if again is not None and former is not None:
        is_sure = again.rule == "number" and rules.again == "number"
        # Who writes numbers into a directory opens no account of the console by one.
        if not is_sure or former.holds_console or former.id in claims.relinked:
            return again
        claims.relinked.add(former.id)
        return Recognised(former, known.former[former.id], is_relinked=True)
    local = _match(entry, known, rules, claims)
    if local is not None and local.holds_console:
        return Clash(clashes.CONSOLE, entry.fields.get("login", ""), local.id)
    if local is not None:
        claims.people.add(local.id)
        return Recognised(local, LinkNow(local.id))
    return Recognised(None, LinkNow(0))


def _apart(entry: PersonEntry, known: Known) -> Clash | None:
    if entry.stable_id in known.separate:
        return None
    told = known.standing.get(entry.stable_id, frozenset())
    return next((clash for clash in told if clash.kind == clashes.APART), None)


def _wishes(entry: PersonEntry, whose: Recognised) -> tuple[Wish, ...]:
    """The names that the entry's person does not have yet."""
    before = whose.here.fields if whose.here else {}
    person = whose.here.id if whose.here else None
    return tuple(
        Wish(entry.stable_id, name, wanted, person, before.get(name, ""), _lets_go(name, whose.link))
        for name in NAMES
        if (wanted := entry.fields.get(name, "")) and wanted != before.get(name, "")
    )


def _lets_go(name: str, link: LinkNow) -> bool:
    """Nobody keeps an e-mail that the directory says is not theirs any more; a login one has to have."""
    return name == "email" and bool(link.values.get("email"))


def _given_up(entry: PersonEntry, whose: Recognised) -> Iterator[Wish]:
    """An e-mail that the directory has taken away is free for others."""
    if whose.here is None or entry.fields.get("email") or "email" in entry.unknown:
        return
    if whose.link.values.get("email") and (before := whose.here.fields.get("email", "")):
        yield Wish(entry.stable_id, "email", "", whose.here.id, before)


def _is_contested(wish: Wish, known: Known, claims: Claims) -> bool:
    marked = hash(wish.name)
    return (
        known.is_taken(wish.name, by_others_than=wish.person)
        or marked in claims.names
        or marked in claims.contested
    )


def _step(
    entry: PersonEntry,
    whose: Recognised,
    known: Known,
    rules: Rules,
    denied: frozenset[str],
    *,
    now: datetime,
) -> PersonStep | None:
    if whose.here is None:
        return _step_of_new(entry, known, denied)
    return _step_of_known(entry, whose, whose.here, known=known, rules=rules, denied=denied, now=now)


def _step_of_new(entry: PersonEntry, known: Known, denied: frozenset[str]) -> PersonStep:
    login = entry.fields.get("login", "")
    if "login" in denied:
        return _skipped(entry, Clash(clashes.LOGIN, login, known.holder(login)))
    fields = dict(entry.fields)
    notes = [Note("report", reason=reason) for reason in entry.reports]
    told: tuple[Clash, ...] = ()
    if "email" in denied:
        email = fields.pop("email")
        told = (Clash(clashes.EMAIL, email, known.holder(email)),)
        notes += [Note("report", clash.kind, new=clash.wanted, reason=clash.reason) for clash in told]
    manager, about_manager = _manager(entry, known)
    notes += about_manager
    status = SUSPENDED if entry.is_disabled else ""
    if status:
        notes.append(Note("suspend", reason=_("disabled in the directory")))
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name, is_new=True,
        fields=fields, values=_values(fields, entry, manager),
        unit=entry.unit if known.has_units else None,
        status=status, link_status=status, expires_at=_iso(entry.expires_at),
        fingerprint=entry.fingerprint(manager, entry.photo_fingerprint),
        photo_fingerprint=entry.photo_fingerprint,
        notes=(Note("create", new=login), *notes), clashes=told,
    )  # fmt: skip


def _why_not(entry: PersonEntry, rules: Rules, now: datetime) -> Clash | None:  # noqa: PLR0911 - a line a case
    """Why this entry, which is not here yet, is not taken in; None where it is."""
    fields = entry.fields
    login = fields.get("login", "")
    if not login:
        return Clash(clashes.NO_LOGIN)
    if any(letter.isspace() or letter in "/\\" for letter in login):
        return Clash(clashes.BAD_LOGIN, login)
    if rules.without_name == "skip" and not (fields.get("first_name") or fields.get("last_name")):
        return Clash(clashes.NO_NAME)
    if rules.without_email == "skip" and not fields.get("email"):
        return Clash(clashes.NO_EMAIL)
    if entry.is_leaver:
        return Clash(clashes.LEAVER)
    if entry.expires_at is not None and entry.expires_at <= now:
        return Clash(clashes.EXPIRED)
    if entry.unknown & {DISABLED, EXPIRES}:
        return Clash(clashes.UNKNOWN)
    return None


def _match(entry: PersonEntry, known: Known, rules: Rules, claims: Claims) -> LocalPerson | None:
    """The local person who is the same, and is nobody's entry yet."""
    login, email = entry.fields.get("login", ""), entry.fields.get("email", "")
    if entry.stable_id in known.separate:
        return None
    numbered = known.by_number.get(entry.number, frozenset())
    # Of several with one number nobody is meant by it.
    found: list[int | None] = list(numbered) if len(numbered) == 1 else []
    if rules.matching in ("email", "either") and email:
        found.append(known.by_email.get(email))
    if rules.matching in ("login", "either") and login:
        found.append(known.by_login.get(login))
    for pk in found:
        if pk is None or pk in known.linked or pk in claims.people:
            continue
        person = known.people.get(pk)
        if (
            person is not None
            and not person.is_extranet
            and (pk in numbered or not _is_numbered(person, known) or not entry.number)
        ):
            return person
    return None


def _is_numbered(person: LocalPerson, known: Known) -> bool:
    """Successors who got the e-mail of whoever left are told apart by their numbers."""
    return bool(known.number_field and person.fields.get(known.number_field))


def _step_of_known(
    entry: PersonEntry,
    whose: Recognised,
    here: LocalPerson,
    *,
    known: Known,
    rules: Rules,
    denied: frozenset[str],
    now: datetime,
) -> PersonStep | None:
    link = whose.link
    # An entry that is known already has left its name.
    is_matched = not link.dn or whose.is_relinked
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
    standing = known.standing.get(entry.stable_id, frozenset())
    is_same = (
        link.fingerprint == fingerprint
        and link.photo_fingerprint == photo
        and link.dn == entry.dn
        and link.base == entry.base
        and link.leaving_why == leaving_why
        and link.status == link_status
        and not status
    )
    is_old = is_same and not is_matched
    if is_old and not standing:
        return None
    # What was changed here stays until the entry says something else: while it waits for a name, too.
    asked = known.mapped & {one.kind for one in standing} if is_old else known.mapped
    fields, told = _changed_fields(entry, link, here, known, denied, asked=asked)
    if is_old and not fields and standing == frozenset(told):
        return None
    notes = [Note("change", name, here.fields.get(name, ""), value) for name, value in sorted(fields.items())]
    if is_matched:
        notes.insert(0, Note("link", new=here.fields.get("login", "")))
    unit, about_unit = (None, None) if is_old else _moved(entry, link, here, known)
    if about_unit is not None:
        notes.append(about_unit)
    notes += about_status
    if not is_old:
        notes += about_manager
        notes += [Note("report", reason=reason) for reason in entry.reports]
    # What the list says already was said.
    notes += [
        Note("report", clash.kind, here.fields.get(clash.kind, ""), clash.wanted, clash.reason)
        for clash in told
        if clash not in standing
    ]
    is_here = {**here.fields, **fields}
    kept = {
        name: value
        for name, value in entry.fields.items()
        if is_here.get(name) == value or (name not in asked and link.values.get(name) == value)
    }
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name, object_id=here.id,
        is_relinked=whose.is_relinked, fields=fields, values=_values(kept, entry, manager),
        unit=unit, status=status, link_status=link_status,
        leaving_since=_iso(leaving_since), leaving_why=leaving_why, expires_at=_iso(entry.expires_at),
        fingerprint=fingerprint,
        takes_photo_away=bool(link.photo_fingerprint) and not photo,
        photo_fingerprint=photo,
        notes=tuple(notes), clashes=told,
    )  # fmt: skip


def _changed_fields(
    entry: PersonEntry,
    link: LinkNow,
    here: LocalPerson,
    known: Known,
    denied: frozenset[str],
    *,
    asked: frozenset[str],
) -> tuple[dict[str, str], tuple[Clash, ...]]:
    """What of the fields `asked` to write, and what of it somebody else has. A value that the directory no
    longer holds is taken away where the directory had written it."""
    fields: dict[str, str] = {}
    told = []
    for name in sorted(asked):
        value = entry.fields.get(name, "")
        before = here.fields.get(name, "")
        if value == before or (not value and (name == "login" or not link.values.get(name))):
            continue
        if name in denied:
            told.append(Clash(name, value, known.holder(value, besides=here.id)))
            if before and _lets_go(name, link):
                fields[name] = ""
        else:
            fields[name] = value
    return fields, tuple(told)


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


def _values(fields: Mapping[str, str], entry: PersonEntry, manager: str) -> dict[str, Any]:
    """What is remembered of the entry."""
    above = {"manager_key": distinguished_names.key(entry.manager)} if entry.manager else {}
    number = {"number": entry.number} if entry.number else {}
    photo = {"photo_from": entry.photo_attribute} if entry.photo_attribute else {}
    return {**fields, "unit": entry.unit, "manager": manager, **above, **number, **photo}


def _skipped(entry: PersonEntry, clash: Clash) -> PersonStep:
    return PersonStep(
        stable_id=entry.stable_id, dn=entry.dn, base=entry.base, name=entry.name,
        is_skipped=True, notes=(Note("skip", reason=clash.reason),), clashes=(clash,),
    )  # fmt: skip


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
