"""Every address of the portal, visited by everybody. A new address fails here until it has said who may what.

The tables lie with the rooms, see `tests.box.visits`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from box.bridges.storage.client import Account, S3Store
from box.core.accounts.models import User
from box.core.files.store import stores
from box.core.org.models import Department
from box.core.registry.services import services, switch_of
from box.core.registry.settings import store
from tests.box.bridges.storage.engines import own_bucket
from tests.box.visits import CAST, SIGN_IN, Cast, Visit

HERE = Path(__file__).parent
TABLES = [
    import_module(".".join(("tests.box", *file.relative_to(HERE).with_suffix("").parts)))
    for file in sorted(HERE.glob("*/**/visits.py"))
]
VISITS: list[Visit] = [visit for table in TABLES for visit in table.VISITS]


def names_of(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """The full names of all patterns; one without a name shows as its own path."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from names_of(pattern, inner)
        else:
            assert isinstance(pattern, URLPattern)
            yield f"{namespace}{pattern.name or pattern.pattern}"


def test_every_address_is_in_the_table() -> None:
    assert {visit.route for visit in VISITS} == set(names_of(get_resolver()))


@pytest.fixture
def cast(olga: User, anna: User, boris: User, cara: User, erik: User, sales: Department) -> Cast:
    return Cast(olga, anna, boris, cara, erik, sales)


@pytest.fixture
def things(cast: Cast, seaweedfs: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the addresses with a number are about, all of it anna's."""
    with own_bucket(seaweedfs) as account:
        monkeypatch.setitem(stores._offers, "files", S3Store(account))
        yield {
            name: thing
            for table in TABLES
            if hasattr(table, "things")
            for name, thing in table.things(cast).items()
        }


def visit_of(client: Client, visit: Visit, things: Mapping[str, Any]) -> int | str:
    """What is answered, with nothing of it lasting."""
    about = things[visit.of] if visit.of else ()
    arguments = about if isinstance(about, tuple) else (about,)
    with transaction.atomic():
        answer = client.generic(visit.method, reverse(visit.route, args=arguments), **_body(visit))
        transaction.set_rollback(True)
    leads_to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in/?next=")
    return SIGN_IN if leads_to_sign_in else answer.status_code


def _body(visit: Visit) -> dict[str, Any]:
    if visit.route.startswith("files:"):
        return {"data": json.dumps(dict(visit.data)), "content_type": "application/json"}
    form = "&".join(f"{name}={value}" for name, value in visit.data.items())
    return {"data": form, "content_type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _without_an_agent(settings: Any, tmp_path: Path) -> None:
    """The console says so, and nothing is restarted."""
    settings.AGENT_SOCKET = tmp_path / "agent.sock"


@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_everybody_gets_what_the_table_says(
    visit: Visit, things: dict[str, Any], cast: Cast, as_person: Callable[[User], Client]
) -> None:
    people = (cast.olga, cast.anna, cast.boris, cast.cara, cast.erik)
    browsers = [*map(as_person, people), Client(headers={"X-Forwarded-Proto": "https"})]
    found = {name: visit_of(browser, visit, things) for name, browser in zip(CAST, browsers, strict=True)}
    assert found == dict(zip(CAST, visit.answers, strict=True))


@pytest.mark.parametrize("visit", [visit for visit in VISITS if visit.method != "GET"], ids=str)
def test_another_site_cannot_send_it_in_somebodys_name(
    visit: Visit, things: dict[str, Any], cast: Cast
) -> None:
    refused = 403 if visit.has_session else 401
    for person in (cast.olga, cast.anna):
        victim = Client(headers={"X-Forwarded-Proto": "https"}, enforce_csrf_checks=True)
        victim.force_login(person)
        assert visit_of(victim, visit, things) == refused


@pytest.mark.parametrize("service", [key for key, _service in services.items()])
def test_no_address_of_a_service_that_is_switched_off_answers(
    service: str, things: dict[str, Any], cast: Cast, as_person: Callable[[User], Client]
) -> None:
    visits = [visit for visit in VISITS if service in visit.route.split(":")[:-1]]
    assert visits, "a service is named like its addresses"
    store({switch_of(service): False})
    for person in (cast.olga, cast.anna, cast.erik):
        browser = as_person(person)
        assert [visit for visit in visits if visit_of(browser, visit, things) != 404] == []
        assert f'data-entry="{service}"' not in browser.get("/notifications/").content.decode()
