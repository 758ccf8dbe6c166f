"""Taking back what was just done, within some seconds, unless it was changed since.

Nothing is stored: what was and what became of it travel in a signed note to the page that did it, and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# A note is shown for ten seconds; whoever points at it, or has a slow line, gets a little more.
SECONDS = 30


def note(kind: str, *, by_id: int, **what: Any) -> str:
    """`what` is JSON. `kind` says who can read it again."""
    return signing.dumps({"by": by_id, **what}, salt=_salt(kind), compress=True)


def read(note: str, kind: str, *, by_id: int, seconds: int = SECONDS) -> Mapping[str, Any]:
    """Raises ValidationError where the note is too old, or of somebody else."""
    try:
        what: Mapping[str, Any] = signing.loads(note, salt=_salt(kind), max_age=seconds)
    except signing.BadSignature:
        raise ValidationError(
            _("It is too late to undo this: change it back by hand."), code="undo"
        ) from None
    if what["by"] != by_id:
        raise ValidationError(_("Somebody else did this."), code="undo")
    return what


def changed_since() -> ValidationError:
    return ValidationError(_("It was changed since: undo is no longer possible."), code="undo")


def _salt(kind: str) -> str:
    return f"undo.{kind}"
