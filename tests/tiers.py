"""Runs the tests of a tier, says what each part cost, and stamps the areas that passed.

    python -m tests.tiers always     lint, documentation, what always runs
    python -m tests.tiers changed    and all of every area that has changed since it last passed
    python -m tests.tiers whole      everything, in both languages and at every stage
    python -m tests.tiers whole backup crm    so of these areas, and of nothing else
    python -m tests.tiers fresh      refuses unless everything has passed thoroughly in this very state

`tests/run.sh` prepares the machine and calls this; docs/dev/tests.md says what belongs where.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import parts
from tests.areas import ALWAYS, ROOT, Area, Areas, Stamp, files_here
from tests.randomness import SEED, THOROUGH, is_thorough, seed
from tests.report import OUTCOMES, Outcome

BUILD = ROOT / "build/tests"
UNSTEADY = ROOT / "tests/unsteady.toml"
BUDGETS = ROOT / "tests/budgets.toml"
ENOUGH = 3
"""As often as a test may need its second run before the run fails."""


# --- what runs


@dataclass(frozen=True)
class Leg:
    """One part of a run: a program, which says how its tests ended."""

    name: str
    command: tuple[str, ...]
    folder: Path | None = None
    """What its tests leave behind lies there."""

    @property
    def log(self) -> Path:
        return BUILD / f"{self.name}.log"

    @property
    def outcomes(self) -> Path:
        return BUILD / f"{self.name}.json"


type Stages = tuple[tuple[tuple[Leg, ...], ...], ...]
"""One after the other. The lanes of a stage go at once, the legs of a lane again one after the other."""


@dataclass(frozen=True)
class Plan:
    """What a tier runs."""

    areas: tuple[Area, ...]
    """Those that run whole."""
    left_out: tuple[Area, ...]
    stages: Stages


def make_leg(name: str, target: str = "") -> Leg:
    return Leg(name, ("make", "--no-print-directory", target or name))


def pytest_leg(name: str, tests: Iterable[str], *options: str, niceness: int = 0) -> Leg:
    """With a folder of its own. The one that pytest takes by itself is everybody's, and whoever begins in it
    closes it again to the services whose users a test has let in."""
    folder = Path(tempfile.gettempdir(), f"pytest-{name}-{os.getpid()}")
    as_nice = ("nice", "-n", str(niceness))
    own = f"--basetemp={folder}"
    return Leg(name, (*as_nice, sys.executable, "-m", "pytest", "--quiet", own, *options, *tests), folder)


def plan(tier: str, known: Areas, files: Sequence[str], only: Collection[str] = ()) -> Plan:
    """`only`: names of areas, of which `always` is one here; all that the tier takes where there are none.

    What is for a thorough run alone is left out of any other; what wants to be alone comes last."""
    chosen = {ALWAYS: [], "changed": known.changed(files), "whole": [*known.areas.values()]}[tier]
    if only:
        chosen = [known.areas[name] for name in only if name != ALWAYS]
    left_out = [area for area in known.areas.values() if area not in chosen]
    has_always = not only or ALWAYS in only
    tests = [test for area in (*([known.always] if has_always else []), *chosen) for test in area.tests]
    units = [test for test in tests if not test.startswith(("tests/e2e", "tests/system"))]
    stories = [test for test in tests if test.startswith("tests/e2e")]
    machines = [test for test in tests if test.startswith("tests/system")]
    alone = [test for area in known.areas.values() for test in area.alone]
    too_long = [test for area in known.areas.values() for test in area.before_release]
    but = [] if tier == "whole" or is_thorough() else too_long
    checks: list[Leg] = []
    if has_always:
        stories += [area.journey for area in left_out if area.journey]
        machines += [test for test in known.machines if not is_within(test, machines)]
        checks += [make_leg("lint"), make_leg("docs"), make_leg("frontend", "test-frontend")]

    seeded = f"--randomly-seed={seed()}"
    # Three workers for two cores, for they wait a third of their time. They give way to machines and
    # browsers, which have clocks of their own.
    options = "-m", "not e2e and not system", seeded, *workers(3)
    inside = pytest_legs("units", units, *options, but=[*alone, *but], niceness=10)
    # Machines mostly wait, and one worker makes them. Browsers come after them: they drop their connections
    # when a network interface comes or goes, as those of machines do.
    in_order = "-p", "no:randomly", "-n", "0"
    outside = pytest_legs("machines", machines, "-m", "system", *in_order, but=but)
    if all("::" in story for story in stories):
        # Told before a second box would be there.
        browsers = pytest_legs("browsers", stories, "-m", "e2e", seeded, "-n", "0")
        stages: Stages = (((*checks, *inside), (*outside, *browsers)),)
    else:
        browsers = pytest_legs("browsers", stories, "-m", "e2e", seeded, *workers(2))
        stages = (((*checks, *inside), outside), (browsers,))
    last = pytest_legs("alone", [one for one in alone if is_within(one, units)], *in_order, but=but)
    return Plan(tuple(chosen), tuple(left_out), (*stages, (last,)))


def pytest_legs(
    name: str, tests: Sequence[str], *options: str, but: Sequence[str] = (), niceness: int = 0
) -> tuple[Leg, ...]:
    """Without the files and folders `but`. None without tests: pytest would take all that there are."""
    asked = [test for test in tests if not is_within(test, but)]
    ignored = [f"--ignore={test}" for test in but if is_within(test, asked)]
    return (pytest_leg(name, asked, *ignored, *options, niceness=niceness),) if asked else ()


def workers(number: int) -> tuple[str, ...]:
    return "-n", str(number), "--dist", "worksteal"


def is_within(test: str, others: Iterable[str]) -> bool:
    """Whether a test is one of these, or in one of these files and folders."""
    file, base = test.partition("::")[0], test.partition("[")[0]
    return any(other in (file, base) or file.startswith(f"{other}/") for other in others)


# --- running it


@dataclass
class Result:
    leg: Leg
    code: int
    seconds: float
    tests: dict[str, Outcome]

    @property
    def failed(self) -> list[str]:
        return [test for test, outcome in self.tests.items() if outcome.outcome == "failed"]

    @property
    def came_to_its_end(self) -> bool:
        """With every test's outcome known, be it a failure."""
        return self.code == 0 or (self.code == 1 and bool(self.failed))


def run(leg: Leg, environment: Mapping[str, str]) -> Result:
    for left in (leg.outcomes, leg.outcomes.with_suffix(".failed")):
        left.unlink(missing_ok=True)
    begun = time.monotonic()
    with leg.log.open("w", encoding="utf-8") as log:
        code = subprocess.run(
            leg.command, cwd=ROOT, env={**environment, OUTCOMES: str(leg.outcomes)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False,
        ).returncode  # fmt: skip
    seconds = time.monotonic() - begun
    if leg.folder:
        shutil.rmtree(leg.folder, ignore_errors=True)
    told = json.loads(leg.outcomes.read_text(encoding="utf-8")) if leg.outcomes.exists() else {}
    text = leg.log.read_text(encoding="utf-8", errors="replace").splitlines()
    heading = f"\n== {leg.name}: {seconds / 60:.1f} minutes, {f'ended with {code}' if code else 'well'}"
    say("\n".join([heading, *(text if code else text[-1:])]))
    return Result(leg, code, seconds, {test: Outcome(**outcome) for test, outcome in told.items()})


def run_all(stages: Iterable[Sequence[Sequence[Leg]]], environment: Mapping[str, str]) -> list[Result]:
    results = []
    for lanes in stages:
        with ThreadPoolExecutor(len(lanes)) as pool:
            for lane in pool.map(lambda legs: [run(leg, environment) for leg in legs], lanes):
                results += lane
    return results


# --- once more, alone


def once_more(results: Sequence[Result], environment: Mapping[str, str]) -> list[str]:
    """What failed runs again, alone and in fresh boxes (decision 0088). Says what is wrong with the run."""
    wrong = [f"{one.leg.name} ended with {one.code}" for one in results if not one.came_to_its_end]
    unsteady = read_unsteady()
    for result in results:
        if not (failed := result.failed):
            continue
        say("\n".join([f"\n== Once more, alone, what failed of {result.leg.name}:", *failed]))
        alone = pytest_leg(f"{result.leg.name}-again", failed, "-n", "0", "-p", "no:randomly")
        again = run(alone, environment).tests
        for test in failed:
            if test not in again or again[test].outcome != "passed":
                wrong.append(f"{test} failed twice")
                continue
            result.tests[test].outcome = "passed"
            times = unsteady[test] = unsteady.get(test, 0) + 1
            say(f"UNSTEADY, {times} of {ENOUGH}: {test}")
            if times >= ENOUGH:
                wrong.append(f"{test} needed its second run {times} times: mend it, and take its line out")
    write_unsteady(unsteady)
    return wrong


def read_unsteady() -> dict[str, int]:
    return tomllib.loads(UNSTEADY.read_text(encoding="utf-8"))


def write_unsteady(unsteady: Mapping[str, int]) -> None:
    comments = [line for line in UNSTEADY.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    lines = [f"{json.dumps(test, ensure_ascii=False)} = {times}" for test, times in sorted(unsteady.items())]
    UNSTEADY.write_text("\n".join([*comments, *lines]) + "\n", encoding="utf-8")


# --- what it cost


def folder_of(test: str) -> str:
    """Where a test's costs are counted: a room of the portal, or a folder of tests."""
    path = Path(test.partition("::")[0])
    depth = 4 if path.is_relative_to("tests/box") else 2
    return str(Path(*path.parts[: min(depth, len(path.parts) - 1)]))


def print_costs(results: Sequence[Result]) -> None:
    """CPU seconds a folder, beside the budget and the last run's."""
    used: dict[str, float] = defaultdict(float)
    for result in results:
        for test, outcome in result.tests.items():
            used[folder_of(test)] += outcome.cpu
    budgets = tomllib.loads(BUDGETS.read_text(encoding="utf-8"))
    file = BUILD / "costs.json"
    last = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    say(f"\n{'CPU seconds':<36}{'budget':>8}{'last':>8}{'now':>8}")
    for folder, seconds in sorted(used.items(), key=lambda one: -one[1]):
        budget, before = budgets.get(folder), f"{last[folder]:.0f}" if folder in last else ""
        sign = "  has none" if budget is None else "  over" if seconds > budget else ""
        say(f"{folder:<36}{budget or '':>8}{before:>8}{seconds:>8.0f}{sign}")
    file.write_text(json.dumps({**last, **used}, indent=1), encoding="utf-8")


# --- what has passed


def stamp(areas: Iterable[Area], known: Areas, files: Sequence[str], results: Sequence[Result]) -> list[str]:
    """Notes which areas have passed whole; their names."""
    passed = []
    outcomes = {test: outcome for result in results for test, outcome in result.tests.items()}
    for area in areas:
        parts_of_it = [[outcomes[one] for one in outcomes if is_within(one, (test,))] for test in area.tests]
        own = [outcome for part in parts_of_it for outcome in part]
        if all(parts_of_it) and all(one.outcome == "passed" for one in own):
            minutes = round(sum(one.seconds for one in own) / 60, 1)
            Stamp(known.digest(area.name, files), seed(), minutes, is_thorough()).save(area.name)
            passed.append(area.name)
    return passed


def stale(known: Areas, files: Sequence[str]) -> list[str]:
    """The areas that have not passed thoroughly in this state."""
    return [
        name
        for name in (ALWAYS, *known.areas)
        if (one := Stamp.of(name)) is None or not one.was_thorough or one.content != known.digest(name, files)
    ]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_tier(tier: str, known: Areas, files: Sequence[str], only: Collection[str] = ()) -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    planned = plan(tier, known, files, only)
    say(f"{tier}, {SEED}={seed()}. Whole: {', '.join(area.name for area in planned.areas) or 'no area'}.")
    environment = {**os.environ, "KOROBKA_CONFIG": str(parts.start())}
    results = run_all(planned.stages, environment)
    # Before the second run, after which nothing may be left that has failed.
    has_all_outcomes = all(result.came_to_its_end for result in results)
    wrong = once_more(results, environment)
    print_costs(results)
    passed: list[str] = []
    if has_all_outcomes:
        passed += stamp(planned.areas, known, files, results)
    if not wrong and (not only or ALWAYS in only):
        passed += stamp([known.always], known, files, results)
    minutes = ", ".join(f"{result.leg.name} {result.seconds / 60:.1f}" for result in results)
    say(f"\nMinutes: {minutes}; in all {(time.monotonic() - begun) / 60:.1f}.")
    say(f"Passed whole: {', '.join(passed) or 'nothing'}.")
    if planned.left_out:
        but = "" if only else ", but for one story each"
        say(f"Not run{but}: {', '.join(area.name for area in planned.left_out)}.")
    for line in wrong:
        say(f"WRONG: {line}")
    ended = [outcome.outcome for result in results for outcome in result.tests.values()]
    say(f"{ended.count('passed')} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/run.sh", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tier", nargs="?", default=ALWAYS, choices=(ALWAYS, "changed", "whole", "fresh"))
    parser.add_argument("areas", nargs="*", help="of `whole`: these alone, of which `always` is one here")
    given = parser.parse_args(words)
    tier, only = given.tier, dict.fromkeys(given.areas)
    known, files = Areas.load(), files_here()
    if only and (tier != "whole" or (unknown := only.keys() - {ALWAYS, *known.areas})):
        parser.error(
            f"No area is called {', '.join(sorted(unknown))}: they are in tests/areas.toml."
            if tier == "whole"
            else "Areas are named after `whole`."
        )
    if tier == "fresh":
        for name in (found := stale(known, files)):
            say(f"{name} has not passed thoroughly as it is: run tests/run.sh whole, commit tests/stamps.")
        return 1 if found else 0
    if tier == "whole":
        os.environ[THOROUGH] = "1"
    return run_tier(tier, known, files, only)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
