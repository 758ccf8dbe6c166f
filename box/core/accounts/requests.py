"""Requests of people who are signed in, which is every request but those of the few open pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from box.core.accounts.models import User


class PersonRequest(HttpRequest):
    """LoginRequiredMiddleware lets no other through: a type for the checker, never made."""

    user: User
    htmx: HtmxDetails
