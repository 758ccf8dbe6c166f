"""What people of the demonstration company have to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from box.apps.tasks.counters import recount_all
from box.apps.tasks.models import KIND, Participant, Task
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.registry.company import company_zone
from box.core.structure.access import heads_over
from box.lib.bulk import analyze, copy_rows, reserve_ids

if TYPE_CHECKING:
    from box.core.registry.demo import Company

PER_PERSON = 6
PER_HOST = 24
TITLES = [
    "Отчёт за квартал",
    "Order new chairs",
    "Согласовать договор с перевозчиком",
    "Update the price list",
    "Подготовить презентацию",
    "Call the customers of last month",
    "Проверить остатки на складе",
    "Write the manual for new colleagues",
    "Обновить сертификаты",
    "Plan the trade fair",
]
TAGS = ["finance", "склад", "office", "договоры", "website"]
STATES = (
    State.WAITING,
    State.WAITING,
    State.IN_PROGRESS,
    State.COMPLETED,
    State.COMPLETED,
    State.IN_REVIEW,
    State.DEFERRED,
)
FIELDS = (
    *("id", "title", "text", "html", "state", "state_since", "priority", "created_by", "responsible"),
    *("project", "deadline_at", "estimate_minutes", "tags", "needs_acceptance", "may_move_deadline"),
    *("created_at", "changed_at", "closed_at", "closed_by", "is_overdue_told", "thread"),
    *("audience", "is_private", "rank", "items_count", "items_done", "spent_seconds"),
)


def give_tasks(company: Company) -> None:
    count = company.employees * PER_PERSON + len(company.hosts) * PER_HOST
    company.tell(f"{count} tasks")
    ids, threads = reserve_ids(Task, count), reserve_ids(Thread, count)
    copy_rows(
        Thread,
        ("id", "kind", "comments_count", "likes_count", "dislikes_count"),
        ((pk, KIND, 0, 0, 0) for pk in threads),
    )
    watching: list[tuple[int, int, str]] = []
    copy_rows(Task, FIELDS, _rows(company, ids, threads, watching))
    copy_rows(Participant, ("task", "user", "role"), watching)
    analyze(Thread, Task, Participant)
    recount_all(User.objects.filter(pk__in=[*company.people, *company.hosts]))


def _rows(
    company: Company, ids: list[int], threads: list[int], watching: list[tuple[int, int, str]]
) -> Iterator[tuple[object, ...]]:
    random, zone = company.random, company_zone()
    above = {person: heads_over([person]) for person in [*company.people, *company.hosts]}
    groups = list(company.groups.items())
    hosts = [host for host in company.hosts for _ in range(PER_HOST)]
    for number, (pk, thread) in enumerate(zip(ids, threads, strict=True)):
        group, members = random.choice(groups) if groups and random.random() < 0.4 else (None, company.people)
        giver, doer, watcher = (random.choice(members) for _ in range(3))
        if number < len(hosts):
            # Two of three are theirs to do.
            group, host = None, hosts[number]
            giver, doer = (giver, host) if number % 3 else (host, doer)
        state = random.choice(STATES)
        given = _at_work(company.now - timedelta(days=random.randrange(60)), random.randrange(9, 18), zone)
        given = min(given, company.now)
        is_done = state == State.COMPLETED
        due = _at_work(given + timedelta(days=random.randrange(3, 90)), 18, zone)
        deadline = due if random.random() < 0.8 else None
        closed = min(company.now, given + timedelta(hours=random.randrange(200))) if is_done else None
        is_late = not is_done and deadline is not None and deadline < company.now
        people = {giver, doer}
        if watcher not in people and random.random() < 0.3:
            watching.append((pk, watcher, Participant.Role.OBSERVER))
            people.add(watcher)
        codes = {f"U{one}" for one in people} | {code for one in people for code in above[one]}
        if group:
            codes.add(f"G{group}")
        yield (
            *(pk, random.choice(TITLES), "", "", state, closed or given, random.choice((1, 1, 1, 2, 0))),
            *(giver, doer, group, deadline, random.choice((None, 60, 120, 480))),
            *(random.sample(TAGS, random.randrange(3)), True, True, given, closed or given, closed),
            *(doer if closed else None, is_late, thread, sorted(codes), False),
            *("i", 0, 0, 0),
        )


def _at_work(day: datetime, hour: int, zone: ZoneInfo) -> datetime:
    return day.astimezone(zone).replace(hour=hour, minute=0, second=0, microsecond=0)
