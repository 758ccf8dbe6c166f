"""The reference for developers names every setting, right, event, job, command and method."""

from __future__ import annotations

from django.utils import translation

from tests.architecture.reference import PAGE, page

CURE = "Run `python -m tests.architecture.reference`, read what it says of yours there, and commit it."


def test_the_reference_names_all_there_is() -> None:
    with translation.override("en"):
        wanted = page()
    written = PAGE.read_text().splitlines() if PAGE.exists() else []
    missing = [line for line in wanted.splitlines() if line not in written]
    gone = [line for line in written if line not in wanted.splitlines()]
    assert not missing, f"docs/dev/reference.md doesn't say:\n{'\n'.join(missing)}\n{CURE}"
    assert not gone, f"docs/dev/reference.md says what is no more:\n{'\n'.join(gone)}\n{CURE}"
