"""Emoji below a post: giving them, and who has given which."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from box.apps.feed import actions
from box.apps.feed.views.posts import post_page, post_visible, refuse_if_closed
from box.core.accounts.models import User
from box.core.discussion.models import EmojiReaction, Reaction
from box.lib.pages import REFUSED, render, wants_part, with_toast

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.apps.feed.models import Post
    from box.core.accounts.requests import PersonRequest

# What most reactions are; all others are behind the search.
USUAL = ("❤️", "🎉", "😂", "👏", "🔥", "🤝", "😮", "😢")
PEOPLE_SHOWN = 200


@dataclass(frozen=True)
class Reacted:
    """Who has given this; `emoji` is empty for those who like the post."""

    emoji: str
    people: list[User]


@require_http_methods(["GET", "POST"])
def emoji(request: PersonRequest, pk: int) -> HttpResponse:
    """GET shows what one may give and who has given what; POST gives one, or with `?on=0` takes it back."""
    post = post_visible(request, pk)
    if request.method == "GET":
        context = {"post": post, "usual": USUAL, "reacted": who_reacted(post, reader=request.user)}
        return render(request, "feed/emoji.html", context, blocks="sheet")
    refuse_if_closed(post)
    given, is_given = request.POST.get("emoji", ""), request.GET.get("on") != "0"
    try:
        actions.give_emoji(post, given, is_given, by=request.user)
    except ValidationError as error:
        refused = post_page(request, post, blocks="reactions", status=REFUSED)
        return with_toast(refused, " ".join(error.messages))
    return post_page(request, post, blocks="reactions") if wants_part(request) else redirect(post)


def who_reacted(post: Post, *, reader: User) -> list[Reacted]:
    """The newest of each, as far as this reader may know them."""
    known = User.objects.visible_to(reader)
    likes = Reaction.objects.filter(thread=post.thread_id, value=1, user__in=known)
    emoji = EmojiReaction.objects.filter(thread=post.thread_id, user__in=known)
    found: dict[str, list[User]] = defaultdict(list)
    for like in likes.select_related("user").order_by("-id")[:PEOPLE_SHOWN]:
        found[""].append(like.user)
    for one in emoji.select_related("user").order_by("-id")[:PEOPLE_SHOWN]:
        found[one.emoji].append(one.user)
    return [Reacted(key, people) for key, people in sorted(found.items())]
