"""Which posts one wants to see: chosen in the page's address, shown as chips, each found by its own index."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.feed.models import Post, PostQuerySet
from box.core.accounts.models import User
from box.lib.rich_text import LONGEST_TAG

if TYPE_CHECKING:
    from django.http import QueryDict

    from box.core.org.names import Principal

CODE = re.compile(r"[A-Z]{1,2}\d+")
FAVOURITES = "favourites"
UNREAD = "unread"


@dataclass(frozen=True)
class Filter:
    """Its fields are the parameters of the address. What is not understood is left out."""

    to: str = ""
    tag: str = ""
    author: int | None = None
    kind: str = ""
    since: date | None = None
    until: date | None = None
    only: str = ""

    @classmethod
    def of(cls, data: QueryDict) -> Filter:
        return cls(
            to=to if CODE.fullmatch(to := data.get("to", "")) else "",
            tag=data.get("tag", "").strip().lower()[:LONGEST_TAG],
            author=_number(data.get("author", "")),
            kind=kind if (kind := data.get("kind", "")) in Post.Kind.values else "",
            since=_day(data.get("since", "")),
            until=_day(data.get("until", "")),
            only=only if (only := data.get("only", "")) in ONLY else "",
        )

    def of_posts(self, posts: PostQuerySet, *, reader: User) -> PostQuerySet:
        if self.to:
            posts = posts.addressed_to(self.to)
        if self.tag:
            posts = posts.tagged(self.tag)
        if self.author:
            posts = posts.by(self.author)
        if self.kind:
            posts = posts.of_kind(self.kind)
        if self.since:
            posts = posts.published_from(_begin(self.since))
        if self.until:
            posts = posts.published_before(_begin(self.until + timedelta(days=1)))
        return ONLY[self.only](posts, reader) if self.only else posts

    @property
    def query(self) -> str:
        """As it stands in an address, without the question mark."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return urlencode({name: value for name, value in given.items() if value})

    def __bool__(self) -> bool:
        return bool(self.query)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Those to choose from."""
        return [(kind.value, str(kind.label)) for kind in Post.Kind]

    def without(self, name: str) -> Filter:
        empty: Mapping[str, object] = {field.name: field.default for field in fields(self)}
        return replace(self, **{name: empty[name]})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Chip:
    """One thing that was chosen, and the address without it."""

    label: str
    query: str


def chips_of(chosen: Filter, to: Principal | None) -> list[Chip]:
    """In one query at most; `to` is the principal that `chosen.to` means."""
    labels: dict[str, str] = {}
    if chosen.to:
        labels["to"] = to.name if to else _("nobody")
    if chosen.only:
        labels["only"] = only_labels()[chosen.only]
    if chosen.kind:
        labels["kind"] = str(Post.Kind(chosen.kind).label)
    if chosen.tag:
        labels["tag"] = f"#{chosen.tag}"
    if chosen.author:
        person = User.objects.filter(pk=chosen.author).first()
        labels["author"] = person.name if person else _("nobody")
    if chosen.since:
        labels["since"] = _("since %(day)s") % {"day": chosen.since.isoformat()}
    if chosen.until:
        labels["until"] = _("until %(day)s") % {"day": chosen.until.isoformat()}
    return [Chip(label, chosen.without(name).query) for name, label in labels.items()]


def only_labels() -> dict[str, str]:
    return {UNREAD: _("to be read"), FAVOURITES: _("favourites")}


ONLY: dict[str, Callable[[PostQuerySet, User], PostQuerySet]] = {
    FAVOURITES: lambda posts, reader: posts.favourites_of(reader),
    UNREAD: lambda posts, reader: posts.to_be_read_by(reader),
}


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        return None
    return day if day and 1970 <= day.year < 9000 else None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
