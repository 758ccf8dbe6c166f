"""Whose working days a person sees, and whose corrections and reports they decide on.

A manager is the head of a department, or a deputy, for those in it and below. A deputy stands in for the
head, and so doesn't decide on them.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from box.apps.worktime.models import Correction, Report
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.notify.counters import COUNT_CAP
from box.core.structure.models import Membership

SEE_ALL = "worktime.see_all"
DECIDE_ALL = "worktime.decide_all"
SCHEDULE = "worktime.schedule"

MANAGING = (Membership.Role.HEAD, Membership.Role.DEPUTY)


def has_working_day(user: User) -> bool:
    """An outside guest doesn't work here."""
    return user.is_active and not user.is_extranet


def can_see_all(user: User) -> bool:
    return has_right(user, SEE_ALL) or has_right(user, DECIDE_ALL)


def can_schedule(user: User) -> bool:
    return has_right(user, SCHEDULE)


def managed_by(user: User) -> QuerySet[User]:
    """Everybody whom this person manages, never themselves."""
    people: QuerySet[User] = _of_departments(user, headed_by(user))
    return people


def headed_by(user: User) -> dict[int, str]:
    """The departments that the person leads, with the role in which they do."""
    leads: QuerySet[Membership] = Membership.objects.filter(user=user, role__in=MANAGING)
    return dict(leads.values_list("department_id", "role"))


def _of_departments(user: User, headed: dict[int, str]) -> QuerySet[User]:
    if not headed:
        nobody: QuerySet[User] = User.objects.none()
        return nobody
    as_deputy = [pk for pk, role in headed.items() if role == Membership.Role.DEPUTY]
    below = Membership.objects.filter(user=OuterRef("pk"), department__path__overlap=list(headed))
    if as_deputy:
        below = below.exclude(role=Membership.Role.HEAD, department_id__in=as_deputy)
    people: QuerySet[User] = User.objects.filter(Exists(below), is_extranet=False).exclude(pk=user.pk)
    return people


def visible_people(user: User) -> QuerySet[User]:
    """Whose days this person may look at: their own, those they manage, or everybody's."""
    everybody: QuerySet[User] = User.objects.filter(is_extranet=False)
    if can_see_all(user):
        return everybody
    managed = managed_by(user).values("pk")
    return everybody.filter(Q(pk=user.pk) | Q(pk__in=managed))


def has_team(user: User) -> bool:
    return can_see_all(user) or bool(headed_by(user))


def decided_by(user: User) -> QuerySet[User]:
    """On whose corrections and reports this person decides."""
    if has_right(user, DECIDE_ALL):
        everybody: QuerySet[User] = User.objects.filter(is_extranet=False)
        return everybody
    return managed_by(user)


def waiting_for(user: User) -> int:
    """How many corrections and reports wait for this person's decision, counted no further than shown."""
    people = decided_by(user).values("pk")
    corrections = Correction.objects.filter(status=Correction.Status.ASKED, user__in=people)
    reports = Report.objects.waiting().filter(user__in=people)
    return sum(rows.order_by()[: COUNT_CAP + 1].count() for rows in (corrections, reports))


def can_decide(user: User, person_id: int) -> bool:
    return decided_by(user).filter(pk=person_id).exists()


def managers_of(person: User) -> list[User]:
    """Who is told of the person's corrections and reports: the nearest head above, else the deputies."""
    paths = Membership.objects.filter(user=person).values_list("department__path", flat=True)
    depth = {pk: level for path in paths for level, pk in enumerate(path)}
    leads = list(
        Membership.objects.filter(department_id__in=depth, role__in=MANAGING, user__status=User.Status.ACTIVE)
        .exclude(user=person)
        .select_related("user")
    )
    own = set(
        Membership.objects.filter(user=person, role=Membership.Role.HEAD).values_list("department", flat=True)
    )
    leads = [one for one in leads if one.role == Membership.Role.HEAD or one.department_id not in own]
    for role in MANAGING:
        if of_role := [one for one in leads if one.role == role]:
            nearest = max(depth[one.department_id] for one in of_role)
            return _once(one.user for one in of_role if depth[one.department_id] == nearest)
    return []


def _once(people: Iterable[User]) -> list[User]:
    return list({person.pk: person for person in people}.values())
