"""The pages of whoever forgot their password: a letter is asked for, and its link opens a form."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from box.core.accounts import actions
from box.core.accounts.browsers import known_browser
from box.core.accounts.forms import ForgottenForm, NewPasswordForm
from box.core.accounts.models import User
from box.core.accounts.password_resets import person_of
from box.core.accounts.signing_in import BY_FORM
from box.core.accounts.throttle import Attempt, Quota, counted_as
from box.core.registry.capabilities import can_send_letters
from box.core.registry.origin import address_of
from box.lib.pages import render, render_form

# Within the quarter of an hour of `throttle.WINDOW`: behind one network there may be a company.
MOST_OF_NETWORK = 50
MOST_OF_PERSON = 3
# In the address of the page: the letter was asked for.
SENT = "sent"


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Asks for a letter. What is answered is the same whether somebody is called so or nobody."""
    if not can_send_letters():
        raise Http404
    if SENT in request.GET and request.method != "POST":
        return render(request, "accounts/reset_sent.html")
    form = ForgottenForm(request.POST or None)
    if form.is_valid():
        now = timezone.now()
        if Quota("password reset", address_of(request), MOST_OF_NETWORK).take(now):
            _ask(form.cleaned_data["login"], now)
            return redirect(f"{reverse('accounts:password-reset')}?{urlencode({SENT: 1})}")
        form.add_error(None, _("Too many letters were asked for from your network: wait for 15 minutes."))
    return render_form(request, "accounts/forgotten.html", form)


def _ask(login: str, now: datetime) -> None:
    """Nothing where nobody who may come in is called so, or where they were written to a few times already:
    their mailbox is no target."""
    try:
        person = User.objects.get_by_natural_key(login)
    except (User.DoesNotExist, User.MultipleObjectsReturned):
        return
    if person.is_active and person.email and Quota(f"reset of {person.pk}", "", MOST_OF_PERSON).take(now):
        actions.ask_password_reset(person)


@sensitive_post_parameters("password")
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever holds the link chooses a password, and signs in with it: the second step stays what it is."""
    person = person_of(token)
    if person is None:
        return render(request, "accounts/reset_over.html", {"can_send": can_send_letters()}, status=404)
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            actions.reset_password(person, form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error)
        else:
            # Whoever forgot it has tried a few others before, and is not to wait with the right one.
            login = person.login
            Attempt(counted_as(login), address_of(request), known_browser(request, login)).succeeded()
            messages.success(request, _("Your password is changed: sign in with the new one."))
            return redirect(f"{reverse('accounts:sign-in')}?{BY_FORM}=1")
    return render_form(request, "accounts/reset.html", form, {"person": person})
