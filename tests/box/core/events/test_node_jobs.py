"""What each node does for itself: every minute, and whatever became of the others' turns."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from box.console import jobs
from box.core.events import node_jobs
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from pytest_django import Settings


class Pause(threading.Event):
    """Tells when it was looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = threading.Event()

    def is_set(self) -> bool:
        self.looked_at.set()
        return super().is_set()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of what the rooms have offered: one that fails, and one that notes its turns."""
    done: list[str] = []

    def fails() -> None:
        raise RuntimeError("no")

    offers: Offers[object] = Offers("jobs of each node")
    offers.add("fails", fails)
    offers.add("works", lambda: done.append("worked"))
    monkeypatch.setattr(node_jobs, "node_jobs", offers)
    return done


def test_what_fails_keeps_nobody_else_from_its_turn(done: list[str]) -> None:
    node_jobs.run_all()
    assert done == ["worked"]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_while_nothing_can_be_written(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_jobs, "EVERY_SECONDS", 0.01)
    stop, paused = threading.Event(), Pause()
    paused.set()
    thread = threading.Thread(target=node_jobs.run_until, args=(stop, paused))
    thread.start()
    assert paused.looked_at.wait(20)
    assert done == []
    paused.clear()
    while not done and thread.is_alive():
        stop.wait(0.01)
    stop.set()
    thread.join(20)
    assert done and not thread.is_alive()


def test_each_machine_of_a_cluster_has_a_log_of_its_own(settings: Settings) -> None:
    assert jobs.source() == "agent"
    settings.NODE, settings.IS_HOME = "node-1", True
    assert jobs.source() == "agent"
    settings.NODE, settings.IS_HOME = "node-2", False
    assert jobs.source() == "agent@node-2"


def test_backups_are_watched_where_they_are(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[object] = []

    def follow(*, now: datetime) -> None:
        followed.append(now)

    monkeypatch.setattr(jobs, "follow_all", follow)
    settings.IS_HOME = False
    jobs.look_after_retrievals()
    jobs.watch_backups()  # nobody is asked
    assert followed == []
    settings.IS_HOME = True
    jobs.look_after_retrievals()
    assert len(followed) == 1
