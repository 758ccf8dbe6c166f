"""The structure of a demonstration company: three levels, about sixteen people a department."""

from __future__ import annotations

from collections.abc import Iterator

from box.core.registry.demo import Company
from box.core.registry.settings import raise_version
from box.core.structure.models import Department, Membership
from box.lib.bulk import analyze, copy_rows, reserve_ids

DIVISIONS = ["Продажи", "Production", "Финансы", "Development", "Снабжение", "Marketing", "Кадры", "Service"]
TOWNS = ["Москва", "Leeds", "Казань", "Oslo", "Тверь", "Graz", "Пермь", "Porto", "Томск", "Cork", "Самара"]
PEOPLE_PER_DEPARTMENT = 16


def organise(company: Company) -> None:
    """Makes the tree, a head for each department, and a second department for every twentieth person."""
    wanted = max(4, company.employees // PEOPLE_PER_DEPARTMENT)
    divisions = max(2, min(len(DIVISIONS), wanted // 6))
    ids = reserve_ids(Department, wanted)
    company.tell(f"{wanted} departments")
    copy_rows(Department, ("id", "name", "parent", "path"), _tree(company, ids, divisions))
    copy_rows(Membership, ("department", "user", "role"), _members(company, ids))
    analyze(Department, Membership)
    raise_version()


def _tree(company: Company, ids: list[int], divisions: int) -> Iterator[tuple[object, ...]]:
    root = ids[0]
    for number, pk in enumerate(ids):
        if number == 0:
            name, parent, path = "Korobka Demo", None, [root]
        elif number <= divisions:
            name, parent = DIVISIONS[number - 1], root
            path = [root, pk]
        else:
            division = (number - 1) % divisions
            parent = ids[1 + division]
            town = TOWNS[number // divisions % len(TOWNS)]
            name = f"{DIVISIONS[division]}, {town}"
            path = [root, parent, pk]
        company.departments[pk] = path
        yield pk, name, parent, path


def _members(company: Company, ids: list[int]) -> Iterator[tuple[object, ...]]:
    headed: set[int] = set()
    for number, user_id in enumerate(company.people):
        department = ids[number % len(ids)]
        role = Membership.Role.MEMBER if department in headed else Membership.Role.HEAD
        headed.add(department)
        yield department, user_id, role
        second = company.random.choice(ids)
        if number % 20 == 19 and second != department:
            yield second, user_id, Membership.Role.MEMBER
