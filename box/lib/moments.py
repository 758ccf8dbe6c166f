"""Moments that people plan with, and that a row can keep.

PostgreSQL keeps moments that Python cannot read, and Python has some that it cannot say in another zone: one
such row breaks every page that shows it, for everybody.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def refuse_distant(*moments: datetime | None) -> None:
    """Raises ValidationError for one that nobody means. None is no moment."""
    if not all(EARLIEST <= moment <= LATEST for moment in moments if moment is not None):
        raise ValidationError(_("This time is too far away."), code="times")
