"""A child for each attempt: bounded, alone in its process group, and gone when this process is gone."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_libc = ctypes.CDLL(None)


class Child:
    """Does `work` in a fork, within `cpu` seconds of the processor and `wall` seconds of the clock."""

    def __init__(self, work: Callable[[], Any], *, cpu: float, wall: float) -> None:
        # In memory, and not a pipe: what the child says may be more than a pipe holds.
        self._told = os.memfd_create("told")
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            self._live(work, parent, cpu)
        self.process = os.pidfd_open(self._pid)
        self._late_at = time.monotonic() + wall

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._late_at

    def end(self) -> tuple[Any, int]:
        """What it said, or None, and its wait status; ends it, and all that it has started, if need be."""
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        _pid, status = os.waitpid(self._pid, 0)
        said = os.pread(self._told, os.fstat(self._told).st_size, 0)
        os.close(self._told)
        os.close(self.process)
        return json.loads(said) if said else None, status

    def _live(self, work: Callable[[], Any], parent: int, cpu: float) -> NoReturn:
        try:
            _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 5))
            if os.getppid() == parent:
                os.write(self._told, json.dumps(work()).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
