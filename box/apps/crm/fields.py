"""The fields that every record has, by the names that stages, imports and programs use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LABELS: Mapping[str, _StrOrPromise] = {
    "title": _("title"),
    "first_name": _("first name"),
    "patronymic": _("patronymic"),
    "last_name": _("last name"),
    "position": _("position"),
    "born_on": _("date of birth"),
    "tax_number": _("tax number"),
    "address": _("address"),
    "comment": _("comment"),
    "amount": _("amount"),
    "currency": _("currency"),
    "begins_on": _("begins on"),
    "expected_on": _("expected to end on"),
    "source": _("source"),
    "source_note": _("about the source"),
    "company": pgettext_lazy("client", "company"),
    "contact": _("contact"),
    "loss_reason": _("why it was lost"),
    "reached_by": _("telephones and addresses"),
    "lines": _("products"),
    "external_id": _("external ID"),
    "external_source": _("external source"),
    "external_version": _("external version"),
}
"""As sentences on changes name them."""

DEMANDABLE: Mapping[str, _StrOrPromise] = {
    "amount": _("amount"),
    "expected_on": _("expected to end on"),
    "source": _("source"),
    "comment": _("comment"),
    "company": pgettext_lazy("client", "company"),
    "contacts": _("contacts"),
    "phone": _("telephone"),
    "email": _("e-mail"),
    "address": _("address"),
    "tax_number": _("tax number"),
    "position": _("position"),
    "loss_reason": _("why it was lost"),
}
"""What a stage may ask for before a record comes into it."""
