"""A line to a directory: the first server that answers, encrypted as asked, read in pages.

Everything that can go wrong becomes a `DirectoryTrouble` whose text says what to do.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ldap3
from django.utils.translation import gettext as _
from ldap3.core.exceptions import (
    LDAPCommunicationError,
    LDAPException,
    LDAPExceptionError,
    LDAPSocketOpenError,
    LDAPStartTLSError,
)

from box.bridges.directory import server_order
from box.bridges.directory.models import Connection

CONNECT_SECONDS = 5
# For who does not say hello for so long the next is asked; an answer may take longer.
HELLO_SECONDS = 10
ANSWER_SECONDS = 60
PAGE = 500
SMALLEST_PAGE = 20

LDAP_PORT, LDAPS_PORT = 389, 636

SUCCESS, SIZE_LIMIT, STRONGER_AUTH, REFERRAL = 0, 4, 8, 10
NO_SUCH_OBJECT, INVALID_CREDENTIALS, INSUFFICIENT_ACCESS = 32, 49, 50
TIME_LIMIT, ADMIN_LIMIT, CONFIDENTIALITY_REQUIRED, UNAVAILABLE, UNWILLING = 3, 11, 13, 52, 53


class DirectoryTrouble(Exception):
    """The directory couldn't be asked. Its text is for people and says what to do.

    `code` is for programs: "name", "refused", "silent", "certificate", "tls", "credentials", "base", "size",
    "access", "cut", "referral" or "other".
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Server:
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Entry:
    """An entry as the server told it: attributes by their name in lower case, values as bytes."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def first(self, name: str) -> str:
        """The first value as text; empty where there is none."""
        values = self.attributes.get(name.lower())
        return _text(values[0]) if values else ""

    def texts(self, name: str) -> list[str]:
        return [_text(value) for value in self.attributes.get(name.lower(), ())]

    def raw(self, name: str) -> bytes:
        values = self.attributes.get(name.lower())
        return values[0] if values else b""


def _text(raw: bytes) -> str:
    """Directories take a zero byte in a text, and PostgreSQL none."""
    return raw.decode(errors="replace").replace("\0", "")


@dataclass(frozen=True)
class RootDse:
    """What a server says of itself to everybody."""

    naming_contexts: tuple[str, ...]
    default_naming_context: str
    controls: frozenset[str]
    is_active_directory: bool
    # Of this very domain controller; empty elsewhere.
    ds_service_name: str
    dns_host_name: str
    highest_usn: int
    is_samba: bool


def server_of(text: str, security: str) -> Server:
    """`dc1.corp.example`, `10.0.0.1:636` or `[fe80::1]:389`."""
    usual = LDAPS_PORT if security == Connection.Security.LDAPS else LDAP_PORT
    text = text.strip()
    host, port = text, ""
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _colon, port = text.partition(":")
    return Server(host, int(port) if port.isdigit() else usual)


@contextmanager
def connect(connection: Connection, *, password: str | None = None) -> Iterator[Directory]:
    """The first server that answers, bound with the connection's account.

    `password` is one that is not stored yet. Raises DirectoryTrouble: of the last server, where none answers;
    one that refuses the account is not passed over, for the others would count the refusal too.
    """
    directory = _first_that_answers(connection)
    try:
        directory.bind(connection.bind_dn, connection.bind_password if password is None else password)
        yield directory
    finally:
        directory.close()


def _first_that_answers(connection: Connection) -> Directory:
    trouble: DirectoryTrouble | None = None
    for text in server_order.in_order(connection):
        try:
            line = open_server(server_of(text, connection.security), connection.security, connection.ca_pem)
        except DirectoryTrouble as error:
            trouble = error
        else:
            server_order.remember(connection, text)
            return line
    if trouble is None and connection.servers:
        raise DirectoryTrouble("name", unnamed(connection.servers[0]))
    raise trouble or DirectoryTrouble("name", _("No server is named: write at least one."))


def unnamed(name: str) -> str:
    return _("DNS names no server under %(name)s: check how it is written, and the box's DNS.") % {
        "name": name
    }


def open_server(server: Server, security: str, ca_pem: str) -> Directory:
    """An encrypted line, if so asked, that nobody has signed in on yet. Raises DirectoryTrouble."""
    _resolve(server)
    tls = _Tls(server.host, ca_pem)
    is_ldaps = security == Connection.Security.LDAPS
    target = ldap3.Server(
        server.host,
        port=server.port,
        use_ssl=is_ldaps,
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=CONNECT_SECONDS,
    )
    line = ldap3.Connection(
        target,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        receive_timeout=HELLO_SECONDS,
        return_empty_attributes=False,
        raise_exceptions=False,
    )
    try:
        line.open(read_server_info=False)
        if security == Connection.Security.STARTTLS and not line.start_tls(read_server_info=False):
            raise LDAPStartTLSError(line.last_error)
        _patient(line)
    except (LDAPException, OSError) as error:
        with suppress(LDAPException, OSError):
            line.unbind()
        raise _explained(tls.failure or error, server) from error
    return Directory(line, server)


def _patient(line: ldap3.Connection) -> None:
    """From now on: what was open for a moment only is open for questions."""
    line.receive_timeout = ANSWER_SECONDS
    line.socket.settimeout(ANSWER_SECONDS)


def _resolve(server: Server) -> None:
    try:
        socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DirectoryTrouble(
            "name",
            _("There is no server named %(host)s: check how it is written, and the box's DNS.")
            % {"host": server.host},
        ) from None


class _Tls(ldap3.Tls):  # type: ignore[misc]
    """Checks the certificate and its name as Python does; ldap3's own way knows no IP addresses."""

    def __init__(self, host: str, ca_pem: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._host = host
        self._ca_pem = ca_pem
        self.failure: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        try:
            context = ssl.create_default_context(cadata=self._ca_pem or None)
            # Root certificates of companies rarely say what the newest rules want of them.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            connection.socket = context.wrap_socket(connection.socket, server_hostname=self._host)
        except (OSError, ValueError) as error:
            # ldap3 makes another exception of it, without what this one knows.
            self.failure = error
            raise


class Directory:
    """An open line. Use `connect`."""

    def __init__(self, line: ldap3.Connection, server: Server) -> None:
        self._line = line
        self.server = server

    def bind(self, dn: str, password: str) -> None:
        """Raises DirectoryTrouble for what is not accepted. Without a name it stays anonymous."""
        self._line.user, self._line.password = dn or None, password or None
        self._line.authentication = ldap3.SIMPLE if dn else ldap3.ANONYMOUS
        if dn and not password:
            # A bind without a password succeeds everywhere, and proves nothing.
            raise DirectoryTrouble("credentials", _("The bind account has no password: write it."))
        with self._in_words():
            self._line.bind(read_server_info=False)
        self._refuse_failure("")

    def close(self) -> None:
        with suppress(LDAPException, OSError):
            self._line.unbind()

    def root(self) -> RootDse:
        entry = next(iter(self.search("", "(objectClass=*)", ["*", "+"], scope="base", page=0)), None)
        if entry is None:
            raise DirectoryTrouble("access", _("The server says nothing of itself: let the account read it."))
        contexts = tuple(entry.texts("namingContexts"))
        return RootDse(
            naming_contexts=contexts,
            default_naming_context=entry.first("defaultNamingContext") or next(iter(contexts), ""),
            controls=frozenset(entry.texts("supportedControl")),
            is_active_directory="1.2.840.113556.1.4.800" in entry.texts("supportedCapabilities"),
            ds_service_name=entry.first("dsServiceName"),
            dns_host_name=entry.first("dnsHostName"),
            highest_usn=int(entry.first("highestCommittedUSN") or 0),
            is_samba=entry.first("vendorName").startswith("Samba"),
        )

    def read(self, dn: str, attributes: Iterable[str]) -> Entry | None:
        """One entry; None where there is none, or none that the account may see."""
        try:
            return next(iter(self.search(dn, "(objectClass=*)", attributes, scope="base", page=0)), None)
        except DirectoryTrouble as trouble:
            if trouble.code == "base":
                return None
            raise

    def compare(self, dn: str, attribute: str, value: str) -> int:
        """The server's code for whether the entry has this value, as RFC 4511 numbers them."""
        with self._in_words():
            self._line.compare(dn, attribute, value)
        return int((self._line.result or {}).get("result", -1))

    def search(
        self,
        base: str,
        filter: str,  # noqa: A002 - LDAP's own word for it
        attributes: Iterable[str],
        *,
        scope: str = "sub",
        page: int = PAGE,
        most: int | None = None,
        controls: Sequence[Any] = (),
    ) -> Iterator[Entry]:
        """Entries as they come, a page at a time; `page` zero asks for all at once, where the server gives so
        many, `most` ends earlier.

        Values that go into a filter are escaped by `ldap3.utils.conv.escape_filter_chars`. References to
        other servers are passed over. Raises DirectoryTrouble, also where a limit has cut the answer short.
        """
        cookie: bytes | None = None
        told = 0
        scopes = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
        wanted = list(attributes)
        while True:
            with self._in_words():
                self._line.search(
                    base,
                    filter,
                    search_scope=scopes[scope],
                    attributes=wanted,
                    paged_size=page or None,
                    paged_cookie=cookie,
                    controls=list(controls) or None,
                )
            # Taken out of ldap3 before they are handed on: a page is in memory once.
            answer, self._line.response = self._line.response or [], None
            if self._is_page_too_large(page, cookie):
                page = max(SMALLEST_PAGE, page // 4) if page else PAGE
                continue
            self._refuse_failure(base)
            for one in answer:
                if one["type"] == "searchResEntry":
                    yield _entry(one)
                    told += 1
                    if told == most:
                        return
            del answer
            cookie = self._cookie() if page else None
            if not cookie:
                return

    def _is_page_too_large(self, page: int, cookie: bytes | None) -> bool:
        """Some servers count a page against their limit; a smaller one is below it."""
        result = (self._line.result or {}).get("result")
        return result in (SIZE_LIMIT, ADMIN_LIMIT) and page != SMALLEST_PAGE and not cookie

    @property
    def controls(self) -> Mapping[str, Any]:
        """What came with the last answer, by OID."""
        found: Mapping[str, Any] = (self._line.result or {}).get("controls") or {}
        return found

    def _cookie(self) -> bytes | None:
        control = self.controls.get("1.2.840.113556.1.4.319")
        return control["value"]["cookie"] if control else None

    def _refuse_failure(self, base: str) -> None:
        result = self._line.result or {}
        code = result.get("result", -1)
        if code == REFERRAL:
            raise _referred([str(one) for one in result.get("referrals") or ()], base, self)
        if code != SUCCESS:
            raise _refused(code, str(result.get("message") or result.get("description") or ""), base, self)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (LDAPException, OSError) as error:
            raise _explained(error, self.server) from error


def _entry(one: Mapping[str, Any]) -> Entry:
    return Entry(one["dn"], {name.lower(): values for name, values in one["raw_attributes"].items()})


def _referred(others: Sequence[str], base: str, directory: Directory) -> DirectoryTrouble:
    """Whom a server names instead of itself isn't asked: the account's password is not for them."""
    return DirectoryTrouble(
        "referral",
        _("%(host)s does not hold %(base)s itself and names another server: connect that one. %(answer)s")
        % {"host": str(directory.server), "base": base, "answer": " ".join(others)},
    )


def _refused(code: int, message: str, base: str, directory: Directory) -> DirectoryTrouble:
    """A server's answer that is not success, in words."""
    known = {"host": str(directory.server), "base": base, "answer": message.strip(" \0")}
    match code:
        case 49 | 48 | 53 if not base:
            # What it is unwilling to do now says nothing of the password.
            return DirectoryTrouble("other" if code == UNWILLING else "credentials", _account_refused(known))
        case 4 | 11:
            return DirectoryTrouble(
                "size",
                _(
                    "%(host)s tells only a part of %(base)s: raise its size limit for the bind account, or"
                    " let it read in pages. It says: %(answer)s"
                )
                % known,
            )
        case 32 | 34:
            return DirectoryTrouble(
                "base",
                _("There is no %(base)s on %(host)s, or the bind account may not see it: check the base.")
                % known,
            )
        case 50:
            return DirectoryTrouble(
                "access",
                _("The bind account may not read %(base)s: give it the right to. %(answer)s") % known,
            )
        case 8 | 13:
            return DirectoryTrouble(
                "tls", _("%(host)s wants an encrypted line: choose LDAPS or StartTLS.") % known
            )
    return DirectoryTrouble(
        "other", _("%(host)s refused the question about %(base)s. It says: %(answer)s") % known
    )


def _account_refused(known: Mapping[str, str]) -> str:
    """Active Directory says why in a hexadecimal number after `data`."""
    reasons = {
        "data 525": _("there is no such account"),
        "data 52e": _("the password is wrong, or there is no such account"),
        "data 530": _("the account may not sign in at this hour"),
        "data 532": _("its password has expired"),
        "data 533": _("the account is disabled"),
        "data 701": _("the account has expired"),
        "data 773": _("its password must be changed first"),
        "data 775": _("the account is locked"),
    }
    reason = next((text for mark, text in reasons.items() if mark in known["answer"]), known["answer"])
    return _("%(host)s does not take the bind account: %(reason)s.") % {
        "host": known["host"],
        "reason": reason or _("the name or the password is wrong"),
    }


def _explained(error: Exception, server: Server) -> DirectoryTrouble:  # noqa: PLR0911 - a sentence a case
    known = {"host": server.host, "port": server.port, "answer": _cause(error)}
    match error:
        case ssl.SSLCertVerificationError():
            return DirectoryTrouble(
                "certificate",
                _(
                    "The certificate of %(host)s is not trusted (%(answer)s): give the certificate of the"
                    " authority that signed it, and the name that it was made for."
                )
                % {**known, "answer": error.verify_message},
            )
        case ssl.SSLError():
            return DirectoryTrouble(
                "tls",
                _(
                    "%(host)s does not speak TLS on port %(port)s: choose StartTLS, or the port for LDAPS,"
                    " which most often is 636."
                )
                % known,
            )
        case LDAPStartTLSError():
            return DirectoryTrouble(
                "tls", _("%(host)s offers no StartTLS on port %(port)s: choose LDAPS. %(answer)s") % known
            )
    root = _root(error)
    match root:
        case ConnectionRefusedError():
            return DirectoryTrouble(
                "refused", _("Nothing listens on port %(port)s of %(host)s: check the port.") % known
            )
        case TimeoutError():
            return DirectoryTrouble(
                "silent",
                _(
                    "%(host)s does not answer on port %(port)s: check the port, and whether a firewall lets"
                    " the box through."
                )
                % known,
            )
        case _ if isinstance(error, LDAPSocketOpenError) and "timed out" in _cause(error):
            return DirectoryTrouble("silent", _("%(host)s does not answer on port %(port)s.") % known)
        case _ if isinstance(error, LDAPCommunicationError | LDAPExceptionError | OSError):
            return DirectoryTrouble(
                "cut", _("The line to %(host)s was cut: %(answer)s. The next run begins again.") % known
            )
    return DirectoryTrouble("other", _("%(host)s could not be asked: %(answer)s") % known)


def _root(error: Exception) -> Exception:
    """ldap3 wraps what the socket raised, once or for each address."""
    for argument in error.args:
        if isinstance(argument, list):
            for found in argument:
                inner = found[0] if isinstance(found, tuple) else found
                if isinstance(inner, Exception):
                    return inner
        if isinstance(argument, Exception):
            return argument
    return error


def _cause(error: Exception) -> str:
    return str(_root(error)).strip() or type(error).__name__
