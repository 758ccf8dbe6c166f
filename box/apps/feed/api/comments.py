"""What is said below posts: saying it, and finding what somebody has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed.access import can_comment
from box.apps.feed.api.authors import FILE, SCOPE, Written, author_of, files_of
from box.apps.feed.models import KIND, Post
from box.core.discussion import actions as discussion
from box.core.discussion.models import Comment
from box.core.discussion.presenters import files_of as files_below
from box.core.files.display import PICTURES
from box.core.files.presenters import Attached
from box.core.files.rest import address_of_file
from box.core.people.bbcode import bbcode_of, html_of
from box.core.registry.rest import (
    DOCS,
    Call,
    Download,
    Method,
    Parameters,
    download_address,
    downloads,
    methods,
    not_found,
)

MOST = 100


class CommentAdd(Written):
    POST_ID = forms.IntegerField(help_text=gettext_lazy("The post."))
    TEXT = forms.CharField(
        required=False, help_text=gettext_lazy("The text. An empty line begins a paragraph.")
    )


class CommentsOf(Parameters):
    USER_ID = forms.IntegerField(
        required=False, help_text=gettext_lazy("Whose comments; your own without it.")
    )
    FIRST_ID = forms.IntegerField(required=False, help_text=gettext_lazy("Comments with higher numbers."))
    LAST_ID = forms.IntegerField(required=False, help_text=gettext_lazy("Comments with lower numbers."))
    LIMIT = forms.IntegerField(
        required=False, min_value=1, max_value=MOST, help_text=gettext_lazy("How many, 100 at most.")
    )


def add(call: Call) -> Comment:
    """https://apidocs.bitrix24.com/api-reference/log/blogcomment/log-blogcomment-add.html"""
    author = author_of(call)
    post = Post.objects.visible_to(call.user).as_shown().filter(pk=call.values["POST_ID"]).first()
    if post is None:
        raise not_found(_("There is no such post, or you don't see it."))
    if not can_comment(call.user, post):
        raise PermissionDenied(_("The group of this post is in the archive: it is only read."))
    files = files_of(call, author)
    html = html_of(call.values["TEXT"])
    return discussion.add_comment(post.thread, html=html, file_ids=files, by=author)


def comments_of(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/log/blogcomment/log-blogcomment-user-get.html

    The newest first. What stands under posts that the caller does not see is not among them.
    """
    values = call.values
    seen = Post.objects.visible_to(call.user)
    found = Comment.objects.filter(
        author=values["USER_ID"] or call.user.pk, thread__kind=KIND, thread__post__in=seen, is_deleted=False
    )
    if values["FIRST_ID"] is not None:
        found = found.filter(pk__gt=values["FIRST_ID"])
    if values["LAST_ID"] is not None:
        found = found.filter(pk__lt=values["LAST_ID"])
    rows = list(found.select_related("thread__post", "author").order_by("-pk")[: values["LIMIT"] or MOST])
    return _shown(rows, call)


def _shown(rows: Sequence[Comment], call: Call) -> dict[str, Any]:
    hanging = files_below([one.pk for one in rows])
    comments = [
        {
            "id": one.pk,
            "comment_id": one.pk,
            # An entry of the feed is the post here.
            "log_id": one.thread.post.pk,
            "date": timezone.localtime(one.created_at).isoformat(timespec="seconds"),
            "text": bbcode_of(one.html, [file.pk for file in hanging.get(one.pk, ())]),
            "attach": [file.pk for file in hanging.get(one.pk, ())],
        }
        for one in rows
    ]
    files = {str(file.pk): _file(file, one, call) for one in rows for file in hanging.get(one.pk, ())}
    return {"comments": comments, "files": files}


def _file(file: Attached, comment: Comment, call: Call) -> Mapping[str, Any]:
    address = download_address(FILE, file.pk, call)
    return {
        "id": file.pk,
        "date": timezone.localtime(comment.created_at).isoformat(timespec="seconds"),
        "type": "image" if file.content_type in PICTURES else "file",
        "name": file.name,
        "size": file.size,
        "authorId": comment.author_id,
        "authorName": comment.author.name,
        **dict.fromkeys(("urlPreview", "urlShow", "urlDownload"), address),
    }


_COMMENT = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer"} for name in ("id", "comment_id", "log_id")},
        **{name: {"type": "string"} for name in ("date", "text")},
        "attach": {"type": "array", "items": {"type": "integer"}},
    },
}
_FILE = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer"} for name in ("id", "size", "authorId")},
        **{name: {"type": "string"} for name in ("date", "type", "name", "authorName")},
        **{name: {"type": "string"} for name in ("urlPreview", "urlShow", "urlDownload")},
    },
}


def declare() -> None:
    downloads.add(FILE, Download(SCOPE, "feed", address_of_file))
    methods.add(
        "log.blogcomment.add",
        Method(
            room="feed",
            scopes=(SCOPE,),
            about=gettext_lazy("Comments on a post; answers with the comment's number."),
            parameters=CommentAdd,
            answer=add,
            makes=Comment,
            takes_over=True,
            result={"type": "integer"},
            source=f"{DOCS}log/blogcomment/log-blogcomment-add.html",
        ),
    )
    methods.add(
        "log.blogcomment.user.get",
        Method(
            room="feed",
            scopes=(SCOPE,),
            about=gettext_lazy("What somebody has said below posts that you see, the newest first."),
            parameters=CommentsOf,
            answer=comments_of,
            result={
                "type": "object",
                "properties": {
                    "comments": {"type": "array", "items": _COMMENT},
                    "files": {"type": "object", "additionalProperties": _FILE},
                },
            },
            source=f"{DOCS}log/blogcomment/log-blogcomment-user-get.html",
        ),
    )
