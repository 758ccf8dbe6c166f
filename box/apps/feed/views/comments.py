"""What is said below a post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.feed import actions
from box.apps.feed.access import (
    can_delete_comment,
    can_edit_comment,
)
from box.apps.feed.models import Post
from box.apps.feed.presenters import MOST_NEWS, ShownComment
from box.apps.feed.views.posts import post_page, post_visible, refuse_if_closed
from box.core.discussion.models import Comment
from box.core.drafts.actions import drop_draft
from box.core.events.nonces import once
from box.lib.pages import REFUSED, number_of, render, wants_part

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def comments(request: PersonRequest, pk: int) -> HttpResponse:
    post = post_visible(request, pk)
    if request.method == "GET":
        is_earlier = number_of(request.GET, "before") is not None
        return post_page(request, post, blocks="earlier" if is_earlier else ("comments", "count"))
    refuse_if_closed(post)
    text, html = request.POST.get("text", ""), request.POST.get("html", "")
    parent_id = number_of(request.POST, "parent")
    parent = get_object_or_404(post.thread.comments, pk=parent_id) if parent_id else None
    try:
        once(
            Comment,
            lambda: actions.add_comment(post, text, html=html, parent=parent, by=request.user),
            nonce=request.POST.get("nonce", ""),
            actor_id=request.user.pk,
        )
    except ValidationError as error:
        problem = " ".join(error.messages)
        return post_page(
            request, post, blocks="comments", text=text, html=html, problem=problem, status=REFUSED
        )
    drop_draft(request.POST.get("place", ""), by=request.user)
    if not wants_part(request):
        return redirect(post)
    post.thread.refresh_from_db()
    return post_page(request, post, blocks=("comments", "count"))


@require_http_methods(["GET", "POST", "DELETE"])
def comment(request: PersonRequest, pk: int) -> HttpResponse:
    """One comment, to be changed or taken back."""
    comment = get_object_or_404(Comment.objects.with_authors().select_related("thread"), pk=pk)
    post = get_object_or_404(Post.objects.visible_to(request.user).as_shown(), thread=comment.thread_id)
    if request.method == "DELETE":
        if not can_delete_comment(request.user, comment, post):
            raise PermissionDenied(_("Only its author and administrators delete a comment."))
        actions.delete_comment(comment, by=request.user)
        post.thread.refresh_from_db()
        return (
            post_page(request, post, blocks=("comments", "count")) if wants_part(request) else redirect(post)
        )
    if not can_edit_comment(request.user, comment):
        raise PermissionDenied(_("Only its author changes a comment."))
    if request.method == "GET":
        return _comment_form(request, comment, text=comment.text, html=comment.html)
    given, html = request.POST.get("text", ""), request.POST.get("html", "")
    try:
        actions.edit_comment(comment, given, html=html, by=request.user)
    except ValidationError as error:
        return _comment_form(request, comment, text=given, html=html, problem=" ".join(error.messages))
    if not wants_part(request):
        return redirect(post)
    said = ShownComment(comment, can_edit=True, can_delete=True)
    return post_page(request, post, blocks="one_comment", comment=said)


def _comment_form(
    request: PersonRequest, comment: Comment, *, problem: str = "", **written: Any
) -> HttpResponse:
    context = {"comment": comment, "problem": problem, **written}
    return render(request, "feed/comment.html", context, blocks="form", status=REFUSED if problem else 200)


@require_GET
def comment_news(request: PersonRequest, pk: int) -> HttpResponse:
    """How many comments others have added to the post since the comment `after`."""
    post = post_visible(request, pk)
    after = number_of(request.GET, "after") or 0
    others = Comment.objects.filter(thread=post.thread_id, pk__gt=after).exclude(author=request.user)
    context = {"count": others[: MOST_NEWS + 1].count(), "post": post, "most": MOST_NEWS}
    return render(request, "feed/comment_news.html", context, blocks="news")
