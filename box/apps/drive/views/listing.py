"""Drives and their folders, and the page of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.drive.access import can_edit, can_share, has_own_drive
from box.apps.drive.actions.tree import root_of
from box.apps.drive.forms import ListFilter
from box.apps.drive.lists import shared_list
from box.apps.drive.models import PAGE, Item
from box.apps.drive.presenters import folder_context, section_of, way_to
from box.apps.drive.views.lookup import item_of
from box.core.access.principals import EVERYONE, code_of
from box.core.groups.models import Group
from box.core.lists.views import answer
from box.lib.pages import number_of, render

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

VERSIONS_SHOWN = 100


@require_GET
def mine(request: PersonRequest) -> HttpResponse:
    if not has_own_drive(request.user):
        return redirect("drive:groups")
    return folder_page(request, root_of(code_of(request.user), by=request.user))


@require_GET
def company(request: PersonRequest) -> HttpResponse:
    if not has_own_drive(request.user):
        raise Http404
    return folder_page(request, root_of(EVERYONE, by=request.user))


@require_GET
def groups(request: PersonRequest) -> HttpResponse:
    """The workgroups that the person is in: each has a drive."""
    after = number_of(request.GET, "after")
    mine = Group.objects.of(request.user).by_name()
    last = mine.filter(pk=after).first() if after else None
    found = list((mine.below(last) if last else mine)[: PAGE + 1])
    context = {"groups": found[:PAGE], "has_more": len(found) > PAGE, "has_own": has_own_drive(request.user)}
    return render(request, "drive/groups.html", context, blocks="rows")


@require_GET
def group(request: PersonRequest, pk: int) -> HttpResponse:
    mine = Group.objects.visible_to(request.user)
    found = get_object_or_404(mine if request.user.is_administrator else mine.of(request.user), pk=pk)
    return redirect(root_of(found.code, by=request.user))


@require_http_methods(["GET", "POST"])
def shared(request: PersonRequest) -> HttpResponseBase:
    context = {"has_own": has_own_drive(request.user)}
    return answer(request, shared_list(request.user), "drive/shared.html", context)


@require_GET
def item(request: PersonRequest, pk: int) -> HttpResponse:
    found = item_of(request, pk)
    return folder_page(request, found) if found.is_folder else _file_page(request, found)


def folder_page(request: PersonRequest, folder: Item) -> HttpResponse:
    chosen = ListFilter.of(request.GET)
    context = folder_context(folder, request.user, chosen)
    return render(request, "drive/list.html", context, blocks="rows" if chosen["after"] else "items")


def _file_page(request: PersonRequest, found: Item) -> HttpResponse:
    versions = found.versions.select_related("by", "blob").order_by("-number")[:VERSIONS_SHOWN]
    context: dict[str, Any] = {
        "item": found,
        "way": way_to(found, request.user),
        "section": section_of(found.drive, request.user),
        "versions": versions,
        "can_edit": can_edit(request.user, found),
        "can_share": can_share(request.user, found),
        "has_own": has_own_drive(request.user),
    }
    return render(request, "drive/file.html", context, blocks="file")
