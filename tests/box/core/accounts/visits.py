"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from box.core.accounts import invitations, password_resets
from box.core.accounts.actions import NewUser, invite
from box.core.accounts.models import Passkey
from tests.box.visits import SIGN_IN, Cast, Visit, signed_in

VISITS = (
    Visit("GET", "accounts:sign-in", signed_in(302, 200)),
    Visit("POST", "accounts:sign-in", signed_in(302, 422), data={"login": "nobody"}),
    Visit("POST", "accounts:sign-out", signed_in(302, 302)),
    Visit("GET", "accounts:join", signed_in(200, 200), of="invitation"),
    Visit("POST", "accounts:join", signed_in(422, 422), of="invitation", data={"password": "short"}),
    Visit("GET", "accounts:password-reset", signed_in(404, 404)),
    Visit("POST", "accounts:password-reset", signed_in(404, 404), data={"login": "nobody"}),
    Visit("GET", "accounts:password-reset-link", signed_in(200, 200), of="reset"),
    Visit(
        "POST", "accounts:password-reset-link", signed_in(422, 422), of="reset", data={"password": "short"}
    ),
    Visit("POST", "accounts:preferences", signed_in(302, 302), data={"language": "ru"}),
    Visit("GET", "accounts:second-step", signed_in(302, 302)),
    Visit("POST", "accounts:second-step", signed_in(302, 302)),
    Visit("GET", "accounts:proof", signed_in(200)),
    Visit("POST", "accounts:proof", signed_in(422), data={"password": "wrong"}),
    Visit("GET", "accounts:security", signed_in(200)),
    Visit("POST", "accounts:ending", signed_in(302)),
    Visit("POST", "accounts:one-ending", signed_in(404), of="session"),
    Visit("GET", "accounts:totp", signed_in(200)),
    Visit("POST", "accounts:totp", signed_in(422), data={"code": "000000"}),
    Visit("DELETE", "accounts:totp", (403, 200, 200, 200, 200, SIGN_IN)),
    Visit("POST", "accounts:passkey-challenge", signed_in(200, 200)),
    Visit("POST", "accounts:passkey-sign-in", signed_in(302, 422)),
    Visit("GET", "accounts:passkeys", signed_in(200)),
    Visit("POST", "accounts:passkeys", signed_in(422), data={"name": "Phone", "credential": "{}"}),
    Visit("POST", "accounts:passkeys-challenge", signed_in(200)),
    Visit("DELETE", "accounts:passkey", (404, 200, 404, 404, 404, SIGN_IN), of="passkey"),
    Visit("POST", "accounts:recovery-codes", signed_in(404)),
    Visit("DELETE", "accounts:second-factor", (200, 403, 403, 403, 403, SIGN_IN), of="anna"),
    Visit("GET", "accounts:profile", signed_in(302)),
    Visit("GET", "accounts:password", signed_in(200)),
    Visit(
        "POST", "accounts:password", signed_in(422), data={"current": "wrong", "new": "long enough, and new"}
    ),
    Visit("GET", "accounts:details", (200, 200, 403, 403, 404, SIGN_IN), of="anna"),
    Visit(
        "POST",
        "accounts:details",
        (422, 422, 403, 403, 404, SIGN_IN),
        of="anna",
        data={"birthday_on": "never"},
    ),
)


def things(cast: Cast) -> dict[str, Any]:
    invited = invite(NewUser(email="new@example.com"), by=cast.olga)
    passkey = Passkey.objects.create(user=cast.anna, name="Phone", credential_id=b"phone", credential=b"")
    return {
        "session": "0" * 64,
        "invitation": invitations.token_of(invited),
        "reset": password_resets.token_of(cast.anna),
        "passkey": passkey.pk,
    }
