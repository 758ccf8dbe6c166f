"""What pages of one day have in common."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

SHOWN_HOURS = range(7, 21)


def day_of(text: str) -> date:
    """The day of the address; today where it names none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return timezone.localdate()
