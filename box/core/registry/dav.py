"""What rooms show to phones and mail programs as collections of CalDAV and CardDAV.

A room offers a `DavSource`; `box.bridges.dav` speaks the protocol, and knows nothing of what is in the
objects. Each is a text, iCalendar or vCard, under a name that ends with its suffix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from django.conf import settings

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_OBJECTS = 5000

type Stretch = tuple[datetime, datetime]

# Behind it stands in the tag of a meeting what others answer: no address has an end of line.
_OTHERS = "\n"


@dataclass(frozen=True)
class DavObject:
    text: str
    uid: str
    changed_at: datetime
    begins_at: datetime | None = None
    """From when to when it takes place at most: None is without an end in that direction."""
    ends_at: datetime | None = None


def tag_of_meeting(said: str, answers: str) -> str:
    """The tag of an object in which others take part: what it says apart from what they answer."""
    return f"{said}{_OTHERS}{answers}"


def schedule_part(tag: str) -> str:
    """What a tag says that stays when others answer (RFC 6638, section 3.2.10); empty, where nobody is."""
    said, has_others, _answers = tag.partition(_OTHERS)
    return said if has_others else ""


class DavChanged(Exception):
    """Somebody has changed the object meanwhile: the program fetches it, and tries again."""


class DavCollection(ABC):
    """One collection as one person has it. Short-lived: what it has read holds for one request."""

    kind: ClassVar[str] = "VCALENDAR"
    """Or VADDRESSBOOK."""
    components: ClassVar[tuple[str, ...]] = ("VEVENT",)
    key: str
    """The last part of its address: letters, digits and hyphens."""
    name: str
    color: str = ""
    """As CSS writes it in hexadecimal digits; empty where it has none."""
    can_write: bool = False
    can_change: bool = False
    """Whether its owner may call and colour it otherwise, and remove it."""

    @abstractmethod
    def tags(self) -> Mapping[str, str]:
        """By the name of each object a text that is another as soon as the object reads otherwise. At most
        MOST_OBJECTS, in a constant number of queries."""

    @abstractmethod
    def read(self, names: Many[str]) -> Mapping[str, DavObject]:
        """Those that are there, in a constant number of queries."""

    def touching(self, since: datetime | None, before: datetime | None) -> Sequence[str] | None:
        """The names of what may lie in this stretch; None: look through all."""
        return None

    def name_of_uid(self, uid: str) -> str | None:
        """Under which name the object called so is there."""
        return None

    def write(self, name: str, text: str, *, tag: str | None) -> None:
        """Makes the object (`tag` is None) or changes it, if it still has this tag, or one of which this is
        the `schedule_part`. Raises DavChanged, ValidationError and PermissionDenied."""
        raise NotImplementedError

    def remove(self, name: str, *, tag: str) -> None:
        """The same."""
        raise NotImplementedError

    def change(self, *, name: str | None, color: str | None) -> None:
        """Of one that `can_change`."""
        raise NotImplementedError

    def discard(self) -> None:
        """Of one that `can_change`: the collection with what is in it. Raises ValidationError."""
        raise NotImplementedError


class DavSource(ABC):
    @abstractmethod
    def collections(self, user: User) -> Iterable[DavCollection]:
        """All that this person has, in a constant number of queries."""

    def create(self, key: str, *, name: str, color: str, by: User) -> DavCollection | None:
        """One more of the person's own, which from then on has this key; None: the source has no such."""
        return None

    def busy(
        self, emails: Sequence[str], since: datetime, before: datetime, *, by: User
    ) -> Mapping[str, Sequence[Stretch]]:
        """By address when they are taken whom `by` may ask about, and not with what; in a constant number of
        queries. Who is not known here is not in it."""
        return {}


dav_sources: Offers[DavSource] = Offers("dav sources")


def dav_host() -> str:
    """The portal's, by which it names what it makes."""
    return urlsplit(settings.PORTAL_URL).hostname or ""


def dav_address(user: User) -> str:
    """The e-mail by which programs know somebody; who has none is called by their number."""
    return user.email.lower() if user.email else f"u{user.pk}@{dav_host()}"
