"""Tries mutants within one run of pytest, each in a child of its own.

The run collects the tests, makes the database, and runs each room's tests once, to learn which lines each of
them reaches. From then on it forks: a child has all that is loaded and warm, gives the function its other
code, and runs the tests that reach it until one fails. Nothing is written to the work tree, and what a test
leaves in a copy of the database goes with the copy.
"""

from __future__ import annotations

import fcntl
import gc
import math
import os
import selectors
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from itertools import batched
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from pytest_django.plugin import blocking_manager_key
from urllib3 import PoolManager

from tests.mutants.children import Child
from tests.mutants.operators import Mutant
from tests.mutants.reach import Memory, Reach
from tests.prefixes import scratch_prefix

DATABASE = "test_mutants"
AT_ONCE = 50
"""Tests after which it is written down what they reach: a run that is killed has learnt so much."""
MEMORY = scratch_prefix("mutants") / "reach.json"

# What a child may use of the processor: what its tests use without a mutant, so many times over, and more.
CPU_TIMES, CPU_MORE = 5, 10
# One that waits uses none. That a machine is busy must not count as that.
WALL_TIMES, WALL_MORE = 20, 120

TOOL = sys.monitoring.COVERAGE_ID
_DROP = f"DROP DATABASE IF EXISTS {DATABASE}_{{}} WITH (FORCE)"
FLUSHING = {"transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback"}
# Of these there is one for the whole run: two children would find each other's things there. The store is
# empty again after each test, and so children use it in turn; the others keep what a module put into them.
IN_TURN = {"account", "seaweedfs"}
SHARED = {"samba", "slapd", "etcd"}


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    UNREACHED = "reached by no test"
    UNTRIED = "untried"

    @property
    def is_caught(self) -> bool:
        """One that never ends is as good as one that fails a test."""
        return self in (Fate.KILLED, Fate.TIMEOUT)


@dataclass(frozen=True)
class Room:
    """The folders or files of tests that answer for these modules, and mutants of them."""

    tests: tuple[str, ...]
    modules: tuple[Path, ...]
    mutants: tuple[Mutant, ...]


@dataclass
class Attempt:
    mutant: Mutant
    slot: int
    child: Child


@dataclass
class Measuring:
    slot: int
    items: list[pytest.Item]
    child: Child


class Trial:
    """The plugin. `workers` children run at once, each with a database of its own; after `seconds` none is
    begun any more."""

    def __init__(
        self,
        rooms: Sequence[Room],
        *,
        root: Path,
        workers: int,
        tell: Callable[[Mutant, Fate], None],
        say: Callable[[str], None],
        seconds: float = math.inf,
    ) -> None:
        self._over_at = time.monotonic() + seconds
        self.rooms, self.root, self.workers, self.tell, self.say = rooms, root, workers, tell, say
        self.reached: dict[str, Reach] = defaultdict(Reach)
        self.kills: Counter[str] = Counter()
        self.databases: set[int] = set()
        self.is_done = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Before the tests are read, which take these over."""
        from django.db import connections
        from hypothesis import Phase, settings

        connections["default"].settings_dict["TEST"]["NAME"] = DATABASE
        # The same examples each time; and that one fails is enough, be it small or not.
        settings.register_profile(
            "mutants", settings(), phases=(Phase.explicit, Phase.generate), database=None, derandomize=True
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("These tests cannot be read.")
        self.session = session
        with _silence():
            for room in self.rooms:
                items = [item for item in session.items if _is_of(item, room)]
                self.say(f"{' '.join(room.tests)}: {len(items)} tests, {len(room.mutants)} mutants")
                if not self._is_over:
                    self._learn(room, items)
                self._try_all(room, [item for item in items if self.reached[item.nodeid].passes])
            self._drop_databases()
        self.is_done = True
        return True

    @property
    def _is_over(self) -> bool:
        return time.monotonic() > self._over_at

    # Which test reaches what

    def _learn(self, room: Room, items: list[pytest.Item]) -> None:
        """Tests that flush the database do it in a child: all children begin as this process is."""
        paths = {str(self.root / module) for module in room.modules}
        memory = Memory(MEMORY, self.root, paths)
        known = {item: reach for item in items if (reach := memory.reach(item))}
        self.reached.update({item.nodeid: reach for item, reach in known.items()})
        fresh = [item for item in items if item not in known]
        steady = [item for item in fresh if not is_flushing(item)]
        # What the whole run shares is there before a child begins.
        first = self._first_users(steady)
        steady = [item for item in steady if item not in first]
        middle = len(steady) if self.workers == 1 or _is_shared(items) else len(steady) // 2
        self._measure(first, paths)
        child = self._measuring(1, steady[middle:], paths)
        for part in batched(steady[:middle], AT_ONCE, strict=False):
            self._measure(list(part), paths)
            memory.keep({item: self.reached[item.nodeid] for item in part})
        self._take_in(child)
        self._take_in(self._measuring(0, [item for item in fresh if is_flushing(item)], paths))
        memory.keep({item: self.reached[item.nodeid] for item in fresh})
        self.say(f"  {sum(self.reached[item.nodeid].wall for item in fresh):.0f} s to learn what they reach")
        if known:
            self._warm_up(room, items)
        _hang_up()
        for item in items:
            if not self.reached[item.nodeid].passes:
                self.say(
                    f"  left out, for it fails as it is: {item.nodeid}: {self.reached[item.nodeid].trouble}"
                )

    def _warm_up(self, room: Room, items: list[pytest.Item]) -> None:
        """Runs those that the mutants ask first, and one for each thing that the whole run shares: what is
        loaded and set up here, no child does again."""
        passing = [item for item in items if self.reached[item.nodeid].passes and not is_flushing(item)]
        passing.sort(key=lambda item: self.reached[item.nodeid].wall)
        firsts = {found[0] for one in room.mutants if (found := self._tests_of(one, passing))}
        needed: list[Callable[[pytest.Item], bool]] = [
            partial(_uses, name) for name in sorted(SHARED | IN_TURN)
        ]
        for needs in [uses_database, *needed]:
            firsts |= {*[item for item in passing if needs(item)][:1]}
        for item, following in self._in_turn([item for item in items if item in firsts]):
            self.reached[item.nodeid].trouble = _trouble(item, following)

    def _first_users(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """One of the database, and of each other thing that there is one of."""
        needs: list[Callable[[pytest.Item], bool]] = [
            partial(_uses, name) for name in sorted(SHARED | IN_TURN)
        ]
        found = [next(filter(one, items), None) for one in (uses_database, *needs)]
        return list(dict.fromkeys(item for item in found if item is not None))

    def _measuring(self, slot: int, items: list[pytest.Item], paths: set[str]) -> Measuring | None:
        """By a child, while this process goes on."""
        if not items:
            return None
        _hang_up()
        child = self._fork(slot, partial(self._measured, items, paths), cpu=10_000, wall=10_000)
        return Measuring(slot, items, child)

    def _measured(self, items: list[pytest.Item], paths: set[str]) -> dict[str, Any]:
        self._measure(items, paths)
        return {item.nodeid: self.reached[item.nodeid].dump() for item in items}

    def _take_in(self, measuring: Measuring | None) -> None:
        if measuring is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(measuring.child.process, selectors.EVENT_READ)
            selector.select()
        said, _status = measuring.child.end()
        for item in measuring.items:
            stored = (said or {}).get(item.nodeid)
            self.reached[item.nodeid] = Reach.load(stored) if stored else Reach(trouble="The child died.")
        if said is None or any(is_flushing(item) for item in measuring.items):
            self._forget_database(measuring.slot)

    def _measure(self, items: list[pytest.Item], paths: set[str]) -> None:
        monitoring = sys.monitoring
        current = Reach()

        def on_line(code: CodeType, line: int) -> object:
            current.lines[code.co_filename].add(line)
            return monitoring.DISABLE

        # Of these functions alone: of every other line that runs nobody asks.
        for module in {Path(path).relative_to(self.root) for path in paths}:
            # One that is imported only where it is used would be missed.
            import_module(".".join(module.with_suffix("").parts).removesuffix(".__init__"))
        codes = _codes(paths)
        monitoring.use_tool_id(TOOL, "mutants")
        monitoring.register_callback(TOOL, monitoring.events.LINE, on_line)
        for code in codes:
            monitoring.set_local_events(TOOL, code, monitoring.events.LINE)
        try:
            for item, following in self._in_turn(items):
                current = self.reached[item.nodeid] = Reach()
                monitoring.restart_events()
                cpu, wall = time.process_time(), time.monotonic()
                current.trouble = _trouble(item, following)
                current.cpu, current.wall = time.process_time() - cpu, time.monotonic() - wall
        finally:
            for code in codes:
                monitoring.set_local_events(TOOL, code, 0)
            monitoring.free_tool_id(TOOL)

    def _in_turn(self, items: list[pytest.Item]) -> list[tuple[pytest.Item, Any]]:
        """Each with what follows it; after the last one only what the whole run shares stays up."""
        if not items:
            return []
        nothing = SimpleNamespace(listchain=lambda: [self.session])
        return list(zip(items, [*items[1:], nothing], strict=True))

    # Mutants

    def _try_all(self, room: Room, items: list[pytest.Item]) -> None:
        functions = _functions({str(self.root / mutant.path) for mutant in room.mutants})
        waiting = list(reversed(room.mutants))
        free = set(range(1 if _is_shared(items) else self.workers))
        most = len(free)
        gc.collect()
        # Untouched by the collector, what is loaded stays shared with the children.
        gc.freeze()
        with selectors.DefaultSelector() as selector:
            while waiting or len(free) < most:
                if self._is_over:
                    for mutant in waiting:
                        self.tell(mutant, Fate.UNTRIED)
                    waiting.clear()
                while waiting and free:
                    mutant = waiting.pop()
                    if tests := self._tests_of(mutant, items):
                        slot = free.pop()
                        child = self._attempt(mutant, slot, tests, functions)
                        selector.register(child.process, selectors.EVENT_READ, Attempt(mutant, slot, child))
                    else:
                        self.tell(mutant, Fate.UNREACHED)
                over = [key.data for key, _events in selector.select(timeout=1)]
                for attempt in over or [key.data for key in selector.get_map().values()]:
                    if over or attempt.child.is_late:
                        selector.unregister(attempt.child.process)
                        free.add(attempt.slot)
                        self.tell(attempt.mutant, self._fate(attempt))
        gc.unfreeze()

    def _tests_of(self, mutant: Mutant, items: list[pytest.Item]) -> list[pytest.Item]:
        """Those that reach it: cheap ones first, and those that have killed others. Flushing ones last."""
        path, lines = str(self.root / mutant.path), set(mutant.lines)

        def cost(item: pytest.Item) -> tuple[bool, float]:
            return is_flushing(item), self.reached[item.nodeid].wall / (1 + self.kills[item.nodeid])

        return sorted((item for item in items if self.reached[item.nodeid].lines[path] & lines), key=cost)

    def _attempt(
        self,
        mutant: Mutant,
        slot: int,
        items: list[pytest.Item],
        functions: dict[tuple[str, str, int], list[FunctionType]],
    ) -> Child:
        def work() -> dict[str, Any]:
            for function in functions[str(self.root / mutant.path), mutant.where, mutant.first_line]:
                function.__code__ = mutant.code
            flushed = False
            for item, following in self._in_turn(items):
                flushed |= is_flushing(item)
                if _trouble(item, following):
                    return {"killer": item.nodeid, "flushed": flushed}
            return {"killer": "", "flushed": flushed}

        reached = [self.reached[item.nodeid] for item in items]
        return self._fork(
            slot,
            work,
            cpu=CPU_MORE + CPU_TIMES * sum(one.cpu for one in reached),
            wall=WALL_MORE + WALL_TIMES * sum(one.wall for one in reached),
        )

    def _fate(self, attempt: Attempt) -> Fate:
        said, status = attempt.child.end()
        if said is None or said["flushed"]:
            self._forget_database(attempt.slot)
        if said is None:
            is_over = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
            return Fate.TIMEOUT if is_over else Fate.KILLED
        if not said["killer"]:
            return Fate.SURVIVED
        self.kills[said["killer"]] += 1
        return Fate.KILLED

    # Databases

    def _fork(self, slot: int, work: Callable[[], Any], *, cpu: float, wall: float) -> Child:
        from django.core.cache import caches
        from django.db import connections

        settings = connections["default"].settings_dict
        has_database = settings["NAME"] == DATABASE

        def live() -> Any:
            if has_database:
                settings["NAME"] = f"{DATABASE}_{slot}"
            return work()

        # No two processes speak on one line.
        connections.close_all()
        caches.close_all()
        if has_database and slot not in self.databases:
            self._run_alone(_DROP.format(slot), f"CREATE DATABASE {DATABASE}_{slot} TEMPLATE {DATABASE}")
            self.databases.add(slot)
        return Child(live, cpu=cpu, wall=wall)

    def _forget_database(self, slot: int) -> None:
        """It is made anew before its next use."""
        if slot in self.databases:
            self._run_alone(_DROP.format(slot))
            self.databases.remove(slot)

    def _drop_databases(self) -> None:
        self._run_alone(*(_DROP.format(slot) for slot in self.databases))

    def _run_alone(self, *statements: str) -> None:
        """Beside the test database, which nobody may use while it is copied."""
        from django.db import connections

        blocker = self.session.config.stash[blocking_manager_key]
        with blocker.unblock(), connections["default"]._nodb_cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def _silence() -> Iterator[None]:
    """What thousands of tests print is nobody's business."""
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        try:
            yield
        finally:
            for number, before in zip((1, 2), kept, strict=True):
                os.dup2(before, number)
                os.close(before)


def _hang_up() -> None:
    """No two processes speak on one line to the store."""
    for pool in [one for one in _objects() if issubclass(type(one), PoolManager)]:
        pool.clear()


def _objects() -> list[Any]:
    """All that there are: the collector does not list what it was told to leave alone, as all that was
    collected of the tests is."""
    gc.unfreeze()
    return gc.get_objects()


def _trouble(item: pytest.Item, following: Any) -> str:
    """What it fails with; nothing where it passes."""
    with _turn() if any(_uses(name, item) for name in IN_TURN) else nullcontext():
        for report in runtestprotocol(item, log=False, nextitem=following):
            if report.failed:
                return report.longreprtext.strip().rpartition("\n")[2] or "It fails."
    return ""


@contextmanager
def _turn() -> Iterator[None]:
    """While no other process of the run has one; the kernel ends it with the process."""
    MEMORY.parent.mkdir(parents=True, exist_ok=True)
    with MEMORY.with_name("turn.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_shared(items: list[pytest.Item]) -> bool:
    return any(_uses(name, item) for name in SHARED for item in items)


def _is_of(item: pytest.Item, room: Room) -> bool:
    return any(item.path.is_relative_to(Path(tests).absolute()) for tests in room.tests)


def _uses(fixture: str, item: pytest.Item) -> bool:
    return fixture in getattr(item, "fixturenames", ())


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or _uses("db", item)


def is_flushing(item: pytest.Item) -> bool:
    """Whether it commits, and empties the database after itself."""
    from django.test import TestCase, TransactionTestCase

    mark = item.get_closest_marker("django_db")
    kind = getattr(item, "cls", None)
    return bool(
        (mark and (mark.kwargs.get("transaction") or mark.args[:1] == (True,)))
        or FLUSHING & set(getattr(item, "fixturenames", ()))
        or (kind and issubclass(kind, TransactionTestCase) and not issubclass(kind, TestCase))
    )


def _codes(paths: set[str]) -> list[CodeType]:
    """Of all functions of these files, and of what is defined within them."""
    functions = [one for several in _functions(paths).values() for one in several]
    waiting = [one.__code__ for one in functions]
    found = []
    while waiting:
        found.append(code := waiting.pop())
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found


def _functions(paths: set[str]) -> dict[tuple[str, str, int], list[FunctionType]]:
    """By file, name and first line, wherever a decorator keeps them."""
    found: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
    for one in _objects():
        if type(one) is FunctionType and one.__code__.co_filename in paths:
            code = one.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(one)
    return found
