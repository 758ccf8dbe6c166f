"""Services that a company may do without: one that is switched off has no menu, pages, push or API.

    services.add("feed", Service(_("Feed"), _("Posts for colleagues, with comments and likes.")))

The key is the room's name: that of its addresses, its entry in the menu, the topic of its messages, and the
first word of its cards and notices. What it holds stays, and is there again when it is switched on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse

from box.core.registry.offers import Offers
from box.core.registry.settings import Setting, settings

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Service:
    """What an administrator reads beside its switch."""

    label: _StrOrPromise
    help: _StrOrPromise = ""


services: Offers[Service] = Offers("services")


def switch_of(key: str) -> str:
    """The key of the setting that switches the service on or off."""
    return f"services.{key}"


def is_on(room: str) -> bool:
    """Whether the room serves: true of every room that is no service."""
    return room not in services or bool(settings[switch_of(room)].value)


def _add_switch(key: str, service: Service) -> None:
    switch = Setting(switch_of(key), default=True, section="services", label=service.label, help=service.help)
    settings.add(switch.key, switch)


services.each(_add_switch)


class ServicesMiddleware:
    """The pages and the API of a service that is switched off don't exist."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        if match is not None and not all(is_on(name) for name in match.app_names):
            raise Http404
