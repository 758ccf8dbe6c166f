"""What must be right before anything is changed. Every finding names its cure.

A check is a function of the machine's facts and of what was asked for; it changes nothing and asks nobody.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from installer import given_certificate, packages, schema
from installer.facts import MIB, Facts
from installer.findings import Finding
from installer.options import (
    SECRET,
    Options,
    default_admin_email,
    default_hostname,
    is_email,
    is_host_name,
    is_time_zone,
)

SYSTEM = "debian 13"
ARCHITECTURE = "x86_64"
PYTHON = (3, 13)
MEMORY = (
    1800 * MIB
)  # an idle box takes about 900 MiB; the rest is page cache, without which PostgreSQL crawls
FRESH_DISK = 5120 * MIB
USED_DISK = 1024 * MIB  # a further release beside the running one
LOG_DISK = 256 * MIB  # logs are bounded, and often have a small file system of their own
# The box's engines add a process id or a suffix to some of these names while they start.
LONGEST_SOCKET = "database/.s.PGSQL.65535"
SOCKET_LIMIT = 107 - 12
# They answer on the portal's ports as soon as the machine boots again, even if they are not running now.
WEB_SERVERS = ("apache2", "nginx", "lighttpd", "caddy", "haproxy", "varnish")


type Check = Callable[[Facts, Options], Iterator[Finding]]


def operating_system(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.system != SYSTEM:
        yield Finding(
            "operating system",
            f"This is {facts.system}; a box runs on Debian 13.",
            "Install Debian 13 (trixie) on it.",
        )
    if facts.architecture != ARCHITECTURE:
        yield Finding(
            "operating system",
            f"This processor is {facts.architecture}; a box runs on {ARCHITECTURE}.",
            f"Use a machine with a 64-bit Intel or AMD processor ({ARCHITECTURE}).",
        )


def python(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.python != PYTHON:
        found = ".".join(map(str, facts.python))
        yield Finding(
            "python",
            f"This is Python {found}; a box runs on Debian's Python 3.13.",
            "Run install.sh, which uses /usr/bin/python3; apt-get install --reinstall python3 repairs that.",
        )


def rights(facts: Facts, options: Options) -> Iterator[Finding]:
    if not facts.is_root and options.prefix == options.prefix.parent:
        yield Finding(
            "rights",
            "Only root can install a box for the whole machine.",
            "Run it with sudo, or give a folder of your own with --prefix.",
        )
    elif facts.unwritable is not None:
        yield Finding(
            "prefix",
            f"Nothing can be written in {facts.unwritable}.",
            "Choose another --prefix, or make that a folder which you may write in.",
        )
    # The services' users exist only after packages and users are there: look at the folder, not as them.
    elif facts.closed_folder is not None:
        yield Finding(
            "prefix",
            f"The services have users of their own, who may not enter {facts.closed_folder}.",
            f"chmod o+x {facts.closed_folder}, or choose another --prefix.",
        )


def prefix(facts: Facts, options: Options) -> Iterator[Finding]:
    if facts.unsafe_way:
        yield Finding(
            "prefix",
            facts.unsafe_way,
            "Choose a --prefix in a folder that root alone may write, or be that user.",
        )
    longest = str(options.paths.run / LONGEST_SOCKET)
    if len(longest.encode()) > SOCKET_LIMIT:
        spare = len(longest.encode()) - SOCKET_LIMIT
        yield Finding(
            "prefix",
            f"{options.prefix} is {spare} characters too long: Unix sockets below it could not be named.",
            "Choose a shorter --prefix.",
        )
    if not re.fullmatch(r"[A-Za-z0-9/._+-]+", str(options.prefix)):
        yield Finding(
            "prefix",
            f"{options.prefix} has characters that not every engine takes in a path.",
            "Choose a --prefix of Latin letters, digits, dots, dashes and underscores.",
        )


def debian_packages(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.missing_packages and not facts.is_root:
        yield Finding(
            "packages",
            f"Missing: {', '.join(facts.missing_packages)}.",
            f"As root: {packages.command()}",
        )


def memory(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.memory < MEMORY:
        yield Finding(
            "memory",
            f"There are {facts.memory // MIB} MiB of memory; a box needs {MEMORY // MIB} MiB.",
            "Give the machine at least 2 GiB.",
        )


def disk(facts: Facts, options: Options) -> Iterator[Finding]:
    for place in facts.disks:
        needed = USED_DISK if facts.is_installed else FRESH_DISK
        if place.folder == options.paths.log:
            needed = LOG_DISK
        if place.free < needed:
            yield Finding(
                "disk",
                f"{place.folder} has {place.free // MIB} MiB of room; {needed // MIB} MiB are needed.",
                "Free space or enlarge that file system.",
            )
        if not place.runs_programs and place.folder == options.paths.releases:
            yield Finding(
                "disk",
                f"{place.folder} is on a file system mounted noexec: no program could run from it.",
                "Mount it without noexec, or choose another --prefix.",
            )


def ports(facts: Facts, options: Options) -> Iterator[Finding]:
    public = {
        "--http-port": options.setting("balancer.http_port", 80),
        "--https-port": options.setting("balancer.https_port", 443),
    }
    if len(set(public.values())) < len(public):
        yield Finding(
            "ports", "HTTP and HTTPS were given the same port.", "Give two ports: --http-port, --https-port."
        )
    for flag, port in public.items():
        if not 0 < port < 65536:
            yield Finding("ports", f"{port} is no port.", f"Give {flag} a number from 1 to 65535.")
        elif not facts.is_root and port < facts.first_free_port:
            yield Finding(
                "ports",
                f"Only root may listen on port {port}.",
                f"Give {flag} a port above {facts.first_free_port - 1}.",
            )
        for other in _others_on(facts, port):
            yield Finding(
                "ports",
                f"Port {port} is taken by {other}.",
                f"Stop that program, or give another port with {flag}.",
            )
    if options.setting("objects.engine", "seaweedfs") != "external":
        first = options.setting("objects.port", 8333)
        for port in range(first, first + 8):
            for other in _others_on(facts, port):
                yield Finding(
                    "ports",
                    f"Port {port} of the object store is taken by {other}.",
                    "Stop that program, or give the first of eight other ports with --store-port.",
                )


def conflicts(facts: Facts, options: Options) -> Iterator[Finding]:
    if {options.setting("balancer.http_port", 80), options.setting("balancer.https_port", 443)} & {80, 443}:
        for name in WEB_SERVERS:
            if name in facts.starting_services:
                yield Finding(
                    "conflicting services",
                    f"{name} starts with this machine and answers on the portal's ports.",
                    f"systemctl disable --now {name}, or give other ports with --http-port and --https-port.",
                )


def locale(facts: Facts, _: Options) -> Iterator[Finding]:
    if not facts.has_utf8_locale:
        yield Finding(
            "locale", "The locale C.UTF-8 is missing.", "apt-get install --reinstall libc-bin brings it back."
        )


def clock(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.now < facts.released_at:
        yield Finding(
            "clock",
            f"It is {facts.now:%Y-%m-%d %H:%M} by this machine's clock, but this release was made on "
            f"{facts.released_at:%Y-%m-%d %H:%M} (UTC).",
            "Set the clock: timedatectl set-ntp true, or date --set.",
        )
    if not facts.is_clock_synchronised:
        yield Finding(
            "clock synchronisation",
            "Nothing on this machine keeps its clock right: where it drifts, sign-in codes, certificates and "
            "logs go wrong.",
            "apt-get install systemd-timesyncd && timedatectl set-ntp true. Where the host keeps the time, "
            "as of many virtual machines and containers, there is nothing to do.",
            is_warning=True,
        )


def release(facts: Facts, _: Options) -> Iterator[Finding]:
    if facts.is_source_damaged:
        yield Finding(
            "release",
            "This archive is not as it was packed: files were changed, or are missing.",
            "Unpack the archive again into an empty folder; if that does not help, fetch it again.",
        )
    if facts.going_back:
        yield Finding("release", facts.going_back, schema.CURE)


def host_name(_: Facts, options: Options) -> Iterator[Finding]:
    name = options.setting("hostname", "") or default_hostname()
    if not is_host_name(name):
        yield Finding("host name", f"{name!r} is no host name.", "Give --hostname as in portal.example.com.")


def certificate(_: Facts, options: Options) -> Iterator[Finding]:
    name = options.setting("hostname", "") or default_hostname()
    yield from given_certificate.findings(options.certificate, options.key, name)


def system_users(facts: Facts, _: Options) -> Iterator[Finding]:
    for name, why in facts.foreign_users:
        yield Finding(
            "system users",
            f"There is an account {name} already, which no installation has made: {why}.",
            f"Rename it (usermod --login OTHER {name}; groupmod --new-name OTHER {name}), or remove it if "
            f"nobody needs it: a service of the box must not have another's rights.",
        )


def administrator(facts: Facts, options: Options) -> Iterator[Finding]:
    email = options.admin_email or default_admin_email(options)
    is_guessed = options.admin_email is None
    # A wrong host name is told as what it is.
    if is_guessed and (facts.is_installed or not is_host_name(email.removeprefix("admin@"))):
        return
    if is_email(email):
        return
    yield Finding(
        "administrator",
        f"{email} {"would be the first administrator's address" if is_guessed else 'is no e-mail address'}.",
        "Give a whole one, as in --admin-email olga@example.com.",
    )


def time_zone(_: Facts, options: Options) -> Iterator[Finding]:
    zone = options.time_zone
    if zone is not None and not is_time_zone(zone):
        yield Finding(
            "time zone",
            f"There is no time zone {zone!r}.",
            "Give --time-zone as in Europe/Moscow; `timedatectl list-timezones` shows all.",
        )


def object_store(_: Facts, options: Options) -> Iterator[Finding]:
    """What is said of the store fits together; whether it answers is found out when it is set up."""
    engine, endpoint = options.setting("objects.engine", "seaweedfs"), options.setting("objects.endpoint", "")
    if engine != "external":
        for flag, said in (("--endpoint", options.endpoint), ("--access-key", options.access_key)):
            if said is not None:
                yield Finding(
                    "object store",
                    f"{flag} is of a store elsewhere, but this box runs its own ({engine}).",
                    f"Give --engine external too, or leave {flag} out.",
                )
        if engine == "minio" and not shutil.which("minio"):
            yield Finding(
                "object store",
                "There is no program minio on this machine.",
                "Put it into /usr/local/bin, or leave --engine out: the box brings SeaweedFS.",
            )
        return
    address = urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
        yield Finding(
            "object store",
            f"{endpoint!r} is no address of a store.",
            "Give --endpoint as in https://s3.example.com:9000, without a path.",
        )
    if options.engine is not None and not (options.access_key and SECRET in os.environ):
        yield Finding(
            "object store",
            "A store elsewhere needs its keys.",
            f"Give --access-key, and the secret key in the environment as {SECRET}.",
        )
    if options.endpoint_ca is not None and not options.endpoint_ca.is_file():
        yield Finding(
            "object store",
            f"{options.endpoint_ca} cannot be read.",
            "Give --endpoint-ca the PEM file of the authority that made the store's certificate.",
        )


CHECKS: tuple[Check, ...] = (
    operating_system, python, rights, prefix, debian_packages, memory, disk, ports, conflicts, locale, clock,
    release, host_name, certificate, system_users,
    administrator, time_zone, object_store,
)  # fmt: skip


def findings(facts: Facts, options: Options) -> list[Finding]:
    """What all checks find, but for what was accepted by name."""
    found = [finding for check in CHECKS for finding in check(facts, options)]
    return [finding for finding in found if finding.check not in options.accepted]


def _others_on(facts: Facts, port: int) -> list[str]:
    """Who listens on a port and is not a part of this box."""
    return sorted({other.process for other in facts.listeners if other.port == port and not other.is_ours})
