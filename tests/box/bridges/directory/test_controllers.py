"""Domain controllers found by their SRV records, which a real domain's own DNS gives."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import dns.query
import dns.rcode
import dns.resolver
import dns.update
import pytest
from django.core.cache import cache

from box.bridges.directory import authentication, controllers, server_order
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.mapping import SignIn
from box.bridges.directory.models import Connection, Run
from box.bridges.directory.probe import is_good, probe
from tests.box.bridges.directory.companies import connected, synchronised
from tests.directory.samba import BASE, Samba

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db

DOMAIN = "_ldap._tcp.dc._msdcs.corp.test"
BORIS = "B0ris-of-the-Corp"
SITE = "_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs.corp.test"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    server = Samba(tmp_path_factory.mktemp("dns"), has_dns=True)
    server.start()
    people = f"OU=People,{BASE}"
    server.add(
        server.unit("People"),
        server.person("anna", people, givenName="Anna", sn="A"),
        server.person("boris", people, givenName="Boris", password=BORIS),
    )
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def asked(domain: Samba, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The domain's DNS is asked as the machine's is: for records, and where a name of the domain is."""
    cache.clear()
    names: list[str] = []
    known = socket.getaddrinfo

    def resolver() -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers = [domain.address]
        names.append("dns")
        return made

    def where(host: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith(".corp.test"):
            host = resolver().resolve(str(host), "A")[0].to_text()
        return known(host, *args, **kwargs)

    monkeypatch.setattr(controllers, "resolver", resolver)
    monkeypatch.setattr(socket, "getaddrinfo", where)
    return names


def followed(domain: Samba, *servers: str, **more: Any) -> Connection:
    return connected(domain, f"OU=People,{BASE}", servers=list(servers), **more)


@pytest.mark.parametrize("name", [DOMAIN, SITE])
@pytest.mark.parametrize(("security", "port"), [("starttls", 389), ("ldaps", 636)])
def test_a_run_finds_its_controller(domain: Samba, name: str, security: str, port: int) -> None:
    connection = followed(domain, name, security=security)
    with connect(connection) as line:
        assert (line.server.host, line.server.port) == ("dc1.corp.test", port)
    run = synchronised(connection)
    assert (run.state, run.error, run.counts["create"]) == (Run.State.DONE, "", 2)


def test_a_site_comes_before_the_domain_and_what_it_has_not_costs_nothing(domain: Samba) -> None:
    elsewhere = "_ldap._tcp.Nowhere._sites.dc._msdcs.corp.test"
    connection = followed(domain, elsewhere, DOMAIN, "dc9.corp.test")
    assert server_order.in_order(connection) == ["dc1.corp.test:389", "dc9.corp.test"]


def test_what_dns_has_said_is_not_asked_again(domain: Samba, asked: list[str]) -> None:
    connection = followed(domain, DOMAIN)
    first = server_order.in_order(connection)
    del asked[:]
    assert server_order.in_order(connection) == first
    assert asked == []


def test_without_a_record_it_is_said(domain: Samba) -> None:
    connection = followed(domain, "_ldap._tcp.dc._msdcs.other.test")
    with pytest.raises(DirectoryTrouble, match="DNS names no server under"):
        connect(connection).__enter__()
    (step,) = probe(connection)
    assert (step.key, step.state) == ("dns", "bad")
    assert "check how it is written" in step.text


def test_trying_names_what_dns_has(domain: Samba) -> None:
    steps = probe(followed(domain, DOMAIN))
    assert is_good(steps), steps
    assert (steps[0].key, steps[0].text) == ("dns", "dc1.corp.test:389")


@pytest.mark.usefixtures("patience")
def test_who_signs_in_waits_for_a_dead_controller_once(
    domain: Samba, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """Of a site whose first controller is down: who signs in next is not sent to it again."""
    site = "_ldap._tcp.Branch._sites.dc._msdcs.corp.test"
    dead = "127.77.250.251"
    records = dns.update.UpdateMessage("corp.test")
    records.add("dc8", 60, "A", dead)
    records.add(site.removesuffix(".corp.test"), 60, "SRV", "0 100 389 dc8.corp.test.")
    records.add(site.removesuffix(".corp.test"), 60, "SRV", "10 100 389 dc1.corp.test.")
    assert dns.query.tcp(records, domain.address, timeout=30).rcode() == dns.rcode.NOERROR
    connection = followed(domain, site, sign_in=SignIn(is_on=True))
    assert synchronised(connection).state == Run.State.DONE
    cache.clear()
    assert server_order.in_order(connection) == ["dc8.corp.test:389", "dc1.corp.test:389"]
    asked: list[str] = []
    known = authentication._address

    def address(of: Connection, server: str) -> str:
        """The library that asks resolves names by itself, and not as this test has it."""
        asked.append(server)
        host, _colon, port = server.partition(":")
        (record,) = controllers.resolver().resolve(host, "A")
        return known(of, f"{record.to_text()}:{port}")

    monkeypatch.setattr(authentication, "_address", address)
    orders = []
    for number in range(3):
        asked.clear()
        form = {"login": "boris", "password": BORIS}
        answer = client.post("/sign-in/", form, REMOTE_ADDR=f"10.9.8.{number}")
        assert answer.status_code == 302, answer.content.decode()
        client.logout()
        orders.append(list(asked))
    assert orders == [
        ["dc8.corp.test:389", "dc1.corp.test:389"],
        ["dc1.corp.test:389", "dc8.corp.test:389"],
        ["dc1.corp.test:389", "dc8.corp.test:389"],
    ]


def test_a_controller_outside_of_the_domain_is_not_asked(domain: Samba) -> None:
    """Its certificate might be good: for another domain."""
    forged = dns.update.UpdateMessage("corp.test")
    forged.add("_ldap._tcp.forged", 60, "SRV", "0 100 389 dc.evil.test.")
    forged.add("_ldap._tcp.forged", 60, "SRV", "0 100 389 dc.notcorp.test.")
    assert dns.query.tcp(forged, domain.address, timeout=30).rcode() == dns.rcode.NOERROR
    assert len(controllers.resolver().resolve("_ldap._tcp.forged.corp.test", "SRV")) == 2
    assert controllers.found_under("_ldap._tcp.forged.corp.test", is_ldaps=False) == []


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        (DOMAIN, True),
        ("_LDAP._tcp.corp.test", True),
        ("_ldaps._tcp.corp.test", True),
        ("_ldap._tcp.test", False),
        ("_kerberos._tcp.corp.test", False),
        ("_ldap._udp.corp.test", False),
        ("dc1.corp.test", False),
        (f"_ldap._tcp.{'a.' * 92}test", True),
        (f"_ldap._tcp.{'a.' * 93}test", False),
        (f"_ldap._tcp.{'a.' * 130}test", False),
    ],
)
def test_what_is_a_name_that_dns_is_asked_for(text: str, is_name: bool) -> None:
    assert controllers.is_name(text) is is_name
