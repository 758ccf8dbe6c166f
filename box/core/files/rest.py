"""Files within a request of the REST API, in Base64.

Source: https://apidocs.bitrix24.com/api-reference/files/how-to-upload-files.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.files.actions import checked_name, copy_of, store_whole, take_in
from box.core.files.display import link_to
from box.core.files.models import File
from box.core.registry.offers import Offers
from box.core.registry.rest import not_found

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


def keeper(by: User) -> Callable[[Sequence[Any]], list[int]]:
    """Stores several, once all of them are understood: see `box.core.fields.rest`. Raises ValidationError,
    StoreUnavailable."""
    return lambda values: kept([sent(one) for one in values], by=by)


on_drives: Offers[Callable[[User, Collection[int]], Mapping[int, File]]] = Offers("files on drives")
"""By the number on the drive the file there, of what this person sees: whoever keeps drives offers it."""
_ON_DRIVE = re.compile(r"n(\d{1,18})", re.ASCII)


def from_drives(value: Any, *, reader: User, by: User) -> tuple[int, ...]:
    """The ids of files to be attached, as `by`'s, of what lies on drives: `["n12", "n13"]`. Bytes are not
    copied. Raises ValidationError, and ApiRefused for what the reader does not see.

    Source: https://apidocs.bitrix24.com/api-reference/files/how-to-upload-files.html
    """
    if value in (None, "", False, [], {}):
        return ()
    named = [_ON_DRIVE.fullmatch(str(one)) for one in _listed(value)]
    numbers = [int(one[1]) for one in named if one]
    if len(numbers) < len(named) or len(numbers) > MOST:
        raise ValidationError(
            _("Write n and the number of each file on a drive; %(most)s at most.") % {"most": MOST}
        )
    found: dict[int, File] = {}
    for _key, offer in on_drives.items():
        found |= offer(reader, numbers)
    if found.keys() < set(numbers):
        raise not_found(_("There is no such file on a drive, or you don't see it."))
    return tuple(copy_of(found[one], by=by).pk for one in dict.fromkeys(numbers))


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
