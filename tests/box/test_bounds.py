"""Every address is sent the largest, deepest and oddest that a request holds, in whatever it asks for.

None answers with an error of ours, and none takes memory that the request did not bring. What each takes of
the processor is printed (`-s`), and judged by who reads it.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from tests.box import test_permissions
from tests.box.test_permissions import VISITS, World
from tests.box.visits import CAST, Visit
from tests.randomness import chosen

pytestmark = pytest.mark.django_db

# Fixtures, by the names that tests ask for them.
globals().update({name: getattr(test_permissions, name) for name in ("_without_an_agent", "_world", "world")})

LARGEST = 1_900_000
"""Of a body; an address has 60,000."""
LONGEST_FORM = 2 * 2**20 - 1
ODDITIES = {
    "nothing": "",
    "long": "x" * LARGEST,
    "deep html": "<div>" * (LARGEST // 5),
    "tags and links": "<b>x</b><p>#ab http://a.b/( " * (LARGEST // 28),
    "deep json": '{"a":' * (LARGEST // 5),
    "spaces": " " * (LARGEST - 1) + "x",
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
ADDRESSES = list({(visit.method, visit.route): visit for visit in VISITS}.values())
MEMORY = 400 * 2**20
ASKED = 3
"""How often an address is asked what it asks for: an answer may depend on the one before."""
_names: dict[str, set[str]] = {}
"""Of every address what it has asked for."""


@contextmanager
def recorded() -> Iterator[set[str]]:
    """The names that are looked for in a form or in an address."""
    names: set[str] = set()

    def noting(known: Callable[..., Any]) -> Callable[..., Any]:
        def look(self: QueryDict, name: str, *rest: Any) -> Any:
            names.add(name)
            return known(self, name, *rest)

        return look

    with pytest.MonkeyPatch.context() as patch:
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            patch.setattr(QueryDict, method, noting(getattr(QueryDict, method)))
        yield names


def visitor(visit: Visit) -> str:
    """Who gets furthest there."""
    allowed = [
        name for name, got in zip(CAST, visit.answers, strict=True) if isinstance(got, int) and got < 400
    ]
    others = [name for name, got in zip(CAST, visit.answers, strict=True) if got in (400, 409, 413, 422)]
    return (allowed or others or ["olga"])[0]


def form_of(given: dict[str, str]) -> str:
    """As much of it as is sent, and no more: what a test holds itself is counted as the portal's."""
    form = ""
    for name, value in given.items():
        form += f"{'&' if form else ''}{quote_plus(name)}={quote_plus(value)}"
        if len(form) >= LONGEST_FORM:
            break
    return form[:LONGEST_FORM]


def send(client: Client, visit: Visit, about: Any, given: dict[str, str]) -> int:
    address = reverse(visit.route, args=about if isinstance(about, tuple) else (about,))
    form = form_of(given)
    with transaction.atomic():
        if visit.method == "GET":
            status = client.get(f"{address}?{form[:60_000]}").status_code
        else:
            kind = "application/x-www-form-urlencoded"
            status = client.generic(visit.method, address, form, kind).status_code
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("oddity", chosen("oddities", [*ODDITIES]))
def test_no_address_breaks_over_what_it_is_sent(oddity: str, world: World) -> None:
    for browser in world.browsers.values():
        browser.raise_request_exception = False
    most, broken, took = 0, list[str](), defaultdict[str, float](float)
    for visit in ADDRESSES:
        before = from_here_on()
        about = world.things[visit.of] if visit.of else ()
        browser = world.browsers[visitor(visit)]
        names = _names.setdefault(str(visit), set(visit.data))
        for _round in range(ASKED):
            given = dict.fromkeys(sorted(names), ODDITIES[oddity])
            began = time.process_time()
            with recorded() as asked:
                status = send(browser, visit, about, given)
            took[str(visit)] += time.process_time() - began
            if status >= 500:
                broken.append(f"{visit} {sorted(names)}")
                break
            if asked <= names:
                break
            names |= asked
        most = max(most, highest() - before)
    _tell(oddity, took, most)
    assert broken == []
    assert most < MEMORY


@pytest.mark.parametrize("oddity", chosen("oddities of JSON", [*JSON]))
def test_no_address_for_json_breaks_over_what_it_is_sent(oddity: str, world: World) -> None:
    value = JSON[oddity]
    names = ("name", "size", "nonce", "etags", "content", "browser", "base", "fields", "cmd")
    body = "{" + ",".join(f'"{name}":{value if len(value) < 99 else "1"}' for name in names) + "}"
    client = world.browsers["anna"]
    client.raise_request_exception = False
    broken = []
    for visit in ADDRESSES:
        if visit.method == "GET":
            continue
        about = world.things[visit.of] if visit.of else ()
        address = reverse(visit.route, args=about if isinstance(about, tuple) else (about,))
        for sent in {value, body}:
            with transaction.atomic():
                answer = client.generic(visit.method, address, sent, "application/json")
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                broken.append(f"{visit} {sent[:40]}")
    assert broken == []


def test_no_address_breaks_over_a_header_that_is_no_address(world: World) -> None:
    """Strangers write headers too."""
    odd = {"HX-Request": "true", "HX-Current-URL": "http://[", "Referer": "http://["}
    broken = []
    for visit in ADDRESSES:
        about = world.things[visit.of] if visit.of else ()
        address = reverse(visit.route, args=about if isinstance(about, tuple) else (about,))
        for client in (world.browsers[visitor(visit)], Client()):
            client.raise_request_exception = False
            with transaction.atomic():
                answer = client.generic(visit.method, address, b"", headers=odd)
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                broken.append(str(visit))
    assert broken == []


def from_here_on() -> int:
    """Bytes in memory now; `highest` is the most from here on (see proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return highest()


def highest() -> int:
    found = re.search(
        r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) * 1024


def _tell(oddity: str, took: dict[str, float], memory: int) -> None:
    slowest = sorted(took.items(), key=lambda one: -one[1])[:5]
    told = ", ".join(f"{visit} {seconds:.2f} s" for visit, seconds in slowest)
    print(f"\n{oddity}: {memory // 2**20} MB more; {told}")  # noqa: T201
