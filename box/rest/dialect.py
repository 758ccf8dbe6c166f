"""How Bitrix24's REST API answers: `result`, `total`, `next` and `time`, or `error` with its description.

Sources: https://apidocs.bitrix24.com/error-codes.html, https://apidocs.bitrix24.com/settings/how-to-call-rest-api/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import JsonResponse
from django.utils import timezone

from box.core.registry.rest import ApiRefused

HEADERS = {"Cache-Control": "no-store"}
# Of Bitrix24's other ways to say who calls; they have no meaning here and are no parameters either.
_NOT_PARAMETERS = frozenset(("auth", "access_token", "sessid"))
# What its libraries add to find a call again: BX24_REQUEST_ID, bx24_sdk_ver, bx24_sdk_type.
_TRACING = "bx24_"


def parameters_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what came with a call, what the method is meant to know."""
    return {
        name: value
        for name, value in given.items()
        if (lower := name.lower()) not in _NOT_PARAMETERS and not lower.startswith(_TRACING)
    }


@dataclass(frozen=True)
class Answer:
    """What came of one call. `total` and `next` are there for lists."""

    result: Any
    began_at: datetime
    total: int | None = None
    next: int | None = None
    error: ApiRefused | None = None

    def as_json(self, now: datetime) -> dict[str, Any]:
        told: dict[str, Any] = {"result": self.result}
        for name in ("next", "total"):
            if (value := getattr(self, name)) is not None:
                told[name] = value
        return {**told, "time": time_of(self.began_at, now)}


def time_of(began_at: datetime, now: datetime) -> dict[str, Any]:
    """Moments in seconds since 1970, lengths in seconds. `operating` is the cloud's, which limits how long a
    method works in ten minutes: here nothing does, so it stays 0."""
    seconds = (now - began_at).total_seconds()
    return {
        "start": began_at.timestamp(),
        "finish": now.timestamp(),
        "duration": seconds,
        "processing": seconds,
        "date_start": timezone.localtime(began_at).isoformat(timespec="seconds"),
        "date_finish": timezone.localtime(now).isoformat(timespec="seconds"),
        "operating_reset_at": int(now.timestamp()) + 600,
        "operating": 0,
    }


def error_of(refusal: ApiRefused) -> dict[str, str]:
    return {"error": refusal.code, "error_description": str(refusal.text)}


def refused(refusal: ApiRefused, **headers: str) -> JsonResponse:
    response = JsonResponse(error_of(refusal), status=refusal.status, headers={**HEADERS, **headers})
    # Django logs what is answered so: of what we refuse on purpose there is nothing to mend, and of our own
    # failures `dispatch` has said more.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


# Of https://apidocs.bitrix24.com/api-reference/rest-v3/index.html, for the codes of the older versions.
_CODES_OF_V3 = {
    "ERROR_NOT_FOUND": "BITRIX_REST_V3_EXCEPTION_ENTITYNOTFOUNDEXCEPTION",
    "ACCESS_DENIED": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION",
    "ERROR_ARGUMENT": "BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION",
    "ERROR_METHOD_NOT_FOUND": "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION",
}


def refused_by_v3(refusal: ApiRefused, **headers: str) -> JsonResponse:
    """An error in the shape of version 3, which names the fields that are wrong as they are sent."""
    error: dict[str, Any] = {
        "code": _CODES_OF_V3.get(refusal.code, refusal.code),
        "message": str(refusal.text),
    }
    if refusal.fields:
        told = [{"field": name.lower(), "message": text} for name, text in refusal.fields.items()]
        error["validation"] = told
    response = JsonResponse({"error": error}, status=refusal.status, headers={**HEADERS, **headers})
    # See `refused`.
    vars(response)["_has_been_logged"] = True
    return response


def told(answer: Answer) -> JsonResponse:
    return JsonResponse(answer.as_json(datetime.now(UTC)), headers=HEADERS)


def php_array(values: Mapping[str, Any]) -> Any:
    """As PHP writes an array: a list where its keys are 0, 1, 2 ..., and an empty one is a list as well."""
    is_list = list(values) == [str(number) for number in range(len(values))]
    return list(values.values()) if is_list else dict(values)


# What any method may answer


def no_credentials() -> ApiRefused:
    return ApiRefused("NO_AUTH_FOUND", "Wrong authorization data", status=401)


def wrong_credentials() -> ApiRefused:
    """The same for a secret that nobody has, one that is over, and one whose person has left; and for none:
    https://apidocs.bitrix24.com/error-codes.html knows one code for all of them."""
    return no_credentials()


def no_method() -> ApiRefused:
    return ApiRefused("ERROR_METHOD_NOT_FOUND", "Method not found!", status=404)


def no_scope() -> ApiRefused:
    text = "The request requires higher privileges than provided by the webhook token"
    return ApiRefused("insufficient_scope", text, status=403)


def too_many() -> ApiRefused:
    """With it comes `Retry-After`."""
    return ApiRefused("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503)


def took_too_long() -> ApiRefused:
    """https://apidocs.bitrix24.com/error-codes.html"""
    return ApiRefused("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)


def broken() -> ApiRefused:
    return ApiRefused("INTERNAL_SERVER_ERROR", "Internal server error", status=500)
