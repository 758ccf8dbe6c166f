from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance import web_workers
from appliance.client import FollowOperation, ListOperations, WorkersDecision
from appliance.node import Node
from box.core.accounts.models import User
from tests.appliance.boxes import agent_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


@pytest.fixture
def no_agent(tmp_path: Path, settings: Any) -> None:
    settings.AGENT_SOCKET = tmp_path / "agent.sock"


def test_the_console_is_there_for_administrators_alone(
    as_person: Browser, anna: User, no_agent: None
) -> None:
    browser = as_person(anna)
    assert browser.get("/console/").status_code == 404
    assert browser.get("/console/services/web/").status_code == 404
    assert browser.post("/console/services/web/restart/").status_code == 404
    assert b'href="/console/' not in browser.get("/feed/").content


def test_every_service_is_listed_with_its_state(as_person: Browser, olga: User, agent: Node) -> None:
    page = as_person(olga).get("/console/").content.decode()
    for name in ("agent", "balancer", "cache", "database", "jobs", "objects", "push", "web"):
        assert f'href="/console/services/{name}/"' in page
    assert "needs you" in page


def test_the_page_says_how_many_web_workers_run_and_why(as_person: Browser, olga: User, agent: Node) -> None:
    browser = as_person(olga)

    def told(count: int, before: int, mean: float) -> str:
        at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        web_workers.remember(agent.paths, WorkersDecision(at, count, before, mean, "In English."))
        return browser.get("/console/").content.decode()

    page = browser.get("/console/").content.decode()
    assert "Makes the pages. Their number follows the load, from 2 to 3: now 3." in page
    page = told(2, 3, 0.12)
    assert "from 2 to 3: now 2. One was taken away on " in page and "busy at 12% only." in page
    page = told(3, 2, 0.754)
    assert "from 2 to 3: now 3. One was added on " in page and "busy at 75%." in page
    assert "In English." not in page


def test_a_log_is_read_in_pages(as_person: Browser, olga: User, agent: Node) -> None:
    page = as_person(olga).get("/console/services/agent/").content.decode()
    assert '<pre class="log"' in page
    assert "The log is empty." not in page


def test_a_service_that_there_is_not_has_no_page(as_person: Browser, olga: User, agent: Node) -> None:
    assert as_person(olga).get("/console/services/nonsense/").status_code == 404
    assert as_person(olga).post("/console/services/nonsense/restart/").status_code == 404


def test_a_restart_is_begun_and_told_of_with_who_asked(as_person: Browser, olga: User, agent: Node) -> None:
    browser = as_person(olga)
    assert browser.post("/console/services/cache/restart/").headers["Location"] == "/console/"
    state = agent_of(agent).ask(ListOperations()).operations[0]
    assert (state.kind, state.asked_by) == ("restart", olga.login)
    assert agent_of(agent).ask(FollowOperation(state.id)).state == "done"
    assert olga.login in browser.get("/console/").content.decode()


def test_without_the_agent_the_pages_say_how_to_start_it(
    as_person: Browser, olga: User, no_agent: None
) -> None:
    browser = as_person(olga)
    for answer in (browser.get("/console/"), browser.get("/console/services/web/")):
        assert answer.status_code == 200
        assert "boxctl start agent" in answer.content.decode()
    assert "boxctl start agent" in browser.post("/console/services/web/restart/").content.decode()
