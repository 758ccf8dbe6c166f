"""Every address of the portal, visited by everybody. A new address fails here until it has said who may what.

The tables lie with the rooms, see `tests.box.visits`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import stores
from box.core.registry.services import services, switch_of
from box.core.registry.settings import store
from tests import cast as people
from tests.box.bridges.storage.engines import own_bucket
from tests.box.core.groups.test_actions import group_of
from tests.box.visits import CAST, SIGN_IN, Cast, Visit

pytestmark = pytest.mark.django_db

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


type Browsers = dict[str, Client]


@dataclass(frozen=True)
class World:
    """What all of these visits see; none of them changes it."""

    cast: Cast
    things: dict[str, Any]
    """What the addresses with a number are about, all of it anna's."""
    browsers: Browsers


@pytest.fixture(scope="module")
def _world(shared_database: None, seaweedfs: Account) -> Iterator[World]:
    with own_bucket(seaweedfs) as account, pytest.MonkeyPatch.context() as patched:
        patched.setitem(stores._offers, "files", S3Store(account))
        cast = Cast.gathered()
        things = dict[str, Any]()
        for table in TABLES:
            made = table.things(cast) if hasattr(table, "things") else {}
            clashes = [name for name in things.keys() & made.keys() if things[name] != made[name]]
            assert not clashes, f"{table.__name__} calls {clashes} what another room calls so"
            things |= made
        yield World(cast, things, cast.browsers())


@pytest.fixture
def world(_world: World) -> World:
    """With the cookies that people have just been given: what an answer sets is another test's surprise."""
    return replace(_world, browsers=fresh(_world.browsers))


def fresh(browsers: Browsers) -> Browsers:
    copies = {name: Client(headers={"X-Forwarded-Proto": "https"}) for name in browsers}
    for name, copy in copies.items():
        copy.cookies = deepcopy(browsers[name].cookies)
    return copies


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
def test_everybody_gets_what_the_table_says(visit: Visit, world: World) -> None:
    found = {name: visit_of(browser, visit, world.things) for name, browser in world.browsers.items()}
    assert found == dict(zip(CAST, visit.answers, strict=True))


@pytest.mark.parametrize("visit", [visit for visit in VISITS if visit.method != "GET"], ids=str)
def test_another_site_cannot_send_it_in_somebodys_name(visit: Visit, world: World) -> None:
    # Where no session counts they are nobody.
    refused = 403 if visit.has_session else visit.answers[-1]
    for name in ("olga", "anna"):
        victim = Client(headers={"X-Forwarded-Proto": "https"}, enforce_csrf_checks=True)
        victim.cookies = world.browsers[name].cookies
        assert visit_of(victim, visit, world.things) == refused


@pytest.mark.parametrize("service", [key for key, _service in services.items()])
def test_no_address_of_a_service_that_is_switched_off_answers(service: str, world: World) -> None:
    visits = [visit for visit in VISITS if service in visit.route.split(":")[:-1]]
    assert visits, "a service is named like its addresses"
    store({switch_of(service): False})
    for name in ("olga", "anna", "erik"):
        browser = world.browsers[name]
        assert [visit for visit in visits if visit_of(browser, visit, world.things) != 404] == []
        assert f'data-entry="{service}"' not in browser.get("/notifications/").content.decode()


def test_a_guest_in_a_group_is_answered_as_one_in_none_at_every_other_address(world: World) -> None:
    group_of(people.person("Dora"), world.cast.erik, kind="extranet", name="Apart")
    wrong = {
        str(visit): (found, visit.answers[4])
        for visit in VISITS
        # Whoever is in a group writes into its calendar.
        if visit.route != "calendar:new"
        and (found := visit_of(fresh(world.browsers)["erik"], visit, world.things)) != visit.answers[4]
    }
    assert not wrong


# Parts of pages are for the same people as the pages


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__.removeprefix("tests.box."))
def test_what_htmx_asks_for_is_refused_like_the_page(table: Any, world: World) -> None:
    wrong = []
    # The door opens for whole pages alone: a part of one is told to go there.
    for visit in (visit for visit in table.VISITS if visit.route != "accounts:sign-in"):
        for (name, browser), expected in zip(fresh(world.browsers).items(), visit.answers, strict=True):
            browser.defaults["HTTP_HX_REQUEST"] = "true"
            found = visit_of(browser, visit, world.things)
            if kind_of(found) != kind_of(expected):
                wrong.append(f"{visit} for {name}: {found} and not {expected}")
    assert wrong == []


def kind_of(answer: int | str) -> int | str:
    """A refusal for the moment is said to a page (403), and beside what one filled in (422)."""
    if answer in (403, 422):
        return "refused"
    return answer if answer in (SIGN_IN, 404) else "answered"
