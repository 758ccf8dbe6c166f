"""What the person who installs may choose: on the command line, or in answer to questions."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import sys
import tomllib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.paths import Paths
from installer.words import said, speak

ENGINES = ("seaweedfs", "minio", "external")
LANGUAGES = ("en", "ru")
SECRET = "KOROBKA_OBJECTS_SECRET_KEY"  # noqa: S105 - the name of a variable
"""The secret key of an external store: in the environment, never in an argument."""


@dataclass(frozen=True)
class Options:
    """None means that nothing was said: the box keeps what it has, and a new one gets the default."""

    prefix: Path = Path("/")
    hostname: str | None = None
    language: str | None = None
    time_zone: str | None = None
    http_port: int | None = None
    https_port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    engine: str | None = None
    store_port: int | None = None
    endpoint: str | None = None
    endpoint_ca: Path | None = None
    bucket: str | None = None
    access_key: str | None = None
    admin_email: str | None = None
    is_password_on_stdin: bool = False
    with_demo: bool = False
    restore: str | None = None
    """A target to bring a box back from: a folder, `https://HOST:PORT/BUCKET/PREFIX`, or
    `sftp://USER@HOST:PORT/FOLDER`."""
    restore_to: datetime | None = None
    restore_access_key: str | None = None
    restore_ca: Path | None = None
    restore_host_key: str | None = None
    accepted: tuple[str, ...] = ()
    """Names of checks whose findings do not stop the installation."""

    @property
    def paths(self) -> Paths:
        return Paths(self.prefix)

    @property
    def settings(self) -> dict[str, str | int]:
        """What was said about the configuration, by the keys of `box.toml`."""
        said = {
            "hostname": self.hostname,
            "language": self.language,
            "time_zone": self.time_zone,
            "balancer.http_port": self.http_port,
            "balancer.https_port": self.https_port,
            "objects.engine": self.engine,
            "objects.port": self.store_port,
            "objects.endpoint": self.endpoint,
            "objects.ca_file": str(self.endpoint_ca) if self.endpoint_ca else None,
            "objects.bucket": self.bucket,
        }
        return {key: value for key, value in said.items() if value is not None}

    def setting(self, key: str, default: Any) -> Any:
        """A setting as it will be: as said now, else as the box has it, else the default."""
        return self.settings.get(key, configured(self.paths, key, default))


def configured(paths: Paths, key: str, default: Any) -> Any:
    """A key of the box's `box.toml`, read plainly: on a bare Python, and before the file is checked."""
    try:
        value: Any = tomllib.loads(paths.box_toml.read_text(encoding="utf-8"))
        for part in key.split("."):
            value = value[part]
    except (OSError, ValueError, KeyError, TypeError):
        return default
    return value if isinstance(value, type(default)) else default


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `install`. Their destinations are the fields of `Options`."""

    def add(flag: str, *, help: str, **settings: Any) -> None:  # noqa: A002 - argparse calls it so
        parser.add_argument(flag, help=said(help), **settings)

    add_prefix(parser)
    add("--ask", action="store_true", help="ask for what the options below do not say")
    add("--hostname", type=str.lower, help="the portal's name in the browser (default: this machine's)")
    add("--language", choices=LANGUAGES, help="language of the sign-in page and of letters (default: en)")
    add("--time-zone", help="the company's time zone, such as Europe/Moscow")
    add("--http-port", type=int, help="port that sends browsers on to HTTPS (default: 80)")
    add("--https-port", type=int, help="port of the portal (default: 443)")
    add(
        "--certificate",
        type=Path,
        help="the company's certificate with its chain, PEM (default: an own authority's)",
    )
    add("--key", type=Path, help="the private key of --certificate, PEM, without a password")
    add("--engine", choices=ENGINES, help="which S3 server keeps the files (default: seaweedfs)")
    add("--store-port", type=int, help="first of eight loopback ports of the store (default: 8333)")
    add("--endpoint", help="with --engine external: the store's address")
    add("--endpoint-ca", type=Path, help="with --engine external: the store's certificate authority, PEM")
    add("--bucket", help="the bucket of the portal's files (default: korobka-files)")
    add(
        "--access-key",
        help="with --engine external: the access key; KOROBKA_OBJECTS_SECRET_KEY holds its secret",
    )
    add("--admin-email", help="the first administrator (default: admin@HOSTNAME)")
    add(
        "--admin-password-stdin",
        dest="is_password_on_stdin",
        action="store_true",
        help="read the first administrator's password from standard input (default: make and print one)",
    )
    add("--demo", dest="with_demo", action="store_true", help="fill the new portal with a made-up company")
    add("--restore", metavar="PLACE",
        help="bring a box back onto this empty machine, from a folder, https://HOST:PORT/BUCKET/PREFIX or "
        "sftp://USER@HOST:PORT/FOLDER; "
        "the recovery key is asked for, or read from KOROBKA_RECOVERY_KEY")  # fmt: skip
    add("--restore-to", metavar="MOMENT", type=_moment,
        help="the moment to go back to, such as 2026-11-24T17:30+03:00")  # fmt: skip
    add(
        "--restore-access-key", metavar="KEY", help="of the store; KOROBKA_BACKUP_SECRET_KEY holds its secret"
    )
    add("--restore-ca", type=Path, metavar="FILE", help="certificate authority of the store, PEM")
    add("--restore-host-key", metavar="SHA256:...", help="of SFTP: the host's fingerprint")
    add("--accept", dest="accepted", action="append", default=[], metavar="CHECK",
        help="install although this check finds something (may be repeated)")  # fmt: skip


def _moment(text: str) -> datetime:
    """Of an empty machine nobody knows yet in which zone its company lives: the offset belongs to it."""
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise argparse.ArgumentTypeError(
        said("{given} is no moment: give one with its offset, such as 2026-11-24T17:30+03:00.", given=text)
    )


def add_prefix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prefix", type=Path, default=Path(os.environ.get("KOROBKA_PREFIX", "/")),
        help=said("put the whole box under this folder, as any user (default: /)"),
    )  # fmt: skip


def from_arguments(arguments: argparse.Namespace) -> Options:
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Options)}
    # The second stage stands in another folder.
    values |= {name: value.absolute() for name, value in values.items() if isinstance(value, Path)}
    if (restore := values["restore"]) is not None and "://" not in restore:
        values["restore"] = str(Path(restore).absolute())
    values["accepted"] = tuple(values["accepted"])
    return Options(**values)


def as_arguments(options: Options) -> list[str]:
    """The command line that says the same: the second stage is another process."""
    words: list[str] = []
    for field in dataclasses.fields(Options):
        name, value = field.name, getattr(options, field.name)
        flag = {
            "is_password_on_stdin": "--admin-password-stdin",
            "with_demo": "--demo",
            "accepted": "--accept",
        }.get(name, "--" + name.replace("_", "-"))
        if isinstance(value, bool):
            words += [flag] if value else []
        elif isinstance(value, tuple):
            words += [word for entry in value for word in (flag, entry)]
        elif isinstance(value, datetime):
            words += [flag, value.isoformat()]
        elif value is not None:
            words += [flag, str(value)]
    return words


class NoAnswer(Exception):
    """Nobody answers as it is asked: a program is at the other end, or a wrong key."""


@dataclass(frozen=True)
class Question:
    """Asks for one option; an empty answer takes the default in brackets."""

    field: str
    text: str
    default: str | int
    is_good: Callable[[str], bool]
    cure: str

    def ask(self) -> str | int:
        for _ in range(_ATTEMPTS):
            answer = input(f"{said(self.text)} [{self.default}]: ").strip()
            if not answer:
                return self.default
            if len(answer) <= _LONGEST and self.is_good(answer):
                return int(answer) if isinstance(self.default, int) else answer
            print(said(self.cure, choices=", ".join(LANGUAGES)), file=sys.stderr)  # noqa: T201
        raise NoAnswer(f"{self.text}: {_ATTEMPTS} answers that are none. Give it as an option (--help).")


_ATTEMPTS, _LONGEST = 5, 300


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) < 65536


def ask(options: Options) -> Options:
    """Asks for what was not said. The language comes first: the other questions are asked in it."""
    options = _asked(options, Question(
        "language", "Language", options.setting("language", "en"),
        LANGUAGES.__contains__, "One of these, please: {choices}.",
    ))  # fmt: skip
    speak(options.language or "en")
    port = "A number from 1 to 65535, please."
    for question in (
        Question("hostname", "Name of the portal in the browser",
                 options.setting("hostname", default_hostname()), is_host_name,
                 "A host name, please, as in portal.example.com."),
        Question("time_zone", "Time zone", options.setting("time_zone", default_time_zone()), is_time_zone,
                 "A time zone, please, as in Europe/Moscow."),
        Question("https_port", "HTTPS port", options.setting("balancer.https_port", 443), _is_port, port),
        Question("http_port", "HTTP port", options.setting("balancer.http_port", 80), _is_port, port),
    ):  # fmt: skip
        options = _asked(options, question)
    if options.paths.box_toml.exists():
        return options
    return _asked(options, Question(
        "admin_email", "E-mail address of the first administrator", default_admin_email(options), is_email,
        "An e-mail address, please, as in olga@example.com.",
    ))  # fmt: skip


def _asked(options: Options, question: Question) -> Options:
    if getattr(options, question.field) is not None:
        return options
    answer: Any = question.ask()
    return dataclasses.replace(options, **{question.field: answer})


def default_hostname() -> str:
    """The machine's full name, as it calls itself."""
    import socket

    return socket.getfqdn().lower() or "localhost"


def is_host_name(text: str) -> bool:
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    return len(text) <= 253 and re.fullmatch(rf"{label}(\.{label})*", text) is not None


def default_admin_email(options: Options) -> str:
    return f"admin@{options.setting('hostname', '') or default_hostname()}"


def is_email(text: str) -> bool:
    """What the portal takes for one: a name, and a domain with a dot."""
    name, at, domain = text.rpartition("@")
    is_plain = re.fullmatch(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}", name, re.ASCII) is not None
    return bool(at) and is_plain and "." in domain and is_host_name(domain.lower())


def is_time_zone(name: str) -> bool:
    """Whether this machine knows it; a bare one that knows none takes whatever looks like one."""
    known = zoneinfo.available_timezones()
    return name in known if known else re.fullmatch(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)*", name) is not None


def default_time_zone() -> str:
    """The machine's own; where that is nowhere, as on many servers, the one of most who use a box."""
    with contextlib.suppress(OSError):
        _, found, name = str(Path("/etc/localtime").readlink()).partition("zoneinfo/")
        if found and name not in ("UTC", "Etc/UTC", "Universal", "Etc/Universal") and is_time_zone(name):
            return name
    return "Europe/Moscow"
