"""Turns rules round and asks the tests: `python -m tests.mutants [--minutes 20] [box/core/groups ...]`.

Prints what survives, and a table by module. What is the same for every caller though it reads otherwise is
named with its reason in `tests/mutants-equal.toml`, and does not count. Fails where less than 85 % is killed.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.mutants import estimates
from tests.mutants.estimates import Stratum
from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.results import Results
from tests.mutants.trial import Fate, Room, Trial

ROOT = Path(__file__).parents[2]
EQUAL = ROOT / "tests/mutants-equal.toml"
LEAST = 85


@dataclass(frozen=True)
class Area:
    """Modules, the tests that answer for them, and which functions of them; all where none is named."""

    modules: str
    tests: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


SCOPE = (
    Area("box/core/access/*.py"),
    Area("box/core/*/actions*.py"),
    Area("box/apps/*/actions*.py"),
    Area("box/apps/*/actions/*.py"),
    Area("box/apps/*/*/actions.py"),
    Area("box/apps/tasks/states.py"),
    Area("box/apps/worktime/clock.py"),
    Area(
        "box/bridges/directory/actions.py",
        ("tests/box/bridges/directory/test_runs.py", "tests/box/bridges/directory/test_decisions.py"),
    ),
    Area("box/bridges/directory/plan/*.py", ("tests/box/bridges/directory/test_plan.py",)),
    Area("box/bridges/telephony/actions.py", ("tests/box/bridges/telephony", "tests/box/apps/calls")),
    Area("box/bridges/telephony/calls.py"),
    Area("box/bridges/dav/actions.py"),
    Area("box/transfer/actions.py"),
    Area("box/console/actions.py"),
    Area("box/console/alerts.py", ("tests/box/console/test_watching.py",)),
    Area("box/rest/actions.py"),
    Area("backup/retention.py", ("tests/backup/test_retention.py",)),
    Area("appliance/cluster/scaling.py", ("tests/appliance/cluster/test_scaling.py",)),
    Area(
        "appliance/cluster/decider.py",
        ("tests/appliance/cluster/test_decider.py",),
        ("phases", "_phase", "settled", "applied"),
    ),
    Area(
        "appliance/cluster/copies.py",
        ("tests/appliance/cluster/test_copies.py",),
        ("replication", "configurations", "lacking"),
    ),
    Area("appliance/agent/disk.py", ("tests/appliance/test_disk.py",)),
    Area("appliance/agent/operations_log.py", ("tests/appliance/test_operations_log.py",)),
    Area("appliance/agent/operations/apply.py", ("tests/appliance/test_apply.py",), ("decide",)),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="modules or folders of the scope; all by default")
    parser.add_argument("--sample", type=int, help="so many mutants instead of all, drawn at random")
    parser.add_argument("--each", type=int, help="so many of each room, drawn at random")
    parser.add_argument("--minutes", type=float, help="as many as can be begun in them, drawn at random")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10_000), help="draws the same sample again"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--tests", nargs="+", default=(), help="only these: new ones, for what has survived the others"
    )
    parser.add_argument(
        "--results", type=Path, help="a file: what it says was killed is not tried again; added to"
    )
    options = parser.parse_args()

    rooms = list(rooms_of(options.paths))
    whole = {room.tests: len(room.mutants) for room in rooms}
    draw = random.Random(options.seed)
    if options.sample:
        print(f"A sample of {options.sample} with --seed {options.seed}.")
        drawn = [one for room in rooms for one in room.mutants]
        chosen = {id(one) for one in draw.sample(drawn, min(options.sample, len(drawn)))}
        rooms = [narrowed(room, (one for one in room.mutants if id(one) in chosen)) for room in rooms]
        rooms = [room for room in rooms if room.mutants]
    if options.each:
        print(f"A sample of {options.each} of each room with --seed {options.seed}.")
        # Each room's own: which others are asked for changes nothing.
        rooms = [sampled(room, options.each, options.seed) for room in rooms]
    if not rooms:
        parser.error("There is nothing to turn round there: the scope is in tests/mutants/__main__.py.")
    if options.minutes is not None:
        print(f"What can be begun in {options.minutes:g} minutes, in the order of --seed {options.seed}.")
        rooms = [narrowed(room, draw.sample(room.mutants, len(room.mutants))) for room in rooms]
    seconds = math.inf if options.minutes is None else 60 * options.minutes
    return try_out(
        rooms,
        whole=whole,
        workers=options.workers,
        seconds=seconds,
        only=tuple(options.tests),
        results=Results(options.results),
    )


def sampled(room: Room, number: int, seed: int) -> Room:
    draw = random.Random(f"{seed} {room.tests}")
    return narrowed(room, draw.sample(room.mutants, min(number, len(room.mutants))))


def narrowed(room: Room, mutants: Iterable[Mutant]) -> Room:
    return replace(room, mutants=tuple(mutants))


def rooms_of(paths: Iterable[Path]) -> Iterator[Room]:
    """What the scope has at these paths, each area's mutants with its tests."""
    wanted = [path.absolute() for path in paths]
    found: dict[tuple[str, ...], list[Mutant]] = defaultdict(list)
    for area in SCOPE:
        for module in sorted(ROOT.glob(area.modules)):
            if not wanted or any(module.is_relative_to(path) for path in wanted):
                mutants = mutants_of(module.relative_to(ROOT), ROOT, area.functions)
                found[area.tests or mirrored(module)] += mutants
    for tests, mutants in found.items():
        # An area may be a part of another.
        several = {one.key: one for one in mutants}.values()
        yield Room(tests, tuple(sorted({one.path for one in several})), tuple(several))


def mirrored(module: Path) -> tuple[str, ...]:
    """The folder of tests that mirrors the module's own, or of the app that it is a part of."""
    folder = module.relative_to(ROOT).parent
    while not (ROOT / "tests" / folder).is_dir():
        folder = folder.parent
    return (str("tests" / folder),)


def try_out(
    rooms: list[Room],
    *,
    whole: Mapping[tuple[str, ...], int],
    workers: int,
    seconds: float = math.inf,
    only: tuple[str, ...] = (),
    results: Results,
) -> int:
    """`whole`: how many mutants there are of each room's tests, of which `rooms` may be a sample."""
    equal = {(one["file"], one["where"], one["change"]) for one in known_equal()}
    untried: Counter[Path] = Counter()
    wrong: list[str] = []
    terminal = os.fdopen(os.dup(1), "w", buffering=1)

    def tell(mutant: Mutant, fate: Fate) -> None:
        is_equal = mutant.key in equal
        if fate is Fate.UNTRIED:
            untried[mutant.path] += 1
            return
        results.add(mutant, fate)
        if fate.is_caught and is_equal:
            wrong.append(f"{mutant} is {fate}, and not equal: take it out of {EQUAL.name}.")
        elif not fate.is_caught and not is_equal:
            print(f"  {fate}: {mutant}", file=terminal)

    def say(line: str) -> None:
        print(line, file=terminal)

    trying = [
        Room(
            only or room.tests,
            room.modules,
            tuple(one for one in room.mutants if not results.is_caught(one)),
        )
        for room in rooms
    ]
    trying = [room for room in trying if room.mutants]
    if trying:
        trial = Trial(trying, root=ROOT, workers=workers, tell=tell, say=say, seconds=seconds)
        run(trial, sorted({tests for room in trying for tests in room.tests}))
        if not trial.is_done:
            return 2
    print(*wrong, sep="\n", end="\n" if wrong else "", file=terminal)
    found = {(room.tests, one.path): Counter[str]() for room in rooms for one in room.mutants}
    for room in rooms:
        for one in room.mutants:
            if (fate := results.fate(one)) is not None:
                found[room.tests, one.path][kind_of(fate, is_equal=one.key in equal)] += 1
    by_module: dict[Path, Counter[str]] = defaultdict(Counter)
    for (_tests, path), counts in found.items():
        by_module[path].update(counts)
    report(by_module, print_line=say)
    strata = [stratum(room, whole[room.tests], found) for room in rooms]
    status = max(estimate([one for one in strata if one.tried], print_line=say), int(bool(wrong)))
    if untried:
        say(f"Not tried: {', '.join(f'{number} of {path}' for path, number in sorted(untried.items()))}.")
    return status


def kind_of(fate: Fate, *, is_equal: bool) -> str:
    if fate.is_caught:
        return fate
    return "equal" if is_equal else "survived"


def run(trial: Trial, tests: list[str]) -> None:
    options = ["-q", "-s", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
    options += ["-o", "tmp_path_retention_policy=failed"]
    pytest.main([*options, *tests], plugins=[trial])


def known_equal() -> list[dict[str, str]]:
    """Each with `file`, `where`, `change` and the `reason` why no test can see it."""
    found: list[dict[str, str]] = tomllib.loads(EQUAL.read_text(encoding="utf-8"))["equal"]
    return found


def report(fates: Mapping[Path, Counter[str]], *, print_line: Callable[[str], None]) -> None:
    """The table by module; a timeout is as good as a test that fails."""
    line = "{:<44} {:>8} {:>8} {:>9} {:>9} {:>6} {:>5}".format
    print_line(line("module", "tried", "killed", "survived", "timeouts", "equal", "%"))
    for path, counts in sorted(fates.items()):
        numbers = (
            counts.total(),
            counts[Fate.KILLED],
            counts["survived"],
            counts[Fate.TIMEOUT],
            counts["equal"],
        )
        print_line(line(str(path), *numbers, f"{share(counts):.0f}"))


def estimate(strata: list[Stratum], *, print_line: Callable[[str], None]) -> int:
    """The table by room, where what was tried stands for what was not. Returns the exit status."""
    if not strata:
        print_line("Nothing was tried: give it more minutes.")
        return 1
    line = "{:<44} {:>8} {:>8} {:>8} {:>9} {:>6} {:>5}  {}".format
    print_line(line("room", "mutants", "tried", "killed", "survived", "equal", "%", "95 % interval"))
    rows = [(one.name, [one]) for one in strata]
    for name, several in [*rows, ("all", strata)]:
        least, most = (100 * end for end in estimates.interval(several))
        sums = [
            sum(getattr(one, field) for one in several)
            for field in ("mutants", "tried", "killed", "survived", "equal")
        ]
        share = f"{100 * estimates.share(several):.0f}"
        print_line(line(name, *sums, share, f"{least:.0f} to {most:.0f}"))
    if 100 * estimates.share(strata) < LEAST:
        print_line(
            f"Less than {LEAST} % is killed: give the rules above a test that fails when they are turned."
        )
        return 1
    return 0


def stratum(room: Room, mutants: int, found: Mapping[tuple[tuple[str, ...], Path], Counter[str]]) -> Stratum:
    paths = {one.path for one in room.mutants}
    counts = sum((found[room.tests, path] for path in paths), Counter[str]())
    caught = counts[Fate.KILLED] + counts[Fate.TIMEOUT]
    name = os.path.commonpath(paths)
    return Stratum(name, mutants, killed=caught, survived=counts["survived"], equal=counts["equal"])


def share(counts: Counter[str]) -> float:
    counted = counts.total() - counts["equal"]
    return 100 * (counts[Fate.KILLED] + counts[Fate.TIMEOUT]) / counted if counted else 100


if __name__ == "__main__":
    sys.exit(main())
