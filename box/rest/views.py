"""One's own webhooks, and everybody's for whoever looks after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.signing_in import recently_proven
from box.core.events.nonces import posted_once
from box.core.lists.views import answer
from box.core.registry.rest import scopes
from box.lib.pages import render, render_form
from box.rest import actions
from box.rest.access import can_manage, can_revoke, can_use
from box.rest.forms import WebhookForm
from box.rest.lists import webhook_list
from box.rest.models import Webhook
from box.rest.tokens import Secret

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_GET
def own(request: PersonRequest) -> HttpResponse:
    webhooks = Webhook.objects.of(request.user).listed().newest_first()
    if not can_use(request.user) and not webhooks:
        raise Http404
    context = {"webhooks": webhooks, "can_use": can_use(request.user), "scopes": dict(scopes.items())}
    return render(request, "rest/own.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    if not can_use(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to make webhooks."))
    form = WebhookForm(request.POST or None, by=request.user)
    if form.is_valid():
        secret = Secret.new()
        try:
            webhook = posted_once(
                request, Webhook, lambda: actions.create_webhook(form.new_webhook(), secret, by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _shown_once(request, webhook, secret)
    return render_form(request, "rest/new.html", form)


def _shown_once(request: PersonRequest, webhook: Webhook, secret: Secret) -> HttpResponse:
    if webhook.digest != secret.digest:
        messages.info(request, _("You have made this webhook already, and its address was shown then."))
        return redirect("rest:own")
    address = f"{settings.PORTAL_URL}/rest/{webhook.user_id}/{secret.text}/"
    return render(request, "rest/made.html", {"webhook": webhook, "address": address, "secret": secret.text})


@require_POST
def revocation(request: PersonRequest, pk: int) -> HttpResponse:
    webhook = get_object_or_404(Webhook, pk=pk)
    if not can_revoke(request.user, webhook):
        raise Http404
    actions.revoke_webhook(webhook, by=request.user)
    said = _("The webhook “%(name)s” is revoked: its address opens nothing any more.")
    messages.success(request, said % {"name": webhook.name})
    return redirect("rest:own" if webhook.user_id == request.user.pk else "rest:everybodys")


@require_http_methods(["GET", "POST"])
def everybodys(request: PersonRequest) -> HttpResponseBase:
    if not can_manage(request.user):
        raise Http404
    return answer(request, webhook_list(), "rest/everybodys.html")
