"""What every action checks of the words and numbers it was given."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import TextField
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.db.models import Model


def check_fields(row: Model, names: Collection[str]) -> None:
    """Raises ValidationError by field for what these fields cannot hold. Others are the portal's own."""
    fields = row._meta.fields
    row.clean_fields(exclude={field.name for field in fields} - set(names))
    # Django bounds long texts in forms only.
    for field in fields:
        if field.name in names and isinstance(field, TextField) and field.max_length:
            length = len(getattr(row, field.name))
            if length > field.max_length:
                said = _("At most %(most)s characters, and these are %(length)s.")
                raise ValidationError({field.name: said % {"most": field.max_length, "length": length}})
