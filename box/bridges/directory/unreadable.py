"""What an entry does not show: is it not there, or may it only not be read?

An attribute that cannot be read is unknown, and never 'no': nothing is decided by it, and what the portal has
of it stays. Asked only where something would be taken away, so that a run in which nothing is costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from box.bridges.directory import presets
from box.bridges.directory.client import Directory, DirectoryTrouble
from box.bridges.directory.mapping import Mapping
from box.bridges.directory.models import Connection

if TYPE_CHECKING:
    from box.bridges.directory.plan.values import LinkNow
    from box.bridges.directory.reader import PersonEntry

DISABLED, EXPIRES, MANAGER, UNIT, PHOTO = "disabled", "expires", "manager", "unit", "photo"
_OF_THE_ENTRY = frozenset((DISABLED, EXPIRES, MANAGER, UNIT, PHOTO))
# Whatever they hold, every account of Active Directory has them.
ALWAYS_THERE = frozenset(("useraccountcontrol", "accountexpires"))
# After so many in a row that cannot be read, the rest are taken to be like them.
ENOUGH = 20
NO_SUCH_ATTRIBUTE, UNDEFINED_ATTRIBUTE = 16, 17


def missing(mapping: Mapping, shown: frozenset[str]) -> frozenset[str]:
    """Of what every account has, what this one doesn't show."""
    asked = ((DISABLED, mapping.disabled.lower()), (EXPIRES, mapping.expires.lower()))
    return frozenset(name for name, attribute in asked if attribute in ALWAYS_THERE - shown)


class Rights:
    """What the bind account may read, as far as this run has had reason to ask."""

    def __init__(self, directory: Directory, connection: Connection, bases: tuple[str, ...]) -> None:
        self._directory = directory
        self._is_ad = connection.kind == Connection.Kind.AD
        self._mapping = connection.mapping
        self._people = presets.people_filter(connection)
        self._groups = presets.group_filter(connection)
        self._bases = bases
        self._group_bases = tuple(connection.group_bases) or bases
        self._shown: dict[tuple[str, bool], bool] = {}
        self._hidden_in_a_row: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        """By attribute of how many entries it could not be read."""

    def judged(self, entry: PersonEntry, link: LinkNow | None) -> PersonEntry:
        """With `unknown` for what the directory has told before and now does not show."""
        unknown = set(entry.unknown)
        for name, attributes, told in self._lost(entry, link) if link else ():
            if name not in unknown and any(not self.may_read(entry.dn, one, told) for one in attributes):
                unknown.add(name)
                self.unread[attributes[0]] += 1
        asked = ((DISABLED, self._mapping.disabled), (EXPIRES, self._mapping.expires))
        self.unread.update(attribute for name, attribute in asked if name in entry.unknown)
        return replace(entry, unknown=frozenset(unknown))

    def _lost(self, entry: PersonEntry, link: LinkNow) -> Iterator[tuple[str, list[str], str]]:
        """By name what it was read from, as far as the entry does not show it, and a value to ask with."""
        mapping, had = self._mapping, link.values
        for name in {rule.field for rule in mapping.fields if had.get(rule.field)}:
            if not entry.fields.get(name):
                read_from = [rule.attribute for rule in mapping.fields if rule.field == name]
                yield from self._unless_shown(entry, name, read_from, str(had[name]))
        if link.photo_fingerprint and not entry.photo:
            # Of several attributes that one which had it: of the others nobody may have any.
            had_it = had.get("photo_from")
            read_from = [str(had_it)] if had_it in mapping.photo else list(mapping.photo)
            yield from self._unless_shown(entry, PHOTO, read_from, "")
        if had.get("manager") and not entry.manager:
            yield from self._unless_shown(entry, MANAGER, [mapping.manager], entry.dn)
        if mapping.departments == "attribute" and had.get("unit") and not entry.unit:
            yield from self._unless_shown(entry, UNIT, [mapping.department_attribute], "x")
        if link.status and not entry.is_disabled:
            yield from self._unless_shown(entry, DISABLED, [mapping.disabled], example(mapping.disabled))
        if link.expires_at and entry.expires_at is None:
            yield from self._unless_shown(entry, EXPIRES, [mapping.expires], example(mapping.expires))

    @staticmethod
    def _unless_shown(
        entry: PersonEntry, name: str, attributes: list[str], value: str
    ) -> Iterator[tuple[str, list[str], str]]:
        """What the entry shows and means nothing by is no secret."""
        read_from = [one for one in attributes if one]
        if read_from and entry.shown.isdisjoint(one.lower() for one in read_from):
            yield name, read_from, value

    def may_read(self, dn: str, attribute: str, value: str, *, of_groups: bool = False) -> bool:
        """Whether its absence from this entry means that it has none.

        Directories but Active Directory say so themselves: what may not be looked at is no match for its
        absence either (RFC 4511, 4.5.1.7). There it is judged by whether anybody's is seen.
        """
        if self._is_ad:
            return self.shows(attribute, of_groups=of_groups)
        if self._hidden_in_a_row[attribute] >= ENOUGH:
            return False
        is_readable = self._is_absent(dn, attribute, value)
        self._hidden_in_a_row[attribute] = 0 if is_readable else self._hidden_in_a_row[attribute] + 1
        return is_readable

    def _is_absent(self, dn: str, attribute: str, value: str) -> bool:
        try:
            found = self._directory.search(dn, f"(!({attribute}=*))", ["1.1"], scope="base", page=0)
            if any(True for _entry in found):
                return True
        except DirectoryTrouble as trouble:
            # It was removed, or hidden, since it was read.
            if trouble.code == "base":
                return False
            raise
        # Neither matches what the schema does not know, and what nobody can have.
        code = self._directory.compare(dn, attribute, value or "x")
        return code in (NO_SUCH_ATTRIBUTE, UNDEFINED_ATTRIBUTE)

    def shows(self, attribute: str, *, of_groups: bool = False) -> bool:
        """Whether the account sees it of anybody; of a group, if so asked."""
        known = attribute.lower(), of_groups
        if known not in self._shown:
            question = f"(&{self._groups if of_groups else self._people}({attribute}=*))"
            bases = self._group_bases if of_groups else self._bases
            self._shown[known] = any(
                attribute.lower() in entry.attributes
                for base in bases
                for entry in self._directory.search(base, question, [attribute], page=1, most=1)
            )
        return self._shown[known]

    def seen_of_nobody(self) -> list[str]:
        """Of what could not be read, what is hidden altogether: when it is seen again, all are read anew."""
        return sorted(one for one in self.unread if one.lower() != "member" and not self.shows(one))


def example(attribute: str) -> str:
    """A value of its kind, to compare with."""
    name = attribute.lower()
    if name == "pwdaccountlockedtime":
        return "000001010000Z"
    return "20260101000000Z" if "expir" in name else "TRUE"


def as_known(entry: PersonEntry, link: LinkNow) -> PersonEntry:
    """With what was known before in place of what cannot be read now."""
    if not entry.unknown:
        return entry
    had = link.values
    kept = {name: str(had[name]) for name in entry.unknown if had.get(name) and name not in _OF_THE_ENTRY}
    expires_at = link.expires_at if EXPIRES in entry.unknown else entry.expires_at
    unit = str(had.get("unit", "")) if UNIT in entry.unknown else entry.unit
    photo_from = str(had.get("photo_from", "")) if PHOTO in entry.unknown else entry.photo_attribute
    return replace(
        entry,
        fields={**entry.fields, **kept}, unit=unit, expires_at=expires_at, photo_attribute=photo_from,
    )  # fmt: skip
