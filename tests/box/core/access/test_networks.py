"""From where a role may be used, and nobody who locks themselves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from box.core.access import actions
from box.core.access.roles import is_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]


@pytest.mark.django_db
def test_a_role_is_used_from_its_networks_only(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    role = actions.create_role("Accountants", [], by=olga)
    actions.grant_role(role, f"U{anna.pk}", by=olga)
    actions.set_networks(role, ["10.0.0.0/8", "2001:db8::/32"], by=olga, from_address="192.0.2.1")
    browser = as_person(anna)
    assert browser.get("/feed/", REMOTE_ADDR="10.1.2.3").status_code == 200
    assert browser.get("/feed/", REMOTE_ADDR="2001:db8::7").status_code == 200
    refused = browser.get("/feed/", REMOTE_ADDR="192.0.2.1")
    assert refused.status_code == 403
    assert "own network" in refused.content.decode()
    assert as_person(boris).get("/feed/", REMOTE_ADDR="192.0.2.1").status_code == 200
    assert browser.post("/sign-out/", REMOTE_ADDR="192.0.2.1").status_code == 302


@pytest.mark.django_db
def test_nobody_locks_themselves_out(as_person: Browser, olga: User) -> None:
    browser, address = as_person(olga), "/console/roles/administrators/"
    sent = {"audience": [f"U{olga.pk}"], "networks": "10.0.0.0/8", "needs_second_factor": "on"}
    refused = browser.post(address, sent, REMOTE_ADDR="192.0.2.1")
    assert refused.status_code == 422
    assert "192.0.2.1" in refused.content.decode()
    assert browser.get("/feed/", REMOTE_ADDR="192.0.2.1").status_code == 200
    assert browser.post(address, sent, REMOTE_ADDR="10.9.9.9").status_code == 302
    assert browser.get("/feed/", REMOTE_ADDR="192.0.2.1").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["nonsense", "10.0.0.0/99", "10.0.0.0/8; drop"])
def test_what_is_no_network_is_refused(olga: User, text: str) -> None:
    role = actions.create_role("Accountants", [], by=olga)
    with pytest.raises(ValidationError, match="no network"):
        actions.set_networks(role, [text], by=olga, from_address="192.0.2.1")
    role.refresh_from_db()
    assert role.networks == []


@given(st.ip_addresses(), st.ip_addresses())
def test_an_address_is_within_its_own_network_and_no_other(one: object, other: object) -> None:
    assert is_within(str(one), [str(one)])
    assert is_within(str(one), [str(other)]) is (one == other)
    assert not is_within("", [str(one)])
