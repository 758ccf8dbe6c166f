"""Scratch boxes: one run at a time, and none is shut out by what a killed one has left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prefixes import hold

HOLDER = """
import sys, time
from pathlib import Path
from tests.prefixes import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_prefix_is_held_by_one_run_until_that_is_killed(tmp_path: Path) -> None:
    prefix = tmp_path / "box"
    with subprocess.Popen([sys.executable, "-c", HOLDER, prefix], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RuntimeError, match="in use by another run"), hold(prefix):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with hold(prefix):
        pass
