"""How a room says whom its messages, search results, exports and files reach: tables in its `reaches.py`.

`test_reach` gathers them all, and lets everything happen. A room that tells open pages of something, is
searched in, exports a table or answers with a file has its rows here, or a test fails.

The cast is that of `tests.box.visits`. Here erik is a guest of the group "With partners", which anna owns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.box.visits import Cast

if TYPE_CHECKING:
    from box.core.groups.models import Group


@dataclass(frozen=True)
class World:
    """The cast, and the group into which anna has invited erik."""

    cast: Cast
    partners: Group

    @property
    def audiences(self) -> dict[str, list[str]]:
        """What things are addressed to, by the words that the tables use."""
        anna, boris = self.cast.anna, self.cast.boris
        return {
            "everybody": ["UA"],
            "sales": [f"DR{self.cast.sales.pk}"],
            "partners": [self.partners.code],
            "anna and boris": [f"U{anna.pk}", f"U{boris.pk}"],
        }


# Who hears of it while it happens: those it is addressed to, the administrator only where she is of them.
HEARD = {
    "everybody": "olga anna boris cara",
    "sales": "anna boris",
    "partners": "anna erik",
    "anna and boris": "anna boris",
}
# Who finds and fetches it afterwards: administrators too, but not what is between two.
SEEN = {
    "everybody": "olga anna boris cara",
    "sales": "olga anna boris",
    "partners": "olga anna erik",
    "anna and boris": "anna boris",
}


@dataclass(frozen=True)
class Push:
    """A kind of message on a topic: what makes one, and who gets it."""

    topic: str
    kind: str
    cause: Callable[[World], object]
    reaches: str

    def __str__(self) -> str:
        return f"{self.topic} {self.kind} to {self.reaches or 'nobody'}"


@dataclass(frozen=True)
class Found:
    """A kind of what is searched for: `make` makes one that this word leads to."""

    kind: str
    make: Callable[[World, str], object]
    by: str

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"


@dataclass(frozen=True)
class Exported:
    """The function that writes the table, and what each of the cast gets at the address that calls it."""

    source: str
    route: str
    answers: tuple[int | str, ...]
    of: str = ""
    query: str = ""

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True)
class Fetched:
    """An address that leads to a file's bytes, for a file that is addressed to these."""

    route: str
    audience: str

    def __str__(self) -> str:
        return f"{self.route} of a file for {self.audience}"
