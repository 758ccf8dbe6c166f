"""What somebody outside sees of the event to which they are asked. The address is the key: it stays out of
logs of others, of caches and of search engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.calendar import actions, ics
from box.apps.calendar.actions.guests import invitation_of
from box.apps.calendar.models import Guest
from box.apps.calendar.occurrences import Occurrence
from box.apps.calendar.said import When, when
from box.apps.calendar.views.lookup import problem_of
from box.core.accounts.throttle import Quota
from box.core.registry.company import LANGUAGE
from box.core.registry.origin import address_of
from box.lib.pages import REFUSED, render

# Of one network within a quarter of an hour.
MOST_OPENED = 120


def by_link(view: Callable[[HttpRequest, Guest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Opens without an account, so often and no more, and leaves no trace of its address anywhere else."""

    @login_not_required
    @never_cache
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        found = Guest.objects.of_token(token).select_related("event__organizer", "event__room")
        with translation.override(LANGUAGE.value):
            if not Quota("calendar.invitation", address_of(request), MOST_OPENED).take(timezone.now()):
                response = HttpResponse(_("Please try again in a quarter of an hour."), status=429)
            elif (guest := found.first()) is None:
                response = render(request, "calendar/invitation.html", {"guest": None}, status=404)
            else:
                response = view(request, guest)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return answered


@require_http_methods(["GET", "POST"])
@by_link
def invitation(request: HttpRequest, guest: Guest) -> HttpResponse:
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
    context = {"guest": guest, "when": _when(guest), "said": said, "problem": problem}
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
