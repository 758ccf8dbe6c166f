"""The cloud is asked as fast as it allows, never faster, and until it has answered."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from box.lib.egress import Answer, Fetched, Unreachable
from box.transfer.cloud import FETCHES, BadWebhook, Cloud, CloudAway, CloudRefused, Command
from box.transfer.pace import Limits
from tests.cloud.portal import Fault, Portal, Refused

WEBHOOK = "https://company.bitrix24.com/rest/1/abc123/"
FAULTS = (
    Fault(),
    Fault(500, b'{"error":"INTERNAL_SERVER_ERROR"}'),
    Fault(502, b""),
    Fault(cut=0.5),
    Fault(200, b"[]"),
)


class Wire:
    """Between the two: a clock that only moves while somebody waits, and lines of different lengths."""

    def __init__(self, portal: Portal, *, seed: int = 1, longest: float = 0.4) -> None:
        self.portal, self.now, self.random, self.longest = portal, 1_000_000.0, random.Random(seed), longest
        self.slept = 0.0
        portal.clock = lambda: self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds

    def __call__(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        assert address.startswith(WEBHOOK)
        self.now += self.random.uniform(0.01, self.longest)
        method = address.removeprefix(WEBHOOK).removesuffix(".json")
        status, answer = self.portal.handle(method, json.loads(body))
        self.now += self.random.uniform(0.01, self.longest)
        return Answer(status, {}, answer)

    def cloud(self, limits: Limits | None = None) -> Cloud:
        return Cloud(
            WEBHOOK,
            limits or Limits(self.portal.burst, self.portal.per_second),
            self,
            clock=lambda: self.now,
            wall=lambda: self.now,
            sleep=self.sleep,
            random=self.random,
        )


def portal(rows: int = 0, **more: Any) -> Portal:
    table = [{"ID": 3 * n + 7, "TITLE": f"Deal {n}", "COMMENTS": None} for n in range(rows)]
    tasks = [{"id": 3 * n + 7, "title": f"Task {n}"} for n in range(rows)]
    return Portal({"crm.deal.list": table, "tasks.task.list": tasks}, lambda: 0.0, **more)


def ids(cloud: Cloud, **more: Any) -> list[int]:
    return [int(row["ID"]) for page in cloud.walk("crm.deal.list", **more) for row in page]


def test_what_the_portal_fails_at_within_a_batch_is_asked_a_few_times() -> None:
    asked: Counter[str] = Counter()

    def answer(given: Mapping[str, Any]) -> Any:
        asked[given["id"]] += 1
        if given["id"] == "never" or asked[given["id"]] < FETCHES:
            raise Refused("INTERNAL_SERVER_ERROR", "Internal server error", 500)
        return {"ID": "7"}

    wire = Wire(portal(answers={"crm.deal.get": answer}))
    commands = [Command(one, "crm.deal.get", {"id": one}) for one in ("late", "never")]
    found = wire.cloud().each(commands)
    assert found["late"].result == {"ID": "7"}
    assert found["never"].refused is not None
    assert asked == {"late": FETCHES, "never": FETCHES}
    assert wire.slept > FETCHES - 2


@pytest.mark.parametrize("rows", [0, 1, 49, 50, 51, 2499, 2500, 2501, 5000])
def test_a_walk_meets_every_row_once(rows: int) -> None:
    there = portal(rows)
    assert ids(Wire(there).cloud()) == [row["ID"] for row in there.tables["crm.deal.list"]]
    assert there.requests == rows // 2500 + 1


def test_a_walk_finds_rows_below_a_name() -> None:
    there = portal(120)
    pages = list(Wire(there).cloud().walk("tasks.task.list", named="id", of="tasks"))
    assert [len(page) for page in pages] == [50, 50, 20]


def test_what_vanishes_and_comes_while_one_walks_moves_nothing_else() -> None:
    there = portal(6000)
    table = there.tables["crm.deal.list"]
    stays = {row["ID"] for row in table[3000:]}

    def change(portal: Portal) -> None:
        if portal.requests == 2:
            del table[:100]
            table.append({"ID": 10**6, "TITLE": "New", "COMMENTS": None})

    there.on_request = change
    found = ids(Wire(there).cloud())
    assert len(found) == len(set(found))
    assert stays <= set(found)
    assert 10**6 in found


@pytest.mark.parametrize("seed", range(5))
def test_nearly_all_of_the_rate_is_used_and_not_one_request_more(seed: int) -> None:
    there = portal()
    wire = Wire(there, seed=seed, longest=0.15)
    cloud = wire.cloud()
    begun = wire.now
    for _ in range(1000):
        cloud.call("scope")
    assert there.refusals == []
    allowed = there.burst + (wire.now - begun) * there.per_second
    assert there.requests >= 0.95 * allowed


def test_a_method_that_has_worked_too_long_rests_and_others_go_on() -> None:
    there = portal(10_000, costs={"crm.deal.list": 3.0})
    wire = Wire(there)
    assert len(ids(wire.cloud())) == 10_000
    assert "OPERATION_TIME_LIMIT" not in there.refusals
    begun = wire.now
    wire.cloud().call("scope")
    assert wire.now - begun < 2


def test_a_walk_goes_on_behind_the_page_at_which_a_limit_stopped_its_batch() -> None:
    there = portal(3000, costs={"crm.deal.list": 30.0})
    assert ids(Wire(there).cloud()) == [row["ID"] for row in there.tables["crm.deal.list"]]
    assert "OPERATION_TIME_LIMIT" in there.refusals


def test_what_a_limit_stopped_in_the_middle_of_a_batch_is_asked_again() -> None:
    there = portal(1, costs={"crm.deal.list": 30.0})
    commands = [Command(f"c{number}", "crm.deal.list") for number in range(40)]
    found = Wire(there).cloud().each(commands)
    assert "OPERATION_TIME_LIMIT" in there.refusals
    assert [one.name for one in commands if not found[one.name].result] == []


def test_a_limit_that_is_never_over_says_that_the_portal_is_away() -> None:
    def stop(given: object) -> object:
        raise Refused("OPERATION_TIME_LIMIT", "Blocked.", 429)

    cloud = Wire(portal(answers={"crm.deal.list": stop})).cloud()
    with pytest.raises(CloudAway, match="OPERATION_TIME_LIMIT"):
        ids(cloud)
    with pytest.raises(CloudAway, match="OPERATION_TIME_LIMIT"):
        cloud.each([Command("c", "crm.deal.list")])


def test_a_bucket_that_others_fill_too_is_respected() -> None:
    there = portal()
    wire = Wire(there)
    there._level, there._at = 50.0, wire.now
    assert wire.cloud().call("scope") == list(there.scopes)
    assert there.refusals == ["QUERY_LIMIT_EXCEEDED"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from([None, *FAULTS]),
        max_size=7,
    )
)
def test_what_passes_by_itself_is_asked_again_and_nothing_comes_twice(faults: list[Fault | None]) -> None:
    there = portal(2600)
    there.faults.extend(faults)
    assert ids(Wire(there).cloud()) == [row["ID"] for row in there.tables["crm.deal.list"]]


def test_a_portal_that_stays_away_is_given_up_with_its_reason() -> None:
    there = portal()
    there.faults.extend([Fault()] * 20)
    with pytest.raises(CloudAway, match="8 times"):
        Wire(there).cloud().call("scope")
    assert there.requests == 8


def test_a_line_that_breaks_is_tried_again() -> None:
    there = portal()
    wire = Wire(there)
    broken = iter([True, False])

    def transport(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if next(broken):
            raise Unreachable("connection reset")
        return wire(address, body, headers)

    cloud = wire.cloud()
    cloud.transport = transport
    assert cloud.call("scope") == list(there.scopes)


@pytest.mark.parametrize(("seconds", "times"), [(1, FETCHES), (600, 1)])
def test_a_file_that_trickles_is_not_tried_as_often_as_one_that_breaks(seconds: int, times: int) -> None:
    wire, tried = Wire(portal()), 0

    def load(address: str, into: IO[bytes]) -> Fetched:
        nonlocal tried
        tried += 1
        wire.now += seconds
        raise Unreachable("no answer")

    cloud = wire.cloud()
    cloud.loader = load
    with pytest.raises(CloudAway, match="no answer"):
        cloud.fetch("/file", BytesIO())
    assert tried == times


def test_what_the_cloud_means_is_raised_at_once() -> None:
    there = portal()
    with pytest.raises(CloudRefused) as refused:
        Wire(there).cloud().call("sonet_group.get")
    assert refused.value.code == "ERROR_METHOD_NOT_FOUND"
    assert there.requests == 1


def test_a_batch_says_of_each_what_became_of_it() -> None:
    there = portal(7)
    found = (
        Wire(there).cloud().totals([Command("deals", "crm.deal.list"), Command("groups", "sonet_group.get")])
    )
    assert found["deals"].total == 7
    assert found["groups"].total is None
    assert found["groups"].refused is not None


@pytest.mark.parametrize(
    "webhook",
    [
        "",
        "company.bitrix24.com",
        "https://company.bitrix24.com/",
        "https://c/rest/x/abc/",
        WEBHOOK + "crm",
        "file:///rest/1/a/",
    ],
)
def test_what_is_no_webhook_is_refused_with_an_example(webhook: str) -> None:
    with pytest.raises(BadWebhook, match="inbound webhook"):
        Cloud(webhook)
