"""The address that phones and mail programs speak to. No session is read there, and no cookie set."""

from __future__ import annotations

import base64
import binascii
import logging
import sys
from io import BytesIO
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from box.bridges.dav.passwords import device_of, note_use
from box.bridges.dav.session import FOLDER, LARGEST_OBJECT, LARGEST_REQUEST, Session, serving
from box.bridges.dav.skeleton import skeleton
from box.core.accounts.throttle import Quota
from box.core.registry.company import LANGUAGE
from box.core.registry.health import is_read_only
from box.core.registry.origin import address_of

log = logging.getLogger(__name__)

METHODS = (
    "GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE", "PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR",
    "MKCOL", "MOVE",
)  # fmt: skip
CHALLENGE = 'Basic realm="Korobka", charset="UTF-8"'
# Of one network within a quarter of an hour: some hundred phones behind one address.
MOST_REQUESTS = 60_000
# That the server invites (RFC 6638): programs leave the letters to it.
SCHEDULES = "calendar-auto-schedule"
_PASSED_ON = ("wsgi.", "HTTP_DEPTH", "HTTP_IF_", "HTTP_DESTINATION", "HTTP_OVERWRITE", "HTTP_PREFER")


@login_not_required
@never_cache
@csrf_exempt
def discovery(request: HttpRequest) -> HttpResponse:
    """Where programs look that know nothing but the host (RFC 6764)."""
    return HttpResponsePermanentRedirect(f"{FOLDER}/")


@sensitive_variables("password")
@login_not_required
@never_cache
@csrf_exempt
def dav(request: HttpRequest, path: str | None = None) -> HttpResponse:
    now, address = timezone.now(), address_of(request)
    if request.method not in METHODS:
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS)})
    if not is_read_only() and not Quota("dav", address, MOST_REQUESTS).take(now):
        return HttpResponse(status=429, headers={"Retry-After": "900"})
    login, password = _credentials(request)
    found = device_of(login, password, address, now) if login else None
    if found is None:
        return HttpResponse(status=401, headers={"WWW-Authenticate": CHALLENGE})
    device, user = found
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > LARGEST_REQUEST:
        return HttpResponse(status=413)
    note_use(device, address, request.headers.get("User-Agent", ""), now)
    session = Session(user, schedule_match=request.headers.get("If-Schedule-Tag-Match", "").strip())
    with serving(session), translation.override(user.language or LANGUAGE.value):
        return _answer(request, path or "/", session)


def _credentials(request: HttpRequest) -> tuple[str, str]:
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1000:
        return "", ""
    try:
        login, _colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    # A NUL is in no login, and no question to the database.
    return ("", "") if "\x00" in login else (login, password)


def _answer(request: HttpRequest, path: str, session: Session) -> HttpResponse:
    from box.bridges.dav.server import application

    body = request.body
    if request.method == "POST":
        return _scheduled(request, path, session)
    if request.method == "PUT":
        if len(body) > LARGEST_OBJECT:
            return HttpResponse(status=413)
        session.text = body.decode(errors="replace")
        try:
            body = skeleton(session.text).encode()
        except ValidationError as error:
            session.refuse(error)
            return _refusal(request, path, session)
    environ: dict[str, Any] = {
        name: value for name, value in request.META.items() if name.startswith(_PASSED_ON)
    }
    environ |= {
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": FOLDER, "PATH_INFO": path, "QUERY_STRING": "",
        # Without its charset: Radicale would take any codec of Python's, and some take the square of a text.
        "CONTENT_TYPE": request.content_type or "", "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body), "wsgi.errors": sys.stderr, "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_USER": session.home,
        "HTTP_HOST": request.get_host(), "wsgi.url_scheme": request.scheme,
        "SERVER_NAME": request.get_host(), "SERVER_PORT": request.get_port(),
    }  # fmt: skip
    said: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        said["status"], said["headers"] = int(status.partition(" ")[0]), headers

    content = b"".join(application()(environ, start_response))
    if session.problem:
        return _refusal(request, path, session)
    response = HttpResponse(content, status=said["status"])
    for name, value in said["headers"]:
        if name != "Content-Length":
            response.headers[name] = value
    if session.is_rewritten:
        # Whoever has the ETag of what they sent takes their own text for what is here (RFC 4791, 5.3.4).
        del response.headers["ETag"]
    if session.schedule_tag and request.method in {"GET", "HEAD", "PUT"} and response.status_code < 300:
        response.headers["Schedule-Tag"] = session.schedule_tag
    if "DAV" in response.headers:
        response.headers["DAV"] = f"{response.headers['DAV']}, {SCHEDULES}"
    return response


def _scheduled(request: HttpRequest, path: str, session: Session) -> HttpResponse:
    from box.bridges.dav.scheduling import free_busy, is_outbox

    if not is_outbox(path, session):
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS)})
    try:
        content = free_busy(request.body.decode(errors="replace"), session)
    except (PermissionDenied, ValidationError) as error:
        session.refuse(error)
        return _refusal(request, path, session)
    return HttpResponse(content, content_type="application/xml; charset=utf-8")


def _refusal(request: HttpRequest, path: str, session: Session) -> HttpResponse:
    log.info("Refused %s %r of %s: %r", request.method, path, session.user.login, session.problem)
    return HttpResponse(session.problem, status=session.status, content_type="text/plain; charset=utf-8")
