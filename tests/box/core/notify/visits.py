"""Who may what, at the addresses of this room."""

from __future__ import annotations

from box.core.notify.models import Notification
from tests.box.visits import Cast, Visit, annas_alone, signed_in

# Nobody's link: it is refused to everybody alike, whoever is signed in.
BAD_LINK = signed_in(403, nobody=403)

VISITS = (
    Visit("GET", "notify:list", signed_in(200)),
    Visit("GET", "notify:unread", signed_in(302)),
    Visit("POST", "notify:reading", signed_in(302)),
    Visit("GET", "notify:preferences", signed_in(200)),
    Visit("POST", "notify:preferences", signed_in(422), data={"quiet_from": "22:00"}),
    Visit("GET", "notify:thing", annas_alone(302), "annas_notification"),
    Visit("POST", "notify:reading-of", annas_alone(302), "annas_notification"),
    Visit("GET", "notify:unsubscribe", BAD_LINK, "bad_token"),
    Visit("POST", "notify:unsubscribe", BAD_LINK, "bad_token"),
)


def things(cast: Cast) -> dict[str, object]:
    one = Notification.objects.create(
        user=cast.anna, kind="test.rung", about_kind="test", about_id=1, key="k"
    )
    return {"annas_notification": one.pk, "bad_token": "nonsense"}
