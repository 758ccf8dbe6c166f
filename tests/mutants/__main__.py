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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutants.operators import Mutant, mutants_of
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
    Area("box/apps/worktime/clock.py"),
    Area("box/bridges/directory/actions.py", ("tests/box/bridges/directory/test_runs.py",)),
    Area("box/bridges/directory/plan/*.py", ("tests/box/bridges/directory/test_plan.py",)),
    Area("box/console/actions.py"),
    Area("box/console/alerts.py", ("tests/box/console/test_watching.py",)),
    Area("box/rest/actions.py"),
    Area("backup/retention.py", ("tests/backup/test_retention.py",)),
    Area("appliance/agent/disk.py", ("tests/appliance/test_disk.py",)),
    Area("appliance/agent/operations_log.py", ("tests/appliance/test_agent_parts.py",)),
    Area("appliance/agent/operations/apply.py", ("tests/appliance/test_agent_parts.py",), ("decide",)),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="modules or folders of the scope; all by default")
    parser.add_argument("--sample", type=int, help="so many mutants instead of all, drawn at random")
    parser.add_argument("--minutes", type=float, help="as many as can be begun in them, drawn at random")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10_000), help="draws the same sample again"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    rooms = list(rooms_of(options.paths))
    if options.sample:
        print(f"A sample of {options.sample} with --seed {options.seed}.")
        drawn = [one for room in rooms for one in room.mutants]
        drawn = random.Random(options.seed).sample(drawn, min(options.sample, len(drawn)))
        chosen = {id(one) for one in drawn}
        rooms = [Room(room.tests, tuple(one for one in room.mutants if id(one) in chosen)) for room in rooms]
        rooms = [room for room in rooms if room.mutants]
    if not rooms:
        parser.error("There is nothing to turn round there: the scope is in tests/mutants/__main__.py.")
    if options.minutes is not None:
        print(f"What can be begun in {options.minutes:g} minutes, in the order of --seed {options.seed}.")
        shuffle = random.Random(options.seed)
        rooms = [Room(room.tests, tuple(shuffle.sample(room.mutants, len(room.mutants)))) for room in rooms]
    seconds = math.inf if options.minutes is None else 60 * options.minutes
    return try_out(rooms, workers=options.workers, seconds=seconds)


def rooms_of(paths: Iterable[Path]) -> Iterator[Room]:
    """What the scope has at these paths, each area's mutants with its tests."""
    wanted = [path.absolute() for path in paths]
    found: dict[tuple[str, ...], list[Mutant]] = defaultdict(list)
    for area in SCOPE:
        for module in sorted(ROOT.glob(area.modules)):
            if not wanted or any(module.is_relative_to(path) for path in wanted):
                mutants = mutants_of(module.relative_to(ROOT), ROOT, area.functions)
                found[area.tests or mirrored(module)] += mutants
    # An area may be a part of another.
    return (
        Room(tests, tuple({one.key: one for one in mutants}.values())) for tests, mutants in found.items()
    )


def mirrored(module: Path) -> tuple[str, ...]:
    """The folder of tests that mirrors the module's own, or of the app that it is a part of."""
    folder = module.relative_to(ROOT).parent
    while not (ROOT / "tests" / folder).is_dir():
        folder = folder.parent
    return (str("tests" / folder),)


def try_out(rooms: list[Room], *, workers: int, seconds: float = math.inf) -> int:
    equal = {(one["file"], one["where"], one["change"]) for one in known_equal()}
    fates: dict[Path, Counter[str]] = defaultdict(Counter)
    untried: Counter[Path] = Counter()
    wrong: list[str] = []
    terminal = os.fdopen(os.dup(1), "w", buffering=1)

    def tell(mutant: Mutant, fate: Fate) -> None:
        is_equal = mutant.key in equal
        if fate is Fate.UNTRIED:
            untried[mutant.path] += 1
        elif fate in (Fate.KILLED, Fate.TIMEOUT):
            fates[mutant.path][fate] += 1
            if is_equal:
                wrong.append(f"{mutant} is {fate}, and not equal: take it out of {EQUAL.name}.")
        elif is_equal:
            fates[mutant.path]["equal"] += 1
        else:
            fates[mutant.path]["survived"] += 1
            print(f"  {fate}: {mutant}", file=terminal)

    def say(line: str) -> None:
        print(line, file=terminal)

    trial = Trial(rooms, root=ROOT, workers=workers, tell=tell, say=say, seconds=seconds)
    run(trial, sorted({tests for room in rooms for tests in room.tests}))
    if not trial.is_done:
        return 2
    print(*wrong, sep="\n", end="\n" if wrong else "", file=terminal)
    status = max(report(fates, print_line=say), int(bool(wrong)))
    if untried:
        say(f"Not tried: {', '.join(f'{number} of {path}' for path, number in sorted(untried.items()))}.")
    return status


def run(trial: Trial, tests: list[str]) -> None:
    options = ["-q", "-s", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
    options += ["-o", "tmp_path_retention_policy=failed"]
    pytest.main([*options, *tests], plugins=[trial])


def known_equal() -> list[dict[str, str]]:
    """Each with `file`, `where`, `change` and the `reason` why no test can see it."""
    found: list[dict[str, str]] = tomllib.loads(EQUAL.read_text(encoding="utf-8"))["equal"]
    return found


def report(fates: dict[Path, Counter[str]], *, print_line: Callable[[str], None]) -> int:
    """The table; a timeout is as good as a test that fails. Returns the exit status."""
    whole: Counter[str] = Counter()
    line = "{:<44} {:>8} {:>8} {:>9} {:>9} {:>6} {:>5}".format
    print_line(line("module", "mutants", "killed", "survived", "timeouts", "equal", "%"))
    for path, counts in [*sorted(fates.items()), (Path("all"), whole)]:
        whole.update(counts) if counts is not whole else None
        print_line(
            line(
                str(path),
                counts.total(),
                counts[Fate.KILLED],
                counts["survived"],
                counts[Fate.TIMEOUT],
                counts["equal"],
                f"{share(counts):.0f}",
            )
        )
    if share(whole) < LEAST:
        print_line(
            f"Less than {LEAST} % is killed: give the rules above a test that fails when they are turned."
        )
        return 1
    return 0


def share(counts: Counter[str]) -> float:
    counted = counts.total() - counts["equal"]
    return 100 * (counts[Fate.KILLED] + counts[Fate.TIMEOUT]) / counted if counted else 100


if __name__ == "__main__":
    sys.exit(main())
