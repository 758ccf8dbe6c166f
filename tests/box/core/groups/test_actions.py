from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.core.access.principals import CODES_LIVE, EVERYONE, Held, _seconds_to_live, codes_of
from box.core.accounts.events import PeopleCalled
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.events.outbox import restored
from box.core.groups import actions
from box.core.groups.actions import GroupRefused, NewGroup
from box.core.groups.events import GroupDeleted
from box.core.groups.handlers import forget_its_principals
from box.core.groups.holdings import held, pass_on
from box.core.groups.models import Admission, Group, Member
from box.core.notify.handlers import tell
from box.core.notify.models import Notification
from box.core.registry.origin import importing
from box.core.structure.names import found_for, named, unaddressable
from tests.clock import Clock

pytestmark = pytest.mark.django_db


def group_of(owner: User, *members: User, kind: str = "open", name: str = "Reading") -> Group:
    group = actions.create_group(NewGroup(name, kind=kind), by=owner)
    actions.invite_people(group, members, by=owner)
    for member in members:
        actions.join_group(group, by=member)
    group.refresh_from_db()
    return group


def again(user: User) -> User:
    found: User = User.objects.get(pk=user.pk)
    return found


def deliver_calls() -> None:
    """What the workers would do with the calls that were emitted."""
    for event in Event.objects.filter(kind="accounts.PeopleCalled"):
        tell(restored(PeopleCalled, event.payload))


def test_whoever_creates_a_group_owns_it(anna: User) -> None:
    group = group_of(anna, name="  Reading  ")
    assert group.name == "Reading"
    assert group.members.get(role=Member.Role.OWNER).user == anna
    assert {group.code, group.moderators_code} <= codes_of(again(anna))
    assert group.members_count == 1


def test_a_group_needs_a_name(anna: User) -> None:
    with pytest.raises(ValidationError, match="name"):
        actions.create_group(NewGroup("  "), by=anna)
    assert not Group.objects.exists()


def test_a_group_keeps_a_name(anna: User) -> None:
    group = group_of(anna)
    with pytest.raises(ValidationError, match="name"):
        actions.change_group(group, NewGroup(" "), by=anna)
    group.refresh_from_db()
    assert group.name == "Reading"


def test_whoever_creates_a_group_writes_into_it_at_once(anna: User) -> None:
    codes_of(anna)
    group = actions.create_group(NewGroup("Reading"), by=anna)
    assert group.code in codes_of(again(anna))


def test_one_joins_an_open_group_at_once_and_once(anna: User, cara: User) -> None:
    group = group_of(anna)
    assert actions.join_group(group, by=cara)
    assert actions.join_group(group, by=cara)
    group.refresh_from_db()
    assert group.members_count == 2
    assert group.code in codes_of(again(cara))
    assert group.moderators_code not in codes_of(again(cara))


def test_one_asks_to_join_a_closed_group_and_its_leaders_hear_of_it(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    assert not actions.join_group(group, by=cara)
    assert not actions.join_group(group, by=cara)
    deliver_calls()
    assert Notification.objects.get(user=anna, kind="groups.asked").actor == cara
    actions.accept_request(group.admissions.get(user=cara), by=anna)
    deliver_calls()
    assert group.code in codes_of(again(cara))
    assert Notification.objects.get(user=cara).kind == "groups.accepted"
    assert not Admission.objects.exists()


def test_of_two_who_ask_the_one_is_accepted_that_is_meant_and_only_leaders_hear_of_them(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    group = group_of(anna, boris, kind="closed")
    for person in (cara, olga):
        actions.join_group(group, by=person)
    told = Event.objects.filter(kind="groups.MembershipAsked").order_by("pk")
    assert [one.payload["user_id"] for one in told] == [cara.pk, olga.pk]
    deliver_calls()
    assert {one.user for one in Notification.objects.filter(kind="groups.asked")} == {anna}
    actions.accept_request(group.admissions.get(user=olga), by=anna)
    assert group.admissions.get().user == cara
    assert set(group.members.values_list("user", flat=True)) == {anna.pk, boris.pk, olga.pk}


def test_whoever_is_in_a_group_stays_what_they_are_when_they_are_accepted(anna: User, boris: User) -> None:
    """As after they had asked for it, and an administrator put them there otherwise."""
    group = group_of(anna, boris, kind="closed")
    actions.set_role(group.members.get(user=boris), "moderator", by=anna)
    asked = Admission.objects.create(group=group, user=boris, way=Admission.Way.ASKED)
    Event.objects.all().delete()
    actions.accept_request(asked, by=anna)
    assert group.members.get(user=boris).role == "moderator"
    assert not Event.objects.filter(kind__in=["groups.MemberJoined", "accounts.PeopleCalled"]).exists()
    assert not Admission.objects.exists()


def test_whoever_is_in_a_group_asks_for_nothing_by_a_page_from_before(anna: User, boris: User) -> None:
    group = group_of(anna, boris, kind="closed")
    assert actions.join_group(group, by=boris)
    assert not Admission.objects.exists()


def test_a_request_is_declined_or_taken_back(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.join_group(group, by=cara)
    actions.refuse_admission(group.admissions.get(user=cara), by=anna)
    actions.join_group(group, by=cara)
    actions.leave_group(group, by=cara)
    assert not Admission.objects.exists()
    assert group.code not in codes_of(again(cara))


def test_who_is_declined_is_nobody_else_who_waits(anna: User, boris: User, cara: User) -> None:
    group, other = group_of(anna, kind="closed"), group_of(anna, kind="closed")
    for one in (group, other):
        for person in (boris, cara):
            actions.join_group(one, by=person)
    actions.refuse_admission(group.admissions.get(user=boris), by=anna)
    assert [one.user for one in group.admissions.all()] == [cara]
    assert other.admissions.count() == 2
    # An invitation that is taken back tells its person of the group no more.
    actions.invite_people(group, [boris], by=anna)
    actions.refuse_admission(group.admissions.get(user=boris), by=anna)
    group.refresh_from_db()
    assert f"U{boris.pk}" not in group.audience


def test_nobody_is_accepted_into_the_archive(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.join_group(group, by=cara)
    actions.archive_group(group, by=anna)
    with pytest.raises(GroupRefused, match="archive"):
        actions.accept_request(group.admissions.get(), by=anna)
    # To decline somebody makes nobody a member.
    actions.refuse_admission(group.admissions.get(), by=anna)
    assert not Admission.objects.exists()


def test_who_was_invited_into_a_closed_group_comes_at_once(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.invite_people(group, [cara], by=anna)
    assert actions.join_group(group, by=cara)
    group.refresh_from_db()
    assert (group.members_count, f"U{cara.pk}" in group.audience) == (2, False)


def test_a_group_that_begins_and_whoever_comes_and_goes_is_told(anna: User, cara: User) -> None:
    group = group_of(anna)
    actions.join_group(group, by=cara)
    for _twice in range(2):
        actions.leave_group(group, by=cara)
    told = Event.objects.filter(kind__startswith="groups.").order_by("pk")
    assert [(one.kind.removeprefix("groups."), one.payload.get("user_id")) for one in told] == [
        ("GroupCreated", None), ("MemberJoined", anna.pk), ("MemberJoined", cara.pk), ("MemberLeft", cara.pk),
    ]  # fmt: skip
    assert {one.payload["group_id"] for one in told} == {group.pk}
    assert [one.payload["by_id"] for one in told] == [anna.pk, anna.pk, cara.pk, cara.pk]


def test_a_guest_neither_joins_nor_asks_where_no_guests_are_taken(anna: User, erik: User) -> None:
    for kind in ("open", "closed"):
        group = group_of(anna, kind=kind)
        with pytest.raises(GroupRefused, match="outside guest"):
            actions.join_group(group, by=erik)
        assert group.members.count() == 1
    assert not Admission.objects.exists()


def test_an_invitation_is_not_its_groups_to_accept(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.invite_people(group, [cara], by=anna)
    actions.accept_request(group.admissions.get(user=cara), by=anna)
    assert not group.members.filter(user=cara).exists()
    assert group.admissions.get(user=cara).way == Admission.Way.INVITED


def test_only_who_works_here_and_is_not_in_the_group_is_invited(
    anna: User, boris: User, cara: User, person: Callable[..., User]
) -> None:
    group = group_of(anna, boris, kind="closed")
    gone = person("Dora")
    User.objects.filter(pk=gone.pk).update(status=User.Status.DISMISSED)
    actions.invite_people(group, [boris, cara, again(gone)], by=anna)
    assert group.admissions.get().user == cara
    told = Event.objects.filter(kind="groups.PersonInvited", payload__user_id__in=[cara.pk, gone.pk])
    assert [one.payload["user_id"] for one in told] == [cara.pk]


def test_who_is_made_a_member_hears_of_it_and_whoever_comes_by_themselves_does_not(
    anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris)
    assert actions.add_people(group, [boris, cara, anna], by=anna) == [cara.pk]
    deliver_calls()
    assert [one.user for one in Notification.objects.filter(kind="groups.accepted")] == [cara]
    group.refresh_from_db()
    assert group.members_count == 3


def test_a_group_that_is_taken_over_is_as_old_as_it_was(anna: User) -> None:
    then = datetime(2020, 2, 2, tzinfo=UTC)
    with importing(at=then):
        group = actions.create_group(NewGroup("Reading", " Once a month "), by=anna)
    group.refresh_from_db()
    assert (group.created_at, group.description) == (then, "Once a month")


def test_of_a_changed_group_only_what_differs_is_told(anna: User) -> None:
    group = group_of(anna)
    actions.change_group(group, NewGroup(" Reading ", " Once a month ", "closed"), by=anna)
    group.refresh_from_db()
    assert (group.name, group.description, group.kind) == ("Reading", "Once a month", "closed")
    assert Event.objects.get(kind="groups.GroupChanged").payload == {
        "group_id": group.pk,
        "by_id": anna.pk,
        "changes": [["description", "", "Once a month"], ["kind", "open", "closed"]],
    }


def test_no_other_group_goes_into_the_archive_or_comes_out_of_it(anna: User) -> None:
    group, other, shut = (group_of(anna, name=name) for name in ("One", "Two", "Three"))
    actions.archive_group(shut, by=anna)
    Event.objects.all().delete()
    for _twice in range(2):
        actions.archive_group(group, by=anna)
    other.refresh_from_db()
    assert not other.is_archived
    for _twice in range(2):
        actions.reopen_group(group, by=anna)
    shut.refresh_from_db()
    assert shut.is_archived
    told = Event.objects.filter(kind="groups.GroupChanged").order_by("pk")
    assert [one.payload["changes"] for one in told] == [
        [["is_archived", False, True]], [["is_archived", True, False]]
    ]  # fmt: skip


def test_who_leaves_the_company_is_in_no_group_and_asked_into_none(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    in_it, theirs = group_of(anna, boris, cara), group_of(boris, cara)
    asked, asking = group_of(anna, kind="closed"), group_of(anna, kind="closed")
    actions.invite_people(asked, [boris, cara], by=anna)
    actions.join_group(asking, by=boris)
    actions.take_out_of_all(boris, by=olga)
    for group, left in ((in_it, {anna, cara}), (theirs, {cara}), (asked, {anna}), (asking, {anna})):
        group.refresh_from_db()
        assert {one.user for one in group.members.select_related("user")} == left
        assert group.members_count == len(left)
    assert [one.user for one in Admission.objects.all()] == [cara]
    asked.refresh_from_db()
    assert f"U{boris.pk}" not in asked.audience
    told = Event.objects.filter(kind="groups.MemberLeft", payload__by_id=olga.pk)
    assert {one.payload["group_id"] for one in told} == {in_it.pk, theirs.pk}


def test_who_is_outside_knows_of_a_group_until_it_becomes_secret(anna: User, boris: User) -> None:
    group = group_of(anna, boris, kind="closed")
    for kind, known in (("secret", []), ("open", [EVERYONE])):
        actions.change_group(group, NewGroup("Reading", kind=kind), by=anna)
        group.refresh_from_db()
        assert group.audience == sorted([*known, group.code])


def test_only_whom_one_invited_knows_of_a_secret_group(anna: User, boris: User, cara: User) -> None:
    group = group_of(anna, kind="secret")
    actions.invite_people(group, [boris], by=anna)
    actions.invite_people(group, [boris], by=anna)
    deliver_calls()
    assert Notification.objects.get(user=boris).kind == "groups.invited"
    assert Group.objects.visible_to(boris).exists()
    assert not Group.objects.visible_to(cara).exists()
    actions.leave_group(group, by=boris)
    assert not Group.objects.visible_to(again(boris)).exists()


@pytest.mark.parametrize("kind", ["open", "closed", "secret"])
def test_whom_one_invites_may_know_of_a_group_and_who_only_asks_may_not(
    anna: User, boris: User, cara: User, kind: str
) -> None:
    group = group_of(anna, kind=kind)
    actions.invite_people(group, [boris], by=anna)
    Admission.objects.create(group=group, user=cara, way=Admission.Way.ASKED)
    actions.change_group(group, NewGroup("Reading", kind=kind), by=anna)
    group.refresh_from_db()
    everyone = [] if kind == "secret" else [EVERYONE]
    assert group.audience == sorted([group.code, f"U{boris.pk}", *everyone])


def test_an_invitation_of_who_has_asked_accepts_them(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.join_group(group, by=cara)
    actions.invite_people(group, [cara], by=anna)
    assert group.members.filter(user=cara).exists()


def test_an_owner_hands_over_before_leaving(anna: User, boris: User) -> None:
    group = group_of(anna, boris)
    with pytest.raises(GroupRefused, match="hand it over"):
        actions.leave_group(group, by=anna)
    actions.hand_over(group, boris, by=anna)
    assert group.members.get(role="owner").user == boris
    assert group.members.get(user=anna).role == "moderator"
    assert group.moderators_code in codes_of(again(boris))
    actions.leave_group(group, by=anna)
    assert group.code not in codes_of(again(anna))


def test_a_group_is_handed_over_once_and_to_whoever_is_not_in_it_too(
    anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris)
    Event.objects.all().delete()
    actions.hand_over(group, anna, by=anna)
    assert not Event.objects.exists()
    actions.hand_over(group, cara, by=anna)
    told = Event.objects.get(kind="groups.RoleChanged").payload
    assert told == {"group_id": group.pk, "user_id": cara.pk, "role": "owner", "by_id": anna.pk}
    deliver_calls()
    # One word, and not also that they were taken in.
    assert [one.kind for one in Notification.objects.filter(user=cara)] == ["groups.handed-over"]
    assert dict(group.members.values_list("user", "role")) == {
        anna.pk: "moderator", boris.pk: "member", cara.pk: "owner"
    }  # fmt: skip
    assert group.moderators_code in codes_of(again(cara))


def test_a_group_of_nobody_is_handed_over_by_nobody_in_particular(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    group = group_of(anna, boris)
    actions.take_out_of_all(anna, by=olga)
    User.objects.filter(pk=boris.pk).update(status=User.Status.DISMISSED)
    with pytest.raises(GroupRefused, match="works here"):
        actions.hand_over(group, again(boris), by=olga)
    Event.objects.all().delete()
    actions.hand_over(group, cara, by=None)
    assert group.members.get(role="owner").user == cara
    for kind in ("MemberJoined", "RoleChanged"):
        assert Event.objects.get(kind=f"groups.{kind}").payload["by_id"] is None
    deliver_calls()
    assert Notification.objects.get(user=cara).kind == "groups.handed-over"


def test_whoever_gets_a_group_back_hears_of_it_again_and_has_not_joined_it(
    clock: Clock, anna: User, boris: User
) -> None:
    group = group_of(anna, boris)
    Event.objects.all().delete()
    for to, by in ((boris, anna), (anna, boris), (boris, anna)):
        clock.move(seconds=1)
        actions.hand_over(group, to, by=by)
    deliver_calls()
    assert [one.kind for one in Notification.objects.filter(user=boris)] == ["groups.handed-over"] * 2
    assert not Event.objects.filter(kind="groups.MemberJoined").exists()


def test_an_owner_is_not_taken_out_and_who_has_left_is_not_once_more(anna: User, boris: User) -> None:
    group = group_of(anna, boris)
    with pytest.raises(GroupRefused, match="hands the group over"):
        actions.remove_member(group.members.get(user=anna), by=boris)
    member = group.members.get(user=boris)
    for _twice in range(2):
        actions.remove_member(member, by=anna)
    assert [one.user for one in group.members.all()] == [anna]
    assert Event.objects.filter(kind="groups.MemberLeft").count() == 1


def test_what_was_deleted_meanwhile_is_said_to_be_so_and_was_told(anna: User, cara: User) -> None:
    group_of(anna, name="Another")
    group = group_of(anna)
    actions.delete_group(Group.objects.get(pk=group.pk), by=anna)
    told = Event.objects.get(kind="groups.GroupDeleted")
    assert told.payload == {"group_id": group.pk, "name": "Reading", "by_id": anna.pk}
    with pytest.raises(GroupRefused, match="deleted meanwhile"):
        actions.join_group(group, by=cara)


def test_the_owner_stays_owner_and_nobodys_role_changes_in_the_archive(anna: User, boris: User) -> None:
    group = group_of(anna, boris)
    Event.objects.all().delete()
    actions.set_role(group.members.get(user=anna), "member", by=anna)
    actions.set_role(group.members.get(user=boris), "member", by=anna)
    assert not Event.objects.exists()
    assert group.members.get(role="owner").user == anna
    actions.archive_group(group, by=anna)
    with pytest.raises(GroupRefused, match="archive"):
        actions.set_role(group.members.get(user=boris), "moderator", by=anna)
    with pytest.raises(GroupRefused, match="archive"):
        actions.add_people(group, [], by=anna)


def test_roles_bring_and_take_the_moderators_code(anna: User, boris: User, cara: User) -> None:
    group = group_of(anna, boris, cara)
    member = group.members.get(user=boris)
    actions.set_role(member, "moderator", by=anna)
    assert group.members.get(user=cara).role == "member"
    assert group.moderators_code in codes_of(again(boris))
    actions.set_role(member, "member", by=anna)
    assert group.moderators_code not in codes_of(again(boris))
    told = Event.objects.filter(kind="groups.RoleChanged").order_by("pk")
    assert [(one.payload["user_id"], one.payload["role"], one.payload["by_id"]) for one in told] == [
        (boris.pk, "moderator", anna.pk), (boris.pk, "member", anna.pk)
    ]  # fmt: skip
    with pytest.raises(GroupRefused):
        actions.set_role(member, "owner", by=anna)


def test_a_guest_comes_only_where_guests_may(anna: User, erik: User) -> None:
    group = group_of(anna)
    with pytest.raises(GroupRefused, match="outside guest"):
        actions.invite_people(group, [erik], by=anna)
    shared = group_of(anna, erik, kind="extranet")
    assert shared.code in codes_of(again(erik))
    with pytest.raises(GroupRefused):
        actions.change_group(shared, NewGroup("Shared", kind="open"), by=anna)
    actions.change_group(shared, NewGroup("Shared", kind="extranet"), by=anna)
    with pytest.raises(GroupRefused):
        actions.set_role(shared.members.get(user=erik), "moderator", by=anna)
    actions.set_role(shared.members.get(user=erik), "member", by=anna)
    with pytest.raises(GroupRefused):
        actions.hand_over(shared, erik, by=anna)


def test_a_membership_that_is_over_gives_no_codes_even_from_the_cache(
    clock: Clock, anna: User, erik: User
) -> None:
    group = group_of(anna, erik, kind="extranet")
    Member.objects.filter(user=erik).update(expires_at=clock.now + timedelta(milliseconds=900))
    assert group.code in codes_of(again(erik))
    clock.move(seconds=1)
    assert group.code not in codes_of(again(erik))


def test_the_cache_keeps_codes_no_longer_than_the_first_membership_lasts(clock: Clock) -> None:
    soon, later = clock.now + timedelta(seconds=90, milliseconds=900), clock.now + timedelta(days=300)
    assert _seconds_to_live([Held("G1", until=later), Held("G2", until=soon), Held("UA")]) == 90
    assert _seconds_to_live([Held("G1", until=clock.now)]) == 0
    assert _seconds_to_live([Held("G1", until=later)]) == _seconds_to_live([Held("UA")]) == CODES_LIVE


def test_a_guest_knows_the_people_of_their_groups_alone(
    anna: User, boris: User, cara: User, erik: User
) -> None:
    group_of(anna, boris, erik, kind="extranet")
    assert set(User.objects.visible_to(erik)) == {anna, boris, erik}


def test_only_members_write_into_a_group_and_nobody_into_the_archive(anna: User, cara: User) -> None:
    group = group_of(anna)
    assert not unaddressable(anna, [group.code])
    assert unaddressable(cara, [group.code]) == {group.code}
    with pytest.raises(ValidationError):
        publish_post(Draft("hello", (group.code,)), by=cara)
    actions.archive_group(group, by=anna)
    assert unaddressable(anna, [group.code]) == {group.code}
    actions.reopen_group(group, by=anna)
    assert publish_post(Draft("hello", (group.code,)), by=anna).audience == sorted(
        [group.code, f"U{anna.pk}"]
    )


def test_an_archived_group_changes_no_more(anna: User, cara: User) -> None:
    group = group_of(anna)
    actions.archive_group(group, by=anna)
    for refused in (
        lambda: actions.join_group(group, by=cara),
        lambda: actions.invite_people(group, [cara], by=anna),
        lambda: actions.change_group(group, NewGroup("Other"), by=anna),
    ):
        with pytest.raises(GroupRefused, match="archive"):
            refused()


def test_the_audience_picker_finds_ones_own_groups(anna: User, cara: User) -> None:
    group = group_of(anna, name="Книжный клуб")
    assert group.code in {one.code for one in found_for(anna, "книж")}
    assert group.code not in {one.code for one in found_for(cara, "книж")}


def test_the_name_of_a_secret_group_is_told_to_its_members_only(
    anna: User, boris: User, olga: User, cara: User
) -> None:
    group = group_of(anna, boris, kind="secret")
    for reader, is_told in ((anna, True), (again(boris), True), (olga, True), (cara, False)):
        assert (group.code in named([group.code], reader=reader)) is is_told


def test_a_deleted_groups_posts_stay_with_their_authors(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    group = group_of(anna, boris)
    alone = publish_post(Draft("for us", (group.code,)), by=boris)
    wider = publish_post(Draft("for cara too", (group.code, f"U{cara.pk}")), by=boris)
    actions.delete_group(group, by=anna)
    forget_its_principals(GroupDeleted(group_id=int(group.code[1:]), name="", by_id=anna.pk))
    alone.refresh_from_db()
    wider.refresh_from_db()
    assert alone.audience == [f"U{boris.pk}"]
    assert alone.is_private
    assert sorted(wider.audience) == sorted([f"U{boris.pk}", f"U{cara.pk}"])
    assert not Post.objects.visible_to(again(anna)).exists()
    assert set(Post.objects.visible_to(again(boris))) == {alone, wider}


@pytest.mark.parametrize("count", [1, 3])
def test_every_change_of_members_renews_their_codes(
    count: int, anna: User, person: Callable[..., User]
) -> None:
    people = [person(f"P{number}") for number in range(count)]
    before = {one.pk: one.access_version for one in people}
    group = group_of(anna, *people)
    joined = {one.pk: again(one).access_version for one in people}
    actions.delete_group(group, by=anna)
    assert all(joined[pk] > version for pk, version in before.items())
    assert all(again(one).access_version > joined[one.pk] for one in people)


def test_who_leaves_or_is_taken_out_sees_nothing_of_it_from_that_moment(
    anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris, cara)
    post = publish_post(Draft("For us", (group.code,)), by=anna)
    for person in (boris, cara):
        assert Post.objects.visible_to(again(person)).filter(pk=post.pk).exists()
    actions.leave_group(group, by=boris)
    actions.remove_member(group.members.get(user=cara), by=anna)
    for person in (boris, cara):
        assert group.code not in codes_of(again(person))
        assert not Post.objects.visible_to(again(person)).filter(pk=post.pk).exists()


def test_a_dismissed_owners_groups_pass_on(anna: User, boris: User, cara: User, olga: User) -> None:
    group = group_of(anna, boris)
    assert held(anna) == [group.name]
    pass_on(anna, cara, olga)
    assert group.members.get(role="owner").user == cara
    actions.set_role(group.members.get(user=boris), "moderator", by=cara)
    group.members.filter(user=anna).delete()
    pass_on(cara, None, olga)
    assert group.members.get(role="owner").user == boris


@pytest.fixture
def followed(anna: User, boris: User) -> Group:
    """Filled by a directory: boris is in it because he is in its group there."""
    group = group_of(anna, kind="closed")
    actions.follow(group, joining=[boris.pk], leaving=[])
    actions.set_source([group.pk], "Corp")
    group.refresh_from_db()
    return group


DECIDED = "Corp decides who is in “Reading”"


def test_who_is_in_a_followed_group_is_its_sources_to_say(
    followed: Group, anna: User, boris: User, cara: User
) -> None:
    member = followed.members.get(user=boris)
    for change in (
        lambda: actions.invite_people(followed, [cara], by=anna),
        lambda: actions.add_people(followed, [cara], by=anna),
        lambda: actions.join_group(followed, by=cara),
        lambda: actions.leave_group(followed, by=boris),
        lambda: actions.remove_member(member, by=anna),
    ):
        with pytest.raises(GroupRefused, match=DECIDED):
            change()
    assert set(followed.members.values_list("user", flat=True)) == {anna.pk, boris.pk}
    assert not Admission.objects.exists()
    actions.set_source([followed.pk], "")
    actions.leave_group(followed, by=boris)
    actions.invite_people(followed, [cara], by=anna)
    assert Admission.objects.get().user == cara


def test_guests_are_not_its_sources_to_say_and_no_other_group_is_followed(
    anna: User, cara: User, erik: User
) -> None:
    group, other = (group_of(anna, kind="extranet") for _number in range(2))
    actions.set_source([group.pk], "Corp")
    assert Group.objects.get(source="Corp") == group
    with pytest.raises(GroupRefused, match=DECIDED):
        actions.invite_people(group, [erik, cara], by=anna)
    actions.invite_people(group, [erik], by=anna)
    actions.invite_people(other, [cara], by=anna)
    assert set(Admission.objects.values_list("group", "user")) == {(group.pk, erik.pk), (other.pk, cara.pk)}


def test_who_asked_before_a_group_was_followed_is_not_let_in_here(anna: User, cara: User) -> None:
    group = group_of(anna, kind="closed")
    actions.join_group(group, by=cara)
    actions.set_source([group.pk], "Corp")
    with pytest.raises(GroupRefused, match=DECIDED):
        actions.accept_request(Admission.objects.get(), by=anna)
    # To take the request back is everybody's own affair.
    actions.leave_group(group, by=cara)
    assert not Admission.objects.exists()


def test_who_leads_a_followed_group_is_its_own_affair(followed: Group, anna: User, boris: User) -> None:
    actions.set_role(followed.members.get(user=boris), Member.Role.MODERATOR, by=anna)
    actions.leave_group(followed, by=boris)
    assert not followed.members.filter(user=boris).exists()


def test_a_followed_group_that_was_deleted_comes_back_as_the_portals_own(followed: Group, anna: User) -> None:
    actions.resume_group(followed, by=anna)
    followed.refresh_from_db()
    assert followed.source == ""


def test_whom_its_source_takes_out_goes_but_for_those_who_lead_it(
    followed: Group, anna: User, boris: User, cara: User, erik: User, person: Callable[..., User]
) -> None:
    dora = person("Dora")
    Admission.objects.create(group=followed, user=erik, way=Admission.Way.ASKED)
    Admission.objects.create(group=followed, user=cara, way=Admission.Way.ASKED)
    actions.follow(followed, joining=[dora.pk], leaving=[])
    actions.set_role(followed.members.get(user=dora), Member.Role.MODERATOR, by=anna)
    version = {one.pk: again(one).access_version for one in (anna, boris, cara, dora)}
    Event.objects.all().delete()
    for _twice in range(2):
        actions.follow(
            followed, joining=[cara.pk, cara.pk, dora.pk], leaving=[boris.pk, dora.pk, anna.pk, boris.pk]
        )
    followed.refresh_from_db()
    assert set(followed.members.values_list("user", flat=True)) == {anna.pk, cara.pk, dora.pk}
    assert (followed.members_count, followed.admissions.get().user) == (3, erik)
    changed = {pk for pk, before in version.items() if User.objects.get(pk=pk).access_version > before}
    assert changed == {boris.pk, cara.pk}
    told = Event.objects.filter(kind__startswith="groups.").values_list("kind", "payload__user_id")
    assert sorted(told) == [("groups.MemberJoined", cara.pk), ("groups.MemberLeft", boris.pk)]
    actions.follow(followed, joining=[], leaving=[cara.pk])
    assert set(followed.members.values_list("user", flat=True)) == {anna.pk, dora.pk}


def test_a_group_that_comes_back_has_only_those_who_may_still_sign_in(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    group = group_of(anna, boris, cara)
    other = group_of(boris)
    actions.resume_group(group, by=olga)
    assert set(group.members.values_list("user", flat=True)) == {anna.pk, boris.pk, cara.pk}, (
        "it has an owner"
    )
    Event.objects.all().delete()
    for gone in (anna, boris):
        User.objects.filter(pk=gone.pk).update(status=User.Status.DISMISSED)
    # For a time; whose it is, theirs it is for good.
    Member.objects.create(group=group, user=olga, expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    before = again(cara).access_version
    actions.resume_group(group, by=olga)
    there = dict(group.members.values_list("user", "role"))
    assert there == {cara.pk: Member.Role.MEMBER, olga.pk: Member.Role.OWNER}
    assert group.members.get(user=olga).expires_at is None
    assert other.members.count() == 1
    assert Event.objects.get(kind="groups.GroupChanged").payload == {
        "group_id": group.pk,
        "by_id": olga.pk,
        "changes": [],
    }
    group.refresh_from_db()
    assert group.members_count == 2
    assert again(cara).access_version > before
    assert group.code in codes_of(again(olga))
