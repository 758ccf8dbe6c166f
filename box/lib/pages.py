"""Answering with a page or with a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.template import engines
from django.template.backends.utils import csrf_input_lazy, csrf_token_lazy
from django.utils.cache import patch_vary_headers
from django_htmx.http import trigger_client_event
from jinja2_fragments import render_blocks

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

# What htmx swaps in after a form was refused: the form again, with what is wrong in it.
REFUSED = 422


def render(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    blocks: str | tuple[str, ...] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page; or, asked by htmx for a part and given `blocks`, only these blocks of it.

    A boosted link and a step back in history always get the whole page: the browser takes from it what it
    needs, and the address answers the same to everybody. `is_part` tells the template which of both it is.
    """
    backend = engines["jinja2"]
    names = (blocks,) if isinstance(blocks, str) else blocks
    is_part = names is not None and wants_part(request)
    values = {**(context or {}), "is_part": is_part}
    if names is not None and is_part:
        values |= {
            "request": request,
            "csrf_input": csrf_input_lazy(request),
            "csrf_token": csrf_token_lazy(request),
        }
        for processor in backend.template_context_processors:  # type: ignore[attr-defined]
            values.update(processor(request))
        html = render_blocks(backend.env, template, names, values)  # type: ignore[attr-defined]
    else:
        html = backend.get_template(template).render(values, request)
    response = HttpResponse(html, status=status)
    if names:
        patch_vary_headers(response, ("HX-Request",))
    return response


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page, rather than following a link or going back."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def number_of(data: QueryDict, name: str) -> int | None:
    """A number of the address, None where it is missing or is none."""
    value = data.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None


def with_toast(response: HttpResponse, text: str) -> HttpResponse:
    """The response, with a note that the page shows in its corner for a while."""
    return trigger_client_event(response, "toast", {"value": text})
