"""A person's photo: a small square of what they sent, made once, and fetched once by each browser."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from django.db import transaction

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.pictures import small_picture
from box.core.org.events import PhotoChanged

if TYPE_CHECKING:
    from PIL import Image

SIDE = 256


def set_photo(person: User, file: IO[bytes], *, by: User | None) -> None:
    """Raises ValidationError for what is no picture, or too large a one; nothing is changed then."""
    picture = small_picture(file, _square, side=SIDE)
    with transaction.atomic():
        picture.save()
        person.photo = picture
        person.save(update_fields=["photo"])
        emit(PhotoChanged(user_id=person.pk, by_id=by.pk if by else None))


@transaction.atomic
def remove_photo(person: User, *, by: User | None) -> None:
    """The blob goes with the sweep."""
    person.photo = None
    person.save(update_fields=["photo"])
    emit(PhotoChanged(user_id=person.pk, by_id=by.pk if by else None))


def _square(image: Image.Image) -> Image.Image:
    """The middle of the picture, a little above it where it is high: there are the faces."""
    from PIL import Image, ImageOps

    return ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.35))
