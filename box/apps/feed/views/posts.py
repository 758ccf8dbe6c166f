"""One post: its page, its text, and what people do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.feed import actions, polls
from box.apps.feed.access import (
    can_delete,
    can_edit,
    can_pin,
    can_see_readers,
)
from box.apps.feed.models import KIND, Mark, Post, addressees_of
from box.apps.feed.presenters import shown
from box.apps.feed.receipts import confirm_reading, receipts_of, rows_of, still_to_read
from box.core.access.audiences import AudienceQuerySet
from box.core.discussion.actions import follow
from box.core.discussion.presenters import talk_below
from box.core.registry.auditing import About, record
from box.core.registry.capabilities import made_of_for
from box.core.structure.names import named
from box.lib.addresses import parts_of
from box.lib.pages import REFUSED, ids_of, lead_on, number_of, render, wants_part, with_toast
from box.lib.tables import CONTENT_TYPES, export

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


VERSIONS_SHOWN = 100
READERS_SHOWN = 500


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
        "made": [(one, one.address(post.ref)) for one in made_of_for(user)],
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
    try:
        polls.vote(post, ids_of(request.POST, "option"), by=request.user)
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
    follow(post.thread, is_on, by=request.user)
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
    shown_at = parts_of(request.headers.get("HX-Current-URL", "")).path
    is_in_list = wants_part(request) and shown_at != reverse("feed:post", args=[pk])
    return HttpResponse() if is_in_list else lead_on(request, reverse("feed:list"))


def post_visible(request: PersonRequest, pk: int) -> Post:
    return get_object_or_404(Post.objects.visible_to(request.user).as_shown(), pk=pk)


def post_page(
    request: PersonRequest, post: Post, *, blocks: str | tuple[str, ...], status: int = 200
) -> HttpResponse:
    """The post; with what is said below it, unless htmx asks for a part."""
    context = {
        "shown": shown([post], reader=request.user, with_hidden=True)[0],
        "talk": None if wants_part(request) else talk_below(post, reader=request.user),
        "ref": post.ref,
    }
    return render(request, "feed/post.html", context, blocks=blocks, status=status)
