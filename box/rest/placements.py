"""Where pages of applications stand in the portal: in the menu, and as tabs of objects.

An administrator binds an address of the application's own server to a place; whoever may use applications and
has allowed this one sees it there in a frame, see `box.rest.frames`.

Sources: https://apidocs.bitrix24.com/api-reference/widgets/placement-bind.html, placements.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from box.core.events.outbox import emit
from box.core.registry.capabilities import Ref, Tab
from box.core.registry.environment import url
from box.core.registry.rest import ApiRefused, Place, places
from box.core.registry.services import is_on
from box.core.registry.settings import Remembered, raise_version
from box.rest.access import can_send_out, can_use
from box.rest.applications import give_token, held
from box.rest.events import PlacementBound, PlacementUnbound
from box.rest.models import Application, Placement, Webhook

if TYPE_CHECKING:
    from box.core.accounts.models import User

DEFAULT = "DEFAULT"
"""The place of the page that an application has anyway: in the menu."""
LEFT_MENU = "LEFT_MENU"
IN_THE_MENU = (DEFAULT, LEFT_MENU)
MOST = 100
MOST_LANGUAGES = 20
GROUPS = "groupId"
"""The option that names the groups whose objects have the tab."""
LONGEST = {"TITLE": 100, "DESCRIPTION": 500, "GROUP_NAME": 100}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,12}(,\d{1,12}){0,99}")


@dataclass(frozen=True)
class Placed:
    """A page that stands somewhere, as every page of the portal asks for it."""

    pk: int
    place: str
    titles: Mapping[str, str]
    """By language; under no language that of all others."""
    groups: frozenset[int]

    @property
    def title(self) -> str:
        return self.titles.get(get_language() or "") or self.titles[""]

    @property
    def address(self) -> str:
        return url("rest:page", self.pk)


def _by_place() -> Mapping[str, tuple[Placed, ...]]:
    found: dict[str, tuple[Placed, ...]] = {}
    rows = Placement.objects.filter(application__retired_at=None).select_related("application")
    for one in rows.order_by("application__name", "pk"):
        shown = Placed(one.pk, one.place, _titles(one), _groups(one.options))
        found[one.place] = (*found.get(one.place, ()), shown)
    return found


def _titles(one: Placement) -> dict[str, str]:
    told = {language: said.get("TITLE", "") for language, said in one.translations.items()}
    return {**told, "": one.title or one.application.name}


def _groups(options: Mapping[str, str]) -> frozenset[int]:
    return frozenset(int(one) for one in options.get(GROUPS, "").split(",") if one)


placed = Remembered(_by_place)


def place_of(name: str) -> Place | None:
    """None for one that there is not, or whose service is off."""
    if name == DEFAULT:
        return _MENU
    if name not in places or not is_on(places[name].room):
        return None
    return places[name]


_MENU = Place(room="rest")


def in_the_menu(user: User) -> list[Placed]:
    """What stands under “Applications” for this person."""
    if not (known := placed.value) or not can_use(user):
        return []
    return [one for place in IN_THE_MENU for one in known.get(place, ())]


def has_applications(user: User) -> bool:
    return bool(in_the_menu(user))


def tabs_about(user: User, ref: Ref, group_id: int | None) -> list[Tab]:
    if not (known := placed.value) or not can_use(user):
        return []
    names = [name for name in known if (place := place_of(name)) is not None and place.kind == ref.kind]
    about = urlencode({"of": ref.id} | ({"group": group_id} if group_id else {}))
    return [
        Tab(one.title, f"{one.address}?{about}")
        for name in names
        for one in known[name]
        if not one.groups or group_id in one.groups
    ]


def names_for(application: Application, scope: str = "", *, all_scopes: bool = False) -> list[str]:
    """Places that its scopes open, those of this one, or all."""
    on = {name: one for name, one in places.items() if is_on(one.room)}
    if scope:
        return [name for name, one in on.items() if (one.scope or "placement") == scope]
    return [
        name for name, one in on.items() if all_scopes or not one.scope or one.scope in application.scopes
    ]


# Binding


@dataclass(frozen=True)
class NewPlacement:
    """`translations` has TITLE, DESCRIPTION and GROUP_NAME by language."""

    place: str
    handler: str
    title: str = ""
    description: str = ""
    translations: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None


@transaction.atomic
def bind_placement(application: Application, new: NewPlacement, *, by: User) -> Placement:
    """It stands there from now on, once: who binds the same address again changes what it is called. Raises
    ApiRefused, and PermissionDenied for whoever may not decide where people's rights are lent to."""
    _must_decide(by)
    application = held(application)
    if new.place not in names_for(application):
        raise ApiRefused("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    return _bind(application, new, by=by)


def add_page(application: Application, address: str, *, by: User) -> Placement:
    """The page that an administrator gives an application when it is added: within a transaction. Raises
    ValidationError."""
    try:
        return _bind(application, NewPlacement(DEFAULT, address), by=by)
    except ApiRefused:
        said = _("Write an address that begins with https://, on a server that is not the portal’s own.")
        raise ValidationError({"page": said}) from None


def _bind(application: Application, new: NewPlacement, *, by: User) -> Placement:
    origin_of(new.handler)
    known = Placement.objects.filter(application=application, place=new.place, handler=new.handler).first()
    if known is None and application.placements.count() >= MOST:
        raise ValidationError(
            _("An application has %(most)s pages at most: unbind one first.") % {"most": MOST}
        )
    one = known or Placement(application=application, place=new.place, handler=new.handler, by=by)
    one.title, one.description = new.title, new.description
    one.translations = _translations(new.translations or {})
    one.options = _options(new.place, new.options or {})
    one.save()
    give_token(application)
    raise_version()
    if known is None:
        emit(PlacementBound(application.pk, application.name, one.place, one.handler, by.pk))
    return one


@transaction.atomic
def unbind_placements(application: Application, place: str, handler: str = "", *, by: User) -> int:
    """Returns how many are shown no more; without an address all of that place. Raises PermissionDenied."""
    _must_decide(by)
    found = held(application).placements.filter(place=place)
    return _remove(found.filter(handler=handler) if handler else found, by=by)


@transaction.atomic
def remove_placement(placement: Placement, *, by: User) -> None:
    """An administrator's decision in the console. Doing it again does nothing."""
    _remove(Placement.objects.filter(pk=placement.pk), by=by)


def remove_placements(application: Application, *, by: User) -> None:
    """All of an application that is removed: within a transaction."""
    _remove(application.placements.all(), by=by)


def _remove(placements: Iterable[Placement], *, by: User) -> int:
    rows = list(placements)
    for one in rows:
        emit(PlacementUnbound(one.application_id, one.application.name, one.place, one.handler, by.pk))
        # What its frames hold opens nothing more: their grants go with it, and these would stay.
        Webhook.objects.filter(grant__placement=one).delete()
        one.delete()
    if rows:
        raise_version()
    return len(rows)


def _must_decide(by: User) -> None:
    if not can_send_out(by):
        raise PermissionDenied("Access denied! Administrator access rights required")


def _translations(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    if len(given) > MOST_LANGUAGES:
        raise ApiRefused("ERROR_ARGUMENT", f"LANG_ALL: {MOST_LANGUAGES} languages at most")
    return {str(language)[:10].lower(): _said(said) for language, said in given.items()}


def _said(said: Any) -> dict[str, str]:
    if not isinstance(said, Mapping):
        raise ApiRefused("ERROR_ARGUMENT", "LANG_ALL: TITLE, DESCRIPTION and GROUP_NAME by language")
    texts = {name: str(said.get(name) or "") for name in LONGEST}
    for name, text in texts.items():
        if len(text) > LONGEST[name]:
            raise ApiRefused("ERROR_ARGUMENT", f"LANG_ALL: {name} has {LONGEST[name]} characters at most")
    return texts


def _options(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Those that the place knows; others are kept nowhere, as the source says."""
    place = place_of(name)
    groups = str(given.get(GROUPS) or "").replace(" ", "")
    if place is None or not place.by_group or not groups:
        return {}
    if not _NUMBERS.fullmatch(groups):
        raise ApiRefused("ERROR_ARGUMENT", f"OPTIONS: {GROUPS}: numbers of groups with commas between them")
    return {GROUPS: groups}


def origin_of(handler: str) -> str:
    """The origin that a frame with this address has, as policies name it. Raises ApiRefused for an address
    that browsers would not show within the portal, and for the portal's own name: there lie its cookies."""
    try:
        URLValidator(schemes=["https"])(handler)
        parts = urlsplit(handler)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except (ValidationError, ValueError):
        raise ApiRefused("ERROR_ARGUMENT", "HANDLER: an address that begins with https://") from None
    if parts.username or parts.password or parts.fragment or len(handler) > 500:
        raise ApiRefused("ERROR_ARGUMENT", "HANDLER: 500 characters at most, without a user and “#”")
    if not _HOST.fullmatch(host):
        raise ApiRefused("ERROR_ARGUMENT", "HANDLER: the name of a server")
    if host.lower() == (urlsplit(settings.PORTAL_URL).hostname or "").lower():
        raise ApiRefused("ERROR_ARGUMENT", "HANDLER: another server than the portal’s own")
    return f"https://{host}:{port}" if port else f"https://{host}"
