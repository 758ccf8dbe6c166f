"""Finding: which rows hold the words, of which the reader may see, ranked among the newest thousand.

Two forms, chosen by what the words are. A word that few rows hold is answered by the index of words alone.
A word that many hold, and the two letters that one has typed so far, are looked for among the newest: their
rows are walked backwards, and at most `WINDOW` of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from markupsafe import Markup, escape

from box.core.access.principals import EVERYONE, codes_of
from box.core.registry.capabilities import Card, Ref, cards_of, searchables
from box.core.search.indexing import kinds
from box.core.search.models import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.core.accounts.models import User
    from box.core.search.models import DocumentQuerySet

MOST_RANKED = 1000
# So many rows of a word are few: all of them are gathered.
FEW = 2000
# A word of which statistics expect so many more is not gathered: the index would visit them all for nothing.
USUAL = 10 * FEW
# So many rows are walked for a word of which there are more.
WINDOW = 30_000
MOST_WORDS = 8
SHORTEST = 2
# Shorter ones begin so many words that the index of words would gather half of the table.
SHORTEST_GATHERED = 3

_WORD = re.compile(r"\w+")
# Around what is found, until the text was escaped: letters that nobody writes.
_OPEN, _CLOSE = "\ue000", "\ue001"
_HEADLINE = f"StartSel={_OPEN}, StopSel={_CLOSE}, MaxWords=35, MinWords=15"


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for; without a kind in everything, without a moment in all time."""

    text: str
    kind: str = ""
    since: datetime | None = None

    @property
    def words(self) -> list[str]:
        """As they are indexed. The last one may be unfinished; a single letter says nothing."""
        words = _WORD.findall(self.text.lower().replace("ё", "е").replace("\x00", ""))
        return [word[:60] for word in words if len(word) >= SHORTEST or word.isdigit()][:MOST_WORDS]


@dataclass(frozen=True)
class Found:
    """A row as the page of results shows it."""

    kind: str
    object_id: int
    title: str
    url: str
    at: datetime
    headline: Markup
    card: Card | None = None
    """What its room says of it to whoever found it, such as whose it is."""


def find(reader: User, wanted: Wanted, *, first: int = 0, most: int = 20) -> list[Found]:
    """The best of what the reader may see, in three queries whatever there is."""
    words = wanted.words
    if not words or first >= MOST_RANKED:
        return []
    seen = Document.objects.visible_to(reader)
    if hidden := {kind for kind, _ in searchables.items()} - {kind for kind, _ in kinds()}:
        seen = seen.exclude(kind__in=hidden)
    if wanted.kind:
        seen = seen.of_kind(wanted.kind)
    if wanted.since:
        seen = seen.since(wanted.since)
    sql, params = _candidates(seen, words, reader)
    query, query_params = _query(words)
    rest = (
        f"SELECT kind, object_id, title, url, at, ts_headline('russian', body, ({query}), %s)"  # noqa: S608
        " FROM (SELECT * FROM search_document JOIN candidate USING (id)"
        f" ORDER BY ts_rank(words, ({query})) DESC, at DESC, id DESC LIMIT %s OFFSET %s) best"
        f" ORDER BY ts_rank(words, ({query})) DESC, at DESC, id DESC"
    )
    most = min(most, MOST_RANKED - first)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH candidate AS MATERIALIZED ({sql}) {rest}",
            [*params, *query_params, _HEADLINE, *query_params, most, first, *query_params],
        )
        return [
            Found(kind, object_id, title, url, at, _marked(headline))
            for kind, object_id, title, url, at, headline in cursor.fetchall()
        ]


def with_cards(found: list[Found], reader: User) -> list[Found]:
    """A query or two a kind that is among them."""
    known = cards_of((Ref(one.kind, one.object_id) for one in found), reader)
    return [replace(one, card=known.get(Ref(one.kind, one.object_id))) for one in found]


def _candidates(seen: DocumentQuerySet, words: Sequence[str], reader: User) -> tuple[str, list[Any]]:
    """SQL of the ids among which is ranked: the newest thousand that hold the words."""
    query, query_params = _query(words)
    if not _sees_much(reader):
        # The index of audiences has gathered little already.
        return _newest(seen, query, query_params, window=None)
    is_selective = len(words[-1]) >= SHORTEST_GATHERED or len(words) > 1
    if is_selective and _estimated(query, query_params) <= USUAL:
        gathered = _gathered(query, query_params)
        if len(gathered) <= FEW:
            sql, params = _of(seen.filter(pk__in_array=gathered))
            return f"SELECT id FROM ({sql}) few ORDER BY at DESC, id DESC LIMIT {MOST_RANKED}", params  # noqa: S608
    return _newest(seen, query, query_params, window=WINDOW)


def _newest(
    seen: DocumentQuerySet, query: str, query_params: list[Any], *, window: int | None
) -> tuple[str, list[Any]]:
    ordered = seen.newest_first()
    sql, params = _of(ordered[:window] if window else ordered)
    matching = f"SELECT id FROM ({sql}) newest WHERE words @@ ({query})"  # noqa: S608
    if window is None:
        matching += " ORDER BY at DESC, id DESC"
    return f"{matching} LIMIT {MOST_RANKED}", [*params, *query_params]


def _of(rows: DocumentQuerySet) -> tuple[str, list[Any]]:
    sql, params = rows.only("id", "at", "words").query.sql_with_params()
    return sql, list(params)


def _estimated(query: str, query_params: list[Any]) -> int:
    """How many rows hold the words, as statistics expect: to count takes the longer, the more there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) SELECT FROM search_document WHERE words @@ ({query})",
            query_params,
        )
        (((plan,),),) = cursor.fetchall()
        return int(plan["Plan"]["Plan Rows"])


def _gathered(query: str, query_params: list[Any]) -> list[int]:
    """Of the rows that hold the words, whoever may see them, one more than are few."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT search_document_gather(({query}), {FEW + 1})", query_params)
        ids: list[int] = cursor.fetchone()[0]
        return ids


def _sees_much(reader: User) -> bool:
    return reader.is_administrator or EVERYONE in codes_of(reader)


def _query(words: Sequence[str]) -> tuple[str, list[Any]]:
    """SQL of a tsquery: the stems of all words, and what begins with the last one, which is still typed."""
    *whole, last = words
    stems = ["to_tsquery('russian', %s)"] * len(whole)
    begun = "(to_tsquery('russian', %s) || to_tsquery('simple', %s))"
    return " && ".join([*stems, begun]), [*whole, f"{last}:*", f"{last}:*"]


def _marked(headline: str) -> Markup:
    """The piece of the text with what was found in it, all else escaped."""
    safe = escape(headline)
    return safe.replace(_OPEN, Markup("<mark>")).replace(_CLOSE, Markup("</mark>"))
