"""The plug is pulled: the machine comes back with everything, by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..living import MachineBox, wait_until
from ..poster import Poster
from .truths import assert_effects_once, assert_kept


def test_everything_returns_after_a_power_cut(
    machine_box: MachineBox, measured: Callable[[str], None]
) -> None:
    olga = machine_box.administrator()
    with Poster(olga) as poster:
        machine_box.machine.power_cut()
        machine_box.machine.start()
        began_at = time.monotonic()
        works_at = poster.go_on(until=began_at + 60)
    measured(f"power cut: posting works {works_at - began_at:.1f} s after the machine is up")
    wait_until(machine_box.is_healthy, "every service", seconds=60)
    assert_kept(machine_box, poster)
    assert_effects_once(machine_box, poster)
