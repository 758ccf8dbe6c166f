"""Workgroups, for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups.access import Standing
from box.core.groups.events import GroupChanged, GroupCreated, GroupDeleted
from box.core.groups.models import Group, Member
from box.core.registry.filtering import Filterable, Flag, Moment, Number, Text, condition_of, order_of
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    HookEvent,
    Listing,
    ListParameters,
    Method,
    Scope,
    Sorting,
    YesNo,
    hook_events,
    listed,
    methods,
    numbered,
    scopes,
)

_YES_NO = {True: "Y", False: "N"}
_ORDERS = {"ID": "id", "NAME": "name", "DATE_CREATE": "created_at", "NUMBER_OF_MEMBERS": "members_count"}


_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "NAME": Text("name"),
    "OPENED": Flag(Q(kind=Group.Kind.OPEN)),
    "CLOSED": Flag(Q(archived_at__isnull=False)),
    "VISIBLE": Flag(~Q(kind=Group.Kind.SECRET)),
    "IS_EXTRANET": Flag(Q(kind=Group.Kind.EXTRANET)),
    "DATE_CREATE": Moment("created_at"),
}


class GroupGet(ListParameters):
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"NAME": "ASC"}.'))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    GROUP_ID = forms.IntegerField(required=False, help_text=gettext_lazy("This group alone."))
    # Understood and without a meaning here: administrators see all groups anyway.
    IS_ADMIN = YesNo(required=False)


def groups(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-get.html"""
    found = Group.objects.visible_to(call.user).filter(condition_of(call.values["FILTER"], _FILTERS))
    if call.values["GROUP_ID"] is not None:
        found = found.filter(pk=call.values["GROUP_ID"])
    order = order_of("", call.values["ORDER"], _ORDERS, usual=("-id",))
    return Listing(found.with_standing_of(call.user), lambda rows: _shown(rows, call.user), order)


def _shown(rows: Sequence[Group], reader: User) -> list[dict[str, Any]]:
    owners = dict(
        Member.objects.filter(group__in=rows, role=Member.Role.OWNER).values_list("group_id", "user_id")
    )
    return [
        {
            "ID": str(group.pk),
            "NAME": group.name,
            "DESCRIPTION": group.description,
            "DATE_CREATE": timezone.localtime(group.created_at).isoformat(timespec="seconds"),
            "ACTIVE": "Y",
            "VISIBLE": _YES_NO[group.kind != Group.Kind.SECRET],
            "OPENED": _YES_NO[group.kind == Group.Kind.OPEN],
            "CLOSED": _YES_NO[group.is_archived],
            "NUMBER_OF_MEMBERS": str(group.members_count),
            "PROJECT": "N",
            "IS_EXTRANET": _YES_NO[group.kind == Group.Kind.EXTRANET],
            # Who is in a group is for those who see it on its page.
            **(
                {"OWNER_ID": str(owners[group.pk])}
                if group.pk in owners and Standing.of(reader, group).can_see_people
                else {}
            ),
        }
        for group in rows
    ]


def _named(event: GroupCreated | GroupChanged | GroupDeleted) -> Mapping[str, Any] | None:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/events/on-sonet-group-add.html"""
    return numbered(event.group_id)


def declare() -> None:
    for name, label, event in (
        ("ONSONETGROUPADD", gettext_lazy("A group was made"), GroupCreated),
        ("ONSONETGROUPUPDATE", gettext_lazy("A group was changed"), GroupChanged),
        ("ONSONETGROUPDELETE", gettext_lazy("A group was deleted"), GroupDeleted),
    ):
        hook_events.add(name, HookEvent("groups", label, event, _named))
    scopes.add(
        "sonet_group",
        Scope(
            gettext_lazy("Groups"),
            gettext_lazy("Read the workgroups that you see."),
            room="groups",
        ),
    )
    methods.add(
        "sonet_group.get",
        Method(
            room="groups",
            scopes=("sonet_group",),
            about=gettext_lazy("Workgroups, with filters."),
            parameters=GroupGet,
            answer=groups,
            filters=_FILTERS,
            result=listed(
                ID="string",
                NAME="string",
                DESCRIPTION="string",
                DATE_CREATE="string",
                ACTIVE="string",
                VISIBLE="string",
                OPENED="string",
                CLOSED="string",
                NUMBER_OF_MEMBERS="string",
                PROJECT="string",
                IS_EXTRANET="string",
                OWNER_ID="string",
            ),
            source=f"{DOCS}sonet-group/sonet-group-get.html",
        ),
    )
