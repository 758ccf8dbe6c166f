"""The REST API speaks as Bitrix24's does: parameters, answers, pages, batches and errors."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch
from urllib.parse import urlencode
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed.models import Post
from box.core.accounts.models import User
from box.core.people.api.reading import MOST_MASKS
from box.core.registry.rest import ApiRefused, Call, Method, methods, methods_of_v3
from box.core.registry.services import switch_of
from box.core.registry.settings import store
from box.core.structure.actions import create_department
from box.rest import limits
from box.rest.dispatch import MOST_REFERRED, _read, _referred, _Results
from tests.box.rest.calling import Program, program_of
from tests.box.rest.every_method import given_to_every_method, of_the_company, own_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.test import Client

    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def test_parameters_come_in_every_way_that_programs_send_them(anna: User, boris: User) -> None:
    program = program_of(anna)
    address = f"{program.address}/user.get"
    query = urlencode({"FILTER[NAME]": "Boris", "select[]": "ID"})
    wanted = [{"ID": str(boris.pk)}]
    client = program.client
    for answer in (
        client.get(f"{address}.json?{query}"),
        client.get(f"{address}/?{query}"),
        client.post(address, query, "application/x-www-form-urlencoded"),
        client.post(address, {"filter[NAME]": "Boris", "select[0]": "ID"}),
        client.post(address, {"FILTER": {"NAME": "Boris"}, "SELECT": ["ID"]}, "application/json"),
        client.post(f"{address}?NAME=Boris", '{"select": "ID"}', "application/json"),
        client.post(f"{address}?{query}&auth=none", "[]", "application/json"),
    ):
        assert answer.status_code == 200, answer.content.decode()
        assert answer.json()["result"] == wanted


def test_an_answer_has_its_time_and_is_json(anna: User) -> None:
    answer = program_of(anna).ask("server.time")
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"result", "time"}
    told = answer.json()["time"]
    assert told["finish"] >= told["start"]
    assert told["date_start"][:10] == answer.json()["result"][:10]


def test_what_is_wrong_has_a_code_and_a_sentence(anna: User) -> None:
    anna.language = "ru"
    anna.save()
    program = program_of(anna, "user")
    for method, given, status, code, said in (
        ("nothing.list", {}, 404, "ERROR_METHOD_NOT_FOUND", "Method not found"),
        ("department.get", {}, 403, "insufficient_scope", "higher privileges"),
        ("user.get", {"START": "soon"}, 400, "ERROR_ARGUMENT", "START: "),
        ("user.get", {"START": [1]}, 400, "ERROR_ARGUMENT", "START: "),
        ("user.get", {"FILTER": "all"}, 400, "ERROR_ARGUMENT", "FILTER: "),
        ("user.get", {"PASSWORD": "x"}, 400, "ERROR_ARGUMENT", "PASSWORD"),
        ("user.get", {"SORT": "PASSWORD"}, 400, "ERROR_ARGUMENT", "PASSWORD"),
        ("user.get", {"ORDER": "up"}, 400, "ERROR_ARGUMENT", "ORDER: "),
        ("user.get", {"FILTER": {">ID": "x"}}, 400, "ERROR_ARGUMENT", ">ID: "),
        ("user.get", {"FILTER": {"><ACTIVE": ["Y", "N"]}}, 400, "ERROR_ARGUMENT", "><ACTIVE: "),
        ("user.get", {"ACTIVE": "maybe"}, 400, "ERROR_ARGUMENT", "ACTIVE: "),
        ("user.search", {"FILTER": {"FIND": "a", "NAME": "b"}}, 400, "ERROR_ARGUMENT", "FIND"),
    ):
        answer = program.ask(method, **given)
        assert (answer.status_code, answer.json()["error"]) == (status, code), method
        assert said in answer.json()["error_description"]
    # In the language of the webhook's person, as far as it is a sentence of ours.
    assert program.ask("user.get", START="soon").json()["error_description"] == "START: Введите целое число."


def test_a_birthday_is_told_as_far_as_its_owner_shows_it(anna: User, boris: User) -> None:
    program = program_of(anna, "user_brief")
    born = date(1984, 2, 29)
    for shown, told, is_found in (
        ("year", "1984-02-29", True),
        ("day", "1604-02-29", False),
        ("nobody", "", False),
    ):
        User.objects.filter(pk=boris.pk).update(birthday_on=born, birthday_shown=shown)
        (one,) = program.call("user.get", ID=boris.pk, SELECT="PERSONAL_BIRTHDAY")
        assert one["PERSONAL_BIRTHDAY"][:10] == told
        found = program.call("user.get", FILTER={"PERSONAL_BIRTHDAY": str(born)}, SELECT="ID")
        assert (found == [{"ID": str(boris.pk)}]) is is_found


@pytest.mark.parametrize("is_administrator", [True, False])
def test_a_migration_of_an_administrator_is_told_what_is_shown_to_nobody(
    anna: User, boris: User, is_administrator: bool
) -> None:
    User.objects.filter(pk=anna.pk).update(is_administrator=is_administrator)
    User.objects.filter(pk=boris.pk).update(birthday_on=date(1984, 2, 29), birthday_shown="nobody")
    program = program_of(User.objects.get(pk=anna.pk), "user", "korobka_transfer")
    (one,) = program.call("user.get", ID=boris.pk)
    told = [one.get(name, "") for name in ("LOGIN", "LANGUAGE_ID", "BIRTHDAY_SHOWN")]
    whole = [boris.login, boris.language, "nobody"]
    assert told == (whole if is_administrator else ["", "", ""])
    assert one["PERSONAL_BIRTHDAY"][:10] == ("1984-02-29" if is_administrator else "")


def test_what_cannot_be_read_is_refused(anna: User) -> None:
    program = program_of(anna)
    address = f"{program.address}/user.get"
    for body, kind in (
        ("{", "application/json"),
        ('"text"', "application/json"),
        (b"\xff", "application/x-www-form-urlencoded"),
        ("&".join(f"a{number}=1" for number in range(1001)), "application/x-www-form-urlencoded"),
        ("a" + "[b]" * 50 + "=1", "application/x-www-form-urlencoded"),
    ):
        answer = program.client.post(address, body, kind)
        assert (answer.status_code, answer.json()["error"]) == (400, "ERROR_ARGUMENT"), body
    answer = program.client.post(address, "x=" + "1" * 3_000_000, "application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert program.client.put(address).status_code == 405


def test_a_service_that_is_switched_off_loses_its_methods(anna: User) -> None:
    program = program_of(anna)
    assert "log.blogpost.get" in program.call("methods")
    store({switch_of("feed"): False})
    assert program.error("log.blogpost.get") == (404, "ERROR_METHOD_NOT_FOUND")
    assert not [name for name in program.call("methods", full=True) if name.startswith("log.")]
    assert "log" not in program.call("scope")


# Refused to webhooks that somebody has made by hand: see test_oauth.py and test_applications.py.
OF_APPLICATIONS = (
    *("app.info", "app.option.get", "app.option.set"),
    *("event.bind", "event.unbind", "event.get", "events"),
)
# These of such that have the scope.
PLACEMENTS = tuple(f"placement.{name}" for name in ("bind", "unbind", "get", "list"))

# They ask for the store of objects: see tests/box/apps/drive/test_api.py.
WITH_BYTES = ("disk.storage.uploadfile", "disk.folder.uploadfile", "disk.file.uploadversion")


def test_a_webhook_tells_what_it_may(anna: User) -> None:
    program = program_of(anna, "department")
    assert program.call("scope") == ["department"]
    assert set(program.call("scope", full=True)) == {
        *("user", "user_basic", "user_brief", "department", "sonet_group", "log", "disk", "crm"),
        *("task", "telephony", "calendar", "vote", "userfieldconfig", "korobka_transfer"),
        *("placement", "booking"),
    }
    basic = {"methods", "scope", "server.time", "profile", *OF_APPLICATIONS}
    of_departments = {f"department.{verb}" for verb in ("get", "add", "update", "delete")}
    assert set(program.call("methods")) == basic | of_departments
    assert program.call("methods", scope="log") == [
        "log.blogpost.add",
        "log.blogpost.get",
        "log.blogcomment.add",
        "log.blogcomment.user.get",
    ]
    assert set(program.call("methods", scope="")) == basic


# Pages


@pytest.fixture
def many(sales: Department) -> list[Department]:
    return [
        sales,
        *(create_department(f"Number {number:03}", parent=sales, by=None) for number in range(119)),
    ]


def test_one_walks_through_pages_by_next(anna: User, many: list[Department]) -> None:
    program = program_of(anna)
    found: list[str] = []
    start: int | None = 0
    while start is not None:
        page = program.ask("department.get", sort="ID", order="DESC", start=start).json()
        assert page["total"] == len(many) + 1
        found += [one["ID"] for one in page["result"]]
        start = page.get("next")
        assert start is None or start == len(found)
    assert found == [str(pk) for pk in sorted((int(one) for one in found), reverse=True)]
    assert len(found) == len(many) + 1


def test_a_walk_neither_counts_nor_passes_over_rows_again(anna: User, many: list[Department]) -> None:
    program = program_of(anna)
    program.ask("department.get", sort="ID")
    with CaptureQueriesContext(connection) as queries:
        page = program.ask("department.get", sort="ID", start=50).json()
    said = " ".join(query["sql"] for query in queries)
    assert "OFFSET" not in said
    assert "COUNT(" not in said
    assert (page["total"], page["next"]) == (len(many) + 1, 100)
    # Once the cache has forgotten where it was, the same page comes the slow way.
    cache.key_prefix += "-forgotten"
    with CaptureQueriesContext(connection) as queries:
        again = program.ask("department.get", sort="ID", start=50).json()
    assert again["result"] == page["result"]
    assert "OFFSET" in " ".join(query["sql"] for query in queries)


def test_what_is_new_meanwhile_doubles_nothing(anna: User, sales: Department) -> None:
    program = program_of(anna)
    publish = {"method": "log.blogpost.add", "params": {"POST_MESSAGE": "Another", "DEST": f"DR{sales.pk}"}}
    for _ in range(2):
        program.call("batch", cmd=[publish] * 30)
    first = [one["ID"] for one in program.call("log.blogpost.get")]
    program.call("log.blogpost.add", POST_MESSAGE="Meanwhile")
    second = [one["ID"] for one in program.call("log.blogpost.get", start=50)]
    assert (len(first), len(second), len({*first, *second})) == (50, 10, 60)


def test_minus_one_counts_nothing(anna: User, many: list[Department]) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = program_of(anna).ask("department.get", start=-1).json()
    assert "total" not in page
    assert "next" not in page
    assert len(page["result"]) == 50
    assert 'COUNT(*) AS "__count" FROM "org_department"' not in " ".join(one["sql"] for one in queries)


# Batches


def test_a_batch_hands_results_on(anna: User, sales: Department) -> None:
    answer = program_of(anna).call(
        "batch",
        halt=0,
        cmd={
            "me": "user.current",
            "mine": "department.get?ID=$result[me][UF_DEPARTMENT][0]",
            "named": {"method": "department.get", "params": {"FILTER": {}, "NAME": "$result[mine][0][NAME]"}},
            "none": "user.get?ID=$result[nobody][ID]",
        },
    )
    assert answer["result"]["me"]["ID"] == str(anna.pk)
    assert [one["NAME"] for one in answer["result"]["mine"]] == ["Sales"]
    assert answer["result_total"] == {"mine": 1}
    assert set(answer["result_error"]) == {"named", "none"}
    assert answer["result_next"] == []
    assert set(answer["result_time"]) == {"me", "mine"}


def test_a_batch_of_a_list_is_answered_as_php_would(anna: User) -> None:
    program = program_of(anna)
    query = urlencode({"cmd[0]": "profile", "cmd[1]": "user.get?" + urlencode({"FILTER[ID]": anna.pk})})
    answer = program.client.post(f"{program.address}/batch", query, "application/x-www-form-urlencoded")
    result = answer.json()["result"]["result"]
    assert [result[0]["ID"], result[1][0]["ID"]] == [str(anna.pk)] * 2
    broken = program.call("batch", cmd=["nothing.here", "profile"])
    assert broken["result"]["1"]["ID"] == str(anna.pk)
    assert broken["result_error"][0]["error"] == "ERROR_METHOD_NOT_FOUND"


def test_a_batch_may_stop_at_the_first_error(anna: User) -> None:
    answer = program_of(anna).call("batch", halt=1, cmd={"a": "profile", "b": "nothing", "c": "profile"})
    assert set(answer["result"]) == {"a"}
    assert set(answer["result_error"]) == {"b"}


def test_a_batch_has_fifty_commands_and_no_batch_in_it(anna: User) -> None:
    program = program_of(anna)
    answer = program.call("batch", cmd=["server.time"] * 51)
    assert len(answer["result"]) == 50
    assert answer["result_error"] == {
        "50": {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
    }
    inner = program.call("batch", cmd={"a": "batch?cmd[0]=profile"})
    assert inner["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert program.error("batch", cmd="profile") == (400, "ERROR_ARGUMENT")


@pytest.mark.parametrize(
    "command",
    [
        "log.blogpost.add?POST_MESSAGE=" + "$result[long][POST_MESSAGE]" * 5000,
        {"method": "user.get", "params": {"FILTER": {"ID": ["$result[all]"] * 5000}}},
        "user.get?ID=" + "$result[none]" * 5000 + "$result[long][POST_MESSAGE]" * 42,
    ],
    ids=["in a text", "whole", "a little more than the most"],
)
def test_what_a_batch_refers_to_is_counted_before_it_is_built(anna: User, command: Any) -> None:
    """One result named 5,000 times would be gigabytes."""
    results = {"long": {"POST_MESSAGE": "x" * 50_000}, "all": [{"ID": str(one)} for one in range(500)]}
    referring = _Results(results)
    tracemalloc.start()
    try:
        with pytest.raises(ApiRefused, match="ask for of others is too much"):
            _referred(_read(command)[1], referring)
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_REFERRED
    finally:
        tracemalloc.stop()


def test_a_batch_takes_as_much_of_others_as_a_request_may_hold() -> None:
    referring = _Results({"long": "x" * (MOST_REFERRED - 1)})
    assert len(_referred({"TEXT": "$result[long]"}, referring)["TEXT"]) == MOST_REFERRED - 1
    with pytest.raises(ApiRefused):
        _referred("$result[nothing]", referring)


def test_a_batch_that_takes_too_much_fails_where_it_does(anna: User, sales: Department) -> None:
    much = {"method": "profile", "params": {"A": ["$result[me]"] * 100_000}}
    answer = program_of(anna).call("batch", cmd={"me": "profile", "much": much, "again": "profile"})
    assert set(answer["result"]) == {"me", "again"}
    assert answer["result_error"]["much"]["error"] == "ERROR_ARGUMENT"


def test_a_number_of_thousands_of_digits_refers_to_nothing() -> None:
    assert _referred(f"$result[list][{'1' * 5000}]", _Results({"list": ["a"]})) == ""


def test_commands_behind_the_last_are_refused_as_one(anna: User) -> None:
    answer = program_of(anna).call("batch", cmd=["server.time"] * 1000)
    assert len(answer["result"]) == 50
    assert set(answer["result_error"]) == {"50"}


@pytest.mark.parametrize(
    "body",
    [
        '{"A":' * 21 + "1" + "}" * 21,
        "[" * 500_000,
        '{"A":' * 100_000,
        '{"A": "\\ud800"}',
        '{"A": "\\u0000"}',
        '{"A": NaN}',
        '{"A": 1e999}',
        '{"A": ' + "9" * 10_000 + "}",
    ],
    ids=["21 levels", "lists", "objects", "half a character", "zero", "NaN", "infinite", "digits"],
)
def test_json_that_nobody_can_keep_is_refused(anna: User, body: str) -> None:
    program = program_of(anna)
    for method in ("profile", "batch", "log.blogpost.add"):
        answer = program.client.post(f"{program.address}/{method}", body, "application/json")
        assert (answer.status_code, answer.json()["error"]) == (400, "ERROR_ARGUMENT")


def test_json_of_twenty_levels_is_read(anna: User) -> None:
    program = program_of(anna)
    body = '{"A":' * 20 + "1" + "}" * 20
    assert program.client.post(f"{program.address}/profile", body, "application/json").status_code == 200


def test_xml_says_the_same(anna: User, boris: User) -> None:
    """https://apidocs.bitrix24.com/settings/how-to-call-rest-api/: the transport is `json` or `xml`."""
    User.objects.filter(pk=boris.pk).update(first_name="<B> & \x07o", position='"Head"')
    program = program_of(anna)
    query = urlencode({"FILTER[ID]": boris.pk, "select[]": "NAME"}) + "&select[]=WORK_POSITION"
    answer = program.client.get(f"{program.address}/user.get.xml?{query}")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    told = ElementTree.fromstring(answer.content)
    assert [one.tag for one in told] == ["result", "total", "time"]
    (row,) = told.findall("result/item")
    assert {one.tag: one.text for one in row} == {"NAME": "<B> & o", "WORK_POSITION": '"Head"'}
    assert told.findtext("total") == "1"
    refused = program.client.get(f"{program.address}/nothing.xml")
    assert refused.status_code == 404
    said = ElementTree.fromstring(refused.content)
    assert said.findtext("error") == "ERROR_METHOD_NOT_FOUND"
    wrong = program.client.get("/rest/1/wrong/profile.xml")
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert ElementTree.fromstring(wrong.content).findtext("error") == "NO_AUTH_FOUND"


def test_a_batch_is_bound_by_scopes(anna: User) -> None:
    answer = program_of(anna, "user").call("batch", cmd={"a": "log.blogpost.add?POST_MESSAGE=x"})
    assert answer["result_error"]["a"]["error"] == "insufficient_scope"
    assert not Post.objects.exists()


def test_a_method_that_the_database_gives_up_is_said_to_take_too_long(
    anna: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def sleeping(call: Call) -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20ms'")
            cursor.execute("SELECT pg_sleep(5)")
        return True

    slow = replace(methods["server.time"], answer=sleeping)
    monkeypatch.setitem(methods._offers, "server.time", slow)
    assert program_of(anna).error("server.time") == (429, "OPERATION_TIME_LIMIT")
    assert "server.time failed" in caplog.text


# Once


def test_the_same_key_makes_one_post(anna: User, boris: User) -> None:
    program, other, his = program_of(anna), program_of(anna), program_of(boris)
    key = 'any "text", as programs like'
    first = program.ask("log.blogpost.add", key=key, POST_MESSAGE="Once").json()["result"]
    assert program.ask("log.blogpost.add", key=key, POST_MESSAGE="Once").json()["result"] == first
    assert Post.objects.get().pk == first
    for another in (other, his):
        assert another.ask("log.blogpost.add", key=key, POST_MESSAGE="Mine").json()["result"] != first
    assert program.ask("log.blogcomment.add", key=key, POST_ID=first, TEXT="Yes").status_code == 200
    assert program.ask("server.time", key=key).status_code == 200
    assert program.ask("server.time", key="x" * 256).status_code == 400


def test_a_repeated_key_tells_no_more_than_is_seen_by_now() -> None:
    """Of methods that tell what they have made, each says who still sees it: else its number is all."""
    usual = {field.name: field.default for field in fields(Method)}
    for name, one in [*methods.items(), *methods_of_v3.items()]:
        if one.made is not usual["made"]:
            assert one.sees is not usual["sees"], name


def test_commands_of_a_batch_have_keys_of_their_own(anna: User) -> None:
    program = program_of(anna)
    cmd = {"a": "log.blogpost.add?POST_MESSAGE=One", "b": "log.blogpost.add?POST_MESSAGE=Two"}
    key = str(uuid4())
    first, second = (program.ask("batch", key=key, cmd=cmd).json()["result"]["result"] for _ in range(2))
    assert first == second
    assert Post.objects.count() == 2


# Limits


def test_a_burst_is_answered_and_then_told_to_wait(
    anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store({"rest.burst": 5, "rest.rate": 1})
    monkeypatch.setattr("box.rest.endpoint.time.time", lambda: 1_000_000.0)
    program, other = program_of(anna), program_of(anna)
    statuses = [program.ask("profile").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [503] * 2
    assert program.error("profile") == (503, "QUERY_LIMIT_EXCEEDED")
    assert other.ask("profile").status_code == 200


def test_the_limit_is_a_bucket_that_empties_steadily(db: None) -> None:
    """Fifty at once, and two a second all the time: whoever keeps to that is never refused again."""
    now = 3_000_000.0
    assert [limits.seconds_to_wait(1, now) for _ in range(51)] == [0] * 50 + [1]
    assert [limits.seconds_to_wait(1, now + second / 2) for second in range(1, 200)] == [0] * 199
    assert not any(limits.seconds_to_wait(2, now + second / 2) for second in range(200))
    # After a pause there is room for as many as have run out.
    later = now + 100 + 5
    assert [bool(limits.seconds_to_wait(1, later)) for _ in range(12)] == [False] * 11 + [True]


def test_what_is_refused_counts_nothing(db: None) -> None:
    now = 5_000_000.0
    for _ in range(50):
        limits.seconds_to_wait(1, now)
    assert all(limits.seconds_to_wait(1, now) for _ in range(100))
    assert limits.seconds_to_wait(1, now + 0.5) == 0
    assert limits.seconds_to_wait(1, now + 0.5) == 1


def test_requests_at_the_same_moment_are_each_counted(db: None) -> None:
    now = 6_000_000.0
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: limits.seconds_to_wait(1, now), range(80)))
    assert sorted(map(bool, waits)) == [False] * 50 + [True] * 30


def test_a_refusal_says_how_long_to_wait_and_is_no_error(
    anna: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store({"rest.burst": 1, "rest.rate": 1})
    monkeypatch.setattr("box.rest.endpoint.time.time", lambda: 7_000_000.0)
    program = program_of(anna)
    program.call("profile")
    answer = program.ask("profile")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_without_the_cache_everybody_is_answered(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        """As the client of a cache that does not answer."""

        def gets(self, _key: str) -> None:
            return None

        def add(self, *_args: object) -> bool:
            return False

    monkeypatch.setattr(cache, "_cache", Away(), raising=False)
    assert not any(limits.seconds_to_wait(1, 4_000_000.0) for _ in range(100))


def test_what_libraries_add_to_find_a_call_again_is_no_filter(anna: User, boris: User) -> None:
    """https://github.com/bitrix24/b24jssdk and https://github.com/bitrix24/b24phpsdk: in the address."""
    program = program_of(anna)
    added = urlencode({"BX24_REQUEST_ID": "018f", "bx24_sdk_ver": "1.0", "bx24_sdk_type": "b24-js-sdk"})
    for method in ("user.get", "department.get", "user.search", "disk.storage.getlist"):
        answer = program.client.post(f"{program.address}/{method}?{added}", "{}", "application/json")
        assert answer.status_code == 200, answer.content.decode()
    answered = program.call(
        "batch", cmd={"a": f"user.get?ID={boris.pk}&{added}", "b": f"department.get?{added}"}
    )
    assert answered["result_error"] == []
    assert [one["ID"] for one in answered["result"]["a"]] == [str(boris.pk)]
    assert program.error("user.get", BX25_REQUEST_ID="x") == (400, "ERROR_ARGUMENT")


# The description


def test_the_description_says_what_there_is(as_person: Browser, anna: User) -> None:
    program = program_of(anna)
    told = json.loads(as_person(anna).get("/rest/openapi.json").content)
    by_program = program.client.get(
        "/rest/openapi.json", headers={"Authorization": f"Bearer {program.secret}"}
    )
    assert by_program.json() == told
    assert set(told["paths"]) == {f"/{name}" for name in program.call("methods", full=True)}
    add = told["paths"]["/log.blogpost.add"]["post"]
    schema = add["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["POST_MESSAGE"]
    assert schema["properties"]["DEST"]["type"] == "array"
    assert add["parameters"][0]["name"] == "Idempotency-Key"
    references = [part.partition('"')[0] for part in json.dumps(told).split('"#/')[1:]]
    for reference in references:
        here: Any = told
        for key in reference.split("/"):
            here = here[key]
    store({switch_of("feed"): False})
    assert "/log.blogpost.add" not in as_person(anna).get("/rest/openapi.json").json()["paths"]


def test_of_many_masks_of_fields_few_are_compared(anna: User) -> None:
    """A hundred thousand would take minutes; names are found whatever their number."""
    masks = [f"X{number}*" for number in range(MOST_MASKS + 100)]
    with patch("box.core.people.api.reading.fnmatchcase", return_value=False) as compared:
        (row,) = program_of(anna).call("user.get", SELECT=[*masks, "NAME"], FILTER={"ID": anna.pk})
    assert len({one.args[1] for one in compared.call_args_list}) == MOST_MASKS
    assert row["NAME"] == "Anna"


def test_answers_are_shaped_as_the_description_says(anna: User, boris: User, sales: Department) -> None:
    program = program_of(anna)
    given = given_to_every_method(program, anna, boris, sales)
    not_here = (*OF_APPLICATIONS, *PLACEMENTS, *WITH_BYTES)
    for name, whole in described(program).items():
        # Own fields, people, groups and rooms are an administrator's to make: see below.
        if name not in not_here and not is_of_administrators(name):
            check(program.call(name, **given.get(name, {})), whole, name)


def is_of_administrators(name: str) -> bool:
    is_written = name.startswith(("user.", "department.")) and name.endswith((".add", ".update", ".delete"))
    whole = ("sonet_group.", "userfieldconfig.", "calendar.resource.")
    return ".userfield." in name or is_written or name.startswith(whole)


def test_answers_of_administrators_are_shaped_so_too(olga: User, anna: User, boris: User) -> None:
    program = program_of(olga)
    given = {**own_fields(program), **of_the_company(olga, anna, boris)}
    asked = {name: whole for name, whole in described(program).items() if is_of_administrators(name)}
    assert asked.keys() >= given.keys()
    for name, whole in asked.items():
        check(program.call(name, **given.get(name, {})), whole, name)


def described(program: Program) -> dict[str, Any]:
    """By method what it answers with, as the description of all has it."""
    store({"rest.burst": 1000})
    authorization = {"Authorization": f"Bearer {program.secret}"}
    paths = program.client.get("/rest/openapi.json", headers=authorization).json()["paths"]
    answers = {path[1:]: about["post"]["responses"]["200"] for path, about in paths.items()}
    return {
        name: one["content"]["application/json"]["schema"]["properties"]["result"]
        for name, one in answers.items()
    }


TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}


def check(value: Any, schema: dict[str, Any], where: str) -> None:
    """That this is the schema's type, and has no key that the schema doesn't name."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, TYPES[one]) for one in types), (where, value)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        assert others or set(value) <= set(known), where
        for key, one in value.items():
            check(one, known.get(key, others), f"{where}.{key}")
    elif isinstance(value, list):
        assert (
            value
            or schema.get("maxItems") == 0
            or "UF_" in where
            or "FILES" in where
            or where.endswith(".attach")
        ), where
        for one in value:
            check(one, schema["items"], f"{where}[]")


def test_moments_are_those_of_the_persons_own_zone(anna: User) -> None:
    anna.time_zone = "Asia/Vladivostok"
    anna.save()
    told = program_of(anna).call("server.time")
    assert told.endswith("+10:00")
    moment = datetime.fromisoformat(told)
    assert abs(timezone.now() - moment) < timedelta(minutes=5)
