"""Departments, people, who leads, and groups.

Sources: https://apidocs.bitrix24.com/api-reference/departments/, .../user/, .../sonet-group/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.company import departments, groups, people
from box.transfer.cloud import CAPITALS, Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, rows_in, same, stays
from box.transfer.stages.base import ids_in
from box.transfer.stages.structure import departments_of

_NEVER = "0"


class Departments(OutboundStage[records.Department]):
    """The top one is the portal's; below it, what has the same name in the same place is the same."""

    key = "departments"
    label = gettext_lazy("Departments")
    kind = "department"
    scope = "department"
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[records.Department]:
        return departments(scope)

    @override
    def count(self, scope: Scope) -> int:
        return Department.objects.standing().count()

    @override
    def comes_after(self, work: OutboundWork, record: records.Department) -> Sequence[int]:
        """Only what stands above it tells which one it is there."""
        return [record.parent] if record.parent else []

    @override
    def write(self, work: OutboundWork, record: records.Department) -> Write:
        if record.parent is None and work.takes_over:
            # Of a company that is not in that box yet.
            return Write("department.add", {"NAME": record.name})
        parent = work.theirs("department", record.parent)
        if not parent:
            raise stays(_("The department above it is not there."))
        return Write("department.add", {"NAME": record.name, "PARENT": parent})

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Department]) -> Mapping[int, str]:
        work.kept.pop("departments", None)
        there = departments_of(work)
        known = work.all_theirs("department", [one.parent for one in sought])
        found: dict[int, str] = {}
        for one in sought:
            above = _NEVER if one.parent is None else known.get(one.parent)
            candidates = [
                str(row["ID"])
                for row in there
                if _parent(row) == above and (one.parent is None or same(row.get("NAME"), one.name))
            ]
            found |= work.unclaimed(self.kind, {one.id: candidates}, also=found.values())
        return found

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "department.get")


def _parent(row: Mapping[str, Any]) -> str:
    return next(iter(ids_in(row.get("PARENT"))), _NEVER)


class People(OutboundStage[records.Person]):
    """Whoever has an account there by their e-mail is that person. Nobody is added, but in another box: there
    nobody hears of it."""

    key = "people"
    label = gettext_lazy("People, matched by e-mail")
    kind = "person"
    scope = "user"
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[records.Person]:
        return people(scope)

    @override
    def count(self, scope: Scope) -> int | None:
        return int(User.objects.count())

    @override
    def write(self, work: OutboundWork, record: records.Person) -> Write | None:
        if work.takes_over:
            return Write("user.add", _told(work, record), at=record.joined_at or timezone.now())
        if Invitations.key in work.migration.stages and _may_be_invited(record):
            return None
        said = _("Nobody there has the e-mail of %(name)s: what is theirs stands under your webhook's name.")
        raise stays(said % {"name": record.name})

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Person]) -> Mapping[int, str]:
        def ask(one: records.Person) -> Write | None:
            return Write("user.get", {"FILTER": {"EMAIL": one.email}}) if one.email else None

        def told(one: records.Person, result: Any) -> list[str]:
            return [str(row["ID"]) for row in rows_in(result) if same(row.get("EMAIL"), one.email)]

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Person]]) -> None:
        """Photos of whoever has come by us; whoever was there has their own, as all that is said of them."""
        sent = work.sent(self.kind, [one.record.id for one in there])
        work.held_back |= {one.record.id for one in there}
        super().settle(work, [one for one in there if sent[one.record.id].is_new])
        for one in there:
            photo = one.record.photo
            if photo is None or one.is_changed or not sent[one.record.id].is_new:
                continue
            try:
                picture = work.content(photo.sha256, photo.size, "photo.jpg")
            except ValidationError as error:
                work.remark(self.kind, one.record.id, " ".join(error.messages))
                continue
            told = {"ID": one.theirs, "PERSONAL_PHOTO": picture}
            work.write_all(self.kind, [(one.record.id, Write("user.update", told))])

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "user.get")


def _told(work: OutboundWork, record: records.Person) -> dict[str, Any]:
    """Of somebody who comes into another box, whether they work there still or not."""
    places = work.all_theirs("department", [one.department for one in record.departments])
    fields = {
        "LOGIN": record.login, "EMAIL": record.email, "NAME": record.first_name or record.name,
        "LAST_NAME": record.last_name, "SECOND_NAME": record.patronymic, "WORK_POSITION": record.position,
        "WORK_PHONE": record.phone, "UF_DEPARTMENT": [*places.values()],
        "PERSONAL_CITY": record.city, "PERSONAL_GENDER": record.gender, "XML_ID": record.external_id,
        "LANGUAGE_ID": record.language, "BIRTHDAY_SHOWN": record.birthday_shown,
        "EXTRANET": "Y" if record.is_extranet else "N",
        "ACTIVE": "N" if record.status == "dismissed" else "Y",
    }  # fmt: skip
    if record.birthday_on:
        fields["PERSONAL_BIRTHDAY"] = record.birthday_on.isoformat()
    return fields


class Invitations(People):
    """Adds whoever works here and is not there; the portal sends each of them a letter."""

    key = "invitations"
    label = gettext_lazy("Invitations to whoever is not there yet: the portal sends each of them a letter")
    needs = ("departments", "people")
    is_default = False

    @override
    def count(self, scope: Scope) -> None:
        """How many of them are not there, only looking tells."""
        return

    @override
    def write(self, work: OutboundWork, record: records.Person) -> Write | None:
        if not _may_be_invited(record):
            said = _("%(name)s has left, is a guest, or has no e-mail: nobody was invited.")
            raise stays(said % {"name": record.name})
        places = work.all_theirs("department", [one.department for one in record.departments])
        fields = {
            "EMAIL": record.email, "NAME": record.first_name or record.name, "LAST_NAME": record.last_name,
            "SECOND_NAME": record.patronymic, "WORK_POSITION": record.position,
            "PERSONAL_MOBILE": record.phone,
            "UF_DEPARTMENT": [*places.values()] or [self._top(work)],
        }  # fmt: skip
        if record.birthday_on:
            fields["PERSONAL_BIRTHDAY"] = record.birthday_on.isoformat()
        return Write("user.add", fields)

    def _top(self, work: OutboundWork) -> str:
        there = departments_of(work)
        return next((str(row["ID"]) for row in there if _parent(row) == _NEVER), "1")


def _may_be_invited(record: records.Person) -> bool:
    return bool(record.email) and record.status == "active" and not record.is_extranet


class Head(records.Record, kw_only=True):
    """Of a department, whose id it has."""

    person: int


class Heads(OutboundStage[Head]):
    """Who leads a department that was made; in those that were there nothing changes."""

    key = "heads"
    label = gettext_lazy("Heads of departments")
    kind = "head"
    scope = "department"
    needs = ("departments", "people")
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[Head]:
        leading = Membership.objects.filter(role=Membership.Role.HEAD, department__in=_standing())
        for row in leading.order_by("department"):
            yield Head(id=row.department_id, person=row.user_id)

    @override
    def count(self, scope: Scope) -> int:
        return Membership.objects.filter(role=Membership.Role.HEAD, department__in=_standing()).count()

    @override
    def write(self, work: OutboundWork, record: Head) -> Write | None:
        raise stays(_("The department or whoever leads it is not there."))

    @override
    def find(self, work: OutboundWork, sought: Sequence[Head]) -> Mapping[int, str]:
        known = work.all_theirs("department", [one.id for one in sought])
        people = work.all_theirs("person", [one.person for one in sought])
        return {one.id: known[one.id] for one in sought if one.id in known and one.person in people}

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[Head]]) -> None:
        departments = work.sent("department", [one.record.id for one in there])
        work.held_back |= {ours for ours, department in departments.items() if not department.is_new}
        writes = [
            (
                one.record.id,
                Write("department.update", {"ID": one.theirs, "UF_HEAD": work.user(one.record.person)}),
            )
            for one in there
            if departments[one.record.id].is_new
        ]
        work.write_all(self.kind, writes)


def _standing() -> Any:
    return Department.objects.standing().values("pk")


class Groups(OutboundStage[records.Group]):
    key = "groups"
    label = gettext_lazy("Groups")
    kind = "group"
    scope = "sonet_group"
    needs = ("people",)

    @override
    def things(self, scope: Scope) -> Iterator[records.Group]:
        return groups(scope)

    @override
    def count(self, scope: Scope) -> int:
        found: int = scope.seen(Group.objects.all()).count()
        return found

    @override
    def write(self, work: OutboundWork, record: records.Group) -> Write:
        fields = {**self._fields(work, record), "PROJECT": "N", "OWNER_ID": work.user(record.owner)}
        if record.kind == "extranet" and not work.takes_over:
            said = _("It had guests from outside: there it is a secret group of the company's own people.")
            work.remark(self.kind, record.id, said)
        return Write("sonet_group.create", fields, by=record.owner, at=record.created_at)

    def _fields(self, work: OutboundWork, record: records.Group) -> dict[str, Any]:
        kind = {"KOROBKA_KIND": record.kind} if work.takes_over else {}
        return {
            "NAME": record.name, "DESCRIPTION": record.description,
            "VISIBLE": "Y" if record.kind in ("open", "closed") else "N",
            "OPENED": "Y" if record.kind == "open" else "N", **kind,
        }  # fmt: skip

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Group]) -> Mapping[int, str]:
        def ask(one: records.Group) -> Write:
            asked = CAPITALS.of("ID", {"NAME": one.name})
            return Write("sonet_group.get", {**asked, "IS_ADMIN": "Y"})

        def told(one: records.Group, result: Any) -> list[str]:
            return [str(row["ID"]) for row in rows_in(result) if same(row.get("NAME"), one.name)]

        return work.look_for(self.kind, sought, ask, told)

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[records.Group]]) -> None:
        """Members join without being asked; moderators are made; what is over is closed last. Whoever has
        left since an earlier pass is in it there still."""
        changing, joining, leading, closing = [], [], [], []
        for each in there:
            one, theirs = each.record, each.theirs
            if each.is_changed:
                told = {"GROUP_ID": theirs, **self._fields(work, one)}
                if one.archived_at is None:
                    told["CLOSED"] = "N"
                changing.append((one.id, Write("sonet_group.update", told)))
            if everybody := work.people([*one.moderators, *one.members]):
                told = {"GROUP_ID": theirs, "USER_ID": everybody}
                joining.append((one.id, Write("sonet_group.user.add", told, at=one.created_at)))
            if moderators := work.people(one.moderators):
                told = {"GROUP_ID": theirs, "USER_ID": moderators, "ROLE": "E"}
                leading.append((one.id, Write("sonet_group.user.update", told, at=one.created_at)))
            if one.archived_at is not None:
                closing.append((one.id, Write("sonet_group.update", {"GROUP_ID": theirs, "CLOSED": "Y"})))
        for writes in (changing, joining, leading, closing):
            work.write_all(self.kind, writes)

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "sonet_group.get", {"IS_ADMIN": "Y"})
