"""The feed, its posts and what is said about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.feed import actions
from box.apps.feed.access import can_delete
from box.apps.feed.forms import draft_of
from box.apps.feed.models import PAGE, Post
from box.apps.feed.showing import shown, usual_audience
from box.core.discussion.models import Comment
from box.core.events.nonces import once
from box.core.org.names import found_for, named
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.core.accounts.requests import PersonRequest

COMMENTS_SHOWN = 200
# The chip says "99+ new" beyond.
MOST_NEWS = 99


@require_http_methods(["GET", "POST"])
def feed(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        return _publish(request)
    after = number_of(request.GET, "after")
    if after is not None and wants_part(request):
        return _newer(request, after)
    before = number_of(request.GET, "before")
    posts = Post.objects.visible_to(request.user).newest_first().as_shown()
    found = list((posts.before(before) if before else posts)[: PAGE + 1])
    newest = found[0].pk if found else 0
    context = _page(request, found[:PAGE], has_more=len(found) > PAGE, newest=newest, before=before)
    return render(request, "feed/list.html", context, blocks="posts")


def _newer(request: PersonRequest, after: int) -> HttpResponse:
    """What the chip announced, for the top of the list, with the chip that goes on from there."""
    found = list(
        Post.objects.visible_to(request.user).after(after).newest_first().as_shown()[: MOST_NEWS + 1]
    )
    newest = found[0].pk if found else after
    return render(request, "feed/list.html", _page(request, found, newest=newest), blocks=("posts", "chip"))


def _publish(request: PersonRequest) -> HttpResponse:
    try:
        draft = draft_of(request.POST)
        post = once(
            Post,
            lambda: actions.publish_post(draft, by=request.user),
            nonce=request.POST.get("nonce", ""),
            actor_id=request.user.pk,
        )
    except ValidationError as error:
        return _refused(request, " ".join(error.messages))
    if not wants_part(request):
        return redirect("feed:list")
    found = Post.objects.visible_to(request.user).filter(pk=post.pk).as_shown()
    return with_toast(
        render(request, "feed/list.html", _page(request, found), blocks="posts"), _("Published.")
    )


def _refused(request: PersonRequest, problem: str) -> HttpResponse:
    """The form again, with all that was written in it."""
    chosen = list(named(request.POST.getlist("audience")).values())
    page = _page(request, [], text=request.POST.get("text", ""), chosen=chosen, problem=problem)
    response = render(request, "feed/list.html", page, blocks="composer", status=REFUSED)
    response.headers["HX-Retarget"] = "#composer"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def _page(request: PersonRequest, posts: Sequence[Post] | Any, **more: Any) -> dict[str, Any]:
    chosen = usual_audience(request.user)
    defaults = {"has_more": False, "before": None, "newest": 0, "text": "", "problem": "", "chosen": chosen}
    shared = {"posts": shown(posts, reader=request.user), "most_files": actions.MOST_FILES, "usual": chosen}
    return {**shared, **defaults, **more}


@require_GET
def news(request: PersonRequest) -> HttpResponse:
    """How much others have published since the post `after`."""
    after = number_of(request.GET, "after") or 0
    others = Post.objects.visible_to(request.user).after(after).exclude(author=request.user)
    context = {"count": others[: MOST_NEWS + 1].count(), "after": after, "most": MOST_NEWS}
    return render(request, "feed/news.html", context, blocks="news")


@require_GET
def audiences(request: PersonRequest) -> HttpResponse:
    """Whom one may write to, as found by a part of the name."""
    found = found_for(request.user, request.GET.get("q", "")[:200])
    return render(request, "feed/audiences.html", {"principals": found}, blocks="options")


@require_http_methods(["GET", "DELETE"])
def post(request: PersonRequest, pk: int) -> HttpResponse:
    post = _post(request, pk)
    if request.method == "GET":
        return _post_page(request, post, blocks="post")
    if not can_delete(request.user, post):
        raise PermissionDenied(_("Only its author and administrators delete a post."))
    actions.delete_post(post, by=request.user)
    return with_toast(_gone(request, pk), _("The post is deleted."))


def _gone(request: PersonRequest, pk: int) -> HttpResponse:
    """From a list the post is taken out; its own page leads back to the feed."""
    if not wants_part(request):
        return redirect("feed:list")
    is_own_page = urlsplit(request.headers.get("HX-Current-URL", "")).path == reverse("feed:post", args=[pk])
    location = {
        "HX-Location": json.dumps({"path": reverse("feed:list"), "target": "#main", "select": "#main"})
    }
    return HttpResponse(headers=location if is_own_page else {})


@require_http_methods(["GET", "POST"])
def comments(request: PersonRequest, pk: int) -> HttpResponse:
    post = _post(request, pk)
    if request.method == "GET":
        is_earlier = number_of(request.GET, "before") is not None
        return _post_page(request, post, blocks="earlier" if is_earlier else ("comments", "count"))
    text = request.POST.get("text", "")
    try:
        once(
            Comment,
            lambda: actions.add_comment(post, text, by=request.user),
            nonce=request.POST.get("nonce", ""),
            actor_id=request.user.pk,
        )
    except ValidationError as error:
        problem = " ".join(error.messages)
        return _post_page(request, post, blocks="comments", text=text, problem=problem, status=REFUSED)
    if not wants_part(request):
        return redirect(post)
    post.thread.refresh_from_db()
    return _post_page(request, post, blocks=("comments", "count"))


@require_GET
def comment_news(request: PersonRequest, pk: int) -> HttpResponse:
    """How many comments others have added to the post since the comment `after`."""
    post = _post(request, pk)
    after = number_of(request.GET, "after") or 0
    others = Comment.objects.filter(thread=post.thread_id, pk__gt=after).exclude(author=request.user)
    context = {"count": others[: MOST_NEWS + 1].count(), "post": post, "most": MOST_NEWS}
    return render(request, "feed/comment_news.html", context, blocks="news")


@require_POST
def reaction(request: PersonRequest, pk: int) -> HttpResponse:
    post = _post(request, pk)
    value = {"1": 1, "-1": -1, "0": 0}.get(request.POST.get("value", ""))
    if value is None:
        return _post_page(request, post, blocks="reactions", status=REFUSED)
    actions.react(post, value, by=request.user)
    return _post_page(request, post, blocks="reactions") if wants_part(request) else redirect(post)


def _post(request: PersonRequest, pk: int) -> Post:
    return get_object_or_404(Post.objects.visible_to(request.user).as_shown(), pk=pk)


def _post_page(
    request: PersonRequest, post: Post, *, blocks: str | tuple[str, ...], status: int = 200, **more: Any
) -> HttpResponse:
    newest = Comment.objects.filter(thread=post.thread_id).with_authors().order_by("-id")
    before = number_of(request.GET, "before")
    found = list((newest.filter(pk__lt=before) if before else newest)[: COMMENTS_SHOWN + 1])
    context = {
        "shown": shown([post], reader=request.user)[0],
        "comments": found[:COMMENTS_SHOWN][::-1],
        "has_earlier": len(found) > COMMENTS_SHOWN,
        "text": "",
        "problem": "",
        **more,
    }
    return render(request, "feed/post.html", context, blocks=blocks, status=status)
