"""Which of the directory's groups are workgroups here, and which give a role."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.bridges.directory import distinguished_names
from box.bridges.directory.access import why_locked
from box.bridges.directory.actions import save_connection
from box.bridges.directory.browse import Node, search
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import group_filter
from box.bridges.directory.reader import Reader
from box.console.access import can_connect_directories, only_for
from box.core.access.roles import current
from box.core.accounts.access import can_edit_roles
from box.core.accounts.signing_in import recently_proven
from box.core.groups.models import Group
from box.lib.pages import REFUSED, render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

WORKGROUP, ROLE = "workgroup", "role"
LONGEST_DN = 1000
MOST_RULES = 500
MOST_SIMILAR = 5


class GroupRefused(Exception):
    """The rule cannot be; the message says why."""


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
@recently_proven
def groups(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows the rules; POST adds one, takes one away, or says what becomes of all the others."""
    connection = get_object_or_404(Connection, pk=pk)
    if request.method == "GET":
        return _page(request, connection)
    try:
        _change(request, connection)
    except (DirectoryTrouble, SealBroken, GroupRefused) as trouble:
        return _page(request, connection, problem=str(trouble))
    save_connection(connection, by=request.user)
    messages.success(request, _("The groups are saved."))
    return redirect("console:directory:groups", pk)


def _change(request: PersonRequest, connection: Connection) -> None:
    mapping = connection.mapping
    dn = request.POST.get("dn", "")[:LONGEST_DN]
    match request.POST.get("do"):
        case "add":
            rule = _rule(connection, dn, request.POST.get("target", ""), by=request.user)
            others = tuple(one for one in mapping.groups if one.stable_id != rule.stable_id)
            connection.mapping = replace(mapping, groups=(*others, rule)[:MOST_RULES])
        case "remove":
            connection.mapping = replace(mapping, groups=tuple(one for one in mapping.groups if one.dn != dn))
        case "all":
            connection.mapping = replace(mapping, all_groups="all_groups" in request.POST)


def _rule(connection: Connection, dn: str, target: str, *, by: User) -> GroupRule:
    """Whoever could give a role by a directory could give it to themselves: only administrators may."""
    kind, _colon, number = target.partition(":")
    if kind == ROLE and not can_edit_roles(by):
        raise PermissionDenied(_("Only administrators give roles."))
    if target not in dict(_targets(by, distinguished_names.name_of(dn))):
        raise GroupRefused(_("Choose again what the group is here."))
    narrowed = copy(connection)
    narrowed.group_bases = [dn]
    with connect(connection) as directory:
        found = next(Reader(directory, narrowed).groups(with_members=False), None)
    if found is None:
        raise GroupRefused(_("This group is gone, or the account may not read it."))
    return GroupRule(found.stable_id, found.dn, kind, int(number) if number else None)


def _targets(by: User, name: str) -> list[tuple[str, str]]:
    """What a group of this name may be here, with what that is called."""
    found = [(WORKGROUP, _("a workgroup of its own"))]
    similar = Group.objects.visible_to(by).standing().matching(name).by_name()[:MOST_SIMILAR]
    found += [
        (f"{WORKGROUP}:{one.pk}", _("the workgroup “%(name)s”") % {"name": one.name}) for one in similar
    ]
    if can_edit_roles(by):
        found += [
            (f"{ROLE}:{role.id}", _("gives the role “%(name)s”") % {"name": role.name})
            for role in current().all
            if not role.key
        ]
    return found


@require_GET
@only_for(can_connect_directories)
def found(request: PersonRequest, pk: int) -> HttpResponse:
    """Groups of the directory, by a part of the name."""
    connection = get_object_or_404(Connection, pk=pk)
    q, trouble = request.GET.get("q", "")[:200], ""
    nodes: list[Node] = []
    try:
        with connect(connection) as directory:
            bases = connection.group_bases or connection.people_bases
            nodes = search(directory, bases, q, among=group_filter(connection))
    except (DirectoryTrouble, SealBroken) as error:
        trouble = str(error)
    context = {
        "connection": connection,
        "found": [(node, _targets(request.user, node.name)) for node in nodes],
        "q": q,
        "trouble": trouble,
    }
    return render(request, "console/directory/found_groups.html", context)


def _page(request: PersonRequest, connection: Connection, *, problem: str = "") -> HttpResponse:
    rules = connection.mapping.groups
    workgroups = Group.objects.filter(pk__in=[one.target_id for one in rules if one.target == WORKGROUP])
    names = {f"{WORKGROUP}:{one.pk}": one.name for one in workgroups}
    names |= {f"{ROLE}:{role.id}": str(role.name) for role in current().all}
    rows = [
        (one, distinguished_names.name_of(one.dn), names.get(f"{one.target}:{one.target_id}", ""))
        for one in rules
    ]
    context: dict[str, Any] = {
        "connection": connection,
        "tab": "groups",
        "locked": why_locked(request.user, connection),
        "rules": rows,
        "problem": problem,
    }
    status = REFUSED if problem else 200
    return render(request, "console/directory/groups.html", context, status=status)
