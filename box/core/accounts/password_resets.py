"""Links by which people who forgot their password choose another: signed, good once and for an hour, and
stored nowhere.

A link names the person and the password that is forgotten, as a digest of its hash. Whoever changes the
password, by the link or otherwise, voids every link made before.
"""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from box.core.accounts.models import User
from box.core.accounts.passwords import has_own_password

SALT = "accounts.reset"
GOOD_FOR = timedelta(hours=1)


def token_of(person: User) -> str:
    return signing.dumps([person.pk, _seal(person)], salt=SALT)


def person_of(token: str) -> User | None:
    """Whose password it changes; None for a forged, expired or used one, for who may not come in, and for
    whose password is kept elsewhere."""
    try:
        pk, seal = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        return None
    person: User | None = User.objects.active().filter(pk=pk).first()
    if person is None or not constant_time_compare(seal, _seal(person)) or not has_own_password(person):
        return None
    return person


def _seal(person: User) -> str:
    return salted_hmac(SALT, person.password, algorithm="sha256").hexdigest()
