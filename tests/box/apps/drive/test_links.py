"""Links for people without an account: what they open, and what they never open."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from box.apps.drive.access import SHOW_OUTSIDE
from box.apps.drive.actions.sharing import (
    end_link,
    end_links_of,
    make_link,
    note_fetched,
    set_inheritance,
    share_item,
)
from box.apps.drive.actions.trash import bring_back, throw_away
from box.apps.drive.actions.tree import make_folder, move_items
from box.apps.drive.forms import LinkForm
from box.apps.drive.models import Item, OutsideLink
from box.core.access.actions import employees_role, set_rights
from box.core.access.roles import usual
from box.core.accounts.actions import dismiss_user, return_user, suspend_user
from box.core.accounts.models import User
from box.core.accounts.throttle import MOST_OF_LOGIN
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from tests.box.apps.drive.conftest import put

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store
    from tests.clock import Clock

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"


@pytest.fixture
def letters(anna: User, annas: Item) -> Item:
    return make_folder(annas, "letters", by=anna)


def link_to(item: Item, by: User, password: str = "", days: int | None = None) -> OutsideLink:
    expires_at = timezone.now() + timedelta(days=days) if days else None
    return make_link(item, password=password, expires_at=expires_at, by=by)


def outsider() -> Client:
    return Client(headers={"X-Forwarded-Proto": "https"})


def opened(link: OutsideLink, rest: str = "") -> int:
    return outsider().get(f"{link.get_absolute_url()}{rest}").status_code


def test_an_outsider_sees_the_folder_and_what_is_in_it(anna: User, letters: Item) -> None:
    inner = make_folder(letters, "inner", by=anna)
    put(inner, "plan.txt", by=anna)
    link = link_to(letters, anna, days=3)
    page = outsider().get(link.get_absolute_url())
    assert page.status_code == 200
    for name in ("letters", "inner", anna.name):
        assert name in page.content.decode()
    below = outsider().get(f"{link.get_absolute_url()}{inner.pk}/").content.decode()
    assert "plan.txt" in below
    assert link.get_absolute_url() in below


def test_the_page_leaves_no_trace_of_its_address(anna: User, letters: Item, store: S3Store) -> None:
    plan = put(letters, by=anna, data=b"x")
    link = link_to(letters, anna)
    for rest in ("", f"{plan.pk}/", f"{plan.pk}/content"):
        headers = outsider().get(f"{link.get_absolute_url()}{rest}").headers
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in headers["Cache-Control"]
    gone = outsider().get("/links/1:forged/")
    assert gone.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in gone.headers["Cache-Control"]


def test_what_is_fetched_is_counted_and_written_down(anna: User, letters: Item, store: S3Store) -> None:
    plan = put(letters, "plan.txt", by=anna, data=b"x")
    link = link_to(letters, anna)
    answer = outsider().get(f"{link.get_absolute_url()}{plan.pk}/content")
    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer.headers["Location"]
    link.refresh_from_db()
    assert link.fetched_count == 1
    assert link.fetched_at
    row = AuditRecord.objects.get(kind="drive.fetched-outside")
    assert (row.by_id, row.about_id) == (None, plan.pk)


def test_no_address_but_its_own_opens_a_link(anna: User, letters: Item, annas: Item) -> None:
    first, second = link_to(letters, anna), link_to(put(annas, by=anna), anna)
    number, _colon, mark = first.token.partition(":")
    wrong = (
        f"{second.pk}:{mark}",
        f"{number}:{mark[:-1]}",
        f"{number}:",
        number,
        f"{number}:{mark}:{mark}",
        f" {number}:{mark}",
        f"{number}:{'x' * len(mark)}",
        "x" * 500,
    )
    for token in wrong:
        assert outsider().get(f"/links/{token}/").status_code == 404, token
    assert opened(first) == 200


def test_a_link_is_over_when_it_expires_or_is_ended(anna: User, letters: Item) -> None:
    link, other = link_to(letters, anna, days=1), link_to(letters, anna)
    assert (opened(link), opened(other)) == (200, 200)
    OutsideLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    end_link(other, by=anna)
    assert (opened(link), opened(other)) == (404, 404)
    with pytest.raises(ValidationError, match="over at once"):
        make_link(letters, password="", expires_at=timezone.now(), by=anna)


def test_a_password_is_asked_for(anna: User, letters: Item) -> None:
    plan = put(letters, "plan.txt", by=anna)
    link = link_to(letters, anna, PASSWORD)
    browser = outsider()
    address = link.get_absolute_url()
    for rest in ("", f"{plan.pk}/", f"{plan.pk}/content"):
        page = browser.get(f"{address}{rest}")
        assert page.status_code == 200
        assert "plan.txt" not in page.content.decode()
        assert "password" in page.content.decode()
    refused = browser.post(address, {"password": "wrong"})
    assert refused.status_code == 422
    assert "not the password" in refused.content.decode()
    assert browser.post(address, {"password": PASSWORD}).headers["Location"] == address
    assert "plan.txt" in browser.get(address).content.decode()
    assert PASSWORD not in OutsideLink.objects.get().password


def test_a_password_opens_its_own_link_alone_and_while_it_is_the_password(
    anna: User, letters: Item, annas: Item
) -> None:
    link, other = link_to(letters, anna, PASSWORD), link_to(make_folder(annas, "other", by=anna), anna, "2nd")
    browser = outsider()
    browser.post(link.get_absolute_url(), {"password": PASSWORD})
    proof = browser.cookies[f"link-{link.pk}"]
    assert proof["httponly"]
    assert proof["secure"]
    assert proof["path"] == link.get_absolute_url()
    browser.cookies[f"link-{other.pk}"] = proof.value
    assert "other" not in browser.get(other.get_absolute_url()).content.decode()
    assert "letters" in browser.get(link.get_absolute_url()).content.decode()
    OutsideLink.objects.filter(pk=link.pk).update(password=other.password)
    assert "letters" not in browser.get(link.get_absolute_url()).content.decode()


def test_guessing_a_password_is_made_slow(anna: User, letters: Item) -> None:
    link = link_to(letters, anna, PASSWORD)
    browser = outsider()
    for _ in range(MOST_OF_LOGIN):
        browser.post(link.get_absolute_url(), {"password": "wrong"})
    late = browser.post(link.get_absolute_url(), {"password": PASSWORD})
    assert late.status_code == 422
    assert "Too many wrong passwords" in late.content.decode()
    assert f"link-{link.pk}" not in browser.cookies


def test_what_is_closed_inside_or_beside_the_folder_is_not_shown(
    anna: User, company: Item, store: S3Store
) -> None:
    forms, beside = make_folder(company, "forms", by=anna), put(company, "beside.txt", by=anna)
    salaries = make_folder(forms, "salaries", by=anna)
    table = put(make_folder(salaries, "2026", by=anna), "table.txt", by=anna)
    set_inheritance(salaries, False, by=anna)
    link = link_to(forms, anna)
    assert "salaries" not in outsider().get(link.get_absolute_url()).content.decode()
    for item in (salaries, table, beside, company):
        assert opened(link, f"{item.pk}/") == 404, item.name
        assert opened(link, f"{item.pk}/content") == 404, item.name


def test_what_is_closed_is_not_shown_even_where_the_same_people_see_it(
    anna: User, company: Item, letters: Item
) -> None:
    """On one's own drive; or because it was opened to all of them by name."""
    diary = put(make_folder(letters, "diary", by=anna), by=anna)
    set_inheritance(diary.parent or diary, False, by=anna)
    forms = make_folder(company, "forms", by=anna)
    closed = put(forms, "closed.txt", by=anna)
    set_inheritance(closed, False, by=anna)
    share_item(closed, ["UA"], can_edit=False, by=anna)
    mine, ours = link_to(letters, anna), link_to(forms, anna)
    assert opened(mine, f"{diary.parent_id}/") == opened(mine, f"{diary.pk}/") == 404
    assert opened(ours, f"{closed.pk}/") == 404
    assert opened(link_to(closed, anna)) == 200, "a link to the thing itself"


def test_what_is_thrown_away_is_not_shown_until_it_is_back(anna: User, letters: Item) -> None:
    plan = put(letters, by=anna)
    link = link_to(letters, anna)
    throw_away([plan], by=anna)
    assert opened(link, f"{plan.pk}/") == 404
    throw_away([letters], by=anna)
    assert opened(link) == 404
    bring_back(Item.objects.select_related("drive").get(pk=letters.pk), by=anna)
    assert opened(link) == 200


def test_a_link_goes_along_when_its_folder_moves(anna: User, letters: Item, company: Item) -> None:
    link = link_to(letters, anna)
    move_items([letters], company, by=anna)
    assert opened(link) == 200


def test_links_of_who_is_suspended_go_on_and_of_who_has_left_never_again(
    anna: User, olga: User, letters: Item
) -> None:
    link = link_to(letters, anna)
    suspend_user(anna, by=olga)
    deliver_all()
    assert opened(link) == 200
    dismiss_user(anna, by=olga)
    assert opened(link) == 404, "at once"
    return_user(anna, by=olga)
    deliver_all()
    assert opened(link) == 404, "also if the portal heard of it late"
    link.refresh_from_db()
    assert link.ended_at


def test_that_a_link_was_made_is_told(anna: User, letters: Item) -> None:
    link = link_to(letters, anna)
    told = Event.objects.get(kind="drive.LinkMade").payload
    assert told == {"link_id": link.pk, "item_id": letters.pk, "name": "letters", "by_id": anna.pk}


def test_a_link_is_ended_once(anna: User, letters: Item) -> None:
    link_to(letters, anna)
    assert [end_links_of(anna), end_links_of(anna)] == [1, 0]
    deliver_all()
    assert AuditRecord.objects.filter(kind="drive.link-ended").count() == 1


def test_who_may_not_share_shows_nothing_outside(anna: User, boris: User, cara: User, letters: Item) -> None:
    share_item(letters, [f"U{boris.pk}"], can_edit=True, by=anna)
    for person in (boris, cara):
        with pytest.raises(PermissionDenied):
            link_to(letters, person)
    link = link_to(letters, anna)
    with pytest.raises(PermissionDenied, match="not yours to end"):
        end_link(link, by=boris)
    set_rights(employees_role(), usual() - {SHOW_OUTSIDE}, by=None)
    with pytest.raises(PermissionDenied, match="right to make links"):
        link_to(letters, User.objects.get(pk=anna.pk))
    end_link(link, by=anna)
    assert opened(link) == 404


def test_who_may_share_a_folder_ends_links_of_others_into_it(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=anna)
    link = link_to(forms, anna)
    end_link(link, by=boris)
    assert opened(link) == 404
    ended = Event.objects.filter(kind="drive.LinkEnded").get().payload
    assert ended == {"link_id": link.pk, "item_id": forms.pk, "name": "forms", "by_id": boris.pk}


def test_a_password_of_a_link_has_an_end(anna: User, letters: Item) -> None:
    assert check_password("x" * 128, link_to(letters, anna, password="x" * 128).password)
    assert link_to(letters, anna).password == ""
    with pytest.raises(ValidationError, match="at most 128"):
        link_to(letters, anna, password="x" * 129)


def test_the_last_day_of_a_link_is_the_one_that_was_chosen(anna: User, letters: Item) -> None:
    form = LinkForm({"expires_on": "2999-12-26"})
    assert form.is_valid()
    link = make_link(letters, password="", expires_at=form.expires_at, by=anna)
    assert link.last_day == date(2999, 12, 26)
    page = outsider().get(link.get_absolute_url(), headers={"Accept-Language": "en"}).content.decode()
    assert "until and including 26 December 2999" in page
    assert OutsideLink(expires_at=timezone.now().replace(minute=30)).last_day is None
    assert OutsideLink(expires_at=None).last_day is None


def test_a_link_lasts_at_least_a_moment(clock: Clock, anna: User, letters: Item) -> None:
    with pytest.raises(ValidationError, match="over at once"):
        make_link(letters, password="", expires_at=clock.now, by=anna)
    link = make_link(letters, password="", expires_at=clock.now + timedelta(microseconds=1), by=anna)
    assert list(OutsideLink.objects.open(clock.now)) == [link]


def test_a_link_is_counted_and_ended_by_itself(anna: User, boris: User, company: Item) -> None:
    forms = make_folder(company, "forms", by=anna)
    first, second, boriss = link_to(forms, anna), link_to(forms, anna), link_to(forms, boris)

    def ended() -> list[OutsideLink]:
        return list(OutsideLink.objects.exclude(ended_at=None).order_by("pk"))

    note_fetched(first)
    assert list(OutsideLink.objects.order_by("pk").values_list("fetched_count", flat=True)) == [1, 0, 0]
    end_link(first, by=anna)
    assert ended() == [first]
    assert end_links_of(anna) == 1
    assert ended() == [first, second]
    # Whoever may not say any more who opens the folder still ends what they made themselves.
    set_inheritance(forms, False, by=anna)
    end_link(OutsideLink.objects.get(pk=boriss.pk), by=boris)
    assert ended() == [first, second, boriss]
