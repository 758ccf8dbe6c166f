"""Trying a connection step by step, so that whoever sets it up reads what is wrong and what to do about it.

The connection need not be saved. A password is sent only to a server that has shown who it is, or where
encryption was left out on purpose; of what a stranger says that does not speak LDAP nothing is shown.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import parse_filter

from box.bridges.directory import controllers, distinguished_names
from box.bridges.directory.certificates import (
    Certificate,
    NoStartTls,
    NotLdap,
    encrypted,
    shown_by,
    to_trust,
    trusting,
)
from box.bridges.directory.client import (
    Directory,
    DirectoryTrouble,
    Entry,
    Server,
    open_server,
    server_of,
    unnamed,
)
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import people_filter, preset
from box.bridges.directory.unreadable import ALWAYS_THERE, ENOUGH, Rights, example
from box.lib.sealing import SealBroken

# Somebody waits in front of the page.
PATIENCE = 5.0
SAMPLE = 500
PAGE = 100
# So many units are named.
SHOWN = 5

# What is read by the first server that lets the account in.
READING = ("base", "people", "rights")

_WRONG_NAME = (62, 64)
_EXPIRED, _NOT_YET = 10, 9


@dataclass(frozen=True)
class Step:
    """One thing that was tried. `state` is good, warn or bad; after a bad one the server is left alone."""

    key: str
    title: str
    state: str
    text: str
    server: str
    # Where the server is not trusted: what it shows, and what to trust from now on if one will.
    shown: Certificate | None = None
    to_trust: Certificate | None = None


class _Bad(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, text: str, chain: list[Certificate] | None = None, *, trusts: bool = False) -> None:
        super().__init__(text)
        self.shown = chain[0] if chain else None
        self.to_trust = to_trust(chain) if chain and trusts else None


class _Warn(Exception):
    """Nothing that would keep it from working."""


def probe(connection: Connection) -> list[Step]:
    """Each server as far as signing in, then what the first that lets the account in shows it. After one that
    refuses the account the others are only reached."""
    steps: list[Step] = []
    has_read = is_refused = False
    for text in connection.servers:
        servers = [text]
        if controllers.is_name(text):
            is_ldaps = connection.security == Connection.Security.LDAPS
            servers = controllers.found_under(text, is_ldaps=is_ldaps)
            steps.append(_asked_of_dns(text, servers))
        for server in servers:
            # Servers of one directory count wrong passwords together, and lock the account.
            trial = _Trial(connection, server, reads=not has_read, signs_in=not is_refused)
            steps += trial.steps()
            has_read = has_read or trial.is_in
            is_refused = is_refused or trial.is_refused
    return steps


def _asked_of_dns(name: str, servers: list[str]) -> Step:
    told = ", ".join(servers) or unnamed(name)
    return Step("dns", _("Ask DNS for servers"), "good" if servers else "bad", told, name)


def is_good(steps: Iterable[Step]) -> bool:
    """Whether runs can be done: by one server at least, and what is read there is right. Others that are away
    are passed over."""
    steps = list(steps)
    lets_in = any(step.key == "sign-in" and step.state != "bad" for step in steps)
    return lets_in and all(step.state != "bad" for step in steps if step.key in READING)


def is_filter(text: str) -> bool:
    """Whether it is written as LDAP's filters are (RFC 4515)."""
    try:
        parse_filter(text, None, False, False, None, False)
    except LDAPException:
        return False
    return True


@dataclass
class _Trial:
    connection: Connection
    server: str
    reads: bool
    signs_in: bool = True
    is_in: bool = False
    is_refused: bool = False
    has_people: bool = False
    bases: list[str] = field(default_factory=list)
    addresses: list[tuple[str, int]] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        with ExitStack() as lines:
            for key, title, act in self._stages(lines):
                try:
                    step = Step(key, title, "good", act(), self.server)
                except _Warn as warning:
                    step = Step(key, title, "warn", str(warning), self.server)
                except _Bad as bad:
                    step = Step(key, title, "bad", str(bad), self.server, bad.shown, bad.to_trust)
                except DirectoryTrouble as trouble:
                    step = Step(key, title, "bad", str(trouble), self.server)
                yield step
                if step.state == "bad":
                    return

    def _stages(self, lines: ExitStack) -> Iterator[tuple[str, str, Callable[[], str]]]:
        yield "resolve", _("Find the server"), self._resolve
        yield "connect", _("Reach it"), self._connect
        yield "secure", _("Encrypt the connection"), self._secure
        if not self.signs_in:
            return
        opened: list[Directory] = []
        yield "sign-in", _("Sign in"), partial(self._sign_in, opened, lines)
        if self.reads:
            for base in self.bases:
                yield "base", _("Open %(base)s") % {"base": base}, partial(_open, opened, base)
                yield "people", _("Find people there"), partial(self._people, opened, base)
                if self.has_people:
                    yield "rights", _("Read what the rules need"), partial(self._rights, opened, base)

    @property
    def _target(self) -> Server:
        return server_of(self.server, self.connection.security)

    @property
    def _known(self) -> dict[str, object]:
        return {"host": self._target.host, "port": self._target.port}

    def _resolve(self) -> str:
        try:
            found = socket.getaddrinfo(self._target.host, self._target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, OverflowError):
            raise _Bad(
                _("There is no server named %(host)s: check how it is written, and the box's DNS.")
                % self._known
            ) from None
        self.addresses = [(str(one[4][0]), int(one[4][1])) for one in found]
        if any(_is_nobodys(address) for address, _port in self.addresses):
            raise _Bad(_("No directory lives at this address: write the name of your server."))
        return ", ".join(dict.fromkeys(address for address, _port in self.addresses))

    def _connect(self) -> str:
        self._reached().close()
        return _("Port %(port)s answers.") % self._known

    def _secure(self) -> str:
        if not self.connection.is_encrypted:
            raise _Warn(
                _(
                    "Nothing is encrypted: on the network one can read the account's password, and that of"
                    " everybody who signs in. Choose LDAPS or StartTLS."
                )
            )
        with closing(self._reached()) as line:
            try:
                with encrypted(
                    line, trusting(self.connection.ca_pem), self._target.host, begins_open=self._begins_open
                ) as secured:
                    return _("%(version)s; the certificate is trusted.") % {"version": secured.version()}
            except ssl.SSLCertVerificationError as error:
                raise self._untrusted(error) from error
            except NoStartTls:
                raise _Bad(
                    _(
                        "%(host)s offers no StartTLS on port %(port)s: choose LDAPS, or have a certificate"
                        " installed there."
                    )
                    % self._known
                ) from None
            except (NotLdap, OSError):
                raise _Bad(
                    _(
                        "What listens on port %(port)s of %(host)s does not encrypt in this way: check the"
                        " port (usually 636 for LDAPS, 389 for StartTLS), and whether the server has a"
                        " certificate."
                    )
                    % self._known
                ) from None

    def _sign_in(self, opened: list[Directory], lines: ExitStack) -> str:
        directory = open_server(self._target, self.connection.security, self.connection.ca_pem)
        lines.callback(directory.close)
        try:
            directory.bind(self.connection.bind_dn, self.connection.bind_password)
        except SealBroken:
            raise _Bad(_("The password was stored by another box: write it anew.")) from None
        except DirectoryTrouble as trouble:
            self.is_refused = trouble.code == "credentials"
            raise
        opened.append(directory)
        self.is_in = True
        # Where nobody has said which part of it: all that the server holds.
        self.bases = self.connection.people_bases or [directory.root().default_naming_context]
        if not self.connection.bind_dn:
            raise _Warn(_("Without an account: the directory shows what it shows to everybody."))
        return _("As %(account)s.") % {"account": self.connection.bind_dn}

    def _people(self, opened: list[Directory], base: str) -> str:
        """Counts the first few hundred, by pages as an import does."""
        question = people_filter(self.connection)
        if not is_filter(question):
            raise _Bad(
                _(
                    "The filter %(filter)s is not written as filters are: each condition stands in brackets,"
                    " such as (&(objectClass=person)(mail=*))."
                )
                % {"filter": question}
            )
        rules = self.connection.mapping.fields
        login = next((rule.attribute for rule in rules if rule.field == "login"), "")
        wanted = [login] if login else ["1.1"]
        found = opened[0].search(base, question, wanted, page=PAGE)
        entries = list(islice(found, SAMPLE))
        self.has_people = bool(entries)
        if not entries:
            raise _Warn(
                _(
                    "Nobody is found: check the base and the filter %(filter)s, and whether the account may"
                    " read there."
                )
                % {"filter": question}
            )
        nameless = sum(not entry.first(login) for entry in entries) if login else 0
        if nameless == len(entries):
            raise _Bad(
                _(
                    "People are found, but not their %(attribute)s: let the account read it, or choose"
                    " another attribute for the login."
                )
                % {"attribute": login}
            )
        count = len(entries)
        if count == SAMPLE:
            return _("%(count)s and more.") % {"count": SAMPLE}
        return ngettext("%(count)s person.", "%(count)s people.", count) % {"count": count}

    def _rights(self, opened: list[Directory], base: str) -> str:
        """On the first few hundred: of whom it cannot be read whether they may work here, nothing is done."""
        mapping, is_ad = self.connection.mapping, self.connection.kind == Connection.Kind.AD
        deciding = [one for one in (mapping.disabled, mapping.expires) if one]
        others = [rule.attribute for rule in mapping.fields] + [mapping.manager]
        wanted = list(dict.fromkeys(filter(None, (*deciding, *others))))
        entries = list(
            islice(opened[0].search(base, people_filter(self.connection), wanted, page=PAGE), SAMPLE)
        )
        rights = Rights(opened[0], self.connection, (base,))
        # Active Directory is judged by what it has sent; others are asked about each entry.
        judged = entries if is_ad else entries[:ENOUGH]
        hidden = Counter(
            one for entry in judged for one in deciding if not _may_read(rights, entry, one, is_ad=is_ad)
        )
        if hidden:
            raise _Bad(_hidden(hidden, len(judged), self.connection, base))
        if mapping.departments == "ou" and (
            units := _hidden_units(opened[0], self.connection, entries, base)
        ):
            raise _Warn(
                _(
                    "The account may not read units in which there are people: %(units)s. Grant it to read"
                    " all properties of organizational units there; until then they become no departments,"
                    " and those that there are stay as they are."
                )
                % {"units": ", ".join(units[:SHOWN])}
            )
        unseen = [one for one in wanted if not any(one.lower() in entry.attributes for entry in entries)]
        unseen = [one for one in unseen if one not in deciding]
        # Asked for by itself: hundreds of pictures are megabytes.
        if not any(map(rights.shows, mapping.photo)):
            unseen += mapping.photo
        if not unseen:
            return _("It may read all of it.")
        told = _(
            "It may read what decides. Of nobody there is %(attributes)s: they are empty, or hidden from it."
        )
        return told % {"attributes": ", ".join(unseen)}

    @property
    def _begins_open(self) -> bool:
        return self.connection.security == Connection.Security.STARTTLS

    def _reached(self) -> socket.socket:
        """By the addresses that were looked at: a name might mean others the next time."""
        problem: OSError = OSError()
        for address in self.addresses:
            try:
                return socket.create_connection(address, timeout=PATIENCE)
            except OSError as error:
                problem = error
        match problem:
            case TimeoutError():
                text = _(
                    "%(host)s does not answer on port %(port)s: check whether it runs, and whether a firewall"
                    " lets the box through."
                )
            case ConnectionRefusedError():
                text = _("Nothing listens on port %(port)s of %(host)s: check the port.")
            case _other:
                text = _("There is no way to %(host)s: check the network of the box.")
        raise _Bad(text % self._known) from problem

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> _Bad:
        chain: list[Certificate] = []
        with suppress(OSError, NoStartTls, NotLdap, ValueError):
            chain = shown_by(
                self._target.host, self.addresses[0], begins_open=self._begins_open, patience=PATIENCE
            )
        if not chain:
            return _Bad(_("The certificate of %(host)s is not trusted.") % self._known)
        return _distrusted(error, chain, self._target.host)


def _may_read(rights: Rights, entry: Entry, attribute: str, *, is_ad: bool) -> bool:
    if attribute.lower() in entry.attributes:
        return True
    if is_ad:
        return attribute.lower() not in ALWAYS_THERE
    return rights.may_read(entry.dn, attribute, example(attribute))


def _hidden(hidden: Counter[str], count: int, connection: Connection, base: str) -> str:
    """Which right is missing, and how it is given."""
    told = {
        "count": max(hidden.values()),
        "all": count,
        "attributes": ", ".join(sorted(hidden)),
        "account": connection.bind_dn or "ANONYMOUS LOGON",
        "base": base,
    }
    if connection.kind == Connection.Kind.AD:
        return (
            _(
                "Of %(count)s of %(all)s people the account may not read %(attributes)s: nobody can tell"
                " whether they are disabled or have expired, so that nobody new is taken in and nobody's"
                " status changes. Grant it the right “Read Account Restrictions” on the people of %(base)s,"
                " such as by dsacls"
                ' "%(base)s" /I:S /G "%(account)s:RP;Account Restrictions;user"'
            )
            % told
        )
    return (
        _(
            "Of %(count)s of %(all)s people the account may not read %(attributes)s: nobody can tell whether"
            " they are disabled or have expired, so that nobody's status changes. Let %(account)s read it in"
            " the access rules of the directory."
        )
        % told
    )


def _hidden_units(
    directory: Directory, connection: Connection, entries: Iterable[Entry], base: str
) -> list[str]:
    """Names of units that these people stand in and that are not shown."""
    shown = {
        distinguished_names.key(unit.dn)
        for unit in directory.search(base, preset(connection.kind).unit_filter, ["ou"])
    }
    above = {
        key
        for entry in entries
        for key in distinguished_names.ancestor_keys(entry.dn)
        if key.startswith("ou=")
    }
    inside = f",{distinguished_names.key(base)}"
    return sorted(distinguished_names.name_of(key) for key in above - shown if key.endswith(inside))


def _open(opened: list[Directory], base: str) -> str:
    if opened[0].read(base, ["objectClass"]) is None:
        raise _Bad(
            _("There is no %(base)s, or the account may not see it: choose it from the tree.")
            % {"base": base}
        )
    return _("It is there.")


def _distrusted(error: ssl.SSLCertVerificationError, chain: list[Certificate], host: str) -> _Bad:
    own = chain[0]
    if own.is_expired or error.verify_code == _EXPIRED:
        day = date_format(own.until, "SHORT_DATE_FORMAT")
        text = _("The certificate of %(host)s has expired on %(day)s: have it renewed.")
        return _Bad(text % {"host": host, "day": day}, chain)
    if error.verify_code == _NOT_YET:
        text = _("The certificate of %(host)s is not good yet: check the clocks of both machines.")
        return _Bad(text % {"host": host}, chain)
    if error.verify_code in _WRONG_NAME:
        text = _("The certificate was made for %(names)s, not for %(host)s: write the server by that name.")
        return _Bad(text % {"names": ", ".join(own.names), "host": host}, chain)
    if to_trust(chain) is None:
        text = _(
            "Nobody whom the box trusts vouches for %(host)s: its certificate is from %(issuer)s. Paste that"
            " authority's own certificate into the form."
        )
        return _Bad(text % {"host": host, "issuer": own.issuer}, chain)
    text = _(
        "Nobody whom the box trusts vouches for %(host)s: its certificate is from %(issuer)s. Compare the"
        " fingerprint with that on the server, then trust it."
    )
    return _Bad(text % {"host": host, "issuer": own.issuer}, chain, trusts=True)


def _is_nobodys(address: str) -> bool:
    """Where machines keep what is for themselves: no directory is asked there by mistake or on purpose."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_link_local or found.is_multicast or found.is_unspecified
