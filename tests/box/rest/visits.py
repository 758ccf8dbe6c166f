"""Who may what, at the addresses of this room.

Where programs call nobody's session counts for anything: everybody with a browser gets what nobody gets.
"""

from __future__ import annotations

from typing import Any

from box.rest.oauth import NewApplication, add_application
from box.rest.outgoing import NewListener, add_listener
from box.rest.tokens import Secret
from tests.box.rest.calling import program_of
from tests.box.visits import CONSOLE, SIGN_IN, Cast, Visit, signed_in

NO_SESSION = signed_in(401, nobody=401)
USERS = (200, 200, 200, 200, 403, SIGN_IN)
"""Whoever may make webhooks."""

VISITS = (
    Visit("GET", "rest:own", (200, 200, 200, 200, 404, SIGN_IN)),
    Visit("GET", "rest:new", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "rest:new", (422, 422, 422, 422, 403, SIGN_IN), data={"name": ""}),
    Visit("POST", "rest:revocation", (302, 302, 404, 404, 404, SIGN_IN), of="webhook"),
    Visit("GET", "rest:everybodys", CONSOLE),
    Visit("POST", "rest:everybodys", (400, 404, 404, 404, 404, SIGN_IN)),
    Visit("GET", "rest:listeners", CONSOLE),
    Visit("GET", "rest:new-listener", CONSOLE),
    Visit("POST", "rest:new-listener", (422, 404, 404, 404, 404, SIGN_IN), data={"name": ""}),
    Visit("GET", "rest:listener", CONSOLE, of="listener"),
    Visit("POST", "rest:removal", (302, 404, 404, 404, 404, SIGN_IN), of="listener"),
    Visit("POST", "rest:resumption", (302, 404, 404, 404, 404, SIGN_IN), of="listener"),
    Visit("GET", "rest:applications", CONSOLE),
    Visit("GET", "rest:new-application", CONSOLE),
    Visit("POST", "rest:new-application", (422, 404, 404, 404, 404, SIGN_IN), data={"name": ""}),
    Visit("POST", "rest:application-removal", (302, 404, 404, 404, 404, SIGN_IN), of="application"),
    Visit("POST", "rest:page-removal", (302, 404, 404, 404, 404, SIGN_IN), of="placement"),
    Visit("GET", "rest:pages", USERS),
    Visit("GET", "rest:page", USERS, of="placement"),
    Visit("POST", "rest:page", (302, 302, 302, 302, 403, SIGN_IN), of="placement"),
    # Nobody has allowed it yet.
    Visit("GET", "rest:frame", signed_in(403), of="placement"),
    Visit("GET", "rest:authorization", signed_in(404)),
    Visit("POST", "rest:authorization", signed_in(404)),
    Visit("GET", "rest:token", signed_in(400, nobody=400)),
    Visit("POST", "rest:token", signed_in(400, nobody=400), has_session=False),
    Visit("GET", "rest:openapi", signed_in(200, nobody=401)),
    Visit("GET", "rest:download", NO_SESSION, has_session=False),
    Visit("POST", "rest:upload", NO_SESSION, has_session=False),
    Visit("GET", "rest:method", NO_SESSION, of="method"),
    Visit("POST", "rest:method", NO_SESSION, of="method", has_session=False),
)


def things(cast: Cast) -> dict[str, Any]:
    listener = add_listener(
        NewListener("The warehouse", "https://example.com/hook", ("ONUSERADD",)), by=cast.olga
    )
    webhook = program_of(cast.anna, "user").webhook
    new = NewApplication("The till", "https://till.example/back", ("user",), "https://till.example/page")
    application = add_application(new, Secret.new(), by=cast.olga)
    return {
        "application": application.pk,
        "placement": application.placements.get().pk,
        "webhook": webhook.pk,
        "method": "profile",
        "listener": listener.pk,
    }
