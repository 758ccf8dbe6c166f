"""Whom a number or an address belongs to, for programs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from box.apps.crm.api.records import CLASSIC, declare_method
from box.apps.crm.contact_points import normal
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import ContactPoint, Record
from box.core.registry.company import PHONE_REGION
from box.core.registry.rest import Call, Parameters, Several, shaped

MOST_VALUES = 20
# Bitrix24 answers with so many of each type.
MOST_FOUND = 20


class ByCommunication(Parameters):
    TYPE = forms.ChoiceField(choices=[("PHONE", "PHONE"), ("EMAIL", "EMAIL")])
    VALUES = Several(help_text=gettext_lazy("At most twenty numbers or addresses."))
    ENTITY_TYPE = forms.ChoiceField(
        choices=[(name.upper(), name.upper()) for name in ("lead", "contact", "company")], required=False
    )


def found_by(call: Call) -> dict[str, list[int]] | list[Any]:
    """https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html"""
    kind, region = call.values["TYPE"].lower(), PHONE_REGION.value
    values = [normal(kind, one, region=region) for one in call.values["VALUES"][:MOST_VALUES]]
    wanted = call.values["ENTITY_TYPE"].lower()
    answer = {}
    for name in [wanted] if wanted else ["lead", "contact", "company"]:
        if not fields_for(call.user, CLASSIC[name]).sees("reached_by"):
            continue
        points = ContactPoint.objects.filter(kind=kind, normal__in=values, record__type=CLASSIC[name])
        seen = Record.objects.visible_to(call.user).there().filter(pk__in=points.values("record"))
        ids = list(seen.order_by("pk").values_list("pk", flat=True)[:MOST_FOUND])
        if ids:
            answer[name.upper()] = ids
    # An empty map is an empty list in PHP.
    return answer or []


def declare() -> None:
    found = shaped(LEAD="array of integer", CONTACT="array of integer", COMPANY="array of integer")
    about = gettext_lazy("Leads, contacts and companies with one of these numbers or addresses.")
    declare_method("crm.duplicate.findbycomm", about, ByCommunication, found_by, found)
