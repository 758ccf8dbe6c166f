"""Posting to an address outside, and to nothing of the box itself.

Whoever writes an address here could otherwise reach through the box what only the box can reach: its store,
its balancer, the cloud's own service for machines. So the name is looked up once, every address that it has
must be fit, the connection goes to the very address that was checked, and nobody is followed elsewhere.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from typing import IO, override
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.translation import gettext as _

TIMEOUT_SECONDS = 10.0
"""Of each step: to connect, to send, to hear something."""
TOTAL_SECONDS = 30.0
"""Of all of them: who answers a byte at a time keeps those behind it waiting."""
CHUNK = 2**20
MOST_TURNS = 5

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of the networks for special purposes, those of companies' own computers (RFC 1918, RFC 4193). What
# holds another address in itself (6to4, Teredo, NAT64) or is shared with a provider is none of them.
_PRIVATE = [
    ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
# Where clouds tell a machine its secrets, within networks that are fit: AWS, Google, Azure. Those of others
# (169.254.169.254, 100.100.100.200, 192.0.0.192) are fit for nothing else.
_OF_CLOUDS = [ipaddress.ip_network(one) for one in ("fd00:ec2::/32", "fd20:ce::/32", "168.63.129.16/32")]


class Unreachable(Exception):
    """Nothing arrived, with what stood in the way."""


class Forbidden(Unreachable):
    """It may not be reached from here."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Under names in small letters."""
    body: bytes


def post(address: str, body: bytes, headers: Mapping[str, str], *, reachable: Iterable[str]) -> int:
    """The status of the answer, whose content nobody reads. `reachable` are networks that are fit though they
    are the machine's own. Raises Unreachable."""
    return exchange(address, body, headers, reachable=reachable, most=0).status


def exchange(
    address: str,
    body: bytes | Iterable[bytes],
    headers: Mapping[str, str],
    *,
    reachable: Iterable[str],
    most: int,
    seconds: float = TOTAL_SECONDS,
) -> Answer:
    """The answer to a POST, of at most `most` bytes; of 0 the content is not read. A body that comes in parts
    has its Content-Length among the headers. Raises Unreachable, also for an answer that is larger, or takes
    longer."""
    parts = urlsplit(address)
    try:
        connection = _connection(parts, _checked(parts, reachable))
        try:
            connection.connect()
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            with _cut_after(seconds, connection.sock):
                connection.request("POST", path, body, dict(headers))
                return _read(connection.getresponse(), most)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(str(error) or type(error).__name__) from None


@dataclass(frozen=True)
class Fetched:
    """What was fetched into a file. `name` is as the other side calls it, unchecked."""

    size: int
    name: str


def download(
    address: str, into: IO[bytes], *, reachable: Iterable[str], most: int, seconds: float = 600.0
) -> Fetched:
    """What a GET brings, written into the file, of at most `most` bytes; whoever sends it elsewhere is
    followed, and each address looked at as the first. Raises Unreachable."""
    networks = list(reachable)
    try:
        for _turn in range(MOST_TURNS):
            parts = urlsplit(address)
            connection = _connection(parts, _checked(parts, networks))
            try:
                connection.connect()
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                with _cut_after(seconds, connection.sock):
                    connection.request("GET", path)
                    response = connection.getresponse()
                    if response.status in (301, 302, 303, 307, 308):
                        address = urljoin(address, response.getheader("Location") or "")
                        continue
                    return _written(response, into, most)
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(str(error) or type(error).__name__) from None
    raise Unreachable(_("It leads from one address to the next without an end."))


def _written(response: http.client.HTTPResponse, into: IO[bytes], most: int) -> Fetched:
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    size, told = 0, response.getheader("Content-Length")
    while chunk := response.read(CHUNK):
        size += len(chunk)
        if size > most:
            raise ValueError(f"more than {most} bytes")
        into.write(chunk)
    if told and told.isascii() and told.isdigit() and int(told) != size:
        raise ValueError(f"{size} of {told} bytes have arrived")
    into.flush()
    message = Message()
    message["Content-Disposition"] = response.getheader("Content-Disposition") or ""
    return Fetched(size, message.get_filename() or "")


def _read(response: http.client.HTTPResponse, most: int) -> Answer:
    found = response.read(most + 1) if most else b""
    if len(found) > most:
        raise ValueError(f"more than {most} bytes")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, found)


@contextmanager
def _cut_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Raises TimeoutError, also where the half of an answer reads like a whole one."""
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_over.is_set():
            raise TimeoutError(f"no answer within {seconds:g} s")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _checked(parts: SplitResult, reachable: Iterable[str]) -> str:
    """The address to connect to. Raises Forbidden, and OSError for a name that nobody has."""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Forbidden(_("Write an address that begins with https:// or http://."))
    networks = [ipaddress.ip_network(one, strict=False) for one in reachable]
    found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    for text in addresses:
        ip = _plain(ipaddress.ip_address(text.partition("%")[0]))
        if not any(ip in network for network in networks) and is_unfit(ip, _port(parts)):
            raise Forbidden(
                _(
                    "%(address)s is of the box itself, or of no other computer: see"
                    " integrations.reachable_networks in box.toml."
                )
                % {"address": text}
            )
    return addresses[0]


def is_unfit(ip: Address, port: int) -> bool:
    """For whatever is no other computer: neither of the company's own networks nor of the internet."""
    is_fit = ip.is_global or any(ip in network for network in _PRIVATE)
    return (
        not is_fit
        or ip.is_multicast
        or ip.is_reserved
        or any(ip in network for network in _OF_CLOUDS)
        or (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local)
        or _is_own(ip, port)
    )


def _plain(ip: Address) -> Address:
    """An IPv4 address in the clothes of IPv6 is what it is."""
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _is_own(ip: Address, port: int) -> bool:
    """Whether it is one of this machine: then the kernel would speak to it from that very address. Sends
    nothing."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(ip), port))
        except OSError:
            return False
        return str(probe.getsockname()[0]) == str(ip)


def _connection(parts: SplitResult, ip: str) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", _port(parts)
    if parts.scheme == "https":
        return _PinnedTLS(host, port, ip)
    return _Pinned(host, port, ip)


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was checked, whatever the name means by now."""

    def __init__(self, host: str, port: int, ip: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._ip = ip

    @override
    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), TIMEOUT_SECONDS)


class _PinnedTLS(_Pinned):
    default_port = 443

    @override
    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
