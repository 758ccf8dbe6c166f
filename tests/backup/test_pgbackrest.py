"""What is done to pgBackRest's processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from backup import pgbackrest


def test_workers_of_a_killed_attempt_are_ended_and_nobody_else(tmp_path: Path) -> None:
    """pgBackRest's own go on for seconds once who began them is dead."""
    into = tmp_path / "17.restored"
    paths = (into, into.with_name("17.restored.spool"), into / "base")
    waiting = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", f"--pg1-path={path}"])
        for path in paths
    ]
    try:
        pgbackrest._end_workers(into)
        assert [process.poll() for process in waiting] == [-signal.SIGKILL, None, None]
    finally:
        for process in waiting:
            process.kill()
            process.wait()
