"""Who is in a group: reading, adding, inviting, their roles, taking out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.groups import actions
from box.core.groups.access import Standing
from box.core.groups.api.groups import GROUPS, OfGroup, standing_in
from box.core.groups.models import Group, Member
from box.core.registry.rest import Call, Parameters, Several, listed, not_found
from box.lib.numbers import whole_number

Role = Member.Role
_LETTERS = {Role.OWNER: "A", Role.MODERATOR: "E", Role.MEMBER: "K"}
_ROLES = {"E": Role.MODERATOR, "K": Role.MEMBER}
MOST_AT_ONCE = 1000
_NUMBERS: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}


class InGroup(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("The group."))


class _People(OfGroup):
    USER_ID = Several(help_text=gettext_lazy("Numbers of people."))

    def clean_USER_ID(self) -> list[int]:  # noqa: N802 - as Django names it
        numbers = [whole_number(one) for one in self.cleaned_data["USER_ID"]]
        if None in numbers:
            raise ValidationError(_("Write numbers of people."), code="people")
        if len(numbers) > MOST_AT_ONCE:
            said = _("At most %(most)s people go at once.")
            raise ValidationError(said % {"most": MOST_AT_ONCE}, code="people")
        return [one for one in numbers if one is not None]


class Invite(_People):
    MESSAGE = forms.CharField(
        required=False, help_text=gettext_lazy("Nothing: invitations have no text here.")
    )


class SetRole(_People):
    ROLE = forms.ChoiceField(
        choices=[("E", gettext_lazy("moderator")), ("K", gettext_lazy("group member"))],
        help_text=gettext_lazy("E: a moderator, K: a member."),
    )


class Request(OfGroup):
    MESSAGE = forms.CharField(required=False, help_text=gettext_lazy("Nothing: requests have no text here."))


def members(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-get.html

    All of them in one answer, as Bitrix24 has it.
    """
    standing = _open_to(call, named="ID")
    rows = standing.group.members.current().filter(user__status=User.Status.ACTIVE).order_by("id")
    return [
        {"USER_ID": str(user_id), "ROLE": _LETTERS[Role(role)]}
        for user_id, role in rows.values_list("user_id", "role")
    ]


def own(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/sonet-group-user-groups.html"""
    rows = Member.objects.current().filter(user=call.user).select_related("group").order_by("group_id")
    return [
        {
            "GROUP_ID": str(one.group_id),
            "GROUP_NAME": one.group.name,
            "ROLE": _LETTERS[Role(one.role)],
            "GROUP_IMAGE_ID": None,
            "GROUP_IMAGE": "",
            **({"IS_EXTRANET": "Y"} if one.group.kind == Group.Kind.EXTRANET else {}),
        }
        for one in rows
    ]


@transaction.atomic
def add(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-add.html

    Without an invitation: administrators alone.
    """
    standing = standing_in(call)
    if not call.user.is_administrator:
        raise PermissionDenied(_("Only administrators add people to a group: invite them."))
    added = actions.add_people(standing.group, _people(call), by=call.user)
    return [str(pk) for pk in added]


def invite(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-invite.html"""
    standing = standing_in(call)
    if not standing.can_invite:
        raise PermissionDenied(_("Only who leads a group invites people into it."))
    there = set(standing.group.members.values_list("user", flat=True))
    people = [person for person in _people(call) if person.pk not in there and person.is_active]
    actions.invite_people(standing.group, people, by=call.user)
    return [str(person.pk) for person in people]


def request(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-request.html"""
    actions.join_group(standing_in(call).group, by=call.user)
    return True


@transaction.atomic
def set_role(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-update.html"""
    standing, changed = _open_to(call), []
    for member in _members(standing.group, call):
        if member.role == Role.OWNER:
            continue
        if not (call.user.is_administrator or standing.can_change(member)):
            raise PermissionDenied(_("Only who leads a group says who leads it with them."))
        actions.set_role(member, _ROLES[call.values["ROLE"]], by=call.user)
        changed.append(str(member.user_id))
    return changed


@transaction.atomic
def take_out(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/sonet-group/members/sonet-group-user-delete.html"""
    standing, gone = _open_to(call), []
    for member in _members(standing.group, call):
        if member.role == Role.OWNER:
            continue
        if not standing.can_take_out(member):
            raise PermissionDenied(_("Only who leads a group takes people out of it."))
        actions.remove_member(member, by=call.user)
        gone.append(str(member.user_id))
    return gone


def _open_to(call: Call, *, named: str = "GROUP_ID") -> Standing:
    """Of whoever sees who is in the group: from others' refusals nobody is to learn it."""
    standing = standing_in(call, named=named)
    if not standing.can_see_people:
        raise not_found(_("There is no such group, or you don't see who is in it."))
    return standing


def _people(call: Call) -> Sequence[User]:
    known = User.objects.visible_to(call.user).filter(pk__in=call.values["USER_ID"], merged_into=None)
    return list(known.order_by("pk"))


def _members(group: Group, call: Call) -> Sequence[Member]:
    return list(group.members.filter(user__in=call.values["USER_ID"]).select_related("user").order_by("id"))


def declare() -> None:
    flag: Mapping[str, Any] = {"type": "boolean"}
    group = {"GROUP_ID": "string", "GROUP_NAME": "string", "ROLE": "string", "IS_EXTRANET": "string"}
    groups = listed(**group, GROUP_IMAGE_ID="string?", GROUP_IMAGE="string")
    people = listed(USER_ID="string", ROLE="string")
    changed = gettext_lazy("Makes members moderators, or moderators members.")
    for path, about, parameters, answer, result in (
        ("get", gettext_lazy("Who is in a group."), InGroup, members, people),
        ("groups", gettext_lazy("The groups that you are in."), Parameters, own, groups),
        ("add", gettext_lazy("Makes people members at once."), _People, add, _NUMBERS),
        ("invite", gettext_lazy("Invites people into a group."), Invite, invite, _NUMBERS),
        ("request", gettext_lazy("Joins a group, or asks to."), Request, request, flag),
        ("update", changed, SetRole, set_role, _NUMBERS),
        ("delete", gettext_lazy("Takes people out of a group."), _People, take_out, _NUMBERS),
    ):
        is_of_migrations = path in ("add", "update")
        GROUPS.add(f"user.{path}", about, parameters, answer, result, takes_over=is_of_migrations)
