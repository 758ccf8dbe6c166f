"""Links of texts to pages of a Korobka: what they lead to, by the addresses that pages have here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve, reverse

_HREF = re.compile(r'href="([^"]{1,4000})"')
# By the name of its page the kind of a thing; the record's own kind stands in its address.
_PAGES: Mapping[str, str] = {
    "people:person": "person",
    "groups:group": "group",
    "feed:post": "post",
    "tasks:task": "task",
    "crm:record": "",
}


def targets_in(html: str, host: str) -> Iterator[tuple[str, str]]:
    """The kinds and ids of what the links lead to."""
    for match in _HREF.finditer(html):
        if (page := _page(unescape(match[1]), host)) is not None:
            _name, _before, kind, pk = page
            yield kind, pk


def readdressed(
    html: str, host: str, number_of: Callable[[str, str], int | str | None], *, base: str = ""
) -> str:
    """With links that lead to pages of this host leading to the same things elsewhere, on `base`, where
    `number_of` a kind and an id knows their numbers; others stay as they are."""

    def write(match: re.Match[str]) -> str:
        page = _page(unescape(match[1]), host)
        if page is None:
            return match[0]
        name, before, kind, pk = page
        number = number_of(kind, pk)
        return f'href="{escape(base + reverse(name, args=[*before, number]))}"' if number else match[0]

    return _HREF.sub(write, html)


def _page(address: str, host: str) -> tuple[str, list[str], str, str] | None:
    """The name of the page, what stands in its address before the number, and the kind and the id of what it
    shows. None for what is of another host, or no page of a thing."""
    parts = urlsplit(address)
    if parts.netloc and parts.netloc.partition(":")[0].lower() != host.partition(":")[0].lower():
        return None
    try:
        found = resolve(parts.path)
    except Resolver404:
        return None
    if found.view_name not in _PAGES:
        return None
    *before, pk = map(str, found.args or tuple(found.kwargs.values()))
    return found.view_name, before, _PAGES[found.view_name] or before[0], pk
