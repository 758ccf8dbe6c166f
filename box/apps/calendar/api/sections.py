"""Calendars, for programs, which call them sections."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.actions import change_calendar, create_calendar, remove_calendar
from box.apps.calendar.api.owners import INTEGER, TRUE, OfOwner, calendar_meant, method, owner_code, type_of
from box.apps.calendar.colors import HEXADECIMAL, nearest
from box.apps.calendar.models import Calendar, Color
from box.apps.calendar.presenters import calendars_of, name_of
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.registry.rest import Call, not_found, shaped


class SectionFields(OfOwner):
    NAME = forms.CharField(required=False, max_length=80, help_text=gettext_lazy("What it is called."))
    COLOR = forms.RegexField("^#?[0-9a-fA-F]{6}$", required=False, help_text=gettext_lazy("Such as #9cbeee."))


class SectionUpdate(SectionFields):
    ID = forms.IntegerField(help_text=gettext_lazy("The calendar."))


class OfSection(OfOwner):
    ID = forms.IntegerField(help_text=gettext_lazy("The calendar."))


def sections(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-section-get.html"""
    code = owner_code(call)
    if call.may_transfer:
        # What is private in it is private to a migration too.
        every = Calendar.objects.filter(code=code).in_order()
        return [_section(one, call.user, can_write=False) for one in every]
    shown = {one.pk: one for one in calendars_of(call.user)}
    rows = Calendar.objects.filter(code=code, pk__in=shown).in_order()
    if not rows and code != code_of(call.user):
        raise not_found(_("There is no such calendar, or you do not share it."))
    return [_section(one, call.user, can_write=shown[one.pk].can_write) for one in rows]


def _section(one: Calendar, user: User, *, can_write: bool) -> dict[str, Any]:
    kind, owner = type_of(one)
    return {
        "ID": str(one.pk), "NAME": name_of(one, user), "COLOR": HEXADECIMAL[Color(one.color)],
        "CAL_TYPE": kind, "OWNER_ID": owner,
        "PERM": {
            "view_time": True, "view_title": True, "view_full": True, "add": can_write, "edit": can_write,
            "edit_section": can_write, "access": can_write,
        },
    }  # fmt: skip


def add_section(call: Call) -> Calendar:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-section-add.html"""
    if owner_code(call) != code_of(call.user):
        raise PermissionDenied(_("More calendars are made of one's own only."))
    return create_calendar(call.values["NAME"], nearest(_color(call)), by=call.user)


def update_section(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-section-update.html"""
    one = calendar_meant(call, call.values["ID"])
    color = nearest(_color(call)) if call.values["COLOR"] else one.color
    name = call.values["NAME"] or one.name
    change_calendar(one, name=name, color=color, is_open=one.is_open, by=call.user)
    return one.pk


def delete_section(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/calendar/calendar-section-delete.html"""
    remove_calendar(calendar_meant(call, call.values["ID"]), by=call.user)
    return True


def _color(call: Call) -> str:
    text = call.values["COLOR"]
    return f"#{text.removeprefix('#')}" if text else ""


_SECTION = shaped(**dict.fromkeys(("ID", "NAME", "COLOR", "CAL_TYPE", "OWNER_ID"), "string"))
_SECTION["properties"]["PERM"] = shaped(
    **dict.fromkeys(
        ("view_time", "view_title", "view_full", "add", "edit", "edit_section", "access"), "boolean"
    )
)


def declare() -> None:
    one = gettext_lazy("One more calendar of one's own.")
    all_of = gettext_lazy("Calendars of one owner.")
    changes = gettext_lazy("Changes a calendar.")
    method("section.get", all_of, OfOwner, sections, result={"type": "array", "items": _SECTION})
    method("section.add", one, SectionFields, add_section, result=INTEGER, makes=Calendar)
    method("section.update", changes, SectionUpdate, update_section, result=INTEGER)
    method("section.delete", gettext_lazy("Removes a calendar."), OfSection, delete_section, result=TRUE)
