"""Addresses of the old portal that people have pasted into texts: what they lead to.

Pure. Source: the paths that the cloud's pages have, by default; and those of another Korobka.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape

# The most telling first: a task of a person's page is a task.
_PATHS = (
    ("task", r"/(?:company/personal/user|workgroups/group)/\d+/tasks/task/view/(\d+)"),
    ("post", r"/company/personal/user/\d+/blog/(\d+)"),
    ("person", r"/company/personal/user/(\d+)"),
    ("group", r"/workgroups/group/(\d+)"),
    ("deal", r"/crm/deal/(?:details|show)/(\d+)"),
    ("lead", r"/crm/lead/(?:details|show)/(\d+)"),
    ("contact", r"/crm/contact/(?:details|show)/(\d+)"),
    ("company", r"/crm/company/(?:details|show)/(\d+)"),
    ("person", r"/employees/(\d+)/"),
    ("group", r"/groups/(\d+)/"),
    ("post", r"/feed/(\d+)/"),
    ("task", r"/tasks/(\d+)/"),
    *((slug, rf"/crm/{slug}/(\d+)/") for slug in ("deal", "lead", "contact", "company")),
)
_KNOWN = [(kind, re.compile(path, re.IGNORECASE)) for kind, path in _PATHS]
# In the HTML of people, where every address is a link's.
_HREF = re.compile(r'href="([^"]{1,4000})"')


def mentions_portal(html: str, portal: str) -> bool:
    return portal.lower() in html.lower()


def targets_in(html: str, portal: str) -> Iterator[tuple[str, str]]:
    """The kinds and ids of what the links lead to."""
    for match in _HREF.finditer(html):
        if found := target_of(unescape(match[1]), portal):
            yield found


def target_of(address: str, portal: str) -> tuple[str, str] | None:
    """The kind and the id of what an address leads to; None where that is not of the portal, or no thing."""
    match = re.match(r"https?://([^/?#]+)(/[^?#]*)", address, re.IGNORECASE)
    if match is None or match[1].lower() != portal.lower():
        return None
    for kind, path in _KNOWN:
        if found := path.match(match[2]):
            return kind, found[1]
    return None


def rewritten(html: str, portal: str, address_of: Callable[[str, str], str | None]) -> str:
    """With the addresses of what is here now; others stay as they are. The words of a link that say its
    address say the new one."""

    def write(match: re.Match[str]) -> str:
        target = target_of(unescape(match[1]), portal)
        ours = address_of(*target) if target else None
        return f'href="{escape(ours)}"' if ours else match[0]

    changed = _HREF.sub(write, html)
    # A pasted address is its own text: between the tags it is plain.
    return re.sub(
        rf">(https?://{re.escape(portal)}/[^<\s]{{1,4000}})<",
        lambda found: (
            f">{escape(ours)}<"
            if (target := target_of(unescape(found[1]), portal)) and (ours := address_of(*target))
            else found[0]
        ),
        changed,
        flags=re.IGNORECASE,
    )
