"""A computer that goes from one network into another."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

from tests.e2e.browser import CHROMIUM


class Roaming:
    """A computer of its own, in a network namespace, with one cable to the box's machine: what is plugged in
    there gives it an address of the first network, or of the second."""

    _made = itertools.count()

    def __init__(self) -> None:
        # Of its own: the kernel takes away what a namespace held when it has time for it.
        mark = f"{os.getpid()}-{next(self._made)}"
        self.name, self.cable = f"korobka-roams-{mark}", f"kr{mark}"
        _ip("netns", "add", self.name)
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", "lan", "netns", self.name)
        for number in (1, 2):
            _ip("address", "add", f"{self.network(number)}.1/24", "dev", self.cable)
        _ip("link", "set", self.cable, "up")
        self._inside("link", "set", "lo", "up")
        self._inside("link", "set", "lan", "up")
        self.moves(1)

    @staticmethod
    def network(number: int) -> str:
        """All of it but the last number."""
        return f"10.213.{number}"

    def moves(self, number: int, *, is_unplugged: bool = False) -> None:
        """Into the other network: with the cable in it, as where a lease ends, or out and in again."""
        self._inside("address", "flush", "dev", "lan")
        if is_unplugged:
            self._inside("link", "set", "lan", "down")
            self._inside("link", "set", "lan", "up")
        self._inside("address", "add", f"{self.network(number)}.2/24", "dev", "lan")
        self._inside("route", "replace", "default", "via", f"{self.network(number)}.1")

    def program(self, folder: Path) -> str:
        """Starts a browser there."""
        script = folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec nsenter --net=/run/netns/{self.name} {CHROMIUM} "$@"\n')
        script.chmod(0o700)
        return str(script)

    def _inside(self, *words: str) -> None:
        _ip("-n", self.name, *words)

    def ends(self) -> None:
        _ip("link", "delete", self.cable)
        _ip("netns", "delete", self.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)
