"""What this portal calls itself towards programs."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from box.core.registry.models import StoredSetting

# Stored as settings are, and no choice of anybody's.
MEMBER_ID = "rest.member_id"


def server_name() -> str:
    """With the port, where it is none of its own."""
    return urlsplit(settings.PORTAL_URL).netloc


def member_id() -> str:
    """By which programs tell several portals apart, in events, tokens and frames alike: 32 characters.

    Of the address that the portal had when it was first told, and the same ever since: a portal that gets
    another name, or is brought back on another machine, is still the same portal to them.
    """
    digest = hashlib.sha256(f"member:{server_name()}".encode()).hexdigest()[:32]
    defaults = {"value": digest, "changed_at": timezone.now()}
    return str(StoredSetting.objects.get_or_create(key=MEMBER_ID, defaults=defaults)[0].value)
