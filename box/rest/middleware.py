"""The first that a call of a program meets: here its secret leaves the address, and its cookies are dropped.

The dialect puts the secret into the path, `/rest/17/<secret>/user.get`, and paths are written into logs,
shown on pages of errors and kept in traces. So nothing behind this door sees it: the address becomes
`/rest/user.get`, and the secret an attribute that only `endpoint` reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse

from box.core.registry.rest import ApiRefused
from box.lib.php_xml import xml_of
from box.rest.dialect import broken, no_method, refused
from box.rest.tokens import Secret

FOLDER = "/rest/"
XML = ".xml"
V3 = "api/"
"""Before the name of a method of version 3."""
DESCRIPTION = "/rest/openapi.json"
DOWNLOAD = "/rest/download.json"
TOKENS = "/oauth/token/"
AUTH = ("auth", "access_token")
_WITH_SECRET = re.compile(r"/rest/+(api/+)?(\d{1,18})/+([^/]*)/*(.*)", re.DOTALL)
_OF_A_BODY = frozenset({"Content-Type", "Content-Length"})
_BEARER = "bearer "


@dataclass(frozen=True)
class Credentials:
    """What came with the call; `user_id` only in an address."""

    secret: Secret
    user_id: int | None = None


class DoorMiddleware:
    """Stands first: what is below logs addresses, and some of it fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == TOKENS:
            take_token_parameters(request)
        if not request.path_info.startswith(FOLDER):
            return self.get_response(request)
        credentials = take_credentials(request)
        request.credentials = credentials  # type: ignore[attr-defined]
        if request.path_info != DESCRIPTION or credentials is not None:
            # A browser's session opens nothing here, so that no page of others can use it.
            request.META.pop("HTTP_COOKIE", None)
        response = self.get_response(request)
        response.cookies.clear()
        is_way_to_bytes = request.path_info == DOWNLOAD and response.status_code == 302
        if is_way_to_bytes:
            return response
        answer = response if is_json(response) else _in_our_words(response)
        return as_xml(answer) if request.path_info.endswith(XML) else answer


def take_credentials(request: HttpRequest) -> Credentials | None:
    """Takes them out of the request."""
    authorization = request.META.pop("HTTP_AUTHORIZATION", "")
    match = _WITH_SECRET.fullmatch(request.path_info)
    if match is not None:
        path = FOLDER + (V3 if match[1] else "") + match[4]
        request.path = request.path_info = path
        request.META["PATH_INFO"] = path
        for name in ("RAW_URI", "REQUEST_URI"):
            request.META.pop(name, None)
        return Credentials(Secret(match[3]), int(match[2]))
    if authorization.lower().startswith(_BEARER):
        return Credentials(Secret(authorization[len(_BEARER) :].strip()))
    return _in_query(request)


def _in_query(request: HttpRequest) -> Credentials | None:
    """An access token as applications send it, `?auth=`; those in a body are read with the body."""
    pairs = parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)
    secrets = [value for name, value in pairs if name in AUTH and value]
    if not secrets:
        return None
    _set_query(request, urlencode([(name, value) for name, value in pairs if name not in AUTH]))
    return Credentials(Secret(secrets[0]))


def take_token_parameters(request: HttpRequest) -> None:
    """A client's secret and its codes, out of the address and the body."""
    given = dict(parse_qsl(request.META.get("QUERY_STRING", "")))
    _set_query(request, "")
    if request.method == "POST":
        given |= {name: str(value) for name, value in request.POST.items()}
    vars(request)["token_parameters"] = given


def _set_query(request: HttpRequest, query: str) -> None:
    request.META["QUERY_STRING"] = query
    for name in ("RAW_URI", "REQUEST_URI"):
        request.META.pop(name, None)


def as_xml(response: HttpResponse) -> HttpResponse:
    """The same answer for programs that asked for `<method>.xml`."""
    body = xml_of(json.loads(response.content), root="response")
    headers = {name: value for name, value in response.headers.items() if name not in _OF_A_BODY}
    return HttpResponse(body, "application/xml; charset=utf-8", status=response.status_code, headers=headers)


def is_json(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("application/json")


def _in_our_words(response: HttpResponse) -> HttpResponse:
    """A page of an error, as programs understand it: the box can only be read, or has lost its database."""
    if response.status_code == 404:
        return refused(no_method())
    retry = response.headers.get("Retry-After")
    headers = {"Retry-After": retry} if retry else {}
    if response.status_code == 503:
        return refused(
            ApiRefused("SERVICE_UNAVAILABLE", "The box cannot do this now: try again later", status=503),
            **headers,
        )
    if response.status_code < 500:
        return refused(ApiRefused("INVALID_REQUEST", "Wrong request", status=response.status_code), **headers)
    return refused(broken())
