"""Coming to the company, a photo, a manager, and leaving."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from box.bridges.storage.client import S3Store
from box.core.accounts.models import User
from box.core.people.offboarding import dismiss
from box.core.people.photos import SIDE, set_photo
from box.core.structure import actions
from box.core.structure.holdings import manager_of
from box.core.structure.models import Department, Membership
from tests.box.core.people.photos import picture

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]

HEAD = Membership.Role.HEAD


def test_the_manager_is_the_head_above(olga: User, anna: User, boris: User, sales: Department) -> None:
    assert sales.parent is not None
    assert manager_of(anna) is None
    actions.add_member(sales.parent, olga, role=HEAD, by=olga)
    assert manager_of(anna) == olga
    actions.add_member(sales, boris, role=HEAD, by=olga)
    assert manager_of(anna) == boris
    assert manager_of(boris) == olga
    assert manager_of(olga) is None


def test_what_a_dismissed_person_headed_passes_to_the_successor(
    as_person: Browser, olga: User, anna: User, boris: User, sales: Department
) -> None:
    actions.add_member(sales, anna, role=HEAD, by=olga)
    browser = as_person(olga)
    page = browser.get(f"/employees/{anna.pk}/dismissal/").content.decode()
    assert "Head of departments" in page
    assert "Sales" in page
    browser.post(f"/employees/{anna.pk}/dismissal/", {"successor": boris.login})
    anna.refresh_from_db()
    assert anna.status == User.Status.DISMISSED
    assert actions.roles_of(boris) == {sales.pk: "head"}
    assert actions.roles_of(anna) == {sales.pk: "member"}


def test_the_manager_is_proposed(
    as_person: Browser, olga: User, anna: User, boris: User, sales: Department
) -> None:
    actions.add_member(sales, boris, role=HEAD, by=olga)
    assert (
        f'value="{boris.login}"' in as_person(olga).get(f"/employees/{anna.pk}/dismissal/").content.decode()
    )


def test_who_does_not_work_here_succeeds_nobody(
    olga: User, anna: User, erik: User, sales: Department
) -> None:
    actions.add_member(sales, anna, role=HEAD, by=olga)
    for nobody in (anna, erik):
        with pytest.raises(ValidationError, match="who works here"):
            dismiss(anna, successor=nobody, by=olga)
    anna.refresh_from_db()
    assert anna.is_active
    assert actions.roles_of(anna) == {sales.pk: "head"}


def test_a_photo_is_a_small_square_without_what_came_with_it(
    as_person: Browser, anna: User, boris: User, erik: User, store: S3Store
) -> None:
    browser = as_person(anna)
    browser.post(f"/employees/{anna.pk}/photo/", {"photo": picture()})
    anna.refresh_from_db()
    address = f"/photos/{anna.photo_id}/"
    assert f'src="{address}"' in as_person(boris).get("/employees/").content.decode()
    answer = as_person(boris).get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    shown = Image.open(io.BytesIO(answer.content))
    assert (shown.format, shown.size) == ("WEBP", (SIDE, SIDE))
    assert b"secret" not in answer.content
    assert as_person(erik).get(address).status_code == 404
    browser.post(f"/employees/{anna.pk}/photo/")
    anna.refresh_from_db()
    assert anna.photo_id is None


def test_nobody_gives_a_colleague_another_face(
    as_person: Browser, anna: User, boris: User, store: S3Store
) -> None:
    assert as_person(boris).post(f"/employees/{anna.pk}/photo/", {"photo": picture()}).status_code == 403


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(olga: User, data: bytes) -> None:
    with pytest.raises(ValidationError, match="no picture"):
        set_photo(olga, io.BytesIO(data), by=olga)


def test_a_picture_bomb_is_refused(olga: User) -> None:
    bomb = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(bomb, "PNG")
    with pytest.raises(ValidationError, match="too many pixels"):
        set_photo(olga, bomb, by=olga)


def test_colleagues_are_invited_all_or_none(as_person: Browser, olga: User, sales: Department) -> None:
    browser = as_person(olga)
    sent = {"department": str(sales.pk), "language": "ru", "nonce": str(uuid4())}
    refused = browser.post("/employees/invitations/", {**sent, "emails": "dina@example.com, nonsense"})
    assert refused.status_code == 422
    assert "nonsense is no e-mail address." in refused.content.decode()
    assert not User.objects.exclude(invited_at=None).exists()
    browser.post("/employees/invitations/", {**sent, "emails": "dina@example.com\nfedor@example.com"})
    assert sales.memberships.count() == 2
    dina = User.objects.get(email="dina@example.com")
    page = browser.get(f"/employees/{dina.pk}/invitation/").content.decode()
    assert "/join/" in page


def test_a_typo_in_a_name_is_forgiven(as_person: Browser, anna: User, boris: User) -> None:
    page = as_person(anna).get("/employees/", {"q": "Borsi"}, headers={"HX-Request": "true"}).content.decode()
    assert "Did you mean" in page
    assert "Boris" in page
