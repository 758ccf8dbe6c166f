"""The last pass over texts: links to pages of the portal that was archived lead to pages here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import override
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve, reverse

from box.transfer.archive.stages.base import ArchiveWork
from box.transfer.ledger import Ledger
from box.transfer.stages.links import Links

_HREF = re.compile(r'href="([^"]{1,4000})"')
# By the name of its page the kind of a thing; the record's own kind stands in its address.
_PAGES: Mapping[str, str] = {
    "people:person": "person",
    "groups:group": "group",
    "feed:post": "post",
    "tasks:task": "task",
    "crm:record": "",
}


class ArchiveLinks(Links[ArchiveWork]):
    @override
    def rewritten(self, work: Ledger, html: str) -> str:
        def write(match: re.Match[str]) -> str:
            ours = _page(work, unescape(match[1]))
            return f'href="{escape(ours)}"' if ours else match[0]

        return _HREF.sub(write, html)


def _page(work: Ledger, address: str) -> str | None:
    parts = urlsplit(address)
    if parts.netloc and parts.netloc.partition(":")[0].lower() != work.migration.portal.lower():
        return None
    try:
        found = resolve(parts.path)
    except Resolver404:
        return None
    if found.view_name not in _PAGES:
        return None
    *before, pk = found.args or tuple(found.kwargs.values())
    kind = _PAGES[found.view_name] or str(before[0])
    ours = work.ours(kind, pk)
    return reverse(found.view_name, args=[*before, ours]) if ours else None
