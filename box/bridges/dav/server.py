"""Radicale's server code over the collections of rooms: its protocol, our storage, rights and people.

Radicale makes one object of each part for the whole process; whose request it is stands in a context
variable. A part that refuses raises, and leaves in the session what the program is told.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, override
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from radicale import config
from radicale.app import Application
from radicale.item import Item
from radicale.item.filter import simplify_prefilters
from radicale.pathutils import strip_path
from radicale.rights import BaseRights
from radicale.storage import BaseCollection, BaseStorage
from vobject.icalendar import registerTzid

from box.bridges.dav.scheduling import BOXES, SCHEDULE_TAG, URLS, add_schedule_tags, complete
from box.bridges.dav.session import (
    FOLDER,
    LARGEST_OBJECT,
    LARGEST_REQUEST,
    Session,
    current,
    is_refused,
)
from box.bridges.dav.states import UnknownState, changed_since, remember, token_of
from box.core.registry.dav import DavChanged, DavCollection, DavObject, dav_sources, schedule_part
from box.lib.xml_text import sayable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Beside addresses: what is asked of each of thousands of objects, and how deep it is nested.
MOST_ELEMENTS = 120
MOST_TIMES = 2000
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = "D:displayname"
_NAMES = {"VCALENDAR": "VCALENDAR", "VADDRESSBOOK": "VCARD"}
_COLORS = "ICAL:calendar-color"
_ZONE = re.compile(r"\bTZID[:=]\"?([\w/+-]{1,64})")
# Control characters, and some that file systems do not like, are Radicale's to refuse.
_FREE = re.compile(r"[^/]{1,200}")
# As `DavCollection.key`, which states are kept by.
_KEY = re.compile(r"[\w.@+=-]{1,64}")


class _Refused(ValueError, PermissionError):
    """Radicale takes a ValueError for a request that is bad; where it takes none (DELETE), a PermissionError
    is the one that it does not trace."""


class _UnknownToken(ValueError):
    """Of a state that is not kept, or was never given out."""


class _WithoutRefusals(logging.Filter):
    """Radicale tells of a refusal as of a fault of its own: what is to be told of it, the endpoint tells. And
    a program that was away for longer than states are kept begins anew: that is no fault of anybody's."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        is_unknown = record.exc_info is not None and isinstance(record.exc_info[1], _UnknownToken)
        return not is_refused() and not is_unknown


@contextmanager
def _refusing() -> Iterator[None]:
    """Nothing half done, and the session knows why."""
    try:
        with transaction.atomic():
            yield
    except (DavChanged, IntegrityError, PermissionDenied, ValidationError) as error:
        current().refuse(error)
        raise _Refused(current().problem) from error


def _call_zones_by_name(text: str) -> None:
    """vobject keeps zones for the whole process, as the first text that named one has described it. In ours
    they are those of the tz database, whatever a program has sent under their names."""
    for name in set(_ZONE.findall(text)):
        with suppress(ZoneInfoNotFoundError, ValueError):
            registerTzid(name, ZoneInfo(name))


def etag_of(tag: str) -> str:
    return f'"{hashlib.sha256(tag.encode()).hexdigest()[:32]}"'


def schedule_tag_of(tag: str) -> str:
    """As the header of this name has it; empty, where the object is none of scheduling."""
    part = schedule_part(tag)
    return etag_of(part) if part else ""


class _Object(Item):
    """Its text is read when somebody wants it: lists of names and tags need none."""

    def __init__(self, within: Collection, name: str, tag: str) -> None:
        super().__init__(
            collection=within, href=name, text="", etag=etag_of(tag),
            component_name=within.room.components[0], name=_NAMES[within.room.kind],
        )  # fmt: skip
        self.within, self.dav_name, self.dav_tag = within, name, tag
        self._text = None

    def __copy__(self) -> _Object:
        """Radicale tells a series time by time from a copy, and takes apart what it was parsed to: once for
        each property that is asked for."""
        return _Object(self.within, self.dav_name, self.dav_tag)

    @property
    def read(self) -> DavObject:
        found = self.within.known(self.dav_name)
        if found is None:
            raise LookupError(f"{self.within.room.key}/{self.dav_name} has just gone.")
        return found

    def serialize(self) -> str:
        if self._text is None:
            self._text = self.read.text
        return str(self._text)

    @property
    def last_modified(self) -> str:
        return format_datetime(self.read.changed_at.astimezone(UTC), usegmt=True)

    @last_modified.setter
    def last_modified(self, value: str | None) -> None:
        """Radicale's own would be told while the object is made: here it is asked for."""

    @property
    def vobject_item(self) -> Any:
        _call_zones_by_name(self.serialize())
        return super().vobject_item

    @property
    def uid(self) -> str:
        return self.read.uid


class Collection(BaseCollection):
    def __init__(self, session: Session, room: DavCollection) -> None:
        self.session, self.room = session, room
        self._read: dict[str, DavObject] = {}
        self._is_walked = False

    @property
    def path(self) -> str:
        return f"{self.session.home}/{self.room.key}"

    @cached_property
    def tags(self) -> Mapping[str, str]:
        return self.room.tags()

    def known(self, name: str) -> DavObject | None:
        if name not in self._read:
            # Who walks through all wants the texts of all, if they want one.
            self._read |= self.room.read(list(self.tags) if self._is_walked else [name])
        return self._read.get(name)

    def item(self, name: str) -> _Object | None:
        return _Object(self, name, self.tags[name]) if name in self.tags else None

    @property
    def etag(self) -> str:
        return f'"{token_of({**self.tags, "/": self.room.name + self.room.color})[:32]}"'

    @property
    def last_modified(self) -> str:
        return format_datetime(EPOCH, usegmt=True)

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        prefix = "urn:korobka:sync:"
        if old_token and not old_token.startswith(prefix):
            raise ValueError("A token of another server.")
        try:
            names = (
                changed_since(self.session.user, self.room.key, old_token.removeprefix(prefix), self.tags)
                if old_token
                else list(self.tags)
            )
        except UnknownState as error:
            raise _UnknownToken(str(error)) from error
        return prefix + remember(self.session.user, self.room.key, self.tags), names

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        hrefs = list(hrefs)
        self._read |= self.room.read([one for one in hrefs if one in self.tags])
        for href in hrefs:
            yield href, self.item(href) if href in self._read else None

    def get_all(self) -> Iterator[Item]:
        """Without their texts, which are read at once for all where one is wanted."""
        self._is_walked = True
        return (_Object(self, name, tag) for name, tag in self.tags.items())

    def get_filtered(self, filters: Iterable[Element]) -> Iterator[tuple[Item, bool]]:
        tag, start, end, is_simple = simplify_prefilters(filters, self.tag)
        if tag is not None and tag not in self.room.components and self.room.kind == "VCALENDAR":
            return
        names = self.room.touching(_moment(start), _moment(end))
        wanted = [one for one in (self.tags if names is None else names) if one in self.tags]
        self._read |= self.room.read(wanted)
        for name in wanted:
            found = self._read.get(name)
            if found is not None:
                yield _Object(self, name, self.tags[name]), is_simple and _is_within(found, start, end)

    def has_uid(self, uid: str) -> bool:
        return self.room.name_of_uid(uid) is not None

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        before = self.item(href)
        with _refusing():
            if not _FREE.fullmatch(href):
                raise ValidationError("This name is none of an object here.")
            text = current().text or item.serialize()
            self.room.write(href, text, tag=self.expected(href))
        self._forget()
        made = self.item(href)
        if made is None:
            raise ValueError("What was written is not to be seen.")
        self.session.schedule_tag = schedule_tag_of(made.dav_tag)
        self.session.is_rewritten = made.serialize() != text
        return made, before

    def expected(self, name: str) -> str | None:
        """The tag that is compared once more where it is written: whoever goes by the Schedule-Tag does not
        mind what others have answered. Raises DavChanged, where that is another by now."""
        tag, wanted = self.tags.get(name), self.session.schedule_match
        if not wanted:
            return tag
        if tag is None or schedule_tag_of(tag) != wanted:
            raise DavChanged
        return schedule_part(tag)

    def delete(self, href: str | None = None) -> None:
        with _refusing():
            if href is None:
                self.room.discard()
            else:
                self.room.remove(href, tag=self.expected(href) or "")
        self._forget()

    def _forget(self) -> None:
        self.__dict__.pop("tags", None)
        self._read = {}

    def get_meta(self, key: str | None = None) -> Any:
        found = {
            "tag": self.room.kind,
            _NAME: self.room.name,
            **({_COLORS: self.room.color} if self.room.color else {}),
            **(
                {"C:supported-calendar-component-set": ",".join(self.room.components)}
                if self.room.kind == "VCALENDAR"
                else {}
            ),
        }
        return found if key is None else found.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        with _refusing():
            if not self.room.can_change:
                raise PermissionDenied("This collection is not called or coloured otherwise.")
            self.room.change(name=props.get(_NAME), color=_color(props.get(_COLORS, "")) or None)


class _Folder(BaseCollection):
    """The root, a person's home, and their boxes for scheduling."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def path(self) -> str:
        return self._path

    @property
    def etag(self) -> str:
        return '""'

    @property
    def last_modified(self) -> str:
        return format_datetime(EPOCH, usegmt=True)

    def get_meta(self, key: str | None = None) -> Any:
        session = current()
        if key in URLS and self._path == session.home:
            return f"{FOLDER}/{session.home}/{URLS[key]}/"
        found = {_NAME: session.user.name} if self._path else {}
        return found if key is None else found.get(key)

    def get_all(self) -> Iterator[Item]:
        return iter(())

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        return ((href, None) for href in hrefs)

    def set_meta(self, props: Mapping[str, str]) -> None:
        with _refusing():
            raise PermissionDenied("This cannot be changed.")

    def delete(self, href: str | None = None) -> None:
        self.set_meta({})


class Storage(BaseStorage):
    """See `radicale.storage.BaseStorage`."""

    # Names of objects are texts in a row, and no files.
    _supports_unicode = True

    def discover(
        self, path: str, depth: str = "0", child_context_manager: Any = None, user_groups: Any = ()
    ) -> Iterator[BaseCollection | Item]:
        session = current()
        parts = strip_path(path).split("/") if strip_path(path) else []
        if parts and parts[0] != session.home:
            return
        match parts:
            case []:
                yield _Folder("")
                if depth != "0":
                    yield _Folder(session.home)
            case [home]:
                yield _Folder(home)
                if depth != "0":
                    yield from (Collection(session, one) for one in session.collections.values())
            case [_home, key] if key in session.collections:
                found = Collection(session, session.collections[key])
                yield found
                if depth != "0":
                    yield from found.get_all()
            case [home, key] if key in BOXES:
                yield _Folder(f"{home}/{key}")
            case [_home, key, name] if key in session.collections:
                item = Collection(session, session.collections[key]).item(name)
                if item is not None:
                    session.schedule_tag = schedule_tag_of(item.dav_tag)
                    yield item

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> None:
        """Made there and removed here, in the transaction of the lock."""
        session = current()
        with _refusing():
            if isinstance(item, _Object):
                item.within.expected(item.dav_name)
            session.schedule_match = ""
            to_collection.upload(to_href, item)
            if isinstance(item, _Object):
                item.within.delete(item.dav_name)

    def create_collection(
        self, href: str, items: Any = None, props: Mapping[str, str] | None = None
    ) -> tuple[BaseCollection, dict[str, Item], list[str]]:
        session = current()
        _home, _slash, key = strip_path(href).partition("/")
        props = props or {}
        with _refusing():
            if props.get("tag") != "VCALENDAR" or not _KEY.fullmatch(key) or items:
                raise PermissionDenied("Only calendars for events are made so.")
            components = props.get("C:supported-calendar-component-set", "VEVENT")
            if "VEVENT" not in components:
                raise PermissionDenied("Calendars here hold events.")
            color = _color(props.get(_COLORS, ""))
            made = (
                source.create(key, name=props.get(_NAME, key), color=color, by=session.user)
                for source in dav_sources
            )
            found = next((one for one in made if one is not None), None)
            if found is None:
                raise PermissionDenied("No calendars are made here.")
        session.collections[found.key] = found
        return Collection(session, found), {}, []

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """Writers of one person wait for each other; against others the rows are locked, and compared."""
        if mode == "r":
            yield
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('dav'), %s)", [int(user or 0) % 2**31])
            yield

    def verify(self) -> bool:
        return True


class Rights(BaseRights):
    """`R` looks into folders, `r` and `w` into collections: see `radicale.rights`."""

    def authorization(self, user: str, user_groups: Any, path: str) -> str:
        parts = strip_path(path).split("/") if strip_path(path) else []
        session = current()
        if not user:
            return ""
        if not parts or parts == [session.home]:
            return "R"
        if parts[0] != session.home or len(parts) != 2:
            return ""
        room = session.collections.get(parts[1])
        if room is None:
            # What is not there yet may be made.
            return "R" if parts[1] in BOXES else "rw"
        return "r" + ("w" if room.can_write else "") + ("D" if room.can_change else "l")


class _Server(Application):
    def _read_xml_request_body(self, environ: Any, request_info: Any) -> Element | None:
        """Radicale takes a RuntimeError for a request that is bad."""
        try:
            found: Element | None = super()._read_xml_request_body(environ, request_info)
        except ValueError as error:
            raise RuntimeError(f"Entities and such are not read: {error}") from error
        if found is not None:
            if len(found) == 0:
                # Radicale looks into what is asked for, and finds no first of nothing.
                raise RuntimeError("Nothing is asked for.")
            count = sum(1 for _one in found.iter()) - len(found.findall("{DAV:}href"))
            if count > MOST_ELEMENTS:
                raise RuntimeError(f"More than {MOST_ELEMENTS} elements.")
        return found

    def _xml_response(self, xml_content: Element, request_info: Any) -> bytes:
        session = current()
        complete(xml_content, session, FOLDER)
        if next(xml_content.iter(SCHEDULE_TAG), None) is not None:
            add_schedule_tags(xml_content, _schedule_tags(session))
        for one in xml_content.iter():
            # In a title may stand what XML cannot say; of one such no program would read any.
            one.text = sayable(one.text) if one.text else None
        answer: bytes = super()._xml_response(xml_content, request_info)
        return answer


def _schedule_tags(session: Session) -> Callable[[str], str]:
    """Finds them by the addresses of objects: each collection is looked through once."""
    looked = {key: Collection(session, room) for key, room in session.collections.items()}

    def tag_at(address: str) -> str:
        _home, key, name = [*strip_path(address.removeprefix(FOLDER)).split("/"), "", ""][:3]
        return schedule_tag_of(looked[key].tags.get(name, "")) if name and key in looked else ""

    return tag_at


@cache
def application() -> Application:
    """The server, once a process."""
    log = logging.getLogger("radicale")
    # It tells of each request, and of what it was set to.
    log.setLevel(logging.WARNING)
    log.addFilter(_WithoutRefusals())
    settings = config.load()
    settings.update(
        {
            "server": {
                "max_content_length": LARGEST_REQUEST, "max_resource_size": LARGEST_OBJECT,
                "max_vevent_rrule_occurrence": MOST_TIMES, "delay_on_error": 0,
            },
            "auth": {"type": "remote_user", "delay": 0},
            "rights": {
                "type": Rights, "permit_delete_collection": False, "permit_overwrite_collection": False,
            },
            "storage": {"type": Storage},
            "web": {"type": "none"},
            "logging": {"mask_passwords": True, "request_header_on_debug": False},
        },
        "korobka", privileged=True,
    )  # fmt: skip
    return _Server(settings)


def _moment(stamp: float) -> datetime | None:
    """Radicale's ends of time are ours without one."""
    try:
        return datetime.fromtimestamp(stamp, UTC) if 0 < stamp < 2**33 else None
    except (OverflowError, ValueError, OSError):
        return None


def _is_within(found: DavObject, start: float, end: float) -> bool:
    """What lies in the stretch as a whole need not be looked at again."""
    if found.begins_at is None or found.ends_at is None:
        return False
    return start <= found.begins_at.timestamp() and found.ends_at.timestamp() <= end


def _color(text: str) -> str:
    """Apple writes a fourth pair of digits, which says how much shines through."""
    match = _COLOR.match(text)
    return match[0].lower() if match else ""
