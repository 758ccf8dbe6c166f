"""What doctor sees that no service tells of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import Completed
from appliance.services.database import setup as database
from appliance.supervise import Status
from appliance.supervise.base import State
from installer import doctor, release

from .releases import ONE, THREE, TWO, made


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


def box_with(paths: Paths, monkeypatch: pytest.MonkeyPatch, applied: Iterable[str]) -> Node:
    """A box that runs the release of migrations one and two, on these tables."""
    release.switch(paths, made(paths.releases / "running", "2", ONE, TWO, before=(ONE,)).tree)
    monkeypatch.setattr(database, "applied", lambda _: set(applied))
    return cast("Node", SimpleNamespace(paths=paths, release=paths.current))


def test_tables_of_a_newer_release_are_found_with_the_way_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = doctor._tables(box_with(paths, monkeypatch, (ONE, TWO, THREE)))
    assert not finding.is_warning
    assert THREE in finding.problem and "newer release" in finding.problem
    assert "backup from before" in finding.cure


def test_tables_that_lack_something_are_found(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = doctor._tables(box_with(paths, monkeypatch, (ONE,)))
    assert TWO in finding.problem
    assert "install.sh" in finding.cure


def test_tables_of_the_release_that_runs_are_well(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(doctor._tables(box_with(paths, monkeypatch, (ONE, TWO)))) == []


@pytest.mark.parametrize(("code", "count"), [(0, 2), (1, 0)])
def test_what_is_wrong_with_directories_is_a_warning_each(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, code: int, count: int
) -> None:
    said = "! Corp cannot be read: It is away.\nCorp (Active Directory): in use\n! Hall has 2 conflicts.\n"

    def manage(_: Node, __: Path, *words: str, **___: object) -> Completed:
        assert words == ("directory", "troubles")
        return Completed(words, code, said, "")

    monkeypatch.setattr(doctor, "manage", manage)
    found = list(doctor._directories(box_with(paths, monkeypatch, ())))
    told = ["Corp cannot be read: It is away.", "Hall has 2 conflicts."]
    assert [one.problem for one in found] == told[:count]
    assert all(one.is_warning and "boxctl directory status" in one.cure for one in found)


@pytest.mark.parametrize(("listed", "is_well"), [("", False), ("olga@example.com\n", True)])
def test_a_box_without_an_administrator_is_not_well(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, listed: str, is_well: bool
) -> None:
    asked: list[tuple[str, ...]] = []

    def manage(_: Node, __: Path, *words: str, **___: object) -> Completed:
        asked.append(words)
        return Completed(words, 0, listed, "")

    monkeypatch.setattr(doctor, "manage", manage)
    found = list(doctor._administrators(box_with(paths, monkeypatch, ())))
    assert asked == [("user", "list", "--administrators")]
    assert (found == []) is is_well
    assert all("boxctl user create" in one.cure and not one.is_warning for one in found)
