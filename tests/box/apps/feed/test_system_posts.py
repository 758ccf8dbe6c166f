"""What the portal tells by itself: each thing once, much of one day in one entry, and the first posts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.feed import actions
from box.apps.feed.actions import Draft
from box.apps.feed.handlers import tell_of_new_colleague
from box.apps.feed.models import Post, SystemEntry, SystemFact
from box.apps.feed.presenters import shown
from box.apps.feed.system_posts import MOST_NAMED, Fact, What, tell, tell_birthdays
from box.core.accounts.actions import NewUser, create_user, update_profile
from box.core.accounts.bulk import change_people
from box.core.accounts.events import UserCreated
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from box.core.portal.actions import pass_step
from box.core.portal.setup import STEPS
from box.core.push.models import PushMessage
from box.core.registry.company import company_day
from box.core.registry.settings import store
from box.core.structure.actions import add_member
from box.core.structure.models import Department, Membership
from tests.box.apps.feed.test_views import Browser

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 24)


def entries() -> list[Post]:
    return list(Post.objects.filter(kind=Post.Kind.SYSTEM).order_by("id"))


def html_of(post: Post, reader: User) -> str:
    (one,) = shown(Post.objects.filter(pk=post.pk).as_shown(), reader=reader)
    return str(one.article.html)


def employ(name: str, by: User, **more: object) -> User:
    new = NewUser(email=f"{name.lower()}@example.com", first_name=name, last_name="New", **more)  # type: ignore[arg-type]
    return create_user(new, password=None, by=by)


def test_who_was_added_is_told_to_all_employees_once(
    anna: User, erik: User, olga: User, as_person: Browser
) -> None:
    newcomer = employ("Nina", olga)
    deliver_all()
    tell_of_new_colleague(UserCreated(newcomer.pk, olga.pk))
    (post,) = entries()
    link = f'<a href="/employees/{newcomer.pk}/">Nina New</a>'
    assert html_of(post, anna) == f"<p>New colleague: {link}</p>"
    assert link in as_person(anna).get("/feed/").content.decode()
    assert b"Nina New" not in as_person(erik).get("/feed/").content
    assert PushMessage.objects.filter(topic="feed", kind="post").count() == 1


def test_an_import_is_one_entry_and_not_a_flood(anna: User, olga: User) -> None:
    for number in range(MOST_NAMED + 7):
        employ(f"N{number}", olga)
    deliver_all()
    (post,) = entries()
    html = html_of(post, anna)
    assert html.count("<a ") == MOST_NAMED
    assert "7 more" in html
    assert PushMessage.objects.filter(topic="feed", kind="post").count() == 1
    assert SystemFact.objects.count() == MOST_NAMED + 7


def test_guests_the_invited_and_whom_the_console_added_are_no_news(olga: User) -> None:
    employ("Gast", olga, is_extranet=True)
    invited = employ("Ivo", olga)
    User.objects.filter(pk=invited.pk).update(invited_at=invited.joined_at)
    deliver_all()
    assert entries() == []


@pytest.mark.parametrize(
    "setting", ["feed.tell_joined", "feed.tell_heads", "feed.tell_positions", "feed.tell_groups"]
)
def test_each_is_switched_off_by_its_own_setting(
    anna: User, olga: User, sales: Department, setting: str
) -> None:
    store({setting: False})
    employ("Nina", olga)
    add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    create_group(NewGroup("Readers", kind=Group.Kind.OPEN), by=anna)
    came_earlier(anna)
    update_profile(anna, {"position": "Head of Sales"}, by=olga)
    deliver_all()
    told = {post.details["system"]["what"] for post in entries() if post.details}
    assert told == {"joined", "heads", "positions", "groups"} - {setting.removeprefix("feed.tell_")}


def test_a_new_head_is_told_with_the_department(
    anna: User, boris: User, olga: User, sales: Department
) -> None:
    add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    deliver_all()
    (post,) = entries()
    assert "Anna Test</a> (<a" in html_of(post, boris)
    assert "Sales</a>)" in html_of(post, boris)


def came_earlier(*people: User) -> None:
    earlier = timezone.now() - timedelta(days=40)
    User.objects.filter(pk__in=[person.pk for person in people]).update(joined_at=earlier)


def test_a_new_position_is_told_as_it_is_by_the_end_of_the_day(anna: User, boris: User, olga: User) -> None:
    came_earlier(anna, boris)
    for position in ("Haed of Sales", "Head of <b>Sales</b>"):
        update_profile(anna, {"position": position}, by=olga)
        deliver_all()
    (post,) = entries()
    link = f'<a href="/employees/{anna.pk}/">Anna Test</a>'
    assert html_of(post, boris) == f"<p>New position: {link} – Head of &lt;b&gt;Sales&lt;/b&gt;</p>"
    update_profile(boris, {"position": "Accountant"}, by=olga)
    deliver_all()
    (post,) = entries()
    assert "New positions: " in html_of(post, anna)
    assert "Boris Test</a> – Accountant" in html_of(post, anna)
    # The entry is of its day: what becomes of them later is not what it told.
    User.objects.filter(pk=boris.pk).update(position="Director")
    assert "Accountant" in html_of(post, anna)


def test_a_source_that_changes_many_positions_makes_one_entry(
    person: Callable[..., User], anna: User
) -> None:
    people = [person(f"P{number}") for number in range(MOST_NAMED + 4)]
    came_earlier(*people)
    change_people({one.pk: {"position": f"Engineer {one.pk}"} for one in people})
    deliver_all()
    (post,) = entries()
    assert html_of(post, anna).count("Engineer") == MOST_NAMED
    assert "4 more" in html_of(post, anna)


def test_what_people_call_themselves_and_who_came_today_are_no_news(
    anna: User, boris: User, cara: User, erik: User, olga: User
) -> None:
    came_earlier(anna, boris, erik)
    update_profile(anna, {"position": "Emperor"}, by=anna)
    update_profile(boris, {"phone": "123"}, by=olga)
    update_profile(cara, {"position": "Clerk"}, by=olga)
    update_profile(erik, {"position": "Partner"}, by=olga)
    update_profile(boris, {"position": ""}, by=olga)
    deliver_all()
    assert entries() == []


def test_only_open_groups_are_told_of(anna: User, boris: User) -> None:
    for kind in Group.Kind.values:
        create_group(NewGroup(f"The {kind} one", kind=kind), by=anna)
    deliver_all()
    (post,) = entries()
    assert "The open one" in html_of(post, boris)
    # It became secret: its name is no longer for those outside.
    Group.objects.filter(name="The open one").update(kind=Group.Kind.SECRET)
    assert "The open one" not in html_of(post, boris)
    assert "The open one" in html_of(post, anna)


def test_names_are_text(anna: User, olga: User) -> None:
    nina = employ("Nina", olga)
    User.objects.filter(pk=nina.pk).update(first_name="<script>alert(1)</script>%(names)s")
    deliver_all()
    (post,) = entries()
    assert "<script>" not in html_of(post, anna)
    assert "<script>" not in post.text


def test_birthdays_of_those_who_work_here(anna: User, boris: User, cara: User, erik: User) -> None:
    User.objects.exclude(pk=cara.pk).update(birthday_on=date(1990, DAY.month, DAY.day))
    User.objects.filter(pk=boris.pk).update(status=User.Status.DISMISSED)
    for _ in range(2):
        tell_birthdays(DAY)
    (post,) = entries()
    assert [item[0] for item in post.details["system"]["items"]] == [f"U{anna.pk}"]  # type: ignore[index]
    tell_birthdays(DAY + timedelta(days=1))
    assert len(entries()) == 1
    tell_birthdays(date(DAY.year + 1, DAY.month, DAY.day))
    assert len(entries()) == 2


def test_a_deleted_entry_does_not_come_back(anna: User, olga: User) -> None:
    employ("Nina", olga)
    deliver_all()
    (post,) = entries()
    actions.delete_post(post, by=olga)
    actions.forget_post(post)
    employ("Petra", olga)
    deliver_all()
    assert entries() == []


def test_nobody_but_administrators_deletes_an_entry(as_person: Browser, anna: User, olga: User) -> None:
    post = tell(What.JOINED, [Fact("joined:x", (f"U{anna.pk}",))], day=DAY, author=anna)
    assert post is not None
    assert as_person(anna).delete(f"/feed/{post.pk}/").status_code == 403
    assert as_person(anna).get(f"/feed/{post.pk}/text/").status_code == 403
    assert as_person(olga).delete(f"/feed/{post.pk}/").status_code == 302


def test_an_entry_costs_the_feed_no_query_beside_the_names(
    as_person: Browser, anna: User, olga: User
) -> None:
    actions.publish_post(Draft("hello", (f"U{anna.pk}", f"U{olga.pk}")), by=olga)
    browser = as_person(anna)
    browser.get("/feed/")
    with CaptureQueriesContext(connection) as without:
        browser.get("/feed/")
    tell(What.JOINED, [Fact(f"joined:{olga.pk}", (f"U{olga.pk}",))], day=DAY, author=olga)
    with CaptureQueriesContext(connection) as with_it:
        assert b"New colleague" in browser.get("/feed/").content
    assert len(with_it) <= len(without) + 1


@pytest.mark.django_db(transaction=True)
def test_handlers_that_run_at_once_make_one_entry(person: Callable[..., User]) -> None:
    people = [person(f"P{number}") for number in range(4)]

    def run(user: User) -> None:
        try:
            tell(What.JOINED, [Fact(f"joined:{user.pk}", (f"U{user.pk}",))], day=DAY, author=user)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[user]) for user in people * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (post,) = entries()
    assert post.details["system"]["count"] == 4  # type: ignore[index]
    assert sorted(item[0] for item in post.details["system"]["items"]) == sorted(  # type: ignore[index]
        f"U{user.pk}" for user in people
    )


class Retelling(TestCase):
    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8))
    def test_tells_each_fact_once(self, told: list[list[int]]) -> None:
        author = User.objects.get_or_create(login="anna")[0]
        Post.objects.all().delete()
        SystemEntry.objects.all().delete()
        for numbers in told:
            facts = [Fact(f"joined:{number}", (f"U{number}",)) for number in numbers]
            tell(What.JOINED, facts, day=DAY, author=author)
        expected = list(dict.fromkeys(number for numbers in told for number in numbers))
        posts = entries()
        assert len(posts) == bool(expected)
        if posts:
            system = (posts[0].details or {})["system"]
            assert system["count"] == len(expected)
            assert system["items"] == [[f"U{number}"] for number in expected[:MOST_NAMED]]


def test_a_new_portal_begins_with_a_few_words(anna: User, olga: User, as_person: Browser) -> None:
    *first, last = STEPS
    for step in first:
        pass_step(step, by=olga)
    deliver_all()
    assert not Post.objects.exists()
    pass_step(last, by=olga)
    deliver_all()
    posts = list(Post.objects.order_by("-id"))
    assert len(posts) == 4
    assert {post.author_id for post in posts} == {olga.pk}
    assert posts[0].text.startswith("Welcome to the portal")
    page = as_person(anna).get("/feed/").content.decode()
    assert '<a href="/employees/">Company</a>' in page
    # Once: also when somebody walks through the setup again, or has deleted them.
    Post.objects.update(deleted_at=posts[0].created_at)
    store({"setup.passed": []})
    for step in STEPS:
        pass_step(step, by=olga)
    deliver_all()
    assert Post.objects.count() == 4


def test_it_begins_in_its_own_language(olga: User) -> None:
    store({"company.language": "ru"})
    for step in STEPS:
        pass_step(step, by=olga)
    deliver_all()
    assert Post.objects.order_by("-id")[0].text.startswith("Добро пожаловать")


def test_where_people_write_already_nobody_is_welcomed(anna: User, olga: User) -> None:
    actions.publish_post(Draft("hello"), by=anna)
    for step in STEPS:
        pass_step(step, by=olga)
    deliver_all()
    assert Post.objects.count() == 1


def test_the_day_is_the_companys() -> None:
    from datetime import UTC, datetime

    store({"company.time_zone": "Asia/Vladivostok"})
    assert company_day(datetime(2026, 11, 24, 20, 0, tzinfo=UTC)) == date(2026, 11, 25)
