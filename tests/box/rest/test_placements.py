"""Pages of applications in the portal: where they stand, for whom, and what their servers are given."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.access.actions import employees_role, set_rights
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.registry.rest import ApiRefused
from box.rest.actions import revoke_webhook
from box.rest.frames import MOST_OF_A_PERSON, forget_frames
from box.rest.models import Application, Grant, Placement, Webhook
from box.rest.oauth import (
    FRAME_LIVES,
    NewApplication,
    add_application,
    allow,
    refresh_tokens,
    retire_application,
)
from box.rest.placements import MOST, NewPlacement, bind_placement
from box.rest.portal_id import member_id
from box.rest.tokens import Secret
from tests.box.apps.crm.conftest import added
from tests.box.rest.calling import Program, program_of
from tests.box.rest.test_applications import token_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db
DEAL, TASK, MENU, PROFILE = "CRM_DEAL_DETAIL_TAB", "TASK_VIEW_TAB", "LEFT_MENU", "USER_PROFILE_TOOLBAR"
PAGE = "https://till.example/in-portal?shop=3"
LATER = timedelta(minutes=1)


@pytest.fixture
def till(olga: User) -> Application:
    new = NewApplication("The till", "https://till.example/back", ("crm", "placement", "task", "user"))
    return add_application(new, Secret.new(), by=olga)


@pytest.fixture
def program(till: Application, olga: User) -> Program:
    """The application, with a token of an administrator."""
    return token_for(olga, till)


def placed(application: Application, place: str, by: User, **more: Any) -> Placement:
    return bind_placement(application, NewPlacement(place, PAGE, "Orders", **more), by=by)


def posted(answer: Any) -> tuple[str, dict[str, str]]:
    """Where our frame posts what it is given, and that."""
    page = answer.content.decode()
    address = re.search(r'<form method="post" action="([^"]+)" target="application"', page)
    assert address is not None
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return unescape(address[1]), {name: unescape(value) for name, value in fields}


def calling(token: str, method: str) -> Any:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    return client.post(f"/rest/{method}", json.dumps({"auth": token}), "application/json")


# Binding


def test_an_application_says_where_its_pages_stand(program: Program) -> None:
    said = {"ru": {"TITLE": "Заказы", "DESCRIPTION": "", "GROUP_NAME": ""}}
    given = {"PLACEMENT": DEAL, "HANDLER": PAGE, "TITLE": "Orders", "LANG_ALL": said}
    assert program.call("placement.bind", **given) is True
    assert program.call("placement.bind", **given | {"TITLE": "All orders"}) is True
    expected = {
        "placement": DEAL, "userId": 0, "handler": PAGE, "options": [], "title": "All orders",
        "description": "", "langAll": said,
    }  # fmt: skip
    assert program.call("placement.get") == [expected]
    assert program.call("placement.unbind", PLACEMENT=TASK) == {"count": 0}
    # Once for being found and once for being removed.
    assert program.call("placement.unbind", PLACEMENT=DEAL, HANDLER=PAGE) == {"count": 2}
    assert program.call("placement.get") == []


def test_without_an_address_all_of_a_place_go(program: Program) -> None:
    for number in range(2):
        program.call("placement.bind", PLACEMENT=DEAL, HANDLER=f"https://till.example/{number}")
    program.call("placement.bind", PLACEMENT=MENU, HANDLER=PAGE)
    assert program.call("placement.unbind", PLACEMENT=DEAL) == {"count": 4}
    assert [one["placement"] for one in program.call("placement.get")] == [MENU]


def test_places_are_those_of_its_scopes(olga: User) -> None:
    new = NewApplication("Small", "https://small.example/", ("placement", "task"))
    program = token_for(olga, add_application(new, Secret.new(), by=olga))
    assert sorted(program.call("placement.list")) == [MENU, TASK]
    assert DEAL in program.call("placement.list", FULL=True)
    assert "CRM_LEAD_DETAIL_TAB" in program.call("placement.list", SCOPE="crm")
    assert program.call("placement.list", SCOPE="placement") == [MENU]
    for place in (DEAL, "DEFAULT", "NOTHING"):
        refused = program.error("placement.bind", PLACEMENT=place, HANDLER=PAGE)
        assert refused == (400, "ERROR_PLACEMENT_NOT_FOUND"), place


def test_only_administrators_decide_where_pages_stand(till: Application, anna: User, olga: User) -> None:
    placed(till, DEAL, olga)
    hers = token_for(anna, till)
    given = {"PLACEMENT": DEAL, "HANDLER": PAGE}
    for method in ("placement.bind", "placement.unbind"):
        assert hers.error(method, **given) == (403, "ACCESS_DENIED")
    assert hers.error("placement.get") == (403, "ACCESS_DENIED")
    assert DEAL in hers.call("placement.list")
    assert Placement.objects.count() == 1


def test_a_webhook_made_by_hand_has_no_pages(olga: User) -> None:
    program = program_of(olga, "placement")
    given = {"PLACEMENT": MENU, "HANDLER": PAGE}
    for method, more in (("bind", given), ("unbind", given), ("get", {}), ("list", {})):
        assert program.error(f"placement.{method}", **more) == (403, "WRONG_AUTH_TYPE")


@pytest.mark.parametrize(
    "handler",
    [
        "http://till.example/", "javascript:alert(1)", "https://u:p@till.example/", "https://till.example/#a",
        "https://testserver/feed/", "https://TESTSERVER:8443/", "https://[::1]/",
        f"https://till.example/{'x' * 480}",
    ],
)  # fmt: skip
def test_a_page_comes_over_https_from_another_server_than_the_portal(
    program: Program, settings: Any, handler: str
) -> None:
    settings.PORTAL_URL = "https://testserver"
    refused = program.error("placement.bind", PLACEMENT=MENU, HANDLER=handler)
    assert refused == (400, "ERROR_ARGUMENT")
    assert not Placement.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"LANG_ALL": {f"l{number}": {} for number in range(21)}}, {"LANG_ALL": {"ru": "x"}},
        {"TITLE": "x" * 101},
        {"LANG_ALL": {"ru": {"TITLE": "x" * 101}}}, {"OPTIONS": {"groupId": "1;2"}},
    ],
)  # fmt: skip
def test_what_it_says_of_a_page_is_bounded(program: Program, more: dict[str, Any]) -> None:
    assert program.error("placement.bind", PLACEMENT=TASK, HANDLER=PAGE, **more) == (400, "ERROR_ARGUMENT")


def test_for_one_person_there_is_no_page(program: Program, olga: User) -> None:
    refused = program.error("placement.bind", PLACEMENT=MENU, HANDLER=PAGE, USER_ID=olga.pk)
    assert refused == (400, "ERROR_PLACEMENT_USER_MODE")


def test_an_application_has_so_many_pages(program: Program, till: Application, olga: User) -> None:
    Placement.objects.bulk_create(
        Placement(application=till, place=MENU, handler=f"https://till.example/{number}", by=olga)
        for number in range(MOST)
    )
    assert program.error("placement.bind", PLACEMENT=MENU, HANDLER=PAGE)[0] == 400
    known = "https://till.example/1"
    assert program.call("placement.bind", PLACEMENT=MENU, HANDLER=known, TITLE="Known") is True


# Where they are seen


def test_cards_have_its_tabs(as_person: Browser, till: Application, anna: User, olga: User) -> None:
    deal, task = (
        added("deal", anna, "Chairs"),
        add_task(TaskDraft(title="Sand them", responsible=anna), by=anna),
    )
    places = {
        DEAL: (deal.get_absolute_url(), deal.pk),
        TASK: (f"/tasks/{task.pk}/", task.pk),
        PROFILE: (f"/employees/{anna.pk}/", anna.pk),
    }
    for place, (card, _number) in places.items():
        assert "/applications/" not in as_person(anna).get(card).content.decode(), place
        one = placed(till, place, olga)
        page = as_person(anna).get(card)
        assert f'href="/applications/{one.pk}/?of={_number}"' in page.content.decode(), place
        one.delete()


def test_a_tab_is_of_the_tasks_of_its_groups(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    from box.core.groups.actions import NewGroup, create_group

    workshop = create_group(NewGroup("Workshop"), by=anna)
    placed(till, TASK, olga, options={"groupId": f"999,{workshop.pk}"})
    inside = add_task(TaskDraft(title="Inside", responsible=anna, project=workshop), by=anna)
    outside = add_task(TaskDraft(title="Outside", responsible=anna), by=anna)
    assert "/applications/" in as_person(anna).get(f"/tasks/{inside.pk}/").content.decode()
    assert "/applications/" not in as_person(anna).get(f"/tasks/{outside.pk}/").content.decode()


def test_the_menu_leads_to_its_pages(as_person: Browser, till: Application, anna: User, olga: User) -> None:
    assert 'href="/applications/"' not in as_person(anna).get("/feed/").content.decode()
    said = {"ru": {"TITLE": "Заказы"}}
    one = placed(till, MENU, olga, translations=said)
    assert 'href="/applications/"' in as_person(anna).get("/feed/").content.decode()
    listed = as_person(anna).get("/applications/").content.decode()
    assert f'href="/applications/{one.pk}/"' in listed and ">Orders</a>" in listed
    anna.language = "ru"
    anna.save(update_fields=["language"])
    assert ">Заказы</a>" in as_person(anna).get("/applications/").content.decode()


def test_an_application_is_added_with_a_page(as_person: Browser, olga: User) -> None:
    given = {
        "name": "Stock", "redirect_uri": "https://stock.example/back", "page": "https://stock.example/",
        "scopes": ["user"], "nonce": "0190f3a2-0000-7000-8000-000000000001",
    }  # fmt: skip
    answer = as_person(olga).post("/console/integrations/applications/new/", given)
    assert answer.status_code == 200
    one = Placement.objects.get()
    assert (one.place, one.handler) == ("DEFAULT", "https://stock.example/")
    assert ">Stock</a>" in as_person(olga).get("/applications/").content.decode()
    # What an administrator has given it the application itself does not take away.
    assert token_for(olga, one.application).error("placement.get") == (403, "insufficient_scope")


def test_a_page_of_the_portal_itself_is_refused_in_words(olga: User, settings: Any) -> None:
    new = NewApplication("Stock", "https://stock.example/", ("user",), page=f"{settings.PORTAL_URL}/feed/")
    with pytest.raises(ValidationError) as refused:
        add_application(new, Secret.new(), by=olga)
    assert list(refused.value.message_dict) == ["page"]


# What its server is given


def test_nothing_is_shown_until_its_person_has_allowed_it(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    one = placed(till, MENU, olga)
    page, frame = f"/applications/{one.pk}/", f"/applications/{one.pk}/frame/"
    asked = as_person(anna).get(page).content.decode()
    assert "<iframe" not in asked and "asks to act in your name" in asked
    assert as_person(anna).get(frame).status_code == 403
    assert as_person(anna).post(page).status_code == 302
    assert "<iframe" in as_person(anna).get(page).content.decode()
    assert as_person(anna).get(frame).status_code == 200
    assert "asks to act in your name" in as_person(olga).get(page).content.decode()


def test_the_frame_is_given_what_the_cloud_gives(
    as_person: Browser, till: Application, anna: User, olga: User, settings: Any
) -> None:
    deal = added("deal", anna, "Chairs")
    one = placed(till, DEAL, olga)
    allow(till, by=anna, now=timezone.now())
    address, fields = posted(as_person(anna).get(f"/applications/{one.pk}/frame/?of={deal.pk}"))
    parts = urlsplit(address)
    query = {name: value for name, (value,) in parse_qs(parts.query).items()}
    assert address.startswith(PAGE) and query.pop("shop") == "3"
    assert len(query.pop("APP_SID")) == 32
    assert query == {
        "DOMAIN": settings.PORTAL_URL.removeprefix("https://"), "PROTOCOL": "1", "LANG": "en",
    }  # fmt: skip
    token, refresh = fields.pop("AUTH_ID"), fields.pop("REFRESH_ID")
    assert len(fields.pop("APPLICATION_TOKEN")) == 32 and fields.pop("member_id") == member_id()
    options = json.loads(fields.pop("PLACEMENT_OPTIONS"))
    assert options == {"ID": str(deal.pk), "URI": deal.get_absolute_url()}
    assert fields == {
        "AUTH_EXPIRES": "3600", "SERVER_ENDPOINT": f"{settings.PORTAL_URL}/rest/", "status": "L",
        "APPLICATION_SCOPE": "crm,placement,task,user", "PLACEMENT": DEAL,
    }  # fmt: skip
    assert calling(token, "profile").json()["result"]["ID"] == str(anna.pk)
    # What it may is its scope, and nothing else that this person may.
    assert calling(token, "log.blogpost.get").json()["error"] == "insufficient_scope"
    again = refresh_tokens(till, refresh, now=timezone.now())
    assert calling(token, "profile").status_code == 401
    assert calling(again.access.text, "profile").status_code == 200


def test_our_frame_holds_nothing_but_that_server(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    one = bind_placement(till, NewPlacement(MENU, "https://till.example:8443/a?b=1"), by=olga)
    allow(till, by=anna, now=timezone.now())
    answer = as_person(anna).get(f"/applications/{one.pk}/frame/")
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["frame-src"] == policy["form-action"] == "https://till.example:8443"
    assert (policy["frame-ancestors"], policy["default-src"]) == ("'self'", "'none'")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer["Cache-Control"] and answer["Referrer-Policy"] == "no-referrer"
    (sandbox,) = re.findall(r'sandbox="([^"]*)"', answer.content.decode())
    assert "allow-top-navigation" not in sandbox and "allow-scripts" in sandbox
    # The page around it holds ours, and no other server's.
    around = as_person(anna).get(f"/applications/{one.pk}/")
    assert "till.example" not in around["Content-Security-Policy"]


def test_a_frame_leaves_the_tokens_of_the_applications_own_server_alone(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    own = token_for(anna, till)
    one = placed(till, MENU, olga)
    _address, first = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    _address, second = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    for token in (own.secret, first["AUTH_ID"], second["AUTH_ID"]):
        assert calling(token, "profile").status_code == 200
    # They are listed as one: what they allowed.
    page = as_person(anna).get("/profile/integrations/").content.decode()
    assert page.count("/revocation/") == 1


def test_frames_end_with_what_was_allowed(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    own = token_for(anna, till)
    one = placed(till, MENU, olga)
    _address, hers = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    allow(till, by=olga, now=timezone.now())
    _address, others = posted(as_person(olga).get(f"/applications/{one.pk}/frame/"))
    revoke_webhook(own.webhook, by=anna)
    assert calling(hers["AUTH_ID"], "profile").status_code == 401
    assert calling(others["AUTH_ID"], "profile").status_code == 200
    told = Event.objects.filter(kind="rest.WebhookRevoked")
    assert [one.payload["webhook_id"] for one in told] == [own.webhook.pk], "of frames nothing is told"
    assert as_person(anna).get(f"/applications/{one.pk}/frame/").status_code == 403


def test_frames_of_another_application_stay(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    new = NewApplication("The scales", "https://scales.example/back", ("placement", "user"))
    scales = add_application(new, Secret.new(), by=olga)
    own, _other = token_for(anna, till), token_for(anna, scales)
    one = placed(scales, MENU, olga)
    _address, hers = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    revoke_webhook(own.webhook, by=anna)
    assert calling(hers["AUTH_ID"], "profile").status_code == 200


@pytest.mark.parametrize("how", ["unbound", "taken away", "retired"])
def test_with_its_page_its_tokens_go(
    as_person: Browser, till: Application, anna: User, olga: User, how: str
) -> None:
    one = placed(till, MENU, olga)
    allow(till, by=anna, now=timezone.now())
    _address, given = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    if how == "unbound":
        token_for(olga, till).call("placement.unbind", PLACEMENT=MENU)
    elif how == "taken away":
        page = as_person(olga).get("/console/integrations/applications/").content.decode()
        assert PAGE in page
        away = as_person(olga).post(f"/console/integrations/pages/{one.pk}/removal/")
        assert away.status_code == 302
    else:
        retire_application(till, by=olga, now=timezone.now())
    assert not Placement.objects.exists()
    assert calling(given["AUTH_ID"], "profile").status_code == 401
    assert as_person(anna).get(f"/applications/{one.pk}/").status_code == 404
    assert 'href="/applications/"' not in as_person(anna).get("/feed/").content.decode()
    deliver_all()
    assert AuditRecord.objects.filter(kind="rest.placement_unbound").exists()


def test_whoever_may_not_use_applications_sees_none(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    one = placed(till, MENU, olga)
    allow(till, by=anna, now=timezone.now())
    set_rights(employees_role(), ["groups.create"], by=olga)
    assert 'href="/applications/"' not in as_person(anna).get("/feed/").content.decode()
    for address in ("", f"{one.pk}/", f"{one.pk}/frame/"):
        assert as_person(anna).get(f"/applications/{address}").status_code == 403


def test_of_what_somebody_does_not_see_there_is_no_page(
    as_person: Browser, till: Application, anna: User, boris: User, olga: User
) -> None:
    task = add_task(TaskDraft(title="Between us", responsible=anna), by=anna)
    one = placed(till, TASK, olga)
    for person, status in ((anna, 200), (boris, 404)):
        allow(till, by=person, now=timezone.now())
        assert as_person(person).get(f"/applications/{one.pk}/?of={task.pk}").status_code == status
        assert as_person(person).get(f"/applications/{one.pk}/frame/?of={task.pk}").status_code == status
    assert as_person(anna).get(f"/applications/{one.pk}/frame/?of=x").status_code == 404


def test_of_many_frames_the_oldest_end(as_person: Browser, till: Application, anna: User, olga: User) -> None:
    one = placed(till, MENU, olga)
    allow(till, by=anna, now=timezone.now())
    tokens = [
        posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))[1]["AUTH_ID"]
        for _number in range(MOST_OF_A_PERSON + 1)
    ]
    answers = [calling(token, "profile").status_code for token in (tokens[0], tokens[1], tokens[-1])]
    assert answers == [401, 200, 200]
    assert Grant.objects.filter(placement=one).count() == MOST_OF_A_PERSON


def test_frames_are_forgotten_after_a_day(
    as_person: Browser, till: Application, anna: User, olga: User
) -> None:
    one = placed(till, MENU, olga)
    allow(till, by=anna, now=timezone.now())
    _address, given = posted(as_person(anna).get(f"/applications/{one.pk}/frame/"))
    now = timezone.now()
    assert forget_frames(now + FRAME_LIVES - LATER) == 0
    with pytest.raises(ApiRefused):
        refresh_tokens(till, given["REFRESH_ID"], now=now + FRAME_LIVES + LATER)
    assert forget_frames(now + FRAME_LIVES + LATER) > 0
    assert [one.placement_id for one in Grant.objects.all()] == [None]
    assert Webhook.objects.count() == 1


def test_a_page_of_the_portal_asks_no_more_for_its_tabs(
    as_person: Browser, till: Application, anna: User, olga: User, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    task = add_task(TaskDraft(title="Sand them", responsible=anna), by=anna)
    browser = as_person(anna)

    def asked() -> int:
        browser.get(f"/tasks/{task.pk}/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(f"/tasks/{task.pk}/")
        return len(queries)

    without = asked()
    for number in range(3):
        new = NewPlacement(TASK, f"https://till.example/{number}")
        bind_placement(till, new, by=olga)
    assert asked() == without
