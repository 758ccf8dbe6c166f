"""What doctor sees that no service tells of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.supervise import Status
from appliance.supervise.base import State
from installer import doctor, release


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for name in ("old", "new"):
        (paths.releases / name).mkdir(parents=True)
    release.switch(paths, paths.releases / "new")
    return paths


@pytest.fixture
def started(paths: Paths) -> Iterator[dict[str, int]]:
    """A process in each release, and one that is elsewhere."""
    places = {"old": paths.releases / "old", "new": paths.current, "elsewhere": Path("/")}
    running = {name: subprocess.Popen(["sleep", "60"], cwd=place) for name, place in places.items()}
    yield {name: process.pid for name, process in running.items()}
    for process in running.values():
        process.kill()
        process.wait()


def web(pid: int | None) -> Status:
    return Status("web", "web@1", State.RUNNING, pid, uptime_seconds=1, memory_mb=1, problem=None)


def test_old_code_that_still_runs_is_found(paths: Paths, started: dict[str, int]) -> None:
    (finding,) = doctor._of_other_releases(paths, [web(started["old"])])
    assert finding.problem == "web@1 still runs old, and the box is new."
    assert "boxctl restart web" in finding.cure


def test_what_runs_the_running_release_or_none_is_well(paths: Paths, started: dict[str, int]) -> None:
    well = [web(started["new"]), web(started["elsewhere"]), web(None)]
    assert list(doctor._of_other_releases(paths, well)) == []
