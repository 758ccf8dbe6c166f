"""Every address is sent the largest, deepest and oddest that a request holds, in whatever it asks for.

None answers with an error of ours, none takes memory that the request did not bring, or more of the processor
than what is sent is worth. What was taken is printed.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from box.lib import strict_json
from tests.box import test_permissions
from tests.box.oddities import (
    ADDRESSES,
    ASKED,
    Taken,
    arguments_of,
    browser_of,
    json_asked_for,
    names_asked_for,
    visitor,
)
from tests.box.test_permissions import World
from tests.box.visits import Visit
from tests.randomness import chosen

pytestmark = pytest.mark.django_db

# Fixtures, by the names that tests ask for them.
globals().update({name: getattr(test_permissions, name) for name in ("_without_an_agent", "_world", "world")})

LARGEST = 1_900_000
"""Of a body; an address has 60,000."""
LONGEST_ADDRESS = 60_000
LARGE = {
    "long": "x",
    "deep html": "<div>",
    "tags and links": "<b>x</b><p>#ab http://a.b/( ",
    "deep json": '{"a":',
    "spaces": " ",
}
"""What is repeated until a request holds no more of it."""
ODDITIES = {
    "nothing": "",
    "zero": "a\x00b",
    "number": "9" * 400,
    # In another zone it is outside of what Python's datetime holds.
    "first moment": "0001-01-01T00:00",
    "last moment": "9999-12-31T23:59",
    # Python refuses to read more than 4,300 digits, and takes others than 0 to 9 for digits too.
    "many digits": "9" * 5000,
    "other digits": "\N{SUPERSCRIPT TWO}",
    "other digits of a person": "U\N{SUPERSCRIPT TWO}",
    "infinite": "1e999",
}
JSON = {
    "deep": '{"a":' * (LARGEST // 5),
    "lists": "[" * LARGEST,
    "half a character": '"\\ud800"',
    "infinite": "1e999",
    "zero": '"\\u0000"',
    "large": json.dumps([{}] * (LARGEST // 5)),
}
_LEVELS = '{"a":' * (strict_json.DEEPEST - 1) + '"%s"' + "}" * (strict_json.DEEPEST - 1)
JSON_FIELDS: dict[str, Any] = {
    "long": "x" * LARGEST,
    "deep html": "<div>" * (LARGEST // 5),
    "deep": json.loads(_LEVELS % ("x" * (LARGEST - len(_LEVELS)))),
    "many": [{}] * (LARGEST // 5),
    "many names": {str(number): number for number in range(LARGEST // 20)},
    "many digits": 10**4000,
}
"""As deep and as large as a request may be: what is more is refused before it is looked at."""
CSRF = "csrfmiddlewaretoken"
_names: dict[str, set[str]] = {}
"""Of every address what it has asked for."""

_bodies: list[tuple[Visit, dict[str, str]]] = []


def form_of(given: dict[str, str]) -> str:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in given.items())


def large(text: str, *, most: int) -> str:
    """So often that it takes this much, written as a form has it."""
    return text * (most // len(quote_plus(text)))


def send(world: World, visit: Visit, given: dict[str, str]) -> int:
    address = reverse(visit.route, args=arguments_of(visit, world.things))
    client, form = browser_of(visitor(visit), world), form_of(given)
    with transaction.atomic():
        if visit.method == "GET":
            status = client.get(f"{address}?{form}").status_code
        else:
            kind = "application/x-www-form-urlencoded"
            status = client.generic(visit.method, address, form, kind).status_code
        transaction.set_rollback(True)
    return status


def send_json(world: World, visit: Visit, given: dict[str, Any]) -> int:
    address = reverse(visit.route, args=arguments_of(visit, world.things))
    body = json.dumps(given, separators=(",", ":"))
    with transaction.atomic():
        answer = browser_of(visitor(visit), world).generic(visit.method, address, body, "application/json")
        transaction.set_rollback(True)
    return answer.status_code


@pytest.mark.parametrize("oddity", chosen("oddities", [*ODDITIES]))
def test_no_address_breaks_over_what_it_is_sent(oddity: str, world: World) -> None:
    """In each of its fields at once."""
    broken, taken = list[str](), Taken()
    for visit in ADDRESSES:
        names = _names.setdefault(str(visit), set(visit.data))
        for _round in range(ASKED):
            given = dict.fromkeys(sorted(names), ODDITIES[oddity])
            with taken.by(str(visit)), names_asked_for() as asked:
                status = send(world, visit, given)
            if status >= 500:
                broken.append(f"{visit} {sorted(names)}")
                break
            if asked <= names:
                break
            names |= asked
    taken.tell(oddity)
    assert broken == []
    assert taken.too_much() == []


@pytest.mark.parametrize("oddity", chosen("large oddities", [*LARGE]))
def test_no_address_breaks_over_the_most_that_a_field_holds(oddity: str, world: World) -> None:
    """In one field, which the seed chooses, among others that are as they should be: what is wrong elsewhere
    would be refused before that one is looked at."""
    broken, taken = list[str](), Taken()
    for visit in ADDRESSES:
        odd = large(LARGE[oddity], most=LONGEST_ADDRESS if visit.method == "GET" else LARGEST)
        usual = {"nonce": str(uuid4()), **{name: str(value) for name, value in visit.data.items()}}
        for _round in range(ASKED):
            with names_asked_for() as asked:
                send(world, visit, usual)
            if asked <= usual.keys():
                break
            usual = {**dict.fromkeys(asked - {CSRF}, "1"), **usual}
        for name in chosen(f"a field of {visit}", sorted(usual.keys() - {"nonce"})) if len(usual) > 1 else ():
            with taken.by(f"{visit} {name}"):
                status = send(world, visit, {**usual, name: odd})
            if status >= 500:
                broken.append(f"{visit} {name}")
    taken.tell(oddity)
    assert broken == []
    assert taken.too_much() == []


@pytest.mark.parametrize("oddity", LARGE)
def test_the_text_of_a_post_is_sent_whole(oddity: str, world: World) -> None:
    """It comes to the sanitiser, or is refused for itself and not for what stands beside it."""
    (visit,) = (one for one in ADDRESSES if (one.method, one.route) == ("POST", "feed:list"))
    taken = Taken()
    given = {"nonce": str(uuid4()), "audience": "UA", "html": large(LARGE[oddity], most=LARGEST)}
    with taken.by("post"):
        status = send(world, visit, given)
    assert status in (200, 302, 422)
    assert send(world, visit, {**given, "nonce": str(uuid4()), "html": "<p>A word</p>"}) in (200, 302)
    taken.tell(f"a post of {oddity}")
    assert taken.too_much() == []


@pytest.mark.parametrize("oddity", chosen("oddities of JSON", [*JSON]))
def test_no_address_for_json_breaks_over_what_it_is_sent(oddity: str, world: World) -> None:
    value = JSON[oddity]
    names = ("name", "size", "nonce", "etags", "content", "browser", "base", "fields", "cmd")
    body = "{" + ",".join(f'"{name}":{value if len(value) < 99 else "1"}' for name in names) + "}"
    broken, taken = list[str](), Taken()
    for visit in ADDRESSES:
        if visit.method == "GET":
            continue
        address = reverse(visit.route, args=arguments_of(visit, world.things))
        for sent in {value, body}:
            with taken.by(str(visit)), transaction.atomic():
                answer = browser_of("anna", world).generic(visit.method, address, sent, "application/json")
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                broken.append(f"{visit} {sent[:40]}")
    taken.tell(f"JSON, {oddity}")
    assert broken == []
    assert taken.too_much() == []


def bodies(world: World) -> list[tuple[Visit, dict[str, str]]]:
    """What each address that reads JSON looks for in it; which those are is asked once a run."""
    if not _bodies:
        for visit in ADDRESSES:
            usual = dict[str, str]()
            for _round in range(ASKED if visit.method != "GET" else 0):
                with json_asked_for() as asked:
                    send_json(world, visit, usual)
                if asked <= usual.keys():
                    break
                usual |= dict.fromkeys(asked, "1")
            if usual:
                _bodies.append((visit, usual))
    return _bodies


@pytest.mark.parametrize("oddity", JSON_FIELDS)
def test_no_address_for_json_breaks_over_the_most_that_a_field_holds(oddity: str, world: World) -> None:
    """In each of those that it looks for, among others that may be right."""
    broken, taken = list[str](), Taken()
    for visit, usual in bodies(world):
        for name in usual:
            with taken.by(f"{visit} {name}"):
                status = send_json(world, visit, {**usual, name: JSON_FIELDS[oddity]})
            if status >= 500:
                broken.append(f"{visit} {name}")
    taken.tell(f"fields of JSON, {oddity}")
    assert len(taken.seconds) > 9
    assert broken == []
    assert taken.too_much() == []


def test_no_address_breaks_over_a_header_that_is_no_address(world: World) -> None:
    """Strangers write headers too."""
    odd = {"HX-Request": "true", "HX-Current-URL": "http://[", "Referer": "http://["}
    broken = []
    for visit in ADDRESSES:
        address = reverse(visit.route, args=arguments_of(visit, world.things))
        for client in (browser_of(visitor(visit), world), Client(raise_request_exception=False)):
            with transaction.atomic():
                answer = client.generic(visit.method, address, b"", headers=odd)
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                broken.append(str(visit))
    assert broken == []
