"""What every webhook may ask: which methods there are, what it may, what time it is, and who it acts as."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy

from box.core.registry.rest import (
    DOCS,
    TRANSFER,
    Call,
    Conditions,
    Method,
    Parameters,
    Scope,
    YesNo,
    listed,
    methods,
    scopes,
    shaped,
)
from box.core.registry.services import is_on
from box.rest import placements_api
from box.rest.access import can_send_out
from box.rest.applications import application_of, bind_event, events_for, set_options, unbind_event

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


class EventBound(Parameters):
    EVENT = forms.CharField(max_length=60, help_text=gettext_lazy("The name of the event."))
    HANDLER = forms.CharField(max_length=500, help_text=gettext_lazy("The address that is told of it."))
    AUTH_TYPE = forms.IntegerField(
        required=False, help_text=gettext_lazy("Nothing: messages carry nobody's authorization here.")
    )
    EVENT_TYPE = forms.ChoiceField(
        required=False,
        choices=[("online", "online")],
        error_messages={
            "invalid_choice": gettext_lazy("Events are told at once here, and not kept to be fetched.")
        },
        help_text=gettext_lazy("online, which is usual."),
    )


class EventsAsked(Parameters):
    SCOPE = forms.CharField(required=False, help_text=gettext_lazy("Those of this scope."))


class OptionAsked(Parameters):
    OPTION = forms.CharField(required=False, help_text=gettext_lazy("The name of one; all without it."))


class OptionsGiven(Parameters):
    OPTIONS = Conditions(help_text=gettext_lazy("Values by their names."))


def bind(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/events/event-bind.html"""
    bind_event(
        application_of(call.webhook_id), call.values["EVENT"].upper(), call.values["HANDLER"], by=call.user
    )
    return True


def unbind(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/events/event-unbind.html"""
    application = application_of(call.webhook_id)
    count = unbind_event(application, call.values["EVENT"].upper(), call.values["HANDLER"], by=call.user)
    return {"count": count}


def bound(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/events/event-get.html"""
    listeners = application_of(call.webhook_id).listeners.order_by("pk") if can_send_out(call.user) else ()
    return [
        {"event": event, "handler": one.address, "auth_type": "0", "offline": 0}
        for one in listeners
        for event in one.events
    ]


def names_of_events(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/events/events.html"""
    return events_for(application_of(call.webhook_id), call.values["SCOPE"])


def option(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/settings/app-option-get.html"""
    options = application_of(call.webhook_id).options
    if name := call.values["OPTION"]:
        return options.get(name, "")
    return options


def set_option(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/common/settings/app-option-set.html"""
    set_options(application_of(call.webhook_id), call.values["OPTIONS"], by=call.user)
    return True


def app_info(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/common/system/app-info.html"""
    application = application_of(call.webhook_id)
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
    placements_api.declare()
    scopes.add(
        TRANSFER,
        Scope(
            gettext_lazy("Migration"),
            gettext_lazy(
                "Say of what is written whose doing it was elsewhere, and when: in the name of anybody, and"
                " nobody is told. Of administrators only."
            ),
            room=ROOM,
        ),
    )
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
    flag: dict[str, Any] = {"type": "boolean"}
    anything: dict[str, Any] = {}
    for name, about, parameters, answer, result, page in (
        ("event.bind", gettext_lazy("Has an address of the application told of an event."), EventBound, bind,
         flag, "events/event-bind"),
        ("event.unbind", gettext_lazy("It is told no more; answers with how many were."), EventBound, unbind,
         shaped(count="integer"), "events/event-unbind"),
        ("event.get", gettext_lazy("The addresses of the application that are told of events."), Parameters,
         bound, listed(event="string", handler="string", auth_type="string", offline="integer"),
         "events/event-get"),
        ("events", gettext_lazy("Names of events that the application can be told of."), EventsAsked,
         names_of_events, _NAMES, "events/events"),
        ("app.option.get", gettext_lazy("What the application keeps here, by its name or all."), OptionAsked,
         option, anything, "common/settings/app-option-get"),
        ("app.option.set", gettext_lazy("Keeps these values of the application under their names."),
         OptionsGiven, set_option, flag, "common/settings/app-option-set"),
    ):  # fmt: skip
        methods.add(
            name,
            Method(
                room=ROOM,
                about=about,
                parameters=parameters,
                answer=answer,
                result=result,
                source=f"{DOCS}{page}.html",
            ),
        )
