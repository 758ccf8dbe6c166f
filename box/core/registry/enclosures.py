"""What goes with a letter beside its words: an invitation for calendars, whom answers are for.

A room offers an `Encloser` or an `Answerer` under the first word of its letters' keys (`calendar` for
`calendar:...`). It is asked each time that the letter is tried; an encloser must give the same bytes each
time: it keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from box.core.registry.offers import Offers


@dataclass(frozen=True)
class Enclosure:
    """A calendar object as mail programs read it (RFC 6047): `method` is that of iTIP, `reply_to` whoever
    answers are for."""

    method: str
    body: str
    reply_to: str = ""


type Encloser = Callable[[str], Enclosure | None]
"""By a letter's key."""

enclosers: Offers[Encloser] = Offers("enclosers")


type Answerer = Callable[[str], str]
"""By a letter's key the address that answers are for; empty: they go to whom the letter comes from."""

answerers: Offers[Answerer] = Offers("answerers")


def answered_at(key: str) -> str:
    room = key.partition(":")[0]
    return answerers[room](key) if room in answerers else ""


def enclosed(key: str) -> Enclosure | None:
    room = key.partition(":")[0]
    return enclosers[room](key) if room in enclosers else None
