"""What conditions of robots may ask of a record: its fields by name, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from box.apps.crm.conditions import Field, Type

if TYPE_CHECKING:
    from box.apps.crm.models import Record

FIELDS: Mapping[str, Field] = {
    "title": Field(_("title"), Type.TEXT),
    "amount": Field(_("amount"), Type.NUMBER),
    "currency": Field(_("currency"), Type.TEXT),
    "source": Field(_("source"), Type.CHOICE),
    "comment": Field(_("comment"), Type.TEXT),
    "expected_on": Field(_("expected to end on"), Type.DATE),
    "begins_on": Field(_("begins on"), Type.DATE),
    "company": Field(_("client's company"), Type.CHOICE),
    "contact": Field(_("contact"), Type.CHOICE),
    "tax_number": Field(_("tax number"), Type.TEXT),
    "utm_source": Field("utm_source", Type.TEXT),
    "utm_campaign": Field("utm_campaign", Type.TEXT),
}
"""Sources go by their codes, clients by their numbers."""


def values_of(record: Record) -> dict[str, Any]:
    return {
        "title": record.title,
        "amount": record.amount or None,
        "currency": record.currency,
        "source": record.source.code if record.source else None,
        "comment": record.comment,
        "expected_on": record.expected_on,
        "begins_on": record.begins_on,
        "company": str(record.company_id) if record.company_id else None,
        "contact": str(record.contact_id) if record.contact_id else None,
        "tax_number": record.tax_number,
        "utm_source": record.utm.get("utm_source"),
        "utm_campaign": record.utm.get("utm_campaign"),
    }
