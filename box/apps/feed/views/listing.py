"""The feed as a list, and what is written into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.feed import actions
from box.apps.feed.access import (
    can_announce,
)
from box.apps.feed.filters import TO, chosen_by, feed_list
from box.apps.feed.forms import draft_of, moment_of
from box.apps.feed.latest import just_written, page_of
from box.apps.feed.models import LIST, PAGE, Post, ScheduledPost
from box.apps.feed.polls import LONGEST_OPTION, MOST_OPTIONS
from box.apps.feed.presenters import MOST_NEWS, news_forms, shown, usual_audience
from box.apps.feed.scheduling import schedule_post
from box.core.drafts.actions import drop_draft
from box.core.events.nonces import posted_once
from box.core.lists.preferences import Preferences, preferences_of
from box.core.lists.presenters import Table
from box.core.lists.views import keep_view
from box.core.registry.capabilities import asides_of
from box.core.registry.environment import format_moment
from box.core.structure.names import found_for, named
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest
    from box.core.lists.query import Query


MOST_PINNED = 3
LONGEST_DRAFT = 2000


@require_http_methods(["GET", "POST"])
def feed(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        return _keep(request) if "do" in request.POST else _publish(request)
    after = number_of(request.GET, "after")
    if after is not None and wants_part(request):
        return _newer(request, after)
    return _feed_page(request)


def _feed_page(request: PersonRequest, problem: str = "") -> HttpResponse:
    context = list_for(request, chosen_by(request.GET, request.user))
    opened = context["table"].preferences.opens_with if "table" in context else None
    if opened and not request.GET and request.method == "GET":
        return redirect(f"{request.path}?{opened.query}")
    if problem:
        context["table"] = replace(context["table"], problem=problem)
    if not wants_part(request):
        context["asides"] = asides_of(request)
    status = REFUSED if problem else 200
    return render(request, "feed/list.html", context, blocks="posts", status=status)


def _keep(request: PersonRequest) -> HttpResponse:
    """What is done with saved views of the feed."""
    try:
        return keep_view(request, LIST, chosen_by(request.GET, request.user))
    except ValidationError as error:
        return _feed_page(request, " ".join(error.messages))


def list_for(request: PersonRequest, chosen: Query) -> dict[str, Any]:
    """A page of what was chosen of the feed."""
    before = number_of(request.GET, "before")
    is_top = not chosen and not before
    found = page_of(request.user, chosen, before=before)
    newest = found[0].pk if found else 0
    # A draft that another room has begun, see `models.draft_address`; the person changes and publishes it.
    draft = request.GET.get("draft", "")[:LONGEST_DRAFT]
    more = {"has_more": len(found) > PAGE, "newest": newest, "before": before, "text": draft}
    pinned = _pinned(request.user) if is_top and found and found[0].pinned_ids else []
    above = {post.pk for post in pinned}
    below = [post for post in found[:PAGE] if post.pk not in above]
    # Those on top are shown together with the others: what is to be known of posts is asked once.
    context = _page(request, [*pinned, *below], chosen, **more)
    context["pinned"] = [one for one in context["posts"] if one.article.pk in above]
    context["posts"] = [one for one in context["posts"] if one.article.pk not in above]
    if not wants_part(request):
        reader = request.user
        kept = Preferences.read(found[0].kept, reader) if found else preferences_of(reader, LIST)
        context["table"] = Table(feed_list(reader), chosen, request.path, kept)
    context["last"] = found[:PAGE][-1].pk if found else 0
    return context


def _pinned(user: User) -> list[Post]:
    return list(Post.objects.visible_to(user).as_shown().pinned()[:MOST_PINNED])


def _newer(request: PersonRequest, after: int) -> HttpResponse:
    """What the chip announced, for the top of the list, with the chip that goes on from there."""
    chosen = chosen_by(request.GET, request.user)
    visible = chosen.apply(Post.objects.visible_to(request.user))
    found = list(visible.after(after).newest_first().as_shown()[: MOST_NEWS + 1])
    page = _page(request, found, chosen, newest=found[0].pk if found else after)
    return render(request, "feed/list.html", page, blocks=("posts", "chip"))


def _publish(request: PersonRequest) -> HttpResponse:
    try:
        draft, publish_at = draft_of(request.POST), moment_of(request.POST.get("publish_at", ""))
        if publish_at:
            return _schedule(request, draft, publish_at)
        post = posted_once(request, Post, lambda: actions.publish_post(draft, by=request.user))
    except ValidationError as error:
        return _refused(request, " ".join(error.messages))
    drop_draft(request.POST.get("place", ""), by=request.user)
    if not wants_part(request):
        return redirect("feed:list")
    page = _page(request, just_written(post), chosen_by(request.GET, request.user))
    return with_toast(render(request, "feed/list.html", page, blocks="posts"), _("Published."))


def _schedule(request: PersonRequest, draft: actions.Draft, publish_at: datetime) -> HttpResponse:
    row = posted_once(
        request, ScheduledPost, lambda: schedule_post(draft, publish_at, by=request.user, now=timezone.now())
    )
    drop_draft(request.POST.get("place", ""), by=request.user)
    said = _("It will be published %(moment)s.") % {"moment": format_moment(row.publish_at)}
    if not wants_part(request):
        messages.success(request, said)
        return redirect("feed:scheduled")
    return with_toast(HttpResponse(), said)


def _refused(request: PersonRequest, problem: str) -> HttpResponse:
    """The form again, with all that was written in it."""
    chosen = list(named(request.POST.getlist("audience")).values())
    query, kept = chosen_by(request.GET, request.user), preferences_of(request.user, LIST)
    page = _page(
        request,
        [],
        query,
        table=Table(feed_list(request.user), query, request.path, kept),
        text=request.POST.get("text", ""),
        html=request.POST.get("html", ""),
        chosen=chosen,
        problem=problem,
    )
    response = render(request, "feed/list.html", page, blocks="composer", status=REFUSED)
    response.headers["HX-Retarget"] = "#composer"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def _page(request: PersonRequest, posts: Sequence[Post] | Any, query: Query, **more: Any) -> dict[str, Any]:
    code = query.value_of(TO)
    to = named([code], reader=request.user).get(code) if code else None
    usual = [to] if to else usual_audience(request.user)
    chip = {"news_forms": news_forms(), "most_news": MOST_NEWS}
    written = {"text": "", "html": "", "problem": "", "chosen": usual}
    filters = {
        "query": f"{query.address()}&" if query else "",
        "is_chosen": bool(query),
        "is_only_addressed": [one.filter.key for one in query.chosen] == [TO],
        "to": to,
    }
    defaults = {
        **filters,
        "pinned": [],
        "asides": [],
        "last": 0,
        "can_write": True,
        "can_announce": can_announce(request.user),
        "has_more": False,
        "before": None,
        "newest": 0,
        **written,
    }
    limits = {
        "most_files": actions.MOST_FILES, "most_options": MOST_OPTIONS, "longest_option": LONGEST_OPTION
    }  # fmt: skip
    shared = {"posts": shown(posts, reader=request.user), "usual": usual}
    return {**shared, **limits, **chip, **defaults, **more}


@require_GET
def news(request: PersonRequest) -> HttpResponse:
    """How much others have published since the post `after`."""
    after = number_of(request.GET, "after") or 0
    chosen = chosen_by(request.GET, request.user)
    visible = chosen.apply(Post.objects.visible_to(request.user))
    others = visible.after(after).exclude(author=request.user)
    ids = others.order_by("id").values_list("id", flat=True)[: MOST_NEWS + 1]
    found = list(ids)
    context = {"count": len(found), "last": found[-1] if found else after, "after": after, "most": MOST_NEWS}
    query = f"{chosen.address()}&" if chosen else ""
    return render(request, "feed/news.html", {**context, "query": query}, blocks="news")


@require_GET
def audiences(request: PersonRequest) -> HttpResponse:
    """Whom one may write to, as found by a part of the name."""
    found = found_for(request.user, request.GET.get("q", "")[:200])
    return render(request, "principals.html", {"principals": found, "section": "feed"}, blocks="options")
