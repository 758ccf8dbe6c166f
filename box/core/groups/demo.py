"""Workgroups of a demonstration company: of a project or an interest each, and one for every few guests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from box.core.access.principals import EVERYONE
from box.core.groups.models import Group, Member
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows, reserve_ids

NAMES = ["Новый склад", "Website", "Переезд офиса", "Running club", "Автоматизация", "Fair", "Книжный клуб"]
PEOPLE_PER_GROUP = 25
GUESTS_PER_GROUP = 5
KINDS = (Group.Kind.OPEN, Group.Kind.OPEN, Group.Kind.CLOSED, Group.Kind.SECRET)


def gather(company: Company) -> None:
    random = company.random
    wanted = max(2, company.employees // PEOPLE_PER_GROUP)
    for_guests = max(1, len(company.guests) // GUESTS_PER_GROUP) if company.guests else 0
    ids = reserve_ids(Group, wanted + for_guests)
    company.tell(f"{len(ids)} groups")
    for pk in ids:
        size = min(len(company.people), random.randrange(5, 2 * PEOPLE_PER_GROUP))
        company.groups[pk] = random.sample(company.people, size)
    company.guest_groups = {
        guest: ids[wanted + number % for_guests] for number, guest in enumerate(company.guests)
    }
    fields = ("id", "name", "description", "kind", "created_at", "members_count", "audience", "is_private")
    copy_rows(Group, fields, _groups(company, wanted))
    copy_rows(Member, ("group", "user", "role", "joined_at"), _members(company))
    analyze(Group, Member)


def _groups(company: Company, wanted: int) -> Iterator[tuple[object, ...]]:
    guests = list(company.guest_groups.values())
    for number, (pk, members) in enumerate(company.groups.items()):
        kind = KINDS[number % len(KINDS)] if number < wanted else Group.Kind.EXTRANET
        name = f"{NAMES[number % len(NAMES)]} {number // len(NAMES) + 1}"
        audience = [f"G{pk}"] if kind == Group.Kind.SECRET else [f"G{pk}", EVERYONE]
        created = company.now - timedelta(days=company.random.randrange(700))
        yield pk, name, "", kind, created, len(members) + guests.count(pk), audience, False


def _members(company: Company) -> Iterator[tuple[object, ...]]:
    for group, members in company.groups.items():
        for number, person in enumerate(members):
            yield group, person, Member.Role.MEMBER if number else Member.Role.OWNER, company.now
    for guest, group in company.guest_groups.items():
        yield group, guest, Member.Role.MEMBER, company.now
