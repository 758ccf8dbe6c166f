"""The keys of `box.toml`: their types, defaults, checks, and who may change them."""

from __future__ import annotations

import ipaddress
import re
import socket
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypedDict, Unpack, cast, get_type_hints
from urllib.parse import urlsplit

from appliance.quoting import control_in

type Value = str | int | bool | tuple[str, ...]
type Check = Callable[[Any], str | None]
"""Says in a sentence what is wrong with a value, or None."""


class _Options(TypedDict, total=False):
    check: Check
    console: bool
    is_program: bool


def _key(default: Value, help_text: str, **options: Unpack[_Options]) -> Any:
    plain = {"help": help_text, "console": False, "is_program": False, "check": None}
    return field(default=default, metadata={**plain, **options})


# --- checks: each answers with the rest of the sentence "KEY must ..." --------------------------------------


def _one_of(*choices: str) -> Check:
    return lambda value: None if value in choices else f"must be one of {', '.join(choices)}"


def _between(low: int, high: int, *, or_zero: bool = False) -> Check:
    def check(value: int) -> str | None:
        if low <= value <= high or (or_zero and value == 0):
            return None
        return f"must be between {low} and {high}" + (", or 0 to let the box choose" if or_zero else "")

    return check


def _port(value: int) -> str | None:
    return _between(1, 65535)(value)


def _host(value: str) -> str | None:
    if value == "" or re.fullmatch(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62}\.?)*[a-z0-9]|[a-z0-9]", value):
        return None
    return "must be a host name in lower case without a port, such as portal.example.com"


def _name(value: str) -> str | None:
    return (
        None
        if re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value)
        else "must be a bucket name as S3 allows it"
    )


def _networks(value: tuple[str, ...]) -> str | None:
    for entry in value:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            return f"must hold addresses or networks such as 10.0.0.0/8, and {entry!r} is none"
    return None


def _digest(value: str) -> str | None:
    return None if re.fullmatch("([0-9a-f]{64})?", value) else "must be a SHA-256 in hexadecimal, or empty"


def _addresses(value: tuple[str, ...]) -> str | None:
    for entry in value:
        try:
            ipaddress.ip_address(entry)
        except ValueError:
            return f"must hold IP addresses of this machine, and {entry!r} is none"
    return None if value else "must hold at least one address; 0.0.0.0 and :: mean all"


def _names(value: tuple[str, ...]) -> str | None:
    for entry in value:
        if not entry or (_host(entry) and _networks((entry,))) or "/" in entry:
            return f"must hold host names or IP addresses, and {entry!r} is none"
    return None


def _zone(value: str) -> str | None:
    return None if value in zoneinfo.available_timezones() else "must be a time zone such as Europe/Moscow"


def _endpoint(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        good = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and parts.path in ("", "/")
            and not parts.query
            # Reading it skips line breaks and believes any name.
            and not control_in(value)
            and (":" in parts.hostname or _host(parts.hostname) is None)
        )
        good = good and (parts.port or 1) > 0
    except ValueError:
        good = False
    return None if value == "" or good else "must be an address such as https://s3.example.com:9000"


def _phones(value: tuple[str, ...]) -> str | None:
    for entry in value:
        name, _, address = entry.partition("=")
        is_tls = address.startswith("wss://")
        host, _, port = address.removeprefix("wss://").rpartition(":")
        good = re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) and host and not _host(host) and port.isdecimal()
        if not good or _port(int(port)):
            return f"must hold names and addresses such as office=10.0.0.7:8088, and {entry!r} is none"
        if is_tls and not re.search("[a-z]", host):
            return f"must name the PBX as its certificate does where it is encrypted: {entry!r} is an address"
    names = [entry.partition("=")[0] for entry in value]
    return None if len(names) == len(set(names)) else "must name each PBX once"


def _absolute(value: str) -> str | None:
    good = value == "" or (value.startswith("/") and not control_in(value))
    return None if good else "must be an absolute path on one line"


def _region(value: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9_.-]{0,63}", value) else "must be a region such as us-east-1"


# --- the keys -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Balancer:
    http_port: int = _key(80, "Where plain HTTP is answered with the way to HTTPS.", check=_port)
    https_port: int = _key(443, "Where the portal is served.", check=_port)
    publicly_trusted: bool = _key(
        False,
        "The certificate is trusted by browsers everywhere, so they may be told to insist on it (HSTS).",
    )
    names: tuple[str, ...] = _key(
        (),
        "Names and addresses that people call the portal by, beside its hostname and its certificate's.",
        check=_names,
    )
    trusted_proxies: tuple[str, ...] = _key(
        (), "Proxies in front of the box whose X-Forwarded-For is believed.", check=_networks
    )
    proxy_protocol: bool = _key(False, "The trusted proxies speak the PROXY protocol to the HTTPS port.")


@dataclass(frozen=True)
class Database:
    port: int = _key(5432, "The number in the name of the Unix socket; there is no TCP port.", check=_port)
    max_connections: int = _key(100, "How many connections PostgreSQL takes.", check=_between(20, 5000))
    memory_mb: int = _key(
        0,
        "Memory that PostgreSQL may count on, in MiB.",
        check=_between(128, 1 << 22, or_zero=True),
        console=True,
    )


@dataclass(frozen=True)
class Objects:
    engine: str = _key(
        "seaweedfs", "Which S3 server keeps the files.", check=_one_of("seaweedfs", "minio", "external")
    )
    program: str = _key(
        "", "Another `weed` or `minio` program than the one found.", check=_absolute, is_program=True
    )
    port: int = _key(
        8333,
        "The S3 port on the loopback address; seaweedfs uses the seven after it too.",
        check=_between(1024, 55000),
    )
    endpoint: str = _key("", "Address of an external store.", check=_endpoint)
    ca_file: str = _key(
        "", "Certificate authority of an external store, PEM; the box keeps a copy.", check=_absolute
    )
    region: str = _key("us-east-1", "Region that requests are signed for.", check=_region)
    bucket: str = _key(
        "korobka-files", "Bucket of the portal's files; also its path on the portal.", check=_name
    )
    path_style: bool = _key(True, "The external store takes the bucket in the path, not in the host name.")
    memory_mb: int = _key(
        # Idle, 230 MiB of it are in use: with less room than this its garbage collector never rests.
        512,
        "Memory in MiB that the store keeps itself to; more makes it faster.",
        check=_between(384, 1 << 20),
        console=True,
    )


@dataclass(frozen=True)
class Cache:
    memory_mb: int = _key(
        64, "Size of this machine's part of the cache, in MiB.", check=_between(16, 65536), console=True
    )


@dataclass(frozen=True)
class Web:
    threads: int = _key(8, "Threads of one web worker.", check=_between(1, 64), console=True)


@dataclass(frozen=True)
class Backup:
    patience_seconds: int = _key(
        120,
        "A copy to or from a backup target is given up when nothing has moved for so long; all other waiting "
        "for targets follows from it.",
        # Less leaves no time to try again; after half an hour without a word pgBackRest gives up by itself.
        check=_between(20, 3600),
    )


@dataclass(frozen=True)
class Integrations:
    reachable_networks: tuple[str, ...] = _key(
        (), "Networks that outgoing webhooks may reach though they are the machine's own.", check=_networks
    )


@dataclass(frozen=True)
class Metrics:
    networks: tuple[str, ...] = _key(
        (), "Networks that may read /metrics without a token: those of monitors.", check=_networks
    )
    token_sha256: str = _key(
        "", "Of the token that may read /metrics; `boxctl metrics token` makes one.", check=_digest
    )


@dataclass(frozen=True)
class Telephony:
    enabled: bool = _key(False, "The bridge to the company's PBXs runs here.", console=True)
    phones: tuple[str, ...] = _key(
        (),
        "Where phones in browsers find their PBX: its name in the portal and its WebSocket, such as "
        "office=10.0.0.7:8088, or office=wss://pbx.example.com:8089 where it is encrypted.",
        check=_phones,
    )
    ca_file: str = _key(
        "",
        "Authority of encrypted WebSockets of PBXs, PEM; empty: the system's. The box keeps a copy.",
        check=_absolute,
    )


@dataclass(frozen=True)
class Cluster:
    provider: str = _key(
        "",
        "Program that makes and ends machines when the load asks for it.",
        check=_absolute,
        is_program=True,
    )
    sleep: str = _key(
        "services",
        "What a reserve does that is put to sleep: ends its services, or switches its machine off.",
        check=_one_of("services", "off"),
    )


@dataclass(frozen=True)
class Logs:
    size_mb: int = _key(
        20,
        "Without systemd, a service's log is rotated at this size, in MiB.",
        check=_between(1, 1024),
        console=True,
    )
    files: int = _key(
        4,
        "Without systemd, how many rotated logs are kept of each service.",
        check=_between(1, 50),
        console=True,
    )


@dataclass(frozen=True)
class NodeTable:
    """`[node]`: what differs between the machines of one box."""

    name: str = _key("", "The machine's name in the cluster; empty means its host name.", check=_host)
    listen: tuple[str, ...] = _key(
        ("0.0.0.0", "::"),  # noqa: S104 - the balancer is there to be reached
        "Addresses on which the balancer answers.",
        check=_addresses,
    )
    web_workers: int = _key(
        0,
        "How many web workers run here; 0: as many as the load asks for.",
        check=_between(1, 64, or_zero=True),
        console=True,
    )
    web_workers_min: int = _key(
        0,
        "Fewest web workers that the load may leave; 0: half as many as the box has cores, at least 2.",
        check=_between(1, 64, or_zero=True),
        console=True,
    )
    web_workers_max: int = _key(
        0,
        "Most web workers that the load may ask for; 0: as many as the box has cores, 2 to 8.",
        check=_between(1, 64, or_zero=True),
        console=True,
    )


@dataclass(frozen=True)
class Box:
    """All of `box.toml`, complete with defaults."""

    hostname: str = _key("", "The portal's name in the browser; empty means this machine's own.", check=_host)
    language: str = _key(
        "en", "Language of the sign-in page and of letters.", check=_one_of("en", "ru"), console=True
    )
    time_zone: str = _key("Europe/Moscow", "The company's time zone.", check=_zone, console=True)
    log_level: str = _key(
        "INFO", "How much the portal logs.", check=_one_of("DEBUG", "INFO", "WARNING", "ERROR"), console=True
    )
    balancer: Balancer = field(default_factory=Balancer)
    database: Database = field(default_factory=Database)
    objects: Objects = field(default_factory=Objects)
    cache: Cache = field(default_factory=Cache)
    web: Web = field(default_factory=Web)
    backup: Backup = field(default_factory=Backup)
    integrations: Integrations = field(default_factory=Integrations)
    metrics: Metrics = field(default_factory=Metrics)
    telephony: Telephony = field(default_factory=Telephony)
    cluster: Cluster = field(default_factory=Cluster)
    logs: Logs = field(default_factory=Logs)
    node: NodeTable = field(default_factory=NodeTable)

    @property
    def public_name(self) -> str:
        """The name people type: `hostname`, or this machine's."""
        return self.hostname or socket.getfqdn().lower() or "localhost"


@dataclass(frozen=True)
class Key:
    """A key of `box.toml`, for help texts, the console and `boxctl config`."""

    name: str
    type: type
    default: Value
    console: bool
    is_program: bool
    """Its value is run: root alone names it, and on the very machine."""
    help: str
    check: Check | None


TABLES: Mapping[str, type[Any]] = {
    name: kind for name, kind in get_type_hints(Box).items() if isinstance(kind, type) and is_dataclass(kind)
}


def _keys_of(table: type, prefix: str) -> dict[str, Key]:
    hints = get_type_hints(table)
    found = {}
    for entry in fields(table):
        if entry.name in TABLES and not prefix:
            continue
        kind = hints[entry.name]
        found[prefix + entry.name] = Key(
            name=prefix + entry.name,
            type=kind if isinstance(kind, type) else tuple,
            default=cast(Value, entry.default),
            console=entry.metadata["console"],
            is_program=entry.metadata["is_program"],
            help=entry.metadata["help"],
            check=entry.metadata["check"],
        )
    return found


KEYS: Mapping[str, Key] = _keys_of(Box, "") | {
    name: key for table, kind in TABLES.items() for name, key in _keys_of(kind, f"{table}.").items()
}
"""Every key by its dotted name, such as `objects.engine`."""
