"""What somebody outside sees of the event to which they are asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.calendar import actions, ics
from box.apps.calendar.actions.guests import invitation_of, title_for
from box.apps.calendar.models import Guest
from box.apps.calendar.occurrences import Occurrence
from box.apps.calendar.said import When, when
from box.apps.calendar.views.lookup import problem_of
from box.apps.calendar.views.outside import View, discreet, language_of
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase


def by_link(view: Callable[[HttpRequest, Guest], HttpResponseBase]) -> View:
    @discreet("calendar.invitation", language_of)
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponseBase:
        guest = (
            Guest.objects.of_token(token)
            .select_related("event__organizer", "event__room", "event__appointment__page")
            .first()
        )
        if guest is None:
            return render(request, "calendar/invitation.html", {"guest": None}, status=404)
        return view(request, guest)

    return answered


@require_http_methods(["GET", "POST"])
@by_link
def invitation(request: HttpRequest, guest: Guest) -> HttpResponseBase:
    said = problem = ""
    if request.method == "POST":
        try:
            actions.answer_as_guest(
                guest, request.POST.get("answer", ""), comment=request.POST.get("comment", "")
            )
        except ValidationError as error:
            problem = problem_of(error)
        else:
            guest.refresh_from_db()
            said = _("Your answer is sent.")
    title = title_for(guest.event, guest.email)
    context = {"guest": guest, "title": title, "when": _when(guest), "said": said, "problem": problem}
    status = REFUSED if problem else 200
    return render(request, "calendar/invitation.html", context, status=status)


@require_GET
@by_link
def file(request: HttpRequest, guest: Guest) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="invite.ics"'}
    return HttpResponse(invitation_of(guest), content_type=ics.TYPE, headers=headers)


def _when(guest: Guest) -> When:
    """In the time of the event's own place, which the page names."""
    event = guest.event
    with timezone.override(event.zone):
        return when(Occurrence(event, event.starts_at, event.ends_at))
