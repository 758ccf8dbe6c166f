"""What of a person a directory may fill in: the fields of every portal, and those that administrators have
defined, by their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from box.bridges.directory import transforms
from box.bridges.directory.mapping import PROFILE_FIELDS
from box.core.accounts.custom_fields import PROFILE, plain_fields
from box.core.accounts.models import User
from box.core.fields.kinds import read, written
from box.core.fields.models import Field


def targets() -> tuple[str, ...]:
    return (*PROFILE_FIELDS, *(field.key for field in plain_fields()))


def label_of(target: str) -> str:
    """How people call it."""
    if target == "photo":
        return _("photo")
    own = PROFILE.field(target)
    built_in: Any = None if own else User._meta.get_field(target)
    return str(own.name if own else built_in.verbose_name)


def separator_of(own: Mapping[str, Field], target: str) -> str:
    """What stands between values: a field of several takes each by itself."""
    field = own.get(target)
    return "; " if field is not None and field.is_several else ", "


def understood(own: Mapping[str, Field], target: str, text: str) -> str:
    """The value as the profile keeps it, with the defined fields by their keys; empty where the field was
    archived since it was mapped. Raises ValidationError for what is none of its kind."""
    if target in PROFILE_FIELDS:
        return text
    field = own.get(target)
    if field is None:
        return ""
    if field.kind == Field.Kind.DATE:
        # As directories write moments: 20261124000000Z.
        text = transforms.day(text) or text
    return written(field, read(field, text))
