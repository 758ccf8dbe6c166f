"""Signing in with a directory's password: who gets in, who does not, and what nobody may learn."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.test import Client, RequestFactory
from django.utils import timezone

from box.bridges.directory import passwords
from box.bridges.directory.authentication import Refused, ask_of_ticket
from box.bridges.directory.bind_refusals import REFUSED_FOR
from box.bridges.directory.client import connect
from box.bridges.directory.jobs import run_once
from box.bridges.directory.mapping import Mapping, SignIn
from box.bridges.directory.models import Conflict, Connection, Link, Run, Tries
from box.bridges.directory.server_order import in_order
from box.core.accounts import actions
from box.core.accounts.actions import NewUser, create_user
from box.core.accounts.backends import SignInRefused
from box.core.accounts.models import User
from box.core.events.models import Event
from tests.box.bridges.directory.conftest import ANNA, BORIS, SALES, SECRET
from tests.cast import PASSWORD
from tests.directory import entries
from tests.directory.server import run

if TYPE_CHECKING:
    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("patience")]

WRONG = "The login or the password is wrong"
WAIT = "Too many wrong passwords"
SILENT = "directory does not answer"
WRONG_NOW = "This is not your password"
COUNTER = itertools.count(1)
# Of the schema.
CHANGE_PASSWORD = "ab721a53-1e2f-11d0-9819-00aa0040529b"
MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"


def browser() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def tried(login: str, password: str, client: Client | None = None, address: str = "") -> Any:
    """From a network of its own unless one is given: the portal's own throttle is tested elsewhere."""
    number = next(COUNTER)
    address = address or f"10.{number // 250}.{number % 250}.7"
    return (client or browser()).post(
        "/sign-in/", {"login": login, "password": password}, REMOTE_ADDR=address
    )


def said(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def is_in(answer: Any) -> bool:
    return answer.status_code == 302 and "/sign-in/" not in answer.headers["Location"]


# Who gets in


@pytest.mark.parametrize(
    "name", ["anna", "ANNA", " anna ", "anna@corp.test", "a.elkina@corp.test", "CORP\\anna"]
)
def test_by_login_upn_and_mail(in_corp: User, name: str) -> None:
    assert is_in(tried(name, SECRET))
    in_corp.refresh_from_db()
    assert not in_corp.has_usable_password()


def test_by_the_domain_that_everybody_is_called_after(in_corp: User, corp: Samba) -> None:
    """Whatever name the directory has given them for it."""
    corp.apply(entries.modify(ANNA, userPrincipalName="anna.elkina@elsewhere.test"))
    try:
        for name in ("anna@corp.test", "ANNA@Corp.Test", "anna.elkina@elsewhere.test"):
            assert is_in(tried(name, SECRET)), name
        assert WRONG in said(tried("anna@other.test", SECRET))
    finally:
        corp.restore("corp")


def test_who_is_new_there_is_taken_in_at_the_first_sign_in(line: Connection) -> None:
    line.rules = replace(line.rules, without_name="import")
    line.save()
    assert WRONG in said(tried("anna", "wrong"))
    assert not Run.objects.exists()
    for _time in range(2):
        assert "being taken into the portal" in said(tried("anna", SECRET))
    (run,) = Run.objects.all()
    assert (run.why, run.state) == (Run.Why.SIGN_IN, Run.State.WAITING)
    assert run_once(run.pk)
    assert is_in(tried("anna", SECRET))
    # Whom that run has not taken in hears so, and asks for no other.
    Link.objects.all().delete()
    User.objects.filter(login="anna").update(login="another", email="")
    assert "You are not in the portal yet" in said(tried("anna", SECRET))
    assert Run.objects.count() == 1


def test_whose_entry_was_made_anew_hears_who_can_help(in_corp: User, line: Connection) -> None:
    link = Link.objects.people().get(object_id=in_corp.pk)
    stable_id = link.stable_id
    Link.objects.filter(pk=link.pk).update(stable_id="of the entry before", leaving_why="gone")
    Conflict.objects.create(connection=line, stable_id=stable_id, kind="again", dn=ANNA, person=in_corp)
    assert "has to confirm that it is" in said(tried("anna", SECRET))
    assert WRONG in said(tried("anna", "wrong"))


def test_who_answered_last_is_asked_first(in_corp: User, line: Connection, corp: Samba) -> None:
    dead = "127.77.250.250"
    Connection.objects.update(servers=[dead, *line.servers])
    connection = Connection.objects.get()
    assert in_order(connection) == [dead, corp.address]
    assert is_in(tried("anna", SECRET))
    assert in_order(connection) == [corp.address, dead]
    cache.clear()
    with connect(connection):
        assert in_order(connection) == [corp.address, dead]


def test_starttls_is_as_good(in_corp: User, line: Connection) -> None:
    Connection.objects.update(security=Connection.Security.STARTTLS)
    assert is_in(tried("anna", SECRET))


def test_the_next_server_is_asked_where_one_is_away(in_corp: User, line: Connection) -> None:
    Connection.objects.update(servers=["127.77.250.250", *line.servers])
    assert is_in(tried("anna", SECRET))


def test_the_next_directory_is_asked_where_one_knows_nobody(
    in_corp: User, line: Connection, slapd: Slapd
) -> None:
    other = Connection(
        name="Other", is_confirmed=True, kind=Connection.Kind.OPENLDAP, servers=[f"127.0.0.1:{slapd.port}"],
        security=Connection.Security.STARTTLS, ca_pem=slapd.authority.pem, bind_dn=slapd.reader,
        people_bases=[slapd.base], sign_in=SignIn(is_on=True),
    )  # fmt: skip
    other.bind_password = slapd.reader_password
    other.save()
    Connection.objects.filter(pk=line.pk).update(order=1)
    assert is_in(tried("anna", SECRET))
    slapd.stop()
    try:
        assert is_in(tried("anna", SECRET))
        assert SILENT in said(tried("anna", "wrong"))
    finally:
        slapd.start()


def test_a_moved_and_renamed_person_is_the_same(in_corp: User, corp: Samba) -> None:
    corp.apply(entries.move(ANNA, new_rdn="CN=Anna Married", parent=f"CN=Users,{corp.base}"))
    corp.apply(entries.modify(f"CN=Anna Married,CN=Users,{corp.base}", sAMAccountName="anna.married"))
    try:
        assert is_in(tried("anna.married", SECRET))
        assert WRONG in said(tried("anna", SECRET))
    finally:
        corp.restore("corp")


# Who does not


@pytest.mark.parametrize("password", ["wrong", SECRET.lower(), f"{SECRET} ", "\0", "*"])
def test_a_wrong_password_is_wrong(in_corp: User, password: str) -> None:
    assert not is_in(tried("anna", password))


def test_an_empty_password_is_not_asked_about(in_corp: User) -> None:
    assert "This field is required" in said(tried("anna", ""))
    from django.contrib.auth import authenticate

    assert authenticate(None, username="anna", password="") is None
    assert not Tries.objects.exists()


@pytest.mark.parametrize(
    "name", ["*)(uid=*", "a*", "anna)(objectClass=*", "*", "anna\\2a", "an(na", "\\", "CORP\\"]
)
def test_what_means_something_in_a_filter_means_nothing_in_a_login(in_corp: User, name: str) -> None:
    assert WRONG in said(tried(name, SECRET))


def test_who_was_not_imported_hears_it_only_with_the_right_password(line: Connection) -> None:
    """Nobody is taken in while the directory is paused."""
    Connection.objects.update(is_on=False)
    assert "not in the portal yet" in said(tried("boris", SECRET))
    assert WRONG in said(tried("boris", "wrong"))


def test_an_e_mail_of_two_is_nobodys_but_the_login_decides(
    imported: Callable[[str], User], line: Connection, corp: Samba
) -> None:
    for dn in (BORIS, entries.rdn("CN", "twin", SALES)):
        corp.apply(entries.modify(dn, mail="both@corp.test"))
    try:
        imported("twin")
        assert WRONG in said(tried("both@corp.test", SECRET))
        assert is_in(tried("twin", SECRET))
    finally:
        corp.restore("corp")


def test_a_principal_name_is_its_owners_although_it_is_anothers_e_mail(
    imported: Callable[[str], User], line: Connection
) -> None:
    imported("boris")
    assert is_in(tried("boris@corp.test", SECRET))


def test_who_is_disabled_there_hears_it_only_with_the_right_password(
    imported: Callable[[str], User], corp: Samba
) -> None:
    imported("dora")
    assert "Your account is disabled" in said(tried("dora", SECRET))
    assert WRONG in said(tried("dora", "wrong"))


def test_who_must_change_the_password_hears_it_only_with_the_right_one(
    imported: Callable[[str], User], corp: Samba
) -> None:
    imported("boris")
    corp.apply(entries.modify(BORIS, pwdLastSet="0"))
    try:
        assert "must change your password" in said(tried("boris", SECRET))
        assert WRONG in said(tried("boris", "wrong"))
    finally:
        corp.restore("corp")


def test_who_is_suspended_here_stays_out(in_corp: User) -> None:
    actions.suspend_user(in_corp, by=None)
    assert "suspended" in said(tried("anna", SECRET))
    assert WRONG in said(tried("anna", "wrong"))


@pytest.mark.parametrize(
    ("required", "denied", "lets_in"),
    [
        (("Outer",), (), True),
        (("Empty", "Inner"), (), True),
        (("Empty",), (), False),
        (("Domain Users",), (), True),
        ((), ("Outer",), False),
        ((), ("Empty", "Inner"), False),
        ((), ("Empty",), True),
    ],
)
def test_groups_let_in_and_keep_out_through_groups_in_them(
    in_corp: User,
    line: Connection,
    corp: Samba,
    required: tuple[str, ...],
    denied: tuple[str, ...],
    lets_in: bool,
) -> None:
    def dns(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"CN={name},CN=Users,{corp.base}" for name in names)

    line.sign_in = SignIn(is_on=True, required_groups=dns(required), denied_groups=dns(denied))
    line.save()
    answer = tried("anna", SECRET)
    assert is_in(answer) == lets_in
    if not lets_in:
        assert "may not sign in here" in said(answer)
        assert WRONG in said(tried("anna", "wrong"))


def test_a_group_that_is_gone_keeps_everybody_out(in_corp: User, line: Connection, corp: Samba) -> None:
    line.sign_in = SignIn(is_on=True, denied_groups=(f"CN=Renamed,{corp.base}",))
    line.save()
    assert not is_in(tried("anna", SECRET))


def test_a_filter_of_who_may(in_corp: User, line: Connection) -> None:
    line.sign_in = SignIn(is_on=True, filter="(description=may)")
    line.save()
    assert WRONG in said(tried("anna", SECRET))


# When it does not answer


def test_a_directory_that_is_away_is_said_and_nobody_is_signed_out(
    in_corp: User, corp: Samba, olga: User
) -> None:
    signed_in = browser()
    assert is_in(tried("anna", SECRET, signed_in))
    corp.stop()
    try:
        assert SILENT in said(tried("anna", SECRET))
        assert SILENT in said(tried("nobody", "wrong"))
        assert signed_in.get("/feed/").status_code == 200
        assert is_in(tried(olga.login, PASSWORD))
    finally:
        corp.start()
        cache.clear()
    assert is_in(tried("anna", SECRET))


def test_who_mistypes_while_it_is_away_hears_one_thing_whoever_they_are(
    in_corp: User, line: Connection, corp: Samba, olga: User
) -> None:
    """A password of the portal's own may be wrong, too; and nobody learns whose is whose."""
    Connection.objects.update(servers=["127.0.0.1:1"])
    heard = {
        said(tried(name, "wrong")).partition('role="alert"')[2].partition("</div>")[0]
        for name in ("anna", olga.login, "nobody")
    }
    assert len(heard) == 1
    (heard_by_all,) = heard
    assert WRONG in heard_by_all
    assert SILENT in heard_by_all
    assert is_in(tried(olga.login, PASSWORD))
    # Where its passwords let nobody in, it isn't spoken of.
    Connection.objects.update(sign_in=replace(line.sign_in, is_on=False))
    again = said(tried(olga.login, "wrong"))
    assert WRONG in again
    assert SILENT not in again


def test_a_directory_that_hangs_costs_seconds_once(in_corp: User, corp: Samba, monkeypatch: Any) -> None:
    from box.bridges.directory import authentication

    monkeypatch.setattr(authentication, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(authentication, "ANSWER_SECONDS", 1)
    assert corp._process is not None
    os.killpg(corp._process.pid, signal.SIGSTOP)
    try:
        assert SILENT in said(tried("anna", SECRET))
        monkeypatch.setattr(authentication, "OneDirectory", None)  # it is not asked again
        assert SILENT in said(tried("anna", SECRET))
    finally:
        os.killpg(corp._process.pid, signal.SIGCONT)


@pytest.mark.parametrize("security", [Connection.Security.LDAPS, Connection.Security.STARTTLS])
def test_a_certificate_of_others_is_not_believed(
    in_corp: User, line: Connection, slapd: Slapd, security: str
) -> None:
    Connection.objects.update(ca_pem=slapd.authority.pem, security=security)
    assert SILENT in said(tried("anna", SECRET))
    assert not Tries.objects.exists()


def test_the_bind_account_is_not_locked_by_its_wrong_password(
    in_corp: User, line: Connection, corp: Samba, caplog: pytest.LogCaptureFixture
) -> None:
    line.bind_dn, line.bind_password = "boris@corp.test", "wrong"
    line.save()
    for _ in range(10):
        assert SILENT in said(tried("anna", SECRET))
        # A cache forgets, as under load, and other workers have none of it.
        cache.clear()
    assert caplog.text.count("refuses its bind account") == 1
    Connection.objects.update(bind_refused_at=timezone.now() - REFUSED_FOR)
    assert SILENT in said(tried("anna", SECRET))
    assert caplog.text.count("refuses its bind account") == 2, "after a while it is tried once more"
    line.bind_password = SECRET
    line.save()
    assert is_in(tried("anna", SECRET))


# Accounts of the portal's own


def test_a_local_administrator_gets_in_though_the_directory_has_the_same_name(
    line: Connection, person: Callable[..., User]
) -> None:
    boss = person("Boss", is_administrator=True)
    User.objects.filter(pk=boss.pk).update(login="boris")
    assert is_in(tried("boris", PASSWORD))
    assert WRONG in said(tried("boris", SECRET))


SLIP = "a slip of the finger"


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Names and passwords, as a directory gets them; each is wrong."""
    from box.bridges.directory.authentication import DirectoryUser

    bound: list[tuple[str, str]] = []
    monkeypatch.setattr(
        DirectoryUser, "has_password", lambda self, dn, password, *_: bound.append((dn, password))
    )
    return bound


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("boris", {"login": "boris"}),
        ("CORP\\boris", {"login": "boris"}),
        ("boris@corp.test", {"login": "boris"}),
        ("boris@corp.test", {"email": "boris@corp.test"}),
        ("not.there", {"login": "not.there"}),
    ],
)
@pytest.mark.parametrize("is_another", [False, True])
def test_what_a_local_person_types_is_not_passed_on(
    line: Connection,
    person: Callable[..., User],
    imported: Callable[[str], User],
    handed_on: list[tuple[str, str]],
    name: str,
    theirs: dict[str, str],
    is_another: bool,
) -> None:
    """Neither to an entry called so, nor under another name; nor where the directory says that the entry is
    somebody else's, whom it keeps."""
    if is_another:
        User.objects.filter(pk=imported("boris").pk).update(login="mallory")
    User.objects.filter(pk=person("Boss").pk).update(**theirs)
    tried(name, SLIP)
    ((dn, password),) = handed_on
    assert "boris" not in dn
    assert password != SLIP


def test_what_somebody_of_the_directory_types_is_for_it_alone(
    in_corp: User, line: Connection, handed_on: list[tuple[str, str]]
) -> None:
    tried("anna", SLIP)
    assert handed_on == [(ANNA, SLIP)]
    handed_on.clear()
    # Nobody here has the login in it.
    tried("a.elkina@corp.test", SLIP)
    assert handed_on == [(ANNA, SLIP)]
    handed_on.clear()
    # Whom another directory keeps.
    other = Connection.objects.create(name="Other")
    Link.objects.update(connection=other)
    tried("anna", SLIP)
    ((dn, password),) = handed_on
    assert "Анна" not in dn
    assert password != SLIP


def test_the_directorys_password_is_the_only_one(in_corp: User) -> None:
    in_corp.set_password(PASSWORD)
    in_corp.save()
    assert not is_in(tried("anna", PASSWORD))
    assert is_in(tried("anna", SECRET))
    User.objects.filter(pk=in_corp.pk).update(is_administrator=True)
    assert is_in(tried("anna", PASSWORD))


def test_a_pause_leaves_passwords_where_they_are(
    in_corp: User, line: Connection, as_person: Callable[[User], Client]
) -> None:
    in_corp.set_password(PASSWORD)
    in_corp.save()
    Connection.objects.update(is_on=False)
    assert is_in(tried("anna", SECRET))
    assert not is_in(tried("anna", PASSWORD))
    with pytest.raises(ValidationError, match="Corp"):
        actions.change_password(in_corp, PASSWORD, by=in_corp)
    line.sign_in = replace(line.sign_in, changes_passwords=True)
    line.save()
    Connection.objects.update(is_on=False)
    assert passwords.can_change(in_corp)
    # One that nobody has confirmed yet keeps nobody's.
    Connection.objects.update(is_on=True, is_confirmed=False)
    assert not is_in(tried("anna", SECRET))
    assert passwords.keeper(in_corp) == ""


def test_a_password_of_the_directory_is_not_changed_here(
    in_corp: User, as_person: Callable[[User], Client]
) -> None:
    page = said(as_person(in_corp).get("/profile/password/"))
    assert "your password of Corp" in page
    assert 'name="new"' not in page
    with pytest.raises(ValidationError, match="Corp"):
        actions.change_password(in_corp, PASSWORD, by=in_corp)
    with pytest.raises(ValidationError, match="Corp"):
        actions.send_invitation(in_corp, by=None)


@pytest.fixture
def changing(line: Connection, in_corp: User, corp: Samba) -> Connection:
    corp.tool("domain", "passwordsettings", "set", "--min-pwd-age=0")
    line.sign_in = replace(line.sign_in, changes_passwords=True)
    line.save()
    return line


NEW = "An0ther-of-the-Corp"


def changed(client: Client, current: str = SECRET, new: str = NEW, again: str = "") -> Any:
    return client.post("/profile/password/", {"current": current, "new": new, "again": again or new})


def test_a_password_is_changed_in_the_domain_by_the_persons_own_right(
    changing: Connection, in_corp: User, corp: Samba, as_person: Callable[[User], Client]
) -> None:
    client, other = as_person(in_corp), as_person(in_corp)
    # The connection's account needs no right to it.
    corp.add(corp.person("reader", password="Reader-Passw0rd"))
    changing.bind_dn, changing.bind_password = "reader@corp.test", "Reader-Passw0rd"
    changing.save()
    try:
        assert 'name="again"' in said(client.get("/profile/password/"))
        assert changed(client).status_code == 302
        assert is_in(tried("anna", NEW))
        assert not is_in(tried("anna", SECRET))
        assert client.get("/profile/password/").status_code == 200
        assert other.get("/profile/password/").status_code == 302
        assert Event.objects.filter(kind="directory.PasswordChanged", payload__by_id=in_corp.pk).count() == 1
    finally:
        corp.set_password(ANNA, SECRET)


@pytest.mark.parametrize(
    ("current", "new", "again", "reason"),
    [
        ("wrong", NEW, NEW, WRONG_NOW),
        (SECRET, "short", "short", "does not take this password"),
        (SECRET, "anna-anna-anna", "anna-anna-anna", "does not take this password"),
        (SECRET, NEW, "other", "The two are not the same"),
        (SECRET, SECRET, SECRET, "the password that you have now"),
        (SECRET, "x" * 128, "x" * 128, "127"),
    ],
)
def test_what_the_domain_does_not_take_changes_nothing(
    changing: Connection, in_corp: User, as_person: Callable[[User], Client],
    current: str, new: str, again: str, reason: str,
) -> None:  # fmt: skip
    answer = changed(as_person(in_corp), current, new, again)
    assert (answer.status_code, reason in said(answer)) == (422, True), said(answer)
    assert new not in said(answer) or len(new) < 8
    assert is_in(tried("anna", SECRET))


def test_whom_the_domain_forbids_it_hears_so(
    changing: Connection, in_corp: User, corp: Samba, as_person: Callable[[User], Client]
) -> None:
    """“User cannot change password”: two entries that deny the right, to everybody and to oneself."""
    everybody_and_oneself = "".join(f"(OD;;CR;{CHANGE_PASSWORD};;{who})" for who in ("WD", "PS"))
    corp.tool("dsacl", "set", f"--objectdn={ANNA}", f"--sddl={everybody_and_oneself}")
    try:
        answer = changed(as_person(in_corp))
        assert "does not let you change your password" in said(answer)
        assert is_in(tried("anna", SECRET))
    finally:
        corp.restore("corp")


def test_wrong_ones_are_counted_as_at_the_door(
    changing: Connection, in_corp: User, as_person: Callable[[User], Client], asked: list[str]
) -> None:
    client = as_person(in_corp)
    for _try in range(changing.sign_in.attempts + 2):
        answer = changed(client, current="wrong")
    assert answer.status_code == 422
    passed_on = Tries.objects.get().failed
    assert passed_on <= changing.sign_in.attempts
    # The right one is not passed on either, now.
    assert "Too many" in said(changed(client))
    assert WAIT in said(tried("anna", SECRET))


@pytest.mark.parametrize(
    "off", [{"changes_passwords": False}, {"is_on": False}, {"security": Connection.Security.PLAIN}]
)
def test_nobody_changes_it_here_where_that_is_off_or_open_to_read(
    changing: Connection, in_corp: User, as_person: Callable[[User], Client], off: dict[str, Any]
) -> None:
    security = off.pop("security", changing.security)
    changing.sign_in, changing.security = replace(changing.sign_in, **off), security
    changing.save()
    page = said(as_person(in_corp).get("/profile/password/"))
    assert 'name="again"' not in page
    with pytest.raises(SignInRefused, match="in the directory"):
        passwords.change(RequestFactory().get("/"), in_corp, SECRET, NEW)


def test_an_openldap_changes_a_password_by_its_extended_operation(
    slapd: Slapd, db: None, as_person: Callable[[User], Client]
) -> None:
    cache.clear()
    gerd = slapd.person("gerd", name="Gerd", password=SECRET)
    slapd.add(gerd)
    line = Connection(
        name="Tree", is_confirmed=True, kind=Connection.Kind.OPENLDAP,
        servers=[f"127.0.0.1:{slapd.tls_port}"], ca_pem=slapd.authority.pem, bind_dn=slapd.reader,
        people_bases=[slapd.base],
        sign_in=SignIn(is_on=True, changes_passwords=True),
    )  # fmt: skip
    line.bind_password = slapd.reader_password
    line.save()
    stable_id = uuid_of(slapd, "gerd")
    person = create_user(NewUser(login="gerd"), password=None, by=None)
    Link.objects.create(
        connection=line, kind=Link.Kind.PERSON, stable_id=stable_id, object_id=person.pk, dn=gerd.dn
    )
    assert changed(as_person(person)).status_code == 302
    assert is_in(tried("gerd", NEW))
    assert not is_in(tried("gerd", SECRET))


def test_proving_again_asks_the_directory(in_corp: User, as_person: Callable[[User], Client]) -> None:
    client = as_person(in_corp)
    assert client.post("/profile/proof/", {"password": "wrong"}).status_code == 422
    assert client.post("/profile/proof/", {"password": SECRET}).status_code == 302


# Guessing


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was hashed."""
    counted: list[str] = []
    for name in ("encode", "verify"):
        done = getattr(hashers.Argon2PasswordHasher, name)

        def count(self: Any, password: str, other: str, *, done: Any = done) -> Any:
            counted.append(password)
            return done(self, password, other)

        monkeypatch.setattr(hashers.Argon2PasswordHasher, name, count)
    return counted


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the directory was asked, each question by its kind."""
    from ldap.ldapobject import SimpleLDAPObject

    questions: list[str] = []
    for name in ("simple_bind_s", "search_ext_s"):
        done = getattr(SimpleLDAPObject, name)

        def count(self: Any, *args: Any, name: str = name, done: Any = done, **kwargs: Any) -> Any:
            questions.append(name)
            return done(self, *args, **kwargs)

        monkeypatch.setattr(SimpleLDAPObject, name, count)
    return questions


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_known_and_unknown_logins_cost_and_say_the_same(
    in_corp: User, person: Callable[..., User], hashed: list[str], asked: list[str], attempts: int
) -> None:
    local = person("Local")
    seen = []
    for name in ("anna", "nobody", local.login, "boris"):
        hashed.clear()
        asked.clear()
        answers = [tried(name, "wrong") for _ in range(attempts)]
        texts = [said(one).partition('role="alert"')[2].partition("</div>")[0] for one in answers]
        seen.append((len(hashed), list(asked), texts))
    assert seen[0] == seen[1] == seen[2] == seen[3]


def is_locked(corp: Samba, login: str) -> bool:
    try:
        corp.ticket(login, SECRET)
    except RuntimeError:
        return True
    return False


@pytest.fixture
def locking(corp: Samba) -> Iterator[Samba]:
    """Here alone the domain locks accounts: it counts over all tests otherwise."""
    corp.restore("corp")
    corp.lock_after(5)
    yield corp
    corp.restore("corp")


def test_a_hundred_wrong_passwords_do_not_lock_the_account(in_corp: User, locking: Samba) -> None:
    known = browser()
    assert is_in(tried("anna", SECRET, known))
    known.post("/sign-out/")
    names = itertools.cycle(["anna", "anna@corp.test", "a.elkina@corp.test", "CORP\\anna"])
    answers = [
        said(tried(next(names), f"wrong {number}", known if number % 10 == 9 else None))
        for number in range(100)
    ]
    assert sum(WRONG in one for one in answers) == 3
    assert sum(WAIT in one for one in answers) == 97
    assert not is_locked(locking, "anna")


def test_strangers_leave_one_try_to_who_has_been_here(in_corp: User) -> None:
    known = browser()
    assert is_in(tried("anna", SECRET, known))
    known.post("/sign-out/")
    for _ in range(5):
        tried("anna", "wrong")
    assert WAIT in said(tried("anna", SECRET))
    assert is_in(tried("anna", SECRET, known))
    assert is_in(tried("anna", SECRET))


def test_the_wait_is_longer_than_the_directorys_memory(in_corp: User) -> None:
    for _ in range(3):
        tried("anna", "wrong")
    Tries.objects.update(last_at=timezone.now() - timedelta(minutes=30))
    assert WAIT in said(tried("anna", SECRET))
    Tries.objects.update(last_at=timezone.now() - timedelta(minutes=31))
    assert is_in(tried("anna", SECRET))


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_no_way_round(in_corp: User, locking: Samba) -> None:
    def wrong(number: int) -> str:
        try:
            return said(tried("anna", f"wrong {number}"))
        finally:
            database.close()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(wrong, range(36)))
    assert sum(WRONG in one for one in answers) == 2
    assert not is_locked(locking, "anna")


# What stays behind


def test_nothing_of_a_password_stays_behind(
    in_corp: User, line: Connection, corp: Samba, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mark = "M4rk-of-a-password"
    corp.set_password(BORIS, mark)
    line.bind_dn, line.bind_password = "boris@corp.test", mark
    line.save()
    assert is_in(tried("anna", SECRET))
    assert not is_in(tried("anna", f"{mark}-wrong"))
    corp.stop()
    try:
        tried("anna", f"{mark}-unheard")
    finally:
        corp.start()
        corp.restore("corp")
    assert SECRET not in caplog.text
    assert mark not in caplog.text
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT query_to_xml(format('SELECT * FROM %I', tablename), true, false, '')::text"
            " FROM pg_tables WHERE schemaname = 'public'"
        )
        everything = "".join(row[0] for row in cursor.fetchall())
    assert "Corp" in everything
    assert mark not in everything
    assert SECRET not in everything


def test_nothing_of_a_directory_is_loaded_where_there_is_none(anna: User) -> None:
    code = (
        "import sys, django; django.setup()\n"
        "from django.contrib.auth import load_backend\n"
        "import box.urls\n"
        "load_backend('box.bridges.directory.backends.DirectoryBackend')\n"
        "print([name for name in ('ldap', 'django_auth_ldap', 'gssapi') if name in sys.modules])"
    )
    env = {"DJANGO_SETTINGS_MODULE": "box.settings", "PYTHONPATH": str(Path.cwd())}
    assert run([sys.executable, "-c", code], env=env).strip() == "[]"


# OpenLDAP


def uuid_of(slapd: Slapd, login: str) -> str:
    found = run(
        ["ldapsearch", "-x", "-LLL", "-H", slapd.url, "-D", slapd.reader, "-w", slapd.reader_password, "-b",
         slapd.base, f"(uid={login})", "entryUUID"]
    )  # fmt: skip
    return next(one.partition(": ")[2] for one in found.splitlines() if one.startswith("entryUUID"))


def test_openldap_with_groups_in_groups(slapd: Slapd, db: None, caplog: pytest.LogCaptureFixture) -> None:
    cache.clear()
    fred = slapd.person("fred", name="Fred, the \\ one", mail="fred@corp.test", password=SECRET)
    inner = slapd.group("Inner", members=[fred.dn])
    outer = slapd.group("Outer", members=[inner.dn])
    circle = slapd.group("Circle", members=[outer.dn])
    slapd.add(fred, inner, outer, circle)
    slapd.apply(entries.modify(inner.dn, member=[fred.dn, circle.dn]))
    stable_id = uuid_of(slapd, "fred")
    line = Connection(
        name="Tree", is_confirmed=True, kind=Connection.Kind.OPENLDAP,
        servers=[f"127.0.0.1:{slapd.tls_port}"], ca_pem=slapd.authority.pem, bind_dn=slapd.reader,
        people_bases=[slapd.base],
        sign_in=SignIn(is_on=True, required_groups=(circle.dn.replace(",", ", "),)),
    )  # fmt: skip
    line.bind_password = slapd.reader_password
    line.save()
    person = create_user(NewUser(login="fred"), password=None, by=None)
    Link.objects.create(
        connection=line, kind=Link.Kind.PERSON, stable_id=stable_id, object_id=person.pk, dn=fred.dn
    )
    assert is_in(tried("fred@corp.test", SECRET))
    assert WRONG in said(tried("fred", "wrong"))
    line.sign_in = replace(line.sign_in, required_groups=(), denied_groups=(outer.dn,))
    line.save()
    assert "may not sign in here" in said(tried("fred", SECRET))
    # Who is in it may not be seen: that is no word that somebody is not.
    free = slapd.group("Free", members=[slapd.reader])
    slapd.add(free)
    line.sign_in = replace(line.sign_in, denied_groups=(free.dn,))
    line.save()
    assert is_in(tried("fred", SECRET))
    slapd.change(rules=(f'access to dn.exact="{free.dn}" attrs=member by * none',))
    assert SILENT in said(tried("fred", SECRET))
    assert "does not show who is in the group" in caplog.text
    slapd.as_usual()


def test_a_ticket_lets_nobody_in_who_is_disabled_since_the_last_run(slapd: Slapd, db: None) -> None:
    """By whichever attribute: the directory is not asked for a password."""
    cache.clear()
    hugo = slapd.person("hugo", name="Hugo")
    slapd.add(hugo)
    line = Connection(
        name="Tree", is_confirmed=True, kind=Connection.Kind.OPENLDAP,
        servers=[f"127.0.0.1:{slapd.tls_port}"], ca_pem=slapd.authority.pem, bind_dn=slapd.reader,
        people_bases=[slapd.base], mapping=Mapping(disabled="employeeType"), sign_in=SignIn(is_on=True),
    )  # fmt: skip
    line.bind_password = slapd.reader_password
    line.save()
    person = create_user(NewUser(login="hugo"), password=None, by=None)
    Link.objects.create(
        connection=line, kind="person", stable_id=uuid_of(slapd, "hugo"), object_id=person.pk, dn=hugo.dn
    )
    request = RequestFactory().get("/")
    assert ask_of_ticket(line, "hugo", request=request) == person
    slapd.apply(entries.modify(hugo.dn, employeeType="TRUE"))
    with pytest.raises(Refused, match="disabled"):
        ask_of_ticket(line, "hugo", request=request)
    line.mapping = Mapping(disabled="")
    assert ask_of_ticket(line, "hugo", request=request) == person


def test_a_group_whose_members_are_hidden_keeps_out_by_what_the_person_shows(
    in_corp: User, line: Connection, corp: Samba
) -> None:
    reader = corp.person("onlooker", password=SECRET)
    corp.add(reader)
    inner = f"CN=Inner,CN=Users,{corp.base}"
    sid = corp.read(reader.dn, "objectSid").partition("objectSid: ")[2].split()[0]
    corp.tool("dsacl", "set", f"--objectdn={inner}", f"--sddl=(OD;;RP;{MEMBER};;{sid})")
    line.bind_dn, line.bind_password = "onlooker@corp.test", SECRET
    line.sign_in = SignIn(is_on=True, denied_groups=(inner,))
    line.save()
    try:
        assert "may not sign in here" in said(tried("anna", SECRET))
    finally:
        corp.restore("corp")
