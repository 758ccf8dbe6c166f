"""Signing in and out, and one's own password, profile and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from box.core.accounts import actions
from box.core.accounts.access import can_edit_profile
from box.core.accounts.backends import SignInRefused
from box.core.accounts.custom_fields import set_values
from box.core.accounts.forms import KeptPasswordForm, PasswordForm, ProfileForm, custom_fields_form
from box.core.accounts.models import User
from box.core.accounts.passwords import changer_of, has_own_password, keeper_of
from box.core.accounts.redirects import remember, safe_address, stay_out
from box.core.accounts.signing_in import BY_FORM, check_password_again
from box.core.registry.capabilities import can_send_letters
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest
    from box.core.registry.capabilities import PasswordChanger


@require_POST
@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    actions.sign_out(request)
    return stay_out(redirect(f"{reverse('accounts:sign-in')}?{BY_FORM}=1"))


@sensitive_post_parameters("current", "new", "again")
@require_http_methods(["GET", "POST"])
def password(request: PersonRequest) -> HttpResponse:
    if not has_own_password(request.user):
        changer = changer_of(request.user)
        if changer is not None:
            return _kept_password(request, changer)
        return render(request, "accounts/password_kept.html", {"keeper": keeper_of(request.user)})
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        try:
            if problem := check_password_again(request, form.cleaned_data["current"]):
                form.add_error("current", problem)
            else:
                _change_password(request, form.cleaned_data["new"])
        except ValidationError as error:
            form.add_error("new", error)
        if form.is_valid():
            messages.success(request, _("Your password is changed. Other devices are signed out."))
            return redirect("people:person", request.user.pk)
    return _password_page(request, form)


def _password_page(request: PersonRequest, form: Form, *, keeper: str = "") -> HttpResponse:
    context = {"keeper": keeper, "can_send": can_send_letters()}
    return render_form(request, "accounts/password.html", form, context)


@sensitive_variables("given")
def _kept_password(request: PersonRequest, changer: PasswordChanger) -> HttpResponse:
    """It is asked for and counted as at the door, and changed by the person's own right."""
    form = KeptPasswordForm(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            if problem := check_password_again(request, given["current"]):
                form.add_error("current", problem)
            else:
                changer.change(request, request.user, given["current"], given["new"])
        except SignInRefused as refused:
            form.add_error(None, str(refused))
        except ValidationError as error:
            form.add_error("new", error)
        if form.is_valid():
            actions.end_sessions(request.user, kept=request.session.session_key or "")
            messages.success(request, _("Your password is changed. Other devices are signed out."))
            return redirect("people:person", request.user.pk)
    return _password_page(request, form, keeper=keeper_of(request.user))


@transaction.atomic
def _change_password(request: PersonRequest, new: str) -> None:
    key = request.session.session_key or ""
    actions.change_password(request.user, new, by=request.user, session_key=key)
    # Under the same key and in the same transaction: the push service, which asks whether this session goes
    # on as soon as it hears of the change, must find that it does.
    request.session[HASH_SESSION_KEY] = request.user.get_session_auth_hash()
    request.session.save()


def own_profile(request: PersonRequest) -> HttpResponse:
    return redirect("people:person", request.user.pk)


@require_http_methods(["GET", "POST"])
def details(request: PersonRequest, pk: int) -> HttpResponse:
    people = User.objects.visible_to(request.user).select_related("profile")
    person = get_object_or_404(people, pk=pk)
    if not can_edit_profile(request.user, person):
        raise PermissionDenied(_("Everybody edits their own profile, and who has that right all of them."))
    form = ProfileForm(request.POST or None, instance=person)
    own = custom_fields_form(person, request.POST or None, by=request.user)
    if form.is_valid() & (own.is_valid() or not own.fields):
        with transaction.atomic():
            actions.update_profile(person, dict(form.cleaned_data), by=request.user)
            set_values(person, own.values if own.fields else {}, by=request.user)
        messages.success(request, _("The profile is saved."))
        return redirect("people:person", person.pk)
    return render_form(request, "accounts/details.html", form, {"own": own, "person": person})


@require_POST
@login_not_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Sets the language or the theme: of the person, and of this browser for when they are signed out."""
    language, theme = request.POST.get("language", ""), request.POST.get("theme", "")
    changes: dict[str, object] = {}
    if language in dict(settings.LANGUAGES):
        changes["language"] = language
    if theme in User.Theme.values:
        changes["theme"] = theme
    if changes and request.user.is_authenticated:
        actions.update_profile(request.user, changes, by=request.user)
    back = safe_address(request, request.headers.get("Referer", ""))
    return remember(HttpResponseRedirect(back), **{name: str(value) for name, value in changes.items()})
