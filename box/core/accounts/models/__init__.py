"""People. An employee is never deleted, only suspended or dismissed: what they made stays."""

from box.core.accounts.models.people import (
    ERASED,
    MERGED,
    MOST_RESEMBLING,
    NEW_FOR,
    Face,
    Like,
    Profile,
    SignInName,
    User,
    UserManager,
    UserQuerySet,
    circles,
)
from box.core.accounts.models.signing_in import Failures, KnownBrowser, Passkey, RecoveryCode, Session, Totp

__all__ = [
    "ERASED",
    "MERGED",
    "MOST_RESEMBLING",
    "NEW_FOR",
    "Face",
    "Failures",
    "KnownBrowser",
    "Like",
    "Passkey",
    "Profile",
    "RecoveryCode",
    "Session",
    "SignInName",
    "Totp",
    "User",
    "UserManager",
    "UserQuerySet",
    "circles",
]
