"""Who comes to the pages of PBXs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404

from box.apps.calls.access import can_set_up
from box.bridges.telephony.models import Pbx

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate

    from django.http import QueryDict
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

    type View[**P] = Callable[Concatenate[PersonRequest, P], HttpResponseBase]


def only_for_administrators[**P](view: View[P]) -> View[P]:
    """For everybody else there is no such page."""

    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not can_set_up(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def posted(request: PersonRequest) -> QueryDict | None:
    """What a form is given: nothing where the page is only shown."""
    return request.POST if request.method == "POST" else None


def found_pbx(pk: int) -> Pbx:
    return get_object_or_404(Pbx, pk=pk)
