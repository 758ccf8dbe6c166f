"""What principals are called, and finding the one that is meant.

People, departments and the company are known here; rooms above add the kinds of principals that are theirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from box.core.access.principals import EVERYONE, codes_of
from box.core.accounts.models import User
from box.core.registry.capabilities import Card, Ref, card_icons
from box.core.registry.environment import url
from box.core.registry.offers import Offers
from box.core.structure.models import Department
from box.lib.prepared import Asked, Param, Prepared, Rows, asked, at_once

MOST_FOUND = 8

_CODE = re.compile(r"([A-Z]{1,3})(\d{1,18})")

type Ids = Mapping[str, Collection[int]]
"""What codes name, by their letters: `{"D": {3}, "DR": {3, 7}}`."""


@dataclass(frozen=True)
class Principal:
    """Whom a code means, in the reader's language."""

    code: str
    name: str
    about: str = ""

    @property
    def chip(self) -> dict[str, str]:
        """For the page's script, which shows the chosen ones as chips."""
        return {"code": self.code, "name": self.name}

    @property
    def is_person(self) -> bool:
        return self.code.startswith("U") and self.code != EVERYONE


@dataclass(frozen=True)
class PrincipalKind:
    """What a room knows of its principals; each answer costs one query, whatever their number."""

    letters: tuple[str, ...]
    asked: Callable[[Ids, User | None], Asked]
    """The query that names these ids: all kinds are asked in one. Of people whom this reader may not know of
    it may find nothing already."""
    named: Callable[[Rows, User | None], Iterable[Principal]]
    """Those that it has found, as far as this reader may know of them; without a reader, all."""
    found_for: Callable[[User, str], Iterable[Principal]]
    """Whom this employee may address and may mean by the text."""
    writable_by: Callable[[User, Ids], Iterable[str]]
    """Codes of those that this person may address."""


kinds: Offers[PrincipalKind] = Offers("kinds of principals")


def everyone() -> Principal:
    return Principal(EVERYONE, _("All employees"))


def named(
    codes: Iterable[str], *, reader: User | None = None, known: Iterable[User] = ()
) -> dict[str, Principal]:
    """The principals of these codes, in one query. Codes that mean nobody any more are left out, and so are
    those that the reader may not know of.

    `known` are people whom the caller has read already: they are not asked for again.
    """
    codes = set(codes)
    found = {EVERYONE: everyone()} if EVERYONE in codes else {}
    for person in known:
        code = f"U{person.pk}"
        if code in codes:
            codes.discard(code)
            found[code] = person_principal(person)
    ids = _ids(codes)
    meant = [(kind, own) for kind in kinds if (own := _of(kind, ids))]
    answers = at_once(*(kind.asked(own, reader) for kind, own in meant))
    for (kind, _own), rows in zip(meant, answers, strict=True):
        found |= {one.code: one for one in kind.named(rows, reader) if one.code in codes}
    return found


def found_for(user: User, text: str) -> list[Principal]:
    """Whom this person may address and may mean by the text.

    An outside guest may address only where they belong.
    """
    text = text.strip()
    if EVERYONE not in codes_of(user):
        own = named(codes_of(user) - {f"U{user.pk}"}, reader=user).values()
        return [principal for principal in own if text.lower() in principal.name.lower()]
    found = [everyone()] if text.lower() in everyone().name.lower() else []
    for kind in kinds:
        found += kind.found_for(user, text)
    return found


def unaddressable(author: User, codes: Iterable[str]) -> set[str]:
    """Those of the codes that this author cannot address: unknown ones, and for a guest all but their own."""
    codes = set(codes)
    if EVERYONE not in codes_of(author):
        # An outside guest addresses only where they belong.
        unknown = codes - codes_of(author)
        codes -= unknown
    else:
        unknown = set()
    ids = _ids(codes)
    may = {EVERYONE, f"U{author.pk}"}
    for kind in kinds:
        own = _of(kind, ids)
        if own:
            may.update(kind.writable_by(author, own))
    return unknown | (codes - may)


PERSON_KIND = "org.person"
DEPARTMENT_KIND = "org.department"


def person_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    return _cards(PERSON_KIND, "U", "people:person", ids, reader)


def department_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    return _cards(DEPARTMENT_KIND, "D", "structure:department", ids, reader)


def found_people(text: str, reader: User) -> list[Card]:
    """See `box.core.registry.capabilities.Finder`: also by login and e-mail, and of a guest those of their
    groups."""
    people = User.objects.visible_to(reader).active()
    named = people.filter(Q(login=text.lower()) | Q(email=text.lower())) if text else people.none()
    found = list(named[:1]) or ((people.looked_for(text) if text else people.by_name())[:MOST_FOUND])
    return [Card(Ref(PERSON_KIND, one.pk), one.name, url("people:person", one.pk)) for one in found]


def found_departments(text: str, reader: User) -> list[Card]:
    """See `box.core.registry.capabilities.Finder`."""
    if reader.is_extranet:
        return []
    found = Department.objects.standing().filter(name__icontains=text).by_name()[:MOST_FOUND]
    return [
        Card(Ref(DEPARTMENT_KIND, one.pk), one.name, url("structure:department", one.pk)) for one in found
    ]


def _cards(kind: str, letter: str, route: str, ids: list[int], reader: User) -> dict[int, Card]:
    found = named((f"{letter}{pk}" for pk in ids), reader=reader)
    return {
        pk: Card(Ref(kind, pk), found[code].name, url(route, pk), icon=card_icons[kind])
        for pk in ids
        if (code := f"{letter}{pk}") in found
    }


def person_principal(person: User) -> Principal:
    return Principal(f"U{person.pk}", person.name, person.position)


def _ids(codes: Iterable[str]) -> dict[str, set[int]]:
    ids = defaultdict(set)
    for code in codes:
        if match := _CODE.fullmatch(code):
            ids[match[1]].add(int(match[2]))
    return ids


def _of(kind: PrincipalKind, ids: Mapping[str, set[int]]) -> dict[str, set[int]]:
    return {letters: ids[letters] for letters in kind.letters if ids.get(letters)}


_CALLED = ("id", "first_name", "last_name", "login", "position")
_PEOPLE = Prepared(lambda: User.objects.filter(id__in_array=Param("ids")).values_list(*_CALLED))


def _people_asked(ids: Ids, reader: User | None) -> Asked:
    if reader is not None and reader.is_extranet:
        return asked(User.objects.visible_to(reader).filter(pk__in=ids["U"]).values_list(*_CALLED))
    return _PEOPLE.asked(ids=sorted(ids["U"]))


def _people_named(rows: Rows, reader: User | None) -> Iterable[Principal]:
    return (person_principal(User(**dict(zip(_CALLED, row, strict=True)))) for row in rows)


def _people_found(user: User, text: str) -> Iterable[Principal]:
    people = User.objects.active().employees().exclude(pk=user.pk)
    found = people.nearest(text, MOST_FOUND) if text else people.by_name()[:MOST_FOUND]
    return map(person_principal, found)


def _people_writable(user: User, ids: Ids) -> Iterable[str]:
    return {f"U{pk}" for pk in User.objects.active().filter(pk__in=ids["U"]).values_list("pk", flat=True)}


PEOPLE = PrincipalKind(("U",), _people_asked, _people_named, _people_found, _people_writable)

_NAMES = Prepared(lambda: Department.objects.filter(id__in_array=Param("ids")).values_list("id", "name"))


def _departments_asked(ids: Ids, reader: User | None) -> Asked:
    return _NAMES.asked(ids=sorted({pk for of_letters in ids.values() for pk in of_letters}))


def _departments_named(rows: Rows, reader: User | None) -> Iterable[Principal]:
    if reader is not None and reader.is_extranet:
        return
    for pk, name in rows:
        yield Principal(f"D{pk}", name)
        yield Principal(f"DR{pk}", name, _("department"))


def _departments_found(user: User, text: str) -> Iterable[Principal]:
    for department in Department.objects.standing().filter(name__icontains=text).by_name()[:MOST_FOUND]:
        yield Principal(department.code_with_below, department.name, _("department"))


def _departments_writable(user: User, ids: Ids) -> Iterable[str]:
    wanted = {pk for of_letters in ids.values() for pk in of_letters}
    known = set(Department.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    return {f"{letters}{pk}" for letters, of_letters in ids.items() for pk in known & set(of_letters)}


DEPARTMENTS = PrincipalKind(
    *(("D", "DR"), _departments_asked, _departments_named, _departments_found, _departments_writable)
)
