"""What was measured is printed below the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .figures import keep

_FIGURES: list[str] = []


@pytest.fixture(scope="package")
def figure() -> Callable[[str], None]:
    """Has a measured figure printed below the results."""
    return _FIGURES.append


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Rows of this file's table in `docs/admin/failures.md`: printed, and on request written there."""
    found: list[str] = []
    yield found
    _FIGURES.extend(found)
    keep(request.node.nodeid, found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _FIGURES:
        terminalreporter.write_line(line)
