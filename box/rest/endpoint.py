"""Where programs call: `/rest/<user>/<secret>/<method>`, or `/rest/<method>` with a bearer token."""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from box.core.registry.company import TIME_ZONE
from box.core.registry.origin import address_of
from box.core.registry.rest import (
    UPLOAD_FIELD,
    ApiRefused,
    downloads,
    read_download_token,
    read_upload_token,
)
from box.core.registry.services import is_on
from box.lib import strict_json
from box.lib.numbers import whole_number
from box.lib.php_query import Misshapen, nested, parsed
from box.rest.access import refuse_outsider
from box.rest.dialect import (
    no_credentials,
    no_method,
    no_scope,
    parameters_of,
    refused,
    refused_by_v3,
    told,
    too_many,
    wrong_credentials,
)
from box.rest.dispatch import Asked, answer_to, method_name
from box.rest.limits import seconds_to_wait
from box.rest.middleware import AUTH, V3
from box.rest.openapi import description
from box.rest.single_use import used_once
from box.rest.tokens import Caller, Secret, caller_by, caller_of, note_use
from box.rest.uploads import LONGEST_FORM, most_uploaded

if TYPE_CHECKING:
    from box.rest.middleware import Credentials

LONGEST_KEY = 255
FILE_CONTENT = "FILECONTENT"


@csrf_exempt
@login_not_required
def method(request: HttpRequest, name: str = "") -> HttpResponse:
    """Without a session and without a form's token: what a browser sends by itself opens nothing."""
    is_v3, name = name.startswith(V3), name.removeprefix(V3)
    refuse = refused_by_v3 if is_v3 else refused
    if request.method not in ("GET", "POST"):
        return refuse(ApiRefused("INVALID_REQUEST", "GET or POST", status=405), Allow="GET, POST")
    try:
        caller = _caller(request)
        with translation.override(_language(caller)), timezone.override(_zone(caller)):
            return _answered(request, name, caller, is_v3=is_v3)
    except ApiRefused as refusal:
        headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
        return refuse(refusal, **headers)


def _answered(request: HttpRequest, name: str, caller: Caller, *, is_v3: bool) -> HttpResponse:
    now, refuse = timezone.now(), refused_by_v3 if is_v3 else refused
    _keep_out(caller, address_of(request))
    if wait := seconds_to_wait(caller.webhook.pk, time.time()):
        return refuse(too_many(), **{"Retry-After": str(wait)})
    note_use(caller.webhook, address_of(request), now)
    once_key = request.headers.get("Idempotency-Key", "")
    if len(once_key) > LONGEST_KEY:
        raise ApiRefused("ERROR_ARGUMENT", f"Idempotency-Key: {LONGEST_KEY} characters at most")
    answer = answer_to(Asked(method_name(name), given_in(request), once_key, is_v3), caller)
    return refuse(answer.error) if answer.error else told(answer)


def _keep_out(caller: Caller, address: str) -> None:
    """Raises ApiRefused for whoever may not come from there."""
    try:
        refuse_outsider(caller.user, address, timezone.now())
    except PermissionDenied as error:
        raise ApiRefused("ACCESS_DENIED", str(error), status=403) from None


def _caller(request: HttpRequest) -> Caller:
    """Raises ApiRefused; the same for a wrong secret and for one whose person has left."""
    credentials: Credentials | None = getattr(request, "credentials", None)
    secret = credentials.secret if credentials else _secret_in_body(request)
    if secret is None:
        raise no_credentials()
    caller = caller_of(secret, credentials.user_id if credentials else None)
    if caller is None:
        raise wrong_credentials()
    return caller


def _secret_in_body(request: HttpRequest) -> Secret | None:
    """An access token as applications send it beside the parameters."""
    try:
        given = _in_body(request)
    except (Misshapen, SuspiciousOperation, RequestDataTooBig, UnicodeDecodeError, ValueError):
        return None
    found = next((given[name] for name in AUTH if isinstance(given.get(name), str)), "")
    return Secret(found) if found else None


def given_in(request: HttpRequest) -> dict[str, Any]:
    """The parameters of the address and of the body, of which the body's win."""
    try:
        given: dict[str, Any] = dict(parsed(request.META.get("QUERY_STRING", "")))
        given |= _in_body(request)
    except Misshapen as error:
        raise ApiRefused("ERROR_ARGUMENT", str(error)) from None
    except RequestDataTooBig:
        raise ApiRefused("ERROR_ARGUMENT", "The request is too large.", status=413) from None
    except (SuspiciousOperation, UnicodeDecodeError, ValueError) as error:
        raise ApiRefused("ERROR_ARGUMENT", f"The request cannot be read: {error}") from None
    return parameters_of(given)


def _in_body(request: HttpRequest) -> Mapping[str, Any]:
    if request.method != "POST":
        return {}
    kind = request.content_type
    if kind == "application/json":
        given = strict_json.parsed(request.body) if request.body.strip() else {}
        # PHP writes an empty object as a list.
        if given == []:
            return {}
        if not isinstance(given, dict):
            raise ValueError("the body is no JSON object")
        return given
    if kind == "multipart/form-data":
        return nested(_pairs(request))
    return parsed(request.body.decode())


def _pairs(request: HttpRequest) -> Iterable[tuple[str, str]]:
    for name, texts in request.POST.lists():
        for text in texts:
            yield name, str(text)


def _language(caller: Caller) -> str:
    known = dict(settings.LANGUAGES)
    return caller.user.language if caller.user.language in known else get_language() or settings.LANGUAGE_CODE


def _zone(caller: Caller) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(caller.user.time_zone or TIME_ZONE.value)


@login_not_required
@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """Bytes of a file, by the address that a method has given a program: what it may not see by now it does
    not get. See `box.core.registry.rest.Download`."""
    told = read_download_token(request.GET.get("token", ""))
    caller = caller_by(told[0]) if told else None
    try:
        if told is None or caller is None:
            raise no_credentials()
        return _led_to_bytes(request, caller, kind=told[1], pk=told[2])
    except ApiRefused as refusal:
        return refused(refusal)


@csrf_exempt
@login_not_required
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Bytes for a method that was asked without them: see `box.core.registry.rest.upload_address`."""
    token = request.GET.get("token", "")
    asked = read_upload_token(token)
    caller = caller_by(asked[0]) if asked else None
    try:
        if asked is None or caller is None:
            raise no_credentials()
        with translation.override(_language(caller)), timezone.override(_zone(caller)):
            return _taken(request, caller, token, method=asked[1], given=asked[2])
    except ApiRefused as refusal:
        return refused(refusal)


def _taken(
    request: HttpRequest, caller: Caller, token: str, *, method: str, given: Mapping[str, Any]
) -> HttpResponse:
    address = address_of(request)
    _keep_out(caller, address)
    if wait := seconds_to_wait(caller.webhook.pk, time.time()):
        return refused(too_many(), **{"Retry-After": str(wait)})
    note_use(caller.webhook, address, timezone.now())
    with used_once(token):
        answer = answer_to(Asked(method, {**given, FILE_CONTENT: _file_in(request)}), caller)
        if answer.error:
            raise answer.error
    return told(answer)


def _file_in(request: HttpRequest) -> UploadedFile[Any]:
    """What is larger than a request may hold in memory lies on the disk until it is in the store. Raises
    ApiRefused before it is read, where it is too large."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    most = most_uploaded()
    if (whole_number(length) or 0) > most + LONGEST_FORM:
        said = f"{UPLOAD_FIELD}: {most // 10**6} MB at most"
        raise ApiRefused("ERROR_ARGUMENT", said, status=413)
    try:
        file = request.FILES.get(UPLOAD_FIELD)
    except (MultiPartParserError, SuspiciousOperation):
        file = None
    if not isinstance(file, UploadedFile):
        raise ApiRefused("ERROR_ARGUMENT", f"{UPLOAD_FIELD}: send the file in this field of a form")
    return file


def _led_to_bytes(request: HttpRequest, caller: Caller, *, kind: str, pk: int) -> HttpResponse:
    address = address_of(request)
    _keep_out(caller, address)
    if wait := seconds_to_wait(caller.webhook.pk, time.time()):
        return refused(too_many(), **{"Retry-After": str(wait)})
    if kind not in downloads or not is_on(downloads[kind].room):
        raise no_method()
    offer = downloads[kind]
    if offer.scope not in caller.webhook.scopes:
        raise no_scope()
    note_use(caller.webhook, address, timezone.now())
    way = offer.address(caller.user, pk, request.get_host())
    return HttpResponseRedirect(way, headers={"Cache-Control": "no-store"})


@login_not_required
def openapi(request: HttpRequest) -> HttpResponse:
    """For who is signed in, and for programs that have a webhook."""
    if not request.user.is_authenticated:
        try:
            _caller(request)
        except ApiRefused as refusal:
            return refused(refusal)
    return JsonResponse(description(), json_dumps_params={"ensure_ascii": False})
