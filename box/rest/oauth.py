"""OAuth 2.0 for local applications, as Bitrix24's cloud has it, with the box as the authorisation server.

What an application gets for a person is a webhook of that person (see `Grant`), whose secret is the access
token: it lives for an hour, and a refresh token makes another pair. So lists, limits, revocation and
what becomes of people who leave are those of webhooks.

Sources: https://apidocs.bitrix24.com/settings/oauth/index.html, auto-renewal.html, error-codes.html
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from box.core.accounts.digests import digest
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.rest import ApiRefused, scopes
from box.rest.access import can_use, is_let_in
from box.rest.actions import revoke_webhooks
from box.rest.applications import remove_handlers
from box.rest.events import ApplicationAdded, ApplicationAuthorized, ApplicationRetired
from box.rest.models import Application, AuthorizationCode, Grant, Placement, Webhook
from box.rest.placements import add_page, remove_placements
from box.rest.tokens import Secret

CODE_LIVES = timedelta(seconds=30)
ACCESS_LIVES = timedelta(hours=1)
REFRESH_LIVES = timedelta(days=180)
FRAME_LIVES = timedelta(days=1)
"""Of a refresh token of a frame: a page that is open longer is loaded anew."""
MOST_APPLICATIONS = 100
_NOBODYS = digest("nobody's")


@dataclass(frozen=True)
class NewApplication:
    """`redirect_uri` is where people come back to with a code; `page` is what the portal shows of it in a
    frame, if it does."""

    name: str
    redirect_uri: str
    scopes: tuple[str, ...]
    page: str = ""


@dataclass(frozen=True)
class Tokens:
    """What an application is given. Here lie only digests of it."""

    webhook: Webhook
    access: Secret
    refresh: Secret
    expires_at: datetime


@transaction.atomic
def add_application(new: NewApplication, secret: Secret, *, by: User) -> Application:
    """Raises ValidationError by field."""
    if unknown := sorted(set(new.scopes) - {key for key, _scope in scopes.items()}):
        raise ValidationError(_("There is no such scope: %(names)s.") % {"names": ", ".join(unknown)})
    if Application.objects.filter(retired_at=None).count() >= MOST_APPLICATIONS:
        raise ValidationError(
            _("There are %(most)s applications: remove one first.") % {"most": MOST_APPLICATIONS}
        )
    _check_address(new.redirect_uri)
    application = Application.objects.create(
        name=new.name,
        # As the cloud calls local ones, so that libraries know it for one.
        client_id=f"local.{secrets.token_hex(7)}.{secrets.randbelow(10**8):08}",
        secret_digest=secret.digest,
        redirect_uri=new.redirect_uri,
        scopes=sorted(set(new.scopes)),
        by=by,
    )
    emit(ApplicationAdded(application_id=application.pk, name=application.name, by_id=by.pk))
    if new.page:
        add_page(application, new.page, by=by)
    return application


def _check_address(address: str) -> None:
    """Of the company's own network it may be plain HTTP; never anything that a browser would run."""
    try:
        URLValidator(schemes=["https", "http"])(address)
    except ValidationError:
        said = _("Write an address that begins with https:// or http://.")
        raise ValidationError({"redirect_uri": said}) from None
    parts = urlsplit(address)
    if parts.fragment or parts.username or parts.password:
        raise ValidationError({"redirect_uri": _("Write the address without a user, a password and “#”.")})


@transaction.atomic
def retire_application(application: Application, *, by: User, now: datetime) -> None:
    """Nobody can authorise it any more, and all its tokens open nothing. Doing it again does nothing."""
    if Application.objects.filter(pk=application.pk, retired_at=None).update(retired_at=now):
        revoke_webhooks(Webhook.objects.filter(grant__application=application), by_id=by.pk)
        remove_handlers(application, by=by)
        remove_placements(application, by=by)
        emit(ApplicationRetired(application_id=application.pk, name=application.name, by_id=by.pk))


def is_authorized(application: Application, user: User) -> bool:
    """Whether this person has allowed it all that it asks for: they are not asked again."""
    allowed = Webhook.objects.of(user).listed().filter(grant__application=application, revoked_at=None)
    held = allowed.first()
    return held is not None and set(held.scopes) >= set(application.scopes)


@transaction.atomic
def authorize(application: Application, code: Secret, *, by: User, now: datetime) -> AuthorizationCode:
    """This person lets it act in their name: the code is what it gets its first tokens for."""
    if application.retired_at is not None or not can_use(by):
        raise ValidationError(_("This application cannot be used."), code="application")
    AuthorizationCode.objects.filter(made_at__lt=now - timedelta(days=1)).delete()
    return AuthorizationCode.objects.create(
        application=application, user=by, prefix=code.prefix, digest=code.digest, made_at=now
    )


def application_by(client_id: str, secret: str) -> Application:
    """Raises ApiRefused `invalid_client`."""
    found = Application.objects.filter(client_id=client_id[:100], retired_at=None).first()
    if not constant_time_compare(digest(secret), found.secret_digest if found else _NOBODYS) or found is None:
        raise _bad_client()
    return found


@transaction.atomic
def _exchanged(application: Application, text: str, now: datetime) -> Tokens | None:
    """None: the code was used before, and whoever has tokens for it loses them (RFC 6749, 4.1.2)."""
    code = Secret(text)
    found = (
        AuthorizationCode.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(prefix=code.prefix, application=application)
        .first()
    )
    if not constant_time_compare(code.digest, found.digest if found else _NOBODYS) or found is None:
        raise _bad_grant()
    if found.used_at is not None:
        used = Webhook.objects.filter(grant__application=application, user=found.user_id)
        revoke_webhooks(used, by_id=None)
        return None
    if now - found.made_at > CODE_LIVES:
        raise _bad_grant()
    found.used_at = now
    found.save(update_fields=["used_at"])
    return give_tokens(application, found.user, now)


def exchange_code(application: Application, text: str, *, now: datetime) -> Tokens:
    """The first pair. A code serves once, for half a minute. Raises ApiRefused `invalid_grant`."""
    tokens = _exchanged(application, text, now)
    if tokens is None:
        raise _bad_grant()
    return tokens


@transaction.atomic
def refresh_tokens(application: Application, text: str, *, now: datetime) -> Tokens:
    """Another pair; the one before opens nothing any more. Raises ApiRefused `invalid_grant`."""
    refresh = Secret(text)
    found = (
        Grant.objects.select_for_update(of=("self", "webhook"))
        .select_related("user", "webhook")
        .filter(refresh_prefix=refresh.prefix, application=application, webhook__revoked_at=None)
        .first()
    )
    is_right = constant_time_compare(refresh.digest, found.refresh_digest if found else _NOBODYS)
    if found is None or not is_right or found.refresh_ends_at <= now:
        raise _bad_grant()
    return give_tokens(application, found.user, now, instead_of=found)


@transaction.atomic
def allow(application: Application, *, by: User, now: datetime) -> None:
    """This person lets it act in their name, without being led to its own server for it: nobody has the first
    pair, and its pages in frames have theirs. Doing it again does nothing."""
    if not can_use(by):
        raise PermissionDenied(_("Ask an administrator for the right to use applications."))
    if not is_authorized(application, by):
        give_tokens(application, by, now)


def give_tokens(
    application: Application,
    user: User,
    now: datetime,
    *,
    instead_of: Grant | None = None,
    placement: Placement | None = None,
) -> Tokens:
    """Another pair in place of this one or of the one that the application has of the person, or the first
    one, as for a frame that shows this `placement`: within a transaction.

    Who removes the application or ends what it may meanwhile has done so: the rows are locked, and nothing
    but the pair is written of them.
    """
    if not Application.objects.select_for_update(no_key=True).filter(pk=application.pk, retired_at=None):
        raise _bad_client()
    if not is_let_in(user):
        raise _bad_grant()
    access, refresh = Secret.new(), Secret.new()
    ends_at = now + ACCESS_LIVES
    if placement is None and instead_of is None:
        instead_of = (
            Grant.objects.select_for_update(of=("self", "webhook"))
            .select_related("webhook")
            .filter(application=application, user=user, placement=None)
            .first()
        )
    grant = instead_of or Grant(application=application, user=user, placement=placement)
    is_new = grant.pk is None or grant.webhook.revoked_at is not None
    webhook = Webhook(user=user) if is_new else grant.webhook
    webhook.name, webhook.scopes = application.name, application.scopes
    webhook.prefix, webhook.digest, webhook.ends_at = access.prefix, access.digest, ends_at
    webhook.save(update_fields=None if is_new else ["name", "scopes", "prefix", "digest", "ends_at"])
    grant.webhook = webhook
    grant.refresh_prefix, grant.refresh_digest = refresh.prefix, refresh.digest
    grant.refresh_ends_at = now + (FRAME_LIVES if grant.placement_id else REFRESH_LIVES)
    grant.save()
    if is_new and not grant.placement_id:
        emit(
            ApplicationAuthorized(
                application_id=application.pk, name=application.name, user_id=user.pk, by_id=user.pk
            )
        )
    return Tokens(webhook, access, refresh, ends_at)


def _bad_client() -> ApiRefused:
    return ApiRefused("invalid_client", "Unknown client, or a wrong secret", status=401)


def _bad_grant() -> ApiRefused:
    return ApiRefused("invalid_grant", "The code or token is wrong, used or over", status=400)
