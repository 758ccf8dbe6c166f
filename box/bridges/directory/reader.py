"""What the directory holds, as values: read page by page, so that memory does not grow with the company."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from ldap3.utils.conv import escape_bytes, escape_filter_chars

from box.bridges.directory import distinguished_names, presets, stable_ids, transforms
from box.bridges.directory.client import Directory, DirectoryTrouble, Entry, RootDse
from box.bridges.directory.models import Connection
from box.bridges.directory.targets import separator_of, understood
from box.bridges.directory.unreadable import DISABLED, EXPIRES, UNIT, Rights, missing
from box.core.accounts.custom_fields import plain_fields

# How long a field is here.
LONGEST = {
    "login": 150,
    "email": 254,
    "last_name": 100,
    "first_name": 100,
    "patronymic": 100,
    "position": 200,
    "phone": 32,
    "city": 100,
}
LARGEST_PHOTO = 8 * 2**20
# Of departments that an attribute names: what a link holds, and how deep they may stand.
LONGEST_PATH = 400
DEEPEST = 20
# Entries of three short values: as many a page as Active Directory gives (its policy's MaxPageSize).
SIGHTINGS = 1000
# Samba looks every entry of a page up anew, which takes it three times as long as telling all at once (4.22:
# for 10,000 entries 2.5 s of its CPU, and 0.8). Such an answer is in memory as a whole, at 2.4 KiB an entry.
TOLD_AT_ONCE = 20_000
# So many are asked for by name before it is cheaper to read all.
ASKED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Sighting:
    """An entry that is there, and how new it is: what every run asks of everybody."""

    stable_id: str
    dn: str
    base: str
    version: str


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """A person as the directory has them, in the portal's terms."""

    stable_id: str
    dn: str
    base: str = ""
    # What it holds, none of it empty.
    fields: Mapping[str, str] = field(default_factory=dict)
    # The key of the department: a unit's stable id, or a path's; empty: the one that all stand under.
    unit: str = ""
    manager: str = ""
    number: str = ""
    is_disabled: bool = False
    is_leaver: bool = False
    expires_at: datetime | None = None
    photo: bytes = field(default=b"", repr=False)
    # What of several attributes had it.
    photo_attribute: str = ""
    # What was wrong with single values, in words.
    reports: tuple[str, ...] = ()
    # What the bind account may not read: fields, and the names of `unreadable`. It is never 'no'.
    unknown: frozenset[str] = frozenset()
    # The groups that it says it is in, by the keys of their names, and the primary one; of Active Directory.
    groups: frozenset[str] = frozenset()
    primary_group: int | None = None
    # The attributes that the entry has shown, in small letters.
    shown: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def name(self) -> str:
        names = (self.fields.get("first_name", ""), self.fields.get("last_name", ""))
        return (
            " ".join(filter(None, names))
            or self.fields.get("login", "")
            or distinguished_names.name_of(self.dn)
        )

    @property
    def photo_fingerprint(self) -> str:
        return hashlib.sha256(self.photo).hexdigest()[:32] if self.photo else ""

    def fingerprint(self, manager: str, photo: str) -> str:
        """Of everything that is written here; `manager` is the stable id that the name means, `photo` the
        fingerprint of the picture."""
        expires = self.expires_at.isoformat() if self.expires_at else ""
        told = [sorted(self.fields.items()), self.unit, manager, self.is_disabled, self.is_leaver, expires]
        told += [self.number, distinguished_names.key(self.manager)]
        # What else is unknown is as it was.
        decides = sorted(self.unknown & {DISABLED, EXPIRES})
        return hashlib.sha256(json.dumps([*told, photo, *decides]).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Unit:
    """A department as the directory has it. `key` outlives renames and moves; `parent` is another's key."""

    key: str
    name: str
    parent: str = ""
    dn: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class GroupEntry:
    stable_id: str
    dn: str
    name: str
    description: str = ""
    # Names of what is in it, people and groups alike.
    members: tuple[str, ...] = ()
    # The last part of a security identifier: whose primary group it is names it by that.
    rid: int | None = None
    version: str = ""


class Reader:
    """Reads one connection's directory over an open line."""

    def __init__(self, directory: Directory, connection: Connection) -> None:
        self._directory = directory
        self._connection = connection
        self._mapping = connection.mapping
        self._region = connection.rules.phone_region
        self._filter = presets.people_filter(connection)
        self._own = {field.key: field for field in plain_fields()}
        self.root: RootDse = directory.root()
        self.is_ad = connection.kind == Connection.Kind.AD
        self._units: dict[str, str] = {}
        """By the key of a unit's name its stable id."""
        self._named: dict[str, Unit] = {}
        self._leavers = (
            distinguished_names.key(connection.rules.leavers) if connection.rules.leavers.strip() else ""
        )
        is_told_at_once = self.root.is_samba and 0 < connection.links.people().count() <= TOLD_AT_ONCE
        self._sightings_page = 0 if is_told_at_once else SIGHTINGS
        self._excluded = tuple(map(distinguished_names.key, connection.rules.excluded))
        self._bases = tuple(connection.people_bases) or (self.root.default_naming_context,)
        self.rights = Rights(directory, connection, self._bases)
        self.hidden_units: set[str] = set()
        """Stable ids of units that are there, for people stand below them, and cannot be read."""
        self._base_keys = {distinguished_names.key(base) for base in self._bases}

    @property
    def bases(self) -> tuple[str, ...]:
        return self._bases

    def server_id(self) -> str:
        """The domain controller's invocationId, to which its numbers belong; elsewhere nothing."""
        if not self.is_ad or not self.root.ds_service_name:
            return ""
        settings = self._directory.read(self.root.ds_service_name, ["invocationId"])
        raw = settings.raw("invocationId") if settings else b""
        return str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 else self.root.dns_host_name

    @property
    def version_attribute(self) -> str:
        """By what a directory counts its changes. A time has a second's grain, a CSN none too coarse."""
        match self._connection.kind:
            case Connection.Kind.AD:
                return "uSNChanged"
            case Connection.Kind.OPENLDAP:
                return "entryCSN"
        return "modifyTimestamp"

    def version(self, text: str) -> str:
        """So that versions sort as text."""
        return text.zfill(20) if self.is_ad and text else text

    def newest(self, seen: str) -> str:
        """The highest version that the server has given: on Active Directory it says so itself, elsewhere it
        is that of the newest entry that was seen."""
        return self.version(str(self.root.highest_usn)) if self.is_ad else seen

    # Who is there

    def sightings(self) -> Iterator[Sighting]:
        """Everybody under the search bases, each once, where bases lie in each other."""
        attributes = [self._mapping.stable_id, self.version_attribute]
        for base in self._bases:
            for entry in self._directory.search(base, self._filter, attributes, page=self._sightings_page):
                stable_id = self._stable_id(entry)
                if stable_id and not self._is_excluded(entry.dn):
                    version = self.version(entry.first(self.version_attribute))
                    yield Sighting(stable_id, entry.dn, base, version)

    # People

    def people(self) -> Iterator[PersonEntry]:
        for base in self._bases:
            for entry in self._directory.search(base, self._filter, self._attributes(), page=250):
                yield from self._person(entry, base)

    def people_with(self, stable_ids: Sequence[str]) -> Iterator[PersonEntry]:
        """These alone, a handful a question."""
        for start in range(0, len(stable_ids), ASKED_AT_ONCE):
            asked = stable_ids[start : start + ASKED_AT_ONCE]
            these = "".join(f"({self._mapping.stable_id}={self._escaped_id(one)})" for one in asked)
            question = f"(&{_bracketed(self._filter)}(|{these}))"
            for base in self._bases:
                for entry in self._directory.search(base, question, self._attributes()):
                    yield from self._person(entry, base)

    def person_called(self, login: str) -> Iterator[tuple[PersonEntry, bool]]:
        """Whoever has this login, wherever below the bases' roots, and whether the filter takes them."""
        attribute = next((rule.attribute for rule in self._mapping.fields if rule.field == "login"), "uid")
        wanted = f"({attribute}={escape_filter_chars(login)})"
        contexts = self.root.naming_contexts or self._bases
        for context in dict.fromkeys((*self._bases, self.root.default_naming_context or contexts[0])):
            for question, is_taken in ((f"(&{_bracketed(self._filter)}{wanted})", True), (wanted, False)):
                found = [
                    person
                    for entry in self._directory.search(context, question, self._attributes())
                    for person in self._person(entry, context if context in self._bases else "")
                ]
                if found:
                    for person in found:
                        yield person, is_taken
                    return

    def _attributes(self) -> list[str]:
        mapping = self._mapping
        names = {rule.attribute for rule in mapping.fields}
        names |= {mapping.stable_id, *mapping.photo}
        names |= {mapping.manager, mapping.disabled, mapping.expires, mapping.number}
        if mapping.departments == "attribute":
            names.add(mapping.department_attribute)
        if self.is_ad and (mapping.groups or mapping.all_groups):
            names |= {"memberOf", "primaryGroupID"}
        return sorted(filter(None, names))

    def _is_excluded(self, dn: str) -> bool:
        if not self._excluded:
            return False
        own = distinguished_names.key(dn)
        return any(_is_at(own, unit) for unit in self._excluded)

    def _person(self, entry: Entry, base: str) -> Iterator[PersonEntry]:
        stable_id = self._stable_id(entry)
        if not stable_id or self._is_excluded(entry.dn):
            return
        mapping = self._mapping
        fields, reports = self._fields(entry)
        shown = frozenset(entry.attributes)
        unit, is_known = self._unit_of(entry)
        unknown = missing(mapping, shown) if self.is_ad else frozenset()
        photo_attribute, photo = _picture(entry, mapping.photo)
        yield PersonEntry(
            stable_id=stable_id,
            dn=entry.dn,
            base=base,
            fields=fields,
            unit=unit,
            manager=entry.first(mapping.manager) if mapping.manager else "",
            number=transforms.plain(entry.first(mapping.number))[:64] if mapping.number else "",
            is_disabled=bool(mapping.disabled)
            and transforms.is_disabled(mapping.disabled, entry.first(mapping.disabled)),
            is_leaver=bool(self._leavers) and self._leavers in distinguished_names.ancestor_keys(entry.dn),
            expires_at=transforms.moment_of(mapping.expires, entry.first(mapping.expires))
            if mapping.expires
            else None,
            photo=photo,
            photo_attribute=photo_attribute,
            reports=tuple(reports),
            unknown=unknown if is_known else unknown | {UNIT},
            groups=frozenset(map(distinguished_names.key, entry.texts("memberOf"))),
            primary_group=transforms.integer(entry.first("primaryGroupID")),
            shown=shown,
        )

    def _fields(self, entry: Entry) -> tuple[dict[str, str], list[str]]:
        found: dict[str, str] = {}
        reports = []
        for rule in self._mapping.fields:
            _label, transform = transforms.TRANSFORMS.get(rule.transform, transforms.TRANSFORMS[""])
            if rule.transform == transforms.ALL_VALUES:
                value = transforms.all_values(
                    entry.texts(rule.attribute), separator=separator_of(self._own, rule.field)
                )
            else:
                value = transform(entry.first(rule.attribute), self._region)
            if not value or found.get(rule.field):
                continue
            most = LONGEST.get(rule.field)
            if most and len(value) > most:
                reports.append(
                    _("%(attribute)s is longer than %(most)s letters: the end of it is left out.")
                    % {"attribute": rule.attribute, "most": most}
                )
                value = value[:most].rstrip()
            if rule.field in ("login", "email"):
                value = value.lower()
            if rule.field == "email" and not _is_email(value):
                reports.append(_("“%(value)s” is no e-mail address.") % {"value": value})
                continue
            try:
                value = understood(self._own, rule.field, value)
            except ValidationError as error:
                reports += error.messages
                continue
            if value:
                found[rule.field] = value
        return found, reports

    def _unit_of(self, entry: Entry) -> tuple[str, bool]:
        """The nearest that is shown, and whether it is the entry's own: it is not where there is one between
        that the account may not see."""
        match self._mapping.departments:
            case "ou":
                is_known = True
                for above in distinguished_names.ancestor_keys(entry.dn):
                    if above in self._units:
                        return self._units[above], is_known
                    if above in self._base_keys:
                        break
                    is_known = is_known and not above.startswith("ou=")
                return "", is_known
            case "attribute":
                return self._named_unit(entry.first(self._mapping.department_attribute)), True
        return "", True

    def _path(self, text: str) -> list[str]:
        separator = self._mapping.department_separator.strip()
        parts = text.split(separator) if separator else [text]
        return [part for part in map(transforms.plain, parts) if part][:DEEPEST]

    # Departments

    def units(
        self,
        known: Mapping[str, str] | None = None,
        peopled: Callable[[Collection[str]], Collection[str]] = lambda keys: (),
    ) -> list[Unit]:
        """The tree of units below the bases, those above first. Few, and so read whole every time.

        `known` are the stable ids of those read before, by the keys of their names; one of them that is not
        shown is there nevertheless while other units stand below its name, or people, as `peopled` tells.
        """
        if self._mapping.departments != "ou":
            return []
        unit_filter = presets.preset(self._connection.kind).unit_filter
        attributes = [self._unit_id, "ou", "name", "managedBy", "manager"]
        bases = {distinguished_names.key(base) for base in self._bases}
        found: dict[str, tuple[Entry, str]] = {}
        for base in self._bases:
            for entry in self._directory.search(base, unit_filter, attributes):
                own = distinguished_names.key(entry.dn)
                stable_id = self._stable_id(entry, self._unit_id)
                if stable_id and own not in bases and not self._is_excluded(entry.dn):
                    found[own] = entry, stable_id
        self._units = {own: stable_id for own, (_entry, stable_id) in found.items()}
        shown = set(self._units.values())
        lost = {own: stable_id for own, stable_id in (known or {}).items() if stable_id not in shown}
        with_people = peopled(lost) if lost else ()
        hidden = {
            own: stable_id
            for own, stable_id in lost.items()
            if own in with_people or any(one.endswith(f",{own}") for one in found)
        }
        self.hidden_units = set(hidden.values())
        self._units |= hidden
        # The leavers' unit is no department that somebody works in.
        if self._leavers:
            found = {own: one for own, one in found.items() if not _is_at(own, self._leavers)}
        ordered = sorted(found.items(), key=lambda item: len(distinguished_names.parse(item[1][0].dn)))
        return [
            Unit(
                key=stable_id,
                name=transforms.plain(entry.first("ou") or distinguished_names.name_of(entry.dn))[:200]
                or "?",
                parent=next(
                    (
                        self._units[above]
                        for above in distinguished_names.ancestor_keys(entry.dn)
                        if above in self._units
                    ),
                    "",
                ),
                dn=entry.dn,
                head=entry.first("managedBy") or entry.first("manager"),
            )
            for _own, (entry, stable_id) in ordered
        ]

    @property
    def named_units(self) -> list[Unit]:
        """The departments that those read so far name in an attribute, those above first."""
        return list(self._named.values())

    def _named_unit(self, text: str) -> str:
        path = self._path(text)
        for depth in range(1, len(path) + 1):
            key = path_key(path[:depth])
            if key not in self._named:
                self._named[key] = Unit(key, path[depth - 1][:200], path_key(path[: depth - 1]))
        return path_key(path)

    @property
    def _unit_id(self) -> str:
        """FreeIPA numbers its people and groups, and nothing else."""
        return "entryUUID" if self._mapping.stable_id.lower() == "ipauniqueid" else self._mapping.stable_id

    # Groups

    def groups(self, *, with_members: bool) -> Iterator[GroupEntry]:
        bases = tuple(self._connection.group_bases) or self._bases
        attributes = self._group_attributes()
        if with_members:
            attributes += ["member", "uniqueMember"]
        question = presets.group_filter(self._connection)
        for base in bases:
            for entry in self._directory.search(base, question, attributes):
                if stable_id := self._stable_id(entry):
                    members = tuple(self._all_members(entry)) if with_members else ()
                    yield self._group(entry, stable_id, members)

    def _group_attributes(self) -> list[str]:
        names = [self._mapping.stable_id, "cn", "description", self.version_attribute]
        return [*names, "objectSid"] if self.is_ad else names

    def _group(self, entry: Entry, stable_id: str, members: tuple[str, ...] = ()) -> GroupEntry:
        sid = entry.raw("objectSid")
        return GroupEntry(
            stable_id=stable_id,
            dn=entry.dn,
            name=transforms.plain(entry.first("cn") or distinguished_names.name_of(entry.dn)),
            description=transforms.plain(entry.first("description")),
            members=members,
            rid=int.from_bytes(sid[-4:], "little") if len(sid) >= 12 else None,
            version=self.version(entry.first(self.version_attribute)),
        )

    def newest_group(self) -> str:
        """The highest version among the groups: another one means that some group has changed."""
        newest, count = "", 0
        bases = tuple(self._connection.group_bases) or self._bases
        for base in bases:
            question = presets.group_filter(self._connection)
            for entry in self._directory.search(base, question, [self.version_attribute]):
                newest = max(newest, self.version(entry.first(self.version_attribute)))
                count += 1
        return f"{count}:{newest}"

    def _all_members(self, entry: Entry) -> Iterator[str]:
        """Active Directory tells 1,500 of a group's members at once, and under which name the next are."""
        yield from entry.texts("uniqueMember")
        plain = entry.texts("member")
        yield from plain
        ranged = next((name for name in entry.attributes if name.startswith("member;range=")), "")
        while ranged:
            yield from entry.texts(ranged)
            last = ranged.rpartition("-")[2]
            if last == "*":
                return
            following = self._directory.read(entry.dn, [f"member;range={int(last) + 1}-*"])
            if following is None:
                return
            entry = following
            ranged = next((name for name in entry.attributes if name.startswith("member;range=")), "")

    def group_names(self) -> dict[str, str]:
        """The names of all groups of the directory that are shown, by their keys, wherever they stand."""
        question = presets.group_filter(self._connection)
        try:
            found = list(self._directory.search(self._everywhere, question, ["1.1"]))
        except DirectoryTrouble as trouble:
            # Whoever may not look outside of the bases reads what is in them, as before.
            if trouble.code in ("base", "access", "size"):
                return {}
            raise
        return {distinguished_names.key(entry.dn): entry.dn for entry in found}

    def group_called(self, dn: str) -> GroupEntry | None:
        """With its members; None where it is gone meanwhile, or hidden."""
        attributes = [*self._group_attributes(), "member", "uniqueMember"]
        entry = self._directory.read(dn, attributes)
        stable_id = self._stable_id(entry) if entry is not None else ""
        return self._group(entry, stable_id, tuple(self._all_members(entry))) if entry and stable_id else None

    @property
    def reads_everywhere(self) -> bool:
        """Whether there is nothing outside of the bases of groups."""
        bases = tuple(self._connection.group_bases) or self._bases
        return distinguished_names.key(self._everywhere) in map(distinguished_names.key, bases)

    def groups_with(self, stable_ids: Sequence[str]) -> dict[str, GroupEntry]:
        """By their ids those of these that there are, wherever they stand in the domain; nobody in them."""
        found: dict[str, GroupEntry] = {}
        for asked in batched(stable_ids, ASKED_AT_ONCE, strict=False):
            these = "".join(f"({self._mapping.stable_id}={self._escaped_id(one)})" for one in asked)
            for entry in self._directory.search(self._everywhere, f"(|{these})", self._group_attributes()):
                if stable_id := self._stable_id(entry):
                    found[stable_id] = self._group(entry, stable_id)
        return found

    def group_graph(self, tops: Sequence[GroupEntry]) -> dict[str, GroupEntry]:
        """These groups and all in them with those in them, by the keys of their names.

        Asked a level at a time, of all together: to follow the chain by itself (LDAP_MATCHING_RULE_IN_CHAIN)
        costs a domain controller a look at each person of the company, of each group anew.
        """
        attributes = [*self._group_attributes(), "member"]
        found: dict[str, GroupEntry] = {}
        ids = [self._escaped_id(group.stable_id) for group in tops]
        level = self._groups_where(f"({self._mapping.stable_id}=%s)", ids, attributes)
        while True:
            fresh = {
                own: self._group(entry, self._stable_id(entry), tuple(self._all_members(entry)))
                for entry in level
                if (own := distinguished_names.key(entry.dn)) not in found
            }
            if not fresh:
                return found
            found |= fresh
            names = [escape_filter_chars(group.dn) for group in fresh.values()]
            level = self._groups_where("(memberOf=%s)", names, attributes)

    def _groups_where(self, condition: str, values: Sequence[str], attributes: list[str]) -> list[Entry]:
        return [
            entry
            for asked in batched(values, ASKED_AT_ONCE, strict=False)
            for entry in self._directory.search(
                self._everywhere,
                f"(&(objectCategory=group)(|{''.join(condition % value for value in asked)}))",
                attributes,
            )
        ]

    @property
    def _everywhere(self) -> str:
        return self.root.default_naming_context or self._bases[0]

    def may_read_members(self, group: GroupEntry) -> bool:
        """Whether a group in which nobody is seen is empty."""
        if self.rights.may_read(group.dn, "member", group.dn, of_groups=True):
            return True
        self.rights.unread["member"] += 1
        return False

    def members_by_primary_group(self, rids: Sequence[int]) -> Iterator[str]:
        """Stable ids of those whose primary group one of these is, which no group lists."""
        for asked in batched(rids, ASKED_AT_ONCE, strict=False):
            primary = "".join(f"(primaryGroupID={rid})" for rid in asked)
            question = f"(&{_bracketed(self._filter)}(|{primary}))"
            for base in self._bases:
                for entry in self._directory.search(base, question, [self._mapping.stable_id]):
                    if stable_id := self._stable_id(entry):
                        yield stable_id

    # Names

    def _stable_id(self, entry: Entry, attribute: str = "") -> str:
        attribute = attribute or self._mapping.stable_id
        return stable_ids.of(attribute, entry.raw(attribute))

    def _escaped_id(self, stable_id: str) -> str:
        if stable_ids.is_guid(self._mapping.stable_id):
            escaped: str = escape_bytes(uuid.UUID(stable_id).bytes_le)
            return escaped
        return str(escape_filter_chars(stable_id))


def path_key(path: Sequence[str]) -> str:
    """Of a department that is only a text: the same for each way of capitalising it."""
    told = "\x1f".join(part.casefold() for part in path)
    if len(told) > LONGEST_PATH:
        told = hashlib.sha256(told.encode()).hexdigest()
    return f"path:{told}" if path else ""


def expanded(groups: Mapping[str, GroupEntry], wanted: str) -> tuple[set[str], set[str]]:
    """Keys of the names of everybody in a group and in the groups in it, and of all these groups. `groups` is
    by the keys of their names; a group that contains itself is no trouble."""
    found: set[str] = set()
    seen = {wanted} & groups.keys()
    waiting = list(seen)
    while waiting:
        for member in groups[waiting.pop()].members:
            own = distinguished_names.key(member)
            if own in groups:
                if own not in seen:
                    seen.add(own)
                    waiting.append(own)
            else:
                found.add(own)
    return found, seen


def _picture(entry: Entry, attributes: Sequence[str]) -> tuple[str, bytes]:
    """The first that is one, and where it was: of what is broken the next takes the place."""
    found = [(name, raw) for name in attributes if 0 < len(raw := entry.raw(name)) <= LARGEST_PHOTO]
    if len(found) > 1:
        return next((one for one in found if transforms.is_picture(one[1])), found[0])
    return next(iter(found), ("", b""))


def _is_at(own: str, base: str) -> bool:
    return own == base or own.endswith(f",{base}")


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _bracketed(filter: str) -> str:  # noqa: A002 - LDAP's own word for it
    return filter if filter.startswith("(") else f"({filter})"
