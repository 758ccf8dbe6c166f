"""What a PBX is to be: its telephones, lines, queues and rules, as `generator` writes them down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from django.utils.translation import gettext as _

from box.bridges.telephony.asterisk_conf import Unwritable

RESERVED = frozenset({"general", "global", "system", "anonymous", "default"})
"""Sections that mean something of their own to Asterisk, in one of its files or another."""
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Release(NamedTuple):
    """Of Asterisk: 22, or 22.6 with all before it of the same number."""

    major: int
    minor: int = 0

    @classmethod
    def of(cls, text: str) -> Release:
        """As people write it: `22`, `22.6`, `22.6.1`. Raises ValueError."""
        found = re.fullmatch(r"(\d{2})(?:\.(\d{1,3})(?:\.\d{1,3})?)?", text.strip())
        if found is None or int(found[1]) < 13:
            raise ValueError(f"{text[:20]!r} is no release of Asterisk from 13 on: write it like 18 or 22.6.")
        return cls(int(found[1]), int(found[2] or 0))

    @property
    def logs_music(self) -> bool:
        """Whether its CEL knows STREAM_BEGIN and STREAM_END."""
        return self.major >= min(_LOGS_MUSIC) and self.minor >= _LOGS_MUSIC.get(self.major, 0)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" if self.minor else str(self.major)


EARLIEST = Release(13)
_LOGS_MUSIC = {20: 16, 21: 11, 22: 6}
"""It came into three lines at once, and every later one has it."""
RELEASES = tuple(sorted([*map(Release, range(13, 23)), *(Release(*line) for line in _LOGS_MUSIC.items())]))


def release_for(version: str) -> Release | None:
    """The highest of these that is not above what a PBX says of itself, `16.28.0` or `certified/18.9-cert1`;
    None where it says nothing that is known."""
    found = re.search(r"\b(\d{2})\.(\d{1,3})", version)
    if found is None:
        return None
    runs = Release(int(found[1]), int(found[2]))
    return max((one for one in RELEASES if one <= runs), default=None)


"""From each of which on something else may be written."""


@dataclass(frozen=True)
class Phone:
    number: str
    name: str
    password: str
    is_browser: bool = False
    """Rings in the portal, over a WebSocket that the box leads there; its password is the box's to give."""
    address: str = ""
    """Of a phone that does not register: `sip:100@10.0.0.7:5060`."""
    is_own: bool = False
    """The PBX has it already, with its password: only the dialplan rings it."""
    forwards_to: str = ""
    """Digits, as they are dialled in our own context: an extension, or a number that may be called."""
    forwards_after: int = 20
    """Seconds for which it rings before; 0: it does not ring."""


@dataclass(frozen=True)
class Queue:
    name: str
    number: str
    members: tuple[str, ...] = ()
    strategy: str = "ringall"
    rings_seconds: int = 20
    waits_seconds: int = 300
    is_group: bool = False
    """A hunt group: callers do not wait in a line. With the strategy `linear` telephones ring one after the
    other, else all together."""
    otherwise: str = ""
    """Where whoever was not answered goes on; nowhere without."""


@dataclass(frozen=True)
class Trunk:
    """The provider's line."""

    name: str
    host: str
    user: str = ""
    password: str = ""
    caller_id: str = ""
    numbers: tuple[str, ...] = ()
    """Ours, as the provider sends them."""
    answers: str = ""
    """Which extension or queue rings when one of these is called."""
    closed: str = ""
    """Where calls go outside `Plan.hours`; as at any time without."""


@dataclass(frozen=True)
class Hours:
    """When somebody is there, by the clock of a time zone."""

    begin: time
    end: time
    weekdays: frozenset[int]
    """0 is Monday."""
    zone: str

    def __str__(self) -> str:
        """As GotoIfTime takes it."""
        if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", self.zone):
            said = _("%(zone)s is no time zone: write it like Europe/Moscow.")
            raise Unwritable(said % {"zone": repr(self.zone)})
        # The end is the first minute after it; Asterisk counts that of its range in.
        last = (datetime.combine(date.min, self.end) - timedelta(minutes=1)).time()
        days = "&".join(_WEEKDAYS[day] for day in sorted(self.weekdays))
        return f"{self.begin:%H:%M}-{last:%H:%M},{days},*,*,{self.zone}"


@dataclass(frozen=True)
class Menu:
    """Press one for sales."""

    number: str
    sound: str
    """As the PBX plays it: `custom/welcome`, without what its name ends in."""
    choices: Mapping[str, str]
    """A key, and the number that it leads to."""
    otherwise: str = ""
    """Where whoever presses nothing, or nothing that leads anywhere, goes on; nowhere without."""


@dataclass(frozen=True)
class Plan:
    manager_secret: str
    asterisk: Release = EARLIEST
    """The PBX's. A later one than is said here also reads what is written."""
    box_addresses: tuple[str, ...] = ("127.0.0.1/32",)
    """From where the bridge signs in."""
    bind_address: str = "0.0.0.0"  # noqa: S104 - a PBX listens; the user's ACL lets the box in only
    manager_port: int = 5038
    manager_user: str = "korobka"
    certificate: str = ""
    """A PEM file with key and certificate, on the PBX; with it the bridge's connection, and those of phones
    in browsers, can be encrypted."""
    websocket_port: int = 8088
    """Where browsers' phones arrive, by way of the box."""
    transcodes_opus: bool = False
    """Whether it has a `codec_opus`, which does not come with Asterisk: without one it ends a call that a
    browser answers with Opus."""
    agi_host: str = ""
    agi_port: int = 4573
    phones: tuple[Phone, ...] = ()
    queues: tuple[Queue, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    menus: tuple[Menu, ...] = ()
    hours: Hours | None = None
    outgoing_prefixes: tuple[str, ...] = ()
    """What may be dialled outside; nothing without."""
    forbidden_prefixes: tuple[str, ...] = ()
    """But not these, which are longer."""
    dial_prefix: str = ""
    """What employees dial before a number outside."""
    records: bool = False
    recording_folder: str = "/var/spool/asterisk/monitor"
    recording_command: str = ""
    """Called with the file when a recording is whole."""
    database: bool = False
    """CEL and CDR go to PostgreSQL, not to CSV files."""
    database_dsn: Mapping[str, str] = field(default_factory=dict)
