from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import PAGE as FEED_PAGE
from box.apps.feed.models import Post, PostAddressee
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.files.models import Blob, File
from box.core.groups import actions
from box.core.groups.models import Group, Member, found_groups
from box.core.lists.definition import PAGE
from box.lib.bulk import copy_rows, reserve_ids
from tests.box.core.groups.test_actions import again, group_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 12


def page_of(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_group_is_created_once(as_person: Browser, anna: User) -> None:
    sent = {"name": "Reading", "description": "Books", "kind": "closed", "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(anna).post("/groups/new/", sent)
    group = Group.objects.get()
    assert answer.headers["Location"] == f"/groups/{group.pk}/"
    assert group.kind == "closed"


@pytest.mark.parametrize("sent", [{"name": ""}, {"name": "x" * 201}, {"name": "Fine", "kind": "royal"}])
def test_a_group_that_is_none_is_refused(as_person: Browser, anna: User, sent: dict[str, str]) -> None:
    answer = as_person(anna).post("/groups/new/", {"kind": "open", "nonce": str(uuid4()), **sent})
    assert answer.status_code == 422
    assert not Group.objects.exists()


def test_the_list_shows_mine_and_by_name_all_that_one_may_know_of(
    as_person: Browser, anna: User, cara: User
) -> None:
    group_of(anna, name="Reading")
    group_of(anna, name="Plan B", kind="secret")
    assert "Reading" in page_of(as_person(anna), "/groups/")
    browser = as_person(cara)
    assert "Reading" not in page_of(browser, "/groups/")
    assert "Reading" in page_of(browser, "/groups/?show=all")
    assert "Reading" in page_of(browser, "/groups/?q=read")
    assert "Plan B" not in page_of(browser, "/groups/?show=all")
    assert "Plan B" in page_of(as_person(anna), "/groups/?show=all")


def test_all_groups_are_listed_page_by_page_each_once(as_person: Browser, anna: User) -> None:
    Group.objects.bulk_create(
        Group(name=f"Group {number % 7}", audience=["UA", f"G{number}"]) for number in range(2 * PAGE + 1)
    )
    browser, seen, after = as_person(anna), 0, ""
    while True:
        rows = browser.get("/groups/", {"show": "all", "after": after}, headers=HTMX).content.decode()
        seen += rows.count("data-row=")
        if "after=" not in rows:
            break
        after = rows.split("after=")[1].split('"')[0]
    assert seen == 2 * PAGE + 1


@pytest.mark.parametrize("address", ["/groups/?show=all", "/groups/{pk}/", "/groups/{pk}/members/"])
def test_pages_ask_the_same_number_of_questions_whatever_their_length(
    address: str, as_person: Browser, anna: User
) -> None:
    group = group_of(anna)
    browser = as_person(anna)

    def queries() -> int:
        browser.get(address.format(pk=group.pk))
        with CaptureQueriesContext(connection) as captured:
            browser.get(address.format(pk=group.pk))
        return len(captured)

    few = queries()
    Group.objects.bulk_create(Group(name=f"Group {number}", audience=["UA"]) for number in range(PAGE))
    people = User.objects.bulk_create(User(login=f"p{number}") for number in range(40))
    Member.objects.bulk_create(Member(group=group, user=person) for person in people)
    assert queries() == few <= MOST_QUERIES


def test_one_joins_and_leaves(as_person: Browser, anna: User, cara: User) -> None:
    group = group_of(anna)
    browser = as_person(cara)
    assert "Join the group to read" in page_of(browser, f"/groups/{group.pk}/")
    assert browser.post(f"/groups/{group.pk}/membership/").status_code == 302
    assert group.members.filter(user=cara).exists()
    left = browser.delete(f"/groups/{group.pk}/membership/", headers=HTMX)
    assert "HX-Location" in left.headers
    assert not group.members.filter(user=cara).exists()


def test_an_owner_who_leaves_is_told_what_to_do(as_person: Browser, anna: User) -> None:
    group = group_of(anna)
    answer = as_person(anna).delete(f"/groups/{group.pk}/membership/")
    assert answer.status_code == 403
    assert "hand it over" in answer.content.decode()


def test_people_are_invited_by_their_leaders(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    group = group_of(anna, boris)
    found = as_person(anna).get(f"/groups/{group.pk}/candidates/?q=", headers=HTMX).content.decode()
    assert f'data-code="U{cara.pk}"' in found
    assert f'data-code="U{boris.pk}"' not in found
    sent = {"person": [f"U{cara.pk}", "U99999", "UA"]}
    assert as_person(anna).post(f"/groups/{group.pk}/invitations/", sent).status_code == 302
    assert list(group.admissions.values_list("user", flat=True)) == [cara.pk]
    assert as_person(boris).post(f"/groups/{group.pk}/invitations/", sent).status_code == 403


def test_a_guest_is_offered_only_where_guests_may_come(as_person: Browser, anna: User, erik: User) -> None:
    for kind, is_offered in (("open", False), ("extranet", True)):
        group = group_of(anna, kind=kind)
        found = as_person(anna).get(f"/groups/{group.pk}/candidates/?q=erik", headers=HTMX).content.decode()
        assert (f'data-code="U{erik.pk}"' in found) is is_offered


def test_a_moderator_changes_no_moderator(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    group = group_of(anna, boris, cara)
    mine, other = (group.members.get(user=user) for user in (boris, cara))
    actions.set_role(mine, "moderator", by=anna)
    browser = as_person(again(boris))
    assert browser.post(f"/groups/members/{other.pk}/", {"role": "moderator"}).status_code == 403
    actions.set_role(other, "moderator", by=anna)
    assert browser.delete(f"/groups/members/{other.pk}/").status_code == 403
    assert as_person(anna).delete(f"/groups/members/{other.pk}/").status_code == 302
    assert not group.members.filter(user=cara).exists()


def test_the_owner_is_not_taken_out(as_person: Browser, anna: User, olga: User) -> None:
    group = group_of(anna)
    member = group.members.get(user=anna)
    assert as_person(olga).delete(f"/groups/members/{member.pk}/").status_code == 403
    assert group.members.filter(user=anna).exists()


def test_members_are_found_and_taken_out_by_whoever_leads(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris, cara)
    members = f"/groups/{group.pk}/members/"
    rows = {one.user_id: one.pk for one in group.members.all()}
    found = page_of(as_person(boris), f"{members}?q={cara.last_name}+{cara.first_name}")
    assert f'data-row="{rows[cara.pk]}"' in found
    assert f'data-row="{rows[anna.pk]}"' not in found
    assert 'name="row"' not in found
    sent = {"do": "bulk:take-out", "row": [rows[anna.pk], rows[boris.pk]]}
    assert as_person(boris).post(members, sent).status_code == 403
    said = as_person(anna).post(members, sent).content.decode()
    assert "1 person is taken out." in said
    assert "Only who leads the group changes that." in said
    assert set(group.members.values_list("user", flat=True)) == {anna.pk, cara.pk}


def test_a_group_is_handed_over_to_a_member_only(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris)
    assert as_person(anna).post(f"/groups/{group.pk}/owner/", {"person": cara.pk}).status_code == 404
    assert as_person(anna).post(f"/groups/{group.pk}/owner/", {"person": boris.pk}).status_code == 302
    assert group.members.get(role="owner").user == boris


def test_files_that_were_addressed_to_the_group_are_gathered(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris)
    for name, audience in (("plan.pdf", [f"U{anna.pk}", group.code]), ("own.pdf", [f"U{anna.pk}"])):
        blob = Blob.objects.create(key=uuid4().hex, size=5)
        File.objects.create(owner=anna, name=name, blob=blob, audience=audience, attached_at=group.created_at)
    page = page_of(as_person(boris), f"/groups/{group.pk}/files/")
    assert "plan.pdf" in page
    assert "own.pdf" not in page
    assert as_person(cara).get(f"/groups/{group.pk}/files/").status_code == 404


def test_a_deleted_group_is_gone_for_everybody(as_person: Browser, anna: User, olga: User) -> None:
    group = group_of(anna)
    answer = as_person(olga).delete(f"/groups/{group.pk}/", headers=HTMX)
    assert "/groups/" in answer.headers["HX-Location"]
    assert as_person(anna).get(f"/groups/{group.pk}/").status_code == 404


def test_names_and_descriptions_are_shown_as_they_were_written(as_person: Browser, anna: User) -> None:
    group = group_of(anna, name="<script>alert(1)</script>")
    for address in ("/groups/", f"/groups/{group.pk}/", f"/groups/{group.pk}/settings/"):
        page = page_of(as_person(anna), address)
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_a_group_has_a_feed_of_its_own(as_person: Browser, anna: User, boris: User, olga: User) -> None:
    group = group_of(anna, boris)
    anna, boris = again(anna), again(boris)
    publish_post(Draft("for the group", (group.code,)), by=boris)
    publish_post(Draft("for everybody"), by=boris)
    for reader, writes in ((anna, True), (olga, False)):
        page = page_of(as_person(reader), f"/groups/{group.pk}/")
        assert "for the group" in page
        assert "for everybody" not in page
        assert ('id="composer"' in page) is writes
    sent = {"text": "back to the group", "audience": group.code, "nonce": str(uuid4())}
    answer = as_person(anna).post(f"/feed/?to={group.code}", sent, headers=HTMX)
    assert "back to the group" in answer.content.decode()
    assert "back to the group" in page_of(as_person(boris), f"/feed/?to={group.code}")


def test_its_feed_goes_on_by_key_and_says_what_is_new(as_person: Browser, anna: User, boris: User) -> None:
    group = group_of(anna, boris)
    anna, boris = again(anna), again(boris)
    first = publish_post(Draft("the first", (group.code,)), by=boris)
    for number in range(FEED_PAGE):
        publish_post(Draft(f"later {number}", (group.code,)), by=boris)
    publish_post(Draft("for everybody"), by=boris)
    browser = as_person(anna)
    assert "the first" not in page_of(browser, f"/groups/{group.pk}/")
    before = first.pk + 1
    older = browser.get(f"/feed/?to={group.code}&before={before}", headers=HTMX).content.decode()
    assert "the first" in older
    news = browser.get(f"/feed/news/?to={group.code}&after={first.pk}", headers=HTMX).content.decode()
    assert f"{FEED_PAGE} new" in news
    assert f"to={group.code}" in news


def test_an_outsider_sees_nothing_of_its_feed(as_person: Browser, anna: User, cara: User) -> None:
    group = group_of(anna)
    publish_post(Draft("for the group", (group.code,)), by=again(anna))
    assert "for the group" not in page_of(as_person(cara), f"/groups/{group.pk}/")
    assert "for the group" not in page_of(as_person(cara), f"/feed/?to={group.code}")


def test_nothing_is_written_into_an_archived_group(as_person: Browser, anna: User) -> None:
    group = group_of(anna)
    anna = again(anna)
    post = publish_post(Draft("before the end", (group.code,)), by=anna)
    actions.archive_group(group, by=anna)
    sent = {"text": "late", "nonce": str(uuid4())}
    assert as_person(anna).post(f"/discussion/feed.post/{post.pk}/comments/", sent).status_code == 403
    assert (
        as_person(anna).post(f"/discussion/feed.post/{post.pk}/reaction/", {"value": "1"}).status_code == 403
    )
    page = page_of(as_person(anna), f"/groups/{group.pk}/")
    assert "before the end" in page
    assert 'id="composer"' not in page


def test_a_groups_feed_is_answered_by_one_index(anna: User) -> None:
    group = group_of(anna)
    anna = again(anna)
    fields = (
        "id",
        "author",
        "text",
        "html",
        "thread",
        "audience",
        "is_private",
        "created_at",
        "kind",
        "version",
    )
    threads, ids = reserve_ids(Thread, 20_000), reserve_ids(Post, 20_000)
    copy_rows(
        Thread,
        ("id", "kind", "comments_count", "likes_count", "dislikes_count"),
        ((pk, "feed.post", 0, 0, 0) for pk in threads),
    )
    codes = [["UA", f"D{number % 90}" if number % 60 else group.code] for number in range(len(ids))]
    rows = zip(ids, threads, codes, strict=True)
    copy_rows(
        Post, fields, ((pk, anna.pk, "", "", t, c, False, group.created_at, "post", 1) for pk, t, c in rows)
    )
    copy_rows(PostAddressee, ("post", "code"), ((pk, c[1]) for pk, c in zip(ids, codes, strict=True)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feed_post")
        cursor.execute("ANALYZE feed_postaddressee")
    found = Post.objects.visible_to(anna).addressed_to(group.code).newest_first()[:21]
    plan = found.explain(analyze=True)
    assert "post_addressee_once" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


def test_a_followed_group_says_whose_its_members_are(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    group = group_of(anna, boris)
    actions.set_source([group.pk], "Corp")
    place = f"/groups/{group.pk}/"
    members = as_person(anna).get(f"{place}members/").content.decode()
    assert "decided in Corp" in members
    assert "Take out of the group" not in members
    assert "Make a moderator" in members
    assert f"{place}invitations/" not in members
    page = as_person(boris).get(place).content.decode()
    assert "Leave the group" not in page
    assert "Join the group" not in as_person(cara).get(place).content.decode()
    refused = as_person(boris).delete(f"{place}membership/")
    assert refused.status_code == 403
    assert "Corp decides who is in" in refused.content.decode()
    taken_out = as_person(anna).delete(f"/groups/members/{group.members.get(user=boris).pk}/")
    assert taken_out.status_code == 403
    invited = as_person(anna).post(f"{place}invitations/", {"person": f"U{cara.pk}"})
    assert invited.status_code == 422
    assert "Corp decides who is in" in invited.content.decode()


def test_all_pages_of_a_group_lead_to_all_its_parts(as_person: Browser, anna: User) -> None:
    group = group_of(anna)
    ways = [f"/groups/{group.pk}/?show=drive", f"/groups/{group.pk}/files/", f"/groups/{group.pk}/members/"]
    for page in ("", "files/", "members/"):
        shown = as_person(again(anna)).get(f"/groups/{group.pk}/{page}").content.decode()
        assert [way for way in ways if f'href="{way}"' not in shown] == []


def test_a_group_is_picked_by_its_name_ones_own_first(anna: User, boris: User) -> None:
    actions.create_group(actions.NewGroup("A website"), by=boris)
    actions.create_group(actions.NewGroup("Website"), by=anna)
    actions.create_group(actions.NewGroup("Website plans", kind="secret"), by=boris)
    assert [card.title for card in found_groups("web", anna)] == ["Website", "A website"]
    assert [card.title for card in found_groups("plans", boris)] == ["Website plans"]
    assert found_groups("plans", anna) == []
