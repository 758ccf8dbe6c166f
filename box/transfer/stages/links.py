"""The last pass over texts: addresses of the old portal become those of what is here.

What a link leads to may have come after the text, or in another stage; so texts that lead to the portal are
marked as they come, and looked at when everything is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, override

from django.urls import reverse
from django.utils.translation import gettext_lazy

from box.apps.feed import actions as feed
from box.apps.feed.models import Post
from box.apps.tasks.actions import tasks
from box.apps.tasks.models import Task
from box.core.discussion import actions as discussion
from box.core.discussion.models import Comment
from box.transfer import addresses
from box.transfer.ledger import Extra, Ledger, Row
from box.transfer.models import Identity
from box.transfer.stages.base import AnyStage, Page
from box.transfer.stages.crm import KINDS, TIMELINE
from box.transfer.stages.tasks import COMMENT

PAGES: Mapping[str, tuple[str, ...]] = {
    "person": ("people:person",),
    "group": ("groups:group",),
    "post": ("feed:post",),
    "task": ("tasks:task",),
    **{slug: ("crm:record", slug) for slug in KINDS},
}
"""By kind the name of its page's address, with what stands in it before the number."""
_TEXTS: Mapping[str, tuple[Callable[[], Any], Callable[[Any, str], None]]] = {
    "post": (lambda: Post.objects.select_related("author"), feed.readdress),
    "task": (lambda: Task.objects.select_related("created_by"), tasks.readdress),
    "comment": (lambda: Comment.objects.select_related("author"), discussion.readdress),
    TIMELINE: (lambda: Comment.objects.select_related("author"), discussion.readdress),
    COMMENT: (lambda: Comment.objects.select_related("author"), discussion.readdress),
}
_AT_ONCE = 50


class Links[W: Ledger](AnyStage[W]):
    key = "links"
    label = gettext_lazy("Links to the old portal")
    kind = "link"
    id_name = "id"

    @override
    def pages(self, work: W, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        marked = Identity.objects.filter(migration=work.migration, has_links=True).order_by("id")
        while found := list(marked.filter(pk__gt=after)[:_AT_ONCE]):
            after = found[-1].pk
            rows = [{"id": one.pk, "kind": one.kind, "ours": one.ours} for one in found]
            yield Page(rows, {"after": after})

    @override
    def take(self, work: W, row: Row, extra: Extra) -> int:
        if row["kind"] not in _TEXTS:
            return int(row["ours"])
        all_of_kind, readdress = _TEXTS[row["kind"]]
        found = all_of_kind().filter(pk=row["ours"]).first()
        if found is not None:
            html = self.rewritten(work, found.html)
            if html != found.html:
                readdress(found, html)
        return int(row["ours"])

    def rewritten(self, work: Ledger, html: str) -> str:
        return addresses.rewritten(html, work.migration.portal, _addresses(work, html))


def _addresses(work: Ledger, html: str) -> Callable[[str, str], str | None]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for kind, theirs in addresses.targets_in(html, work.migration.portal):
        wanted[kind].add(theirs)
    ours = {kind: work.all_ours(kind, theirs) for kind, theirs in wanted.items()}

    def address_of(kind: str, theirs: str) -> str | None:
        pk = ours.get(kind, {}).get(theirs)
        if not pk or kind not in PAGES:
            return None
        name, *before = PAGES[kind]
        return reverse(name, args=[*before, pk])

    return address_of
