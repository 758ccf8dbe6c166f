"""How one signs in: one's sessions, and one's second factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import segno
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from box.core.accounts import actions, factors
from box.core.accounts.browsers import described
from box.core.accounts.digests import digest
from box.core.accounts.forms import TotpForm
from box.core.accounts.models import Session, Totp, User
from box.core.accounts.passkeys import can_have_passkeys
from box.core.accounts.redirects import safe_address
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

SEED = "totp_seed"


@dataclass(frozen=True)
class ShownSession:
    """A session under the digest of its key: the key itself opens it."""

    session: Session
    is_this: bool

    @property
    def name(self) -> str:
        return digest(self.session.session_key)

    @property
    def browser(self) -> str:
        return described(self.session.agent)


@never_cache
@require_http_methods(["GET"])
def security(request: PersonRequest) -> HttpResponse:
    user = request.user
    open_now = user.sessions.filter(expire_date__gt=timezone.now()).order_by("-seen_at")
    totp = Totp.objects.filter(user=user).first()
    is_needed = factors.is_needed(user)
    context = {
        "sessions": [ShownSession(one, one.session_key == request.session.session_key) for one in open_now],
        "totp": totp,
        "passkeys": list(user.passkeys.order_by("added_at")),
        "can_have_passkeys": can_have_passkeys(),
        "codes_left": user.recovery_codes.count(),
        "is_needed": is_needed,
        "is_missing": is_needed and not user.has_second_factor,
        "is_overdue": factors.is_overdue(user, timezone.now()),
        "onward": safe_address(request, request.GET["next"]) if "next" in request.GET else "",
    }
    return render(request, "accounts/security.html", context)


@require_POST
def ending(request: PersonRequest) -> HttpResponse:
    """All sessions but this one."""
    actions.end_sessions(request.user, kept=request.session.session_key or "")
    messages.success(request, _("Every other session is ended."))
    return redirect("accounts:security")


@require_POST
def one_ending(request: PersonRequest, name: str) -> HttpResponse:
    """One of them, by its name."""
    sessions = list(request.user.sessions.all())
    session = next((one for one in sessions if digest(one.session_key) == name), None)
    if session is None:
        raise Http404
    actions.end_session(session)
    if session.session_key == request.session.session_key:
        return redirect("accounts:sign-in")
    messages.success(request, _("The session is ended."))
    return redirect("accounts:security")


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "POST", "DELETE"])
@recently_proven
def totp(request: PersonRequest) -> HttpResponse:
    """An authenticator app: its secret as a picture, and a code that shows that the app has it."""
    if request.method == "DELETE":
        return _without_totp(request)
    seed = request.session.get(SEED) or factors.new_seed()
    request.session[SEED] = seed
    form = TotpForm(request.POST or None)
    if form.is_valid():
        is_first = not request.user.has_second_factor
        try:
            factors.add_totp(request.user, seed, form.cleaned_data["code"], by=request.user)
        except ValidationError as error:
            form.add_error("code", error)
        else:
            del request.session[SEED]
            messages.success(request, _("Your app is set up: from now on signing in asks for its code."))
            return codes_page(request) if is_first else redirect("accounts:security")
    address = factors.address_of(seed, request.user)
    picture = segno.make(address).svg_data_uri(scale=5, border=2, light="#fff")
    return render_form(request, "accounts/totp.html", form, {"seed": seed, "picture": picture})


def _without_totp(request: PersonRequest) -> HttpResponse:
    try:
        factors.remove_totp(request.user, by=request.user)
    except ValidationError as error:
        raise PermissionDenied(" ".join(error.messages)) from None
    messages.success(request, _("The app is no longer asked for."))
    return to_security()


@never_cache
@require_POST
@recently_proven
def recovery_codes(request: PersonRequest) -> HttpResponse:
    """New ones; those before are void."""
    if not request.user.has_second_factor:
        raise Http404
    return codes_page(request)


def codes_page(request: PersonRequest) -> HttpResponse:
    codes = factors.new_recovery_codes(request.user)
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


@require_http_methods(["DELETE"])
@recently_proven
def second_factor(request: PersonRequest, pk: int) -> HttpResponse:
    """An administrator helps whoever has lost their phone and their codes."""
    if not request.user.is_administrator:
        raise PermissionDenied(_("Only administrators reset the second factor of others."))
    person = get_object_or_404(User, pk=pk)
    if person == request.user:
        raise PermissionDenied(_("Another administrator resets yours, or boxctl on the machine."))
    factors.reset(person, by=request.user)
    text = _("%(name)s signs in with the password alone once, and sets up a second factor anew.")
    messages.success(request, text % {"name": person.name})
    return HttpResponse(headers={"HX-Refresh": "true"})


def to_security() -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": reverse("accounts:security")})
