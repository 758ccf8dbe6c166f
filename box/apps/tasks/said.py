"""What was said elsewhere, as the beginning of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from box.apps.tasks.models.tasks import LONGEST_BEGUN_TEXT, LONGEST_BEGUN_TITLE
from box.core.registry.capabilities import Card, Ref, cards_of, searchables
from box.core.registry.environment import full_url
from box.core.relations.relatable import ref_named

if TYPE_CHECKING:
    from box.core.accounts.models import User


@dataclass(frozen=True)
class Begun:
    """A task that is begun: what its form says at first."""

    title: str = ""
    text: str = ""
    card: Card | None = None
    """What it is about."""


def begun_of(said: str, selected: str, *, reader: User) -> Begun:
    """Of an object, `feed.comment:12`, as far as the reader sees it; of what they have selected in it, or of
    all of it. Its address stands below, so that whoever gets the task finds the way back."""
    ref = ref_named(said)
    card = cards_of([ref], reader).get(ref) if ref else None
    if card is None:
        return Begun("", selected[:LONGEST_BEGUN_TEXT])
    text = (selected or _body(card.ref) or card.title)[:LONGEST_BEGUN_TEXT].strip()
    source = _("From: %(address)s") % {"address": f"{full_url('portal:home').rstrip('/')}{card.url}"}
    return Begun(_first_line(text), f"{text}\n\n{source}", card)


def _body(ref: Ref) -> str:
    """As the search knows it; of what nobody searches for nothing."""
    if ref.kind not in searchables:
        return ""
    found = next(iter(searchables[ref.kind].read([ref.id])), None)
    return found.body or found.title if found else ""


def _first_line(text: str) -> str:
    line = next(iter(text.splitlines()), "").strip()
    return line if len(line) <= LONGEST_BEGUN_TITLE else f"{line[: LONGEST_BEGUN_TITLE - 1].rstrip()}…"
