"""The box's configuration: `box.toml` and `secrets.toml`, checked and typed.

An empty `box.toml` is a valid box: every key has a default. A key is marked *console* (an administrator may
change it in the browser) or *root-only* (paths, programs, certificates, addresses: whatever root would
execute or trust). `apply` writes what each service needs into files of its own and says which services must
take notice.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
import secrets
import socket
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypedDict, Unpack, cast, get_type_hints
from urllib.parse import urlsplit

from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.peers import new_pair

type Value = str | int | bool | tuple[str, ...]
type Check = Callable[[Any], str | None]
"""Says in a sentence what is wrong with a value, or None."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the key, the line it stands on (None: it is missing or is not in the file)."""

    key: str
    line: int | None
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


class ConfigError(Exception):
    """The configuration is refused; what runs keeps running. Carries every problem, not only the first."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}, {problem}" for problem in problems))


class RootOnly(Exception):
    """The console asked for a key that only root may change."""


class _Options(TypedDict, total=False):
    check: Check
    console: bool


def _key(default: Value, help_text: str, **options: Unpack[_Options]) -> Any:
    return field(default=default, metadata={"help": help_text, "console": False, "check": None, **options})


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


def _addresses(value: tuple[str, ...]) -> str | None:
    for entry in value:
        try:
            ipaddress.ip_address(entry)
        except ValueError:
            return f"must hold IP addresses of this machine, and {entry!r} is none"
    return None if value else "must hold at least one address; 0.0.0.0 and :: mean all"


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
        )
        good = good and (parts.port or 1) > 0
    except ValueError:
        good = False
    return None if value == "" or good else "must be an address such as https://s3.example.com:9000"


def _absolute(value: str) -> str | None:
    return None if value == "" or value.startswith("/") else "must be an absolute path"


# --- the keys -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Balancer:
    http_port: int = _key(80, "Where plain HTTP is answered with the way to HTTPS.", check=_port)
    https_port: int = _key(443, "Where the portal is served.", check=_port)
    publicly_trusted: bool = _key(
        False,
        "The certificate is trusted by browsers everywhere, so they may be told to insist on it (HSTS).",
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
    program: str = _key("", "Another `weed` or `minio` program than the one found.", check=_absolute)
    port: int = _key(
        8333,
        "The S3 port on the loopback address; seaweedfs uses the seven after it too.",
        check=_between(1024, 55000),
    )
    endpoint: str = _key("", "Address of an external store.", check=_endpoint)
    ca_file: str = _key("", "Certificate authority of an external store, PEM.", check=_absolute)
    region: str = _key("us-east-1", "Region that requests are signed for.")
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
class Logs:
    size_mb: int = _key(
        20, "A service's log is rotated at this size, in MiB.", check=_between(1, 1024), console=True
    )
    files: int = _key(
        4, "How many rotated logs are kept of each service.", check=_between(1, 50), console=True
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
        0, "How many web workers run here.", check=_between(1, 64, or_zero=True), console=True
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
    logs: Logs = field(default_factory=Logs)
    node: NodeTable = field(default_factory=NodeTable)

    @property
    def public_name(self) -> str:
        """The name people type: `hostname`, or this machine's."""
        return self.hostname or socket.getfqdn().lower() or "localhost"


@dataclass(frozen=True)
class Secrets:
    """All of `secrets.toml` (root, 0600). Made once; no later run of the installer changes a value."""

    secret_key: str
    database_owner_password: str
    database_replication_password: str
    database_rewind_password: str
    objects_access_key: str
    objects_secret_key: str
    objects_admin_access_key: str
    objects_admin_secret_key: str
    objects_signing_key: str
    objects_encryption_key: str
    # What the parts of the object store show each other. No authority's key is kept: all parts share one
    # pair.
    objects_grpc_ca: str
    objects_grpc_certificate: str
    objects_grpc_key: str

    def __repr__(self) -> str:
        return "Secrets(...)"  # so that no traceback and no log shows one


@dataclass(frozen=True)
class Key:
    """A key of `box.toml`, for help texts, the console and `boxctl config`."""

    name: str
    type: type
    default: Value
    console: bool
    help: str
    check: Check | None


_TABLES: Mapping[str, type[Any]] = {
    name: kind for name, kind in get_type_hints(Box).items() if isinstance(kind, type) and is_dataclass(kind)
}


def _keys_of(table: type, prefix: str) -> dict[str, Key]:
    hints = get_type_hints(table)
    found = {}
    for entry in fields(table):
        if entry.name in _TABLES and not prefix:
            continue
        kind = hints[entry.name]
        found[prefix + entry.name] = Key(
            name=prefix + entry.name,
            type=kind if isinstance(kind, type) else tuple,
            default=cast(Value, entry.default),
            console=entry.metadata["console"],
            help=entry.metadata["help"],
            check=entry.metadata["check"],
        )
    return found


KEYS: Mapping[str, Key] = _keys_of(Box, "") | {
    name: key for table, kind in _TABLES.items() for name, key in _keys_of(kind, f"{table}.").items()
}
"""Every key by its dotted name, such as `objects.engine`."""

_TYPE_NAMES = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple: "a list of texts",
}


# --- box.toml -----------------------------------------------------------------------------------------------


def parse(text: str, file: str = "box.toml") -> Box:
    """The typed configuration of a `box.toml`; raises `ConfigError` naming each wrong key and its line."""
    values, problems = _flatten(_load_toml(text, file))
    problems += [problem for name, value in values.items() if (problem := _problem_with(name, value))]
    told = [(name, name, words) for name, words in problems] or [
        need for need in _needs(values) if not values.get(need[1])
    ]
    if told:
        raise ConfigError(
            file,
            tuple(Problem(name, _lines_of(text, at)[0], f"{name} {words}.") for at, name, words in told),
        )
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    arguments: dict[str, Any] = {
        **{name: value for name, value in typed.items() if "." not in name},
        **{
            table: kind(
                **{name.partition(".")[2]: v for name, v in typed.items() if name.startswith(f"{table}.")}
            )
            for table, kind in _TABLES.items()
        },
    }
    return Box(**arguments)


def load(paths: Paths) -> Box:
    """The configuration of the box at `paths`; a missing `box.toml` is an empty one."""
    try:
        text = paths.box_toml.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError as error:
        raise ConfigError(
            str(paths.box_toml), (Problem("", None, f"the file is not UTF-8 text ({error.reason})."),)
        ) from None
    return parse(text, str(paths.box_toml))


def set_value(text: str, name: str, value: Value, *, from_console: bool, file: str = "box.toml") -> str:
    """The text of `box.toml` with one key changed; see `set_values`."""
    return set_values(text, {name: value}, from_console=from_console, file=file)


def set_values(text: str, values: Mapping[str, Value], *, from_console: bool, file: str = "box.toml") -> str:
    """The text of `box.toml` with these keys changed, comments kept, and checked as a whole.

    Checked once, after all: keys that need each other may come in any order. Raises `RootOnly` when the
    console may not change one of them, `ConfigError` when the result is no valid box.
    """
    for name, value in values.items():
        text = _edited(text, name, value, from_console=from_console, file=file)
    parse(text, file)
    return text


def _edited(text: str, name: str, value: Value, *, from_console: bool, file: str) -> str:
    key = KEYS.get(name)
    if key is None:
        raise ConfigError(file, (Problem(name, None, f"{name} {_unknown(name)}."),))
    if from_console and not key.console:
        raise RootOnly(f"{name} can only be changed by root on the machine: `boxctl config set {name} ...`.")
    if problem := _problem_with(name, list(value) if isinstance(value, tuple) else value):
        raise ConfigError(file, (Problem(name, None, f"{name} {problem[1]}."),))

    before, _ = _flatten(_load_toml(text, file))
    table, _, leaf = name.rpartition(".")
    assignment = f"{leaf} = {_literal(value)}"
    lines = text.splitlines()
    start, end = _lines_of(text, name)
    header, _ = _lines_of(text, table) if table else (None, None)
    first_table = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    if start is not None and end is not None:
        lines[start - 1 : end] = [assignment]
    elif not table:
        lines[first_table:first_table] = [assignment]
    elif header is not None:
        lines[header:header] = [assignment]
    else:
        lines += ["", f"[{table}]", assignment] if lines else [f"[{table}]", assignment]
    changed = "\n".join(lines) + "\n"

    # The edit above knows the usual way to write a key. Where somebody wrote it another way (an inline
    # table), the result reads differently from what was asked, and it is left to them.
    wanted = before | {name: list(value) if isinstance(value, tuple) else value}
    try:
        is_right = _flatten(_load_toml(changed, file))[0] == wanted
    except ConfigError:
        is_right = False
    if not is_right:
        raise ConfigError(
            file, (Problem(name, start, f"{name} is written in a way that only an editor can change."),)
        )
    return changed


def parse_value(name: str, words: str) -> Value:
    """What somebody typed after `boxctl config set NAME`: by the key's type; lists with commas."""
    key = KEYS.get(name)
    if key is None:
        raise ConfigError("box.toml", (Problem(name, None, f"{name} {_unknown(name)}."),))
    if key.type is bool and words in ("true", "false"):
        return words == "true"
    if key.type is int and re.fullmatch(r"-?\d{1,18}", words):
        return int(words)
    if key.type is tuple:
        return tuple(part.strip() for part in words.split(",") if part.strip())
    if key.type is str:
        return words
    raise ConfigError("box.toml", (Problem(name, None, f"{name} must be {_TYPE_NAMES[key.type]}."),))


def value_of(box: Box, name: str) -> Value:
    """The value of a dotted key."""
    table, _, leaf = name.rpartition(".")
    return cast(Value, getattr(getattr(box, table) if table else box, leaf))


def _load_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        at = re.search(r"\(at line (\d+), column \d+\)", words)
        words = words.partition(" (at ")[0]
        line = int(at.group(1)) if at else text.count("\n") + 1
        raise ConfigError(file, (Problem("", line, f"this is not TOML: {words}."),)) from None


def _flatten(document: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Dotted keys to values, and what is wrong about the tables."""
    values: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for name, value in document.items():
        if name not in _TABLES:
            values[name] = value
        elif isinstance(value, dict):
            values |= {f"{name}.{leaf}": inner for leaf, inner in value.items()}
        else:
            problems.append((name, "must be a table"))
    return values, problems


def _problem_with(name: str, value: Any) -> tuple[str, str] | None:
    key = KEYS.get(name)
    if key is None:
        return name, _unknown(name)
    is_right_type = (
        isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        if key.type is tuple
        else type(value) is key.type  # not isinstance: to Python, true is a whole number
    )
    if not is_right_type:
        return name, f"must be {_TYPE_NAMES[key.type]}"
    words = key.check(tuple(value) if isinstance(value, list) else value) if key.check else None
    return (name, words) if words else None


def _needs(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Keys that others make necessary: the key that asks, the key that is needed, and why."""
    needs = []
    if values.get("objects.engine") == "external":
        needs.append(("objects.engine", "objects.endpoint", "must be given when objects.engine is external"))
    if values.get("balancer.proxy_protocol"):
        needs.append(
            (
                "balancer.proxy_protocol",
                "balancer.trusted_proxies",
                "must be given when balancer.proxy_protocol is true",
            )
        )
    return needs


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, list(KEYS) + list(_TABLES), n=1)
    return "is not a key of the box" + (f" (did you mean {close[0]}?)" if close else "")


def _lines_of(text: str, name: str) -> tuple[int | None, int | None]:
    """First and last line, from 1, on which the dotted key `name` is given.

    `tomllib` tells no positions. But the key stands where reading one line more makes it appear: between the
    last beginning of the file that was whole without it, and the first that is whole with it.
    """
    lines = text.splitlines(keepends=True)
    path = name.split(".")
    whole_without = 0
    for count in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            return whole_without + 1, count
        whole_without = count
    return None, None


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(entry) for entry in value) + "]"
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# --- secrets.toml -------------------------------------------------------------------------------------------


def load_secrets(paths: Paths) -> Secrets:
    """The secrets of the box at `paths`; readable by root (or the box's only user) alone."""
    file = str(paths.secrets_toml)
    try:
        text = paths.secrets_toml.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            file, (Problem("", None, "the file is missing: run the installer, which creates it."),)
        ) from None
    values = _load_toml(text, file)
    names = [entry.name for entry in fields(Secrets)]
    problems = (
        [
            Problem(name, _lines_of(text, name)[0], f"{name} is not a secret of the box.")
            for name in values
            if name not in names
        ]
        + [
            Problem(name, None, f"{name} is missing: run the installer, which adds it.")
            for name in names
            if name not in values
        ]
        + [
            Problem(name, _lines_of(text, name)[0], f"{name} must be a text that is not empty.")
            for name in names
            if name in values and not (isinstance(values[name], str) and values[name])
        ]
    )
    if problems:
        raise ConfigError(file, tuple(problems))
    return Secrets(**values)


def create_secrets(paths: Paths, given: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Make each secret that does not exist yet and return their names. What exists is never touched.

    `given` are secrets that somebody else made, such as the keys of an external store; they replace what
    exists.
    """
    file = str(paths.secrets_toml)
    text = paths.secrets_toml.read_text(encoding="utf-8") if paths.secrets_toml.exists() else ""
    before = _load_toml(text, file)
    existing = before | dict(given or {})
    missing = [entry.name for entry in fields(Secrets) if entry.name not in existing]
    if missing or existing != before:
        fresh = new_secrets()
        # The certificates belong together: one of them missing means new ones for all.
        pairs = [name for name in missing if name.startswith("objects_grpc_")]
        if pairs:
            missing = [name for name in missing if name not in pairs] + [
                entry.name for entry in fields(Secrets) if entry.name.startswith("objects_grpc_")
            ]
        values = existing | {name: getattr(fresh, name) for name in missing}
        lines = ["# Secrets of this box, made once by the installer. Keep a copy: a restored box needs them."]
        lines += [f"{name} = {_literal(value)}" for name, value in values.items()]
        write_atomically(paths.secrets_toml, "\n".join(lines) + "\n", mode=0o600)
    return tuple(missing)


def new_secrets() -> Secrets:
    """A fresh value for every secret."""
    ca, certificate, key = new_pair("korobka-objects")
    return Secrets(
        secret_key=secrets.token_urlsafe(48),
        database_owner_password=secrets.token_urlsafe(24),
        database_replication_password=secrets.token_urlsafe(24),
        database_rewind_password=secrets.token_urlsafe(24),
        objects_access_key=secrets.token_hex(10),
        objects_secret_key=secrets.token_urlsafe(30),
        objects_admin_access_key=secrets.token_hex(10),
        objects_admin_secret_key=secrets.token_urlsafe(30),
        objects_signing_key=secrets.token_urlsafe(32),
        objects_encryption_key=secrets.token_urlsafe(32),
        objects_grpc_ca=ca,
        objects_grpc_certificate=certificate,
        objects_grpc_key=key,
    )
