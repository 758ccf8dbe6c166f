"""Inviting colleagues, and the link of an invitation for where no letter can bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from box.core.accounts import actions as accounts
from box.core.accounts.actions import NewUser
from box.core.accounts.invitations import token_of
from box.core.accounts.models import User
from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.people.forms import InvitationForm
from box.core.people.views.people import for_people_editors
from box.core.registry.capabilities import can_send_letters
from box.core.structure import actions
from box.core.structure.access import must_hand_links
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
@for_people_editors
def invitations(request: PersonRequest) -> HttpResponse:
    form = InvitationForm(
        request.POST if request.method == "POST" else None, initial={"language": request.LANGUAGE_CODE}
    )
    if form.is_valid():
        try:
            first = posted_once(request, User, lambda: _invite(form, by=request.user)[0])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _invited(request, first, len(form.cleaned_data["emails"]))
    context = {
        "can_send": can_send_letters(),
        "waiting": User.objects.active().exclude(invited_at=None).order_by("-invited_at")[:50],
    }
    return render_form(request, "people/invitations.html", form, context)


@transaction.atomic
def _invite(form: InvitationForm, *, by: User) -> list[User]:
    """All of them or none: a mistake in the last does not leave the first invited."""
    people = []
    for email in form.cleaned_data["emails"]:
        person = accounts.invite(NewUser(email=email, language=form.cleaned_data["language"]), by=by)
        if (department := form.cleaned_data["department"]) and person.invited_at:
            actions.add_member(department, person, by=by)
        people.append(person)
    return people


def _invited(request: PersonRequest, first: User, count: int) -> HttpResponse:
    said = ngettext("%(count)d person is invited.", "%(count)d people are invited.", count) % {"count": count}
    messages.success(request, said)
    if count == 1 and first.invited_at and not can_send_letters():
        return redirect("people:invitation", first.pk)
    return redirect("people:invitations")


@never_cache
@require_http_methods(["GET", "POST"])
@for_people_editors
@recently_proven
def invitation(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows the link, to be given to the person; POST sends another, which voids it."""
    person = get_object_or_404(User.objects.active(), pk=pk)
    if person.invited_at is None:
        raise Http404
    must_hand_links(request.user, [person])
    if request.method == "POST":
        accounts.invite_again(person, by=request.user)
        messages.success(request, _("%(name)s has a new link.") % {"name": person.name})
        return redirect("people:invitation", pk)
    link = request.build_absolute_uri(reverse("accounts:join", args=[token_of(person)]))
    context = {"person": person, "link": link, "can_send": can_send_letters()}
    return render(request, "people/invitation.html", context)
