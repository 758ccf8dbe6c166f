from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installer.facts import Disk, Facts
from installer.options import Options

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
