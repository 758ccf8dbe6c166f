"""What a person should know, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from box.core.notify.actions import mark_all_read
from box.core.notify.models import Notification
from box.core.notify.showing import noticed
from box.lib.pages import number_of, render, wants_part

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

PAGE = 30


@require_GET
def notifications(request: PersonRequest) -> HttpResponse:
    before = number_of(request.GET, "before")
    mine = Notification.objects.filter(user=request.user).newest_first().select_related("actor")
    found = list((mine.before(before) if before else mine)[: PAGE + 1])
    context = {
        "notices": noticed(found[:PAGE], reader=request.user),
        "has_more": len(found) > PAGE,
        "newest": found[0].pk if found and not before else None,
    }
    return render(request, "notify/list.html", context, blocks="rows")


@require_GET
def unread(request: PersonRequest) -> HttpResponse:
    """The number on the bell, for a page that has missed messages."""
    return _count(request)


@require_POST
def reading(request: PersonRequest) -> HttpResponse:
    """The person has seen the list down from `up_to`."""
    mark_all_read(request.user, up_to=number_of(request.POST, "up_to"))
    return _count(request)


def _count(request: PersonRequest) -> HttpResponse:
    return (
        render(request, "notify/list.html", blocks="count")
        if wants_part(request)
        else redirect("notify:list")
    )
