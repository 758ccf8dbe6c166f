"""What principals are called, and finding the one that is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from box.core.access.principals import EVERYONE, codes_of
from box.core.accounts.models import User
from box.core.org.models import Department

MOST_FOUND = 8

_CODE = re.compile(r"(U|DR|D)(\d+)")


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


def everyone() -> Principal:
    return Principal(EVERYONE, _("All employees"))


def named(codes: Iterable[str], *, known: Iterable[User] = ()) -> dict[str, Principal]:
    """The principals of these codes, in two queries at most. Codes that mean nobody any more are left out.

    `known` are people whom the caller has read already: they are not asked for again.
    """
    ids: dict[str, set[int]] = {"U": set(), "D": set(), "DR": set()}
    found: dict[str, Principal] = {}
    for code in set(codes):
        if code == EVERYONE:
            found[code] = everyone()
        elif match := _CODE.fullmatch(code):
            ids[match[1]].add(int(match[2]))
    people = {person.pk: person for person in known if person.pk in ids["U"]}
    if missing := ids["U"] - people.keys():
        people |= {person.pk: person for person in User.objects.filter(pk__in=missing)}
    found |= {f"U{person.pk}": _person(person) for person in people.values()}
    if wanted := ids["D"] | ids["DR"]:
        for department in Department.objects.filter(pk__in=wanted):
            found[department.code] = _department(department)
            found[department.code_with_below] = _department_with_below(department)
    return found


def found_for(user: User, text: str) -> list[Principal]:
    """Whom this person may address and may mean by the text: departments first, then people.

    An outside guest may address only where they belong.
    """
    text = text.strip()
    if EVERYONE not in codes_of(user):
        own = named(codes_of(user) - {f"U{user.pk}"}).values()
        return [principal for principal in own if text.lower() in principal.name.lower()]
    departments = Department.objects.filter(name__icontains=text).by_name()[:MOST_FOUND]
    people = User.objects.active().employees().exclude(pk=user.pk).matching(text).by_name()[:MOST_FOUND]
    found = [everyone()] if text.lower() in everyone().name.lower() else []
    found += [_department_with_below(department) for department in departments]
    return found + [_person(person) for person in people]


def _person(person: User) -> Principal:
    return Principal(f"U{person.pk}", person.name, person.position)


def _department(department: Department) -> Principal:
    return Principal(department.code, department.name)


def _department_with_below(department: Department) -> Principal:
    return Principal(department.code_with_below, department.name, _("department"))
