"""Workgroups: finding, making, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups import actions
from box.core.groups.access import Standing, can_create
from box.core.groups.actions import NewGroup
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
    MethodGroup,
    Parameters,
    Scope,
    Sorting,
    YesNo,
    hook_events,
    listed,
    not_found,
    numbered,
    scopes,
)

SCOPE = "sonet_group"
GROUPS = MethodGroup(
    prefix="sonet_group.", room="groups", scopes=(SCOPE,), source=f"{DOCS}sonet-group/sonet-group-{{}}.html"
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


class _Fields(Parameters):
    """What Bitrix24 knows of a group beside: a picture, words, a period, projects and who invites. Nobody is
    asked for it here, and it is passed over."""

    DESCRIPTION = forms.CharField(required=False, help_text=gettext_lazy("What it is for."))
    VISIBLE = YesNo(required=False, help_text=gettext_lazy("N: only its members know of it."))
    OPENED = YesNo(required=False, help_text=gettext_lazy("Y: everybody may join at once."))
    CLOSED = YesNo(required=False, help_text=gettext_lazy("Y: it is in the archive, and only read."))
    OWNER_ID = forms.IntegerField(
        required=False, help_text=gettext_lazy("Whose it is, as an administrator says.")
    )
    KOROBKA_KIND = forms.ChoiceField(
        required=False,
        choices=Group.Kind.choices,
        help_text=gettext_lazy("Instead of VISIBLE and OPENED, in our words."),
    )

    def kind(self, *, usual: str) -> str:
        """Of what was sent; what was not stays as usual."""
        if kind := self.cleaned_data["KOROBKA_KIND"]:
            return str(kind)
        if not {"VISIBLE", "OPENED"} & set(self.given) or usual == Group.Kind.EXTRANET:
            return usual
        visible, opened = (
            self.cleaned_data[name] if name in self.given else was
            for name, was in (("VISIBLE", usual != Group.Kind.SECRET), ("OPENED", usual == Group.Kind.OPEN))
        )
        if not visible:
            return Group.Kind.SECRET
        return Group.Kind.OPEN if opened else Group.Kind.CLOSED


class GroupCreate(_Fields):
    NAME = forms.CharField(help_text=gettext_lazy("What it is called."))


class OfGroup(Parameters):
    GROUP_ID = forms.IntegerField(help_text=gettext_lazy("The group."))


class GroupUpdate(_Fields, OfGroup):
    NAME = forms.CharField(required=False, help_text=gettext_lazy("What it is called."))


class SetOwner(OfGroup):
    USER_ID = forms.IntegerField(help_text=gettext_lazy("Whose it is from now on."))


def standing_in(call: Call, *, named: str = "GROUP_ID") -> Standing:
    """Of whoever calls, in the group that they name."""
    seen = Group.objects.visible_to(call.user).with_standing_of(call.user)
    group = seen.filter(pk=call.values[named]).first()
    if group is None:
        raise not_found(_("There is no such group, or you don't see it."))
    return Standing.of(call.user, group)


@transaction.atomic
def create(call: Call) -> Group:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-create.html

    Whose it is another's to be says an administrator; for everybody else it is their own.
    """
    assert isinstance(call.parameters, GroupCreate)  # noqa: S101 - as it is declared
    if not can_create(call.user):
        raise PermissionDenied(_("Ask an administrator for the right to create groups."))
    owner = call.author
    if call.values["OWNER_ID"] and call.user.is_administrator:
        owner = _owner(call.values["OWNER_ID"], call)
    kind = call.parameters.kind(usual=Group.Kind.CLOSED)
    new = NewGroup(call.values["NAME"], call.values["DESCRIPTION"], kind)
    group = actions.create_group(new, by=owner)
    if call.values["CLOSED"]:
        actions.archive_group(group, by=call.author)
    return group


def _owner(pk: int, call: Call) -> User:
    found: User | None = User.objects.active().visible_to(call.user).filter(pk=pk, is_extranet=False).first()
    if found is None:
        raise not_found(_("There is no such person, or they don't work here."))
    return found


@transaction.atomic
def update(call: Call) -> int:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-update.html"""
    assert isinstance(call.parameters, GroupUpdate)  # noqa: S101 - as it is declared
    standing, given = standing_in(call), call.parameters.given
    group = standing.group
    if not standing.owns:
        raise PermissionDenied(_("Only its owner and administrators change a group."))
    if "CLOSED" in given and not call.values["CLOSED"]:
        actions.reopen_group(group, by=call.user)
    if {"NAME", "DESCRIPTION", "VISIBLE", "OPENED", "KOROBKA_KIND"} & set(given):
        changed = NewGroup(
            call.values["NAME"] or group.name,
            call.values["DESCRIPTION"] if "DESCRIPTION" in given else group.description,
            call.parameters.kind(usual=group.kind),
        )
        actions.change_group(group, changed, by=call.user)
    if call.values["OWNER_ID"]:
        actions.hand_over(group, _owner(call.values["OWNER_ID"], call), by=call.user)
    if call.values["CLOSED"]:
        actions.archive_group(group, by=call.user)
    return int(group.pk)


def delete(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-delete.html"""
    actions.delete_group(_owned(call), by=call.user)
    return True


def set_owner(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-setowner.html"""
    actions.hand_over(_owned(call), _owner(call.values["USER_ID"], call), by=call.user)
    return True


def _owned(call: Call) -> Group:
    standing = standing_in(call)
    if not standing.owns:
        raise PermissionDenied(_("Only its owner and administrators decide this of a group."))
    return standing.group


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
        SCOPE,
        Scope(
            gettext_lazy("Groups"),
            gettext_lazy("Read the workgroups that you see, make groups, and lead yours."),
            room="groups",
        ),
    )
    fields = ("ID", "NAME", "DESCRIPTION", "DATE_CREATE", "ACTIVE", "VISIBLE", "OPENED", "CLOSED")
    more = ("NUMBER_OF_MEMBERS", "PROJECT", "IS_EXTRANET", "OWNER_ID")
    rows = listed(**dict.fromkeys((*fields, *more), "string"))
    GROUPS.add("get", gettext_lazy("Workgroups, with filters."), GroupGet, groups, rows, filters=_FILTERS)
    flag: Mapping[str, Any] = {"type": "boolean"}
    number: Mapping[str, Any] = {"type": "integer"}
    made = gettext_lazy("Makes a group; answers with its number.")
    GROUPS.add("create", made, GroupCreate, create, number, makes=Group, takes_over=True)
    changed = gettext_lazy("Changes a group, or puts it into the archive and back.")
    GROUPS.add("update", changed, GroupUpdate, update, number)
    GROUPS.add("delete", gettext_lazy("Deletes a group."), OfGroup, delete, flag)
    GROUPS.add("setowner", gettext_lazy("Hands a group over."), SetOwner, set_owner, flag)
