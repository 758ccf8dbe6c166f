"""The feed, its posts and what is said about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.feed import actions, polls
from box.apps.feed.access import (
    can_announce,
    can_delete,
    can_delete_comment,
    can_edit,
    can_edit_comment,
    can_pin,
    can_see_readers,
    is_open,
)
from box.apps.feed.drafts import drop_draft
from box.apps.feed.filters import Filter, chips_of, only_labels
from box.apps.feed.forms import draft_of, moment_of
from box.apps.feed.latest import page_of
from box.apps.feed.models import KIND, PAGE, Mark, Post, SavedView, ScheduledPost, addressees_of
from box.apps.feed.reading import confirm_reading, receipts_of, rows_of, still_to_read
from box.apps.feed.scheduling import schedule_post
from box.apps.feed.showing import MOST_NEWS, Said, news_forms, said_of, shown, usual_audience
from box.core.access.audiences import AudienceQuerySet
from box.core.accounts.access import can_see_company
from box.core.discussion.models import Comment
from box.core.events.nonces import once
from box.core.org.mentions import mentionable_by
from box.core.org.names import MOST_FOUND, found_for, named
from box.core.org.today import today
from box.core.registry.auditing import About, record
from box.core.registry.capabilities import asides_of
from box.core.registry.environment import format_moment
from box.lib.pages import REFUSED, lead_on, number_of, render, wants_part, with_toast
from box.lib.tables import CONTENT_TYPES, export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

COMMENTS_SHOWN = 200
VERSIONS_SHOWN = 100
READERS_SHOWN = 500
MOST_PINNED = 3
LONGEST_DRAFT = 2000


@require_http_methods(["GET", "POST"])
def feed(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        return _publish(request)
    after = number_of(request.GET, "after")
    if after is not None and wants_part(request):
        return _newer(request, after)
    context = list_for(request, Filter.of(request.GET))
    if not wants_part(request):
        context["asides"] = asides_of(request)
    return render(request, "feed/list.html", context, blocks="posts")


def list_for(request: PersonRequest, chosen: Filter) -> dict[str, Any]:
    """A page of what was chosen of the feed."""
    before = number_of(request.GET, "before")
    is_top = not chosen and not before
    is_whole = not before and not wants_part(request)
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
    context["pinned"] = [one for one in context["posts"] if one.foot.pk in above]
    context["posts"] = [one for one in context["posts"] if one.foot.pk not in above]
    if is_whole:
        context["saved_views"] = (found[0].saved_views or []) if found else views_of(request.user)
    context["last"] = found[:PAGE][-1].pk if found else 0
    return context


def _pinned(user: User) -> list[Post]:
    return list(Post.objects.visible_to(user).as_shown().pinned()[:MOST_PINNED])


def views_of(user: User) -> list[dict[str, Any]]:
    """The same as `saved_views` of a post, where there is none."""
    return [{"pk": one.pk, "name": one.name, "query": one.query} for one in SavedView.objects.of(user)]


def _newer(request: PersonRequest, after: int) -> HttpResponse:
    """What the chip announced, for the top of the list, with the chip that goes on from there."""
    chosen = Filter.of(request.GET)
    visible = chosen.of_posts(Post.objects.visible_to(request.user), reader=request.user)
    found = list(visible.after(after).newest_first().as_shown()[: MOST_NEWS + 1])
    page = _page(request, found, chosen, newest=found[0].pk if found else after)
    return render(request, "feed/list.html", page, blocks=("posts", "chip"))


def _publish(request: PersonRequest) -> HttpResponse:
    try:
        draft, publish_at = draft_of(request.POST), moment_of(request.POST.get("publish_at", ""))
        if publish_at:
            return _schedule(request, draft, publish_at)
        post = once(
            Post,
            lambda: actions.publish_post(draft, by=request.user),
            nonce=request.POST.get("nonce", ""),
            actor_id=request.user.pk,
        )
    except ValidationError as error:
        return _refused(request, " ".join(error.messages))
    drop_draft(request.POST.get("place", ""), by=request.user)
    if not wants_part(request):
        return redirect("feed:list")
    found = Post.objects.visible_to(request.user).filter(pk=post.pk).as_shown()
    page = _page(request, found, Filter.of(request.GET))
    return with_toast(render(request, "feed/list.html", page, blocks="posts"), _("Published."))


def _schedule(request: PersonRequest, draft: actions.Draft, publish_at: datetime) -> HttpResponse:
    row = once(
        ScheduledPost,
        lambda: schedule_post(draft, publish_at, by=request.user, now=timezone.now()),
        nonce=request.POST.get("nonce", ""),
        actor_id=request.user.pk,
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
    page = _page(
        request,
        [],
        Filter.of(request.GET),
        text=request.POST.get("text", ""),
        html=request.POST.get("html", ""),
        chosen=chosen,
        problem=problem,
    )
    response = render(request, "feed/list.html", page, blocks="composer", status=REFUSED)
    response.headers["HX-Retarget"] = "#composer"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def _page(
    request: PersonRequest, posts: Sequence[Post] | Any, chosen_filter: Filter, **more: Any
) -> dict[str, Any]:
    to = named([chosen_filter.to], reader=request.user).get(chosen_filter.to) if chosen_filter.to else None
    usual = [to] if to else usual_audience(request.user)
    chip = {"news_forms": news_forms(), "most_news": MOST_NEWS}
    written = {"text": "", "html": "", "problem": "", "chosen": usual}
    filters = {
        "chosen_filter": chosen_filter,
        "query": f"{chosen_filter.query}&" if chosen_filter else "",
        "chips": chips_of(chosen_filter, to),
        "only": only_labels(),
        "to": to,
    }
    defaults = {
        **filters,
        "pinned": [],
        "saved_views": [],
        "asides": [],
        "last": 0,
        "can_write": True,
        "can_announce": can_announce(request.user),
        "has_more": False,
        "before": None,
        "newest": 0,
        **written,
    }
    shared = {"posts": shown(posts, reader=request.user), "most_files": actions.MOST_FILES, "usual": usual}
    return {**shared, **chip, **defaults, **more}


@require_GET
def news(request: PersonRequest) -> HttpResponse:
    """How much others have published since the post `after`."""
    after = number_of(request.GET, "after") or 0
    chosen = Filter.of(request.GET)
    visible = chosen.of_posts(Post.objects.visible_to(request.user), reader=request.user)
    others = visible.after(after).exclude(author=request.user)
    ids = others.order_by("id").values_list("id", flat=True)[: MOST_NEWS + 1]
    found = list(ids)
    context = {"count": len(found), "last": found[-1] if found else after, "after": after, "most": MOST_NEWS}
    query = f"{chosen.query}&" if chosen else ""
    return render(request, "feed/news.html", {**context, "query": query}, blocks="news")


@require_GET
def audiences(request: PersonRequest) -> HttpResponse:
    """Whom one may write to, as found by a part of the name."""
    found = found_for(request.user, request.GET.get("q", "")[:200])
    return render(request, "feed/audiences.html", {"principals": found}, blocks="options")


@require_GET
def people(request: PersonRequest) -> JsonResponse:
    """Whom one may call with @, as found by a part of the name; who is away today may not answer soon."""
    text = request.GET.get("q", "")[:200]
    found = mentionable_by(request.user).exclude(pk=request.user.pk).matching(text).nearest_first(text)
    out = today.value.out if can_see_company(request.user) else {}
    options = [
        {
            "id": one.pk,
            "name": one.name,
            "about": one.position,
            "away": out[one.pk].said if one.pk in out else "",
        }
        for one in found[:MOST_FOUND]
    ]
    return JsonResponse({"people": options})


@require_http_methods(["GET", "DELETE"])
def post(request: PersonRequest, pk: int) -> HttpResponse:
    post = post_visible(request, pk)
    if request.method == "GET":
        return post_page(request, post, blocks="text")
    if not can_delete(request.user, post):
        raise PermissionDenied(_("Only its author and administrators delete a post."))
    actions.delete_post(post, by=request.user)
    undo = reverse("feed:restoration", args=[pk])
    action = {"label": _("Undo"), "url": undo, "values": {}}
    return with_toast(_gone(request, pk), _("The post is deleted."), action=action)


@require_POST
def restoration(request: PersonRequest, pk: int) -> HttpResponse:
    """Brings back what was deleted a moment ago."""
    deleted = AudienceQuerySet.visible_to(Post.objects.filter(deleted_at__isnull=False), request.user)
    post = get_object_or_404(deleted.select_related("author"), pk=pk)
    if not can_delete(request.user, post):
        raise PermissionDenied(_("Only its author and administrators delete a post."))
    actions.restore_post(post, by=request.user)
    return lead_on(request, post.get_absolute_url())


@require_GET
def menu(request: PersonRequest, pk: int) -> HttpResponse:
    """What this person may do with the post."""
    post, user = post_visible(request, pk), request.user
    mark = Mark.objects.filter(user=user, post=post).first()
    said = post.thread.followers.filter(user=user).first()
    context = {
        "post": post,
        "is_favourite": mark is not None and mark.is_favourite,
        "is_hidden": mark is not None and mark.is_hidden,
        "is_following": said.is_on if said else post.author_id == user.pk,
        "addressed": list(named(addressees_of(post.audience), reader=user).values()),
        "can_pin": can_pin(user, post),
        "can_edit": can_edit(user, post),
        "can_delete": can_delete(user, post),
    }
    return render(request, "feed/menu.html", context, blocks="items")


@require_http_methods(["GET", "POST"])
def text(request: PersonRequest, pk: int) -> HttpResponse:
    """The post's text, to be changed."""
    post = post_visible(request, pk)
    if not can_edit(request.user, post):
        raise PermissionDenied(_("Only its author changes a post."))
    if request.method == "GET":
        if "shown" in request.GET:
            return post_page(request, post, blocks="text")
        return _text_form(request, post, text=post.text, html=post.html, version=post.version)
    given, html = request.POST.get("text", ""), request.POST.get("html", "")
    version = number_of(request.POST, "version") or 0
    try:
        is_read_again = "again" in request.POST
        actions.edit_post(
            post, given, html=html, version=version, is_read_again=is_read_again, by=request.user
        )
    except ValidationError as error:
        problem = " ".join(error.messages)
        return _text_form(request, post, text=given, html=html, version=version, problem=problem)
    if not wants_part(request):
        return redirect(post)
    return with_toast(post_page(request, post_visible(request, pk), blocks="text"), _("Saved."))


def _text_form(request: PersonRequest, post: Post, *, problem: str = "", **written: Any) -> HttpResponse:
    context = {"post": post, "problem": problem, **written}
    return render(request, "feed/text.html", context, blocks="form", status=REFUSED if problem else 200)


@require_POST
def vote(request: PersonRequest, pk: int) -> HttpResponse:
    post = get_object_or_404(Post.objects.visible_to(request.user).as_shown(), pk=pk, kind=Post.Kind.POLL)
    chosen = [int(one) for one in request.POST.getlist("option") if one.isascii() and one.isdigit()]
    try:
        polls.vote(post, [one for one in chosen if one < 2**63], by=request.user)
    except ValidationError as error:
        refused = post_page(request, post, blocks="poll", status=REFUSED)
        return with_toast(refused, " ".join(error.messages))
    return post_page(request, post, blocks="poll") if wants_part(request) else redirect(post)


@require_POST
def reading(request: PersonRequest, pk: int) -> HttpResponse:
    """The person confirms to have read the announcement."""
    announcements = Post.objects.visible_to(request.user).of_kind(Post.Kind.ANNOUNCEMENT)
    post = get_object_or_404(announcements.as_shown(), pk=pk)
    confirm_reading(post, by=request.user)
    return post_page(request, post, blocks="reading") if wants_part(request) else redirect(post)


@require_GET
def readers(request: PersonRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """Who has read the announcement and when, and who is still to."""
    announcements = Post.objects.visible_to(request.user).of_kind(Post.Kind.ANNOUNCEMENT)
    post = get_object_or_404(announcements.select_related("announcement"), pk=pk)
    if not can_see_readers(request.user, post):
        raise PermissionDenied(_("Only its author and administrators see who has read it."))
    announcement, kind = post.announcement, request.GET.get("export", "")
    if kind in CONTENT_TYPES:
        head = (_("Name"), _("Login"), _("Version"), _("Read"))
        record("feed.exported", by_id=request.user.pk, about=About(KIND, pk, str(post)), format=kind)
        return export(kind, f"readers-{pk}", head, rows_of(post, announcement))
    context = {
        "post": post,
        "read": [(one.user, one.read_at) for one in receipts_of(announcement)[: READERS_SHOWN + 1]],
        "waiting": [(one, None) for one in still_to_read(post, announcement)[: READERS_SHOWN + 1]],
        "most": READERS_SHOWN,
    }
    return render(request, "feed/readers.html", context)


@require_GET
def versions(request: PersonRequest, pk: int) -> HttpResponse:
    post = post_visible(request, pk)
    found = post.versions.select_related("editor").order_by("-number")[:VERSIONS_SHOWN]
    return render(request, "feed/versions.html", {"post": post, "versions": list(found)})


@require_POST
def favourite(request: PersonRequest, pk: int) -> HttpResponse:
    post, is_on = post_visible(request, pk), request.POST.get("on") == "1"
    actions.mark(post, is_favourite=is_on, by=request.user)
    return _done(request, post, _("Among your favourites now.") if is_on else _("No favourite any more."))


@require_POST
def hiding(request: PersonRequest, pk: int) -> HttpResponse:
    post, is_on = post_visible(request, pk), request.POST.get("on") == "1"
    actions.mark(post, is_hidden=is_on, by=request.user)
    return _done(
        request, post, _("You will not see it in your feed.") if is_on else _("It is in your feed again.")
    )


@require_POST
def following(request: PersonRequest, pk: int) -> HttpResponse:
    post, is_on = post_visible(request, pk), request.POST.get("on") == "1"
    actions.follow(post, is_on, by=request.user)
    return _done(
        request, post, _("You will hear of new comments.") if is_on else _("You will hear no more of it.")
    )


@require_POST
def pin(request: PersonRequest, pk: int) -> HttpResponse:
    post, is_on = post_visible(request, pk), request.POST.get("on") == "1"
    if not can_pin(request.user, post):
        raise PermissionDenied(_("You may not pin this post."))
    actions.pin(post, is_on, by=request.user)
    return _done(request, post, _("It is on top now.") if is_on else _("It is in its place again."))


def _done(request: PersonRequest, post: Post, said: str) -> HttpResponse:
    return with_toast(HttpResponse(), said) if wants_part(request) else redirect(post)


def _gone(request: PersonRequest, pk: int) -> HttpResponse:
    """From a list the post is taken out; its own page leads back to the feed."""
    shown_at = urlsplit(request.headers.get("HX-Current-URL", "")).path
    is_in_list = wants_part(request) and shown_at != reverse("feed:post", args=[pk])
    return HttpResponse() if is_in_list else lead_on(request, reverse("feed:list"))


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
    said = Said(comment, can_edit=True, can_delete=True)
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


@require_POST
def reaction(request: PersonRequest, pk: int) -> HttpResponse:
    post = post_visible(request, pk)
    refuse_if_closed(post)
    value = {"1": 1, "-1": -1, "0": 0}.get(request.POST.get("value", ""))
    if value is None:
        return post_page(request, post, blocks="reactions", status=REFUSED)
    try:
        actions.react(post, value, by=request.user)
    except ValidationError:
        return post_page(request, post, blocks="reactions", status=REFUSED)
    return post_page(request, post, blocks="reactions") if wants_part(request) else redirect(post)


def refuse_if_closed(post: Post) -> None:
    if not is_open(post):
        raise PermissionDenied(_("The group of this post is in the archive: it is only read."))


def post_visible(request: PersonRequest, pk: int) -> Post:
    return get_object_or_404(Post.objects.visible_to(request.user).as_shown(), pk=pk)


def post_page(
    request: PersonRequest, post: Post, *, blocks: str | tuple[str, ...], status: int = 200, **more: Any
) -> HttpResponse:
    newest = Comment.objects.filter(thread=post.thread_id).top().with_authors().order_by("-id")
    before = number_of(request.GET, "before")
    found = list((newest.filter(pk__lt=before) if before else newest)[: COMMENTS_SHOWN + 1])
    said = said_of(found[:COMMENTS_SHOWN][::-1], post=post, reader=request.user)
    all_ids = [one.comment.pk for top in said for one in (top, *top.replies)]
    context = {
        "shown": shown([post], reader=request.user, with_hidden=True)[0],
        "comments": said,
        "comment": None,
        "newest_comment": max(all_ids, default=0),
        "has_earlier": len(found) > COMMENTS_SHOWN,
        "text": "",
        "html": "",
        "problem": "",
        **more,
    }
    return render(request, "feed/post.html", context, blocks=blocks, status=status)
