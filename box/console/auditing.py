"""What the audit log tells of requests to get something back: that there was one, and what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.console import events
from box.core.registry.auditing import Audited, audited

if TYPE_CHECKING:
    from collections.abc import Mapping


def declare() -> None:
    declared: Mapping[str, Audited] = {
        "console.retrieval_asked": Audited(
            _("asked to get something back from a backup (request %(retrieval_id)s)"), events.RetrievalAsked
        ),
        "console.retrieval_withdrawn": Audited(
            _("took back request %(retrieval_id)s to get something back"), events.RetrievalWithdrawn
        ),
        "console.retrieval_allowed": Audited(
            _("allowed request %(retrieval_id)s to get something back"), events.RetrievalAllowed
        ),
        "console.retrieval_refused": Audited(
            _("refused request %(retrieval_id)s to get something back"), events.RetrievalRefused
        ),
        "console.retrieval_looked": Audited(
            _("had a backup looked through (request %(retrieval_id)s)"), events.RetrievalLooked
        ),
        "console.retrieval_over": Audited(
            _("asked in vain to get something back (request %(retrieval_id)s)"),
            events.RetrievalOver,
        ),
    }
    for kind, one in declared.items():
        audited.add(kind, one)
