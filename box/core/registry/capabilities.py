"""The capabilities there are. A new kind of question between rooms is one more line here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from datetime import date, datetime

    from django.db.models import QuerySet
    from django.db.models.expressions import Expression
    from django.http import HttpRequest
    from django.utils.functional import _StrOrPromise
    from markupsafe import Markup

    from box.core.accounts.models import Face, User
    from box.core.accounts.requests import PersonRequest
    from box.core.registry.demo import Company


@dataclass(frozen=True)
class Ref:
    """Names an object of any room: what links across rooms are made of."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True)
class Card:
    """An object in short, as somebody else's page shows it: search, notifications, a text that links to it.

    `icon` is its kind's, by keyword; `state` is how it is, in a word or two, where that matters to whoever
    meets it elsewhere, and `tone` says whether that is `good`, `warn` or `bad`; `people` are those whose it
    is.
    """

    ref: Ref
    title: str
    url: str
    icon: str = ""
    state: str = ""
    tone: str = ""
    people: tuple[Face, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class MenuEntry:
    """An item of the main menu. `order` is its place in a working day. The front-end build finds the icon by
    its keyword: `icon="news"`."""

    key: str
    label: _StrOrPromise
    icon: str
    url_name: str
    order: int
    is_for: Callable[[User], bool] = lambda user: True


# By identity, as entries of the menu: the shell is remembered by what it is made of.
@dataclass(frozen=True, eq=False)
class Assets:
    """Style sheets and ES modules of a room, under `static()`'s names. Every page loads those of all rooms
    that are on: navigation swaps the main region only."""

    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Letter:
    """A letter that is to be sent, once under its key.

    The template extends `letter.html` and fills its blocks `subject` and `main`, in the receiver's language.
    `unsubscribe` is the address that ends letters of its kind.
    """

    key: str
    to: str
    language: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    unsubscribe: str = ""


@dataclass(frozen=True)
class LetterWriter:
    """What is written to whom when something happened: `write` takes the event."""

    event: type[Any]
    write: Callable[[Any], Iterable[Letter]]


@dataclass(frozen=True)
class Panel:
    """What a room shows of everything addressed to one principal: a part of the page of a group.

    `render` makes it for the reader of this request and a code that they hold, or may look into.
    """

    label: _StrOrPromise
    icon: str
    order: int
    render: Callable[[PersonRequest, str], Markup]


@dataclass(frozen=True)
class Tab:
    """Another page about an object, beside its own."""

    label: str
    url: str


@dataclass(frozen=True)
class Aside:
    """A block beside the feed and the list of people, offered under its room's name. Every page of the feed
    shows it, so it is remembered: it costs no query but where what it says has changed."""

    order: int
    render: Callable[[PersonRequest], Markup]
    is_for: Callable[[User], bool] = lambda user: True


@dataclass(frozen=True)
class Findable:
    """An object as the search knows it. `title` counts more than `body`; `url` is where it is shown.

    `within` is the id of the object that it is a part of, and whose audience it has: a comment's post.
    """

    id: int
    title: str
    body: str
    url: str
    audience: Sequence[str]
    at: datetime
    is_private: bool = False
    within: int | None = None


@dataclass(frozen=True)
class Touched:
    """What an event has changed for the search: these objects, and all that are within one."""

    ids: Iterable[int] = ()
    within: int | None = None


@dataclass(frozen=True)
class LayerItem:
    """A thing of another room with a time. What has whole days has dates, and ends with its last. `key` is
    unique in its layer; `tone` says whether it is `good`, `warn` or `bad`."""

    key: str
    title: str
    starts: date | datetime
    ends: date | datetime
    url: str = ""
    tone: str = ""


@dataclass(frozen=True)
class CalendarLayer:
    """Things of another room in the calendar, which its reader switches on and off: `items` are those that
    this person may see and that touch the stretch, in a constant number of queries."""

    label: _StrOrPromise
    icon: str
    order: int
    items: Callable[[User, datetime, datetime], Iterable[LayerItem]]
    is_on_at_first: bool = True


@dataclass(frozen=True)
class Searchable:
    """How a kind of objects is found. The key of the offer is the kind.

    `read` makes the given ids into what is found, in a number of queries that doesn't depend on theirs, and
    leaves out those that are no more. `rows` are all that there are: a rebuild walks their ids.
    """

    label: _StrOrPromise
    icon: str
    order: int
    read: Callable[[Sequence[int]], Iterable[Findable]]
    rows: Callable[[], QuerySet[Any]]
    touched_by: Mapping[type[Any], Callable[[Any], Touched]]
    concerns: Callable[[Any], bool] = lambda event: True
    """Whether such an event can be about one of this kind, asked of the event alone when it is emitted."""
    # Its address answers with a file, not with a page of the portal.
    is_download: bool = False


@dataclass(frozen=True, eq=False)
class Widget:
    """A small thing in the bar above every page, offered under its room's name. It stays while pages change,
    so what it shows it fetches itself: its template says the same to everybody of a language."""

    template: str
    order: int
    is_for: Callable[[User], bool] = lambda user: True


@dataclass(frozen=True)
class Holdings:
    """What a person holds in a room, such as groups they own: said before they are dismissed.

    `held` are the names of it all; `hand_over(person, successor, by)` passes it on, or to nobody, in the
    transaction that dismisses.
    """

    label: _StrOrPromise
    held: Callable[[User], list[str]]
    hand_over: Callable[[User, User | None, User], None]


@dataclass(frozen=True)
class SignInWay:
    """A way to sign in beside the form: what its button says, and the address that it leads to.

    `is_tried_first`: the sign-in page leads there by itself, once; the way leads back where it is none, and
    `note` says why on the page that it leads back to.
    """

    label: _StrOrPromise
    url: str
    is_tried_first: bool = False
    note: _StrOrPromise = ""


@dataclass(frozen=True)
class PasswordChanger:
    """Who keeps passwords in place of the portal and takes new ones from here.

    `change(request, person, current, new)` raises ValidationError for a new one that is not taken, and
    `SignInRefused` where nobody answers, or the person's own right does not reach so far.
    """

    can_change: Callable[[User], bool]
    change: Callable[[HttpRequest, User, str, str], None]


@dataclass(frozen=True)
class Kept:
    """An object as an older state of the portal has it; `about` says in a few words whose or where it is."""

    id: int
    title: str
    about: str
    at: datetime


type Rows = Sequence[Mapping[str, Any]]
"""Rows of the database as `box.core.registry.rows` packs them, in the order in which they can be put in."""


@dataclass(frozen=True)
class Keepsake:
    """How an object of a kind is found in an older state of the portal, and put back without touching the
    rest. The key of the offer is the kind.

    In the older state, `find(text, reader)` names those that this person may have back, the newest first:
    what is private is its owner's alone. `pack` gives all that belongs to one of these. In the portal as it
    is, `is_there` and `is_same` compare with what was packed; `put_back(rows, by)` returns its address, or
    raises ValidationError. Putting back twice does no more than once.

    `find_own` is for whoever looks for themselves and may do no more with it than what is theirs: what they
    made. Without it, of what is the company's, nobody does.
    """

    label: _StrOrPromise
    order: int
    find: Callable[[str, User], Iterable[Kept]]
    pack: Callable[[int], Rows]
    is_there: Callable[[Rows], bool]
    is_same: Callable[[Rows], bool]
    put_back: Callable[[Rows, User], str]
    find_own: Callable[[str, User], Iterable[Kept]] | None = None


class CardMaker(Protocol):
    def __call__(self, ids: list[int], reader: User) -> dict[int, Card]:
        """Cards of those objects that the reader may see, in one query."""


class Finder(Protocol):
    def __call__(self, text: str, reader: User) -> Sequence[Card]:
        """The few objects that the reader may see and may mean by the text, the nearest first; some to begin
        with where there is no text."""


class DemoShare(Protocol):
    def __call__(self, company: Company) -> None:
        """Writes this room's share of a demonstration company, in bulk, and leaves in it what others need."""


class Creator(Protocol):
    def __call__(self, draft: str, by: User) -> str:
        """Where this person finds the draft, to change it and make an object of it. Nothing is made yet."""


@dataclass(frozen=True)
class CallerLookup:
    """Who is behind a telephone number, in E.164, as a room with clients knows them.

    `cards(numbers, reader)` are those that the reader may see, the nearest first, in a number of queries that
    doesn't depend on theirs. `responsible(number)` is the employee who looks after the client, whoever asks.
    `new(number, reader)` is where the reader begins a card of a number that nobody knows; nothing where they
    may not.
    """

    cards: Callable[[Sequence[str], User], Mapping[str, Sequence[Card]]]
    responsible: Callable[[str], User | None]
    new: Callable[[str, User], str]


@dataclass(frozen=True)
class Mark:
    """A moment of a recording, in seconds from its beginning, and what happens there, if somebody said so."""

    at: int
    said: str

    @property
    def time(self) -> str:
        return f"{self.at // 60}:{self.at % 60:02}"


@dataclass(frozen=True)
class Recorded:
    """A recording for a page: `bars` are how loud it is from its beginning to its end, from 0 to 100."""

    address: str
    seconds: int
    bars: tuple[int, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class MadeOf:
    """Something that is made of what was said elsewhere, such as a task of a comment: what the button says,
    and the address where it is begun with the object in mind. Nothing is made yet; of a text that somebody
    has selected in it the page's script adds `text`."""

    label: _StrOrPromise
    icon: str
    address: Callable[[Ref], str]
    is_for: Callable[[User], bool] = lambda user: True


@dataclass(frozen=True, kw_only=True)
class Work:
    """Something that somebody is to do, as another room knows it: a decision of a meeting."""

    title: str
    text: str
    responsible: User
    deadline_at: datetime | None = None
    about: Ref | None = None
    """What it came of: whoever gives the work sees it."""


@dataclass(frozen=True)
class Workshop:
    """Who makes work of what other rooms say: `give` is in the name of this person, and returns what comes of
    it. Of that `deadline` says until when it is, None where it has none or is gone; `move` puts it off, as
    far as this person may. Both that write raise ValidationError or PermissionDenied for what cannot be."""

    give: Callable[[Work, User], Ref]
    deadline: Callable[[int], datetime | None]
    move: Callable[[int, datetime, User], object]


menu: Offers[MenuEntry] = Offers("menu")
widgets: Offers[Widget] = Offers("widgets")
assets: Offers[Assets] = Offers("assets")
cards: Offers[CardMaker] = Offers("cards")
finders: Offers[Finder] = Offers("finders")
"""By the kind of an object how one of them is picked, such as a person for a filter or a field."""
card_routes: Offers[str] = Offers("card routes")
"""By the name of an address with a `pk`, the kind of the object there: a link to it in a text shows its card.

    card_routes.add("feed:post", "feed.post")
"""
card_codes: Offers[str] = Offers("letters of cards")
"""By the kind of an object that is also a principal, the letters of its code: what shows names of principals
anyway shows its card without asking once more.

    card_codes.add("org.department", "D")
"""
card_icons: Offers[str] = Offers("icons of cards")
"""Of those kinds the icons."""
creators: Offers[Creator] = Offers("creators")
"""By the kind of object the way to write one: `creators["feed.post"]("Have you tried ...", user)`."""
made_of: Offers[MadeOf] = Offers("made of what was said")
"""What a room makes of things of other rooms. The key is the room's name."""
workshops: Offers[Workshop] = Offers("workshops")
"""The key is the room's name."""
holdings: Offers[Holdings] = Offers("holdings")
audience_counts: Offers[Callable[[list[str]], str]] = Offers("audience counts")
"""How many things of a room are addressed to any of these codes, in words; nothing where there are none."""
help_pages: Offers[str] = Offers("pages of help")
"""By a namespace of addresses, or by one address's full name, the page of docs/user/ that explains it. A room
whose page is called like its namespace need not say so."""
letters: Offers[LetterWriter] = Offers("letters")
panels: Offers[Panel] = Offers("panels")
asides: Offers[Aside] = Offers("asides")
object_tabs: Offers[Callable[[User, Ref, int | None], Sequence[Tab]]] = Offers("tabs of objects")
"""What a room shows of objects of others, each on a page of its own, to whoever looks at this one; with the
group that it belongs to, if it does. Every page of an object asks, so it costs no query."""
profile_parts: Offers[Callable[[PersonRequest, User], Markup]] = Offers("parts of profiles")
"""What a room shows of a person on their page, to whoever looks at it: nothing where there is nothing."""
searchables: Offers[Searchable] = Offers("searchables")
demo_shares: Offers[DemoShare] = Offers("demo shares")
reminded: Offers[Callable[[Sequence[int], datetime], object]] = Offers("reminded")
"""By the kind of an object what its room does once somebody was reminded of it, with the ids and the moment:
what recurs says when it is to be told of next."""
calendar_layers: Offers[CalendarLayer] = Offers("layers of the calendar")
"""What a calendar shows beside the events in it: a deadline of a task, a holiday."""
console_pages: Offers[MenuEntry] = Offers("console pages")
"""What the console has tabs for."""
own_pages: Offers[MenuEntry] = Offers("own pages")
"""What a person's own menu has beside their profile, password and security."""


password_keepers: Offers[Callable[[User], str]] = Offers("keepers of passwords")
"""Who keeps a person's password in place of the portal, by a name that people know; nothing: nobody."""
password_changers: Offers[PasswordChanger] = Offers("changers of passwords")
sign_in_ways: Offers[Callable[[HttpRequest], SignInWay | None]] = Offers("ways to sign in")
"""Whether the browser behind this request has one."""
after_restore: Offers[Callable[[], int]] = Offers("after a restore")
"""What a room has to do when the box was brought back to an earlier moment, before anybody is let in: end
what gives access, mark as done what was sent already. Returns how many; doing it again does no harm."""


keepsakes: Offers[Keepsake] = Offers("keepsakes")


@dataclass(frozen=True)
class Attachable:
    """A kind of objects that become parts of another, such as files in a field. All is called with their ids,
    in the transaction that writes the other."""

    attach: Callable[[Sequence[int], Sequence[str], User], object]
    """With the audience that they get, and whose they are until then."""
    share: Callable[[Collection[int], Sequence[str]], object]
    """With the audience that the other has from now on."""
    release: Callable[[Collection[int]], object]
    """They are part of it no more, and go with their rows unless something else refers to them."""
    names: Callable[[Collection[int]], Mapping[int, str]]
    """What they are called, for the other's history."""


attachables: Offers[Attachable] = Offers("attachables")


callers: Offers[CallerLookup] = Offers("callers")
"""By the room that has clients. Asked while a telephone rings: an index answers."""

recordings: Offers[Callable[[Sequence[int], User], Mapping[int, Sequence[Recorded]]]] = Offers("recordings")
"""By the kind of what was recorded: what of these objects the reader may hear, in one query."""


at_work: Offers[Callable[[Sequence[int], datetime], Mapping[int, bool]]] = Offers("at work")
"""Of these people who has hours of their own, by a schedule, and whether they work at this moment. Who has
none is left out: for them the company's hours hold."""


before_opening: Offers[Callable[[], str]] = Offers("before opening")
"""What else has to be done when the box was brought back, after all of `after_restore`, each by itself,
before anybody is let in: what asks others, such as a directory that knows who has left since. Says what it
did. What fails is told, and keeps the box closed no longer."""


@dataclass(frozen=True)
class CountSince:
    """How many things of a kind were made since a moment: a restore to it would lose them."""

    label: _StrOrPromise
    order: int
    count: Callable[[datetime], int]


counts_since: Offers[CountSince] = Offers("counts since a moment")


read_with_person: Offers[Expression] = Offers("read with the person")
"""What every page needs of a person comes with their row, as attributes: it costs no query of its own."""


def made_of_for(user: User) -> list[MadeOf]:
    """What this person may make of what they read."""
    from box.core.registry.services import is_on

    return [one for key, one in made_of.items() if is_on(key) and one.is_for(user)]


def cards_of(refs: Iterable[Ref], reader: User) -> dict[Ref, Card]:
    """What this reader may see of these objects, of services that are on: a query or two a kind."""
    from box.core.registry.services import is_on

    ids: dict[str, set[int]] = {}
    for ref in refs:
        ids.setdefault(ref.kind, set()).add(ref.id)
    return {
        card.ref: card
        for kind, of_kind in ids.items()
        if kind in cards and is_on(kind.partition(".")[0])
        for card in cards[kind](sorted(of_kind), reader).values()
    }


def menu_of(user: User, entries: Offers[MenuEntry] = menu) -> tuple[MenuEntry, ...]:
    """The entries this person has, in order."""
    from box.core.registry.services import is_on

    mine = (entry for entry in entries if is_on(entry.key) and entry.is_for(user))
    return tuple(sorted(mine, key=lambda entry: entry.order))


def assets_on() -> tuple[Assets, ...]:
    """What a page loads. Who had it open while a service was switched on has no entry for it in the menu
    either, until they load a page anew."""
    from box.core.registry.services import is_on

    return tuple(one for key, one in assets.items() if is_on(key))


def own_pages_of(user: User) -> tuple[MenuEntry, ...]:
    return menu_of(user, own_pages)


def profile_of(request: PersonRequest, person: User) -> list[Markup]:
    """What the rooms that are on show of this person."""
    from box.core.registry.services import is_on

    return [show(request, person) for key, show in profile_parts.items() if is_on(key)]


def console_pages_of(user: User) -> tuple[MenuEntry, ...]:
    """The console's tabs that this person has; none: there is no console for them."""
    return menu_of(user, console_pages)


def can_send_letters() -> bool:
    """Whether a mail server is set. Where none is, say things on a page instead: nothing is queued."""
    # Rooms name their offers before Django has its models, and settings are rows.
    from box.core.registry.settings import settings

    return bool(settings["mail.host"].value)


def widgets_of(user: User) -> tuple[Widget, ...]:
    """What this person has in the bar above every page, in order."""
    from box.core.registry.services import is_on

    mine = (widget for key, widget in widgets.items() if is_on(key) and widget.is_for(user))
    return tuple(sorted(mine, key=lambda widget: widget.order))


def tabs_of(user: User, ref: Ref, group_id: int | None = None) -> list[Tab]:
    """The other pages about this object that the person has."""
    return [tab for found in object_tabs for tab in found(user, ref, group_id)]


def asides_of(request: PersonRequest) -> list[Markup]:
    """The blocks beside the feed that this person has, in order, but for those that have nothing to say."""
    from box.core.registry.services import is_on

    mine = [aside for key, aside in asides.items() if is_on(key) and aside.is_for(request.user)]
    said = (aside.render(request) for aside in sorted(mine, key=lambda aside: aside.order))
    return [one for one in said if one.strip()]
