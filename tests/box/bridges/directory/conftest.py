"""A company in a real Active Directory, the connection to it, and people as the import leaves them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from tests.directory import entries
from tests.directory.samba import BASE
from tests.directory.server import run

if TYPE_CHECKING:
    from box.bridges.directory.models import Connection
    from box.core.accounts.models import User
    from tests.directory.samba import Samba

SECRET = "Ann4-of-the-Corp"
SALES = entries.rdn("OU", 'Sales, "North" + Co', BASE)
ANNA = entries.rdn("CN", "Анна Ёлкина", SALES)
BORIS = entries.rdn("CN", "boris", SALES)


@pytest.fixture(scope="module")
def corp(samba: Samba) -> Samba:
    """anna works in sales, a member of a group in a group; dora is disabled; all have passwords."""
    sales = samba.unit('Sales, "North" + Co')
    named = {"mail": "a.elkina@corp.test", "givenName": "Анна", "sn": "Ёлкина"}
    anna = samba.person("anna", sales.dn, name="Анна Ёлкина", **named, password=SECRET)
    boris = samba.person("boris", sales.dn, mail="boris@corp.test", password=SECRET)
    dora = samba.person("dora", sales.dn, mail="dora@corp.test", password=SECRET)
    namesake = samba.person("twin", sales.dn, mail="boris@corp.test", password=SECRET)
    inner = samba.group("Inner", members=[anna.dn])
    outer = samba.group("Outer", members=[inner.dn])
    samba.seed(sales, anna, boris, dora, namesake, inner, outer, samba.group("Empty"))
    samba.apply(entries.modify(dora.dn, userAccountControl="514"))
    samba.keep("corp")
    return samba


@pytest.fixture
def line(corp: Samba, db: None) -> Connection:
    from box.bridges.directory.mapping import FieldRule, Mapping, SignIn
    from box.bridges.directory.models import Connection

    cache.clear()
    connection = Connection(
        name="Corp",
        is_on=True,
        is_confirmed=True,
        kind=Connection.Kind.AD,
        servers=[corp.address],
        security=Connection.Security.LDAPS,
        ca_pem=corp.authority.pem,
        bind_dn=corp.admin,
        people_bases=[corp.base],
        people_filter="(&(objectCategory=person)(objectClass=user))",
        mapping=Mapping(
            stable_id="objectGUID", fields=(FieldRule("login", "sAMAccountName"), FieldRule("email", "mail"))
        ),
        sign_in=SignIn(is_on=True),
    )
    connection.bind_password = corp.password
    connection.save()
    return connection


@pytest.fixture
def imported(corp: Samba, line: Connection) -> Callable[[str], User]:
    """As the import does it: a person without a password, and a link by the stable id."""
    from box.bridges.directory.models import Link
    from box.core.accounts.actions import NewUser, create_user

    def make(login: str) -> User:
        person = create_user(NewUser(login=login, first_name=login.title()), password=None, by=None)
        Link.objects.create(
            connection=line,
            kind=Link.Kind.PERSON,
            stable_id=str(uuid.UUID(told_of(corp, login, "objectGUID"))),
            object_id=person.pk,
            dn="CN=as it was called when it was read",
        )
        return person

    return make


def told_of(server: Samba, login: str, attribute: str) -> str:
    """Read past the server."""
    database_file = str(server.data / "private/sam.ldb")
    found = run(["ldbsearch", "-H", database_file, f"(sAMAccountName={login})", attribute])
    return next(one.partition(": ")[2] for one in found.splitlines() if one.startswith(f"{attribute}: "))


@pytest.fixture
def in_corp(imported: Callable[[str], User]) -> User:
    return imported("anna")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is not a directory that is away."""
    from box.bridges.directory import authentication

    monkeypatch.setattr(authentication, "CONNECT_SECONDS", 60)
    monkeypatch.setattr(authentication, "ANSWER_SECONDS", 60)
