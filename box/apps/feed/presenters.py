"""What the feed's pages show of posts, in as many queries for fifty posts as for one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import BigIntegerField, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.apps.feed.access import can_post_to_all
from box.apps.feed.models import Ballot, Mark, Poll, PollOption, Post, PostFile, Receipt, in_language
from box.apps.feed.settings import DISLIKES
from box.apps.feed.system_posts import codes_told, sentence
from box.core.access.principals import EVERYONE, code_of
from box.core.discussion.models import EmojiReaction, Reaction
from box.core.discussion.presenters import Foot
from box.core.files.presenters import Attached, WithFiles, facts_of
from box.core.registry.capabilities import Card, Ref, card_codes, card_icons, card_routes, cards_of
from box.core.registry.environment import plural_rule, url
from box.core.structure.names import Principal, everyone, named
from box.lib.prepared import Param, Prepared, Rows, at_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from markupsafe import Markup

    from box.core.accounts.models import Face, User


# The chip says "99+ new" beyond.
MOST_NEWS = 99
MOST_COUNTED = 1000


@dataclass(frozen=True)
class Article(WithFiles):
    """All that a post says to everybody who sees it: a value, so that equal ones are rendered once."""

    pk: int
    author: Face
    created_at: datetime
    html: Markup
    audience: tuple[str, ...]
    is_private: bool
    files: tuple[Attached, ...]
    is_edited: bool
    is_pinned: bool
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class AwardShown:
    """What somebody was given, as it was called then."""

    name: str
    picture: str
    own_picture_id: int | None
    is_gift: bool
    person_id: int
    person: str


@dataclass(frozen=True)
class Shown:
    """A post as one reader sees it."""

    article: Article
    foot: Foot
    is_favourite: bool
    poll: PollShown | None = None
    reading: Reading | None = None
    award: AwardShown | None = None


@dataclass(frozen=True)
class OptionShown:
    pk: int
    text: str
    votes: int
    is_mine: bool


@dataclass(frozen=True)
class PollShown:
    """A poll as one reader sees it: to vote, or to read the results."""

    pk: int
    options: tuple[OptionShown, ...]
    voters: int
    is_multiple: bool
    is_anonymous: bool
    closes_at: datetime | None
    is_closed: bool
    has_voted: bool

    @property
    def can_vote(self) -> bool:
        return not self.is_closed and not (self.has_voted and self.is_anonymous)


@dataclass(frozen=True)
class Reading:
    """Whether the reader of an announcement has confirmed it, or is its author."""

    read_at: datetime | None
    is_own: bool


_FILES = Prepared(
    lambda: (
        PostFile.objects.filter(post__id__in_array=Param("posts"))
        .order_by("position")
        .values_list("post_id", *facts_of("file"))
    )
)

_POLLS = Prepared(
    lambda: (
        PollOption.objects.filter(poll__post__id__in_array=Param("posts"))
        .order_by("position")
        .values_list(
            *("poll_id", "poll__is_multiple", "poll__is_anonymous", "poll__closes_at", "poll__voters_count"),
            *("id", "text", "votes_count"),
        )
    )
)


def _of_reader(model: type[models.Model], field: str, **match: str) -> Subquery:
    row = {key: OuterRef(outer) for key, outer in match.items()}
    found = model._default_manager.filter(user=Param("user", BigIntegerField()), **row)
    return Subquery(found.order_by("-id").values(field)[:1])


# Everything that the reader has made of each post, however much that is.
_MINE = Prepared(
    lambda: Post.objects.filter(id__in_array=Param("posts")).values_list(
        "id",
        _of_reader(Reaction, "value", thread="thread_id"),
        _of_reader(Mark, "is_favourite", post="id"),
        _of_reader(Mark, "is_hidden", post="id"),
        _of_reader(Ballot, "chosen", poll="id"),
        _of_reader(Receipt, "read_at", post="id", version__gte="announcement__required_version"),
        ArraySubquery(
            EmojiReaction.objects.filter(
                user=Param("user", BigIntegerField()), thread=OuterRef("thread_id")
            ).values("emoji")
        ),
    )
)


@dataclass(frozen=True)
class Mine:
    """What the reader has made of a post."""

    reaction: int | None = None
    is_favourite: bool | None = None
    is_hidden: bool | None = None
    ballot: list[int] | None = None
    read_at: datetime | None = None
    emoji: Collection[str] = ()

    @classmethod
    def of(cls, reaction: int | None, *facts: Any) -> Mine:
        """Of a row of `_MINE` behind its post."""
        is_favourite, is_hidden, ballot, read_at, emoji = facts
        return cls(reaction, is_favourite, is_hidden, ballot, _moment(read_at), emoji)


def shown(posts: Iterable[Post], *, reader: User, with_hidden: bool = False) -> list[Shown]:
    """Without those that the reader has hidden from themselves, unless they are asked for."""
    posts = list(posts)
    if not posts:
        return []
    ids = [post.pk for post in posts]
    asking = [post.pk for post in posts if post.kind == Post.Kind.POLL]
    made, attached, *options = at_once(
        *(_MINE.asked(user=reader.pk, posts=ids), _FILES.asked(posts=ids)),
        *([_POLLS.asked(posts=asking)] if asking else []),
    )
    mine = {pk: Mine.of(*facts) for pk, *facts in made}
    files = defaultdict(list)
    for post_id, *facts in attached:
        files[post_id].append(Attached(*facts))
    polls = _polls(options[0] if options else [], mine)
    has_dislikes = DISLIKES.value
    known = {reader, *(post.author for post in posts)}
    linked = {post.pk: _links_of(post) for post in posts}
    codes = {code for post in posts for code in _told(post)} | _codes_of(linked.values())
    codes |= {code for post in posts for code in codes_told(post)}
    codes |= {f"U{given['person']}" for post in posts if (given := _given(post))}
    names = named(codes, reader=reader, known=known)
    cards = cards_by_post(linked, names, reader=reader)
    return [
        Shown(
            _article(
                post,
                [names[code].name for code in _told(post) if code in names],
                files[post.pk],
                cards[post.pk],
                names,
            ),
            Foot.of(
                post,
                reaction=mine[post.pk].reaction,
                emoji=mine[post.pk].emoji,
                has_dislikes=has_dislikes,
            ),
            is_favourite=bool(mine[post.pk].is_favourite),
            poll=polls.get(post.pk),
            reading=_reading(post, reader, mine[post.pk]),
            award=_award(post, names),
        )
        for post in posts
        if with_hidden or not mine[post.pk].is_hidden
    ]


def _polls(rows: Rows, mine: Mapping[int, Mine]) -> dict[int, PollShown]:
    """Of their options, each of which was found with its poll."""
    polls: dict[int, Poll] = {}
    options = defaultdict(list)
    for pk, is_multiple, is_anonymous, closes_at, voters, *option in rows:
        polls[pk] = Poll(
            post_id=pk,
            is_multiple=is_multiple,
            is_anonymous=is_anonymous,
            closes_at=_moment(closes_at),
            voters_count=voters,
        )
        options[pk].append(option)
    return {pk: _poll(poll, options[pk], mine[pk].ballot) for pk, poll in polls.items()}


def _poll(poll: Poll, options: Rows, ballot: list[int] | None) -> PollShown:
    shown = (OptionShown(pk, text, votes, pk in (ballot or ())) for pk, text, votes in options)
    return PollShown(
        *(poll.pk, tuple(shown), poll.voters_count, poll.is_multiple, poll.is_anonymous, poll.closes_at),
        is_closed=poll.is_closed(timezone.now()),
        has_voted=ballot is not None,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _reading(post: Post, reader: User, mine: Mine) -> Reading | None:
    if post.kind != Post.Kind.ANNOUNCEMENT:
        return None
    return Reading(mine.read_at, post.author_id == reader.pk)


def _given(post: Post) -> dict[str, Any] | None:
    given: dict[str, Any] | None = (post.details or {}).get("award")
    return given


def _award(post: Post, names: Mapping[str, Principal]) -> AwardShown | None:
    given = _given(post)
    if given is None:
        return None
    person = names.get(f"U{given['person']}")
    return AwardShown(
        in_language(given["names"]),
        given["picture"],
        given.get("own_picture"),
        given["is_gift"],
        given["person"],
        person.name if person else _("a colleague"),
    )


def _links_of(post: Post) -> list[Ref]:
    """What the links of this post lead to, as it was when they were written."""
    pairs = (ref.split(":") for ref in (post.details or {}).get("cards", ()))
    return [Ref(kind, int(pk)) for kind, pk in pairs]


def _codes_of(links: Iterable[list[Ref]]) -> set[str]:
    return {f"{card_codes[ref.kind]}{ref.id}" for refs in links for ref in refs if ref.kind in card_codes}


def cards_by_post(
    links: Mapping[int, list[Ref]], names: Mapping[str, Principal], *, reader: User
) -> dict[int, list[Card]]:
    """By post what its links lead to, as far as this reader may see it: a query a kind, and none for what is
    among the names of principals."""
    found: dict[Ref, Card] = {}
    wanted = set()
    for ref in {ref for refs in links.values() for ref in refs}:
        if ref.kind not in card_codes:
            wanted.add(ref)
        elif (code := f"{card_codes[ref.kind]}{ref.id}") in names:
            address = url(_routes()[ref.kind], ref.id)
            found[ref] = Card(ref, names[code].name, address, icon=card_icons[ref.kind])
    found |= cards_of(wanted, reader)
    return {pk: [found[ref] for ref in refs if ref in found] for pk, refs in links.items()}


@cache
def _routes() -> dict[str, str]:
    return {kind: route for route, kind in card_routes.items()}


def _article(
    post: Post,
    audience: list[str],
    files: list[Attached],
    cards: list[Card],
    names: Mapping[str, Principal],
) -> Article:
    told = (post.details or {}).get("system")
    return Article(
        *(post.pk, post.author.face, post.created_at, sentence(told, names) if told else post.body),
        *(tuple(audience), post.is_private, tuple(files)),
        *(post.edited_at is not None, post.pinned_at is not None, tuple(cards)),
    )


def news_forms() -> dict[str, str]:
    """What the chip of new posts says, by CLDR's plural rule: it counts what arrives by itself."""
    forms = {plural_rule(n): ngettext("%(num)s new", "%(num)s new", n) % {"num": "{}"} for n in (1, 2, 5)}
    return {"other": forms[plural_rule(5)], **forms, "more": _("%(most)s+ new") % {"most": MOST_NEWS}}


def _told(post: Post) -> list[str]:
    """The codes that are worth telling: the author's own is always there, and `UA` contains all others."""
    if EVERYONE in post.audience:
        return [EVERYONE]
    return [code for code in post.audience if code != code_of(post.author)]


def usual_audience(author: User) -> list[Principal]:
    """Whom a new post is for, unless its author says otherwise."""
    return [] if author.is_extranet or not can_post_to_all(author) else [everyone()]


def posts_addressed_to(codes: list[str]) -> str:
    """How many posts there are for these, in words: what a change of the structure shows or hides."""
    count = Post.objects.filter(audience__overlap=codes)[:MOST_COUNTED].count()
    if not count:
        return ""
    said = ngettext("%(count)s post", "%(count)s posts", count) % {"count": count}
    return said if count < MOST_COUNTED else _("%(count)s posts or more") % {"count": MOST_COUNTED}
