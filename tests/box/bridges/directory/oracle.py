"""What a directory says, read past the portal's reader: raw entries as the administrator, and the few rules
by which a directory is followed, written down a second time for the model to compare with."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.directory.lines import administrator
from tests.directory.samba import DISABLED, Samba
from tests.directory.slapd import Slapd


@dataclass(frozen=True)
class Human:
    dn: str
    login: str
    email: str
    first_name: str
    last_name: str
    number: str
    is_disabled: bool
    # The id of the nearest unit, empty below the base itself, and of the manager, empty where there is none.
    unit: str
    manager: str


@dataclass(frozen=True)
class Place:
    dn: str
    name: str
    parent: str


@dataclass(frozen=True)
class Team:
    dn: str
    name: str
    # The ids of everybody in it, through the groups in it.
    people: frozenset[str]


@dataclass(frozen=True)
class Truth:
    """All below a base, by objectGUID or entryUUID."""

    people: Mapping[str, Human] = field(default_factory=dict)
    units: Mapping[str, Place] = field(default_factory=dict)
    groups: Mapping[str, Team] = field(default_factory=dict)


def read(server: Samba | Slapd, base: str) -> Truth:
    is_ad = isinstance(server, Samba)
    if isinstance(server, Samba):
        line = administrator(server.address, server.admin, server.password)
        stable_id, login, person = (
            "objectGUID",
            "sAMAccountName",
            "(&(objectCategory=person)(objectClass=user))",
        )
        number, group = "employeeID", "(objectCategory=group)"
    else:
        line = administrator(f"{server.address}:{server.port}", server.admin, server.password)
        stable_id, login, person = "entryUUID", "uid", "(objectClass=inetOrgPerson)"
        number, group = "employeeNumber", "(objectClass=groupOfNames)"

    def found(filter_: str, *names: str) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
        """The id, the name in small letters, and the values of each."""
        line.search(base, filter_, attributes=[stable_id, *names])
        for one in line.response:
            if one["type"] != "searchResEntry":
                continue
            raw: dict[str, list[bytes]] = one["raw_attributes"]
            (number_,) = raw[stable_id]
            own = str(uuid.UUID(bytes_le=number_)) if is_ad else number_.decode()
            yield (
                own,
                one["dn"].lower(),
                {name: [value.decode() for value in raw.get(name, [])] for name in names},
            )

    try:
        units = _units(list(found("(objectClass=organizationalUnit)", "ou")), base.lower())
        by_dn = {place.dn: own for own, place in units.items()}
        rows = list(
            found(
                person, login, "mail", "givenName", "sn", number, "manager", "userAccountControl",
                "employeeType",
            )
        )  # fmt: skip
        teams = list(found(group, "cn", "member"))
    finally:
        line.unbind()
    ids = {dn: own for own, dn, _values in rows}
    people = {
        own: Human(
            dn,
            login=_one(values[login]).lower(),
            email=_one(values["mail"]).lower(),
            first_name=_one(values["givenName"]),
            last_name=_one(values["sn"]),
            number=_one(values[number]),
            is_disabled=bool(int(_one(values["userAccountControl"]) or 0) & DISABLED)
            or _one(values["employeeType"]) == "disabled",
            unit=_nearest(dn, by_dn),
            manager=ids.get(_one(values["manager"]).lower(), ""),
        )
        for own, dn, values in rows
    }
    members = {dn: {one.lower() for one in values["member"]} for _own, dn, values in teams}
    groups = {
        own: Team(dn, _one(values["cn"]), frozenset(ids[one] for one in _inside(dn, members) if one in ids))
        for own, dn, values in teams
    }
    return Truth(people, units, groups)


def heads(truth: Truth, here: set[str]) -> dict[str, str]:
    """By unit whom most of its people name as their manager, of those in it; of equals the first by id. Of
    those who lead each other round the last by id is not asked."""
    led = {own: one.manager for own, one in truth.people.items() if own in here and one.manager != own}
    led = {own: manager for own, manager in led.items() if manager}
    for circle in _circles(led):
        del led[max(circle)]
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for own, manager in led.items():
        if manager in here and truth.people[manager].unit == truth.people[own].unit:
            votes[truth.people[own].unit][manager] += 1
    return {unit: min((-count, own) for own, count in counted.items())[1] for unit, counted in votes.items()}


def _circles(led: Mapping[str, str]) -> list[set[str]]:
    found: list[set[str]] = []
    for start in led:
        way = [start]
        while led.get(way[-1]) and led[way[-1]] not in way:
            way.append(led[way[-1]])
        # Round, and back to the first: whoever only leads into a circle is not of it.
        if led.get(way[-1]) == start and not any(start in one for one in found):
            found.append(set(way))
    return found


def _units(rows: list[tuple[str, str, dict[str, list[Any]]]], base: str) -> dict[str, Place]:
    by_dn = {dn: own for own, dn, _values in rows if dn != base}
    return {own: Place(dn, _one(values["ou"]), _nearest(dn, by_dn)) for own, dn, values in rows if dn != base}


def _nearest(dn: str, units: Mapping[str, str]) -> str:
    above = dn.partition(",")[2]
    while above and above not in units:
        above = above.partition(",")[2]
    return units.get(above, "")


def _inside(group: str, members: Mapping[str, set[str]]) -> set[str]:
    """The names in a group and in the groups in it; in circles too."""
    seen, waiting, found = {group}, [group], set[str]()
    while waiting:
        found |= members[waiting.pop()]
        fresh = (found & members.keys()) - seen
        seen |= fresh
        waiting += fresh
    return found


def _one(values: list[str]) -> str:
    return values[0] if values else ""
