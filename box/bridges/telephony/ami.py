"""The Asterisk Manager Interface, over py-Asterisk: one session with a PBX, its events and its actions.

py-Asterisk writes actions, reads packets and knows the lists. What it lacks stands here, between it and the
socket: TLS, bounds, time limits, and lines that it can read. Decision 0165 says what that is, and why.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

_logger_class = logging.getLoggerClass()
import Asterisk.Logging  # noqa: E402
import Asterisk.Manager  # noqa: E402
import Asterisk.Util  # noqa: E402

# It makes itself the logger of the whole process as it is imported.
logging.setLoggerClass(_logger_class)

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTS_WITHIN = 10.0
ANSWERS_WITHIN = 15.0
"""An action's answer, or the rest of a packet that has begun."""
QUIET_FOR = 20.0
"""After so much silence the PBX is asked whether it is still there."""
LONGEST_LINE = 8 * 1024
"""What a header may have; the rest of a longer one is passed over."""
LONGEST_RUN = 2 * 1024 * 1024
"""Bytes without a line's end, or of one packet: who sends more speaks no AMI."""
MOST_HEADERS = 400
MOST_IN_A_LIST = 50_000
_BANNER = b"Asterisk Call Manager/"
_HEADER = re.compile(rb"([A-Za-z0-9_().-]{1,80}):[ \t]?(.*)")
# Nobody reads them, and py-Asterisk trips over one without an equals sign.
_UNREAD = {b"ChanVariable", b"DestChanVariable"}


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Marks a text for the catalogues. Nothing here is translated: see `sentences`."""
    return text


class PbxTrouble(Exception):
    """The PBX cannot be spoken to; `text` with its `values` says what helps. In English, for logs."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values)
        self.text, self.values = text, values


class Refused(PbxTrouble):
    """It answers, and does not let this user in, or does not let it do this."""


class Stalled(PbxTrouble):
    """It stopped in the middle."""


class Garbled(PbxTrouble):
    """What it says is not AMI."""


class ActionRefused(PbxTrouble):
    """One action has failed; the session is well."""


@dataclass(frozen=True)
class Address:
    """Where a PBX listens, and as whom the box signs in."""

    host: str
    port: int
    user: str
    secret: str
    is_tls: bool = False
    ca_pem: str = ""
    """Trusted in place of the system's authorities."""

    def __repr__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


type Event = Mapping[str, str]


class Session:
    """Signed in. One thread reads: `events` gives what has come, and actions may be asked for in between."""

    def __init__(self, address: Address, *, wants_events: bool = True) -> None:
        """Raises PbxTrouble."""
        self.address = address
        self._heard: list[Event] = []
        self._pinged_at: float | None = None
        self._wire = _Wire(_connect(address))
        try:
            with _telling(address):
                self._manager = _Manager(self._wire, address, self._hear, wants_events=wants_events)
        except BaseException:
            self._wire.close()
            raise
        self.version = self._manager.version
        """Of the manager interface, which has numbers of its own."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def events(self, *, within: float, most: int = 1000) -> list[Event]:
        """What has come within these seconds, soon after the first came. Raises PbxTrouble when the line is
        dead."""
        with _telling(self.address):
            if not self._heard and not self._wire.has_packet(within):
                self._look_after()
            while len(self._heard) < most and self._wire.has_packet(0):
                self._manager.read()
            # Answers that nobody waits for.
            self._manager.response_buffer.clear()
        heard, self._heard = self._heard, []
        return heard

    def channels(self) -> list[Event]:
        """Every channel that the PBX has."""
        return self._ask(self._manager.CoreShowChannels)

    def asterisk_version(self) -> str:
        """`22.6.0`; empty where this user may not ask (it takes the right `reporting`)."""
        try:
            said = str(self.act("CoreSettings").get("AsteriskVersion", ""))
        except ActionRefused:
            return ""
        # A distribution adds its own: 16.28.0~dfsg-0+deb11u4.
        return said.partition("~")[0][:80]

    def queues(self) -> Mapping[str, Any]:
        """Queues by name, each with its `members` and `entries`."""
        found: Mapping[str, Any] = self._ask(self._manager.QueueStatus)
        return found

    def originate(self, **headers: str) -> None:
        self.act("Originate", **headers)

    def act(self, action: str, **headers: str) -> Event:
        """Any action with one answer: `act("Hangup", Channel=name)`."""
        return self._ask(lambda: self._manager.act(action, headers))

    def _ask[T](self, action: Callable[[], T]) -> T:
        with _telling(self.address), self._wire.until(time.monotonic() + ANSWERS_WITHIN):
            return action()

    def _hear(self, event: Event) -> None:
        if len(self._heard) >= MOST_IN_A_LIST:
            raise Garbled(
                N_("%(host)s sends more than anybody can read in %(seconds)d seconds."),
                host=self.address.host,
                seconds=ANSWERS_WITHIN,
            )
        self._heard.append(event)

    def _look_after(self) -> None:
        """Pings a PBX that is silent: a dead peer says nothing either."""
        if time.monotonic() - self._wire.heard_at > QUIET_FOR:
            self.act("Ping")


class _Wire:
    """What py-Asterisk takes for a file: lines that it can read, within bounds and time limits."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()
        self._keys: set[bytes] = set()
        self._packet_bytes = 0
        self._deadline: float | None = None
        self.heard_at = time.monotonic()
        self.skipped = 0
        """Lines that were no headers, or too long."""
        connection.setblocking(False)

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        self._deadline = deadline
        try:
            yield
        finally:
            self._deadline = None

    def has_packet(self, within: float) -> bool:
        """Whether a packet has begun, or does within these seconds."""
        deadline = time.monotonic() + within
        while True:
            if self._has_line():
                return True
            self._take(max(0.0, deadline - time.monotonic()))
            if self._has_line():
                return True
            if time.monotonic() >= deadline:
                return False

    def _has_line(self) -> bool:
        if not self._keys:
            # Blank lines between packets begin none.
            del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
        return b"\n" in self._buffer

    def readline(self) -> bytes:
        """A header, or the empty line behind a packet. Raises Stalled, Garbled, ConnectionError."""
        deadline = min(self._deadline or float("inf"), time.monotonic() + ANSWERS_WITHIN)
        while True:
            line = self._line(deadline)
            if not line:
                # Blank lines before a packet mean nothing; py-Asterisk would take one for the end of the
                # connection.
                if not self._keys:
                    continue
                self._keys.clear()
                self._packet_bytes = 0
                return b"\r\n"
            found = _HEADER.fullmatch(line)
            key = found[1] if found else b""
            if found is None or key in _UNREAD or key in self._keys or len(self._keys) >= MOST_HEADERS:
                # A repeated header is the first: what comes later in a packet may be a caller's words.
                self.skipped += 1
                continue
            self._keys.add(key)
            return key + b": " + found[2].replace(b"\x00", b"") + b"\r\n"

    def banner(self) -> bytes:
        return self._line(time.monotonic() + ANSWERS_WITHIN)

    def write(self, data: bytes) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN
        while data:
            try:
                data = data[self._socket.send(data) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if time.monotonic() > deadline:
                    raise Stalled(N_("It takes in nothing any more.")) from None
                select.select([], [self._socket], [], 0.5)

    def close(self) -> None:
        self._socket.close()

    def _line(self, deadline: float) -> bytes:
        """Without its end, cut where it is too long."""
        passed = 0
        while True:
            if (end := self._buffer.find(b"\n")) >= 0:
                line = bytes(self._buffer[: min(end, LONGEST_LINE)]).rstrip(b"\r")
                self._count(end)
                del self._buffer[: end + 1]
                if passed or end > LONGEST_LINE:
                    self.skipped += 1
                return line if not passed else b"-"
            if len(self._buffer) > LONGEST_LINE:
                passed += len(self._buffer)
                self._count(len(self._buffer))
                self._buffer.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise Stalled(N_("It stopped in the middle for %(seconds)d seconds."), seconds=ANSWERS_WITHIN)
            self._take(min(left, 1.0))

    def _count(self, more: int) -> None:
        self._packet_bytes += more
        if self._packet_bytes > LONGEST_RUN:
            raise Garbled(N_("One packet has more than %(bytes)d bytes."), bytes=LONGEST_RUN)

    def _take(self, within: float) -> None:
        """Reads what is there, or comes within these seconds."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        if not pending and not select.select([self._socket], [], [], within)[0]:
            return
        try:
            data = self._socket.recv(64 * 1024)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if not data:
            raise ConnectionResetError("It has closed the connection.")
        self._buffer += data
        self.heard_at = time.monotonic()


class _Manager(Asterisk.Manager.CoreManager):  # type: ignore[misc]
    """py-Asterisk's manager on our wire: it neither connects by itself nor writes secrets into logs."""

    def __init__(
        self, wire: _Wire, address: Address, hear: Callable[[Event], None], *, wants_events: bool
    ) -> None:
        # Its own __init__ connects, without TLS, IPv6 or a time limit.
        self.address, self.username, self.secret = (address.host, address.port), address.user, address.secret
        self.listen_events, self.timeout = wants_events, None
        self.events = Asterisk.Util.EventCollection()
        self.response_buffer: list[Any] = []
        self.log = Asterisk.Logging.AsteriskLogger(__name__, logging.CRITICAL)
        self.file, self._hear = wire, hear
        self._ids = (f"{id(self):x}-{number}" for number in itertools.count(1))
        self.version = ""
        self._authenticate()

    def act(self, action: str, headers: Mapping[str, str]) -> Event:
        answer: Event = self._translate_response(self.read_response(self._write_action(action, headers)))
        return answer

    def on_Event(self, event: Any) -> None:  # noqa: N802 - py-Asterisk's name
        self._hear(event)
        super().on_Event(event)

    def _dispatch_packet(self, packet: Any) -> None:
        # OriginateResponse is an event with a header `Response`: py-Asterisk would put it among the answers,
        # and trip over it there, for it has no ActionID where somebody else has placed the call.
        if "Event" in packet:
            self.on_Event(packet)
        else:
            super()._dispatch_packet(packet)

    def _authenticate(self) -> None:
        banner = self.file.banner()
        if not banner.startswith(_BANNER):
            raise Garbled(N_("It greets with %(said)s, which no Asterisk does."), said=repr(banner[:60]))
        self.version = banner[len(_BANNER) :].decode("ascii", "replace").strip()
        # The secret itself is never sent: the line may be without encryption.
        challenge = self.act("Challenge", {"AuthType": "MD5"})["Challenge"]
        digest = hashlib.md5(f"{challenge}{self.secret}".encode(), usedforsecurity=False).hexdigest()
        login = {"AuthType": "MD5", "Username": self.username, "Key": digest}
        if not self.listen_events:
            login["Events"] = "off"
        try:
            self.act("Login", login)
        except Asterisk.Manager.ActionFailed as error:
            raise Asterisk.Manager.AuthenticationFailure(str(error)) from None

    def _readline(self) -> bytes:
        return self.file.readline()

    def _write_action(self, action: str, data: Mapping[str, Any] | None = None) -> str:
        number = next(self._ids)
        headers: Iterable[tuple[str, object]] = (
            ("Action", action),
            ("ActionID", number),
            *(data or {}).items(),
        )
        lines = [f"{key}: {value}" for key, value in headers if value is not None]
        if any(re.search("[\r\n\x00]", line) for line in lines):
            raise ValueError("A header has a line break: it would be an action of its own.")
        self.file.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return number

    def _translate_response(self, packet: Any) -> Any:
        if packet.get("Response") in ("Success", "Goodbye", "Pong"):
            return packet
        message = packet.get("Message", "")
        if message.lower().startswith("permission denied"):
            raise Asterisk.Manager.PermissionDenied(message)
        raise Asterisk.Manager.ActionFailed(message)


def _connect(address: Address) -> socket.socket:
    with _telling(address):
        try:
            connection = socket.create_connection((address.host, address.port), timeout=CONNECTS_WITHIN)
        except ValueError as error:
            # Two dots, or a part that is too long: it is not even looked up.
            raise _unknown(address) from error
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.is_tls:
            return connection
        try:
            # Around a PEM there may be words, which `ssl` takes in ASCII only.
            authority = address.ca_pem.encode("ascii", "ignore").decode()
            context = ssl.create_default_context(cadata=authority or None)
            # Certificates that Asterisk's own `ast_tls_cert` makes lack what RFC 5280 wants of an authority.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            return context.wrap_socket(connection, server_hostname=address.host)
        except BaseException:
            connection.close()
            raise


def _unknown(address: Address) -> PbxTrouble:
    return PbxTrouble(N_("%(host)s is no known name: write the PBX's address."), host=address.host)


@contextmanager
def _telling(address: Address) -> Iterator[None]:
    """Says of each trouble what helps."""
    where = f"{address.host}:{address.port}"
    try:
        yield
    except PbxTrouble as trouble:
        if str(trouble).startswith("It "):
            raise type(trouble)(
                N_("%(where)s: %(said)s Is it an Asterisk's manager port?"), where=where, said=trouble
            ) from None
        raise
    except Asterisk.Manager.AuthenticationFailure as error:
        raise Refused(
            N_(
                "%(where)s refuses the user %(user)s: the secret is not the one in its manager.conf, or the "
                "box's address is not among those that `permit` lists there."
            ),
            where=where,
            user=address.user,
        ) from error
    except Asterisk.Manager.PermissionDenied as error:
        raise Refused(
            N_(
                "%(where)s does not allow %(user)s to do this: give it `write = call,originate,reporting` in "
                "manager.conf, then `manager reload`."
            ),
            where=where,
            user=address.user,
        ) from error
    except Asterisk.Manager.ActionFailed as error:
        raise ActionRefused("%(where)s: %(error)s", where=where, error=error) from error
    except ssl.SSLCertVerificationError as error:
        raise PbxTrouble(
            N_(
                "%(where)s: its certificate is not trusted (%(error)s): give the authority that has "
                "signed it."
            ),
            where=where,
            error=error.verify_message,
        ) from error
    except ssl.SSLError as error:
        raise PbxTrouble(
            N_(
                "%(where)s does not speak TLS there (%(error)s): take the port of `tlsbindaddr`, usually "
                "5039."
            ),
            where=where,
            error=error.reason,
        ) from error
    except TimeoutError as error:
        raise PbxTrouble(
            N_("%(where)s does not answer: is the address right, and does a firewall let the box in?"),
            where=where,
        ) from error
    except ConnectionRefusedError as error:
        raise PbxTrouble(
            N_(
                "Nothing listens at %(where)s: `enabled = yes` and `bindaddr` in manager.conf, then restart "
                "Asterisk."
            ),
            where=where,
        ) from error
    except socket.gaierror as error:
        raise _unknown(address) from error
    except (Asterisk.Manager.BaseException, KeyError, OSError) as error:
        raise PbxTrouble(
            N_("The connection with %(where)s is lost (%(error)s)."),
            where=where,
            error=f"{type(error).__name__}: {error}",
        ) from error
