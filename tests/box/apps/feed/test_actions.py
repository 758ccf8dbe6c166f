from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from box.apps.feed import access, actions
from box.apps.feed.actions import Draft
from box.apps.feed.models import Announcement, Mark, Post, PostFile, PostTag
from box.apps.feed.polls import Question
from box.apps.feed.presenters import shown
from box.core.access.actions import employees_role, set_rights
from box.core.access.principals import codes_of
from box.core.access.roles import usual
from box.core.discussion import actions as discussion
from box.core.discussion.events import CommentAdded
from box.core.discussion.handlers import tell_of_comment
from box.core.discussion.models import Comment, Thread
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.files.models import File
from box.core.notify.actions import mark_all_read, unread_count
from box.core.notify.models import Notification
from box.core.push.models import PushMessage
from box.core.registry.origin import importing
from box.core.registry.settings import as_of, read_version
from box.core.structure.actions import remove_member
from tests.box.apps.feed.test_views import file_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User
    from box.core.structure.models import Department


def test_a_post_reaches_its_audience_and_nobody_else(
    anna: User, boris: User, cara: User, erik: User, olga: User, sales: Department
) -> None:
    post = actions.publish_post(Draft("For sales", (sales.code,)), by=anna)
    seen_by = {user.first_name for user in (anna, boris, cara, erik, olga) if _sees(user, post)}
    assert seen_by == {"Anna", "Boris", "Olga"}


def test_the_feed_of_a_department_has_what_was_written_for_it(
    anna: User, cara: User, sales: Department
) -> None:
    post = actions.publish_post(Draft("For sales", (sales.code, f"U{cara.pk}")), by=anna)
    actions.publish_post(Draft("For all"), by=anna)
    assert list(Post.objects.addressed_to(sales.code)) == [post]
    assert not Post.objects.addressed_to(f"U{cara.pk}").exists()


def test_a_post_for_a_department_with_all_below_reaches_those_below(
    anna: User, cara: User, sales: Department
) -> None:
    assert sales.parent is not None
    post = actions.publish_post(Draft("All", (sales.parent.code_with_below,)), by=cara)
    assert _sees(anna, post)
    assert not _sees(anna, actions.publish_post(Draft("Top", (sales.parent.code,)), by=cara))


def test_private_correspondence_is_hidden_from_administrators(anna: User, cara: User, olga: User) -> None:
    post = actions.publish_post(Draft("Between us", (f"U{cara.pk}",)), by=anna)
    assert _sees(cara, post)
    assert not _sees(olga, post)
    assert not access.can_delete(olga, post)


def test_the_author_sees_their_own_post_whomever_it_is_for(anna: User, cara: User, sales: Department) -> None:
    assert _sees(cara, actions.publish_post(Draft("To sales", (sales.code,)), by=cara))


@pytest.mark.parametrize(
    ("draft", "word"),
    [
        (Draft(""), "Write something"),
        (Draft(" \n "), "Write something"),
        (Draft("x" * 100_001), "too long"),
        (Draft("x", ()), "Choose who"),
        (Draft("x", ("D999",)), "D999"),
        (Draft("x", ("U999",)), "U999"),
        (Draft("x", ("UA'; DROP TABLE feed_post",)), "audience"),
        (Draft("x", ("deal:7:D5",)), "audience"),
        (Draft("x", ("U99999999999999999999999",)), "audience"),
        (Draft("x", ("UA",), tuple(range(101))), "Too many files"),
    ],
)
def test_a_post_that_cannot_be_is_refused_and_leaves_nothing(anna: User, draft: Draft, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        actions.publish_post(draft, by=anna)
    assert not Post.objects.exists()
    assert not Thread.objects.exists()


def test_a_guest_addresses_nobody_they_do_not_belong_to(erik: User, anna: User, sales: Department) -> None:
    for code in ("UA", sales.code, f"U{anna.pk}"):
        with pytest.raises(ValidationError):
            actions.publish_post(Draft("hi", (code,)), by=erik)


def test_one_cannot_address_the_dismissed(anna: User, cara: User, olga: User) -> None:
    from box.core.accounts.actions import dismiss_user

    dismiss_user(cara, by=olga)
    with pytest.raises(ValidationError):
        actions.publish_post(Draft("hi", (f"U{cara.pk}",)), by=anna)


def test_a_new_post_is_told_to_its_audience(anna: User, sales: Department) -> None:
    post = actions.publish_post(Draft("News", (sales.code,)), by=anna)
    deliver_all()
    message = PushMessage.objects.get(topic="feed", kind="post")
    assert message.audience == post.audience
    assert message.payload == {"id": post.pk, "by": anna.pk}


def test_the_author_learns_of_a_comment_once(anna: User, boris: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    comment = discussion.add_comment(post.thread, "Good", by=boris)
    deliver_all()
    tell_of_comment(CommentAdded(comment.pk, post.thread_id, "feed.post", boris.pk))
    notification = Notification.objects.get()
    assert (notification.user, notification.actor, notification.about_id) == (anna, boris, post.pk)
    assert unread_count(anna) == 1
    mark_all_read(anna)
    assert unread_count(anna) == 0


def test_ones_own_comment_is_no_news(anna: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    discussion.add_comment(post.thread, "More", by=anna)
    deliver_all()
    assert not Notification.objects.exists()


def test_handlers_of_a_deleted_post_do_nothing(anna: User, boris: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    discussion.add_comment(post.thread, "Good", by=boris)
    discussion.react(post.thread, 1, by=boris)
    actions.delete_post(post, by=anna)
    actions.forget_post(post)
    deliver_all()
    assert not Comment.objects.exists()
    assert not PushMessage.objects.filter(topic="feed").exists()


def test_reactions_show_in_the_posts_counts(anna: User, boris: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    discussion.react(post.thread, 1, by=boris)
    discussion.react(post.thread, -1, by=boris)
    post.thread.refresh_from_db()
    assert (post.thread.likes_count, post.thread.dislikes_count) == (0, 1)


def test_cards_show_only_what_the_reader_may_see(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    from box.core.registry.capabilities import cards

    post = actions.publish_post(Draft("For sales", (sales.code,)), by=anna)
    assert cards["feed.post"]([post.pk], boris)[post.pk].title == "For sales"
    assert cards["feed.post"]([post.pk], cara) == {}


def test_paging_by_key_shows_every_post_once(anna: User) -> None:
    made = [actions.publish_post(Draft(str(n)), by=anna).pk for n in range(7)]
    pages: list[int] = []
    before = 2**62
    while page := list(Post.objects.visible_to(anna).before(before).newest_first()[:3]):
        pages.extend(post.pk for post in page)
        before = page[-1].pk
    assert pages == made[::-1]


def test_a_list_costs_the_same_for_many_posts_as_for_one(
    anna: User, django_assert_num_queries: Callable[..., object]
) -> None:
    for n in range(5):
        actions.publish_post(Draft(str(n)), by=anna)
    # Within one version of the settings, as a request is.
    with as_of(read_version()):
        codes_of(anna)
        with django_assert_num_queries(3):  # type: ignore[attr-defined]  # posts, mine with files, settings
            posts = list(shown(Post.objects.visible_to(anna).newest_first().as_shown(), reader=anna))
        for one in posts:
            assert (one.article.author.name, one.foot.likes, one.article.files) == ("Anna Test", 0, ())


def test_a_mention_is_told_to_who_may_see_the_post(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    calls = "".join(f'<span data-mention="{one.pk}">@x</span> ' for one in (boris, cara, anna))
    post = actions.publish_post(Draft(html=f"<p>{calls}</p>", audience=(sales.code,)), by=anna)
    deliver_all()
    assert post.text == "@Boris Test @Cara Test @Anna Test"
    assert [(one.user, one.kind) for one in Notification.objects.all()] == [(boris, "feed.mention")]


def test_who_is_called_in_a_comment_hears_of_it_once(anna: User, boris: User, cara: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    calls = f'<span data-mention="{anna.pk}">@x</span> <span data-mention="{cara.pk}">@x</span>'
    discussion.add_comment(post.thread, html=f"<p>{calls}</p>", by=boris)
    deliver_all()
    told = {(one.user, one.kind) for one in Notification.objects.all()}
    assert told == {(anna, "feed.comment-mention"), (cara, "feed.comment-mention")}


def test_who_follows_hears_of_comments_and_who_left_does_not(anna: User, boris: User, cara: User) -> None:
    post = actions.publish_post(Draft("News"), by=anna)
    discussion.follow(post.thread, False, by=anna)
    discussion.add_comment(post.thread, "Good", by=boris)
    deliver_all()
    discussion.add_comment(post.thread, "Indeed", by=cara)
    deliver_all()
    assert [(one.user, one.kind) for one in Notification.objects.all()] == [(boris, "feed.followed")]


def test_who_no_longer_sees_the_post_hears_nothing(anna: User, boris: User, sales: Department) -> None:
    post = actions.publish_post(Draft("News", (sales.code,)), by=anna)
    discussion.add_comment(post.thread, "Good", by=boris)
    remove_member(sales, boris, by=None)
    boris.refresh_from_db()
    discussion.add_comment(post.thread, "Thanks", by=anna)
    deliver_all()
    assert not Notification.objects.filter(user=boris).exists()


def test_each_choice_is_answered_by_its_own_index(anna: User, cara: User) -> None:
    """In the order of the list, where what is chosen is rare among many."""
    threads = Thread.objects.bulk_create(Thread(kind="feed.post") for _ in range(3000))
    many = Post.objects.bulk_create(
        Post(author=cara, text="x", thread=thread, audience=["UA", f"U{cara.pk}"]) for thread in threads
    )
    PostTag.objects.bulk_create(PostTag(post=post, tag="y") for post in many)
    Mark.objects.bulk_create(Mark(post=post, user=anna, is_hidden=True) for post in many)
    chosen = {
        "post_tag_once": Post.objects.tagged("x"),
        "post_by_author": Post.objects.by(anna.pk),
        "post_by_kind": Post.objects.of_kind("poll"),
        "mark_favourite": Post.objects.favourites_of(anna),
        "post_by_moment": Post.objects.published_from(timezone.now()),
        "post_pinned": Post.objects.pinned(),
    }
    with connection.cursor() as cursor:
        # What the planner knows of the tables must not depend on who has used them before.
        cursor.execute("ANALYZE feed_post, feed_posttag, feed_mark")
    for index, posts in chosen.items():
        ordered = posts if index == "post_pinned" else posts.newest_first()
        plan = ordered[:20].explain()
        assert index in plan, plan
        assert "Sort" not in plan.replace("Incremental Sort", "") or index == "mark_favourite", plan


def test_a_guest_calls_nobody_whom_they_cannot_see(erik: User, anna: User) -> None:
    html = f'<p><span data-mention="{anna.pk}">@Anna</span></p>'
    post = actions.publish_post(Draft(html=html, audience=(f"U{erik.pk}",)), by=erik)
    assert post.html == "<p>@Anna</p>"


def test_the_words_after_a_number_sign_are_the_posts_tags(anna: User) -> None:
    post = actions.publish_post(Draft("About #Holidays and #plans"), by=anna)
    assert set(post.tag_links.values_list("tag", flat=True)) == {"holidays", "plans"}
    assert '<a class="hashtag" href="/feed/?tag=holidays">#Holidays</a>' in post.html


def test_a_post_that_no_hand_has_written_is_refused(anna: User) -> None:
    with pytest.raises(ValidationError, match="too long"):
        actions.publish_post(Draft(html="<blockquote>" * 1000), by=anna)
    assert not Thread.objects.exists()


def _sees(user: User, post: Post) -> bool:
    return Post.objects.visible_to(user).filter(pk=post.pk).exists()


def told(kind: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(kind=f"feed.{kind}").order_by("pk")
    return [row.payload for row in rows]


def test_the_longest_post_is_taken_and_what_only_an_announcement_has_is_refused(anna: User) -> None:
    actions.publish_post(Draft("x" * actions.LONGEST_POST), by=anna)
    with pytest.raises(ValidationError, match="Only an announcement"):
        actions.publish_post(Draft("x", read_by_on=timezone.localdate()), by=anna)
    question = Question(("oak", "ash"))
    with pytest.raises(ValidationError, match="one of the two"):
        actions.publish_post(Draft("x", is_announcement=True, question=question), by=anna)
    assert Post.objects.count() == 1


def test_a_post_may_be_files_alone_but_a_question_is_asked_in_words(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_FILES", 1)
    file, other = file_of(anna), file_of(anna, "other.pdf")
    with pytest.raises(ValidationError, match="Write what you ask"):
        actions.publish_post(Draft(file_ids=(file.pk,), question=Question(("oak", "ash"))), by=anna)
    with pytest.raises(ValidationError, match="Too many files: 1"):
        actions.publish_post(Draft(file_ids=(file.pk, other.pk)), by=anna)
    post = actions.publish_post(Draft(file_ids=(file.pk,)), by=anna)
    assert (post.text, list(post.files.all())) == ("", [file])
    second = actions.publish_post(Draft(file_ids=(other.pk,)), by=anna)
    # Each post counts its own.
    assert [row.position for row in PostFile.objects.filter(post=second)] == [0]
    assert not Announcement.objects.exists()


def test_whoever_may_not_write_to_all_writes_to_some(anna: User, olga: User, sales: Department) -> None:
    set_rights(employees_role(), usual() - {access.POST_TO_ALL}, by=olga)
    with pytest.raises(ValidationError, match="not write to all"):
        actions.publish_post(Draft("All of you", ("UA", sales.code)), by=anna)
    assert actions.publish_post(Draft("Some of you", (sales.code,)), by=anna).author == anna
    assert actions.publish_post(Draft("All of you"), by=olga).author == olga


def test_what_is_taken_over_was_allowed_where_it_was_written(anna: User) -> None:
    """Announcements of whoever may write none here, for people who are here no more."""
    then = timezone.now() - timedelta(days=400)
    with importing(at=then):
        draft = Draft("Rules", ("D999",), is_announcement=True)
        post = actions.publish_post(draft, by=anna)
    assert (post.kind, post.audience, post.created_at) == ("announcement", ["D999", f"U{anna.pk}"], then)


def test_cards_stand_for_what_has_a_card_and_for_no_more_than_a_few(anna: User) -> None:
    posts = [actions.publish_post(Draft(str(number)), by=anna) for number in range(6)]
    nowhere = ("https://example.com/", f"{posts[0].get_absolute_url()}versions/", "/feed/", "/nothing/")

    def linking(*addresses: str) -> str:
        return "".join(f'<p><a href="{one}">There</a></p>' for one in addresses)

    post = actions.publish_post(Draft(html=linking(*nowhere)), by=anna)
    assert post.details is None
    addresses = [one.get_absolute_url() for one in posts]
    actions.edit_post(post, html=linking(addresses[0], *addresses), version=1, by=anna)
    post.refresh_from_db()
    assert post.details == {"cards": [str(one.ref) for one in posts[:5]]}


def test_of_deleted_posts_the_one_comes_back_that_is_meant(anna: User, boris: User) -> None:
    post, other = (actions.publish_post(Draft(text), by=anna) for text in ("One", "Other"))
    said = file_of(boris)
    discussion.add_comment(post.thread, "Look", file_ids=[said.pk], by=boris)
    for one in (post, other):
        actions.delete_post(one, by=anna)
    assert not File.objects.visible_to(boris).exists()
    actions.restore_post(post, by=anna)
    assert list(Post.objects.there()) == [post]
    assert File.objects.visible_to(boris).get() == said


def test_the_files_of_a_deleted_post_are_its_authors_until_it_goes_for_good(anna: User, boris: User) -> None:
    file, said = file_of(anna), file_of(boris)
    post = actions.publish_post(Draft("One", file_ids=(file.pk,)), by=anna)
    discussion.add_comment(post.thread, "Look", file_ids=[said.pk], by=boris)
    actions.delete_post(post, by=anna)
    assert [set(File.objects.visible_to(one)) for one in (anna, boris)] == [{file, said}, set()]
    actions.forget_post(post)
    assert not File.objects.exists()


def test_what_a_post_said_before_it_was_changed_is_kept_with_who_changed_it(anna: User, olga: User) -> None:
    post = actions.publish_post(Draft("First #oak #ash"), by=anna)
    actions.edit_post(post, "First #oak #ash", version=1, by=olga)
    assert (post.versions.count(), told("PostEdited")) == (0, [])
    actions.edit_post(post, "Second #oak #elm", version=1, by=olga)
    actions.edit_post(post, "Third", version=2, by=anna)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        actions.edit_post(post, "Lost", version=2, by=olga)
    post.refresh_from_db()
    assert (post.text, post.version, post.edited_at is not None) == ("Third", 3, True)
    kept = post.versions.order_by("number")
    assert [(one.number, one.editor) for one in kept] == [(1, anna), (2, olga), (3, anna)]
    assert ["First" in kept[0].html, "Second" in kept[1].html] == [True, True]
    assert kept[0].written_at == post.created_at
    assert not PostTag.objects.filter(post=post).exists()
    assert told("PostEdited") == [
        {"post_id": post.pk, "by_id": olga.pk}, {"post_id": post.pk, "by_id": anna.pk}
    ]  # fmt: skip


def test_tags_follow_what_a_post_says_now(anna: User) -> None:
    post, other = (actions.publish_post(Draft("Chairs #oak #ash"), by=anna) for _number in range(2))
    actions.edit_post(post, "Chairs #oak #elm", version=1, by=anna)
    assert set(post.tag_links.values_list("tag", flat=True)) == {"oak", "elm"}
    assert set(other.tag_links.values_list("tag", flat=True)) == {"oak", "ash"}


def test_links_that_lead_elsewhere_now_are_no_other_version(anna: User) -> None:
    one, other = (actions.publish_post(Draft(text), by=anna) for text in ("One", "Other"))
    post = actions.publish_post(Draft(html=f'<p><a href="{one.get_absolute_url()}">There</a></p>'), by=anna)
    assert post.details == {"cards": [str(one.ref)]}
    actions.readdress(post, f'<p><a href="{other.get_absolute_url()}">Here</a></p>')
    post.refresh_from_db()
    assert (post.text, post.details, post.version) == ("Here", {"cards": [str(other.ref)]}, 1)
    assert other.get_absolute_url() in post.html
    assert (post.edited_at, post.versions.count(), told("PostEdited")) == (None, 0, [])
    actions.readdress(post, "<p>Nowhere</p>")
    post.refresh_from_db()
    assert post.details is None


def test_a_deleted_post_comes_back_for_those_who_saw_it_but_not_on_top(anna: User, cara: User) -> None:
    post, other = (actions.publish_post(Draft(text), by=anna) for text in ("One", "Other"))
    actions.pin(post, True, by=anna)
    actions.restore_post(post, by=anna)
    assert told("PostEdited") == []
    for _twice in range(2):
        actions.delete_post(post, by=anna)
    assert told("PostDeleted") == [{"post_id": post.pk, "by_id": anna.pk}]
    assert list(Post.objects.there()) == [other]
    for _twice in range(2):
        actions.restore_post(post, by=anna)
    post.refresh_from_db()
    assert (_sees(cara, post), post.pinned_at) == (True, None)
    assert told("PostEdited") == [{"post_id": post.pk, "by_id": anna.pk}]


def test_what_somebody_makes_of_a_post_is_their_own_and_one_mark_leaves_the_other(
    anna: User, cara: User
) -> None:
    post = actions.publish_post(Draft("One"), by=anna)
    actions.mark(post, is_favourite=True, by=cara)
    actions.mark(post, is_hidden=True, by=anna)
    actions.mark(post, is_hidden=False, by=cara)
    marks = {(one.user, one.is_favourite, one.is_hidden) for one in Mark.objects.select_related("user")}
    assert marks == {(cara, True, False), (anna, False, True)}
    actions.pin(post, True, by=anna)
    post.refresh_from_db()
    assert post.pinned_at is not None
    actions.pin(post, False, by=anna)
    post.refresh_from_db()
    assert post.pinned_at is None
