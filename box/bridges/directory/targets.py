"""What of a person a directory may fill in: the fields of every portal, and those that administrators have
defined, by their keys."""

from __future__ import annotations

from collections.abc import Mapping

from box.bridges.directory import transforms
from box.bridges.directory.mapping import PROFILE_FIELDS
from box.core.accounts import own_fields
from box.core.accounts.models import OwnField


def targets() -> tuple[str, ...]:
    return (*PROFILE_FIELDS, *(field.key for field in own_fields.standing.value))


def understood(own: Mapping[str, OwnField], target: str, text: str) -> str:
    """The value as the profile keeps it, with the defined fields by their keys; empty where the field was
    archived since it was mapped. Raises ValidationError for what is none of its kind."""
    if target in PROFILE_FIELDS:
        return text
    field = own.get(target)
    if field is None:
        return ""
    if field.kind == OwnField.Kind.DATE:
        # As directories write moments: 20261124000000Z.
        text = transforms.day(text) or text
    return own_fields.read(field, text)
