"""kill -9, one service after the other, while people post: it comes back, and nothing is lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ..living import SERVICES, Box, PrefixBox, wait_until
from ..poster import Person, Poster
from .truths import assert_effects_once, assert_kept

BACK_WITHIN = 10.0
"""Seconds; what the box promises, and no measure of this machine's speed."""


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_is_back_and_no_post_is_lost(
    box: Box, olga: Person, service: str, measured: Callable[[str], None]
) -> None:
    with Poster(olga) as poster:
        killed_at = time.monotonic()
        victims = {process.pid for process in box.kill(service)}
        deadline = killed_at + BACK_WITHIN

        def is_back() -> bool:
            now = {process.pid for process in box.processes(service)}
            return bool(now) and not now & victims and box.is_healthy(service)

        back_at = wait_until(is_back, f"{service} to be back", deadline=deadline)
        works_at = poster.go_on(until=deadline)
    measured(
        f"{service} killed: back after {back_at - killed_at:.1f} s, posting works after "
        f"{works_at - killed_at:.1f} s, longest post {poster.longest:.1f} s, {dict(poster.outcomes)}"
    )
    assert_kept(box, poster)
    assert_effects_once(box, poster)


def test_everything_killed_at_once_comes_back(prefix_box: PrefixBox, measured: Callable[[str], None]) -> None:
    """Its supervisor too; `boxctl start` then finds a field of ruins and makes it a box again."""
    olga = prefix_box.administrator()
    with Poster(olga) as poster:
        prefix_box.kill()
        try:
            wait_until(lambda: not prefix_box.processes(), "everything to be dead")
        finally:
            began_at = time.monotonic()
            prefix_box.boxctl("start")
        poster.go_on()
    measured(f"everything killed: posting works {time.monotonic() - began_at:.1f} s after `boxctl start`")
    assert prefix_box.is_healthy()
    assert_kept(prefix_box, poster)
    assert_effects_once(prefix_box, poster)
