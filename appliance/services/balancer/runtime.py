"""HAProxy's runtime socket: who serves at the moment, and who shall get no new requests.

Source of commands and columns: HAProxy's management guide, chapters 9.1 (CSV format) and 9.3 (Unix socket).
"""

from __future__ import annotations

import csv
import socket
import time
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 4 << 20
"""A line of statistics is shorter than 1 KiB, and a cluster has 32 nodes at most."""
SECONDS = 5.0


class BalancerAway(Exception):
    """The balancer does not answer at its runtime socket."""


class BalancerRefused(Exception):
    """The balancer did not understand or would not; the text is its own."""


@dataclass(frozen=True)
class Server:
    """One server of a backend as the balancer sees it."""

    name: str
    status: str
    sessions: int
    """Requests that are with it right now."""
    total: int
    """Requests that were sent to it, since the balancer has read its files."""

    @property
    def is_up(self) -> bool:
        """Whether new requests go there; with a first failed check it is still `UP 1/2`."""
        return self.status.startswith("UP")


@dataclass(frozen=True)
class Runtime:
    """The runtime socket of a running HAProxy, at level admin."""

    path: Path

    def servers(self, backend: str) -> dict[str, Server]:
        """The servers of `backend` by name."""
        rows = csv.DictReader(self._ask(f"show stat {backend} 4 -1").removeprefix("# ").splitlines())
        return {
            row["svname"]: Server(row["svname"], row["status"], int(row["scur"] or 0), int(row["stot"] or 0))
            for row in rows
        }

    def worker(self) -> str:
        """The process id of the worker that serves; each reload brings a new one."""
        lines = dict(line.split(": ", 1) for line in self._ask("show info").splitlines() if ": " in line)
        return lines["Pid"]

    def drain(self, backend: str, server: str) -> None:
        """No new requests to `server`; those with it are finished."""
        self._tell(f"set server {backend}/{server} state drain")

    def welcome(self, backend: str, server: str, *, at_once: bool = True) -> None:
        """New requests to `server` again: at once, or when its next checks find that it answers."""
        self._tell(f"set server {backend}/{server} state ready")
        if at_once:
            self._tell(f"set server {backend}/{server} health up")

    def set_aside(self, backend: str, server: str) -> None:
        """Neither requests nor checks go to `server`: it is off on purpose."""
        self._tell(f"set server {backend}/{server} state maint")

    def _tell(self, command: str) -> None:
        # A command that worked is answered with nothing.
        if words := self._ask(command).strip():
            raise BalancerRefused(f"The balancer answers to `{command}`: {words}")

    def _ask(self, command: str) -> str:
        """Root asks, and whoever has taken the balancer's user over answers what it likes, for ever."""
        found, deadline = b"", time.monotonic() + SECONDS
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(SECONDS)
                connection.connect(str(self.path))
                connection.sendall(command.encode() + b"\n")
                while piece := connection.recv(1 << 16):
                    found += piece
                    if len(found) > MOST_BYTES or time.monotonic() > deadline:
                        raise OSError("it does not come to an end")
        except OSError as error:
            raise BalancerAway(
                f"The balancer does not answer at {self.path} ({error}): see `boxctl status`."
            ) from error
        return found.decode(errors="replace")
