"""`placement.*`: an application says where the portal shows its pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy

from box.core.registry.rest import (
    DOCS,
    ApiRefused,
    Call,
    Conditions,
    MethodGroup,
    Parameters,
    Place,
    Scope,
    YesNo,
    listed,
    places,
    scopes,
    shaped,
)
from box.rest.access import can_send_out
from box.rest.applications import application_of
from box.rest.models import Application
from box.rest.placements import DEFAULT, LEFT_MENU, NewPlacement, bind_placement, names_for, unbind_placements

ROOM = "rest"
SCOPE = "placement"
_METHODS = MethodGroup(
    prefix="placement.", room=ROOM, scopes=(SCOPE,), source=f"{DOCS}widgets/placement-{{}}.html"
)


class PlacementBound(Parameters):
    PLACEMENT = forms.CharField(max_length=60, help_text=gettext_lazy("The name of the place."))
    HANDLER = forms.CharField(
        max_length=500, help_text=gettext_lazy("The address that is shown there: of https.")
    )
    TITLE = forms.CharField(
        required=False,
        max_length=100,
        help_text=gettext_lazy("What it is called, if not as the application."),
    )
    DESCRIPTION = forms.CharField(required=False, max_length=500, help_text=gettext_lazy("A few words."))
    GROUP_NAME = forms.CharField(required=False, max_length=100, help_text=gettext_lazy("Nothing here."))
    LANG_ALL = Conditions(
        required=False, help_text=gettext_lazy("TITLE, DESCRIPTION and GROUP_NAME by language.")
    )
    OPTIONS = Conditions(
        required=False, help_text=gettext_lazy("Of TASK_VIEW_TAB: groupId, whose tasks have the tab.")
    )
    USER_ID = forms.IntegerField(required=False, help_text=gettext_lazy("Nothing: it is for everybody."))


class PlacementUnbound(Parameters):
    PLACEMENT = forms.CharField(max_length=60, help_text=gettext_lazy("The name of the place."))
    HANDLER = forms.CharField(
        required=False,
        max_length=500,
        help_text=gettext_lazy("The address; without it all that stand there."),
    )


class PlacesAsked(Parameters):
    SCOPE = forms.CharField(required=False, help_text=gettext_lazy("Those of this scope."))
    FULL = YesNo(required=False, help_text=gettext_lazy("All there are."))


def _application(call: Call) -> Application:
    try:
        return application_of(call.webhook_id)
    except ApiRefused:
        text = "Current authorization type is denied for this method Application context required"
        raise ApiRefused("WRONG_AUTH_TYPE", text, status=403) from None


def bind(call: Call) -> bool:
    given = call.values
    if given["USER_ID"]:
        raise ApiRefused("ERROR_PLACEMENT_USER_MODE", "User mode is not available")
    new = NewPlacement(
        given["PLACEMENT"].upper(),
        given["HANDLER"],
        given["TITLE"],
        given["DESCRIPTION"],
        given["LANG_ALL"],
        given["OPTIONS"],
    )
    bind_placement(_application(call), new, by=call.user)
    return True


def unbind(call: Call) -> Any:
    given = call.values
    count = unbind_placements(_application(call), given["PLACEMENT"].upper(), given["HANDLER"], by=call.user)
    # As the source says: one for each that is found, and one more for each that is removed.
    return {"count": 2 * count}


def bound(call: Call) -> Any:
    application = _application(call)
    if not can_send_out(call.user):
        raise PermissionDenied("Access denied! Administrator access rights required")
    return [
        {
            "placement": one.place,
            "userId": 0,
            "handler": one.handler,
            # What is empty is a list in PHP.
            "options": one.options or [],
            "title": one.title,
            "description": one.description,
            "langAll": one.translations or [],
        }
        for one in application.placements.exclude(place=DEFAULT).order_by("pk")
    ]


def names(call: Call) -> Any:
    application = _application(call)
    return names_for(application, call.values["SCOPE"], all_scopes=call.values["FULL"])


def declare() -> None:
    scopes.add(
        SCOPE,
        Scope(
            gettext_lazy("Pages in the portal"),
            gettext_lazy("Show pages of its own in the portal, in frames."),
            room=ROOM,
        ),
    )
    places.add(LEFT_MENU, Place(room=ROOM))
    _METHODS.add(
        "bind",
        gettext_lazy("Shows an address of the application in the portal."),
        PlacementBound,
        bind,
        {"type": "boolean"},
    )
    _METHODS.add(
        "unbind",
        gettext_lazy("It is shown no more; answers with twice how many were."),
        PlacementUnbound,
        unbind,
        shaped(count="integer"),
    )
    _METHODS.add(
        "get",
        gettext_lazy("What the application shows where."),
        Parameters,
        bound,
        listed(placement="string", userId="integer", handler="string", title="string", description="string"),
    )
    _METHODS.add(
        "list",
        gettext_lazy("Names of places where the application can show something."),
        PlacesAsked,
        names,
        {"type": "array", "items": {"type": "string"}},
    )
