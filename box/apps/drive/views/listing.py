"""Drives and their folders, and the page of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.drive.access import can_edit, can_share, has_own_drive
from box.apps.drive.actions.tree import root_of
from box.apps.drive.lists import folder_list, group_drives, shared_list
from box.apps.drive.presenters import can_share_all, folder_context, section_of, title_of, way_to
from box.apps.drive.views.lookup import item_of
from box.core.access.principals import EVERYONE, code_of
from box.core.groups.models import Group
from box.core.lists.views import answer
from box.lib.pages import render

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.apps.drive.models import Item
    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest
    from box.core.lists.definition import List

VERSIONS_SHOWN = 100


@require_http_methods(["GET", "POST"])
def mine(request: PersonRequest) -> HttpResponseBase:
    if not has_own_drive(request.user):
        return redirect("drive:groups")
    return folder_page(request, root_of(code_of(request.user), by=request.user))


@require_http_methods(["GET", "POST"])
def company(request: PersonRequest) -> HttpResponseBase:
    if not has_own_drive(request.user):
        raise Http404
    return folder_page(request, root_of(EVERYONE, by=request.user))


@require_http_methods(["GET", "POST"])
def groups(request: PersonRequest) -> HttpResponseBase:
    """The workgroups that the person is in: each has a drive."""
    context = {"has_own": has_own_drive(request.user)}
    return answer(request, group_drives(request.user), "drive/groups.html", context)


@require_GET
def group(request: PersonRequest, pk: int) -> HttpResponse:
    mine = Group.objects.visible_to(request.user)
    found = get_object_or_404(mine if request.user.is_administrator else mine.of(request.user), pk=pk)
    return redirect(root_of(found.code, by=request.user))


@require_http_methods(["GET", "POST"])
def shared(request: PersonRequest) -> HttpResponseBase:
    context = {"has_own": has_own_drive(request.user)}
    return answer(request, shared_list(request.user), "drive/shared.html", context)


@require_http_methods(["GET", "POST"])
def item(request: PersonRequest, pk: int) -> HttpResponseBase:
    found = item_of(request, pk)
    return folder_page(request, found) if found.is_folder else _file_page(request, found)


def folder_page(request: PersonRequest, folder: Item) -> HttpResponseBase:
    shown = list_of(folder, request.user, text=request.GET.get("q", "").strip())
    return answer(request, shown, "drive/list.html", folder_context(folder, request.user))


def list_of(folder: Item, reader: User, *, text: str = "") -> List[Item]:
    """What is in it, with what the reader may do there."""
    return folder_list(
        folder,
        reader,
        title=title_of(folder, reader),
        text=text,
        can_edit=can_edit(reader, folder),
        can_share=can_share_all(folder, reader),
    )


@require_GET
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
