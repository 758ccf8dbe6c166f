"""Which square of a picture is the photo, and choosing another one later."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from box.bridges.storage.client import S3Store
from box.core.accounts.models import User
from box.core.files.models import Blob
from box.core.people.merging import merge_people
from box.core.people.models import PhotoSquare
from box.core.people.photos import (
    KEPT,
    SIDE,
    Square,
    choose_square,
    middle,
    remove_photo,
    set_photo,
    smallest_side,
)

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]
type Colour = tuple[int, int, int]

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 40), (30, 40, 200), (250, 250, 250)


def quarters(width: int = 800, height: int = 600, *, kind: str = "JPEG", orientation: int = 1) -> io.BytesIO:
    """Red and green above, blue and white below, as it is stored; it says how it is to be turned."""
    image = Image.new("RGB", (width, height))
    half = (width // 2, height // 2)
    for colour, corner in (
        (RED, (0, 0)),
        (GREEN, (half[0], 0)),
        (BLUE, (0, half[1])),
        (WHITE, half),
    ):
        image.paste(colour, (*corner, corner[0] + half[0], corner[1] + half[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a secret place"
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    out.seek(0)
    return out


def photo_of(person: User, store: S3Store) -> Image.Image:
    person.refresh_from_db()
    assert person.photo is not None
    return Image.open(io.BytesIO(b"".join(store.read(person.photo.key))))


def kept_of(person: User, store: S3Store) -> Image.Image:
    square = PhotoSquare.objects.get(photo=person.photo_id)
    return Image.open(io.BytesIO(b"".join(store.read(square.picture.key))))


def colours(image: Image.Image) -> list[Colour]:
    """In the middle of each quarter."""
    plain, part = image.convert("RGB"), image.width // 4
    points = ((part, part), (3 * part, part), (part, 3 * part), (3 * part, 3 * part))
    return [nearest(plain.getpixel(point)) for point in points]  # type: ignore[arg-type]


def nearest(colour: Colour) -> Colour:
    def distance(one: Colour) -> int:
        return sum(abs(mine - its) for mine, its in zip(colour, one, strict=True))

    return min((RED, GREEN, BLUE, WHITE), key=distance)


def test_the_chosen_square_is_the_photo(as_person: Browser, anna: User, store: S3Store) -> None:
    sent = {"photo": quarters(), "left": "420", "top": "310", "side": "280"}
    as_person(anna).post(f"/employees/{anna.pk}/photo/", sent)
    shown = photo_of(anna, store)
    assert shown.size == (SIDE, SIDE)
    assert set(colours(shown)) == {WHITE}


def test_the_square_is_of_the_picture_as_it_is_seen(anna: User, store: S3Store) -> None:
    # Lying on its side: it is seen 600 wide and 800 high, with blue and red above.
    set_photo(anna, quarters(orientation=6), by=anna, square=Square(20, 30, 260))
    assert set(colours(photo_of(anna, store))) == {BLUE}
    choose_square(anna, Square(310, 410, 260), by=anna)
    assert set(colours(photo_of(anna, store))) == {GREEN}


def test_a_large_picture_is_kept_smaller_with_the_same_square(anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(4000, 3200), by=anna, square=Square(1200, 800, 1600))
    assert colours(photo_of(anna, store)) == [RED, GREEN, BLUE, WHITE]
    kept = PhotoSquare.objects.get(photo=anna.photo_id)
    assert (kept.picture.width, kept.picture.height) == (KEPT * 4000 // 3200, KEPT)
    assert (kept.left, kept.top, kept.side) == (384, 256, 512)
    data = b"".join(store.read(kept.picture.key))
    assert b"secret" not in data
    choose_square(anna, Square(kept.left, kept.top, kept.side), by=anna)
    assert colours(photo_of(anna, store)) == [RED, GREEN, BLUE, WHITE]


def test_another_square_needs_no_second_upload(as_person: Browser, anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(), by=anna)
    before, browser = anna.photo_id, as_person(anna)
    page = browser.get(f"/employees/{anna.pk}/details/").content.decode()
    assert f'data-square="/photos/{before}/square/"' in page
    assert browser.get(f"/photos/{before}/square/").json() == {"left": 100, "top": 0, "side": 600}
    whole = Image.open(io.BytesIO(browser.get(f"/photos/{before}/picture/").content))
    assert (whole.format, whole.size) == ("WEBP", (800, 600))
    browser.post(f"/photos/{before}/square/", {"left": "0", "top": "300", "side": "300"})
    assert set(colours(photo_of(anna, store))) == {BLUE}
    assert anna.photo_id != before
    assert kept_of(anna, store).size == (800, 600)
    # Numbers for a photo that is no more mean nothing.
    late = browser.post(f"/photos/{before}/square/", {"left": "0", "top": "0", "side": "300"})
    assert late.status_code == 404


def test_a_small_picture_is_not_blown_up(anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(100, 80), by=anna)
    assert photo_of(anna, store).size == (80, 80)
    set_photo(anna, quarters(40, 400), by=anna)
    assert photo_of(anna, store).size == (40, 40)


@pytest.mark.parametrize(
    ("square", "said"),
    [
        ({"left": "600", "top": "0", "side": "300"}, "not inside the picture, which has 800 × 600 pixels"),
        ({"left": "-1", "top": "0", "side": "300"}, "not inside the picture"),
        ({"left": "0", "top": "0", "side": "601"}, "not inside the picture"),
        ({"left": "0", "top": "0", "side": "95"}, "choose one of 96 pixels or more"),
        ({"left": "0", "top": "0", "side": "-300"}, "choose one of 96 pixels or more"),
        ({"left": "0", "top": "0"}, "three whole numbers"),
        ({"left": "0", "top": "zero", "side": "300"}, "three whole numbers"),
        ({"left": "0", "top": "0", "side": "9" * 30}, "three whole numbers"),
    ],
)
def test_what_is_no_square_of_the_picture_changes_nothing(
    as_person: Browser, anna: User, store: S3Store, square: dict[str, str], said: str
) -> None:
    set_photo(anna, quarters(), by=anna)
    before, blobs, browser = anna.photo_id, Blob.objects.count(), as_person(anna)
    for address, sent in (
        (f"/employees/{anna.pk}/photo/", {"photo": quarters(), **square}),
        (f"/photos/{before}/square/", square),
    ):
        answer = browser.post(address, sent, follow=True)
        assert said in answer.content.decode()
        anna.refresh_from_db()
        assert (anna.photo_id, Blob.objects.count()) == (before, blobs)


def test_no_square_is_asked_for(as_person: Browser, anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(), by=anna)
    answer = as_person(anna).post(f"/photos/{anna.photo_id}/square/", follow=True)
    assert "Choose the square of the picture first." in answer.content.decode()


def test_what_is_long_and_narrow_is_refused(anna: User) -> None:
    with pytest.raises(ValidationError, match="cut it to the part with the face"):
        set_photo(anna, quarters(1602, 100), by=anna)


def test_a_colleague_chooses_no_square_and_sees_no_whole_picture(
    as_person: Browser, anna: User, boris: User, olga: User, store: S3Store
) -> None:
    set_photo(anna, quarters(), by=anna)
    address = f"/photos/{anna.photo_id}"
    browser = as_person(boris)
    assert browser.get(f"{address}/").status_code == 200
    assert browser.get(f"{address}/picture/").status_code == 404
    assert browser.get(f"{address}/square/").status_code == 404
    assert browser.post(f"{address}/square/", {"left": 0, "top": 0, "side": 300}).status_code == 403
    assert as_person(olga).get(f"{address}/picture/").status_code == 200


def test_what_was_kept_goes_with_the_photo(anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(), by=anna)
    whole = PhotoSquare.objects.get().picture
    set_photo(anna, quarters(), by=anna)
    assert PhotoSquare.objects.get().photo_id == anna.photo_id
    remove_photo(anna, by=anna)
    assert not PhotoSquare.objects.exists()
    assert whole in Blob.objects.unreferenced()
    assert Blob.objects.unreferenced().count() == 4


def test_of_two_who_change_it_one_picture_is_kept(anna: User, store: S3Store) -> None:
    twice = User.objects.get(pk=anna.pk)
    set_photo(anna, quarters(), by=anna)
    set_photo(twice, quarters(), by=twice)
    assert PhotoSquare.objects.get().photo_id == twice.photo_id
    remove_photo(anna, by=anna)
    assert not PhotoSquare.objects.exists()


def test_a_photo_of_which_only_the_square_is_left_says_so(anna: User, store: S3Store) -> None:
    set_photo(anna, quarters(), by=anna)
    store.delete(PhotoSquare.objects.get().picture.key)
    before = anna.photo_id
    with pytest.raises(ValidationError, match="send the picture once more"):
        choose_square(anna, Square(0, 0, 300), by=anna)
    anna.refresh_from_db()
    assert anna.photo_id == before


@pytest.mark.parametrize("of_gone", [(), ("photo",)])
def test_of_a_merged_person_the_photo_that_stays_keeps_its_picture(
    olga: User, anna: User, boris: User, store: S3Store, of_gone: tuple[str, ...]
) -> None:
    set_photo(anna, quarters(), by=anna)
    set_photo(boris, quarters(), by=boris)
    photo = boris.photo_id if of_gone else anna.photo_id
    merge_people(boris, anna, of_gone=of_gone, by=olga)
    assert PhotoSquare.objects.get().photo_id == anna.photo_id == photo


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_the_middle_is_a_square_that_may_be_chosen(width: int, height: int) -> None:
    square = middle(width, height)
    assert square.side >= smallest_side(width, height) >= 1
    assert 0 <= square.left <= width - square.side
    assert 0 <= square.top <= height - square.side
