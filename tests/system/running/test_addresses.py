"""The address of whoever signs in is true: what they say about it themselves changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from ..boxes import ADMINISTRATOR, PASSWORD
from ..living import PrefixBox, wait_until
from ..poster import CSRF, SESSION, Person

FORGED = {
    "X_Forwarded_For": "203.0.113.6",
    "X_Forwarded_Proto": "http",
    "X_Forwarded_Host": "evil.test",
    "X_Real_IP": "203.0.113.6",
    "Forwarded": "for=203.0.113.6;proto=http;host=evil.test",
}
# Any address of 127.0.0.0/8 is one of ours; they stand for a proxy and for two other machines.
PROXY, HOP, STRANGER = "127.0.0.1", "127.0.0.8", "127.0.0.9"


def recorded(box: PrefixBox, person: Person) -> str:
    """The address that the portal has noted with this person's session."""
    key = person.cookies[SESSION]
    return box.query(f"SELECT host(address) FROM accounts_session WHERE session_key = '{key}'")[0][0]


def signed_in(
    box: PrefixBox, headers: Mapping[str, str] | None = None, *, source: str, preface: bytes = b""
) -> Person:
    person = Person(box.site, source=source, preface=preface)
    answer = person.sign_in(ADMINISTRATOR, PASSWORD, **(headers or {}))
    assert answer.status == 302
    assert SESSION in person.cookies
    return person


@pytest.fixture
def behind_proxy(prefix_box: PrefixBox) -> Iterator[PrefixBox]:
    """It trusts what comes from PROXY and from HOP."""
    prefix_box.boxctl("config", "set", "balancer.trusted_proxies", f"{PROXY},{HOP}")
    yield prefix_box
    prefix_box.boxctl("config", "set", "balancer.proxy_protocol", "false", "balancer.trusted_proxies", "")
    wait_until(prefix_box.is_healthy, "the box")


def test_the_address_is_the_connections(prefix_box: PrefixBox) -> None:
    assert recorded(prefix_box, signed_in(prefix_box, source=STRANGER)) == STRANGER


@pytest.mark.parametrize("header", FORGED)
def test_a_forged_header_changes_nothing(prefix_box: PrefixBox, header: str) -> None:
    forged = {header: FORGED[header]}
    person = signed_in(prefix_box, forged, source=STRANGER)
    assert recorded(prefix_box, person) == STRANGER
    page = person.get("/feed/", **forged)
    assert page.status == 200, "it is still a page of a secure connection to this host"
    assert "evil.test" not in page.text


def test_a_header_with_an_underscore_is_no_way_around(prefix_box: PrefixBox) -> None:
    person = Person(prefix_box.site, source=STRANGER)
    person.get("/sign-in/")
    form = {"login": ADMINISTRATOR, "password": PASSWORD, "csrfmiddlewaretoken": person.cookies[CSRF]}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Referer": f"{prefix_box.site.origin}/",
        "X_Forwarded_For": "203.0.113.6",
    }
    answer = person.ask("POST", "/sign-in/", headers=headers, body=urlencode(form))
    assert answer.status == 302
    assert recorded(prefix_box, person) == STRANGER


def test_a_trusted_proxy_is_believed_and_nobody_else(behind_proxy: PrefixBox) -> None:
    through = signed_in(behind_proxy, {"X_Forwarded_For": "203.0.113.7"}, source=PROXY)
    assert recorded(behind_proxy, through) == "203.0.113.7"
    liar = signed_in(behind_proxy, {"X_Forwarded_For": "198.51.100.1, 203.0.113.7"}, source=PROXY)
    assert recorded(behind_proxy, liar) == "203.0.113.7", "what the client told its proxy is not believed"
    twice = signed_in(behind_proxy, {"X_Forwarded_For": f"198.51.100.1, 203.0.113.7, {HOP}"}, source=PROXY)
    assert recorded(behind_proxy, twice) == "203.0.113.7", "through two trusted proxies"
    around = signed_in(behind_proxy, {"X_Forwarded_For": "203.0.113.7"}, source=STRANGER)
    assert recorded(behind_proxy, around) == STRANGER
    for other in ("X_Real_IP", "Forwarded"):
        assert recorded(behind_proxy, signed_in(behind_proxy, {other: FORGED[other]}, source=PROXY)) == PROXY


def test_the_proxy_protocol_is_spoken_with_trusted_proxies_only(behind_proxy: PrefixBox) -> None:
    behind_proxy.boxctl("config", "set", "balancer.proxy_protocol", "true")
    hello = b"PROXY TCP4 203.0.113.8 127.0.0.1 40000 443\r\n"
    through = signed_in(behind_proxy, {"X_Forwarded_For": "198.51.100.1"}, source=PROXY, preface=hello)
    assert recorded(behind_proxy, through) == "203.0.113.8", "it also tells the truth about its header"
    assert recorded(behind_proxy, signed_in(behind_proxy, source=STRANGER)) == STRANGER
    with pytest.raises(OSError):
        signed_in(behind_proxy, source=STRANGER, preface=hello)
