"""Signing in and out, and one's own password, profile and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY, authenticate, login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from box.core.accounts import actions
from box.core.accounts.access import can_edit_profile
from box.core.accounts.forms import PasswordForm, ProfileForm, SignInForm
from box.core.accounts.models import User
from box.core.accounts.sessions import note_entrance
from box.core.registry.context import THEME_COOKIE
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

REMEMBERED_SECONDS = 365 * 24 * 3600


@sensitive_post_parameters("password")
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = _onward(request)
    if request.user.is_authenticated:
        return redirect(onward)
    if request.headers.get("HX-Request") == "true":
        return _leave_page(request)
    form = SignInForm(request.POST or None)
    if form.is_valid():
        user = authenticate(
            request, username=form.cleaned_data["login"], password=form.cleaned_data["password"]
        )
        if isinstance(user, User):
            login(request, user)
            note_entrance(request)
            return _remember(redirect(onward), language=user.language, theme=user.theme)
        form.add_error(
            None, _("The login or the password is wrong. Check the keyboard layout and Caps Lock.")
        )
    status = REFUSED if form.is_bound else 200
    return render(request, "accounts/sign_in.html", {"form": form, "onward": onward}, status=status)


@require_POST
@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    actions.sign_out(request)
    return redirect("accounts:sign-in")


@sensitive_post_parameters("current", "new")
@require_http_methods(["GET", "POST"])
def password(request: PersonRequest) -> HttpResponse:
    form = PasswordForm(request.user, request.POST or None)
    if form.is_valid():
        try:
            _change_password(request, form.cleaned_data["new"])
        except ValidationError as error:
            form.add_error("new", error)
        else:
            messages.success(request, _("Your password is changed. Other devices are signed out."))
            return redirect("org:person", request.user.pk)
    return render(request, "accounts/password.html", {"form": form}, status=REFUSED if form.is_bound else 200)


@transaction.atomic
def _change_password(request: PersonRequest, new: str) -> None:
    key = request.session.session_key or ""
    actions.change_password(request.user, new, by=request.user, session_key=key)
    # Under the same key and in the same transaction: the push service, which asks whether this session goes
    # on as soon as it hears of the change, must find that it does.
    request.session[HASH_SESSION_KEY] = request.user.get_session_auth_hash()
    request.session.save()


def own_profile(request: PersonRequest) -> HttpResponse:
    return redirect("org:person", request.user.pk)


@require_http_methods(["GET", "POST"])
def details(request: PersonRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    if not can_edit_profile(request.user, person):
        raise PermissionDenied(_("Everybody edits their own profile, and administrators all of them."))
    form = ProfileForm(request.POST or None, instance=person)
    if form.is_valid():
        actions.update_profile(person, dict(form.cleaned_data), by=request.user)
        messages.success(request, _("The profile is saved."))
        return redirect("org:person", person.pk)
    context = {"form": form, "person": person}
    return render(request, "accounts/details.html", context, status=REFUSED if form.is_bound else 200)


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
    back = _within(request, request.headers.get("Referer", ""))
    return _remember(HttpResponseRedirect(back), **{name: str(value) for name, value in changes.items()})


def _onward(request: HttpRequest) -> str:
    """Where the person was going when they were asked to sign in."""
    return _within(request, request.POST.get("next") or request.GET.get("next", ""))


def _within(request: HttpRequest, address: str) -> str:
    """The address if it is one of the portal, else where one begins."""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def _leave_page(request: HttpRequest) -> HttpResponse:
    """The session ended under an open page: it goes to sign in as a whole, and comes back to where it was."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    onward = page._replace(scheme="", netloc="", fragment="").geturl()
    return HttpResponse(
        headers={"HX-Redirect": f"{reverse('accounts:sign-in')}?{urlencode({'next': onward})}"}
    )


def _remember(response: HttpResponse, *, language: str = "", theme: str = "") -> HttpResponse:
    for name, value in ((settings.LANGUAGE_COOKIE_NAME, language), (THEME_COOKIE, theme)):
        if value:
            response.set_cookie(
                name, value, max_age=REMEMBERED_SECONDS, secure=True, httponly=True, samesite="Lax"
            )
    return response
