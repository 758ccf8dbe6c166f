"""What happened to people."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class UserCreated:
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class PersonInvited:
    """A letter with a link is due: each `at` makes a link of its own, and voids those before."""

    user_id: int
    by_id: int | None
    at: datetime


@dataclass(frozen=True)
class PersonJoined:
    """Took an invitation up."""

    user_id: int


@dataclass(frozen=True)
class PasswordResetAsked:
    """A letter with a link to another password is due. Whoever asked for it is not known to be the person."""

    user_id: int
    at: datetime


@dataclass(frozen=True)
class PasswordReset:
    """The person has chosen another password by the link of a letter."""

    user_id: int


@dataclass(frozen=True)
class UserStatusChanged:
    """Suspended, dismissed, or back."""

    user_id: int
    status: str
    by_id: int | None


@dataclass(frozen=True)
class ProfileChanged:
    """`fields` are the names of those that have another value now."""

    user_id: int
    fields: tuple[str, ...]
    by_id: int | None = None


@dataclass(frozen=True)
class AdministratorChanged:
    """The person administers the box from now on, or no longer."""

    user_id: int
    is_administrator: bool
    by_id: int | None


@dataclass(frozen=True)
class PersonErased:
    """What was known of somebody who has left is gone from every room."""

    user_id: int
    by_id: int


@dataclass(frozen=True)
class PeopleMerged:
    """Two accounts were one person: `gone_id` is `user_id` from now on."""

    user_id: int
    gone_id: int
    by_id: int


@dataclass(frozen=True)
class BrowserAppeared:
    """Somebody who had signed in elsewhere before did so in a browser that is new."""

    user_id: int
    browser_id: int


@dataclass(frozen=True)
class SessionsEnded:
    """Sessions of the person are gone; `kept`, if any, is the digest of the one they acted in."""

    user_id: int
    kept: str = ""


@dataclass(frozen=True)
class PeopleCalled:
    """Something to tell these people, as a notification: rooms below the notifications emit it.

    `kind` is that of a notice, `about_kind` and `about_id` name the object as `Ref` does. The same key again
    tells nobody twice.
    """

    user_ids: tuple[int, ...]
    kind: str
    about_kind: str
    about_id: int
    key: str
    by_id: int | None


@dataclass(frozen=True)
class SecondFactorAdded:
    user_id: int
    kind: str
    by_id: int


@dataclass(frozen=True)
class SecondFactorRemoved:
    user_id: int
    kind: str
    by_id: int


@dataclass(frozen=True)
class SecondFactorReset:
    """Somebody else has taken all of it away, for the person to begin anew."""

    user_id: int
    by_id: int | None
