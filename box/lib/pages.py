"""Answering with a page or with a part of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.template.backends.utils import csrf_input_lazy, csrf_token_lazy
from django.utils.cache import patch_vary_headers
from django_htmx.http import trigger_client_event
from jinja2_fragments import render_blocks
from markupsafe import Markup

from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.forms import BaseForm
    from django.http import HttpRequest, QueryDict

# Asks for a page and not for a part of it, as a link does.
_WHOLE = {"HX-Boosted": "true"}
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
    names = (blocks,) if isinstance(blocks, str) else blocks
    is_part = names is not None and wants_part(request)
    values = {**(context or {}), "is_part": is_part}
    if names is not None and is_part:
        html: str = part(request, template, values, blocks=names)
    else:
        html = engines["jinja2"].get_template(template).render(values, request)
    response = HttpResponse(html, status=status)
    if names:
        patch_vary_headers(response, ("HX-Request",))
    return response


def render_form(
    request: HttpRequest,
    template: str,
    form: BaseForm,
    context: dict[str, Any] | None = None,
    *,
    blocks: str | tuple[str, ...] | None = None,
) -> HttpResponse:
    """A page with a form: as it is asked for, or sent back with what is wrong in it."""
    status = REFUSED if form.is_bound else 200
    return render(request, template, {"form": form, **(context or {})}, blocks=blocks, status=status)


def part(request: HttpRequest, template: str, context: dict[str, Any], *, blocks: tuple[str, ...]) -> Markup:
    """These blocks of a page, for an answer to htmx or for another room's page."""
    backend = engines["jinja2"]
    values = {
        "is_part": False,
        **context,
        "request": request,
        "csrf_input": csrf_input_lazy(request),
        "csrf_token": csrf_token_lazy(request),
    }
    for processor in backend.template_context_processors:  # type: ignore[attr-defined]
        values.update(processor(request))
    return Markup(render_blocks(backend.env, template, blocks, values))  # type: ignore[attr-defined]  # noqa: S704


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page, rather than following a link or going back."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def lead_on(request: HttpRequest, to: str, said: str = "") -> HttpResponse:
    """After something was done: on to the page that shows what came of it, with a note."""
    if not wants_part(request):
        if said:
            messages.success(request, said)
        return redirect(to)
    location = {"path": to, "target": "#main", "select": "#main", "swap": "outerHTML"}
    response = HttpResponse(headers={"HX-Location": json.dumps({**location, "headers": _WHOLE})})
    return with_toast(response, said) if said else response


def number_of(data: QueryDict, name: str) -> int | None:
    """A number of the address, None where it is missing or is none."""
    return next(iter(numbers_in([data.get(name, "")])), None)


def ids_of(data: QueryDict, name: str) -> list[int]:
    """The numbers of a field that is there several times; what is none is left out."""
    return numbers_in(data.getlist(name))


def numbers_in(texts: Iterable[str]) -> list[int]:
    """Those that a key in the database may be; what is none is left out."""
    return [number for one in texts if (number := whole_number(one)) is not None]


def with_toast(
    response: HttpResponse, text: str, *, action: dict[str, Any] | None = None, event: str = ""
) -> HttpResponse:
    """The response, with a note that the page shows in its corner for a while.

    `action` is a button in it, such as undo: its `label`, the `url` it posts to, and the `values` it sends.
    `event` tells the page that what it shows has changed.
    """
    trigger_client_event(response, "toast", {"value": text, "action": action})
    return trigger_client_event(response, event) if event else response
