"""The last pass over texts: links to pages of the portal that was archived lead to pages here."""

from __future__ import annotations

from typing import override

from box.transfer.archive.stages.base import ArchiveWork
from box.transfer.ledger import Ledger
from box.transfer.own_links import readdressed
from box.transfer.stages.links import Links


class ArchiveLinks(Links[ArchiveWork]):
    @override
    def rewritten(self, work: Ledger, html: str) -> str:
        return readdressed(html, work.migration.portal, work.ours)
