"""Badges and gifts: giving them, what somebody has been given, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.feed.access import can_define_badges, can_thank
from box.apps.feed.actions import Draft, Prize, publish_post, retire_badge
from box.apps.feed.forms import BadgeForm
from box.apps.feed.models import Badge, Post
from box.apps.feed.presenters import usual_audience
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.events.nonces import once
from box.core.files.models import Blob
from box.core.files.pictures import answer_with
from box.core.structure.names import named
from box.lib.pages import REFUSED, number_of, part, render

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest

MOST_FOUND = 20


@require_GET
def thanks(request: PersonRequest) -> HttpResponse:
    """Whom one may thank, as found by a part of the name."""
    _refuse_guests(request)
    text = request.GET.get("q", "")[:200]
    people = User.objects.active().employees().exclude(pk=request.user.pk)
    found = people.nearest(text, MOST_FOUND)
    return render(
        request,
        "feed/thanks.html",
        {"people": found, "text": text, "can_define": can_define_badges(request.user)},
    )


@require_http_methods(["GET", "POST"])
def thanks_to(request: PersonRequest, pk: int) -> HttpResponse:
    """GET asks what to give this colleague and why, POST gives it: with a post in the feed."""
    _refuse_guests(request)
    person = get_object_or_404(User.objects.active().employees(), pk=pk)
    if request.method == "GET":
        usual = usual_audience(request.user)
        return _form(request, person, chosen=usual or list(named([code_of(request.user)]).values()))
    data = request.POST
    prize = Prize(number_of(data, "badge") or 0, person.pk)
    text, html, audience = data.get("text", ""), data.get("html", ""), data.getlist("audience")
    try:
        once(
            Post,
            lambda: publish_post(Draft(text, tuple(audience), html=html, award=prize), by=request.user),
            nonce=data.get("nonce", ""),
            actor_id=request.user.pk,
        )
    except ValidationError as error:
        chosen = list(named(audience, reader=request.user).values())
        problem = " ".join(error.messages)
        return _form(request, person, chosen=chosen, text=text, html=html, problem=problem)
    messages.success(request, _("%(name)s will be glad.") % {"name": person.name})
    return redirect("feed:list")


def _form(
    request: PersonRequest, person: User, *, text: str = "", html: str = "", problem: str = "", **more: Any
) -> HttpResponse:
    context = {
        "person": person,
        "badges": list(Badge.objects.filter(retired_at=None)),
        "badge": number_of(request.POST, "badge"),
        "text": text,
        "html": html,
        "problem": problem,
        **more,
    }
    return render(request, "feed/thanks_to.html", context, status=REFUSED if problem else 200)


@require_http_methods(["GET", "POST"])
def badges(request: PersonRequest) -> HttpResponse:
    """GET shows which there are, POST adds one."""
    _refuse_others(request)
    form = BadgeForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and form.save_by(request.user):
        return redirect("feed:badges")
    context = {"badges": list(Badge.objects.filter(retired_at=None)), "form": form}
    return render(request, "feed/badges.html", context, status=REFUSED if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def badge(request: PersonRequest, pk: int) -> HttpResponse:
    """GET asks for changes, POST makes them or takes it out of use: what was given stays."""
    _refuse_others(request)
    badge = get_object_or_404(Badge.objects.filter(retired_at=None), pk=pk)
    if request.POST.get("do") == "retire":
        retire_badge(badge, by=request.user)
        return redirect("feed:badges")
    form = BadgeForm(request.POST or None, request.FILES or None, instance=badge)
    if request.method == "POST" and form.is_valid() and form.save_by(request.user):
        return redirect("feed:badges")
    status = REFUSED if request.method == "POST" else 200
    return render(request, "feed/badge.html", {"badge": badge, "form": form}, status=status)


@require_GET
def picture(request: PersonRequest, pk: int) -> HttpResponse:
    """One of the company's own, for its employees; a guest sees those that they see somebody was given."""
    given = Post.objects.visible_to(request.user).filter(award__own_picture=pk)
    is_badges = can_thank(request.user) and Badge.objects.filter(own_picture=pk).exists()
    if not is_badges and not given.exists():
        raise Http404
    return answer_with(get_object_or_404(Blob, pk=pk))


def given_to(request: PersonRequest, person: User) -> Markup:
    """What the person was given, as far as the reader sees the posts: a part of their page."""
    seen = Post.objects.visible_to(request.user).filter(award__user=person)
    found = Badge.objects.filter(awards__post__in=seen).annotate(times=Count("awards"))
    context = {
        "person": person,
        "badges": list(found),
        "can_thank": can_thank(request.user) and person.pk != request.user.pk and person.is_active,
    }
    return part(request, "feed/given.html", context, blocks=("given",))


def _refuse_guests(request: PersonRequest) -> None:
    if not can_thank(request.user):
        raise PermissionDenied(_("Thanks are given among colleagues."))


def _refuse_others(request: PersonRequest) -> None:
    if not can_define_badges(request.user):
        raise PermissionDenied(_("You may not decide which badges there are."))
