"""Passkeys: a device signs for its person, who unlocks it with a finger, a face or a code.

Each is a sign-in of its own, since the device is had and the person is verified by it; and a second factor
after the password. A false page gets nothing of it: the device signs for the portal's own host only.
"""

from __future__ import annotations

import logging
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorTransport,
    CredentialCreationOptions,
    CredentialRequestOptions,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from box.core.accounts.factors import factor_added, factor_removed, keep_one
from box.core.accounts.models import Passkey, Totp, User
from box.core.registry.company import company_name
from box.lib import strict_json

log = logging.getLogger(__name__)

MOST = 20
LONGEST_ANSWER = 20_000
LONGEST_ID = 1023
"""Bytes, by the standard."""

_VERIFIED = UserVerificationRequirement.REQUIRED


class PasskeyRefused(ValidationError):
    """What the device sent is not good; `person` is whose passkey it is, if that is known."""

    def __init__(self, message: str = "", *, person: User | None = None) -> None:
        said = message or _("The passkey was not accepted. Try again, or use your password.")
        super().__init__(said, code="passkey")
        self.person = person


def host() -> str:
    """The portal's name as browsers write it."""
    name = urlsplit(settings.PORTAL_URL).hostname or ""
    return name.encode("idna").decode() if not name.isascii() else name


def can_have_passkeys() -> bool:
    """Browsers keep passkeys for names, not for addresses."""
    try:
        ip_address(host())
    except ValueError:
        return True
    return False


def handle_of(user: User) -> bytes:
    """What a device knows its person by: it tells nothing of them to who finds the device."""
    return salted_hmac("accounts.passkey", str(user.pk), algorithm="sha256").digest()


def registration(user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the browser is asked to make a passkey with; and what is to be remembered of that."""
    entity = PublicKeyCredentialUserEntity(id=handle_of(user), name=user.login, display_name=user.name)
    options, state = _server().register_begin(
        entity,
        _descriptors(user),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_VERIFIED,
    )
    return _as_json(options), state


@transaction.atomic
def add_passkey(user: User, name: str, state: dict[str, Any], answer: str, *, by: User) -> Passkey:
    """Raises PasskeyRefused for an answer that is not good, and ValidationError for one too many."""
    # One after another, so that there never are too many.
    User.objects.select_for_update().get(pk=user.pk)
    if user.passkeys.count() >= MOST:
        raise ValidationError(_("You have %(most)s passkeys: remove one first.") % {"most": MOST})
    try:
        response = RegistrationResponse.from_dict(_parsed(answer))
        made = _server().register_complete(state, response)
        credential = made.credential_data
        named = strict_json.parsed(answer)["response"].get("transports") or ()
    except Exception as error:
        raise _refused(error) from None
    if credential is None or len(credential.credential_id) > LONGEST_ID:
        raise PasskeyRefused
    if Passkey.objects.filter(credential_id=credential.credential_id).exists():
        raise PasskeyRefused(_("This passkey is in use already."))
    passkey = Passkey.objects.create(
        user=user,
        name=name,
        credential_id=credential.credential_id,
        credential=bytes(credential),
        sign_count=made.counter,
        transports=[known.value for known in AuthenticatorTransport if known.value in named],
    )
    factor_added(user, "passkey", by=by)
    return passkey


def request_for(user: User | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the browser is asked to sign: with one of this person's passkeys, or with whichever it has."""
    options, state = _server().authenticate_begin(
        _descriptors(user) if user else None, user_verification=_VERIFIED
    )
    return _as_json(options), state


@transaction.atomic
def check_passkey(state: dict[str, Any], answer: str) -> Passkey:
    """The passkey that has signed. Raises PasskeyRefused."""
    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
    except Exception as error:
        raise _refused(error) from None
    known = Passkey.objects.select_for_update(of=("self",)).select_related("user")
    passkey = known.filter(credential_id=response.raw_id, user__status=User.Status.ACTIVE).first()
    if passkey is None:
        raise PasskeyRefused(_("This passkey is not known here: sign in with your password."))
    try:
        _server().authenticate_complete(state, [AttestedCredentialData(bytes(passkey.credential))], response)
        handle = response.response.user_handle
        if handle is not None and bytes(handle) != handle_of(passkey.user):
            raise ValueError("another person's handle")
    except Exception as error:
        raise _refused(error, person=passkey.user) from None
    _count(passkey, response.response.authenticator_data.counter)
    return passkey


def _count(passkey: Passkey, count: int) -> None:
    """A counter that does not grow is that of a copy, or of what was copied."""
    if (count or passkey.sign_count) and count <= passkey.sign_count:
        log.warning("passkey %s counts %s after %s", passkey.pk, count, passkey.sign_count)
        said = _(
            "This passkey may have been copied, and is not accepted. Sign in with your password,"
            " remove it and add a new one."
        )
        raise PasskeyRefused(said, person=passkey.user)
    passkey.sign_count, passkey.used_at = count, timezone.now()
    passkey.save(update_fields=["sign_count", "used_at"])


@transaction.atomic
def remove_passkey(passkey: Passkey, *, by: User) -> None:
    """It opens nothing any more. Raises ValidationError for the last factor of a role that needs one."""
    user = passkey.user
    others = user.passkeys.exclude(pk=passkey.pk)
    keep_one(user, or_else=not (others.exists() or Totp.objects.filter(user=user).exists()))
    passkey.delete()
    factor_removed(user, "passkey", by=by)


def _server() -> Fido2Server:
    # A key's origin tells who made it, not whose it is: nobody here would act on that.
    return Fido2Server(
        PublicKeyCredentialRpEntity(name=company_name(), id=host()),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == _origin(),
    )


def _origin() -> str:
    port = urlsplit(settings.PORTAL_URL).port
    return f"https://{host()}" + (f":{port}" if port else "")


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY,
            id=bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports],
        )
        for passkey in user.passkeys.order_by("pk")
    ]


def _as_json(options: CredentialCreationOptions | CredentialRequestOptions) -> dict[str, Any]:
    return dict(options.public_key)


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("the answer is too long")
    parsed = strict_json.parsed(answer)
    if len(websafe_decode(parsed["rawId"])) > LONGEST_ID:
        raise ValueError("the id is too long")
    return parsed  # type: ignore[no-any-return]


def _refused(error: Exception, *, person: User | None = None) -> PasskeyRefused:
    # The answer may be anything, and its parsers raise anything.
    log.info("a passkey is refused: %s: %s", type(error).__name__, error)
    return PasskeyRefused(person=person)
