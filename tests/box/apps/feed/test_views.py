from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed import actions
from box.apps.feed.actions import Draft, Prize
from box.apps.feed.filters import chosen_by
from box.apps.feed.jobs import UNDO, forget_deleted_before
from box.apps.feed.latest import page_of
from box.apps.feed.models import LIST, PAGE, Badge, Post
from box.apps.feed.polls import Question
from box.apps.feed.system_posts import Fact, What, tell
from box.core.access.actions import renew_codes
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.discussion import actions as discussion
from box.core.discussion.models import Comment
from box.core.files.models import Blob, File
from box.core.groups.actions import NewGroup, create_group, follow
from box.core.groups.models import Group, Member
from box.core.lists.actions import save_view
from box.core.lists.preferences import Preferences, preferences_of
from box.core.people.absences import Away, write_absence
from box.core.registry.company import company_day
from box.core.registry.settings import store
from box.core.structure.models import Department
from tests.box.core.groups.test_actions import group_of
from tests.conftest import empty_cache

if TYPE_CHECKING:
    from django.test import Client

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 8


def post_of(author: User, text: str = "Good morning", **draft: object) -> Post:
    return actions.publish_post(Draft(text, **draft), by=author)  # type: ignore[arg-type]


def file_of(owner: User, name: str = "plan.pdf") -> File:
    blob = Blob.objects.create(key=f"2026/11/{uuid4().hex}", size=1234)
    return File.objects.create(owner=owner, name=name, blob=blob, audience=[code_of(owner)], is_private=True)


def form(**fields: object) -> dict[str, object]:
    return {"text": "Good morning", "audience": ["UA"], "nonce": str(uuid4()), **fields}


def test_the_feed_shows_what_one_may_see(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    post_of(anna, "for sales only", audience=(sales.code,))
    assert b"for sales only" in as_person(boris).get("/feed/").content
    assert b"for sales only" not in as_person(cara).get("/feed/").content


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get("/feed/").headers["Location"] == "/sign-in/?next=/feed/"


def test_the_number_of_queries_does_not_grow_with_the_posts(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    post_of(anna)
    browser = as_person(boris)
    browser.get("/feed/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/feed/")
    for number in range(PAGE + 5):
        post = post_of(
            [anna, boris][number % 2],
            audience=(sales.code, code_of(anna)),
            file_ids=(file_of([anna, boris][number % 2]).pk,),
        )
        discussion.react(post.thread, 1, by=boris)
    empty_cache()
    with CaptureQueriesContext(connection) as many:
        assert browser.get("/feed/").content.count(b"<article") == PAGE
    # The first page had no files, reactions and names to show: each kind costs one query, however many.
    assert len(few) < len(many) <= MOST_QUERIES, "\n".join(query["sql"] for query in many)


def mixture_of(author: User, reader: User, sales: Department) -> None:
    """A page of all that costs queries: a poll, a group's post, a department's, one to a person, a link that
    shows a card, an award, files, an entry of the portal, and two on top."""
    group = create_group(NewGroup("Readers"), by=author)
    follow(group, joining=[reader.pk], leaving=[])
    linked = post_of(author, "the plan")
    post_of(author, f"see https://localhost:{settings.KOROBKA['https_port']}/feed/{linked.pk}/")
    post_of(author, "which?", question=Question(("a", "b")))
    post_of(author, "for readers", audience=(group.code,))
    post_of(author, "for sales", audience=(sales.code,))
    post_of(author, "for you", audience=(code_of(reader),))
    post_of(author, "with a file", file_ids=(file_of(author).pk,))
    badge = Badge.objects.filter(is_gift=False)[0]
    post_of(author, "thank you", award=Prize(badge.pk, reader.pk))
    tell(What.GROUPS, [Fact("group", (group.code,))], day=date(2026, 11, 24), author=author)
    actions.pin(post_of(author, "read me first"), True, by=author)
    actions.pin(linked, True, by=author)


@pytest.mark.parametrize("is_cold", [False, True], ids=["warm", "cold"])
@pytest.mark.parametrize("address", ["/feed/", "/feed/?to={group}", "/feed/?kind=poll", "/feed/?only=unread"])
def test_no_mixture_costs_more_queries(
    as_person: Browser, anna: User, boris: User, sales: Department, is_cold: bool, address: str
) -> None:
    mixture_of(anna, boris, sales)
    browser = as_person(boris)
    address = address.format(group=Group.objects.get().code)
    browser.get(address)
    if is_cold:
        empty_cache()
    with CaptureQueriesContext(connection) as queries:
        page = browser.get(address).content
    assert len(queries) <= MOST_QUERIES, "\n".join(query["sql"] for query in queries)
    if address == "/feed/":
        for said in (
            b">the plan</span>",
            b"which?",
            b"for readers",
            b"for sales",
            b"for you",
            b"plan.pdf",
        ):
            assert said in page


def test_a_guest_costs_no_more(as_person: Browser, anna: User, erik: User, sales: Department) -> None:
    group = create_group(NewGroup("Partners", kind=Group.Kind.EXTRANET), by=anna)
    Member.objects.create(group=group, user=erik, expires_at=timezone.now() + timedelta(days=9))
    renew_codes([erik.pk])
    post_of(anna, "which?", audience=(group.code,), question=Question(("a", "b")))
    actions.pin(post_of(anna, "welcome", audience=(group.code, code_of(erik))), True, by=anna)
    browser = as_person(erik)
    browser.get("/feed/")
    empty_cache()
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/feed/").content.count(b"<article") == 2
    assert len(queries) <= MOST_QUERIES, "\n".join(query["sql"] for query in queries)


def test_what_was_composed_once_shows_each_their_own(
    anna: User, boris: User, cara: User, erik: User, olga: User, sales: Department
) -> None:
    group = create_group(NewGroup("Partners", kind=Group.Kind.EXTRANET), by=anna)
    Member.objects.create(group=group, user=erik)
    renew_codes([erik.pk])
    save_view(LIST, "kind=poll", "polls", by=boris)
    for audience in (["UA"], [sales.code], [group.code], [code_of(boris)], [code_of(boris), code_of(cara)]):
        post_of(anna, audience=audience)
    post_of(boris, audience=[code_of(boris)])
    actions.delete_post(post_of(anna), by=anna)
    dismissed = User.objects.get(pk=cara.pk)
    dismissed.status = User.Status.DISMISSED
    for address in ("", f"to={group.code}", f"to={sales.code}", "kind=post"):
        # Twice around, so that each follows somebody who sees something else.
        for reader in [User.objects.get(pk=one.pk) for one in (anna, boris, cara, erik, olga)] * 2 + [
            dismissed
        ]:
            chosen = chosen_by(QueryDict(address), reader)
            visible = chosen.apply(Post.objects.visible_to(reader)).newest_first()
            found = page_of(reader, chosen)
            assert [post.pk for post in found] == [post.pk for post in visible]
            assert [post.author.name for post in found] == [post.author.name for post in visible]
            kept = preferences_of(reader, LIST)
            assert [view.name for view in kept.views] == (["polls"] if reader == boris else [])
            assert all(Preferences.read(post.kept, reader) == kept for post in found)
            if len(found) > 1:
                assert [one.pk for one in page_of(reader, chosen, before=found[0].pk)] == [
                    post.pk for post in found[1:]
                ]


def test_older_posts_come_by_key(as_person: Browser, anna: User) -> None:
    posts = [post_of(anna, f"note {number}.") for number in range(PAGE + 2)]
    page = as_person(anna).get("/feed/", {"before": posts[2].pk}, headers=HTMX).content
    assert b"note 1." in page
    assert b"note 2." not in page
    assert b"<!doctype" not in page


@pytest.mark.parametrize(
    "headers", [{}, {**HTMX, "HX-Boosted": "true"}, {**HTMX, "HX-History-Restore-Request": "true"}]
)
def test_a_page_is_whole_unless_a_part_was_asked_for(
    as_person: Browser, anna: User, headers: dict[str, str]
) -> None:
    assert b"<!doctype html>" in as_person(anna).get("/feed/", headers=headers).content


def test_one_publishes_with_files(as_person: Browser, anna: User) -> None:
    first, second = file_of(anna, "b.pdf"), file_of(anna, "a.pdf")
    answer = as_person(anna).post("/feed/", form(files=[first.pk, second.pk]), headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.index(b"b.pdf") < answer.content.index(b"a.pdf")
    assert b'id="feed-news"' not in answer.content


def test_a_plain_post_leads_back_to_the_feed(as_person: Browser, anna: User) -> None:
    assert as_person(anna).post("/feed/", form()).headers["Location"] == "/feed/"


def test_a_form_posts_once(as_person: Browser, anna: User) -> None:
    sent = form()
    for _ in range(2):
        assert b"Good morning" in as_person(anna).post("/feed/", sent, headers=HTMX).content
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": " "}, "Write something, or add a file."),
        ({"audience": []}, "Choose who will see this post."),
        ({"audience": ["D999"]}, "Choose the audience again"),
        ({"audience": ["nonsense"]}, "Choose the audience again"),
        ({"files": ["x"]}, "One of the files is not understood"),
        ({"files": ["999"]}, "One of the files is not there"),
        ({"nonce": ""}, "This form is incomplete"),
    ],
)
def test_what_cannot_be_published_comes_back_with_a_word(
    as_person: Browser, anna: User, fields: dict[str, object], problem: str
) -> None:
    answer = as_person(anna).post("/feed/", form(**{"text": "half written", **fields}), headers=HTMX)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert answer.headers["HX-Retarget"] == "#composer"
    assert ("half written" in answer.content.decode()) is ("text" not in fields)
    assert not Post.objects.exists()


def test_a_file_of_somebody_else_is_not_published(as_person: Browser, anna: User, boris: User) -> None:
    answer = as_person(boris).post("/feed/", form(files=[file_of(anna).pk]), headers=HTMX)
    assert answer.status_code == 422
    assert not Post.objects.exists()


def test_a_guest_writes_only_to_where_they_belong(as_person: Browser, erik: User) -> None:
    assert as_person(erik).post("/feed/", form(), headers=HTMX).status_code == 422
    assert as_person(erik).post("/feed/", form(audience=[code_of(erik)]), headers=HTMX).status_code == 200


def test_the_chip_counts_what_others_published_for_me(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    seen = post_of(anna)
    post_of(anna, "new")
    post_of(anna, "for sales only", audience=(sales.code,))
    post_of(boris, "my own")
    address = f"/feed/news/?after={seen.pk}"
    assert b"2 new" in as_person(boris).get(address, headers=HTMX).content
    assert b"2 new" in as_person(cara).get(address, headers=HTMX).content
    assert as_person(boris).get("/feed/news/?after=999999", headers=HTMX).content.strip() == b""


def test_the_chip_brings_what_it_announced_and_goes_on_from_there(
    as_person: Browser, anna: User, boris: User
) -> None:
    seen = post_of(anna, "seen before")
    new = post_of(anna, "brand new")
    answer = as_person(boris).get(f"/feed/?after={seen.pk}", headers=HTMX).content.decode()
    assert "brand new" in answer
    assert "seen before" not in answer
    assert f'newest="{new.pk}"' in answer
    assert "hx-swap-oob" in answer


def test_outsider_gets_404(as_person: Browser, anna: User, cara: User, sales: Department) -> None:
    post = post_of(anna, audience=(sales.code,))
    browser = as_person(cara)
    assert browser.get(f"/feed/{post.pk}/").status_code == 404
    assert (
        browser.post(
            f"/discussion/feed.post/{post.pk}/comments/", {"text": "x", "nonce": str(uuid4())}
        ).status_code
        == 404
    )
    assert browser.post(f"/discussion/feed.post/{post.pk}/reaction/", {"value": "1"}).status_code == 404
    assert browser.delete(f"/feed/{post.pk}/").status_code == 404
    assert browser.get(f"/discussion/feed.post/{post.pk}/comments/news/").status_code == 404
    assert not Comment.objects.exists()


def test_one_finds_whom_to_call(as_person: Browser, anna: User, boris: User, erik: User) -> None:
    found = as_person(anna).get("/discussion/people/", {"q": "bor"}).json()["people"]
    assert found == [{"id": boris.pk, "name": "Boris Test", "about": "", "away": ""}]
    assert as_person(erik).get("/discussion/people/", {"q": "bor"}).json()["people"] == []


def test_who_is_called_is_said_to_be_away_at_no_cost(
    as_person: Browser, anna: User, boris: User, erik: User
) -> None:
    browser = as_person(anna)
    browser.get("/discussion/people/", {"q": "bor"})

    def asked() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get("/discussion/people/", {"q": "bor"})
        return answer.json()["people"][0]["away"], len(queries)

    before = asked()
    day = company_day()
    write_absence(boris, Away("sick", day, day), by=boris)
    browser.get("/discussion/people/", {"q": "bor"})
    said, count = asked()
    assert (before[0], count) == ("", before[1])
    assert said.startswith("other absence until ")
    # A guest may call whom they share a group with, and does not learn who is out.
    group_of(anna, boris, erik, kind="extranet")
    found = as_person(erik).get("/discussion/people/", {"q": "bor"}).json()["people"]
    assert [(one["name"], one["away"]) for one in found] == [("Boris Test", "")]


def test_what_an_editor_sent_is_cleaned(as_person: Browser, anna: User) -> None:
    html = "<p>words<script>alert(1)</script><img src=x onerror=alert(1)></p>"
    answer = as_person(anna).post("/feed/", form(html=html), headers=HTMX).content.decode()
    assert '"><p>words</p></div>' in answer


def test_a_refused_form_keeps_its_formatting(as_person: Browser, anna: User) -> None:
    answer = as_person(anna).post("/feed/", form(html="<p><b>bold</b></p>", audience=[]), headers=HTMX)
    assert "&lt;b&gt;bold&lt;/b&gt;" in answer.content.decode()


def test_a_post_is_text(as_person: Browser, anna: User) -> None:
    post = post_of(anna, "<img src=x onerror=alert(1)> https://example.com/a?b=1&c=2.")
    page = as_person(anna).get(f"/feed/{post.pk}/").content.decode()
    assert "<img src=x" not in page
    assert '<a href="https://example.com/a?b=1&amp;c=2"' in page


def test_a_comment_is_added_once_and_counted(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    sent = {"text": "Well said", "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(boris).post(f"/discussion/feed.post/{post.pk}/comments/", sent, headers=HTMX)
        assert b"Well said" in answer.content
        assert (
            f'<span class="number" id="count-{post.thread_id}" hx-swap-oob="true">1</span>'
            in answer.content.decode()
        )
    assert Comment.objects.count() == 1


def test_an_empty_comment_is_refused(as_person: Browser, anna: User) -> None:
    post = post_of(anna)
    answer = as_person(anna).post(
        f"/discussion/feed.post/{post.pk}/comments/", {"text": " ", "nonce": str(uuid4())}, headers=HTMX
    )
    assert answer.status_code == 422
    assert b"Write something first." in answer.content


def test_new_comments_wait_behind_a_chip(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    discussion.add_comment(post.thread, "first", by=boris)
    answer = as_person(anna).get(f"/discussion/feed.post/{post.pk}/comments/news/?after=0", headers=HTMX)
    assert b"1 new comment" in answer.content


def test_a_reaction_is_set_changed_and_taken_back(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    for value, counts in ((1, (1, 0)), (1, (1, 0)), (-1, (0, 1)), (0, (0, 0))):
        as_person(boris).post(f"/discussion/feed.post/{post.pk}/reaction/", {"value": value}, headers=HTMX)
        post.thread.refresh_from_db()
        assert (post.thread.likes_count, post.thread.dislikes_count) == counts


@pytest.mark.parametrize("value", ["2", "", "x"])
def test_a_reaction_that_there_is_not_is_refused(as_person: Browser, anna: User, value: str) -> None:
    post = post_of(anna)
    assert (
        as_person(anna).post(f"/discussion/feed.post/{post.pk}/reaction/", {"value": value}).status_code
        == 422
    )


def test_the_author_and_administrators_delete_a_post(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    for who in (anna, olga):
        post = post_of(anna)
        assert as_person(boris).delete(f"/feed/{post.pk}/").status_code == 403
        assert as_person(who).delete(f"/feed/{post.pk}/", headers=HTMX).status_code == 200
        assert as_person(who).get(f"/feed/{post.pk}/").status_code == 404


def test_a_deleted_post_comes_back_with_all_of_it(as_person: Browser, anna: User, boris: User) -> None:
    attached = file_of(anna)
    post = post_of(anna, "said in haste", file_ids=(attached.pk,))
    discussion.add_comment(post.thread, "why?", by=boris)
    answer = as_person(anna).delete(f"/feed/{post.pk}/", headers=HTMX)
    assert (
        json.loads(answer.headers["HX-Trigger"])["toast"]["action"]["url"] == f"/feed/{post.pk}/restoration/"
    )
    assert not File.objects.visible_to(boris).filter(pk=attached.pk).exists()
    assert as_person(boris).post(f"/feed/{post.pk}/restoration/").status_code == 403
    as_person(anna).post(f"/feed/{post.pk}/restoration/")
    assert b"why?" in as_person(boris).get(f"/feed/{post.pk}/").content
    assert File.objects.visible_to(boris).filter(pk=attached.pk).exists()


def test_a_deleted_post_is_forgotten_after_a_while(anna: User) -> None:
    gone, young = post_of(anna), post_of(anna)
    for post in (gone, young):
        actions.delete_post(post, by=anna)
    Post.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - timedelta(hours=1))
    forget_deleted_before(timezone.now() - UNDO)
    assert list(Post.objects.all()) == [young]


def test_an_edited_post_tells_what_it_said_before_and_who_changed_it(
    as_person: Browser, anna: User, boris: User
) -> None:
    post = post_of(anna, "First words #old")
    browser = as_person(anna)
    assert "First words" in browser.get(f"/feed/{post.pk}/text/", headers=HTMX).content.decode()
    answer = browser.post(
        f"/feed/{post.pk}/text/", {"html": "<p>Second <b>words</b> #new</p>", "version": 1}, headers=HTMX
    )
    assert "<strong>words</strong>" in answer.content.decode()
    page = as_person(boris).get(f"/feed/{post.pk}/versions/").content.decode()
    assert page.index("Second") < page.index("First")
    assert list(post.tag_links.values_list("tag", flat=True)) == ["new"]
    assert "edited" in as_person(boris).get("/feed/").content.decode()


def test_two_who_change_a_post_at_once_lose_nothing(as_person: Browser, anna: User) -> None:
    post, browser = post_of(anna), as_person(anna)
    browser.post(f"/feed/{post.pk}/text/", {"text": "from the phone", "version": 1})
    answer = browser.post(f"/feed/{post.pk}/text/", {"text": "from the desk", "version": 1}, headers=HTMX)
    assert answer.status_code == 422
    assert "It was changed meanwhile" in answer.content.decode()
    assert "from the desk" in answer.content.decode()
    post.refresh_from_db()
    assert post.text == "from the phone"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=plans", {"b"}),
        ("tag=PLANS", {"b"}),
        ("author=U{boris}", {"c"}),
        ("kind=poll", set()),
        ("kind=post", {"a", "b", "c"}),
        ("only=favourites", {"a"}),
        ("published.from={today}", {"b", "c"}),
        ("published.to={yesterday}", {"a"}),
        ("published.from={today}&author=U{boris}", {"c"}),
        ("kind=nonsense", set()),
    ],
)
def test_one_chooses_what_one_sees(
    as_person: Browser, anna: User, boris: User, query: str, found: set[str]
) -> None:
    posts = {name: post_of(who, f"this is {name}" + more)
             for name, who, more in (("a", anna, ""), ("b", anna, " #plans"), ("c", boris, ""))}  # fmt: skip
    Post.objects.filter(pk=posts["a"].pk).update(created_at=timezone.now() - timedelta(days=1))
    actions.mark(posts["a"], is_favourite=True, by=anna)
    actions.mark(posts["b"], is_favourite=True, by=boris)
    today = timezone.localdate()
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    page = as_person(anna).get("/feed/?" + query.format(boris=boris.pk, **days)).content.decode()
    assert {name for name in posts if f"this is {name}" in page} == found


def test_the_page_below_keeps_the_choice(as_person: Browser, anna: User) -> None:
    for _ in range(PAGE + 1):
        post_of(anna, "about #plans")
    assert 'hx-get="/feed/?tag=plans&amp;before=' in as_person(anna).get("/feed/?tag=plans").content.decode()


def test_what_one_hides_is_hidden_from_oneself_only(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna, "boring")
    as_person(boris).post(f"/feed/{post.pk}/hiding/", {"on": "1"})
    assert b"boring" not in as_person(boris).get("/feed/").content
    assert b"boring" in as_person(boris).get(f"/feed/{post.pk}/").content
    assert b"boring" in as_person(anna).get("/feed/").content


def test_a_pinned_post_is_on_top_once(as_person: Browser, anna: User, olga: User) -> None:
    post = post_of(anna, "read me first")
    post_of(anna, "newer")
    as_person(olga).post(f"/feed/{post.pk}/pin/", {"on": "1"})
    page = as_person(anna).get("/feed/").content.decode()
    assert page.count("read me first") == 1
    assert page.index("read me first") < page.index("newer")


def test_a_link_shows_a_card_to_those_alone_who_may_see_what_it_leads_to(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    secret = post_of(anna, "The secret plan", audience=(sales.code,))
    post_of(anna, f"see https://localhost:{settings.KOROBKA['https_port']}/feed/{secret.pk}/")
    assert b">The secret plan</span>" in as_person(boris).get("/feed/").content
    assert b"The secret plan" not in as_person(cara).get("/feed/").content


def test_an_answer_stands_below_what_it_answers(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    first = discussion.add_comment(post.thread, "first thing", by=anna)
    discussion.add_comment(post.thread, "second thing", by=anna)
    browser = as_person(boris)
    browser.post(
        f"/discussion/feed.post/{post.pk}/comments/",
        {"text": "to the first", "parent": first.pk, "nonce": str(uuid4())},
    )
    page = browser.get(f"/feed/{post.pk}/").content.decode()
    assert page.index("first thing") < page.index("to the first") < page.index("second thing")


def test_an_answer_to_another_posts_comment_is_refused(as_person: Browser, anna: User, boris: User) -> None:
    post, other = post_of(anna), post_of(anna)
    foreign = discussion.add_comment(other.thread, "elsewhere", by=anna)
    sent = {"text": "x", "parent": foreign.pk, "nonce": str(uuid4())}
    assert as_person(boris).post(f"/discussion/feed.post/{post.pk}/comments/", sent).status_code == 404
    assert Comment.objects.count() == 1


def test_ones_own_comment_can_be_changed_and_taken_back(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    comment = discussion.add_comment(post.thread, "wrogn", by=boris)
    browser = as_person(boris)
    changed = browser.post(f"/discussion/comments/{comment.pk}/", {"text": "right"}, headers=HTMX)
    assert "right" in changed.content.decode()
    discussion.add_comment(post.thread, "an answer", parent=comment, by=anna)
    page = browser.delete(f"/discussion/comments/{comment.pk}/", headers=HTMX).content.decode()
    assert "The comment was deleted." in page
    assert "right" not in page
    assert "an answer" not in page, "what stood there before stays there"
    post.thread.refresh_from_db()
    assert post.thread.comments_count == 1


def test_where_the_company_wants_no_dislikes_there_are_none(as_person: Browser, anna: User) -> None:
    store({"feed.dislikes": False})
    post = post_of(anna)
    assert b"dislike-" not in as_person(anna).get("/feed/").content
    answer = as_person(anna).post(f"/discussion/feed.post/{post.pk}/reaction/", {"value": "-1"}, headers=HTMX)
    assert answer.status_code == 422


def test_private_correspondence_is_hidden_from_administrators(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    post = post_of(anna, audience=(code_of(boris),))
    assert as_person(boris).get(f"/feed/{post.pk}/").status_code == 200
    assert as_person(olga).get(f"/feed/{post.pk}/").status_code == 404


def test_the_audience_is_found_by_name(
    as_person: Browser, anna: User, boris: User, erik: User, sales: Department
) -> None:
    found = as_person(anna).get("/feed/audiences/?q=sal", headers=HTMX).content.decode()
    assert f'data-code="{sales.code_with_below}"' in found
    assert f'data-code="{code_of(boris)}"' in as_person(anna).get("/feed/audiences/?q=bor").content.decode()
    assert "data-code" not in as_person(erik).get("/feed/audiences/?q=").content.decode()


def test_names_are_names_in_the_readers_language(as_person: Browser, anna: User) -> None:
    post_of(anna)
    anna.language = "ru"
    anna.save()
    assert "Все сотрудники" in as_person(anna).get("/feed/").content.decode()


def test_the_menu_leads_to_all_of_an_author_and_of_a_department(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    post = post_of(anna, audience=(sales.code, code_of(cara)))
    menu = as_person(boris).get(f"/feed/{post.pk}/menu/", headers=HTMX).content.decode()
    assert f'href="/feed/?author=U{anna.pk}"' in menu
    assert f'href="/feed/?to={sales.code}"' in menu
    assert f"?to={code_of(cara)}" not in menu
    # What was chosen goes on when one chooses more.
    page = as_person(boris).get(f"/feed/?to={sales.code}&author=U{anna.pk}").content.decode()
    assert f'<input type="hidden" name="to" value="{sales.code}">' in page
    assert f'name="author" value="U{anna.pk}" checked' in " ".join(page.split())


def test_older_posts_are_a_page_of_their_own_too(as_person: Browser, anna: User) -> None:
    """Whoever opens the link in another tab, or has no scripts, gets the whole page."""
    old, new = (post_of(anna, text) for text in ("The old one", "The new one"))
    page = as_person(anna).get(f"/feed/?before={new.pk}").content.decode()
    assert (str(old) in page, str(new) in page) == (True, False)
    assert "<html" in page
