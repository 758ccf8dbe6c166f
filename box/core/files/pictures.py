"""Small square pictures that are made at once of what somebody sends, such as a photo or a badge's.

Each is an immutable blob, so that it may be kept by browsers under its id for good: another one is another
address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import IO, TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.files.inspection import FORMATS, MOST_PIXELS, PICTURE_TYPE
from box.core.files.models import Blob, new_key
from box.core.files.store import NotFound, StoreUnavailable, store

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

LARGEST = 20 * 2**20


def small_picture(file: IO[bytes], draw: Callable[[Image.Image], Image.Image], *, side: int) -> Blob:
    """Writes what `draw` makes of the picture to the store. The row is yet to be saved: in the transaction of
    what it belongs to.

    Of what came with the original nothing is kept, such as where it was taken. Raises ValidationError for
    what is no picture, or too large a one, and StoreUnavailable.
    """
    data = _drawn(file, draw, side)
    now = timezone.now()
    key = new_key(now)
    store().write(key, data, content_type=PICTURE_TYPE)
    return Blob(
        key=key, size=len(data), inspected_at=now, sha256=sha256(data).hexdigest(),
        content_type=PICTURE_TYPE, width=side, height=side,
    )  # fmt: skip


def _drawn(file: IO[bytes], draw: Callable[[Image.Image], Image.Image], side: int) -> bytes:
    # See box.core.files.inspection.pictures_of.
    from PIL import Image, ImageOps

    if file.seek(0, 2) > LARGEST:
        raise ValidationError(
            _("This picture is too large: %(most)s MB at most.") % {"most": LARGEST // 2**20}
        )
    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValidationError(_("This picture has too many pixels: make it smaller first."))
            image.draft("RGB", (2 * side, 2 * side))
            small = draw(ImageOps.exif_transpose(image))
    except ValidationError:
        raise
    except Exception as error:
        # Decoders meet anything here and raise anything.
        log.info("no picture: %s: %s", type(error).__name__, error)
        raise ValidationError(_("This is no picture: choose a JPEG, PNG, WebP or GIF file.")) from None
    out = BytesIO()
    small.info.clear()
    small.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def answer_with(picture: Blob) -> HttpResponse:
    """A few kilobytes, once a browser: a link to the store would be another each time, and never kept.

    Who may see it is the caller's to know. Raises Http404 for one that the store has lost.
    """
    try:
        data = b"".join(store().read(picture.key))
    except NotFound:
        raise Http404 from None
    except StoreUnavailable as error:
        log.warning("%s", error)
        return HttpResponse(status=503)
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type=picture.content_type, headers=headers)
