"""The page behind the link of an invitation."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from box.core.accounts import actions
from box.core.accounts.forms import NewPasswordForm
from box.core.accounts.invitations import invited_by
from box.core.accounts.signing_in import second_step_or_in
from box.lib.pages import render, render_form


@sensitive_post_parameters("password")
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever holds the link chooses a password and is in; a browser of somebody else becomes theirs."""
    person = invited_by(token)
    if person is None:
        return render(request, "accounts/invitation_over.html", status=404)
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            # In the language that they have just read: whoever invited them could only guess it.
            actions.join(person, form.cleaned_data["password"], language=request.LANGUAGE_CODE)
        except ValidationError as error:
            form.add_error("password", error)
        else:
            details = reverse("accounts:details", args=[person.pk])
            entered = second_step_or_in(request, person, details, step="invitation")
            messages.success(request, _("Welcome! Add what colleagues should know about you."))
            return entered
    return render_form(request, "accounts/join.html", form, {"person": person})
