"""What 'Test' says, against a real Active Directory and a real OpenLDAP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from box.bridges.directory.certificates import certificates
from box.bridges.directory.client import Directory
from box.bridges.directory.mapping import FieldRule, Mapping
from box.bridges.directory.models import Connection
from box.bridges.directory.presets import preset
from box.bridges.directory.probe import Step, is_good, probe
from tests.directory.authority import TestAuthority

if TYPE_CHECKING:
    from pathlib import Path

    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd

PASSWORD = "Reader-Passw0rd"


@pytest.fixture(scope="module")
def domain(samba: Samba) -> Samba:
    sales = samba.unit("Sales")
    samba.seed(
        sales,
        samba.person("reader", password=PASSWORD),
        *(samba.person(f"p{number}", sales.dn) for number in range(3)),
    )
    return samba


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    sales = slapd.unit("Sales")
    slapd.seed(sales, *(slapd.person(f"p{number}", sales.dn) for number in range(1200)))
    return slapd


def to_samba(samba: Samba, **changes: object) -> Connection:
    chosen: dict[str, object] = {
        "kind": "ad",
        "servers": [samba.address],
        "ca_pem": samba.authority.pem,
        "bind_dn": "reader@corp.test",
        "bind_password": PASSWORD,
        "people_bases": [f"OU=Sales,{samba.base}"],
        "mapping": preset("ad").mapping,
    }
    return Connection(**(chosen | changes))


def to_slapd(slapd: Slapd, **changes: object) -> Connection:
    chosen: dict[str, object] = {
        "kind": "openldap",
        "servers": [f"{slapd.address}:{slapd.tls_port}"],
        "ca_pem": slapd.authority.pem,
        "bind_dn": slapd.admin,
        "bind_password": slapd.password,
        "people_bases": [slapd.base],
        "mapping": preset("openldap").mapping,
    }
    return Connection(**(chosen | changes))


def last(connection: Connection) -> Step:
    return probe(connection)[-1]


def states(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.key, step.state) for step in steps]


ALL_WELL = [(key, "good") for key in ("resolve", "connect", "secure", "sign-in", "base", "people", "rights")]


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_an_ordinary_user_of_the_domain_suffices(domain: Samba, security: str) -> None:
    steps = probe(to_samba(domain, security=security))
    assert states(steps) == ALL_WELL, steps
    assert "TLSv1." in steps[2].text
    assert steps[-2].text == "3 people."
    assert "title" in steps[-1].text
    assert is_good(steps)


def test_a_dead_server_keeps_the_others_from_nothing(domain: Samba) -> None:
    connection = to_samba(domain)
    alive = list(connection.servers)
    connection.servers = ["127.77.250.250", *alive]
    steps = probe(connection)
    assert ("connect", "bad") in states(steps)
    assert is_good(steps)
    connection.servers = ["127.77.250.250"]
    assert not is_good(probe(connection))
    connection.servers, connection.people_bases = alive, ["OU=Nowhere,DC=corp,DC=test"]
    assert not is_good(probe(connection))


def test_a_refused_account_is_tried_at_no_other_server(
    openldap: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[str] = []
    bind = Directory.bind

    def binding(directory: Directory, dn: str, password: str) -> None:
        bound.append(password)
        bind(directory, dn, password)

    monkeypatch.setattr(Directory, "bind", binding)
    connection = to_slapd(openldap, bind_password="wrong")
    connection.servers = ["127.0.0.1:1", *connection.servers * 2, "127.0.0.1:1"]
    steps = probe(connection)
    assert bound == ["wrong"]
    assert [key for key, state in states(steps) if state == "bad"] == ["connect", "sign-in", "connect"]
    assert ("secure", "good") in states(steps)[-4:]
    assert not is_good(steps)
    # A right one is tried everywhere.
    bound.clear()
    connection.bind_password = openldap.password
    assert is_good(probe(connection))
    assert len(bound) == 2


def test_where_no_base_is_named_all_is_read(domain: Samba) -> None:
    steps = probe(to_samba(domain, people_bases=[]))
    assert states(steps) == ALL_WELL, steps
    assert steps[-3].title == f"Open {domain.base}"


def test_openldap_is_counted_by_pages_beyond_its_limit(openldap: Slapd) -> None:
    steps = probe(to_slapd(openldap))
    assert states(steps) == ALL_WELL, steps
    assert steps[-2].text == "500 and more."
    starttls = to_slapd(openldap, servers=[f"{openldap.address}:{openldap.port}"], security="starttls")
    assert states(probe(starttls)) == ALL_WELL


def test_each_server_is_tried_and_the_first_good_one_is_read(domain: Samba) -> None:
    steps = probe(to_samba(domain, servers=["no-such-host.invalid", domain.address, domain.address]))
    assert states(steps) == [("resolve", "bad"), *ALL_WELL, *ALL_WELL[:4]]
    assert [step.server for step in steps].count(domain.address) == 11


# What is wrong, in words


def test_a_name_that_nobody_has() -> None:
    step = last(Connection(servers=["no-such-host.invalid"]))
    assert step.text == (
        "There is no server named no-such-host.invalid: check how it is written, and the box's DNS."
    )


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1"])
def test_an_address_where_no_directory_lives_is_left_alone(address: str) -> None:
    assert (last(Connection(servers=[address])).key, last(Connection(servers=[address])).state) == (
        "resolve",
        "bad",
    )


def test_a_port_on_which_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        step = last(Connection(servers=[f"127.0.0.1:{port}"]))
    assert step.text == f"Nothing listens on port {port} of 127.0.0.1: check the port."


def test_an_authority_that_is_not_trusted_is_shown_and_may_be(openldap: Slapd) -> None:
    step = last(to_slapd(openldap, ca_pem=""))
    assert (step.key, step.state) == ("secure", "bad")
    assert "Nobody whom the box trusts vouches for" in step.text
    assert "Test authority" in step.text
    assert step.shown is not None
    assert step.to_trust is not None
    assert step.to_trust.is_authority
    assert len(step.shown.fingerprint) == 95
    assert states(probe(to_slapd(openldap, ca_pem=step.to_trust.pem))) == ALL_WELL


def test_an_authority_that_the_server_does_not_bring_is_asked_for(domain: Samba) -> None:
    """Its own certificate would let an import in, and nobody sign in."""
    step = last(to_samba(domain, ca_pem=""))
    assert (step.key, step.state, step.to_trust) == ("secure", "bad", None)
    assert "Paste that authority's own certificate" in step.text
    assert step.shown is not None


def test_another_authority_of_the_same_name_is_not_trusted(openldap: Slapd, tmp_path: Path) -> None:
    step = last(to_slapd(openldap, ca_pem=TestAuthority(tmp_path).pem))
    assert (step.key, step.state) == ("secure", "bad")
    assert step.to_trust is not None


def test_an_expired_certificate_is_not_to_be_trusted(openldap: Slapd) -> None:
    openldap.change(tls_days=-3)
    try:
        step = last(to_slapd(openldap))
        assert "has expired on" in step.text
        assert step.shown is not None
        assert step.to_trust is None
    finally:
        openldap.as_usual()
        openldap.change()


def test_a_certificate_for_another_name(domain: Samba, monkeypatch: pytest.MonkeyPatch) -> None:
    found = socket.getaddrinfo

    def resolved(host: str, *rest: object, **more: object) -> object:
        return found(domain.address if host == "other.corp.test" else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    step = last(to_samba(domain, servers=["other.corp.test"]))
    assert step.text.startswith("The certificate was made for dc1.corp.test,"), step
    assert step.to_trust is None


def test_plain_is_warned_against_and_refused_by_the_domain(domain: Samba) -> None:
    steps = probe(to_samba(domain, security="plain"))
    assert states(steps)[2:] == [("secure", "warn"), ("sign-in", "bad")]
    assert "choose LDAPS or StartTLS" in steps[-1].text


@pytest.mark.parametrize(
    ("account", "password", "said"),
    [
        ("reader@corp.test", "Wr0ng-Passw0rd", "the password is wrong"),
        ("nobody@corp.test", PASSWORD, "no such account"),
    ],
)
def test_credentials_that_are_wrong(domain: Samba, account: str, password: str, said: str) -> None:
    step = last(to_samba(domain, bind_dn=account, bind_password=password))
    assert (step.key, step.state) == ("sign-in", "bad")
    assert said in step.text
    assert password not in step.text


def test_a_disabled_account_is_named_so(domain: Samba) -> None:
    domain.add(domain.person("former", password=PASSWORD))
    domain.tool("user", "disable", "former")
    assert "disabled" in last(to_samba(domain, bind_dn="former@corp.test")).text


def test_a_base_that_is_not_there(domain: Samba) -> None:
    step = last(to_samba(domain, people_bases=[f"OU=Nowhere,{domain.base}"]))
    assert (step.key, step.state) == ("base", "bad")
    assert "choose it from the tree" in step.text


def test_a_filter_that_is_none(domain: Samba) -> None:
    step = last(to_samba(domain, people_filter="(&(objectClass=user)"))
    assert (step.key, step.state) == ("people", "bad")
    assert "each condition stands in brackets" in step.text


def test_a_filter_that_finds_nobody_is_a_warning(domain: Samba) -> None:
    step = last(to_samba(domain, people_filter="(cn=nobody)"))
    assert (step.key, step.state) == ("people", "warn")


def test_a_login_that_may_not_be_read(openldap: Slapd) -> None:
    mapping = Mapping(fields=(FieldRule("login", "employeeNumber"),))
    step = last(to_slapd(openldap, mapping=mapping))
    assert (step.key, step.state) == ("people", "bad")
    assert "not their employeeNumber" in step.text


def test_a_size_limit_is_named(openldap: Slapd) -> None:
    openldap.change(paged_limit=50, size_limit=50)
    try:
        reader = to_slapd(openldap, bind_dn=openldap.reader, bind_password=openldap.reader_password)
        step = last(reader)
        assert (step.key, step.state) == ("people", "bad")
        assert "size limit" in step.text
    finally:
        openldap.as_usual()
        openldap.change()


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port on which something speaks that is no directory: SSH."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            while True:
                try:
                    line, _address = server.accept()
                except OSError:
                    return
                with line:
                    line.sendall(b"SSH-2.0-Secret_9.9\r\n")

        threading.Thread(target=speak, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("security", ["ldaps", "starttls", "plain"])
def test_nothing_is_shown_of_what_a_stranger_says(stranger: int, security: str) -> None:
    steps = probe(Connection(servers=[f"127.0.0.1:{stranger}"], security=security))
    assert steps[-1].state == "bad"
    assert not any("SSH" in step.text or "Secret" in step.text for step in steps)


def test_an_authority_is_read_as_pem(openldap: Slapd) -> None:
    (found,) = certificates(openldap.authority.pem)
    assert found.is_authority
    assert found.subject == found.issuer == "Test authority"
