"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.apps.feed.actions import Draft, delete_post, publish_post, save_badge
from box.apps.feed.models import Badge, Post
from box.apps.feed.polls import Question
from box.apps.feed.scheduling import schedule_post
from box.apps.feed.system_posts import Fact, What, tell
from tests.box.core.people.photos import picture
from tests.box.visits import ADMINISTRATORS, SIGN_IN, Cast, Visit, department, private, signed_in

# What is a person's own is nobody else's, administrators included.
OWN_ONLY = (404, 302, 404, 404, 404, SIGN_IN)

VISITS = (
    Visit("GET", "feed:list", signed_in(200)),
    Visit("POST", "feed:list", signed_in(422)),
    Visit("GET", "feed:news", signed_in(200)),
    Visit("GET", "feed:audiences", signed_in(200)),
    Visit("GET", "feed:post", department(200), of="post"),
    Visit("DELETE", "feed:post", (302, 302, 403, 404, 404, SIGN_IN), of="post"),
    Visit("POST", "feed:restoration", (404, 404, 404, 404, 404, SIGN_IN), of="post"),
    Visit("POST", "feed:restoration", (302, 302, 403, 404, 404, SIGN_IN), of="deleted post"),
    Visit("GET", "feed:post", (404, 404, 404, 404, 404, SIGN_IN), of="deleted post"),
    Visit("GET", "feed:menu", department(200), of="post"),
    Visit("GET", "feed:text", (403, 200, 403, 404, 404, SIGN_IN), of="post"),
    Visit("POST", "feed:text", (403, 422, 403, 404, 404, SIGN_IN), of="post", data={"version": "1"}),
    Visit("GET", "feed:versions", department(200), of="post"),
    Visit("POST", "feed:vote", department(422), of="poll"),
    Visit("POST", "feed:vote", (404,) * 5 + (SIGN_IN,), of="post"),
    Visit("POST", "feed:reading", department(302), of="announcement"),
    Visit("POST", "feed:reading", (404,) * 5 + (SIGN_IN,), of="post"),
    Visit("GET", "feed:readers", (200, 200, 403, 404, 404, SIGN_IN), of="announcement"),
    Visit("POST", "feed:favourite", department(302), of="post", data={"on": "1"}),
    Visit("POST", "feed:hiding", department(302), of="post", data={"on": "1"}),
    Visit("POST", "feed:following", department(302), of="post", data={"on": "1"}),
    Visit("POST", "feed:pin", (302, 403, 403, 404, 404, SIGN_IN), of="post", data={"on": "1"}),
    Visit("POST", "feed:pin", (404, 403, 403, 404, 404, SIGN_IN), of="private post", data={"on": "1"}),
    Visit("GET", "feed:thanks", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("GET", "feed:thanks-to", (200, 200, 200, 200, 403, SIGN_IN), of="person to thank"),
    Visit("POST", "feed:thanks-to", (422, 422, 422, 422, 403, SIGN_IN), of="person to thank"),
    Visit("GET", "feed:badges", ADMINISTRATORS),
    Visit("POST", "feed:badges", (422, 403, 403, 403, 403, SIGN_IN)),
    Visit("GET", "feed:badge", ADMINISTRATORS, of="badge"),
    Visit("POST", "feed:badge", (422, 403, 403, 403, 403, SIGN_IN), of="badge"),
    Visit("GET", "feed:badge-picture", (200, 200, 200, 200, 404, SIGN_IN), of="badge picture"),
    Visit("DELETE", "feed:post", (302, 403, 403, 403, 404, SIGN_IN), of="entry"),
    Visit("GET", "feed:text", (403, 403, 403, 403, 404, SIGN_IN), of="entry"),
    Visit("GET", "feed:scheduled", signed_in(200)),
    Visit("GET", "feed:scheduled-post", (404, 200, 404, 404, 404, SIGN_IN), of="scheduled"),
    Visit("POST", "feed:scheduled-post", (404, 422, 404, 404, 404, SIGN_IN), of="scheduled"),
    Visit("DELETE", "feed:scheduled-post", OWN_ONLY, of="scheduled"),
    Visit("POST", "feed:publication", OWN_ONLY, of="scheduled"),
    Visit("GET", "feed:post", private(200), of="private post"),
    Visit("DELETE", "feed:post", (404, 302, 403, 404, 404, SIGN_IN), of="private post"),
)


def things(cast: Cast) -> dict[str, Any]:
    sales, boris = cast.sales, cast.boris
    post = publish_post(Draft("for sales", (f"DR{sales.pk}",)), by=cast.anna)
    letter = publish_post(Draft("for boris", (f"U{boris.pk}",)), by=cast.anna)
    deleted = publish_post(Draft("a mistake", (f"DR{sales.pk}",)), by=cast.anna)
    delete_post(deleted, by=cast.anna)
    poll = publish_post(Draft("which?", (f"DR{sales.pk}",), question=Question(("a", "b"))), by=cast.anna)
    news = publish_post(Draft("read this", (f"DR{sales.pk}",), is_announcement=True), by=cast.olga)
    Post.objects.filter(pk=news.pk).update(author=cast.anna)
    now = timezone.now()
    waiting = schedule_post(Draft("later"), now + timedelta(hours=1), by=cast.anna, now=now)
    entry = tell(What.JOINED, [Fact("joined:anna", (f"U{cast.anna.pk}",))], day=now.date(), author=cast.anna)
    assert entry is not None
    own = Badge(name_en="Ours", name_ru="Наш")
    save_badge(own, picture=picture(), by=cast.olga)
    return {
        "badge picture": own.own_picture_id,
        "person to thank": cast.boris.pk,
        "badge": Badge.objects.create(name_en="Thanks", name_ru="Спасибо").pk,
        "entry": entry.pk,
        "scheduled": waiting.pk,
        "poll": poll.pk,
        "announcement": news.pk,
        "post": post.pk,
        "private post": letter.pk,
        "deleted post": deleted.pk,
    }
