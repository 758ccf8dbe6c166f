"""The second factor: what somebody has besides what they know."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import pyotp
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.roles import current
from box.core.accounts.digests import digest
from box.core.accounts.events import SecondFactorAdded, SecondFactorRemoved, SecondFactorReset
from box.core.accounts.models import Passkey, RecoveryCode, Totp, User
from box.core.accounts.policy import GRACE_DAYS
from box.core.events.outbox import emit
from box.core.registry.company import company_name
from box.core.registry.health import is_read_only
from box.lib.sealing import seal, unseal

# A phone's clock may be off by one step of 30 seconds in each direction.
STEPS_OFF = 1
STEP_SECONDS = 30
RECOVERY_CODES = 10
# Without letters and digits that are mistaken for each other on paper: 10 of 31 are 49 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class WrongCode(ValidationError):
    def __init__(self) -> None:
        super().__init__(
            _("This code is not right. Take the newest one, and check the clock of your phone."), code="code"
        )


def is_needed(user: User) -> bool:
    """Whether a role of theirs asks for a second factor. Costs no query in a request."""
    return user.is_active and any(
        role.needs_second_factor and role.is_held_by(user) for role in current().all
    )


def begin_grace(user: User, now: datetime) -> None:
    """From the first sign-in that needs a second factor on there are some days to set it up. A session may be
    older than the role: there they begin with the next page."""
    if user.second_factor_due_at is not None or user.has_second_factor:
        return
    if is_needed(user) and not is_read_only():
        user.second_factor_due_at = now + timedelta(days=GRACE_DAYS.value)
        user.save(update_fields=["second_factor_due_at"])


def is_overdue(user: User, now: datetime) -> bool:
    """Whether nothing else may be done before a second factor is set up."""
    if user.has_second_factor or user.second_factor_due_at is None or now < user.second_factor_due_at:
        return False
    return is_needed(user)


def new_seed() -> str:
    return pyotp.random_base32()


def address_of(seed: str, user: User) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(seed).provisioning_uri(name=user.login, issuer_name=company_name())


@transaction.atomic
def add_totp(user: User, seed: str, code: str, *, by: User) -> None:
    """From now on this app is asked for. Raises WrongCode unless its code shows that it has the seed."""
    step = _step_of(seed, code, after=0)
    sealed = seal(seed, settings.SECRET_KEY)
    Totp.objects.update_or_create(
        user=user, defaults={"seed": sealed, "last_step": step, "added_at": timezone.now()}
    )
    factor_added(user, "totp", by=by)


@transaction.atomic
def check_totp(user: User, code: str) -> bool:
    """Whether the code is right. Each is good once, however often it is sent."""
    app = Totp.objects.select_for_update().filter(user=user).first()
    if app is None:
        return False
    try:
        step = _step_of(unseal(app.seed, settings.SECRET_KEY), code, after=app.last_step)
    except WrongCode:
        return False
    app.last_step = step
    app.save(update_fields=["last_step"])
    return True


def _step_of(seed: str, code: str, *, after: int) -> int:
    """The step of 30 seconds that the code belongs to. Raises WrongCode, also for a step that was used."""
    totp, now = pyotp.TOTP(seed), int(timezone.now().timestamp()) // STEP_SECONDS
    code = "".join(code.split())
    for step in range(now - STEPS_OFF, now + STEPS_OFF + 1):
        if step > after and pyotp.utils.strings_equal(totp.generate_otp(step), code):
            return step
    raise WrongCode


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Ten codes, each good once, in place of those before. They are shown now and never again."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return codes


def use_recovery_code(user: User, code: str) -> bool:
    """Whether it was one of the person's; it is none afterwards."""
    wanted = _digest(user, "".join(code.lower().split()).replace("-", ""))
    return bool(RecoveryCode.objects.filter(user=user, digest=wanted).delete()[0])


def _recovery_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def _digest(user: User, code: str) -> str:
    # 49 bits of chance need no slow hash.
    return digest(f"{user.pk}:{code.replace('-', '')}")


@transaction.atomic
def remove_totp(user: User, *, by: User) -> None:
    """The app is no longer asked for. Raises ValidationError where a role needs a second factor."""
    keep_one(user, or_else=not user.passkeys.exists())
    Totp.objects.filter(user=user).delete()
    factor_removed(user, "totp", by=by)


def keep_one(user: User, *, or_else: bool) -> None:
    """Locks the person's factors. Raises ValidationError if the last one is to go that a role needs."""
    User.objects.select_for_update().get(pk=user.pk)
    if or_else and is_needed(user):
        raise ValidationError(_("Your role needs a second factor: it cannot be without one."), code="needed")


@transaction.atomic
def reset(user: User, *, by: User | None) -> None:
    """For whoever has lost everything: the next sign-in asks for the password alone, then to set up anew."""
    from box.core.accounts.actions import end_sessions

    Totp.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    _forget(user)
    end_sessions(user)
    emit(SecondFactorReset(user_id=user.pk, by_id=by.pk if by else None))


def _forget(user: User) -> None:
    RecoveryCode.objects.filter(user=user).delete()
    user.has_second_factor, user.second_factor_due_at = False, None
    user.save(update_fields=["has_second_factor", "second_factor_due_at"])


def factor_added(user: User, kind: str, *, by: User) -> None:
    user.has_second_factor = True
    user.save(update_fields=["has_second_factor"])
    emit(SecondFactorAdded(user_id=user.pk, kind=kind, by_id=by.pk))


def factor_removed(user: User, kind: str, *, by: User) -> None:
    """With the last one the recovery codes go, too."""
    if not (Totp.objects.filter(user=user).exists() or user.passkeys.exists()):
        _forget(user)
    emit(SecondFactorRemoved(user_id=user.pk, kind=kind, by_id=by.pk))
