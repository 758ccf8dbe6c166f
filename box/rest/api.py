"""What every webhook may ask: which methods there are, what it may, what time it is, and who it acts as."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy

from box.core.registry.rest import DOCS, ApiRefused, Call, Method, Parameters, YesNo, methods, scopes, shaped
from box.core.registry.services import is_on
from box.rest.models import Application

ROOM = "rest"
_NAMES = {"type": "array", "items": {"type": "string"}}


class MethodsAsked(Parameters):
    FULL = YesNo(
        required=False, help_text=gettext_lazy("All there are, not only those that the webhook may.")
    )
    SCOPE = forms.CharField(required=False, help_text=gettext_lazy("Those of this scope."))


class ScopeAsked(Parameters):
    FULL = YesNo(required=False, help_text=gettext_lazy("All there are, not only those of the webhook."))


def names_of_methods(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/system/methods.html

    With an empty `scope`: those that need none.
    """
    known = {name: one for name, one in methods.items() if is_on(one.room)}
    if "SCOPE" in call.parameters.given:
        scope = call.values["SCOPE"]
        return [name for name, one in known.items() if (scope in one.scopes if scope else not one.scopes)]
    if call.values["FULL"]:
        return list(known)
    return [name for name, one in known.items() if not one.scopes or not call.scopes.isdisjoint(one.scopes)]


def names_of_scopes(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/system/scope.html"""
    known = [name for name, scope in scopes.items() if is_on(scope.room)]
    return known if call.values["FULL"] else [name for name in known if name in call.scopes]


def server_time(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/system/server-time.html"""
    return timezone.localtime(call.now).isoformat(timespec="seconds")


def profile(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/users/profile.html"""
    person = call.user
    return {
        "ID": str(person.pk),
        "ADMIN": person.is_administrator,
        "NAME": person.first_name,
        "LAST_NAME": person.last_name,
        "TIME_ZONE": person.time_zone,
    }


def app_info(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/system/app-info.html"""
    application = Application.objects.filter(grants__webhook=call.webhook_id).first()
    if application is None:
        raise ApiRefused("ACCESS_DENIED", "Access denied! Application context required")
    return {
        "ID": application.pk,
        "CODE": application.client_id,
        "VERSION": 1,
        # One portal's own, which costs nothing.
        "STATUS": "L",
        "INSTALLED": True,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": get_language() or "en",
        "LICENSE": "",
        "LICENSE_TYPE": "",
        "LICENSE_FAMILY": "",
    }


def declare() -> None:
    methods.add(
        "app.info",
        Method(
            room=ROOM,
            about=gettext_lazy("Which application calls."),
            answer=app_info,
            result=shaped(
                ID="integer",
                CODE="string",
                VERSION="integer",
                STATUS="string",
                INSTALLED="boolean",
                PAYMENT_EXPIRED="string",
                DAYS="integer?",
                LANGUAGE_ID="string",
                LICENSE="string",
                LICENSE_TYPE="string",
                LICENSE_FAMILY="string",
            ),
            source=f"{DOCS}common/system/app-info.html",
        ),
    )
    methods.add(
        "methods",
        Method(
            room=ROOM,
            about=gettext_lazy("Names of the methods."),
            parameters=MethodsAsked,
            answer=names_of_methods,
            result=_NAMES,
            source=f"{DOCS}common/system/methods.html",
        ),
    )
    methods.add(
        "scope",
        Method(
            room=ROOM,
            about=gettext_lazy("Names of the scopes."),
            parameters=ScopeAsked,
            answer=names_of_scopes,
            result=_NAMES,
            source=f"{DOCS}common/system/scope.html",
        ),
    )
    methods.add(
        "server.time",
        Method(
            room=ROOM,
            about=gettext_lazy("What time it is at the box."),
            answer=server_time,
            result={"type": "string", "format": "date-time"},
            source=f"{DOCS}common/system/server-time.html",
        ),
    )
    methods.add(
        "profile",
        Method(
            room=ROOM,
            about=gettext_lazy("In whose name the webhook acts, whatever its scopes are."),
            answer=profile,
            result=shaped(
                ID="string", ADMIN="boolean", NAME="string", LAST_NAME="string", TIME_ZONE="string"
            ),
            source=f"{DOCS}common/users/profile.html",
        ),
    )
