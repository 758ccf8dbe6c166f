"""A person's photo: a small square of what they sent, made once, and fetched once by each browser.

What they sent is kept too, made smaller, so that another square of it can be chosen later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO, TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files import recall
from box.core.files.pictures import drawn, written
from box.core.files.store import NotFound
from box.core.people.events import PhotoChanged
from box.core.people.models import PhotoSquare

if TYPE_CHECKING:
    from PIL import Image

    from box.core.files.models import Blob

SIDE = 256
KEPT = 1024
"""What the shorter side of a kept picture has at most."""
PARTS = 8
"""The smallest square has this part of the shorter side: so it has enough pixels, also of a kept picture."""
SMALLEST = 96
"""And this many pixels, where the picture has them."""
# A longer one is nobody's photo, and the format has an end at 16,383 pixels.
NARROWEST = 15


@dataclass(frozen=True)
class Square:
    """In pixels of a picture as it is seen, upright."""

    left: int
    top: int
    side: int


def smallest_side(width: int, height: int) -> int:
    """Of a square that may be chosen in such a picture."""
    shorter = min(width, height)
    return max(shorter // PARTS, min(SMALLEST, shorter))


def middle(width: int, height: int) -> Square:
    """The largest square, a little above the middle where the picture is high: there are the faces."""
    side = min(width, height)
    return Square((width - side) // 2, (height - side) * 35 // 100, side)


def set_photo(person: User, file: IO[bytes], *, by: User | None, square: Square | None = None) -> None:
    """Of the square, or else of the middle. Raises ValidationError for what is no picture, or too large a
    one, and for a square that is none of it, and StoreUnavailable; nothing is changed then."""

    def draw(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image, Square]:
        plain = image.convert("RGB")
        small, chosen = _cut(plain, size, square)
        plain.thumbnail(_kept_size(*size))
        return small, plain, _scaled(chosen, plain.width / size[0], plain.size)

    small, whole, chosen = drawn(file, draw, at_least=PARTS * SIDE)
    _show(person, written(small), written(whole), chosen, by=by)


def choose_square(person: User, square: Square, *, by: User) -> None:
    """Another square of the same picture. Raises as `set_photo` does."""
    kept = PhotoSquare.objects.filter(photo=person.photo_id).select_related("picture").first()
    try:
        if kept is None:
            raise NotFound
        data = BytesIO(b"".join(recall.read(kept.picture)))
    except NotFound:
        raise ValidationError(
            _("Only the square is left of this photo: send the picture once more to choose another one.")
        ) from None
    small = drawn(data, lambda image, size: _cut(image, size, square)[0], at_least=PARTS * SIDE)
    _show(person, written(small), kept.picture, square, by=by)


@transaction.atomic
def remove_photo(person: User, *, by: User | None) -> None:
    """The blobs go with the sweep."""
    _let_go(person)
    person.photo = None
    person.save(update_fields=["photo"])
    emit(PhotoChanged(user_id=person.pk, by_id=by.pk if by else None))


def forget_squares(photos: Iterable[int | None]) -> None:
    """Lets the pictures go that photos were cut out of which nobody has any more."""
    PhotoSquare.objects.filter(photo__in=[pk for pk in photos if pk is not None]).delete()


def _let_go(person: User) -> None:
    """Of the photo that the person has now: another request may have changed it meanwhile."""
    forget_squares([User.objects.select_for_update().values_list("photo", flat=True).get(pk=person.pk)])


@transaction.atomic
def _show(person: User, photo: Blob, picture: Blob, square: Square, *, by: User | None) -> None:
    for blob in (photo, picture):
        if blob.pk is None:
            blob.save()
    _let_go(person)
    PhotoSquare.objects.create(
        photo=photo, picture=picture, left=square.left, top=square.top, side=square.side
    )
    person.photo = photo
    person.save(update_fields=["photo"])
    emit(PhotoChanged(user_id=person.pk, by_id=by.pk if by else None))


def _cut(image: Image.Image, size: tuple[int, int], square: Square | None) -> tuple[Image.Image, Square]:
    """The photo, never larger than what it was cut out of; `size` is the picture's before it was decoded, and
    its colours are plain already."""
    from PIL import Image

    width, height = size
    if max(size) > NARROWEST * min(size):
        raise ValidationError(
            _("This picture is too long and narrow: cut it to the part with the face first.")
        )
    chosen = square or middle(width, height)
    _refuse(chosen, width, height)
    scale = image.width / width
    corners = (chosen.left, chosen.top, chosen.left + chosen.side, chosen.top + chosen.side)
    left, top, right, bottom = (corner * scale for corner in corners)
    # Decoded smaller, the picture may end a part of a pixel before the square does.
    part = (left, top, min(right, image.width), min(bottom, image.height))
    side = min(SIDE, chosen.side)
    return image.resize((side, side), Image.Resampling.LANCZOS, box=part), chosen


def _refuse(square: Square, width: int, height: int) -> None:
    smallest = smallest_side(width, height)
    if square.side < smallest:
        raise ValidationError(
            _(
                "This square is too small to be a photo: choose one of %(smallest)s pixels or more, or send a"
                " picture on which the face is larger."
            )
            % {"smallest": smallest}
        )
    if min(square.left, square.top) < 0 or (
        square.left + square.side > width or square.top + square.side > height
    ):
        raise ValidationError(
            _(
                "The square is not inside the picture, which has %(width)s × %(height)s pixels: choose it"
                " once more."
            )
            % {"width": width, "height": height}
        )


def _kept_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, KEPT / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _scaled(square: Square, scale: float, size: tuple[int, int]) -> Square:
    """The same square in a smaller picture, in whole pixels that lie in it and are enough."""
    side = min(max(round(square.side * scale), smallest_side(*size)), *size)
    scaled = Square(round(square.left * scale), round(square.top * scale), side)
    return replace(scaled, left=min(scaled.left, size[0] - side), top=min(scaled.top, size[1] - side))
