"""Which posts one wants to see: chosen in the page's address, shown as chips, each found by its own index."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed.models import LIST, Post, PostQuerySet, first_since
from box.core.lists.definition import List, Shortcut
from box.core.lists.filters import Choice, Context, Dates, Filter, Word, people
from box.core.lists.query import Query
from box.core.registry.company import company_day
from box.core.registry.filtering import Keyword, Related
from box.core.structure.names import named
from box.lib.rich_text import LONGEST_TAG

if TYPE_CHECKING:
    from box.core.accounts.models import User

CODE = re.compile(r"[A-Z]{1,2}\d{0,18}")
TO = "to"
PLACES = ("before", "after", "draft")
"""Of the address: where a page begins, and what is written into the composer."""


@dataclass(frozen=True)
class PublishedAt:
    """When posts were published, found by their key: ids and moments grow together."""

    def condition(self, operator: str, value: Any) -> Q:
        moment = parse_datetime(value)
        if moment is None or operator not in (">=", "<"):
            raise ValidationError(_("Write a date such as 2026-01-31."), code="filter")
        return Q(**{"id__gte" if operator == ">=" else "id__lt": first_since(moment)})


def _tag(text: str) -> str:
    return text.strip().lower().removeprefix("#")[:LONGEST_TAG]


def _principal(code: str, reader: User) -> str:
    found = named([code], reader=reader).get(code)
    return found.name if found else _("nobody")


ONLY: dict[str, Callable[[PostQuerySet, User], PostQuerySet]] = {
    "unread": lambda posts, reader: posts.to_be_read_by(reader),
    "favourites": lambda posts, reader: posts.favourites_of(reader),
}


def only_labels() -> dict[str, str]:
    return {"unread": _("to be read"), "favourites": _("favourites")}


FILTERS: tuple[Filter[Any], ...] = (
    Word(
        TO,
        gettext_lazy("Written for"),
        find=lambda posts, code, reader: posts.addressed_to(code),
        read_word=lambda text: text if CODE.fullmatch(text) else "",
        say=_principal,
    ),
    Word(
        "tag",
        gettext_lazy("Tag"),
        find=lambda posts, tag, reader: posts.tagged(tag),
        read_word=_tag,
        say=lambda tag, reader: f"#{tag}",
    ),
    Word(
        "only",
        gettext_lazy("Only"),
        find=lambda posts, word, reader: ONLY[word](posts, reader),
        read_word=lambda text: text if text in ONLY else "",
        say=lambda word, reader: only_labels()[word],
    ),
    people("author", gettext_lazy("Author"), Related("author"), is_always_set=True),
    Choice(
        "kind",
        gettext_lazy("Kind"),
        Keyword("kind", tuple(Post.Kind.values)),
        choices=Post.Kind.choices,
        is_always_set=True,
    ),
    Dates("published", gettext_lazy("Published"), PublishedAt()),
)
SHORTCUTS = (
    Shortcut(gettext_lazy("to be read"), "only=unread"),
    Shortcut(gettext_lazy("favourites"), "only=favourites"),
)


def feed_list(reader: User) -> List[Post]:
    """The feed as far as it is a list: posts are no table, and page by themselves."""
    return List(
        key=LIST,
        title=gettext_lazy("Feed"),
        rows=Post.objects.visible_to(reader),
        columns=(),
        filters=FILTERS,
        shortcuts=SHORTCUTS,
        parameters=PLACES,
        can_export=False,
    )


def chosen_by(given: QueryDict, reader: User) -> Query:
    return Query.read(given, FILTERS, Context(reader, company_day()), others=PLACES)


def chosen_for(code: str, reader: User) -> Query:
    """Only what was written for this principal."""
    return chosen_by(QueryDict(f"{TO}={code}"), reader)
