"""A box that clients in processes of their own speak to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler, _StaticFilesHandler

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Handler(QuietWSGIRequestHandler):
    @override
    def get_environ(self) -> Any:
        """As a box's balancer says it."""
        return super().get_environ() | {"HTTP_X_FORWARDED_PROTO": "https"}


class _Server(LiveServerThread):
    def _create_server(self, connections_override: Any = None) -> ThreadedWSGIServer:
        return ThreadedWSGIServer((self.host, self.port), _Handler, allow_reuse_address=False)


@pytest.fixture
def address(transactional_db: None, settings: Any) -> Iterator[str]:
    """Where the box's calendars are."""
    settings.ALLOWED_HOSTS = ["localhost"]
    server = _Server("localhost", _StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    yield f"http://localhost:{server.port}"
    server.terminate()
