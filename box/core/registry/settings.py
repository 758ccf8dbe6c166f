"""What an administrator chooses for the whole portal: typed, and declared by the room that obeys it.

    DISLIKES = Setting("feed.dislikes", default=True, section="feed", label=_("People may dislike"))
    settings.add(DISLIKES.key, DISLIKES)     # in the room's `offer()`
    if DISLIKES.value: ...

Values are JSON's own types. What is machine or root's business stands in `box.toml` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import F
from django.db.models.expressions import RawSQL
from django.utils import timezone

from box.core.registry.models import SettingsVersion, StoredSetting
from box.core.registry.offers import Offers
from box.lib.prepared import Prepared
from box.lib.replicas import at_leader
from box.lib.sealing import seal, unseal

if TYPE_CHECKING:
    from django import forms
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Setting[T]:
    """One choice. `field` makes the form field that asks for it; without, `default`'s type says which.

    A secret is a text that is encrypted where it is stored, and shown to nobody.
    """

    key: str
    default: T
    section: str
    label: _StrOrPromise
    help: _StrOrPromise = ""
    field: Callable[[], forms.Field] | None = None
    is_secret: bool = False
    told: Callable[[T], object] = lambda value: value
    """A value as people call it, where it is a key of something."""

    @property
    def value(self) -> T:
        """What holds now. In a request at most one query for all settings, and none if nothing changed."""
        values = _stored.value
        if self.key not in values:
            return self.default
        value: T = _opened(values[self.key]) if self.is_secret else values[self.key]
        return value

    @property
    def is_stored(self) -> bool:
        """Whether somebody has chosen something. Asks no seal, which may be that of another box."""
        return bool(_stored.value.get(self.key))

    @property
    def known(self) -> T:
        """What this process read last: for pages that must not ask the database."""
        known: T = (_stored.known or {}).get(self.key, self.default)
        return known


@dataclass(frozen=True)
class Section:
    """A page of settings. `check` looks at its values together, and raises ValidationError by key."""

    label: _StrOrPromise
    order: int
    about: _StrOrPromise = ""
    check: Callable[[Mapping[str, Any]], None] | None = None
    needs_proof: bool = False
    """Whether its page asks for the password again: accounts, or what is known of them, hang on it."""


settings: Offers[Setting[Any]] = Offers("settings")
sections: Offers[Section] = Offers("sections of settings")

_ONLY = 1
_version: ContextVar[int | None] = ContextVar("settings version", default=None)
_all_remembered: list[Remembered[Any]] = []


class Remembered[T]:
    """What administrators choose for everybody: read once a process and version, anew once it has changed.

    Whoever changes it calls `raise_version` in the same transaction. What also changes by itself, as what is
    true of a day, says `within` what it holds: it is read anew as soon as that is something else.
    """

    def __init__(self, read: Callable[[], T], *, within: Callable[[], Hashable] = lambda: None) -> None:
        self._read = read
        self._within = within
        self._cached: tuple[tuple[int, Hashable], T] | None = None
        self.known: T | None = None
        """What was read last, of whichever version."""
        _all_remembered.append(self)

    @property
    def value(self) -> T:
        version = _version.get()
        if version is None:
            self.known = self._read_anew()
            return self.known
        cached, key = self._cached, (version, self._within())
        if cached is None or cached[0] != key:
            # Read after the version: it may be newer than that says, and is then read once more, never older.
            cached = self._cached = key, self._read_anew()
            self.known = cached[1]
        return cached[1]

    def _read_anew(self) -> T:
        # A replica that is behind would be believed for as long as nothing else changes.
        with at_leader():
            return self._read()

    def forget(self) -> None:
        self._cached = self.known = None


def raise_version() -> None:
    """In the transaction of the change: every process reads anew what it remembers."""
    SettingsVersion.objects.get_or_create(pk=_ONLY)
    SettingsVersion.objects.filter(pk=_ONLY).update(number=F("number") + 1)


@transaction.atomic
def store(values: Mapping[str, Any]) -> None:
    """Writes these settings, and makes every process read them anew. Raises NotOffered for an unknown key."""
    stored = {
        key: seal(value, _box_key()) if settings[key].is_secret and value else value
        for key, value in values.items()
    }
    raise_version()
    now = timezone.now()
    StoredSetting.objects.bulk_create(
        [StoredSetting(key=key, value=value, changed_at=now) for key, value in stored.items()],
        update_conflicts=True, unique_fields=["key"], update_fields=["value", "changed_at"],
    )  # fmt: skip


_NUMBER = Prepared(lambda: SettingsVersion.objects.filter(pk=_ONLY).values_list("number"))


def current_version() -> RawSQL:
    """For the query that begins a request: the number under which the settings may be remembered."""
    table = SettingsVersion._meta.db_table
    # In words of its own: every request would pay for composing it.
    return RawSQL(f'COALESCE((SELECT number FROM "{table}" WHERE id = %s), 0)', [_ONLY])  # noqa: S608, S611


def version_of_request() -> int | None:
    """Under which this request remembers them; None outside of requests, where nothing is remembered."""
    return _version.get()


def read_version() -> int:
    """The same in a query of its own, for a request of nobody known."""
    found = _NUMBER.rows()
    return int(found[0][0]) if found else 0


@contextmanager
def as_of(version: int) -> Iterator[None]:
    """Within it settings are those of this version or newer, and are read once a process and version."""
    token = _version.set(version)
    try:
        yield
    finally:
        _version.reset(token)


def forget() -> None:
    """For tests, in which the same version comes again with other values."""
    for remembered in _all_remembered:
        remembered.forget()


def _opened(stored: str) -> Any:
    return unseal(stored, _box_key())


def _box_key() -> str:
    return django_settings.SECRET_KEY


def _read() -> Mapping[str, Any]:
    return dict(StoredSetting.objects.values_list("key", "value"))


_stored = Remembered(_read)
