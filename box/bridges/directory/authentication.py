"""One question to one directory: is this the password of who is called so, and may they come in?

`django-auth-ldap` does it; what it reads from Django's settings comes from the connection's row here, and who
it is, is said by the link of the import and not by a name. Import this only where there is a directory: it
loads the C libraries.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ldap
import ldap.dn
import ldap.filter
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_auth_ldap.backend import LDAPBackend, _LDAPUser
from django_auth_ldap.config import LDAPSearch, LDAPSettings

from box.bridges.directory import distinguished_names, presets, server_order, stable_ids, transforms
from box.bridges.directory.actions import ask_run, note_bind_refusal
from box.bridges.directory.bind_refusals import is_bind_refused, way_of
from box.bridges.directory.client import server_of
from box.bridges.directory.lockout import Budget
from box.bridges.directory.membership import GroupHidden, GroupMissing, Membership, any_of
from box.bridges.directory.models import Connection, Link, Run
from box.bridges.directory.plan.clashes import AGAIN, APART, LOGIN
from box.core.accounts.browsers import is_known_to
from box.core.accounts.models import User
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# A directory that is away is not asked again by everybody who tries meanwhile.
SILENT_SECONDS = 10
# A run that was asked for since has looked for everybody.
FRESH = timedelta(minutes=1)
# What Active Directory says only to who has given the right password.
DATA = re.compile(r"\bdata ([0-9a-f]+)")
# ERROR_PASSWORD_RESTRICTION: how it says that the rules of the domain are against a new password.
WEAK = "0000052D"

_AWAY = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY)


class Silent(Exception):
    """The directory cannot be asked: away, or not set up well. The log says what it is."""


class Refused(Exception):
    """The password is right, and something else is not; in words for the person."""


@dataclass(frozen=True)
class Entry:
    dn: str
    stable_id: str


def ask(
    connection: Connection, name: str, password: str, *, request: HttpRequest, person: User | None = None
) -> User | None:
    """Who has this name and password and may come in; None where it is wrong.

    Somebody whom the directory doesn't know costs the same questions as somebody whom it does. Raises
    LockedOut, Refused and Silent.
    """
    with _directory_user(connection, name, request) as user:
        entry = user.find()
        local = User.objects.filter(pk=user.linked(entry)).first() if entry else None
        is_theirs = entry is not None and _may_be_asked(name, local, person, connection)
        who = entry.stable_id if entry is not None and is_theirs else f"name:{name.lower()}"
        budget = Budget(connection, who, local is not None and is_known_to(local, request))
        before = budget.take()
        if entry is None or not is_theirs:
            # A name that nobody has takes as long, and what was typed is not for this directory.
            user.has_password(_nobody(user), secrets.token_urlsafe(), budget, before)
            return None
        if not user.has_password(entry.dn, password, budget, before):
            return None
        return user.admitted(local, entry)


def ask_of_ticket(connection: Connection, name: str, *, request: HttpRequest) -> User | None:
    """Whom a ticket names by their login, if they may come in. Raises Refused and Silent."""
    with _directory_user(connection, name, request) as user:
        entry = user.find(by_login=True)
        if entry is None:
            return None
        local = User.objects.filter(pk=user.linked(entry)).first()
        if user.is_disabled is None:
            # A ticket outlives its account by hours; a password is looked at by the directory itself.
            raise Refused(
                _("Sign in with login and password: the portal may not see whether your account is in use.")
            )
        if user.is_disabled:
            raise Refused(_disabled())
        return user.admitted(local, entry)


@sensitive_variables("current", "new")
def change_password(
    connection: Connection, person: User, current: str, new: str, *, request: HttpRequest
) -> None:
    """By the person's own right, with the password that they have. Raises ValidationError for a new one that
    the directory does not take, LockedOut, Refused and Silent."""
    with _directory_user(connection, person.login, request) as user:
        entry = user.find(by_login=True)
        if entry is None or user.linked(entry) != person.pk:
            raise Refused(_("The directory does not show your account: ask your company's IT."))
        budget = Budget(connection, entry.stable_id, is_known_to(person, request))
        before = budget.take()
        if not user.has_password(entry.dn, current, budget, before):
            raise Refused(_("This is not your password: write the one you sign in with."))
        user.replace_password(entry.dn, current, new)


def _may_be_asked(name: str, local: User | None, person: User | None, connection: Connection) -> bool:
    """Not about another than the one who is meant; and what somebody has typed whose password is not this
    directory's is not passed on to it, whoever it says that they are."""
    if person is not None:
        return local == person
    login = name.lower().rpartition("\\")[2]
    # Whom a principal name means only a domain knows; here it is whoever has the login in it.
    for typed in ({name.lower(), login}, {login.partition("@")[0]}):
        holders = set(
            User.objects.filter(Q(login__in=typed) | Q(email__in=typed)).values_list("pk", flat=True)
        )
        if holders:
            # Of whom this directory keeps the password, it may be asked: their entry was made anew.
            kept = Link.objects.people().filter(connection=connection, object_id__in=holders)
            return holders <= set(kept.values_list("object_id", flat=True))
    return True


def _nobody(user: DirectoryUser) -> str:
    """The name of an entry that there is none of, so that asking about nobody takes as long."""
    return f"cn={uuid.uuid4()},{user.bases[0]}"


@contextmanager
def _directory_user(connection: Connection, name: str, request: HttpRequest) -> Iterator[DirectoryUser]:
    """Whatever the libraries raise becomes Silent, and a line in the log that names nobody."""
    way = way_of(connection)
    away = f"directory:away:{connection.pk}:{way}"
    if cache.get(away) or is_bind_refused(connection, now=timezone.now()):
        raise Silent
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii", errors="replace") as authorities:
        authorities.write(connection.ca_pem)
        authorities.flush()
        user: DirectoryUser | None = None
        try:
            backend = OneDirectory(connection, authorities.name if connection.ca_pem.strip() else "")
            user = DirectoryUser(backend, username=name, request=request)
            yield user
            user.note_who_answered()
        except BindRefused as error:
            note_bind_refusal(connection, way, at=timezone.now())
            logger.warning(
                "The directory %s refuses its bind account (%s): nobody signs in with its passwords until the"
                " account is set right.",
                connection.name,
                _error_text(error),
            )
            raise Silent from None
        except _AWAY as error:
            cache.set(away, True, SILENT_SECONDS)
            logger.warning("The directory %s does not answer: %s", connection.name, _error_text(error))
            raise Silent from None
        except GroupMissing as missing:
            logger.warning(
                "The directory %s has no group %s any more, which decides who may sign in: nobody may.",
                connection.name,
                missing,
            )
            raise Silent from None
        except GroupHidden as hidden:
            logger.warning(
                "The directory %s does not show who is in the group %s, which decides who may sign in: nobody"
                " may, until the bind account may read its members.",
                connection.name,
                hidden,
            )
            raise Silent from None
        except ldap.LDAPError as error:
            logger.warning("The directory %s cannot be asked: %s", connection.name, _error_text(error))
            raise Silent from None
        except SealBroken:
            logger.warning(
                "The bind password of the directory %s is of another box: write it anew.", connection.name
            )
            raise Silent from None
        finally:
            if user is not None:
                user.close()


class BindRefused(Exception):
    """Of the connection's own account."""


class OneDirectory(LDAPBackend):  # type: ignore[misc]
    """django-auth-ldap's backend with what one connection's row says in place of Django's settings."""

    def __init__(self, connection: Connection, authorities: str) -> None:
        self.connection = connection
        rules = connection.sign_in
        group_bases = tuple(connection.group_bases) or tuple(connection.people_bases)
        servers = server_order.in_order(connection)
        if not servers:
            # Without an address the library would ask this very machine.
            raise ldap.SERVER_DOWN({"desc": "DNS names no server"})
        self.settings = LDAPSettings(
            # No setting begins like this: all there is, is what follows.
            "KOROBKA_DIRECTORY_",
            {
                "SERVER_URI": " ".join(_address(connection, server) for server in servers),
                "START_TLS": connection.security == Connection.Security.STARTTLS,
                "BIND_DN": connection.bind_dn,
                "BIND_PASSWORD": connection.bind_password,
                "CONNECTION_OPTIONS": _options(connection, authorities),
                "GROUP_TYPE": Membership(connection, group_bases),
                # Never searched by itself: the group type knows where to look.
                "GROUP_SEARCH": LDAPSearch("", ldap.SCOPE_BASE),
                "REQUIRE_GROUP": any_of(rules.required_groups),
                "PERMIT_EMPTY_PASSWORD": False,
                "NO_NEW_USERS": True,
                "ALWAYS_UPDATE_USER": False,
            },
        )


class DirectoryUser(_LDAPUser):  # type: ignore[misc]
    """Somebody who is looked for under one name."""

    is_disabled: bool | None = False
    """None: the bind account may not read it."""

    def find(self, *, by_login: bool = False) -> Entry | None:
        """The entry of this name; none where there are several and none is called just so."""
        connection = self.backend.connection
        mapping = connection.mapping
        named = {rule.field: rule.attribute for rule in mapping.fields}
        login = named.get("login") or ("sAMAccountName" if self._is_ad else "uid")
        name = self._username
        if self._is_ad and not by_login:
            # As Windows has people write it: CORP\anna.
            name = name.rpartition("\\")[2]
        attributes = [login]
        if not by_login:
            attributes += filter(
                None, ["userPrincipalName" if self._is_ad else "", named.get("email", "mail")]
            )
        escaped = ldap.filter.escape_filter_chars(name)
        implied = "" if by_login else self._implied_login(name)
        any_name = "".join(f"({attribute}={escaped})" for attribute in dict.fromkeys(attributes))
        if implied:
            any_name += f"({login}={ldap.filter.escape_filter_chars(implied)})"
        people = presets.people_filter(connection)
        filterstr = f"(&{people}{connection.sign_in.filter.strip()}(|{any_name}))"
        switch = "userAccountControl" if self._is_ad else mapping.disabled
        wanted = [*attributes, mapping.stable_id, "primaryGroupID", "objectSid", *filter(None, [switch])]
        found: dict[str, dict[str, list[bytes]]] = {}
        for base in self.bases:
            answer = self.connection.search_ext_s(base, ldap.SCOPE_SUBTREE, filterstr, wanted, sizelimit=20)
            found |= {dn: _lower(values) for dn, values in answer if dn}
        if len(found) > 1:
            # Several have the e-mail, and one may be called so: the name decides.
            ways = [(name, attribute) for attribute in attributes] + [(implied, login)]
            called = (
                {dn: one for dn, one in found.items() if _is_called(text, one, attribute)}
                for text, attribute in ways
                if text
            )
            # What an entry says outright comes before what a domain takes for granted.
            found = next(filter(None, called), found)
        if len(found) != 1 or not name:
            return None
        self._user_dn, values = next(iter(found.items()))
        self._user_attrs = values
        control = _first(values, switch.lower())
        # Elsewhere whoever has nothing of it is not disabled.
        self.is_disabled = None if self._is_ad and not control else transforms.is_disabled(switch, control)
        stable_id = stable_ids.of(mapping.stable_id, _raw(values, mapping.stable_id.lower()))
        return Entry(self._user_dn, stable_id) if self._user_dn and stable_id else None

    def _implied_login(self, name: str) -> str:
        """The login in `login@domain`: so Active Directory knows everybody, whatever else they may be called
        (MS-ADTS 5.1.1.1.1, the implicit user principal name)."""
        login, at, domain = name.rpartition("@")
        if not (self._is_ad and at and login):
            return ""
        return login if domain.lower() in {_domain_of(base) for base in self.bases} else ""

    @property
    def bases(self) -> list[str]:
        """Where people are looked for; all of the directory where nothing is named."""
        chosen = [base for base in self.backend.connection.people_bases if base.strip()]
        if chosen:
            return chosen
        root = self.connection.read_rootdse_s(attrlist=["defaultNamingContext", "namingContexts"])
        told = _lower(root)
        contexts = told.get("defaultnamingcontext") or told.get("namingcontexts") or []
        return [context.decode() for context in contexts[:1]]

    def linked(self, entry: Entry) -> int | None:
        """The person whom the import knows by this entry."""
        links = Link.objects.people().filter(connection=self.backend.connection, stable_id=entry.stable_id)
        return links.values_list("object_id", flat=True).first()

    @sensitive_variables("password")
    def has_password(self, dn: str, password: str, budget: Budget, before: int) -> bool:
        """Whether it is the entry's. Raises Refused for a right one that lets nobody in."""
        try:
            self._bind_as(dn, password)
        except (ldap.INVALID_CREDENTIALS, ldap.INVALID_DN_SYNTAX, ldap.NO_SUCH_OBJECT) as error:
            if problem := _problem_of_right_password(error):
                budget.was_not_counted()
                raise Refused(problem) from None
            budget.was_wrong()
            return False
        except (ldap.UNWILLING_TO_PERFORM, ldap.INSUFFICIENT_ACCESS, ldap.CONSTRAINT_VIOLATION):
            # How other directories refuse who is locked or disabled there: not worth a word to an outsider.
            budget.was_wrong()
            return False
        except ldap.LDAPError:
            # It may have been counted there before the line broke.
            budget.was_wrong()
            raise
        budget.was_right(before)
        return True

    @sensitive_variables("current", "new", "changes")
    def replace_password(self, dn: str, current: str, new: str) -> None:
        """Of the entry as which the line is bound. Active Directory changes a password where the old one is
        taken away and the new one added in one step (MS-ADTS 3.1.1.3.1.5.1); others by RFC 3062."""
        try:
            if self._is_ad:
                changes = [
                    (ldap.MOD_DELETE, "unicodePwd", [_as_windows_has_it(current)]),
                    (ldap.MOD_ADD, "unicodePwd", [_as_windows_has_it(new)]),
                ]
                self.connection_as_it_is.modify_s(dn, changes)
            else:
                self.connection_as_it_is.passwd_s(dn, current, new)
        except ldap.INSUFFICIENT_ACCESS:
            raise Refused(_may_not_change()) from None
        except (ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM) as error:
            logger.info(
                "The directory %s takes no new password: %s", self.backend.connection, _error_text(error)
            )
            if self._is_ad and WEAK not in _error_text(error).upper():
                raise Refused(_may_not_change()) from None
            raise ValidationError(
                _(
                    "The directory does not take this password. It may be too short or too simple, or one"
                    " that you had before, or the last change is too recent: try another one, or ask your"
                    " company's IT for the rules."
                )
            ) from None

    @property
    def connection_as_it_is(self) -> Any:
        """Bound as whoever has shown their password last, and not as the connection's own account."""
        return self._get_connection()

    def admitted(self, local: User | None, entry: Entry) -> User:
        """Whoever has shown who they are, unless a rule keeps them out. Raises Refused."""
        try:
            self._check_requirements()
        except self.AuthenticationFailed:
            raise Refused(_("You may not sign in here: ask your administrator to be let in.")) from None
        if local is None and self._is_waiting(entry):
            raise Refused(
                _(
                    "Your account of the directory is a new one: your administrator has to confirm that it is"
                    " yours, in the Console's list of conflicts."
                )
            )
        if local is None and self._is_taken_in():
            raise Refused(_("You are being taken into the portal right now: try again in a minute."))
        if local is None:
            raise Refused(_("You are not in the portal yet: ask your administrator to have you imported."))
        if not local.is_active:
            raise Refused(_("Your account of the portal is suspended: ask your administrator."))
        return local

    def _is_taken_in(self) -> bool:
        """Whoever is new in the directory does not wait for the next run, unless it is paused; one that was
        just done would have found them."""
        connection = self.backend.connection
        newest = connection.runs.filter(mode=Run.Mode.SYNC).order_by("-id").first()
        is_fresh = newest is not None and timezone.now() - newest.asked_at < FRESH
        if not connection.is_on or (is_fresh and newest is not None and not newest.is_going):
            return False
        ask_run(connection, Run.Mode.SYNC, why=Run.Why.SIGN_IN, by=None)
        return True

    def _is_waiting(self, entry: Entry) -> bool:
        waits = self.backend.connection.conflicts.open()
        return bool(waits.filter(stable_id=entry.stable_id, kind__in=[AGAIN, APART, LOGIN]).exists())

    def note_who_answered(self) -> None:
        """The library tries one after the other, and does not say whom it has reached: its socket does."""
        connection = self.backend.connection
        if self._connection is None or not server_order.has_choice(connection):
            return
        if server := _reached(self._connection.fileno(), connection):
            server_order.remember(connection, server)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.unbind_s()

    @property
    def _is_ad(self) -> bool:
        return bool(self.backend.connection.kind == Connection.Kind.AD)

    def _bind(self) -> None:
        """As the connection's own account."""
        try:
            super()._bind()
        except (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH) as error:
            raise BindRefused(*error.args) from None

    def _check_denied_group(self) -> bool:
        """Of several, where the library knows one."""
        denied = any_of(self.backend.connection.sign_in.denied_groups)
        if denied is not None and denied.resolve(self):
            raise self.AuthenticationFailed("in a denied group")
        return True


def _is_called(name: str, values: dict[str, list[bytes]], attribute: str) -> bool:
    return name.lower() in [
        value.decode(errors="replace").lower() for value in values.get(attribute.lower(), [])
    ]


def _domain_of(dn: str) -> str:
    """`DC=corp,DC=test` is corp.test."""
    parts = [value for rdn in distinguished_names.parse(dn) for name, value in rdn if name == "dc"]
    return ".".join(parts).lower()


def _reached(descriptor: int, connection: Connection) -> str:
    """Which of the servers a socket leads to; empty where that can't be told."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as line:
            peer = line.getpeername()[:2]
        for text in server_order.in_order(connection):
            server = server_of(text, connection.security)
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
            if peer in [address[:2] for *_kind, address in found]:
                return text
    except OSError:
        return ""
    return ""


def _address(connection: Connection, text: str) -> str:
    server = server_of(text, connection.security)
    scheme = "ldaps" if connection.security == Connection.Security.LDAPS else "ldap"
    return f"{scheme}://{server}"


def _options(connection: Connection, authorities: str) -> dict[int, Any]:
    options: dict[int, Any] = {
        ldap.OPT_PROTOCOL_VERSION: 3,
        # To whom it refers is not whom the administrator trusts.
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_NETWORK_TIMEOUT: CONNECT_SECONDS,
        ldap.OPT_TIMEOUT: ANSWER_SECONDS,
    }
    if connection.is_encrypted:
        options |= {
            ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
            ldap.OPT_X_TLS_CACERTFILE: authorities or SYSTEM_AUTHORITIES,
            # The last: what was said above counts from here on.
            ldap.OPT_X_TLS_NEWCTX: 0,
        }
    return options


def _problem_of_right_password(error: ldap.LDAPError) -> str:
    """What Active Directory adds to its refusal only where the password was right; nothing else tells."""
    match = DATA.search(_error_text(error))
    match match[1] if match else "":
        case "532":
            return _(
                "Your password has expired: change it at your computer, then sign in here with the new one."
            )
        case "773":
            return _("You must change your password first: do it at your computer, then sign in here.")
        case "533":
            return _disabled()
        case "701":
            return _("Your account has expired: ask your company's IT.")
        case "530" | "531":
            return _("Your account may not be used at this hour or from here: ask your company's IT.")
    return ""


def _may_not_change() -> str:
    return _("The directory does not let you change your password: ask your company's IT.")


def _as_windows_has_it(password: str) -> bytes:
    return f'"{password}"'.encode("utf-16-le")


def _disabled() -> str:
    return _("Your account is disabled: ask your company's IT.")


def _error_text(error: Exception) -> str:
    """What the library tells, which is nothing of what it was given."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return (
        ": ".join(str(told[key]).strip("\0 ") for key in ("desc", "info") if told.get(key))
        or type(error).__name__
    )


def _lower(values: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name.lower(): list(each) for name, each in values.items()}


def _first(values: dict[str, list[bytes]], name: str) -> str:
    return _raw(values, name).decode(errors="replace")


def _raw(values: dict[str, list[bytes]], name: str) -> bytes:
    return values[name][0] if values.get(name) else b""
