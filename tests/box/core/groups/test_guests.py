"""Outside guests: invited for a time, and seeing nothing but the groups that invited them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.core.access.principals import codes_of
from box.core.accounts.invitations import token_of
from box.core.accounts.models import Session, User
from box.core.discussion.actions import add_comment
from box.core.events.models import Event
from box.core.files.models import Blob, File
from box.core.groups import actions
from box.core.groups.actions import GroupRefused, NewGuest
from box.core.groups.models import Admission, Group, Member
from box.core.structure.names import found_for, named
from tests.box.core.groups.test_actions import again, group_of
from tests.clock import Clock

if TYPE_CHECKING:
    from django.test import Client

    from box.core.structure.models import Department

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shared(anna: User, boris: User) -> Group:
    return group_of(anna, boris, kind="extranet", name="With partners")


def guest(email: str = "gina@partner.example", *, days: int = 30) -> NewGuest:
    return NewGuest(email, timezone.localdate() + timedelta(days=days), "Gina", "Guest")


def test_a_guest_is_invited_by_mail_and_is_in_the_group_alone(shared: Group, anna: User) -> None:
    member = actions.invite_guest(shared, guest(), by=anna)
    gina = again(member.user)
    assert gina.is_extranet
    assert gina.invited_at is not None
    assert not gina.has_usable_password()
    assert codes_of(gina) == {f"U{gina.pk}", shared.code}
    assert member.expires_at is not None


def test_inviting_again_changes_the_time_and_nobody_is_there_twice(shared: Group, anna: User) -> None:
    first = actions.invite_guest(shared, guest(), by=anna)
    second = actions.invite_guest(shared, guest(days=60), by=anna)
    assert first.pk == second.pk
    assert second.expires_at is not None
    assert first.expires_at is not None
    assert second.expires_at > first.expires_at
    assert User.objects.filter(email="gina@partner.example").count() == 1
    shared.refresh_from_db()
    assert shared.members_count == 3
    assert Event.objects.filter(kind="groups.MemberJoined", payload__user_id=first.user_id).count() == 1


def test_who_is_a_guest_already_sees_the_other_group_at_once(shared: Group, anna: User) -> None:
    other = group_of(anna, kind="extranet", name="Another")
    gina = actions.invite_guest(other, guest(), by=anna).user
    assert codes_of(again(gina)) == {f"U{gina.pk}", other.code}
    actions.invite_guest(shared, guest(), by=anna)
    assert shared.code in codes_of(again(gina))


def test_a_guests_last_day_is_theirs_to_its_end(clock: Clock, shared: Group, anna: User) -> None:
    actions.invite_guest(shared, guest(days=0), by=anna)
    clock.now = timezone.make_aware(datetime.combine(timezone.localdate(), time.max))
    with pytest.raises(GroupRefused, match="later"):
        actions.invite_guest(shared, guest("fred@partner.example", days=0), by=anna)
    actions.archive_group(shared, by=anna)
    with pytest.raises(GroupRefused, match="archive"):
        actions.invite_guest(shared, guest(days=9), by=anna)


def test_a_guest_who_has_left_is_not_invited_again(shared: Group, anna: User) -> None:
    member = actions.invite_guest(shared, guest(), by=anna)
    User.objects.filter(pk=member.user_id).update(status=User.Status.DISMISSED)
    with pytest.raises(GroupRefused, match="not an outside guest"):
        actions.invite_guest(shared, guest(), by=anna)


def test_who_waited_to_be_let_in_waits_no_more_once_invited_as_a_guest(
    shared: Group, anna: User, cara: User
) -> None:
    gina = actions.invite_guest(group_of(anna, kind="extranet", name="Another"), guest(), by=anna).user
    actions.join_group(shared, by=gina)
    actions.join_group(shared, by=cara)
    assert {one.way for one in Admission.objects.all()} == {Admission.Way.ASKED}
    actions.invite_guest(shared, guest(), by=anna)
    assert Admission.objects.get().user == cara


def test_what_is_no_guest_is_refused(shared: Group, anna: User, cara: User) -> None:
    with pytest.raises(GroupRefused, match="invite colleagues by name"):
        actions.invite_guest(shared, guest(cara.email), by=anna)
    with pytest.raises(GroupRefused, match="later"):
        actions.invite_guest(shared, guest(days=-1), by=anna)
    with pytest.raises(GroupRefused, match="no outside guests"):
        actions.invite_guest(group_of(anna), guest(), by=anna)
    assert not shared.members.filter(user=cara).exists()
    assert not User.objects.filter(email="gina@partner.example").exists()


def test_ones_time_in_a_group_ends_at_its_moment_and_nobody_elses_does(
    shared: Group, anna: User, boris: User, as_person: Browser
) -> None:
    other = group_of(anna, kind="extranet", name="Another")
    gina = actions.invite_guest(shared, guest(), by=anna).user
    fred, hans = (actions.invite_guest(shared, guest(f"{n}@partner.example"), by=anna).user for n in "fh")
    actions.invite_guest(other, guest("f@partner.example"), by=anna)
    now = timezone.now()
    for person, after in ((gina, 0), (fred, -1), (boris, -1), (hans, 1)):
        shared.members.filter(user=person).update(expires_at=now + timedelta(seconds=after))
    for person in (gina, fred, boris):
        as_person(person)
    assert actions.end_expired(now=now) == 3
    assert set(shared.members.values_list("user", flat=True)) == {anna.pk, hans.pk}
    # Only who is a guest, and is a guest nowhere else, has nothing more to do here.
    assert set(Session.objects.values_list("user", flat=True)) == {fred.pk, boris.pk}


def test_the_form_invites_and_says_what_is_wrong(as_person: Browser, shared: Group, anna: User) -> None:
    browser, address = as_person(again(anna)), f"/groups/{shared.pk}/guests/"
    assert browser.get(address).status_code == 200
    assert browser.post(address, {"email": "nobody", "expires_on": "2001-01-01"}).status_code == 422
    sent = {"email": "gina@partner.example", "expires_on": str(timezone.localdate())}
    assert browser.post(address, sent).status_code == 302
    assert shared.members.filter(user__email="gina@partner.example").exists()


def test_when_the_time_is_over_access_is_over_at_once(
    clock: Clock, as_person: Browser, shared: Group, anna: User
) -> None:
    member = actions.invite_guest(shared, guest(), by=anna)
    gina, browser = again(member.user), as_person(member.user)
    post = publish_post(Draft("for partners", (shared.code,)), by=again(anna))
    assert browser.get(f"/feed/{post.pk}/").status_code == 200
    # The cache's entry ends with the first membership: with less than a second left there is none.
    Member.objects.filter(pk=member.pk).update(expires_at=clock.now + timedelta(milliseconds=900))
    User.objects.filter(pk=gina.pk).update(access_version=gina.access_version + 1)
    assert browser.get(f"/feed/{post.pk}/").status_code == 200
    clock.move(seconds=1)
    assert browser.get(f"/feed/{post.pk}/").status_code == 404
    assert browser.get(f"/groups/{shared.pk}/").status_code == 404
    assert actions.end_expired(now=timezone.now()) == 1
    assert not Member.objects.filter(pk=member.pk).exists()
    assert not Session.objects.filter(user=gina).exists()
    assert actions.end_expired(now=timezone.now()) == 0


def test_a_guest_meets_nobody_and_nothing_of_the_company(
    as_person: Browser, shared: Group, anna: User, boris: User, cara: User, erik: User, sales: Department
) -> None:
    actions.invite_people(shared, [erik], by=anna)
    actions.join_group(shared, by=erik)
    erik, anna = again(erik), again(anna)
    inside = publish_post(Draft("for partners", (shared.code, sales.code)), by=anna)
    outside = publish_post(Draft("for colleagues"), by=anna)
    add_comment(outside.thread, "among us", by=cara)
    blob = Blob.objects.create(key=uuid4().hex, size=1)
    secret = File.objects.create(
        owner=anna, name="plan.pdf", blob=blob, audience=["UA"], attached_at=timezone.now()
    )
    browser = as_person(erik)
    pages = {
        address: browser.get(address).content.decode()
        for address in (
            *("/feed/", f"/groups/{shared.pk}/", f"/groups/{shared.pk}/members/", "/groups/?show=all"),
            *("/feed/audiences/?q=", "/search/?q=Test", "/search/suggestions/?q=Ca", "/notifications/"),
        )
    }
    assert "for partners" in pages["/feed/"]
    for address, page in pages.items():
        for hidden in ("for colleagues", "among us", "Cara", "Sales"):
            assert hidden not in page, (address, hidden)
    assert browser.get(f"/feed/{inside.pk}/").status_code == 200
    for address in (
        *(
            f"/feed/{outside.pk}/",
            f"/discussion/feed.post/{outside.pk}/comments/",
            f"/employees/{cara.pk}/",
            "/employees/",
        ),
        *(f"/files/{secret.pk}/", f"/files/{secret.pk}/preview/", f"/files/{secret.pk}/thumbnail/"),
    ):
        assert browser.get(address).status_code == 404, address
    assert browser.get(f"/employees/{boris.pk}/").status_code == 200
    assert {one.code for one in found_for(erik, "")} == {shared.code}
    assert set(named([shared.code, sales.code, f"U{cara.pk}", "UA"], reader=erik)) == {shared.code, "UA"}
    assert codes_of(erik) == {f"U{erik.pk}", shared.code}


def test_guests_come_and_go_in_a_group_that_a_directory_fills(shared: Group, anna: User) -> None:
    actions.set_source([shared.pk], "Corp")
    member = actions.invite_guest(shared, guest(), by=anna)
    actions.remove_member(member, by=anna)
    assert not shared.members.filter(user__is_extranet=True).exists()


def test_without_letters_the_link_is_shown_to_be_copied_while_it_is_this_groups_alone(
    as_person: Browser, shared: Group, anna: User, boris: User
) -> None:
    browser, address = as_person(again(anna)), f"/groups/{shared.pk}/guests/"
    data = {"email": "gina@partner.example", "first_name": "Gina", "last_name": "Guest"}
    data["expires_on"] = str(timezone.localdate() + timedelta(days=30))
    answer = browser.post(address, data)
    gina = User.objects.get(email="gina@partner.example")
    assert answer.headers["Location"] == f"{address}{gina.pk}/"
    page = browser.get(answer.headers["Location"]).content.decode()
    assert f"/join/{token_of(gina)}/" in page
    assert "data-copy" in page
    assert browser.get(f"{address}{boris.pk}/").status_code == 404
    actions.invite_guest(group_of(boris, kind="extranet", name="Another"), guest(), by=boris)
    assert browser.get(f"{address}{gina.pk}/").status_code == 404
