"""What people send to the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.feed.actions import Draft

if TYPE_CHECKING:
    from django.http import QueryDict


def draft_of(data: QueryDict) -> Draft:
    """The post as it was sent. Raises ValidationError for files that are no ids."""
    try:
        file_ids = tuple(int(value) for value in data.getlist("files"))
    except ValueError:
        raise ValidationError(
            _("One of the files is not understood: attach it again."), code="files"
        ) from None
    return Draft(text=data.get("text", ""), audience=tuple(data.getlist("audience")), file_ids=file_ids)
