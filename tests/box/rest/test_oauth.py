"""Applications: people allow them to act in their name, by OAuth 2.0 as the cloud has it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import JsonResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.core.accounts.actions import dismiss_user
from box.core.accounts.digests import digest
from box.core.registry.rest import ApiRefused
from box.rest.middleware import DoorMiddleware
from box.rest.models import Application, AuthorizationCode, Grant, Webhook
from box.rest.oauth import (
    NewApplication,
    add_application,
    exchange_code,
    refresh_tokens,
    retire_application,
)
from box.rest.portal_id import member_id
from box.rest.tokens import Secret
from tests.box.rest.calling import program_of
from tests.cast import browser

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
BACK = "https://till.example/back?shop=3"


def way_back(answer: Any) -> str:
    """Where the page leads, by itself and by its button alike."""
    page = answer.content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found is not None
    assert f'href="{found[1]}"' in page
    return unescape(found[1])


class Till:
    """An application's own server."""

    def __init__(self, application: Application, secret: str) -> None:
        self.application, self.secret = application, secret
        self.client = Client(headers={"X-Forwarded-Proto": "https"})

    def asks(self, person: User, state: str = "s 1") -> Any:
        """What somebody gets whom it sends to the portal."""
        query = {"client_id": self.application.client_id, "state": state}
        return browser(person).get("/oauth/authorize/", query)

    def allowed_by(self, person: User) -> str:
        """The code that it gets back."""
        query = f"client_id={self.application.client_id}&state=s+1"
        answer = browser(person).post(f"/oauth/authorize/?{query}")
        assert answer.status_code == 200
        return self.code_in(way_back(answer))

    @staticmethod
    def code_in(address: str) -> str:
        return parse_qs(urlsplit(address).query)["code"][0]

    def tokens(self, **given: str) -> Any:
        known = {"client_id": self.application.client_id, "client_secret": self.secret}
        return self.client.get("/oauth/token/", {**known, **given})

    def exchanged(self, code: str) -> Any:
        return self.tokens(grant_type="authorization_code", code=code)

    def refreshed(self, token: str) -> Any:
        return self.tokens(grant_type="refresh_token", refresh_token=token)

    def call(self, method: str, token: str) -> Any:
        body = json.dumps({"auth": token})
        return self.client.post(f"/rest/{method}", body, "application/json")


@pytest.fixture
def till(olga: User) -> Till:
    secret = Secret.new()
    new = NewApplication("The till", BACK, ("user", "log"))
    return Till(add_application(new, secret, by=olga), secret.text)


def test_a_person_allows_it_once_and_it_acts_in_their_name(till: Till, anna: User) -> None:
    page = till.asks(anna)
    assert page.status_code == 200
    assert "The till" in page.content.decode()
    assert not Webhook.objects.exists()
    given = till.exchanged(till.allowed_by(anna)).json()
    assert given["expires_in"] == 3600
    assert given["user_id"] == anna.pk
    assert given["scope"] == "log,user"
    assert given["client_endpoint"].endswith("/rest/")
    assert given["member_id"] == member_id()
    assert till.call("profile", given["access_token"]).json()["result"]["ID"] == str(anna.pk)
    # They are not asked a second time: they come back at once, and nothing is lost of the address.
    again = till.asks(anna)
    assert again.status_code == 302
    told = parse_qs(urlsplit(again.headers["Location"]).query)
    assert (told["shop"], told["state"], told["scope"]) == (["3"], ["s 1"], ["log,user"])


def test_every_way_to_send_a_token_is_understood(till: Till, anna: User) -> None:
    token = till.exchanged(till.allowed_by(anna)).json()["access_token"]
    client = till.client
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/rest/profile.json", {"auth": token}).status_code == 200
    assert client.get("/rest/profile.json", headers=bearer).status_code == 200
    assert client.post("/rest/profile", {"auth": token}).status_code == 200
    form = f"auth={token}&x=1"
    assert client.post("/rest/profile", form, "application/x-www-form-urlencoded").status_code == 200
    # In an address it would be written into logs: only webhooks are called so.
    assert client.get(f"/rest/{anna.pk}/{token}/profile").status_code == 401


def test_it_may_no_more_than_was_allowed(till: Till, anna: User) -> None:
    token = till.exchanged(till.allowed_by(anna)).json()["access_token"]
    refused = till.call("disk.storage.getlist", token)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")


def test_which_application_calls_is_told_to_applications_alone(till: Till, anna: User) -> None:
    token = till.exchanged(till.allowed_by(anna)).json()["access_token"]
    told = till.call("app.info", token).json()["result"]
    assert (told["CODE"], told["STATUS"]) == (till.application.client_id, "L")
    assert program_of(anna, "user").error("app.info") == (403, "ACCESS_DENIED")


def test_a_code_serves_once_and_whoever_uses_it_again_ends_what_came_of_it(till: Till, anna: User) -> None:
    code = till.allowed_by(anna)
    token = till.exchanged(code).json()["access_token"]
    again = till.exchanged(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert till.call("profile", token).status_code == 401


def test_a_code_serves_for_half_a_minute(till: Till, anna: User) -> None:
    for seconds, is_right in ((30, True), (31, False)):
        code = till.allowed_by(anna)
        now = timezone.now()
        AuthorizationCode.objects.filter(used_at=None).update(made_at=now - timedelta(seconds=seconds))
        if is_right:
            assert exchange_code(till.application, code, now=now).webhook.user == anna
        else:
            with pytest.raises(ApiRefused):
                exchange_code(till.application, code, now=now)


def test_a_token_ends_after_an_hour_and_another_pair_takes_its_place(till: Till, anna: User) -> None:
    first = till.exchanged(till.allowed_by(anna)).json()
    Webhook.objects.update(ends_at=timezone.now())
    over = till.call("profile", first["access_token"])
    assert (over.status_code, over.json()["error"]) == (401, "expired_token")
    second = till.refreshed(first["refresh_token"]).json()
    assert till.call("profile", second["access_token"]).status_code == 200
    assert till.refreshed(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert Webhook.objects.count() == 1


def test_a_refresh_token_that_was_not_used_for_half_a_year_is_over(till: Till, anna: User) -> None:
    given = till.exchanged(till.allowed_by(anna)).json()
    Grant.objects.update(refresh_ends_at=timezone.now())
    assert till.refreshed(given["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_wrong_secret_and_another_application_get_nothing(till: Till, anna: User, olga: User) -> None:
    code = till.allowed_by(anna)
    other = Secret.new()
    stranger = Till(add_application(NewApplication("Other", BACK, ("user",)), other, by=olga), other.text)
    assert stranger.exchanged(code).json()["error"] == "invalid_grant"
    wrong = till.tokens(grant_type="authorization_code", code=code, client_secret=Secret.new().text)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert till.tokens(grant_type="password", code=code).json()["error"] == "invalid_request"
    given = till.exchanged(code).json()
    assert stranger.refreshed(given["refresh_token"]).json()["error"] == "invalid_grant"


def test_nobody_is_led_anywhere_but_where_the_administrator_wrote(till: Till, anna: User) -> None:
    query = {"client_id": till.application.client_id, "redirect_uri": "https://evil.example/"}
    answer = browser(anna).post(f"/oauth/authorize/?{urlencode(query)}")
    assert urlsplit(way_back(answer)).netloc == "till.example"
    unknown = browser(anna).get("/oauth/authorize/", {**query, "client_id": "local.0.0"})
    assert unknown.status_code == 404
    assert b"evil" not in unknown.content


def test_addresses_that_a_browser_would_run_are_refused(olga: User) -> None:
    wrong = (
        "javascript:alert(1)",
        "data:text/html,x",
        "//till.example",
        "https://a:b@t.example/",
        "https://t.example/#y",
    )
    for address in wrong:
        with pytest.raises(ValidationError):
            add_application(NewApplication("Bad", address, ("user",)), Secret.new(), by=olga)
    assert not Application.objects.exists()
    add_application(NewApplication("Inside", "http://10.0.0.7/back", ("user",)), Secret.new(), by=olga)


def test_whoever_ends_it_has_ended_it(till: Till, anna: User) -> None:
    given = till.exchanged(till.allowed_by(anna)).json()
    assert b"The till" in browser(anna).get("/profile/integrations/").content
    browser(anna).post(f"/profile/integrations/{Webhook.objects.get().pk}/revocation/")
    assert till.call("profile", given["access_token"]).status_code == 401
    assert till.refreshed(given["refresh_token"]).json()["error"] == "invalid_grant"
    # And is asked again, should they come once more.
    assert till.asks(anna).status_code == 200


def test_an_application_that_is_removed_acts_in_nobodys_name(till: Till, anna: User, olga: User) -> None:
    code, given = till.allowed_by(anna), till.exchanged(till.allowed_by(anna)).json()
    retire_application(till.application, by=olga, now=timezone.now())
    assert till.call("profile", given["access_token"]).status_code == 401
    assert till.exchanged(code).json()["error"] == "invalid_client"
    assert till.asks(anna).status_code == 404


def test_who_ends_it_while_it_asks_for_another_pair_has_ended_it(
    till: Till, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what is read and what is written; where two do so at once, the one waits for the other."""
    given = till.exchanged(till.allowed_by(anna)).json()
    save = Webhook.save

    def late(webhook: Webhook, **how: Any) -> None:
        Webhook.objects.update(revoked_at=timezone.now())
        save(webhook, **how)

    with monkeypatch.context() as patched, CaptureQueriesContext(connection) as asked:
        patched.setattr(Webhook, "save", late)
        tokens = refresh_tokens(till.application, given["refresh_token"], now=timezone.now())
    read = [one["sql"] for one in asked if one["sql"].startswith("SELECT") and "rest_grant" in one["sql"]]
    assert len(read) == 1
    assert all(sql.endswith('FOR UPDATE OF "rest_grant", "rest_webhook"') for sql in read)
    assert till.call("profile", tokens.access.text).status_code == 401


def test_one_that_is_removed_while_it_asks_gets_nothing(till: Till, anna: User, olga: User) -> None:
    code = till.allowed_by(anna)
    retire_application(till.application, by=olga, now=timezone.now())
    with pytest.raises(ApiRefused, match="client"):
        # As it was found before.
        exchange_code(till.application, code, now=timezone.now())
    assert not Webhook.objects.exists()


def test_who_has_left_has_no_application(till: Till, anna: User) -> None:
    given = till.exchanged(till.allowed_by(anna)).json()
    dismiss_user(anna, by=None)
    assert till.call("profile", given["access_token"]).status_code == 401
    assert till.refreshed(given["refresh_token"]).json()["error"] == "invalid_grant"


def test_no_secret_is_left_in_the_address(till: Till, rf: RequestFactory) -> None:
    """What is below the door logs addresses."""
    given = {"client_secret": "hidden", "code": "hidden", "grant_type": "authorization_code"}
    for request in (rf.get("/oauth/token/", given), rf.get("/rest/profile", {"auth": "hidden", "ID": "5"})):
        seen: list[str] = []

        def below(request: HttpRequest, seen: list[str] = seen) -> HttpResponse:
            seen.append(request.get_full_path() + str(request.GET) + str(request.META))
            return JsonResponse({})

        DoorMiddleware(below)(request)
        assert "hidden" not in seen[0]


def test_the_console_shows_the_secret_once(olga: User) -> None:
    page = browser(olga)
    sent = {"name": "The till", "redirect_uri": BACK, "scopes": ["user"], "nonce": str(uuid4())}
    made = page.post("/console/integrations/applications/new/", sent)
    application = Application.objects.get()
    assert application.client_id in made.content.decode()
    shown = re.search(r'<dt>client_secret</dt><dd><code class="seed">([^<]+)</code>', made.content.decode())
    assert shown is not None
    assert application.secret_digest == digest(shown[1])
    assert page.post("/console/integrations/applications/new/", sent).status_code == 302
    listed = page.get("/console/integrations/applications/").content.decode()
    assert "The till" in listed
    assert shown[1] not in listed
    wrong = {**sent, "redirect_uri": "javascript:x", "nonce": str(uuid4())}
    assert page.post("/console/integrations/applications/new/", wrong).status_code == 422
