"""What a person should know, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.models import User
from box.core.notify import actions
from box.core.notify.forms import DecisionForm
from box.core.notify.mailing import SALT
from box.core.notify.models import Notification, Preferences
from box.core.notify.presenters import lines_of, noticed
from box.core.registry.capabilities import can_send_letters
from box.lib.pages import number_of, render, render_form, wants_part
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

PAGE = 30
# Above all that there will be.
HIGHEST = 2**62
_PAGE = PreparedModels(
    lambda: (
        Notification.objects.filter(user=Param("user", BigIntegerField()))
        .before(Param("before", BigIntegerField()))
        .newest_first()
        .select_related("actor")[: PAGE + 1]
    )
)


@require_GET
def notifications(request: PersonRequest) -> HttpResponse:
    before = number_of(request.GET, "before")
    found = _PAGE.rows(user=request.user.pk, before=before or HIGHEST)
    context = {
        "lines": lines_of(noticed(found[:PAGE], reader=request.user)),
        "last": found[PAGE - 1].pk if len(found) > PAGE else None,
        "newest": found[0].pk if found and not before else None,
    }
    return render(request, "notify/list.html", context, blocks="rows")


@require_GET
def unread(request: PersonRequest) -> HttpResponse:
    """The number on the bell, for a page that has missed messages."""
    return _count(request)


@require_POST
def reading(request: PersonRequest) -> HttpResponse:
    """The person knows all down from `up_to`."""
    actions.mark_all_read(request.user, up_to=number_of(request.POST, "up_to"))
    return redirect("notify:list")


@require_POST
def reading_of(request: PersonRequest, pk: int) -> HttpResponse:
    """The person knows of this one, and of those on its line."""
    actions.mark_read(get_object_or_404(Notification, user=request.user, pk=pk))
    return redirect("notify:list")


@require_GET
def thing(request: PersonRequest, pk: int) -> HttpResponse:
    """Leads to what it is about: who follows it knows."""
    one = get_object_or_404(Notification.objects.select_related("actor"), user=request.user, pk=pk)
    actions.mark_read(one)
    (notice,) = noticed([one], reader=request.user)
    return redirect(notice.card.url if notice.card else "notify:list")


@require_http_methods(["GET", "POST"])
def preferences(request: PersonRequest) -> HttpResponse:
    own = Preferences.objects.filter(user=request.user).first()
    form = DecisionForm(own, request.POST if request.method == "POST" else None)
    if form.is_valid():
        actions.decide(request.user, form.decision)
        messages.success(request, _("It is saved."))
        return redirect("notify:preferences")
    return render_form(request, "notify/preferences.html", form, {"can_mail": can_send_letters()})


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends letters of a topic by the link in one of them; mail programs post to it by themselves (RFC 8058).

    The signed token stands for the session and for the form's own: who has it got the letter.
    """
    try:
        user_id, topic = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise PermissionDenied(_("This link is incomplete: copy it from the letter as a whole.")) from None
    is_done = request.method == "POST"
    if is_done:
        actions.stop_letters(get_object_or_404(User, pk=user_id), topic)
    return render(request, "notify/unsubscribe.html", {"is_done": is_done})


def _count(request: PersonRequest) -> HttpResponse:
    return (
        render(request, "notify/list.html", blocks="count")
        if wants_part(request)
        else redirect("notify:list")
    )
