"""What people have of something that is done to a box while they read and write, as rows of one table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .living import Box
from .poster import Poster, Reader


@dataclass
class Trial:
    """What people had of something that was done to the box: a row of the table printed at the end."""

    what: str
    runs: str = ""
    seconds: float = 0.0
    pages: Counter[str] = field(default_factory=Counter)
    """How requests for a page ended."""
    posts: Counter[str] = field(default_factory=Counter)
    """How attempts to post ended."""
    acknowledged: int = 0
    lost: int = 0
    slowest: float = 0.0

    @property
    def failed_pages(self) -> int:
        return self.pages.total() - self.pages["200"]

    @property
    def failed_posts(self) -> int:
        return self.posts.total() - self.posts["302"]

    def __str__(self) -> str:
        people = f"{self.pages.total():6} {self.failed_pages:6} {self.acknowledged:6} {self.failed_posts:6}"
        return (
            f"{self.what:<44} {self.runs:<10} {self.seconds:4.0f} {people} {self.lost:5} {self.slowest:7.1f}"
        )


HEADER = (
    f"{'an upgrade under load':<44} {'runs then':<10} {'s':>4} {'pages':>6} {'failed':>6} {'posts':>6} "
    f"{'failed':>6} {'lost':>5} {'slowest':>7}"
)


def running_release(box: Box) -> str:
    """Its folder's name, such as 0.1.0+1f3a9c02."""
    return box.path("opt/korobka/current").readlink().name


@contextmanager
def people(box: Box, what: str, table: Callable[[Trial], None]) -> Iterator[Trial]:
    """Has people read and write meanwhile; afterwards every post that was acknowledged is there, once."""
    olga, trial = box.administrator(), Trial(what)
    begun = time.monotonic()
    with Reader(olga) as reader, Poster(olga) as poster:
        yield trial
        trial.seconds = trial.seconds or time.monotonic() - begun
        poster.go_on()
    rows = box.query(f"select text from feed_post where text like '{poster.run}%'")
    there = Counter(row[0] for row in rows)
    written = {post.text for post in poster.acknowledged}
    trial.runs = running_release(box).partition("+")[0]
    trial.pages, trial.posts, trial.slowest = reader.outcomes, poster.outcomes, poster.longest
    trial.acknowledged, trial.lost = len(written), len(written - there.keys())
    table(trial)
    assert trial.lost == 0
    assert set(there.values()) == {1}, "a post was written twice"
