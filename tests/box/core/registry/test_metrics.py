"""Figures for a monitor: how they are written, and that all workers' requests are in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client, RequestFactory

from box.core.accounts.models import User
from box.core.registry import metrics
from box.core.registry.metrics import Metric, Requests, gauge


def test_the_format_is_that_of_prometheus() -> None:
    told = Metric("korobka_some_total", "Of it.", (({"room": "feed", "status": "2xx"}, 3),), "counter")
    assert metrics.text([told, gauge("korobka_other", "Of that.", 0.25)]) == (
        "# HELP korobka_some_total Of it.\n"
        "# TYPE korobka_some_total counter\n"
        'korobka_some_total{room="feed",status="2xx"} 3\n'
        "# HELP korobka_other Of that.\n"
        "# TYPE korobka_other gauge\n"
        "korobka_other{} 0.25\n"
    )


def test_programs_read_the_same_as_json() -> None:
    of_feed = {"room": "feed", "__suffix__": "_count"}
    told = [Metric("korobka_x", "X.", ((of_feed, 3), ({}, True))), gauge("korobka_y", "Y.", 0.25)]
    assert metrics.as_data(told) == {
        "korobka_x_count": [{"labels": {"room": "feed"}, "value": 3.0}],
        "korobka_x": [{"labels": {}, "value": 1.0}],
        "korobka_y": [{"labels": {}, "value": 0.25}],
    }


@pytest.mark.django_db
def test_the_command_tells_what_all_rooms_offer() -> None:
    said = StringIO()
    call_command("figures", stdout=said)
    found = json.loads(said.getvalue())
    (jobs,) = found["korobka_jobs_waiting"]
    assert (jobs["labels"], jobs["value"] >= 0) == ({}, True)
    failed = {one["labels"]["room"]: one["value"] for one in found["korobka_metrics_failed"]}
    assert failed["events"] == failed["requests"] == 0.0


def test_labels_are_quoted() -> None:
    assert r'{room="a\\b\"c\nd"}' in metrics.text([gauge("korobka_x", "X.", 1, room='a\\b"c\nd')])


def test_large_figures_keep_their_digits() -> None:
    assert "korobka_x{} 1234567890123" in metrics.text([gauge("korobka_x", "X.", 1_234_567_890_123)])


def told() -> dict[str, float]:
    lines = metrics.text(metrics.request_metrics()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if "{" in line)}


def test_the_requests_of_all_workers_are_told() -> None:
    one, two = Requests("1"), Requests("2")
    one.count("feed", 200, 0.2, now=10)
    one.count("feed", 503, 0.02, now=20)
    two.count("drive", 302, 3.0, now=10)
    found = told()
    assert found['korobka_requests_total{room="feed",worker="1",status="2xx"}'] == 1
    assert found['korobka_requests_total{room="feed",worker="1",status="5xx"}'] == 1
    assert found['korobka_requests_total{room="drive",worker="2",status="3xx"}'] == 1
    assert found['korobka_request_seconds_bucket{room="feed",worker="1",le="0.05"}'] == 1
    assert found['korobka_request_seconds_bucket{room="feed",worker="1",le="0.25"}'] == 2
    assert found['korobka_request_seconds_bucket{room="feed",worker="1",le="+Inf"}'] == 2
    assert found['korobka_request_seconds_sum{room="feed",worker="1"}'] == pytest.approx(0.22)
    assert found['korobka_request_seconds_count{room="feed",worker="1"}'] == 2


def test_a_worker_notes_its_figures_once_a_second() -> None:
    one = Requests("1")
    one.count("feed", 200, 0.1, now=10)
    one.count("feed", 200, 0.1, now=10.9)
    assert told()['korobka_requests_total{room="feed",worker="1",status="2xx"}'] == 1
    one.count("feed", 200, 0.1, now=11)
    assert told()['korobka_requests_total{room="feed",worker="1",status="2xx"}'] == 3


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    counting = Requests("1")
    monkeypatch.setattr(metrics, "requests", counting)
    yield counting


def test_requests_are_counted_by_the_room_that_answers(client: Client, anna: User, worker: Requests) -> None:
    client.force_login(anna)
    client.get("/feed/")
    client.get("/nowhere/")
    assert worker.statuses["feed", "2xx"] == 1
    assert worker.statuses["none", "4xx"] == 1


def test_what_is_no_worker_counts_nothing(
    client: Client, anna: User, worker: Requests, rf: RequestFactory
) -> None:
    worker.worker = ""
    client.force_login(anna)
    client.get("/feed/")
    assert not worker.statuses


@pytest.mark.django_db
def test_a_room_that_cannot_count_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> list[Metric]:
        raise RuntimeError

    sources = type(metrics.sources)("metrics")
    sources.add("good", lambda: [gauge("korobka_good", "Good.", 1)])
    sources.add("bad", breaks)
    monkeypatch.setattr(metrics, "sources", sources)
    found = metrics.text(metrics.collected())
    assert "korobka_good{} 1" in found
    assert 'korobka_metrics_failed{room="bad"} 1' in found
    assert 'korobka_metrics_failed{room="good"} 0' in found
