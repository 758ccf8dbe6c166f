"""What was deleted or changed is put back from what an older state says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from box.apps.feed import export
from box.apps.feed.actions import Draft, delete_post, edit_post, forget_post, publish_post
from box.apps.feed.models import Post, PostFile
from box.core.access.principals import EVERYONE, code_of
from box.core.discussion import export as discussion
from box.core.discussion.actions import add_comment, delete_comment, react
from box.core.discussion.models import Comment
from box.core.events.models import Event
from box.core.files import export as files
from box.core.files.models import Blob, File

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def carried(rows: Any) -> Any:
    """As it arrives from the older state: through JSON."""
    return json.loads(json.dumps(rows, cls=DjangoJSONEncoder))


def a_file(owner: User, name: str = "plan.txt") -> File:
    blob = Blob.objects.create(key=f"2026/11/{name:0>32}", size=3, sha256="0" * 64)
    return File.objects.create(owner=owner, name=name, blob=blob, audience=[code_of(owner)], is_private=True)


def test_a_post_that_is_gone_comes_back_with_its_files_and_all_that_was_said(anna: User, boris: User) -> None:
    file = a_file(anna)
    post = publish_post(Draft("The #plan", file_ids=(file.pk,)), by=anna)
    said = add_comment(post.thread, "Good", by=boris)
    add_comment(post.thread, "Indeed", parent=said, by=anna)
    react(post.thread, 1, by=boris)
    post.refresh_from_db()
    pk, rows = post.pk, carried(export.pack_post(post.pk))
    forget_post(post)
    assert not Post.objects.exists()
    assert not export.is_post_there(rows)
    for _ in range(2):
        address = export.put_post_back(rows, anna)
    there = Post.objects.get()
    assert (there.pk, there.text, there.author, address) == (pk, post.text, anna, there.get_absolute_url())
    assert [one.text for one in there.thread.comments.order_by("id")] == ["Good", "Indeed"]
    assert (there.thread.comments_count, there.thread.likes_count) == (2, 1)
    assert list(there.files.all()) == [file]
    assert [link.tag for link in there.tag_links.all()] == ["plan"]
    assert export.is_post_there(rows)
    assert export.is_post_same(rows)
    # Nobody is told of it as if it were new.
    assert Event.objects.filter(kind="feed.PostPublished").count() == 1


def test_a_post_that_was_deleted_a_moment_ago_or_changed_is_as_it_was(anna: User) -> None:
    post = publish_post(Draft("As it was"), by=anna)
    rows = carried(export.pack_post(post.pk))
    edit_post(post, "Another text", version=1, by=anna)
    assert (export.is_post_there(rows), export.is_post_same(rows)) == (True, False)
    delete_post(post, by=anna)
    assert not export.is_post_there(rows)
    export.put_post_back(rows, anna)
    there = Post.objects.there().get()
    assert (there.text, there.version) == ("As it was", 3)


def test_what_is_private_is_found_by_its_author_alone(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    publish_post(Draft("A word to boris", audience=(code_of(boris),)), by=anna)
    open_to_all = publish_post(Draft("A word to all", audience=(EVERYONE,)), by=anna)
    found = {
        person: [one.title for one in export.find_posts("WORD", person)] for person in (anna, boris, olga)
    }
    assert found == {
        anna: ["A word to all", "A word to boris"], boris: ["A word to all"], olga: ["A word to all"],
    }  # fmt: skip
    add_comment(open_to_all.thread, "A word more", by=cara)
    assert [one.title for one in export.find_comments("word", boris)] == ["A word more"]


@pytest.mark.parametrize("has_answer", [True, False])
def test_a_comment_comes_back_where_it_stood(anna: User, boris: User, *, has_answer: bool) -> None:
    post = publish_post(Draft("The plan"), by=anna)
    comment = add_comment(post.thread, "Good", by=boris)
    if has_answer:
        add_comment(post.thread, "Indeed", parent=comment, by=anna)
    rows = carried(discussion.pack_comment(comment.pk))
    delete_comment(Comment.objects.get(pk=comment.pk), by=boris)
    assert not discussion.is_comment_there(rows)
    for _ in range(2):
        assert export.put_comment_back(rows, boris) == post.get_absolute_url()
    post.thread.refresh_from_db()
    assert post.thread.comments_count == 1 + has_answer
    there = Comment.objects.get(pk=comment.pk)
    assert (there.text, there.is_deleted, there.author) == ("Good", False, boris)


def test_a_comment_of_a_post_that_is_gone_says_so(anna: User) -> None:
    post = publish_post(Draft("The plan"), by=anna)
    rows = carried(discussion.pack_comment(add_comment(post.thread, "Good", by=anna).pk))
    forget_post(post)
    with pytest.raises(ValidationError, match="put that back"):
        export.put_comment_back(rows, anna)
    assert not Comment.objects.exists()


def test_a_file_comes_back_into_its_post_or_says_that_it_is_gone(anna: User, boris: User) -> None:
    post = publish_post(Draft("The plan", file_ids=(a_file(anna).pk,)), by=anna)
    rows = carried(files.pack(post.files.get().pk))
    PostFile.objects.all().delete()
    File.objects.all().delete()
    assert not files.is_there(rows)
    files.put_back(rows, anna)
    assert post.files.get().name == "plan.txt"
    assert files.is_same(rows)
    forget_post(post)
    with pytest.raises(ValidationError, match="was a part of is gone"):
        files.put_back(rows, anna)
