"""How a test sends an address the largest and oddest that there is, and learns what it took."""

from __future__ import annotations

import gc
import json
import re
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.test import Client
from django.utils.datastructures import MultiValueDict

from box.lib import strict_json
from tests.box.test_permissions import VISITS, World, fresh
from tests.box.visits import CAST, Visit
from tests.report import FIGURE

ADDRESSES = list({(visit.method, visit.route): visit for visit in VISITS}.values())
ASKED = 3
"""How often an address is asked what it asks for: an answer may depend on the one before."""
MEMORY = 400 * 2**20
"""Bytes that no request may take beside what it has brought."""
CPU_SECONDS = 10.0
"""Of one request, with the processes that it starts. The slowest, a spreadsheet of 100 MB in half a megabyte,
takes less than half on a busy machine; what grows faster than what was sent takes far more (a sanitiser of
40,000 open tags took 24 s, that spreadsheet 45 s where it was read to its end)."""


def visitor(visit: Visit) -> str:
    """Who gets furthest there."""
    allowed = [
        name for name, got in zip(CAST, visit.answers, strict=True) if isinstance(got, int) and got < 400
    ]
    others = [name for name, got in zip(CAST, visit.answers, strict=True) if got in (400, 409, 413, 422)]
    return (allowed or others or ["olga"])[0]


def browser_of(name: str, world: World) -> Client:
    """One of the cast's, anew each time, for an answer may have signed them out. What breaks is a 500."""
    browser = fresh({name: world.browsers[name]})[name]
    browser.raise_request_exception = False
    return browser


def arguments_of(visit: Visit, things: Mapping[str, Any]) -> tuple[Any, ...]:
    """Of its address."""
    about = things[visit.of] if visit.of else ()
    return about if isinstance(about, tuple) else (about,)


@contextmanager
def names_asked_for() -> Iterator[set[str]]:
    """The names that are looked for in a form or in an address."""
    names = set[str]()
    with pytest.MonkeyPatch.context() as patch:
        for method in _LOOKING:
            patch.setattr(QueryDict, method, _noting(names, getattr(QueryDict, method)))
        yield names


@contextmanager
def json_asked_for() -> Iterator[set[str]]:
    """The names that are looked for in the outermost map of a JSON body; none where nobody reads it."""
    names = set[str]()

    class Body(dict[str, Any]):
        pass

    for method in ("get", "pop", "__getitem__", "__contains__"):
        setattr(Body, method, _noting(names, getattr(dict, method)))

    def parsed(*given: Any, **more: Any) -> Any:
        value = json.loads(*given, **more)
        return Body(value) if isinstance(value, dict) else value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "json", SimpleNamespace(loads=parsed))
        yield names


@contextmanager
def files_asked_for() -> Iterator[set[str]]:
    """The names by which files are looked for, where none are sent."""
    names = set[str]()

    class NoFiles(MultiValueDict[str, Any]):
        def __bool__(self) -> bool:
            return True  # or a form is not given it

    for method in _LOOKING:
        setattr(NoFiles, method, _noting(names, getattr(MultiValueDict, method)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WSGIRequest, "FILES", NoFiles())
        yield names


_LOOKING = ("get", "getlist", "__getitem__", "__contains__")


def _noting(names: set[str], known: Callable[..., Any]) -> Callable[..., Any]:
    def look(self: object, name: str, *rest: Any) -> Any:
        names.add(name)
        return known(self, name, *rest)

    return look


@dataclass
class Taken:
    """What requests took of processor and memory, the most by address."""

    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    """Bytes."""

    def __post_init__(self) -> None:
        # A process that an earlier test has left is waited for when its object goes, and would count below.
        gc.collect()
        # A worker of the tests holds far more than one of the portal: that is not gone through for garbage.
        gc.freeze()

    @contextmanager
    def by(self, name: str) -> Iterator[None]:
        before, began = _from_here_on(), _processor_seconds()
        yield
        self.seconds[name] = max(self.seconds.get(name, 0), _processor_seconds() - began)
        self.memory[name] = max(self.memory.get(name, 0), _highest() - before)

    def too_much(self) -> list[str]:
        slow = [f"{name}: {spent:.1f} s" for name, spent in self.seconds.items() if spent > CPU_SECONDS]
        large = [f"{name}: {held // 2**20} MB" for name, held in self.memory.items() if held > MEMORY]
        return slow + large

    def tell(self, about: str) -> None:
        """Below the results: see `tests.report`."""
        slowest = sorted(self.seconds.items(), key=lambda one: -one[1])[:5]
        told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in slowest)
        most = max(self.memory.values(), default=0)
        print(f"\n{FIGURE}{about}: {most // 2**20} MB more; {told}")  # noqa: T201


def _processor_seconds() -> float:
    """Of this thread, and of the processes that were started here and are over."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime


def _from_here_on() -> int:
    """Bytes in memory now; `_highest` is the most from here on (see proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _highest()


def _highest() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
