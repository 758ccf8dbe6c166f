"""What happened to people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UserCreated:
    user_id: int
    by_id: int | None


@dataclass(frozen=True)
class UserStatusChanged:
    """Suspended, dismissed, or back."""

    user_id: int
    status: str
    by_id: int | None


@dataclass(frozen=True)
class SessionsEnded:
    """Sessions of the person are gone; `kept`, if any, is the digest of the one they acted in."""

    user_id: int
    kept: str = ""
