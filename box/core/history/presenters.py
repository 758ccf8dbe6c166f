"""An object's history as its reader sees it, in two queries however long it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from box.core.history.models import Line
from box.core.history.redaction import readable
from box.core.registry.auditing import sentence_of

if TYPE_CHECKING:
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.registry.capabilities import Ref

PAGE = 20


@dataclass(frozen=True)
class Told:
    at: datetime
    by: User | None
    sentence: str

    @property
    def who(self) -> str:
        return self.by.name if self.by else _("The box")


@dataclass(frozen=True)
class History:
    ref: Ref
    lines: tuple[Told, ...]
    before: int | None
    """The line below which there are more."""


def history_of(ref: Ref, *, reader: User | None = None, before: int | None = None) -> History:
    """Newest first, as far as its reader may know; None: all of it. Whether they may see the object is asked
    beforehand."""
    lines = Line.objects.about(ref.kind, ref.id).newest_first().select_related("by")
    found = list((lines.before(before) if before else lines)[: PAGE + 1])
    shown = found[:PAGE]
    seen = shown if reader is None else readable(ref, reader, shown)
    told = tuple(Told(one.at, one.by, sentence_of(one.kind, one.details)) for one in seen)
    return History(ref, told, shown[-1].pk if len(found) > PAGE else None)
