"""Calls for programs: other exchanges tell of theirs, as they told Bitrix24."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls import statistic_api
from box.apps.calls.actions.external import NewCall, finish_call, hide_call, register_call, show_call
from box.apps.calls.models import LoggedCall
from box.bridges.telephony.models import Extension
from box.core.accounts.models import User
from box.core.registry.rest import (
    DOCS,
    Call,
    Method,
    Parameters,
    Scope,
    Several,
    YesNo,
    methods,
    not_found,
    scopes,
    shaped,
)
from box.lib.numbers import whole_number
from box.lib.pages import numbers_in

SCOPE = "telephony"
# 1: outgoing, 2: incoming, 3: incoming and passed on, 4: a call back.
INCOMING = {2, 3}
# The status codes of SIP, as far as anybody sends them.
_RESULTS = {200: "answered", 304: "no answer", 603: "no answer", 486: "busy"}


class _OfUser(Parameters):
    USER_ID = forms.IntegerField(required=False)
    USER_PHONE_INNER = forms.CharField(required=False, max_length=15)


class Register(_OfUser):
    PHONE_NUMBER = forms.CharField(max_length=60)
    TYPE = forms.TypedChoiceField(coerce=int, choices=[(n, n) for n in range(1, 5)])
    CALL_START_DATE = forms.DateTimeField(required=False)
    LINE_NUMBER = forms.CharField(required=False, max_length=80)
    SHOW = YesNo(required=False)


class Finish(_OfUser):
    CALL_ID = forms.CharField(max_length=100)
    DURATION = forms.IntegerField(min_value=0)
    STATUS_CODE = forms.CharField(required=False, max_length=10)


class Show(Parameters):
    CALL_ID = forms.CharField(max_length=100)
    USER_ID = Several(required=False)


def register(call: Call) -> dict[str, Any]:
    given = call.values
    shows = given["SHOW"] if "SHOW" in call.parameters.given else True
    new = NewCall(
        number=given["PHONE_NUMBER"],
        user=_user(call),
        is_incoming=given["TYPE"] in INCOMING,
        started_at=min(given["CALL_START_DATE"] or call.now, call.now),
        line=given["LINE_NUMBER"],
        is_shown=shows,
    )
    return {"CALL_ID": register_call(new, by=call.user).external_key}


def finish(call: Call) -> dict[str, Any]:
    given = call.values
    seconds = given["DURATION"]
    code = given["STATUS_CODE"] or ("200" if seconds else "304")
    result = _RESULTS.get(whole_number(code) or 0, "failed")
    found = finish_call(_found(call), _user(call), seconds, result, by=call.user)
    return {"CALL_ID": found.external_key, "CALL_DURATION": found.talk_seconds}


def show(call: Call) -> bool:
    show_call(_found(call), _people(call), by=call.user, now=call.now)
    return True


def hide(call: Call) -> bool:
    hide_call(_found(call), _people(call), by=call.user, now=call.now)
    return True


def _found(call: Call) -> LoggedCall:
    seen = LoggedCall.objects.visible_to(call.user).exclude(external_key="")
    found = seen.filter(external_key=call.values["CALL_ID"]).first()
    if found is None:
        raise not_found(_("There is no such call."))
    return found


def _user(call: Call) -> User:
    """By number, by extension, or whoever asks."""
    given = call.values
    found: User | None = call.user
    if given["USER_ID"]:
        found = User.objects.active().filter(pk=given["USER_ID"]).first()
    elif given["USER_PHONE_INNER"]:
        of = Extension.objects.filter(number=given["USER_PHONE_INNER"], user__isnull=False)
        found = User.objects.active().filter(pk__in=of.values("user")).first()
    if found is None:
        raise not_found(_("Nobody here has this number."))
    return found


def _people(call: Call) -> list[User]:
    ids = numbers_in(call.values["USER_ID"])
    if not call.values["USER_ID"]:
        return [call.user]
    return list(User.objects.active().filter(pk__in=ids[:50]))


def declare() -> None:
    statistic_api.declare()
    about = gettext_lazy("Tell of the calls of your own exchange, and show them to those who are called.")
    scopes.add(SCOPE, Scope(gettext_lazy("Telephony"), about, room="calls"))
    flag = {"type": "boolean"}
    begun, finished = shaped(CALL_ID="string"), shaped(CALL_ID="string", CALL_DURATION="integer")
    for name, text, parameters, answer, result in (
        ("register", gettext_lazy("A call has begun; answers with its id."), Register, register, begun),
        ("finish", gettext_lazy("It is over."), Finish, finish, finished),
        ("show", gettext_lazy("Shows its window to these people."), Show, show, flag),
        ("hide", gettext_lazy("Hides it from them."), Show, hide, flag),
    ):
        methods.add(
            f"telephony.externalcall.{name}",
            Method(
                room="calls",
                scopes=(SCOPE,),
                about=text,
                parameters=parameters,
                answer=answer,
                result=result,
                source=f"{DOCS}telephony/telephony-external-call-{name}.html",
            ),
        )
