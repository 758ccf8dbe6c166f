"""Passkeys in the browser: adding and removing them, and coming in with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from box.core.accounts import passkeys
from box.core.accounts.auditing import SIGN_IN_REFUSED, about_person
from box.core.accounts.browsers import described
from box.core.accounts.challenges import keep_challenge, take_challenge
from box.core.accounts.security import codes_page, to_security
from box.core.accounts.signing_in import (
    PENDING,
    enter,
    onward_of,
    pending_user,
    recently_proven,
    second_step_page,
    sign_in_page,
    too_often,
)
from box.core.accounts.throttle import WINDOW, Quota
from box.core.registry.auditing import record
from box.core.registry.origin import address_of
from box.lib.pages import render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

ADD = "add"
SIGN_IN = "sign in"
# Of one network within a quarter of an hour: each is stored, and nobody needs an account for it.
MOST_CHALLENGES = 1000
MOST_REFUSED = 200


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("What you call it"),
        max_length=100,
        help_text=gettext_lazy("Such as the device that keeps it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    credential = forms.CharField(required=False, widget=forms.HiddenInput)


@sensitive_post_parameters("credential")
@never_cache
@require_http_methods(["GET", "POST"])
@recently_proven
def adding(request: PersonRequest) -> HttpResponse:
    if not passkeys.can_have_passkeys():
        raise Http404
    form = PasskeyForm(
        request.POST or None, initial={"name": described(request.headers.get("User-Agent", ""))}
    )
    if form.is_valid():
        is_first = not request.user.has_second_factor
        try:
            _add(request, form)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The passkey is added: you can sign in with it from now on."))
            return codes_page(request) if is_first else redirect("accounts:security")
    return render_form(request, "accounts/passkey.html", form)


def _add(request: PersonRequest, form: PasskeyForm) -> None:
    state = take_challenge(request, purpose=ADD)
    if state is None:
        raise passkeys.PasskeyRefused(_("That took too long. Try again."))
    name, answer = form.cleaned_data["name"], form.cleaned_data["credential"]
    passkeys.add_passkey(request.user, name, state, answer, by=request.user)


@never_cache
@require_POST
@recently_proven
def challenge_to_add(request: PersonRequest) -> HttpResponse:
    options, state = passkeys.registration(request.user)
    keep_challenge(request, state, purpose=ADD)
    return JsonResponse(options)


@require_http_methods(["DELETE"])
@recently_proven
def passkey(request: PersonRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(request.user.passkeys.select_related("user"), pk=pk)
    try:
        passkeys.remove_passkey(found, by=request.user)
    except ValidationError as error:
        raise PermissionDenied(" ".join(error.messages)) from None
    messages.success(request, _("The passkey is removed: it opens nothing any more."))
    return to_security()


@never_cache
@login_not_required
@require_POST
def challenge_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The same for everybody: nothing tells who has passkeys, but to who has given their password."""
    if not Quota("passkey.challenge", address_of(request), MOST_CHALLENGES).take(timezone.now()):
        return HttpResponse(too_often(WINDOW), status=429)
    options, state = passkeys.request_for(pending_user(request.session.get(PENDING)))
    keep_challenge(request, state, purpose=SIGN_IN)
    return JsonResponse(options)


@sensitive_post_parameters("credential")
@never_cache
@login_not_required
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """With a passkey alone, or as the second step of who has given their password."""
    if request.user.is_authenticated:
        return redirect(onward_of(request))
    pending = request.session.get(PENDING) or {}
    person = pending_user(pending)
    try:
        state = take_challenge(request, purpose=SIGN_IN)
        if state is None:
            raise passkeys.PasskeyRefused(_("That took too long. Try again."))
        found = passkeys.check_passkey(state, request.POST.get("credential", ""))
        if person is not None and found.user_id != person.pk:
            raise passkeys.PasskeyRefused(person=person)
    except passkeys.PasskeyRefused as error:
        if not Quota("passkey.refused", address_of(request), MOST_REFUSED).take(timezone.now()):
            return _again(request, ValidationError(too_often(WINDOW)))
        whose = about_person(error.person.pk) if error.person else None
        record(SIGN_IN_REFUSED, about=whose, step="passkey")
        return _again(request, error)
    return enter(request, found.user, pending["onward"] if person else onward_of(request), step="passkey")


def _again(request: HttpRequest, error: ValidationError) -> HttpResponse:
    said = " ".join(error.messages)
    person = pending_user(request.session.get(PENDING))
    if person is not None:
        return second_step_page(request, person, problem=said)
    return sign_in_page(request, problem=said)
