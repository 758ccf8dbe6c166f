"""Pages go compressed to whom that can betray nothing: see docs/dev/decisions/0108-compressed-pages.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.middleware.gzip import GZipMiddleware

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

# A page that another site has asked for, to weigh its answer, goes as it is.
_OWN = ("same-origin", "none")


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages that the portal itself, or the person, has asked for. Django adds a random length."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page or request.headers.get("Sec-Fetch-Site") not in _OWN:
            return response
        return super().process_response(request, response)
