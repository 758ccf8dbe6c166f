"""Two questions: can this worker answer (the balancer's), and has it everything it works with (monitors')."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from box.core.registry.offers import Offers

logger = logging.getLogger(__name__)

# Each asks one part of the box: returns a word about how it is, or raises.
checks: Offers[Callable[[], str]] = Offers("health checks")

OK = "ok"
AWAY = "away"


def is_read_only() -> bool:
    """True while the machine says that nothing can be saved: no room is left, or nobody leads the data."""
    return is_disk_full() or (settings.STATE_DIR / "no-leader").exists()


def is_disk_full() -> bool:
    """Whether what people write finds no room: on this machine, or in a cluster where the database is led."""
    return (settings.STATE_DIR / ("no-room" if settings.NODE else "read-only")).exists()


def healthz(request: HttpRequest) -> HttpResponse:
    """This worker answers. Asks nobody else: a worker is not ill because the database is."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """A word about each part; 503 if there is no database, without which nothing works."""
    words = {name: _checked(name, check) for name, check in checks.items()}
    return JsonResponse(
        words, status=503 if words["database"] == AWAY else 200, headers={"Cache-Control": "no-store"}
    )


PROBES: Mapping[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}


def _checked(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception:
        # Monitors are told the word, the log the reason: who asks need not be anybody we know.
        logger.warning("%s doesn't answer", name, exc_info=True)
        return AWAY


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool")
        (refuses_writes,) = cursor.fetchone()
    return "read-only" if refuses_writes or is_read_only() else OK


def memory_cache() -> str:
    """Django's cache swallows errors, so that pages work without it; what was put in must come out."""
    key = f"health:{uuid4()}"
    cache.set(key, OK, 5)
    return cache.get(key) or AWAY


checks.add("database", database)
checks.add("cache", memory_cache)
