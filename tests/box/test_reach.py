"""Whom push messages, search results, exports, files and fragments reach: as the rooms' tables say.

What the code sends, exports and searches is read from the code: a new topic without a row fails here.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from box.bridges.storage.client import Account, S3Store
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.files.store import stores
from box.core.groups.actions import NewGroup, NewGuest, create_group, invite_guest
from box.core.push.authentication import identify
from box.core.push.hub import Hub, Message, Stream
from box.core.push.models import PushMessage
from box.core.registry.capabilities import searchables
from tests.box.bridges.storage.engines import own_bucket
from tests.box.core.files.reaches import file_for
from tests.box.reach import SEEN, Exported, Fetched, Found, Push, World
from tests.box.test_permissions import TABLES, Browsers, fresh
from tests.box.visits import CAST, SIGN_IN, Cast

pytestmark = pytest.mark.django_db

HERE = Path(__file__).parent
BOX = HERE.parents[1] / "box"
ROOMS = [
    import_module(".".join(("tests.box", *file.relative_to(HERE).with_suffix("").parts)))
    for file in sorted(HERE.glob("*/**/reaches.py"))
]
PUSHES: list[Push] = [row for room in ROOMS for row in getattr(room, "PUSHES", ())]
FOUND: list[Found] = [row for room in ROOMS for row in getattr(room, "FOUND", ())]
EXPORTS: list[Exported] = [row for room in ROOMS for row in getattr(room, "EXPORTS", ())]
DOWNLOADS: list[Fetched] = [row for room in ROOMS for row in getattr(room, "DOWNLOADS", ())]

WORD = "quokka"


# What there is, read from the code


def calls_of(name: str, home: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls of a function that modules import from `home`: the module, the function around it, the call."""
    for file in BOX.rglob("*.py"):
        if "node_modules" in file.parts or name not in (text := file.read_text(encoding="utf-8")):
            continue
        tree = ast.parse(text)
        aliases = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == home
            for alias in node.names
            if alias.name == name
        }
        module = ".".join(("box", *file.relative_to(BOX).with_suffix("").parts))
        for around in ast.walk(tree):
            if isinstance(around, ast.FunctionDef):
                for node in ast.walk(around):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in aliases:
                        yield module, around.name, node


def said(module: str, node: ast.expr) -> str:
    """The text that an argument is, written out or by the name of a constant."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.Name), f"{module}: write the topic and the kind out, or name a constant"
    return str(getattr(import_module(module), node.id))


def test_every_kind_of_message_has_a_row() -> None:
    sent = {
        (said(module, call.args[0]), said(module, call.args[1]))
        for name in ("send", "send_each")
        for module, _around, call in calls_of(name, "box.core.push.actions")
    }
    assert {(row.topic, row.kind) for row in PUSHES} == sent


def test_every_kind_that_is_searched_for_has_a_row() -> None:
    assert {row.kind for row in FOUND} == {kind for kind, _searchable in searchables.items()}


def test_every_export_has_a_row() -> None:
    """Also every list: its own address answers with the file."""
    exporting = {
        f"{module}.{around}"
        for name, home in (("export", "box.lib.tables"), ("answer", "box.core.lists.views"))
        for module, around, _call in calls_of(name, home)
    }
    assert {row.source for row in EXPORTS} == exporting - {"box.core.lists.export.export_list"}


# Whom it reaches


@dataclass(frozen=True)
class Scene:
    world: World
    browsers: Browsers
    things: dict[str, Any]
    """What the addresses with a number are about."""


@pytest.fixture(scope="module")
def scene(shared_database: None, seaweedfs: Account) -> Iterator[Scene]:
    with own_bucket(seaweedfs) as account, pytest.MonkeyPatch.context() as patched:
        patched.setitem(stores._offers, "files", S3Store(account))
        world = with_partners(Cast.gathered())
        things = {
            name: thing
            for table in TABLES
            if hasattr(table, "things")
            for name, thing in table.things(world.cast).items()
        }
        deliver_all()
        yield Scene(world, world.cast.browsers(), things)


@pytest.fixture
def world(scene: Scene) -> World:
    return scene.world


@pytest.fixture
def browsers(scene: Scene) -> Browsers:
    return fresh(scene.browsers)


@pytest.fixture
def things(scene: Scene) -> dict[str, Any]:
    return scene.things


def with_partners(cast: Cast) -> World:
    partners = create_group(NewGroup("With partners", kind="extranet"), by=cast.anna)
    stay = timezone.localdate() + timedelta(days=9)
    invite_guest(partners, NewGuest(cast.erik.email, stay), by=cast.anna)
    deliver_all()
    fresh = {
        name: User.objects.get(pk=getattr(cast, name).pk)
        for name in ("olga", "anna", "boris", "cara", "erik")
    }
    return World(replace(cast, **fresh), partners)


class Ear(asyncio.Transport):
    """The browser's end of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    def write(self, data: Any) -> None:
        self.heard += data


def listening(hub: Hub, browser: Client) -> Ear | None:
    """A stream as the push service opens it for this browser's cookie; nobody has none."""
    cookie = browser.cookies.get(django_settings.SESSION_COOKIE_NAME)
    listener = identify(cookie.value if cookie else "", "127.0.0.1")
    if listener is None:
        return None
    ear = Ear()
    Stream(hub, listener, after=None).take_over(ear, set())
    ear.heard = b""
    return ear


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's threads let go of theirs between two questions; a test has one alone."""
    monkeypatch.setattr("box.core.push.authentication.close_old_connections", lambda: None)


@pytest.mark.parametrize("push", PUSHES, ids=str)
def test_a_message_reaches_whom_the_table_says(push: Push, world: World, browsers: Browsers) -> None:
    hub = Hub(on_access_changed=lambda streams: None, on_signed_out=lambda streams: None)
    hub.start(0, floor=0)
    ears = {name: ear for name, browser in browsers.items() if (ear := listening(hub, browser))}
    assert set(ears) == set(CAST) - {"nobody"}
    before = set(PushMessage.objects.values_list("pk", flat=True))
    push.cause(world)
    deliver_all()
    new = PushMessage.objects.filter(topic=push.topic, kind=push.kind).exclude(pk__in=before)
    assert new, "nothing was sent"
    for number, one in enumerate(new.order_by("pk"), 1):
        hub.deliver(Message.encode(number, one.topic, one.kind, one.audience, "{}"))
    assert {name for name, ear in ears.items() if ear.heard} == set(push.reaches.split())


@pytest.mark.parametrize("row", FOUND, ids=str)
def test_it_is_found_by_whom_the_table_says(row: Found, world: World, browsers: Browsers) -> None:
    row.make(world, WORD)
    deliver_all()
    answers = {
        name: [browser.get(path, {"q": WORD}) for path in ("/search/", "/search/suggestions/")]
        for name, browser in browsers.items()
    }
    assert [one.status_code for one in answers.pop("nobody")] == [302, 302]
    signs = ('<ul class="rows found">', f"/search/?q={WORD}")
    for name, both in answers.items():
        shown = [sign in answer.content.decode() for sign, answer in zip(signs, both, strict=True)]
        assert shown == [name in row.by.split()] * 2, name


@pytest.mark.parametrize(
    ("of", "by"), [("boris", "olga anna boris cara"), ("anna", "olga anna boris cara erik")]
)
def test_people_are_found_by_those_who_know_of_them(
    of: str, by: str, world: World, browsers: Browsers
) -> None:
    """A guest knows the people of the group."""
    person = getattr(world.cast, of)
    for name in by.split():
        for path in ("/search/", "/search/suggestions/"):
            found = browsers[name].get(path, {"q": person.first_name}).content.decode()
            assert f'href="/employees/{person.pk}/"' in found.partition('id="main"')[2]
    if "erik" not in by.split():
        found = browsers["erik"].get("/search/suggestions/", {"q": person.first_name}).content.decode()
        assert f'href="/employees/{person.pk}/"' not in found


@pytest.mark.parametrize("row", EXPORTS, ids=str)
def test_a_table_goes_to_whom_the_table_says(
    row: Exported, things: dict[str, Any], browsers: Browsers
) -> None:
    address = reverse(row.route, args=[things[row.of]] if row.of else [])
    answers = {}
    for name, browser in browsers.items():
        answer = browser.get(f"{address}?{row.query}")
        is_table = "attachment" in answer.headers.get("Content-Disposition", "")
        assert is_table == (answer.status_code == 200), name
        answers[name] = SIGN_IN if answer.status_code == 302 else answer.status_code
    assert answers == dict(zip(CAST, row.answers, strict=True))


@pytest.mark.parametrize("row", DOWNLOADS, ids=str)
def test_a_file_goes_to_whom_the_table_says(row: Fetched, world: World, browsers: Browsers) -> None:
    file = file_for(world, row.audience)
    reached = set()
    for name, browser in browsers.items():
        answer = browser.get(reverse(row.route, args=[file.pk]))
        link = answer.headers.get("Location", "")
        if "X-Amz-Signature" in link:
            reached.add(name)
        else:
            assert answer.status_code == 404 or link.startswith("/sign-in/"), name
    assert reached == set(SEEN[row.audience].split())
