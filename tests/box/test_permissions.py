"""Every address of the portal, visited by everybody. A new address fails here until it has said who may what.

The cast: olga administers, anna owns what is visited, boris shares her department, cara is of the company but
outside of it, erik is an extranet guest, and somebody is not signed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.bridges.storage.client import Account, S3Store
from box.core.accounts.models import User
from box.core.files.actions import begin_upload
from box.core.files.models import Blob, File, new_key
from box.core.files.store import stores
from box.core.org.models import Department
from tests.box.bridges.storage.engines import own_bucket

CAST = ("olga", "anna", "boris", "cara", "erik", "nobody")
SIGN_IN = "sign in"
"""Sent to the page for signing in, whatever is there."""


@dataclass(frozen=True)
class Visit:
    """One method of one address, and what each of the cast gets."""

    method: str
    route: str
    answers: tuple[int | str, ...]
    of: str = ""
    """Whose thing it is about: a name of the `things` fixture; none for an address without a number."""
    data: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.of}".strip()


def signed_in(status: int, nobody: int | str = SIGN_IN) -> tuple[int | str, ...]:
    return (*(status,) * 5, nobody)


ADMINISTRATORS = (200, 403, 403, 403, 403, SIGN_IN)
CONSOLE = (200, 404, 404, 404, 404, SIGN_IN)
EMPLOYEES = (200, 200, 200, 200, 404, SIGN_IN)


def department(status: int) -> tuple[int | str, ...]:
    """For whoever shares anna's department, and for administrators; to the others it does not exist."""
    return (status, status, status, 404, 404, SIGN_IN)


def private(status: int) -> tuple[int | str, ...]:
    """Between anna and boris: not even administrators."""
    return (404, status, status, 404, 404, SIGN_IN)


def annas_alone(status: int) -> tuple[int | str, ...]:
    return (404, status, 404, 404, 404, SIGN_IN)


VISITS = (
    Visit("GET", "accounts:sign-in", signed_in(302, 200)),
    Visit("POST", "accounts:sign-in", signed_in(302, 422), data={"login": "nobody"}),
    Visit("POST", "accounts:sign-out", signed_in(302, 302)),
    Visit("POST", "accounts:preferences", signed_in(302, 302), data={"language": "ru"}),
    Visit("GET", "accounts:profile", signed_in(302)),
    Visit("GET", "accounts:password", signed_in(200)),
    Visit(
        "POST", "accounts:password", signed_in(422), data={"current": "wrong", "new": "long enough, and new"}
    ),
    Visit("GET", "accounts:details", (200, 200, 403, 403, 404, SIGN_IN), of="anna"),
    Visit(
        "POST",
        "accounts:details",
        (422, 422, 403, 403, 404, SIGN_IN),
        of="anna",
        data={"birthday_on": "never"},
    ),
    Visit("POST", "files:uploads", signed_in(400)),
    Visit("GET", "files:parts", annas_alone(200), of="upload"),
    Visit("POST", "files:completion", annas_alone(409), of="upload", data={"etags": []}),
    Visit("DELETE", "files:upload", annas_alone(204), of="upload"),
    Visit("GET", "files:content", department(302), of="file"),
    Visit("GET", "files:preview", department(302), of="file"),
    Visit("GET", "files:thumbnail", department(302), of="file"),
    Visit("GET", "files:content", private(302), of="private file"),
    Visit("GET", "org:people", EMPLOYEES),
    Visit("GET", "org:suggestions", EMPLOYEES),
    Visit("GET", "org:new", ADMINISTRATORS),
    Visit("POST", "org:new", (422, 403, 403, 403, 403, SIGN_IN), data={"email": "nobody"}),
    Visit("GET", "org:person", EMPLOYEES, of="anna"),
    Visit("POST", "org:suspension", ADMINISTRATORS, of="anna"),
    Visit("DELETE", "org:suspension", ADMINISTRATORS, of="anna"),
    Visit("POST", "org:dismissal", ADMINISTRATORS, of="anna"),
    Visit("DELETE", "org:dismissal", ADMINISTRATORS, of="anna"),
    Visit("GET", "notify:list", signed_in(200)),
    Visit("GET", "notify:unread", signed_in(302)),
    Visit("POST", "notify:reading", signed_in(302)),
    Visit("GET", "feed:home", signed_in(302)),
    Visit("GET", "feed:list", signed_in(200)),
    Visit("POST", "feed:list", signed_in(422)),
    Visit("GET", "feed:news", signed_in(200)),
    Visit("GET", "feed:audiences", signed_in(200)),
    Visit("GET", "feed:post", department(200), of="post"),
    Visit("DELETE", "feed:post", (302, 302, 403, 404, 404, SIGN_IN), of="post"),
    Visit("GET", "feed:comments", department(200), of="post"),
    Visit("POST", "feed:comments", department(422), of="post"),
    Visit("GET", "feed:comment-news", department(200), of="post"),
    Visit("POST", "feed:reaction", department(302), of="post", data={"value": "1"}),
    Visit("GET", "feed:post", private(200), of="private post"),
    Visit("DELETE", "feed:post", (404, 302, 403, 404, 404, SIGN_IN), of="private post"),
    Visit("POST", "feed:comments", private(422), of="private post"),
    Visit("POST", "feed:reaction", private(302), of="private post", data={"value": "1"}),
    Visit("GET", "console:health", CONSOLE),
    Visit("GET", "console:service", CONSOLE, of="service"),
    Visit("POST", "console:restart", CONSOLE, of="service"),
)


def names_of(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """The full names of all patterns; one without a name shows as its own path."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from names_of(pattern, f"{pattern.namespace}:" if pattern.namespace else namespace)
        else:
            assert isinstance(pattern, URLPattern)
            yield f"{namespace}{pattern.name or pattern.pattern}"


def test_every_address_is_in_the_table() -> None:
    assert {visit.route for visit in VISITS} == set(names_of(get_resolver()))


@pytest.fixture
def things(
    anna: User, boris: User, sales: Department, seaweedfs: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the addresses with a number are about, all of it anna's."""
    with own_bucket(seaweedfs) as account:
        monkeypatch.setitem(stores._offers, "files", S3Store(account))
        files = [_file(anna), _file(anna)]
        post = publish_post(Draft("for sales", (f"DR{sales.pk}",), (files[0].pk,)), by=anna)
        letter = publish_post(Draft("for boris", (f"U{boris.pk}",), (files[1].pk,)), by=anna)
        upload = begin_upload("report.txt", 10, nonce="annas-upload", by=anna)
        yield {
            "anna": anna.pk, "file": files[0].pk, "private file": files[1].pk, "upload": upload.pk,
            "post": post.pk, "private post": letter.pk, "service": "web",
        }  # fmt: skip


def _file(owner: User) -> File:
    picture = Blob.objects.create(key=new_key(timezone.now()), size=1, inspected_at=timezone.now())
    blob = Blob.objects.create(key=new_key(timezone.now()), size=1, preview=picture, thumbnail=picture)
    return File.objects.create(owner=owner, name="plan.png", blob=blob, audience=[f"U{owner.pk}"])


def visit_of(client: Client, visit: Visit, things: Mapping[str, Any]) -> int | str:
    """What is answered, with nothing of it lasting."""
    arguments = [things[visit.of]] if visit.of else []
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
    visit: Visit, things: dict[str, Any], olga: User, anna: User, boris: User, cara: User, erik: User,
    as_person: Callable[[User], Client],
) -> None:  # fmt: skip
    people = (olga, anna, boris, cara, erik)
    browsers = [*map(as_person, people), Client(headers={"X-Forwarded-Proto": "https"})]
    found = {name: visit_of(browser, visit, things) for name, browser in zip(CAST, browsers, strict=True)}
    assert found == dict(zip(CAST, visit.answers, strict=True))


@pytest.mark.parametrize("visit", [visit for visit in VISITS if visit.method != "GET"], ids=str)
def test_another_site_cannot_send_it_in_somebodys_name(
    visit: Visit, things: dict[str, Any], olga: User, anna: User
) -> None:
    for person in (olga, anna):
        victim = Client(headers={"X-Forwarded-Proto": "https"}, enforce_csrf_checks=True)
        victim.force_login(person)
        assert visit_of(victim, visit, things) == 403
