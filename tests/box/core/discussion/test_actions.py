from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.core.accounts.models import User
from box.core.discussion import actions
from box.core.discussion.models import Comment, EmojiReaction, Reaction, Thread

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


def test_there_is_an_end_to_different_emoji(anna: User, boris: User) -> None:
    thread = actions.open_thread("test.thing")
    for number in range(actions.MOST_EMOJI):
        actions.give_emoji(thread, chr(0x1F600 + number), True, by=anna)
    with pytest.raises(ValidationError, match="enough"):
        actions.give_emoji(thread, "🎉", True, by=boris)
    actions.give_emoji(thread, chr(0x1F600), True, by=boris)
    assert EmojiReaction.objects.filter(thread=thread).count() == actions.MOST_EMOJI + 1


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


def test_the_latest_comments_of_many_threads_come_in_one_query(
    anna: User, django_assert_num_queries: Callable[..., object]
) -> None:
    threads = [actions.open_thread("test.thing") for _ in range(3)]
    for n in range(5):
        actions.add_comment(threads[0], f"a{n}", by=anna)
    actions.add_comment(threads[1], "b0", by=anna)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        latest = list(Comment.objects.latest_of([thread.pk for thread in threads], each=2).with_authors())
        texts = [(comment.author.name, comment.text) for comment in latest]
    assert texts == [("Anna Test", "a3"), ("Anna Test", "a4"), ("Anna Test", "b0")]
