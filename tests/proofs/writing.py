"""People who post with files while something is done to the box, and note what the portal acknowledged."""

from __future__ import annotations

import hashlib
import http.client
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import uuid4

from tests.system.poster import Crowd, Person

READERS = 4


@dataclass(frozen=True)
class Written:
    """A post with a file that the portal said it has. Moments are of the server's clock, Unix time."""

    text: str
    file: int
    sha256: str
    begun_at: float
    acknowledged_at: float


@dataclass
class Writer(Crowd):
    """Posts continuously, each time with a file of its own, and waits a moment as people do."""

    file_bytes: int = 20_000
    pause: float = 0.2
    written: list[Written] = field(default_factory=list)
    begun: dict[str, float] = field(default_factory=dict)
    """When each post was begun, also of those of which no answer came."""
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    """Begins the text of all its posts."""

    def _act(self, tab: Person, thread: int, number: int) -> None:
        text, content = f"{self.run} thread {thread} number {number}", secrets.token_hex(self.file_bytes // 2)
        try:
            file = tab.upload(f"{self.run}-{thread}-{number}.txt", content)
            self.begun[text] = begun_at = time.time()
            form = {"text": text, "audience": "UA", "nonce": uuid4().hex, "files": str(file)}
            answer = tab.post("/feed/", form)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.outcomes[type(error).__name__] += 1
        else:
            self.outcomes[str(answer.status)] += 1
            if answer.status == 302 and answer.headers["Location"].startswith("/feed/"):
                digest = hashlib.sha256(content.encode()).hexdigest()
                self.written.append(Written(text, file, digest, begun_at, time.time()))
            else:
                self.unexpected.append(f"{answer.status} {answer.text[:2000]}")
        self._stop.wait(self.pause)


def wrong_files(reader: Person, expected: dict[int, str]) -> list[int]:
    """Which files the portal does not give with this hash, by their ids. Read as browsers read them."""
    tabs = [reader.another_tab() for _ in range(READERS)]

    def wrong_of(number: int) -> list[int]:
        tab = tabs[number]
        return [pk for pk in list(expected)[number::READERS] if _hash_of(tab, pk) != expected[pk]]

    with ThreadPoolExecutor(READERS) as threads:
        found = [pk for part in threads.map(wrong_of, range(READERS)) for pk in part]
    for tab in tabs:
        tab.hang_up()
    return found


def _hash_of(tab: Person, file: int) -> str:
    answer = tab.download(file)
    return hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else f"{answer.status}"
