"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from box.bridges.dav.actions import add_device
from box.bridges.dav.passwords import DevicePassword
from tests.box.visits import EMPLOYEES, Cast, Visit, annas_alone, signed_in

EVERYWHERE = signed_in(301, nobody=301)
# Without the password of a device.
REFUSED = signed_in(401, nobody=401)

VISITS = (
    Visit("GET", "dav:devices", EMPLOYEES),
    Visit("GET", "dav:new", (200, 200, 200, 200, 403, "sign in")),
    Visit("POST", "dav:new", (422, 422, 422, 422, 403, "sign in"), data={"name": ""}),
    Visit("POST", "dav:removal", annas_alone(302), of="device"),
    Visit("GET", "dav:caldav", EVERYWHERE, has_session=False),
    Visit("GET", "dav:carddav", EVERYWHERE, has_session=False),
    Visit("GET", "dav:endpoint", REFUSED, of="root", has_session=False),
    Visit("POST", "dav:endpoint", REFUSED, of="root", has_session=False),
)


def things(cast: Cast) -> dict[str, Any]:
    return {"device": add_device("Phone", DevicePassword.new(), by=cast.anna).pk, "root": "/"}
