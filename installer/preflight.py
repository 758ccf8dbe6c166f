"""What must be right before anything is changed. Every finding names its cure.

A check is a function of the machine's facts and of what was asked for; it changes nothing and asks nobody.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from installer import packages
from installer.facts import MIB, Facts
from installer.options import Options, default_hostname, is_host_name

SYSTEM = "debian 13"
ARCHITECTURE = "x86_64"
PYTHON = (3, 13)
MEMORY = (
    1800 * MIB
)  # an idle box takes about 900 MiB; the rest is page cache, without which PostgreSQL crawls
FRESH_DISK = 5120 * MIB
USED_DISK = 1024 * MIB  # a further release beside the running one
# The box's engines add a process id or a suffix to some of these names while they start.
LONGEST_SOCKET = "database/.s.PGSQL.65535"
SOCKET_LIMIT = 107 - 12
# They answer on the portal's ports as soon as the machine boots again, even if they are not running now.
WEB_SERVERS = ("apache2", "nginx", "lighttpd", "caddy", "haproxy", "varnish")


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way."""

    check: str
    problem: str
    cure: str
    is_warning: bool = False
    """A box works all the same: nobody is stopped."""

    def __str__(self) -> str:
        beginning = "Warning: " if self.is_warning else ""
        return f"{beginning}{self.check}: {self.problem}\n  Cure: {self.cure}"


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
    needed = USED_DISK if facts.is_installed else FRESH_DISK
    for place in facts.disks:
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


def host_name(_: Facts, options: Options) -> Iterator[Finding]:
    name = options.setting("hostname", "") or default_hostname()
    if not is_host_name(name):
        yield Finding("host name", f"{name!r} is no host name.", "Give --hostname as in portal.example.com.")


def certificate(_: Facts, options: Options) -> Iterator[Finding]:
    if options.certificate is None and options.key is None:
        return
    if options.certificate is None or options.key is None:
        yield Finding("certificate", "A certificate needs its key.", "Give both --certificate and --key.")
        return
    for flag, file in (("--certificate", options.certificate), ("--key", options.key)):
        try:
            file.read_bytes()
        except OSError as error:
            yield Finding(
                "certificate",
                f"{file} cannot be read: {error.strerror}.",
                f"Give {flag} a readable PEM file.",
            )
            return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.certificate, options.key, password=_no_password)
    except _Encrypted:
        yield Finding(
            "certificate",
            f"{options.key} has a password; the balancer starts without anybody to type it.",
            f"openssl pkey -in {options.key} -out plain.key, and give that file with --key.",
        )
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield Finding(
                "certificate",
                f"{options.key} is not the key of {options.certificate}.",
                "Give --key the file that the request for this certificate was made with.",
            )
        else:
            yield Finding(
                "certificate",
                f"{options.certificate} and {options.key} are no certificate and key in PEM form.",
                "Convert them: openssl x509 -inform DER -in FILE, openssl pkcs12 -in FILE -nodes.",
            )


CHECKS: tuple[Check, ...] = (
    operating_system, python, rights, prefix, debian_packages, memory, disk, ports, conflicts, locale, clock,
    host_name, certificate,
)  # fmt: skip


def findings(facts: Facts, options: Options) -> list[Finding]:
    """What all checks find, but for what was accepted by name."""
    found = [finding for check in CHECKS for finding in check(facts, options)]
    return [finding for finding in found if finding.check not in options.accepted]


def _others_on(facts: Facts, port: int) -> list[str]:
    """Who listens on a port and is not a part of this box."""
    return sorted({other.process for other in facts.listeners if other.port == port and not other.is_ours})


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    raise _Encrypted
