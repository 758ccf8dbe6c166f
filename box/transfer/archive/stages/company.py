"""Departments, people, groups and absences out of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from tempfile import TemporaryFile
from typing import override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.actions import (
    NewUser,
    create_user,
    dismiss_user,
    suspend_user,
    update_profile,
)
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, archive_group, create_group, follow, set_role
from box.core.groups.models import Member
from box.core.people.absences import Away, write_absence
from box.core.people.photos import set_photo
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import importing, moment
from box.core.structure.actions import create_department, place
from box.core.structure.models import Department
from box.transfer.archive import records
from box.transfer.archive.container import BadArchive
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork
from box.transfer.ledger import Extra, Row
from box.transfer.stages.base import line, part_of
from box.transfer.stages.groups import LONGEST_DESCRIPTION, LONGEST_NAME
from box.transfer.stages.people import MOST_PHOTO, recognised, without_taken


class Departments(ArchiveStage[records.Department]):
    key = "departments"
    label = gettext_lazy("Departments")
    kind = "department"

    @override
    def bring(self, work: ArchiveWork, record: records.Department, extra: Extra) -> int:
        top = Department.objects.standing().filter(parent=None).order_by("pk").first()
        above = Department.objects.standing().filter(pk=work.ours(self.kind, record.parent or 0)).first()
        name = line(record.name, 200) or _("Department %(id)s") % {"id": record.id}
        if (
            record.parent is None
            and top is not None
            and not work.migration.identities.filter(kind=self.kind).exists()
        ):
            # The box's own top is the company, whatever it is called there.
            self.took(work, record, top.pk, is_new=False)
            return top.pk
        if above is None and top is not None:
            said = _("“%(name)s” stood under itself, or under one that there is not: it is at the top.")
            work.remark(self.kind, record.id, said % {"name": name})
        made = create_department(name, parent=above or top, by=None)
        self.took(work, record, made.pk)
        return made.pk


def row_of(record: records.Person) -> Row:
    """As `box.transfer.stages.people.matched` knows people."""
    return {
        "ID": record.id,
        "EMAIL": record.email,
        "LOGIN": record.login,
        "NAME": record.first_name or record.name,
        "LAST_NAME": record.last_name,
        "ACTIVE": record.status != "dismissed",
    }


class People(ArchiveStage[records.Person]):
    """Whoever is here already is recognised as was decided before. Nobody comes as an administrator, and
    nobody with a password."""

    key = "people"
    label = gettext_lazy("People")
    kind = "person"
    needs = ("departments",)

    @override
    def moment_of(self, row: Row) -> datetime:
        return row["record"].joined_at or moment()

    @override
    def fetch(self, work: ArchiveWork, rows: Sequence[Row]) -> Extra:
        extra = Extra()
        for row in rows:
            person: records.Person = row["record"]
            if person.photo is None:
                continue
            # On disk, for as long as its page is on its way.
            content = TemporaryFile()  # noqa: SIM115 - closed with the page that holds it
            try:
                if person.photo.size > MOST_PHOTO:
                    raise BadArchive(_("The photo is too large."))
                work.archive.copy_blob(person.photo, content)
            except BadArchive as error:
                content.close()
                extra.refused.append((self.kind, str(person.id), str(error)))
            else:
                extra.rows[str(person.id)] = content
        return extra

    @override
    def bring(self, work: ArchiveWork, record: records.Person, extra: Extra) -> int:
        theirs = str(record.id)
        match = recognised(work, row_of(record))
        if match.user is not None:
            self.took(work, record, match.user.pk, is_new=False)
            return match.user.pk
        if not record.login:
            raise ValidationError(_("The archive only names this person."), code="named")
        email = without_taken(work, match, line(record.email, 254).lower())
        person = create_user(self._new(work, record, email), password=None, by=None)
        self.took(work, record, person.pk)
        more: dict[str, object] = {
            "former_last_name": line(record.former_last_name, 100),
            "time_zone": line(record.time_zone, 64),
        }
        with part_of(work, self.kind, theirs):
            if changes := {name: value for name, value in more.items() if value}:
                update_profile(person, changes, by=work.by)
        self._place(work, record, person)
        self._show(work, record, extra, person)
        if record.status == "dismissed":
            dismiss_user(person, by=None)
        elif record.status == "suspended":
            suspend_user(person, by=None)
        return person.pk

    def _new(self, work: ArchiveWork, record: records.Person, email: str) -> NewUser:
        login = line(record.login, 150).lower()
        if "/" in login or User.objects.signing_in_as(login).exists():
            login = f"archive-{record.id}"
        return NewUser(
            email=email,
            login=login,
            first_name=line(record.first_name, 100),
            last_name=line(record.last_name, 100),
            patronymic=line(record.patronymic, 100),
            position=line(record.position, 200),
            phone=line(record.phone, 32),
            birthday_on=record.birthday_on,
            birthday_shown=record.birthday_shown,
            language=record.language if record.language in ("en", "ru") else work.migration.language,
            is_extranet=record.is_extranet,
            city=line(record.city, 100),
            gender=record.gender,
            external_id=line(record.external_id, LONGEST_EXTERNAL_ID),
        )

    def _place(self, work: ArchiveWork, record: records.Person, person: User) -> None:
        ours = work.all_ours("department", [one.department for one in record.departments])
        roles = {
            ours[str(one.department)]: one.role for one in record.departments if str(one.department) in ours
        }
        if roles and not person.is_extranet and record.status != "dismissed":
            place(person, roles, by=None)

    def _show(self, work: ArchiveWork, record: records.Person, extra: Extra, person: User) -> None:
        theirs = str(record.id)
        for text in extra.refusals(self.kind, theirs):
            work.remark(self.kind, theirs, text)
        if (photo := extra.rows.get(theirs)) is not None:
            with part_of(work, self.kind, theirs):
                set_photo(person, photo, by=None)


class Groups(ArchiveStage[records.Group]):
    key = "groups"
    label = gettext_lazy("Groups")
    kind = "group"
    needs = ("people",)

    @override
    def bring(self, work: ArchiveWork, record: records.Group, extra: Extra) -> int:
        owner = next(iter(work.active([record.owner] if record.owner else [])), work.by)
        if owner.is_extranet:
            owner = work.by
        name = line(record.name, LONGEST_NAME) or _("Group %(id)s") % {"id": record.id}
        group = create_group(NewGroup(name, record.description[:LONGEST_DESCRIPTION], record.kind), by=owner)
        self.took(work, record, group.pk)
        people = [
            one
            for one in work.active([*record.moderators, *record.members])
            if record.kind == "extranet" or not one.is_extranet
        ]
        follow(group, joining=[one.pk for one in people], leaving=())
        leading = set(work.people(record.moderators))
        for member in Member.objects.filter(group=group, user__in=leading).select_related("user"):
            if member.role == Member.Role.MEMBER and not member.user.is_extranet:
                set_role(member, Member.Role.MODERATOR, by=work.by)
        if record.archived_at:
            with importing(at=record.archived_at):
                archive_group(group, by=owner)
        return group.pk


class Absences(ArchiveStage[records.Absence]):
    key = "absences"
    label = gettext_lazy("Absences")
    kind = "absence"
    needs = ("people",)

    @override
    def bring(self, work: ArchiveWork, record: records.Absence, extra: Extra) -> int:
        person = work.person(record.person)
        if not work.ours("person", record.person):
            raise ValidationError(_("Whose absence it was has not come."), code="missing")
        by = work.person(record.by)
        away = Away(
            record.kind,
            record.starts_on,
            record.ends_on,
            line(record.comment, 200),
            next(iter(work.active([record.substitute] if record.substitute else [])), None),
        )
        made = write_absence(person, away, by=by)
        self.took(work, record, made.pk)
        return made.pk
