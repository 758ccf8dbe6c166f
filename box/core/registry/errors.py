"""The pages of what went wrong: each says what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.db import DataError
from django.http import HttpResponse
from django.template import engines
from django.views.decorators.csrf import requires_csrf_token

from box.core.registry import availability

if TYPE_CHECKING:
    from django.http import HttpRequest


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _alone("400.html", status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Most often somebody signed out, or in as somebody else, in another tab."""
    return _alone("403_csrf.html", status=403)


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_shell(request, "403.html", {"reason": str(exception)}, status=403)


@requires_csrf_token
def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _in_shell(request, "404.html", {}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A database that is away is no mistake of ours, wherever around the view it was noticed; nor is a value
    that it cannot hold, such as a zero byte or a number of a hundred digits."""
    error = sys.exception()
    if isinstance(error, DataError):
        return bad_request(request, error)
    return availability.answer_to(request, error) or _alone("500.html", status=500)


def _in_shell(request: HttpRequest, template: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    return HttpResponse(engines["jinja2"].get_template(template).render(context, request), status=status)


def _alone(template: str, *, status: int) -> HttpResponse:
    # Without the request: who it comes from may be the very thing that cannot be told.
    return HttpResponse(engines["jinja2"].get_template(template).render({}), status=status)
