"""The REST API described as OpenAPI 3.1, from the same declarations by which it answers.

Source: https://spec.openapis.org/oas/v3.1.0.html
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from box.core.registry.rest import (
    AsSent,
    Conditions,
    ListParameters,
    Method,
    Several,
    Sorting,
    Structures,
    YesNo,
    methods,
    scopes,
)
from box.core.registry.services import is_on
from box.rest.taking_over import AT, BY

_ERRORS = {
    "400": (
        "ERROR_ARGUMENT",
        "What was sent is wrong, or ERROR_NOT_FOUND: there is no such thing; the description says what.",
    ),
    "401": ("NO_AUTH_FOUND", "The webhook is unknown, revoked or over, or its person has left."),
    "403": ("insufficient_scope", "The webhook or its person may not do this."),
    "404": ("ERROR_METHOD_NOT_FOUND", "There is no such method."),
    "503": ("QUERY_LIMIT_EXCEEDED", "Too many requests: wait as long as Retry-After says."),
}


def description() -> dict[str, Any]:
    """The methods of all services that are on."""
    known = {name: one for name, one in methods.items() if is_on(one.room)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Korobka REST API", "version": settings.VERSION},
        "servers": [{"url": f"{settings.PORTAL_URL}/rest"}],
        "security": [{"webhook": []}],
        "tags": [
            {"name": key, "description": str(scope.help)}
            for key, scope in scopes.items()
            if is_on(scope.room)
        ],
        "paths": {f"/{name}": {"post": _operation(name, one)} for name, one in sorted(known.items())},
        "components": {
            "securitySchemes": {
                "webhook": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": _("The secret of a webhook: see “Integrations” in your menu."),
                }
            },
            "schemas": {"Error": _ERROR, "Time": _TIME},
        },
    }


def _operation(name: str, method: Method) -> dict[str, Any]:
    about: dict[str, Any] = {
        "operationId": name,
        "summary": str(method.about),
        "externalDocs": {"url": method.source},
        "tags": list(method.scopes[:1]),
        "requestBody": {
            "content": {
                kind: {"schema": _parameters(method)}
                for kind in ("application/json", "application/x-www-form-urlencoded")
            }
        },
        "responses": {"200": _answer(method), **{status: _error(status) for status in _ERRORS}},
    }
    if method.makes is not None:
        about["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "maxLength": 255},
                "description": _("The same key again within a week makes nothing new."),
            }
        ]
    return about


def _parameters(method: Method) -> dict[str, Any]:
    fields = method.parameters().fields
    required = [name for name, one in fields.items() if one.required]
    known = {name: _field(one) for name, one in fields.items()}
    if method.filters:
        by = ", ".join(method.filters)
        known |= {name: {} for name in method.filters if name not in known}
        if "FILTER" in known:
            known["FILTER"]["description"] = f"{known['FILTER'].get('description', '')} {by}".strip()
    if method.takes_over:
        known |= {
            BY: {"type": "integer", "description": _("Whose doing it was, for a migration.")},
            AT: {"type": "string", "format": "date-time", "description": _("When it was, for a migration.")},
        }
    return {"type": "object", "properties": known, **({"required": required} if required else {})}


def _field(field: forms.Field) -> dict[str, Any]:
    match field:
        case forms.IntegerField():
            schema: dict[str, Any] = {"type": "integer"}
        case forms.DateTimeField():
            schema = {"type": "string", "format": "date-time"}
        case Several():
            schema = {"type": "array", "items": {"type": "string"}}
        case Structures():
            schema = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
        case Conditions():
            schema = {"type": "object", "additionalProperties": True}
        case Sorting():
            schema = {"type": ["string", "object"]}
        case AsSent():
            schema = {}
        case YesNo():
            schema = {"type": "string", "enum": ["Y", "N"]}
        case forms.CharField(max_length=longest) if longest:
            schema = {"type": "string", "maxLength": longest}
        case _:
            schema = {"type": "string"}
    if field.help_text:
        schema["description"] = str(field.help_text)
    return schema


def _answer(method: Method) -> dict[str, Any]:
    whole: dict[str, Any] = {"result": dict(method.result), "time": {"$ref": "#/components/schemas/Time"}}
    if issubclass(method.parameters, ListParameters):
        whole |= {"total": {"type": "integer"}, "next": {"type": "integer"}}
    schema = {"type": "object", "properties": whole, "required": ["result", "time"]}
    return {"description": str(method.about), "content": {"application/json": {"schema": schema}}}


def _error(status: str) -> dict[str, Any]:
    code, text = _ERRORS[status]
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": f"{code}: {text}", "content": {"application/json": {"schema": schema}}}


_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error", "error_description"],
}
_TIME = {
    "type": "object",
    "properties": {
        "start": {"type": "number"},
        "finish": {"type": "number"},
        "duration": {"type": "number"},
        "processing": {"type": "number"},
        "date_start": {"type": "string", "format": "date-time"},
        "date_finish": {"type": "string", "format": "date-time"},
        "operating_reset_at": {"type": "integer"},
        "operating": {"type": "number"},
    },
}
