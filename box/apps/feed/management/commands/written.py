"""`manage.py written`: whether a post can be written with this release on these tables."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from box.apps.feed.actions import Draft, publish_post
from box.core.accounts.models import User


class Command(BaseCommand):
    help = "Writes a post, and takes it back before anybody sees it. Run by an upgrade."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        author = User.objects.active().order_by("-is_administrator", "pk").first()
        if author is None:
            return  # a box without people, just being made
        with transaction.atomic():
            publish_post(Draft(text="Is this box well?"), by=author)
            transaction.set_rollback(True)
