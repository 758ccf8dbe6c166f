from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.feed.actions import Draft, publish_post
from box.core.accounts.models import User
from box.core.discussion import actions
from box.core.discussion.models import LONGEST_EMOJI, Comment, EmojiReaction, Follower, Reaction, Thread
from box.core.discussion.threads import threads
from box.core.events.models import Event
from box.core.files.models import Blob, File
from box.lib.emoji import is_emoji
from tests.box.apps.feed.test_views import file_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Counts(TestCase):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1, 0, 1])), max_size=15))
    def test_always_say_what_the_reactions_are(self, steps: list[tuple[int, int]]) -> None:
        people = [User.objects.get_or_create(login=f"u{n}")[0] for n in range(3)]
        thread = actions.open_thread("test.thing")
        for who, value in steps:
            actions.react(thread, value, by=people[who])
        thread.refresh_from_db()
        values = list(Reaction.objects.filter(thread=thread).values_list("value", flat=True))
        assert (thread.likes_count, thread.dislikes_count) == (values.count(1), values.count(-1))
        last = dict(steps)
        assert sorted(values) == sorted(value for value in last.values() if value)


class EmojiCounts(TestCase):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(
        steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("🎉🔥👏"), st.booleans()), max_size=20)
    )
    def test_always_say_what_was_given(self, steps: list[tuple[int, str, bool]]) -> None:
        people = [User.objects.get_or_create(login=f"u{n}")[0] for n in range(3)]
        thread = actions.open_thread("test.thing")
        for who, emoji, is_given in steps:
            actions.give_emoji(thread, emoji, is_given, by=people[who])
        thread.refresh_from_db()
        last = {(who, emoji): is_given for who, emoji, is_given in steps}
        given_now = [emoji for (_who, emoji), is_given in last.items() if is_given]
        assert (thread.emoji_counts or {}) == dict(Counter(given_now))
        assert EmojiReaction.objects.filter(thread=thread).count() == len(given_now)


@pytest.mark.parametrize("text", ["", "a", "<img>", "🎉🎉", "👍" * 20])
def test_what_is_no_emoji_is_refused(anna: User, text: str) -> None:
    thread = actions.open_thread("test.thing")
    with pytest.raises(ValidationError):
        actions.give_emoji(thread, text, True, by=anna)
    assert not EmojiReaction.objects.exists()


def test_one_emoji_may_be_of_many_signs_and_of_too_many_is_none(anna: User) -> None:
    thread = actions.open_thread("test.thing")
    men = ["👨\ufe0f\U0001f3fd"] * 3
    crowd, larger = ("\u200d".join([*men, "👨\ufe0f", last]) for last in ("👨", "👨\ufe0f"))
    assert (len(crowd), is_emoji(larger)) == (LONGEST_EMOJI, True)
    actions.give_emoji(thread, crowd, True, by=anna)
    with pytest.raises(ValidationError, match="Choose one"):
        actions.give_emoji(thread, larger, True, by=anna)


def test_where_one_may_dislike_it_counts(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "feed.post"
    monkeypatch.setitem(threads._offers, kind, replace(threads[kind], has_dislikes=lambda: True))
    thread = actions.open_thread(kind)
    actions.react(thread, -1, by=anna)
    assert (thread.likes_count, thread.dislikes_count) == (0, 1)


def test_where_nobody_dislikes_one_may_still_take_a_like_back(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "feed.post"
    monkeypatch.setitem(threads._offers, kind, replace(threads[kind], has_dislikes=lambda: False))
    thread = actions.open_thread(kind)
    actions.react(thread, 1, by=anna)
    with pytest.raises(ValidationError, match="no disliking"):
        actions.react(thread, -1, by=anna)
    actions.react(thread, 0, by=anna)
    assert (thread.likes_count, thread.dislikes_count) == (0, 0)


@pytest.mark.django_db
def test_many_threads_are_opened_at_once_in_their_order() -> None:
    ids = actions.open_threads(["test.thing", "test.other", "test.thing"])
    kinds = Thread.objects.in_bulk(ids)
    assert [kinds[pk].kind for pk in ids] == ["test.thing", "test.other", "test.thing"]
    counts = ("comments_count", "likes_count", "dislikes_count")
    assert set(Thread.objects.values_list(*counts)) == {(0, 0, 0)}
    assert actions.open_threads([]) == []


def test_nothing_is_attached_below_what_is_gone(anna: User) -> None:
    blob = Blob.objects.create(key="2026/01/a", size=1)
    file = File.objects.create(owner=anna, name="plan.txt", blob=blob, audience=[f"U{anna.pk}"])
    with pytest.raises(ValidationError, match="is gone"):
        actions.add_comment(actions.open_thread("feed.post"), "See", file_ids=[file.pk], by=anna)


def test_there_is_an_end_to_different_emoji(anna: User, boris: User) -> None:
    thread = actions.open_thread("test.thing")
    for number in range(actions.MOST_EMOJI):
        actions.give_emoji(thread, chr(0x1F600 + number), True, by=anna)
    with pytest.raises(ValidationError, match="enough"):
        actions.give_emoji(thread, "🎉", True, by=boris)
    # What is not there may be taken back all the same, and one of them given once more.
    actions.give_emoji(thread, "🎉", False, by=boris)
    actions.give_emoji(thread, chr(0x1F600), True, by=boris)
    assert EmojiReaction.objects.filter(thread=thread).count() == actions.MOST_EMOJI + 1


@pytest.mark.django_db
def test_where_the_last_emoji_was_taken_back_there_are_none(anna: User) -> None:
    thread = actions.open_thread("test.thing")
    for is_given in (True, False):
        actions.give_emoji(thread, "🎉", is_given, by=anna)
    assert thread.emoji_counts is None
    assert Thread.objects.get().emoji_counts is None


@pytest.mark.django_db(transaction=True)
def test_many_likes_at_once_are_all_counted(person: Callable[..., User]) -> None:
    people = [person(f"P{n}") for n in range(5)]
    thread = actions.open_thread("test.thing")

    def like(user: User) -> None:
        try:
            actions.react(Thread.objects.get(pk=thread.pk), 1, by=user)
        finally:
            connection.close()

    threads = [threading.Thread(target=like, args=[user]) for user in people]
    for running in threads:
        running.start()
    for running in threads:
        running.join()
    thread.refresh_from_db()
    assert thread.likes_count == 5


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "x" * 20_001])
def test_a_comment_that_cannot_be_is_refused(anna: User, text: str) -> None:
    thread = actions.open_thread("test.thing")
    with pytest.raises(ValidationError):
        actions.add_comment(thread, text, by=anna)
    thread.refresh_from_db()
    assert thread.comments_count == 0


def test_an_answer_stands_under_a_comment_of_its_own_thread(anna: User, boris: User) -> None:
    thread, other = actions.open_thread("test.thing"), actions.open_thread("test.thing")
    top = actions.add_comment(thread, "top", by=anna)
    answer = actions.add_comment(thread, "answer", parent=top, by=boris)
    assert actions.add_comment(thread, "beside it", parent=answer, by=anna).parent == top
    actions.delete_comment(top, by=anna)
    for place, parent in ((other, answer), (thread, top)):
        with pytest.raises(ValidationError, match="was deleted"):
            actions.add_comment(place, "lost", parent=parent, by=anna)
    counts = dict(Thread.objects.values_list("pk", "comments_count"))
    assert (counts[thread.pk], counts[other.pk]) == (2, 0)
    assert set(thread.followers.values_list("user", flat=True)) == {anna.pk, boris.pk}


def test_what_was_attached_goes_where_the_place_of_an_answered_comment_stays(anna: User) -> None:
    thread, file = publish_post(Draft("Plans"), by=anna).thread, file_of(anna)
    top = actions.add_comment(thread, "top", file_ids=[file.pk], by=anna)
    actions.add_comment(thread, "answer", parent=top, by=anna)
    actions.delete_comment(top, by=anna)
    top.refresh_from_db()
    assert top.is_deleted and not top.file_links.exists()
    assert not File.objects.filter(pk=file.pk).exists()


def test_a_comment_is_edited_and_taken_back_once(anna: User, boris: User) -> None:
    thread, other = actions.open_thread("test.thing"), actions.open_thread("test.thing")
    actions.add_comment(other, "elsewhere", by=anna)
    top, alone = (actions.add_comment(thread, text, by=anna) for text in ("top", "alone"))
    actions.edit_comment(top, html="<p><strong>Changed</strong></p>", by=anna)
    top.refresh_from_db()
    assert (top.text, "<strong>" in top.html, top.edited_at is not None) == ("Changed", True, True)
    actions.add_comment(thread, "answer", parent=top, by=boris)
    gone = alone.pk
    for comment in (top, top, alone):
        actions.delete_comment(comment, by=anna)
    top.refresh_from_db()
    assert (top.text, top.html, top.is_deleted) == ("", "", True), "its place stays"
    assert not Comment.objects.filter(pk=gone).exists()
    counts = dict(Thread.objects.values_list("pk", "comments_count"))
    assert (counts[thread.pk], counts[other.pk]) == (1, 1)
    told = Event.objects.filter(kind__startswith="discussion.Comment").order_by("id")
    said = [(event.kind, event.payload["comment_id"]) for event in told]
    assert [one for one in said if one[0].endswith(("Edited", "Deleted"))] == [
        ("discussion.CommentEdited", top.pk),
        ("discussion.CommentDeleted", top.pk),
        ("discussion.CommentDeleted", gone),
    ]


def test_a_comment_may_be_its_files_alone_and_is_never_nothing(anna: User) -> None:
    post = publish_post(Draft("Plans"), by=anna)
    words = actions.add_comment(post.thread, "Look", by=anna)
    with pytest.raises(ValidationError, match="Write something"):
        actions.edit_comment(words, "", by=anna)
    for comment in (words, actions.add_comment(post.thread, "Look", file_ids=[file_of(anna).pk], by=anna)):
        with pytest.raises(ValidationError, match="too long"):
            actions.edit_comment(comment, html="<blockquote>" * 1000, by=anna)
    actions.edit_comment(comment, "", by=anna)
    comment.refresh_from_db()
    assert (comment.text, comment.file_links.count()) == ("", 1)


def test_files_of_a_thread_are_those_of_its_own_comments(anna: User) -> None:
    posts = [publish_post(Draft(text), by=anna) for text in ("One", "Other")]
    files = [file_of(anna).pk for _post in posts]
    for post, file in zip(posts, files, strict=True):
        actions.add_comment(post.thread, "Look", file_ids=[file], by=anna)
    assert [actions.files_below(post.thread_id) for post in posts] == [[file] for file in files]


def test_links_that_lead_elsewhere_now_are_no_edit(anna: User) -> None:
    comment = actions.add_comment(actions.open_thread("test.thing"), html="<p>Here</p>", by=anna)
    actions.readdress(comment, '<p><a href="https://new.example.com/">There</a></p>')
    comment.refresh_from_db()
    assert (comment.text, "new.example.com" in comment.html) == ("There", True)
    assert comment.edited_at is None
    assert not Event.objects.filter(kind="discussion.CommentEdited").exists()
    # It may have said nothing, and have had files alone.
    actions.readdress(comment, "")


def test_a_reaction_is_ones_own_and_of_its_thread(anna: User, boris: User) -> None:
    thread, other = actions.open_thread("test.thing"), actions.open_thread("test.thing")
    for place, person in ((thread, anna), (thread, boris), (other, anna)):
        actions.react(place, 1, by=person)
        actions.give_emoji(place, "🎉", True, by=person)
        actions.give_emoji(place, "🔥", True, by=person)
    Event.objects.all().delete()
    for _twice in range(2):
        actions.react(thread, 0, by=anna)
        actions.give_emoji(thread, "🎉", False, by=anna)
    assert (thread.likes_count, thread.dislikes_count, thread.emoji_counts) == (1, 0, {"🎉": 1, "🔥": 2})
    left = sorted(Reaction.objects.values_list("thread", "user"))
    assert left == sorted([(thread.pk, boris.pk), (other.pk, anna.pk)])
    assert EmojiReaction.objects.count() == 5
    other.refresh_from_db()
    assert (other.likes_count, other.emoji_counts) == (1, {"🎉": 1, "🔥": 1})
    assert [event.kind for event in Event.objects.order_by("id")] == [
        *("discussion.Reacted", "discussion.EmojiChanged")
    ]
    for value in (2, -2):
        with pytest.raises(ValidationError, match="no such reaction"):
            actions.react(thread, value, by=anna)


def test_the_longest_comment_is_taken_and_no_longer_one(anna: User) -> None:
    thread = actions.open_thread("test.thing")
    actions.add_comment(thread, "x" * actions.LONGEST_COMMENT, by=anna)
    with pytest.raises(ValidationError, match="too long"):
        actions.add_comment(thread, "x" * (actions.LONGEST_COMMENT + 1), by=anna)


def test_one_hears_of_a_thread_until_one_says_no(anna: User) -> None:
    thread = actions.open_thread("test.thing")
    actions.add_comment(thread, "mine", by=anna)
    actions.follow(thread, False, by=anna)
    assert not Follower.objects.get(thread=thread, user=anna).is_on
    actions.add_comment(thread, "mine again", by=anna)
    assert not Follower.objects.get(thread=thread, user=anna).is_on, "speaking again does not undo it"
