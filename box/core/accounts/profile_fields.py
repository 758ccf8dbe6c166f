"""The fields that every profile has, beside those that a company defines (`custom_fields`)."""

from __future__ import annotations

from typing import Any

from django.utils.text import capfirst

from box.core.accounts.models import User

NAMES = ("last_name", "first_name", "patronymic", "former_last_name")
TEXTS = (*NAMES, "position", "phone", "city", "gender", "external_id")
"""What a profile says in words. A new one is added here, and to the forms."""


def label_of(name: str) -> str:
    """How people call the field, standing alone."""
    field: Any = User._meta.get_field(name)
    return capfirst(str(field.verbose_name))
