"""What happened to directories."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConnectionChanged:
    """Added, or set up in another way."""

    connection_id: int
    by_id: int | None


@dataclass(frozen=True)
class ConnectionDeleted:
    name: str
    by_id: int | None


@dataclass(frozen=True)
class RunAsked:
    """A run is to be done in the background."""

    run_id: int
    by_id: int | None


@dataclass(frozen=True)
class RunFinished:
    """Over, for good or bad, or stopped by the guard to ask."""

    run_id: int
    state: str


@dataclass(frozen=True)
class RunCancelled:
    """Somebody has stopped a run: what it had written by then stays."""

    run_id: int
    by_id: int | None


@dataclass(frozen=True)
class EntryLinked:
    """Somebody has said whose entry it is."""

    connection_id: int
    user_id: int
    dn: str
    by_id: int


@dataclass(frozen=True)
class EntrySeparated:
    """Somebody has said that an entry is none of those whom it was taken for."""

    connection_id: int
    user_id: int | None
    dn: str
    by_id: int


@dataclass(frozen=True)
class PersonUnlinked:
    """No directory says any more how this person is."""

    connection_id: int
    user_id: int
    by_id: int


@dataclass(frozen=True)
class PasswordChanged:
    """Somebody has changed their password of the directory in the portal."""

    connection_id: int
    user_id: int
    by_id: int


@dataclass(frozen=True)
class GuardAnswered:
    """Somebody has decided whether the run that the guard has stopped goes on."""

    run_id: int
    is_allowed: bool
    by_id: int
