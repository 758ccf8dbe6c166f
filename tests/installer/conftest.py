from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.paths import Paths
from installer import facts, preflight, release
from installer.facts import Disk, Facts
from installer.options import Options
from installer.release import Source

from .releases import ONE, made

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def good_machine() -> Facts:
    """A machine on which nothing stands in the way."""
    return Facts(
        system="debian 13",
        architecture="x86_64",
        python=(3, 13),
        is_root=True,
        memory=4 << 30,
        disks=tuple(
            Disk(Path(name), 50 << 30, runs_programs=True) for name in ("/opt/korobka/releases", "/var")
        ),
        listeners=(),
        first_free_port=1024,
        has_utf8_locale=True,
        now=NOW,
        released_at=NOW - timedelta(days=1),
        is_clock_synchronised=True,
        starting_services=frozenset(),
        unwritable=None,
        closed_folder=None,
        missing_packages=(),
        is_installed=False,
    )


@pytest.fixture
def options() -> Options:
    return Options(hostname="portal.example.com")


@pytest.fixture
def with_facts(good_machine: Facts) -> Callable[..., Facts]:
    """The good machine with something changed."""
    return lambda **changes: dataclasses.replace(good_machine, **changes)


@pytest.fixture
def paths(tmp_path: Path, good_machine: Facts, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """The folders of a box, on a good machine."""
    paths = Paths(tmp_path / "box")
    for folder in (paths.releases, paths.etc, paths.operations):
        folder.mkdir(parents=True)
    monkeypatch.setattr(facts, "gather", lambda *_: good_machine)
    monkeypatch.setattr(preflight, "SOCKET_LIMIT", 1000)  # the test's folder has a long name
    paths.box_toml.write_text('hostname = "portal.example.com"\n')
    return paths


@pytest.fixture
def running(paths: Paths) -> Source:
    """The release that runs there."""
    source = made(paths.releases / "old", "1", ONE)
    release.switch(paths, source.tree)
    return source
