"""Badges and gifts: colleagues are thanked, those addressed see it, and it stands on the profile."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from PIL import Image

from box.apps.feed import actions
from box.apps.feed.actions import SIDE, Draft, Prize
from box.apps.feed.models import Award, Badge, Post
from box.core.accounts.actions import dismiss_user
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.files.garbage_collection import sweep_blobs
from box.core.notify.models import Notification
from box.core.people.photos import set_photo
from box.core.structure.models import Department
from tests.box.apps.feed.test_views import Browser
from tests.box.core.people.photos import picture

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def badge() -> Badge:
    return Badge.objects.create(name_en="Great help", name_ru="Выручила", picture="hands")


def thank(badge: Badge, person: User, by: User, *audience: str, text: str = "For the report") -> Post:
    draft = Draft(text, audience or ("UA",), award=Prize(badge.pk, person.pk))
    return actions.publish_post(draft, by=by)


def test_a_new_portal_has_badges_to_begin_with() -> None:
    assert Badge.objects.filter(is_gift=False).exists()
    assert Badge.objects.filter(is_gift=True).exists()


def test_thanks_are_seen_told_and_stay_on_the_profile(
    as_person: Browser, anna: User, boris: User, cara: User, badge: Badge
) -> None:
    sent = {"badge": badge.pk, "text": "For the report", "audience": ["UA"], "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(anna).post(f"/feed/thanks/{boris.pk}/", sent)
        assert answer.headers["Location"] == "/feed/"
    deliver_all()
    post = Post.objects.get()
    assert (post.kind, post.author, post.award.user) == (Post.Kind.BADGE, anna, boris)
    page = as_person(cara).get("/feed/").content.decode()
    assert "Great help" in page
    assert "feed/badges/hands" in page
    notice = Notification.objects.get()
    assert (notice.user, notice.kind) == (boris, "feed.thanked")
    assert b"Great help" in as_person(cara).get(f"/employees/{boris.pk}/").content
    assert b"Great help" in as_person(cara).get("/feed/", {"kind": "badge"}).content


def test_it_is_called_in_the_readers_language(anna: User, boris: User, badge: Badge) -> None:
    thank(badge, boris, anna)
    with translation.override("ru"):
        assert badge.name == "Выручила"
    assert badge.name == "Great help"


def test_who_does_not_see_the_post_sees_no_badge(
    as_person: Browser, anna: User, boris: User, cara: User, olga: User, sales: Department, badge: Badge
) -> None:
    thank(badge, boris, anna, sales.code)
    assert b"Great help" in as_person(anna).get(f"/employees/{boris.pk}/").content
    assert b"Great help" not in as_person(cara).get(f"/employees/{boris.pk}/").content


def test_the_person_sees_it_whomever_else_it_is_for(
    anna: User, cara: User, sales: Department, badge: Badge
) -> None:
    post = thank(badge, cara, anna, sales.code)
    assert Post.objects.visible_to(cara).filter(pk=post.pk).exists()


def test_whoever_has_left_is_thanked_no_more(anna: User, boris: User, olga: User, badge: Badge) -> None:
    dismiss_user(boris, by=olga)
    with pytest.raises(ValidationError, match="colleague who works here"):
        thank(badge, boris, anna)


def test_what_was_given_stays_as_it_was_called(
    as_person: Browser, anna: User, boris: User, olga: User, badge: Badge
) -> None:
    thank(badge, boris, anna)
    as_person(olga).post(
        f"/feed/badges/{badge.pk}/", {"name_en": "Other", "name_ru": "Иное", "picture": "cup"}
    )
    as_person(olga).post(f"/feed/badges/{badge.pk}/", {"do": "retire"})
    assert b"Great help" in as_person(boris).get("/feed/").content
    assert b"Other" in as_person(anna).get(f"/employees/{boris.pk}/").content
    with pytest.raises(ValidationError, match="Choose a badge"):
        thank(badge, boris, anna)


def test_thanks_that_are_put_otherwise_are_the_same_thanks(anna: User, boris: User, badge: Badge) -> None:
    """Beside the cards of what they link to, of which there are others then, and none in the end."""
    first, second = (actions.publish_post(Draft(text), by=anna) for text in ("One", "Two"))
    draft = Draft(html=_linking(first), award=Prize(badge.pk, boris.pk))
    post = actions.publish_post(draft, by=anna)
    assert post.details is not None
    award = post.details["award"]
    assert (award["person"], award["names"]) == (boris.pk, badge.names)
    assert post.details == {"award": award, "cards": [str(first.ref)]}
    for version, html, cards in (
        (1, _linking(second), {"cards": [str(second.ref)]}),
        (2, "<p>For all of it</p>", {}),
    ):
        actions.edit_post(post, html=html, version=version, by=anna)
        post.refresh_from_db()
        assert post.details == {"award": award, **cards}


def _linking(post: Post) -> str:
    return f'<p><a href="{post.get_absolute_url()}">There</a></p>'


def test_without_a_word_it_is_a_post_as_well(anna: User, boris: User, badge: Badge) -> None:
    assert str(thank(badge, boris, anna, text="")) == "Great help"


def test_whom_one_cannot_thank(
    as_person: Browser, anna: User, boris: User, erik: User, olga: User, badge: Badge
) -> None:
    dismiss_user(boris, by=olga)
    for person, word in ((anna, "yourself"), (boris, "works here"), (erik, "works here")):
        with pytest.raises(ValidationError, match=word):
            thank(badge, person, anna)
    with pytest.raises(ValidationError):
        thank(badge, anna, erik, f"U{erik.pk}")
    assert as_person(erik).get(f"/feed/thanks/{anna.pk}/").status_code == 403
    assert not Post.objects.exists()
    assert not Award.objects.exists()


@pytest.mark.parametrize("sent", [{}, {"badge": "x"}, {"badge": "999999"}, {"badge": "9" * 18}])
def test_a_form_without_a_badge_comes_back(
    as_person: Browser, anna: User, boris: User, sent: dict[str, str]
) -> None:
    whole = {"text": "half written", "audience": "UA", "nonce": str(uuid4()), **sent}
    answer = as_person(anna).post(f"/feed/thanks/{boris.pk}/", whole)
    assert answer.status_code == 422
    assert "Choose a badge or a gift." in answer.content.decode()
    assert "half written" in answer.content.decode()


def test_names_of_badges_are_text(as_person: Browser, anna: User, boris: User, olga: User) -> None:
    script = "<script>alert(1)</script>"
    as_person(olga).post("/feed/badges/", {"name_en": script, "name_ru": script, "picture": "star"})
    badge = Badge.objects.get(name_en=script)
    thank(badge, boris, anna)
    addresses = ("/feed/", f"/employees/{boris.pk}/", f"/feed/thanks/{boris.pk}/", "/feed/badges/")
    for address in addresses:
        assert b"<script>alert" not in as_person(olga).get(address).content


def test_a_picture_is_one_of_the_drawn(as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post("/feed/badges/", {"name_en": "a", "name_ru": "б", "picture": "../../x"})
    assert answer.status_code == 422
    assert not Badge.objects.filter(name_en="a").exists()


def sent(file: BinaryIO | None = None, **more: str) -> dict[str, object]:
    fields = {"name_en": "Great help", "name_ru": "Выручила", "picture": "hands", **more}
    return {**fields, "upload": file} if file else {**fields}


def test_a_company_has_pictures_of_its_own(
    as_person: Browser, anna: User, boris: User, olga: User, badge: Badge, store: S3Store
) -> None:
    page = f"/feed/badges/{badge.pk}/"
    clear = io.BytesIO()
    Image.new("RGBA", (400, 100), (0, 0, 0, 0)).save(clear, "PNG")
    clear.seek(0)
    assert as_person(olga).post(page, sent(clear)).status_code == 302
    badge.refresh_from_db()
    first = f"/feed/badges/pictures/{badge.own_picture_id}/"
    answer = as_person(anna).get(first)
    shown = Image.open(io.BytesIO(answer.content))
    assert (shown.format, shown.size) == ("WEBP", (SIDE, SIDE))
    assert shown.convert("RGBA").getpixel((SIDE // 2, SIDE // 2)) == (0, 0, 0, 0)
    assert shown.convert("RGBA").getchannel("A").getextrema() == (0, 0), "what is put around it is clear, too"
    as_person(olga).post(page, sent(name_en="Help"))
    badge.refresh_from_db()
    assert (badge.name_en, f"/feed/badges/pictures/{badge.own_picture_id}/") == ("Help", first)
    thank(badge, boris, anna)
    for address in ("/feed/", f"/employees/{boris.pk}/", f"/feed/thanks/{boris.pk}/"):
        assert first in as_person(anna).get(address).content.decode(), address
    # Another one is another address; what was given keeps its own, also when the sweep has been.
    as_person(olga).post(page, sent(picture()))
    badge.refresh_from_db()
    second = f"/feed/badges/pictures/{badge.own_picture_id}/"
    assert second != first
    sweep_blobs(timezone.now(), older_than=timedelta(0))
    assert first in as_person(anna).get("/feed/").content.decode()
    assert [as_person(anna).get(address).status_code for address in (first, second)] == [200, 200]
    as_person(olga).post(page, sent(is_drawn="on"))
    badge.refresh_from_db()
    assert badge.own_picture_id is None
    assert "feed/badges/hands" in as_person(anna).get(f"/employees/{boris.pk}/").content.decode()
    assert as_person(anna).get(second).status_code == 404


def test_a_new_badge_comes_with_its_picture(as_person: Browser, olga: User, store: S3Store) -> None:
    assert as_person(olga).post("/feed/badges/", sent(picture(), name_en="Ours")).status_code == 302
    address = f"/feed/badges/pictures/{Badge.objects.get(name_en='Ours').own_picture_id}/"
    assert address in as_person(olga).get("/feed/badges/").content.decode()


def test_guests_see_the_pictures_of_what_they_see_alone(
    as_person: Browser, anna: User, boris: User, erik: User, olga: User, badge: Badge, store: S3Store
) -> None:
    as_person(olga).post(f"/feed/badges/{badge.pk}/", sent(picture()))
    badge.refresh_from_db()
    address = f"/feed/badges/pictures/{badge.own_picture_id}/"
    thank(badge, boris, anna)
    assert as_person(erik).get(address).status_code == 404
    thank(badge, boris, anna, "UA", f"U{erik.pk}")
    assert as_person(erik).get(address).status_code == 200


def test_what_is_no_badges_picture_is_not_shown(
    as_person: Browser, anna: User, olga: User, store: S3Store
) -> None:
    set_photo(olga, picture(), by=olga)
    assert as_person(anna).get(f"/feed/badges/pictures/{olga.photo_id}/").status_code == 404


@pytest.mark.parametrize("data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_is_none_is_refused_and_nothing_changes(
    as_person: Browser, olga: User, badge: Badge, data: bytes
) -> None:
    answer = as_person(olga).post(f"/feed/badges/{badge.pk}/", sent(io.BytesIO(data), name_en="Other"))
    assert (answer.status_code, "This is no picture" in answer.content.decode()) == (422, True)
    badge.refresh_from_db()
    assert (badge.name_en, badge.own_picture_id) == ("Great help", None)


def test_one_finds_whom_to_thank(as_person: Browser, anna: User, boris: User) -> None:
    page = as_person(anna).get("/feed/thanks/", {"q": "bor"}).content.decode()
    assert f"/feed/thanks/{boris.pk}/" in page


def test_the_way_to_the_badges_is_shown_to_whom_it_is_open(
    as_person: Browser, anna: User, olga: User
) -> None:
    assert b"/feed/badges/" in as_person(olga).get("/feed/thanks/").content
    assert b"/feed/badges/" not in as_person(anna).get("/feed/thanks/").content
