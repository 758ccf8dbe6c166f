"""In which encoding forms are read."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class EncodingMiddleware:
    """Refuses forms that say of themselves that they are in anything but UTF-8, as Django does with those
    that carry no files. It would take any codec of Python's, and some take the square of a text: 2 MB kept a
    worker for minutes, of whoever has not signed in too. Browsers say nothing of it, and send UTF-8."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Django has looked for the codec: there is one of this name.
        is_read = request.encoding is None or codecs.lookup(request.encoding).name == "utf-8"
        if request.content_type == "multipart/form-data" and not is_read:
            return HttpResponse(
                "Forms are read in UTF-8: send this one so, and leave the charset out of its Content-Type.",
                content_type="text/plain; charset=utf-8",
                status=400,
            )
        return self.get_response(request)
