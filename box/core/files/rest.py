"""Files within a request of the REST API, in Base64.

Source: https://apidocs.bitrix24.com/api-reference/files/how-to-upload-files.html
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from box.core.files.actions import checked_name, store_whole, take_in
from box.core.files.display import link_to
from box.core.files.models import File
from box.core.registry.rest import not_found

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST = 100
"""Files of one request."""


@dataclass(frozen=True)
class Sent:
    """A file of a request."""

    name: str
    content: IO[bytes]


def sent(value: Any, *, usual: str = "") -> Sent:
    """Of `["plan.txt", "<Base64>"]`, of the same under `fileData`, or of the Base64 alone, whose name is
    `usual`; or of what came in a form of its own. Raises ValidationError."""
    if isinstance(value, UploadedFile) and value.file is not None:
        return Sent(checked_name(usual or value.name or ""), value.file)
    parts = _listed(value.get("fileData", value) if isinstance(value, Mapping) else value)
    if not 1 <= len(parts) <= 2 or not all(isinstance(one, str) for one in parts):
        raise _unreadable()
    try:
        content = b64decode(parts[-1], validate=True)
    except ValueError:
        raise _unreadable() from None
    if not content:
        raise _unreadable()
    return Sent(checked_name(parts[0] if len(parts) == 2 else usual), BytesIO(content))


def several_sent(value: Any) -> list[Sent]:
    """Of a list of them; none of nothing. Raises ValidationError."""
    if value in (None, "", [], {}):
        return []
    parts = _listed(value)
    # One file alone is written so, too.
    is_one = len(parts) == 2 and all(isinstance(one, str) for one in parts)
    files = [value] if is_one else parts
    if len(files) > MOST:
        raise ValidationError(_("At most %(most)s files go at once.") % {"most": MOST}, code="files")
    return [sent(one) for one in files]


def kept(files: list[Sent], *, by: User) -> list[int]:
    """Stores them as this person's, to be attached to something; their ids. Raises StoreUnavailable."""
    return [take_in(store_whole(one.content), one.name, by=by).pk for one in files]


def address_of_file(user: User, pk: int, host: str) -> str:
    """See `box.core.registry.rest.Download`."""
    file: File | None = File.objects.visible_to(user).with_blobs().filter(pk=pk).first()
    if file is None:
        raise not_found(_("There is no such file, or you don't see it."))
    return link_to(file, host=host)


def _listed(value: Any) -> list[Any]:
    """As PHP's forms write lists, or as JSON does."""
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _unreadable() -> ValidationError:
    return ValidationError(_("Write the file's name and its bytes in Base64."), code="content")
