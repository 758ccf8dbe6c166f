"""What the audit log tells of departments, and of roles: here it is known what principals are called."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.access import events as access
from box.core.accounts.auditing import about_person
from box.core.registry.auditing import About, Audited, audited
from box.core.structure import events
from box.core.structure.models import Department
from box.core.structure.names import named


def declare() -> None:
    for kind, declared in {
        "access.role_created": Audited(_("added the role %(name)s"), access.RoleCreated),
        "access.role_renamed": Audited(_("renamed the role %(name_before)s to %(name)s"), access.RoleRenamed),
        "access.role_rights": Audited(
            _("changed the role %(name)s: allowed %(added)s, no longer %(removed)s"), access.RoleRightsChanged
        ),
        "access.role_granted": Audited(
            _("granted the role %(name)s to %(about)s"), access.RoleGranted, about=_principal
        ),
        "access.role_withdrawn": Audited(
            _("took the role %(name)s from %(about)s"), access.RoleWithdrawn, about=_principal
        ),
        "access.role_second_factor": Audited(
            _("changed the role %(name)s: second factor needed: %(needs_second_factor)s"),
            access.RoleSignInChanged,
            told=lambda event: event.needs_second_factor is not None,
        ),
        "access.role_networks": Audited(
            _("changed the role %(name)s: may be used from %(networks)s"),
            access.RoleSignInChanged,
            told=lambda event: event.networks is not None,
        ),
        "access.role_deleted": Audited(_("deleted the role %(name)s"), access.RoleDeleted),
        "access.read_as_administrator": Audited(_("read as an administrator: %(about)s")),
        "org.department_created": Audited(
            _("added the department %(about)s"), events.DepartmentCreated, about=_department
        ),
        "org.department_renamed": Audited(
            _("renamed a department to %(about)s"), events.DepartmentRenamed, about=_department
        ),
        "org.department_moved": Audited(
            _("moved the department %(about)s"), events.DepartmentMoved, about=_department
        ),
        "org.department_merged": Audited(
            _("merged the department %(about)s into another"), events.DepartmentMerged, about=_department
        ),
        "org.department_deleted": Audited(_("deleted the department %(name)s"), events.DepartmentDeleted),
        "org.member_added": Audited(
            _("gave %(about)s a place in a department (number %(department_id)s, as %(role)s)"),
            events.MemberAdded,
            about=_person,
        ),
        "org.member_removed": Audited(
            _("took %(about)s out of a department (number %(department_id)s)"),
            events.MemberRemoved,
            about=_person,
        ),
    }.items():
        audited.add(kind, declared)


def _principal(event: access.RoleGranted | access.RoleWithdrawn) -> About:
    found = named([event.code]).get(event.code)
    digits = re.sub(r"\D", "", event.code)
    return About("access.principal", int(digits or 0), found.name if found else event.code)


def _department(event: Any) -> About:
    name = Department.objects.filter(pk=event.department_id).values_list("name", flat=True).first()
    return About("org.department", event.department_id, name or "")


def _person(event: Any) -> About:
    return about_person(event.user_id)
