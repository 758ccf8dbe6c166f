"""What the portal tells by itself: who is new, who heads what, who has which position now, which groups there
are, whose birthday it is.

Each fact is told once, whoever retells the event and however often; the facts of one kind and day are one
post, so that an import of five thousand people is one line of everybody's feed and not five thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.translation import ngettext
from markupsafe import Markup

from box.apps.feed.events import EntryTold
from box.apps.feed.models import KIND, Post, SystemEntry, SystemFact
from box.core.access.principals import EVERYONE, audience_for
from box.core.accounts.models import User
from box.core.discussion import actions as discussion
from box.core.events.outbox import emit
from box.core.people.today import days_of_birth
from box.core.registry.company import LANGUAGE
from box.core.registry.environment import format_listed
from box.core.registry.origin import is_importing
from box.core.structure.names import named

if TYPE_CHECKING:
    from typing import Any

    from box.core.structure.names import Principal

MOST_NAMED = 5
_PAGES = {"U": "people:person", "D": "structure:department", "G": "groups:group"}


class What(StrEnum):
    JOINED = "joined"
    HEADS = "heads"
    POSITIONS = "positions"
    GROUPS = "groups"
    BIRTHDAYS = "birthdays"


@dataclass(frozen=True)
class Fact:
    """Something to tell of: `key` tells it from all others, `codes` name what it is about, a person first.

    `word` is what is said of them, as it is that day: told again until the day is over, it is the newest.
    """

    key: str
    codes: tuple[str, ...]
    word: str = ""


@transaction.atomic
def tell(what: What, facts: Iterable[Fact], *, day: date, author: User) -> Post | None:
    """Adds what was not told yet to the day's entry, which begins with the first; the post that it changed.

    `author` is the person whom the first fact is about: the post stands under their name. What was taken over
    from elsewhere is no news.
    """
    if is_importing():
        return None
    entry, _is_new = SystemEntry.objects.get_or_create(key=f"{what}:{day.isoformat()}")
    # Whoever else tells of this day waits here.
    entry = SystemEntry.objects.select_for_update().get(pk=entry.pk)
    facts = list(facts)
    fresh = _not_told(facts)
    if not fresh:
        _reword(entry, facts)
        return None
    SystemFact.objects.bulk_create(SystemFact(key=fact.key, entry=entry) for fact in fresh)
    is_first = entry.count == 0
    SystemEntry.objects.filter(pk=entry.pk).update(count=F("count") + len(fresh))
    if is_first:
        return _begin(entry, what, fresh, author=author)
    if entry.post_id is None:
        return None
    post = Post.objects.select_for_update().get(pk=entry.post_id)
    told = post.details["system"] if post.details else {}
    items = [*told["items"], *(list(fact.codes) for fact in fresh)][:MOST_NAMED]
    details = {**told, "items": items, "count": told["count"] + len(fresh)}
    post.details = {"system": _with_words(details, facts)}
    post.save(update_fields=["details"])
    return post


def _reword(entry: SystemEntry, facts: list[Fact]) -> None:
    """What was told already is another by now."""
    post = Post.objects.select_for_update().filter(pk=entry.post_id).first() if entry.post_id else None
    told = post.details["system"] if post and post.details else {}
    if post is not None and (reworded := _with_words(told, facts)) != told:
        post.details = {"system": reworded}
        post.save(update_fields=["details"])


def _with_words(told: dict[str, Any], facts: Iterable[Fact]) -> dict[str, Any]:
    named = {codes[0] for codes in told["items"]}
    words = {fact.codes[0]: fact.word for fact in facts if fact.word and fact.codes[0] in named}
    return {**told, "words": {**told["words"], **words} if "words" in told else words} if words else told


def _not_told(facts: Iterable[Fact]) -> list[Fact]:
    facts = list({fact.key: fact for fact in facts}.values())
    known = set(SystemFact.objects.filter(key__in=[fact.key for fact in facts]).values_list("key", flat=True))
    return [fact for fact in facts if fact.key not in known]


def _begin(entry: SystemEntry, what: What, facts: list[Fact], *, author: User) -> Post:
    items = [list(fact.codes) for fact in facts[:MOST_NAMED]]
    details = {"system": _with_words({"what": what, "items": items, "count": len(facts)}, facts)}
    names = named(code for codes in items for code in codes)
    with translation.override(LANGUAGE.value):
        text = strip_tags(sentence(details["system"], names))
    post = Post.objects.create(
        author=author,
        text=text,
        kind=Post.Kind.SYSTEM,
        details=details,
        audience=audience_for(author, [EVERYONE]),
        thread=discussion.open_thread(KIND),
    )
    SystemEntry.objects.filter(pk=entry.pk).update(post=post)
    emit(EntryTold(post_id=post.pk))
    return post


def codes_told(post: Post) -> set[str]:
    """What the entry names: asked for with the names of everything else on a page."""
    told = (post.details or {}).get("system")
    return {code for codes in told["items"] for code in codes} if told else set()


def sentence(told: Mapping[str, Any], names: Mapping[str, Principal]) -> Markup:
    """In the reader's language, with links to what they may know of."""
    words = told.get("words", {})
    items = [item for codes in told["items"] if (item := _item(codes, names, words.get(codes[0], "")))]
    more = told["count"] - len(told["items"])
    if more:
        items.append(Markup(ngettext("%(num)s more", "%(num)s more", more)) % {"num": more})  # noqa: S704
    count = told["count"]
    forms = {
        What.JOINED: ngettext("New colleague: %(names)s", "New colleagues: %(names)s", count),
        What.HEADS: ngettext("New head: %(names)s", "New heads: %(names)s", count),
        What.POSITIONS: ngettext("New position: %(names)s", "New positions: %(names)s", count),
        What.GROUPS: ngettext("New open group: %(names)s", "New open groups: %(names)s", count),
        What.BIRTHDAYS: ngettext("Birthday today: %(names)s", "Birthdays today: %(names)s", count),
    }
    # Our own words: names are escaped as they go in.
    said = Markup(forms[What(told["what"])])  # noqa: S704
    return Markup("<p>{}</p>").format(said % {"names": format_listed(items) if items else "…"})


def _item(codes: list[str], names: Mapping[str, Principal], word: str) -> Markup | None:
    links = [_link(names[code]) for code in codes if code in names]
    if not links:
        return None
    first, *others = links
    if word:
        return Markup("{} – {}").format(first, word)
    return Markup("{} ({})").format(first, others[0]) if others else first


def _link(principal: Principal) -> Markup:
    letters = principal.code.rstrip("0123456789")
    address = reverse(_PAGES[letters], args=[int(principal.code[len(letters) :])])
    return Markup('<a href="{}">{}</a>').format(address, principal.name)


def tell_birthdays(day: date) -> Post | None:
    """Of everybody who works here, has told the portal theirs, and shows it."""
    people = User.objects.active().employees().filter(birthday_number__in=days_of_birth(day))
    found = list(people.exclude(birthday_shown=User.BirthdayShown.NOBODY).by_name())
    facts = [Fact(f"birthday:{day.year}:{person.pk}", (f"U{person.pk}",)) for person in found]
    return tell(What.BIRTHDAYS, facts, day=day, author=found[0]) if found else None
