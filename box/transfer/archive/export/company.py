"""Departments, people, groups and absences, as lines of the archive."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from box.core.accounts.models import User
from box.core.files.models import Blob
from box.core.groups.models import Group, Member
from box.core.people.models import Absence, PhotoSquare
from box.core.structure.models import Department, Membership
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, grouped, walked, word

Role = Member.Role


def departments(scope: Scope) -> Iterator[records.Department]:
    """From the top down."""
    if scope.is_part:
        return
    rows = sorted(Department.objects.standing(), key=lambda one: (len(one.path), one.pk))
    for row in rows:
        yield records.Department(id=row.pk, name=row.name, parent=row.parent_id)


def people(scope: Scope) -> Iterator[records.Person]:
    """Of a part only those that it names, and in what one takes along of others no more than that."""
    rows = User.objects.all()
    if scope.person is not None:
        scope.name(scope.person.pk)
    if scope.is_part:
        wanted = sorted(scope.named)
        pages: Iterator[list[User]] = (
            list(rows.filter(pk__in=wanted[start : start + 500]).order_by("pk"))
            for start in range(0, len(wanted), 500)
        )
    else:
        pages = walked(rows)
    for page in pages:
        places = grouped(Membership.objects.filter(user__in=page).order_by("id"), lambda one: one.user_id)
        squares = PhotoSquare.objects.filter(photo__in=[one.photo_id for one in page]).select_related(
            "picture"
        )
        whole = {one.photo_id: one.picture for one in squares}
        photos = Blob.objects.in_bulk([one.photo_id for one in page if one.photo_id])
        for row in page:
            if scope.person is not None and row.pk != scope.person.pk:
                yield records.Person(id=row.pk, name=row.name)
                continue
            photo = (whole.get(row.photo_id) or photos.get(row.photo_id)) if row.photo_id else None
            yield _person(scope, row, [] if scope.is_part else places[row.pk], photo)


def _person(scope: Scope, row: User, places: list[Membership], photo: Blob | None) -> records.Person:
    return records.Person(
        id=row.pk, name=row.name, login=row.login, email=row.email,
        first_name=row.first_name, last_name=row.last_name, former_last_name=row.former_last_name,
        patronymic=row.patronymic, position=row.position, phone=row.phone, birthday_on=row.birthday_on,
        birthday_shown=word(row.birthday_shown), language=row.language, time_zone=row.time_zone,
        status=word(row.status),
        is_extranet=row.is_extranet, joined_at=row.joined_at,
        city=row.city, gender=word(row.gender), external_id=row.external_id,
        photo=scope.blob(photo) if photo else None,
        departments=[
            records.Place(department=one.department_id, role=word(one.role))
            for one in places
        ],
    )  # fmt: skip


def groups(scope: Scope) -> Iterator[records.Group]:
    rows = scope.seen(Group.objects.all())
    if scope.is_part:
        mine = Q(pk__in=Member.objects.filter(user=scope.person).values("group")) if scope.person else Q()
        rows = rows.filter(Q(pk__in=scope.filters.groups) if scope.filters.groups else mine)
    for page in walked(rows):
        members = grouped(Member.objects.filter(group__in=page).order_by("id"), lambda one: one.group_id)
        for row in page:
            there = members[row.pk] if scope.person is None else []
            scope.name(*(one.user_id for one in there))
            by_role = grouped(
                there, lambda one: [Role.OWNER, Role.MODERATOR, Role.MEMBER].index(Role(one.role))
            )
            owners, moderators, rest = ([one.user_id for one in by_role[rank]] for rank in range(3))
            yield records.Group(
                id=row.pk, name=row.name, description=row.description,
                kind=word(row.kind),
                created_at=row.created_at, archived_at=row.archived_at,
                owner=owners[0] if owners else None, moderators=moderators, members=rest,
            )  # fmt: skip


def absences(scope: Scope) -> Iterator[records.Absence]:
    if scope.filters.groups:
        return
    rows = Absence.objects.filter(scope.within("starts_on"))
    if scope.person:
        rows = rows.filter(user=scope.person)
    for page in walked(rows):
        for row in page:
            scope.name(row.user_id, row.substitute_id, row.by_id)
            yield records.Absence(
                id=row.pk, person=row.user_id, kind=row.kind, starts_on=row.starts_on, ends_on=row.ends_on,
                comment=row.comment, substitute=row.substitute_id, by=row.by_id,
            )  # fmt: skip
