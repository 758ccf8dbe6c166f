"""Somebody who writes all the time, and notes what was acknowledged."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg

TABLE = (
    "create table written (number int primary key, tries int not null); grant all on written to korobka_app"
)


@dataclass
class Writer:
    """Each number until it is acknowledged, as a form with its nonce: what is there already is done."""

    sockets: Path
    begins_at: int = 0
    acknowledged: list[int] = field(default_factory=list)
    longest_pause: float = 0.0
    """Seconds between two acknowledgements."""
    failures: int = 0

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a write hangs"

    def go_on(self, *, seconds: float = 120) -> None:
        """Wait until something that was begun from now on is acknowledged."""
        before, deadline = len(self.acknowledged) + 1, time.monotonic() + seconds
        while len(self.acknowledged) <= before:
            assert time.monotonic() < deadline, f"nothing is written any more ({self.failures} failures)"
            time.sleep(0.02)

    def _work(self) -> None:
        connection: psycopg.Connection | None = None
        number, tries, last = self.begins_at, 0, time.monotonic()
        while not self._stop.is_set():
            tries += 1
            try:
                connection = connection or self._connect()
                connection.execute("insert into written values (%s, %s)", (number, tries))
            except psycopg.errors.UniqueViolation:
                assert tries > 1, "somebody else has written it"
            except psycopg.Error:
                self.failures += 1
                if connection is not None:
                    connection.close()
                connection = None
                self._stop.wait(0.05)
                continue
            now = time.monotonic()
            self.longest_pause, last = max(self.longest_pause, now - last), now
            self.acknowledged.append(number)
            number, tries = number + 1, 0
            self._stop.wait(0.005)
        if connection is not None:
            connection.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user="korobka_app", dbname="korobka", connect_timeout=3, autocommit=True
        )
