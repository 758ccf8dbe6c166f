"""What another program calls a thing of ours: it writes its identifier, and finds the thing by it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LONGEST_EXTERNAL_ID = 255
"""https://apidocs.bitrix24.com/api-reference/crm/field-length-limits.html"""


def external_column(label: _StrOrPromise = "") -> models.CharField[str, str]:
    """Empty where no program has written one; the same may be written twice, as in Bitrix24."""
    return models.CharField(
        label or _("external ID"), max_length=LONGEST_EXTERNAL_ID, blank=True, default="", db_default=""
    )


def external_index(name: str) -> models.Index:
    """Of those alone that have one: most rows have none."""
    return models.Index(Upper("external_id"), name=name, condition=~Q(external_id=""))
