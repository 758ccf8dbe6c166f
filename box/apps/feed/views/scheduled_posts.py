"""A person's posts that wait for their moment, as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.feed.forms import draft_of, moment_of
from box.apps.feed.models import ScheduledPost
from box.apps.feed.scheduling import cancel_scheduled, change_scheduled, publish_now
from box.core.structure.names import named
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_GET
def scheduled(request: PersonRequest) -> HttpResponse:
    """What waits, the next one first; above all what could not be published."""
    waiting = ScheduledPost.objects.filter(author=request.user).prefetch_related("files")
    posts = sorted(waiting.order_by("publish_at", "id"), key=lambda post: not post.problem)
    names = named({code for post in posts for code in post.audience}, reader=request.user)
    told = {post.pk: [names[code].name for code in post.audience if code in names] for post in posts}
    return render(request, "feed/scheduled.html", {"posts": posts, "told": told})


@require_http_methods(["GET", "POST", "DELETE"])
def scheduled_post(request: PersonRequest, pk: int) -> HttpResponse:
    """GET asks for changes, POST makes them; DELETE, or a POST that says so, cancels it."""
    post = _own(request, pk)
    if request.method == "DELETE" or request.POST.get("do") == "delete":
        cancel_scheduled(post, by=request.user)
        return _back(request, _("It will not be published."))
    if request.method == "GET":
        moment = timezone.localtime(post.publish_at).strftime("%Y-%m-%dT%H:%M")
        return _form(request, post, text=post.text, html=post.html, audience=post.audience, moment=moment)
    data = request.POST
    try:
        publish_at = moment_of(data.get("publish_at", ""))
        if publish_at is None:
            raise ValidationError(_("Choose when to publish it."), code="publish_at")
        change_scheduled(post, draft_of(data), publish_at, by=request.user, now=timezone.now())
    except ScheduledPost.DoesNotExist:
        return _back(request, _("It was published meanwhile."))
    except ValidationError as error:
        written = {"text": data.get("text", ""), "html": data.get("html", "")}
        chosen, moment = data.getlist("audience"), data.get("publish_at", "")
        problem = " ".join(error.messages)
        return _form(request, post, audience=chosen, moment=moment, problem=problem, **written)
    return _back(request, _("Saved."))


@require_POST
def publication(request: PersonRequest, pk: int) -> HttpResponse:
    """At once, not at its moment."""
    try:
        publish_now(_own(request, pk), by=request.user)
    except ScheduledPost.DoesNotExist:
        return _back(request, _("It was published meanwhile."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("feed:scheduled")
    messages.success(request, _("Published."))
    return redirect("feed:list")


def _own(request: PersonRequest, pk: int) -> ScheduledPost:
    return get_object_or_404(
        ScheduledPost.objects.filter(author=request.user).select_related("author"), pk=pk
    )


def _back(request: PersonRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("feed:scheduled")


def _form(
    request: PersonRequest,
    post: ScheduledPost,
    *,
    audience: list[str],
    moment: str,
    problem: str = "",
    **written: Any,
) -> HttpResponse:
    chosen = list(named(audience, reader=request.user).values())
    context = {"post": post, "chosen": chosen, "publish_at": moment, "problem": problem, **written}
    return render(request, "feed/scheduled_post.html", context, status=REFUSED if problem else 200)
