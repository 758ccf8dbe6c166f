"""Signing in: the password, the second step, and proving again who one is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from math import ceil
from typing import TYPE_CHECKING, Any, Concatenate
from urllib.parse import urlencode

from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from box.core.accounts import factors
from box.core.accounts.auditing import SIGN_IN_REFUSED, SIGNED_IN, about_person
from box.core.accounts.backends import SignInRefused
from box.core.accounts.browsers import known_browser, remember_browser
from box.core.accounts.forms import CodeForm, ProofForm, SignInForm
from box.core.accounts.models import Totp, User
from box.core.accounts.passkeys import can_have_passkeys
from box.core.accounts.passwords import is_theirs
from box.core.accounts.redirects import come_back, remember, safe_address, stays_out
from box.core.accounts.sessions import note_entrance
from box.core.accounts.throttle import MOST_OF_SECOND_STEP, Attempt, counted_as
from box.core.registry.auditing import record
from box.core.registry.capabilities import SignInWay, can_send_letters, sign_in_ways
from box.core.registry.origin import address_of
from box.lib.addresses import parts_of
from box.lib.pages import REFUSED, render, render_form

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

    type View[**P, R] = Callable[Concatenate[PersonRequest, P], R]

PENDING = "pending"
# In the address of the sign-in page: the person wants the form, or has come to it from another way.
BY_FORM = "form"
PENDING_FOR = timedelta(minutes=10)
PROVEN = "proven_at"
PROVEN_FOR = timedelta(minutes=15)


@sensitive_post_parameters("password")
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = onward_of(request)
    if request.user.is_authenticated:
        return redirect(onward)
    if request.headers.get("HX-Request") == "true":
        return _leave_page(request)
    first = next((way for way in ways_of(request) if way.is_tried_first), None)
    wants_form = BY_FORM in request.GET or stays_out(request)
    if first is not None and request.method == "GET" and not wants_form:
        return redirect(f"{first.url}?{urlencode({'next': onward})}")
    form = SignInForm(request.POST or None)
    if form.is_valid():
        user, problem = _who(request, form.cleaned_data["login"], form.cleaned_data["password"])
        if user is not None:
            return second_step_or_in(request, user, onward)
        form.add_error(None, problem)
    return sign_in_page(request, form)


def sign_in_page(request: HttpRequest, form: SignInForm | None = None, *, problem: str = "") -> HttpResponse:
    form = form or SignInForm()
    context = {
        "form": form,
        "onward": onward_of(request),
        "problem": problem,
        "can_have_passkeys": can_have_passkeys(),
        "can_send": can_send_letters(),
        "ways": ways_of(request),
    }
    return render(
        request, "accounts/sign_in.html", context, status=REFUSED if form.is_bound or problem else 200
    )


def ways_of(request: HttpRequest) -> list[SignInWay]:
    return [way for way in (find(request) for find in sign_in_ways) if way is not None]


def _who(request: HttpRequest, name: str, password: str) -> tuple[User | None, str]:
    """The person, or what is wrong: the same, at the same cost, for a login that nobody has."""
    attempt = Attempt(counted_as(name), address_of(request), known_browser(request, name))
    if wait := attempt.wait(timezone.now()):
        return None, too_often(wait)
    problem = _("The login or the password is wrong. Check the keyboard layout and Caps Lock.")
    try:
        user = authenticate(request, username=name, password=password)
    except SignInRefused as refusal:
        user, problem = None, str(refusal)
    if isinstance(user, User):
        attempt.succeeded()
        return user, ""
    attempt.failed()
    _note_refusal(name)
    return None, problem


def too_often(wait: timedelta) -> str:
    minutes = ceil(wait.total_seconds() / 60)
    return ngettext(
        "Too many attempts from your network. Try again in %(count)s minute, or in a browser where you have"
        " signed in before.",
        "Too many attempts from your network. Try again in %(count)s minutes, or in a browser where you have"
        " signed in before.",
        minutes,
    ) % {"count": minutes}


def _note_refusal(name: str) -> None:
    """Whatever was typed that is nobody's login is not kept: it may be a password in the wrong field."""
    typed = name.strip().lower()
    person = User.objects.filter(Q(login=typed) | Q(email=typed)).first()
    record(SIGN_IN_REFUSED, about=about_person(person.pk) if person else None)


def second_step_or_in(
    request: HttpRequest, user: User, onward: str, *, step: str = "", is_proven: bool = True
) -> HttpResponse:
    """Whoever has shown who they are goes on to the second step, or is in.

    `is_proven`: they have done something for it just now, and not only sat at a desk where somebody did.
    """
    if not user.has_second_factor:
        return enter(request, user, onward, step=step, is_proven=is_proven)
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "onward": onward,
        "until": (timezone.now() + PENDING_FOR).isoformat(),
    }
    return redirect("accounts:second-step")


def enter(
    request: HttpRequest, user: User, onward: str, *, step: str = "", is_proven: bool = True
) -> HttpResponse:
    """The person has shown who they are: a session under a key of its own begins.

    `step` is told to the audit log, where it was not the password.
    """
    request.session.pop(PENDING, None)
    login(request, user, backend="box.core.accounts.backends.PasswordBackend")
    note_entrance(request)
    if is_proven:
        prove(request)
    factors.begin_grace(user, timezone.now())
    details: dict[str, Any] = {"step": step} if step else {}
    record(SIGNED_IN, by_id=user.pk, **details)
    must_set_up = user.second_factor_due_at and not user.has_second_factor and factors.is_needed(user)
    if must_set_up:
        onward = f"{reverse('accounts:security')}?{urlencode({'next': onward})}"
    response = remember(redirect(onward), language=user.language, theme=user.theme)
    come_back(request, response)
    return remember_browser(request, response, user)


@sensitive_post_parameters("code")
@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """The code of the app, or one of those for when it is lost."""
    pending = request.session.get(PENDING)
    user = pending_user(pending)
    if pending is None or user is None:
        request.session.pop(PENDING, None)
        return redirect("accounts:sign-in")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        attempt = Attempt(
            f"second step of {user.pk}",
            address_of(request),
            known_browser(request, user.login),
            most_anywhere=MOST_OF_SECOND_STEP,
        )
        if wait := attempt.wait(timezone.now()):
            form.add_error(None, too_often(wait))
        elif _is_right(user, form.cleaned_data["code"]):
            attempt.succeeded()
            return enter(request, user, pending["onward"])
        else:
            attempt.failed()
            record(SIGN_IN_REFUSED, about=about_person(user.pk), step="second")
            form.add_error("code", factors.WrongCode())
    return second_step_page(request, user, form)


def second_step_page(
    request: HttpRequest, user: User, form: CodeForm | None = None, *, problem: str = ""
) -> HttpResponse:
    form = form or CodeForm()
    has_app = Totp.objects.filter(user=user).exists()
    if not has_app:
        form.fields["code"].label = _("Recovery code")
        form.fields["code"].widget.attrs.pop("autofocus", None)
    context = {
        "form": form,
        "problem": problem,
        "has_app": has_app,
        "has_passkeys": user.passkeys.exists(),
        "onward": "",
    }
    return render(
        request, "accounts/second_step.html", context, status=REFUSED if form.is_bound or problem else 200
    )


def pending_user(pending: dict[str, Any] | None) -> User | None:
    """Who has given the right password a moment ago, and hasn't changed it since."""
    if not pending or pending["until"] < timezone.now().isoformat():
        return None
    user: User | None = User.objects.active().filter(pk=pending["user"]).first()
    is_theirs = user is not None and constant_time_compare(pending["hash"], user.get_session_auth_hash())
    return user if is_theirs else None


def _is_right(user: User, code: str) -> bool:
    return factors.check_totp(user, code) or factors.use_recovery_code(user, code)


# Proving again


def prove(request: HttpRequest) -> None:
    request.session[PROVEN] = timezone.now().isoformat()


def is_proven(request: HttpRequest) -> bool:
    at = request.session.get(PROVEN, "")
    return bool(at) and at > (timezone.now() - PROVEN_FOR).isoformat()


def recently_proven[**P, R: HttpResponseBase](view: View[P, R]) -> View[P, R | HttpResponse]:
    """For what is dangerous: who has not given their password within a quarter of an hour gives it again.

    An open session is not enough: it may be somebody else who sits at the desk.
    """

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | HttpResponse:
        if is_proven(request):
            return view(request, *args, **kwargs)
        # A form cannot be sent again by a redirect: it leads back to the page on which it stands.
        page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
        back = request.get_full_path() if request.method == "GET" else parts_of(page).path
        address = f"{reverse('accounts:proof')}?{urlencode({'next': back})}"
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(headers={"HX-Redirect": address})
        return redirect(address)

    return guarded


@sensitive_variables("password")
def check_password_again(request: PersonRequest, password: str) -> str:
    """What is wrong with it; empty: it is the person's own. Guessing is slowed down as at the door."""
    attempt = Attempt(counted_as(request.user.login), address_of(request), f"session of {request.user.pk}")
    if wait := attempt.wait(timezone.now()):
        return too_often(wait)
    if problem := _problem_with(request, password):
        attempt.failed()
        return problem
    attempt.succeeded()
    return ""


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def proof(request: PersonRequest) -> HttpResponse:
    onward = onward_of(request)
    form = ProofForm(request.POST or None)
    if form.is_valid():
        if problem := check_password_again(request, form.cleaned_data["password"]):
            form.add_error("password", problem)
        else:
            prove(request)
            return redirect(onward)
    context = {"onward": onward, "can_send": can_send_letters()}
    return render_form(request, "accounts/proof.html", form, context)


def _problem_with(request: PersonRequest, password: str) -> str:
    """Nothing, if it is the password of who is signed in."""
    try:
        is_right = is_theirs(request, request.user, password)
    except SignInRefused as refusal:
        return str(refusal)
    return "" if is_right else _("This is not your password: write the one you sign in with.")


def onward_of(request: HttpRequest) -> str:
    """Where the person was going when they were asked."""
    return safe_address(request, request.POST.get("next") or request.GET.get("next", ""))


def _leave_page(request: HttpRequest) -> HttpResponse:
    """The session ended under an open page: it goes to sign in as a whole, and comes back to where it was."""
    page = parts_of(request.headers.get("HX-Current-URL", ""))
    onward = page._replace(scheme="", netloc="", fragment="").geturl()
    return HttpResponse(
        headers={"HX-Redirect": f"{reverse('accounts:sign-in')}?{urlencode({'next': onward})}"}
    )
