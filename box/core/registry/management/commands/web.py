"""`manage.py web`: one web worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.servers.basehttp import get_internal_wsgi_application
from django.template.loader import get_template
from django.urls import get_resolver

from box.core.registry.metrics import requests
from box.core.registry.worker import serve, use_pool


class Command(BaseCommand):
    help = "Serve the portal on a Unix socket, to the balancer."
    # The worker starts, and answers /healthz, whatever the database does.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--socket", type=Path, required=True, help="where the balancer connects")
        parser.add_argument("--threads", type=int, default=8, help="requests at a time (default 8)")

    def handle(self, *args: Any, socket: Path, threads: int, **options: Any) -> None:
        requests.worker = socket.stem
        use_pool(threads=threads)
        application = get_internal_wsgi_application()
        load_pages()
        serve(application, socket, threads=threads)


def load_pages() -> None:
    """Before the balancer finds the socket, or whoever comes first waits for it: a second of processor, which
    is twenty on a machine that is busy with an upgrade."""
    get_resolver().url_patterns  # noqa: B018 - a cached property, which imports every room's views
    for name in ("base.html", "components.html"):
        get_template(name)
