"""Who may read the figures: a network that root has named, a token that root has made, and nobody else."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client

from box.console import metrics as console_metrics
from box.core.accounts.models import User
from box.core.registry import metrics

TOKEN = "a-token-that-root-has-made"


@pytest.fixture(autouse=True)
def _figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "collected", lambda: [metrics.gauge("korobka_x", "X.", 1)])


def may(settings: object, *, networks: tuple[str, ...] = (), token: str = "") -> None:
    digest = hashlib.sha256(token.encode()).hexdigest() if token else ""
    settings.METRICS = {"networks": list(networks), "token_sha256": digest}  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_nobody_reads_them_unless_root_said_so(client: Client, olga: User) -> None:
    assert client.get("/metrics").status_code == 404
    client.force_login(olga)
    assert client.get("/metrics").status_code == 404


@pytest.mark.django_db
def test_whoever_brings_the_token_reads_them(client: Client, settings: object) -> None:
    may(settings, token=TOKEN)
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer["Content-Type"]) == (200, metrics.CONTENT_TYPE)
    assert "korobka_x{} 1" in answer.content.decode()
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", "", "Basic abc"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "status"), [("10.1.2.3", 200), ("10.255.255.255", 200), ("11.0.0.0", 404), ("fd00::1", 404)]
)
def test_a_network_that_was_named_reads_them(
    client: Client, settings: object, address: str, status: int
) -> None:
    may(settings, networks=("10.0.0.0/8",))
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


@pytest.mark.django_db
def test_an_empty_token_opens_nothing(client: Client, settings: object) -> None:
    may(settings)
    empty = hashlib.sha256(b"").hexdigest()
    assert client.get("/metrics", headers={"Authorization": f"Bearer {empty}"}).status_code == 404


@pytest.mark.django_db
def test_they_are_only_read(client: Client, settings: object) -> None:
    may(settings, token=TOKEN)
    answer = client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 405


def test_the_machine_is_told_as_the_agent_knows_it(agent: object) -> None:
    found = metrics.text(console_metrics.machine_metrics())
    assert 'korobka_service_healthy{service="agent",instance="agent"} 1' in found
    assert "korobka_certificate_end_seconds{} " in found
    assert "korobka_backups_set_up{} " in found
    assert 'korobka_web_workers{number="now"} 3' in found
    assert 'korobka_web_workers{number="min"} 2' in found
    assert "korobka_web_workers_decision_busy_ratio" not in found, "nothing was decided"
