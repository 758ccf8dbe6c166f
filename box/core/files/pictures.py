"""Small pictures that are made at once of what somebody sends, such as a photo or a badge's.

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

from box.core.files import recall
from box.core.files.decoder_client import Busy, TooManyPixels, Undecodable, decoded
from box.core.files.inspection import PICTURE_TYPE
from box.core.files.models import Blob, new_key
from box.core.files.store import NotFound, StoreUnavailable, store

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

LARGEST = 20 * 2**20


class PicturesWait(ValidationError):
    """Nothing is wrong with the picture: others' take too long just now."""

    def __init__(self) -> None:
        super().__init__(_("The box is busy with other pictures: send it again in a minute."))


def small_picture(file: IO[bytes], draw: Callable[[Image.Image], Image.Image], *, side: int) -> Blob:
    """What `draw` makes of the picture, in the store. Raises as `drawn` and `written` do."""
    return written(drawn(file, lambda image, _size: draw(image), at_least=2 * side))


def drawn[T](file: IO[bytes], draw: Callable[[Image.Image, tuple[int, int]], T], *, at_least: int) -> T:
    """What `draw` makes of the picture, which stands upright, and of the width and height that it came with.
    See `box.core.files.decoder_client.decoded` for how large it is by then.

    Raises ValidationError for what is no picture, or too large a one, and PicturesWait.
    """
    if file.seek(0, 2) > LARGEST:
        raise ValidationError(
            _("This picture is too large: %(most)s MB at most.") % {"most": LARGEST // 2**20}
        )
    try:
        picture = decoded(file, at_least=at_least)
    except TooManyPixels:
        raise ValidationError(_("This picture has too many pixels: make it smaller first.")) from None
    except Undecodable as error:
        log.info("no picture: %s", error)
        raise ValidationError(_("This is no picture: choose a JPEG, PNG, WebP or GIF file.")) from None
    except Busy:
        raise PicturesWait from None
    return draw(picture.image, picture.size)


def written(picture: Image.Image) -> Blob:
    """Writes it to the store. The row is yet to be saved: in the transaction of what it belongs to.

    Of what came with the original nothing is kept, such as where it was taken. Raises StoreUnavailable.
    """
    out = BytesIO()
    picture.info.clear()
    picture.save(out, "WEBP", quality=82, method=4)
    data = out.getvalue()
    now = timezone.now()
    key = new_key(now)
    store().write(key, data, content_type=PICTURE_TYPE)
    return Blob(
        key=key, size=len(data), inspected_at=now, sha256=sha256(data).hexdigest(),
        content_type=PICTURE_TYPE, width=picture.width, height=picture.height,
    )  # fmt: skip


def answer_with(picture: Blob) -> HttpResponse:
    """A few kilobytes, once a browser: a link to the store would be another each time, and never kept.

    Who may see it is the caller's to know. Raises Http404 for one that the store has lost, and NotBackYet.
    """
    try:
        data = b"".join(recall.read(picture))
    except NotFound:
        raise Http404 from None
    except recall.NotBackYet:
        raise
    except StoreUnavailable as error:
        log.warning("%s", error)
        return HttpResponse(status=503)
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type=picture.content_type, headers=headers)
