"""What a monitor reads by HTTPS, a program reads from boxctl, and the dashboard shows is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..living import PrefixBox, wait_until
from ..machines import CHECKOUT
from ..poster import Person

DASHBOARD = Path(CHECKOUT / "docs/admin/grafana-dashboard.json")
STEADY = (
    "korobka_service_healthy", "korobka_disk_size_bytes", "korobka_read_only", "korobka_backups_set_up",
    "korobka_certificate_end_seconds", "korobka_database_is_standby", "korobka_metrics_failed",
)  # fmt: skip
"""Figures that are the same a moment later."""


@pytest.fixture(scope="module")
def told(prefix_box: PrefixBox) -> Iterator[str]:
    """What /metrics says to whoever brings the token."""
    prefix_box.administrator().get("/feed/")  # so that there are requests to tell of
    made = prefix_box.boxctl("metrics", "token").stdout
    token = made.partition("shown this once: ")[2].split()[0]
    wait_until(prefix_box.is_healthy, "the workers that have taken notice of the token")
    stranger = Person(prefix_box.site)
    assert stranger.get("/metrics").status == 404
    answer = stranger.get("/metrics", Authorization=f"Bearer {token}")
    assert answer.status == 200
    yield answer.text
    prefix_box.boxctl("metrics", "off")
    assert Person(prefix_box.site).get("/metrics", Authorization=f"Bearer {token}").status == 404


@pytest.fixture(scope="module")
def status(prefix_box: PrefixBox, told: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(prefix_box.boxctl("status", "--json", "--figures").stdout)
    return said


def names(told: str) -> set[str]:
    return {re.split("[{ ]", line)[0] for line in told.splitlines() if not line.startswith("#")}


def series(told: str, name: str) -> dict[str, float]:
    """The figures of a name by their labels, as these are written."""
    found = re.findall(rf"^{name}\{{(.*)\}} (\S+)$", told, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_a_program_reads_what_a_monitor_reads(told: str, status: dict[str, Any]) -> None:
    figures = status["figures"]
    assert set(figures) == names(told)
    for name in STEADY:
        assert series(told, name) == {
            ",".join(f'{label}="{value}"' for label, value in one["labels"].items()): one["value"]
            for one in figures[name]
        }, name


def test_the_figures_are_those_of_the_status(told: str, status: dict[str, Any]) -> None:
    healthy = {
        f'service="{service["name"]}",instance="{instance["name"]}"': float(instance["is_healthy"])
        for service in status["services"]
        for instance in service["instances"]
    }
    assert series(told, "korobka_service_healthy") == healthy
    assert set(healthy.values()) == {1.0}
    assert series(told, "korobka_disk_size_bytes") == {"": status["disk"]["total"]}
    assert series(told, "korobka_backups_set_up") == {"": float(status["backups"]["is_set_up"])}
    assert set(series(told, "korobka_metrics_failed").values()) == {0.0}
    answered = [value for labels, value in series(told, "korobka_requests_total").items() if "2xx" in labels]
    assert sum(answered) > 0


def test_every_panel_of_the_dashboard_shows_something_that_is_told(told: str) -> None:
    asked = re.findall(r'"expr": "(.*)"', DASHBOARD.read_text())
    assert len(asked) > 10
    shown = {name for expression in asked for name in re.findall(r"korobka_\w+", expression)}
    # Where no backup was made there is no age of one.
    told_later = {"korobka_backup_age_seconds", "korobka_backup_restorable_age_seconds"}
    families = names(told) | told_later | set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    assert shown - families == set()
