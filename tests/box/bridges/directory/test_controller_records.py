"""Answers of a DNS that is not to be believed: which of their servers are asked."""

from __future__ import annotations

import dns.rrset
import pytest

from box.bridges.directory import controllers

DOMAIN = "_ldap._tcp.dc._msdcs.corp.test"


def found(*targets: str, is_ldaps: bool = True) -> list[str]:
    records = (f"0 100 389 {target}." for target in targets)
    return controllers.servers_in(
        dns.rrset.from_text(f"{DOMAIN}.", 60, "IN", "SRV", *records), DOMAIN, is_ldaps=is_ldaps
    )


@pytest.mark.parametrize(
    "target",
    [
        "dc.evil.test",
        "dc.notcorp.test",
        "corp.test",
        # In the domain by name, and in an address another server.
        "evil.com/x.corp.test",
        "evil.com:x.corp.test",
        "evil.com?x.corp.test",
        "evil.com#x.corp.test",
        "evil.com,x.corp.test",
        "anna@evil.com/x.corp.test",
        r"evil.com\032x.corp.test",
        r"evil\.com.corp.test",
        "-x.corp.test",
        "[::1].corp.test",
    ],
)
def test_what_is_no_host_of_the_domain_is_not_asked(target: str) -> None:
    for is_ldaps in (False, True):
        assert found(target, is_ldaps=is_ldaps) == []


def test_hosts_of_the_domain_are_asked_at_their_ports() -> None:
    assert found("DC-1.Corp.Test") == ["dc-1.corp.test"]
    assert found("dc1.berlin.corp.test", is_ldaps=False) == ["dc1.berlin.corp.test:389"]


def test_thousands_are_a_few_and_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert len(found(*(f"dc{number}.corp.test" for number in range(1000)))) == controllers.MOST
    assert not caplog.records
    assert found(*(f"dc{number}.evil.test" for number in range(1000))) == []
    (line,) = caplog.records
    assert "999 more" in line.getMessage()
