"""The page of releases: what it says before anything begins, and that it begins only what was shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from appliance.agent.journal import Journal
from appliance.client import OfferedRelease, UpgradePlan, UpgradeState
from appliance.node import Node
from box.console import upgrades
from box.core.accounts.models import User

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

ARCHIVE = "korobka-0.2.0.tar.gz"
PLAN = UpgradePlan(
    "20261124T100000-examine-1",
    ARCHIVE,
    "0.2.0+abcdef01",
    datetime(2026, 11, 20, tzinfo=UTC),
    3,
    has_backup=True,
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, as_person: Browser, olga: User) -> Callable[[UpgradeState], str]:
    """The page over a state of the agent's, such as tests/installer/test_examine.py finds for real."""

    class Answering:
        def __init__(self, state: UpgradeState) -> None:
            self.state = state

        def ask(self, operation: object, **_: object) -> Any:
            return self.state if type(operation).__name__ == "ReadUpgrades" else Nothing()

    class Nothing:
        operations = ()

    def show(state: UpgradeState) -> str:
        monkeypatch.setattr(upgrades, "_agent", lambda: Answering(state))
        return as_person(olga).get("/console/releases/").content.decode()

    return show


def test_what_will_change_is_shown_before_it_begins(shown: Callable[[UpgradeState], str]) -> None:
    offered = (OfferedRelease(ARCHIVE, 1 << 20, is_signed=True),)
    page = shown(UpgradeState("0.1.0+1234abcd", "/var/lib/korobka/releases", offered))
    assert "0.1.0+1234abcd" in page and ARCHIVE in page
    assert "/console/releases/upgrade/" not in page
    page = shown(UpgradeState("0.1.0+1234abcd", "/var/lib/korobka/releases", offered, PLAN))
    for words in (
        "0.2.0+abcdef01",
        "3 changes",
        "is made first",
        PLAN.examination,
        "/console/releases/upgrade/",
    ):
        assert words in page


def test_without_a_backup_that_is_said(shown: Callable[[UpgradeState], str]) -> None:
    page = shown(UpgradeState("0.1.0", "/x", (), replace(PLAN, has_backup=False, new_migrations=0)))
    assert "none is set up" in page and "stay as they are" in page


def test_an_archive_without_its_signature_is_not_looked_at(shown: Callable[[UpgradeState], str]) -> None:
    page = shown(UpgradeState("0.1.0", "/x", (OfferedRelease(ARCHIVE, 5, is_signed=False),)))
    assert "its signature is missing" in page
    assert "/console/releases/examination/" not in page


def test_where_nothing_lies_the_page_says_where_to_put_it(
    agent: Node, as_person: Browser, olga: User
) -> None:
    page = as_person(olga).get("/console/releases/").content.decode()
    assert "No other release lies on the machine." in page
    assert str(agent.paths.offered) in page


def test_a_file_that_is_not_offered_is_refused(agent: Node, as_person: Browser, olga: User) -> None:
    page = as_person(olga).post("/console/releases/examination/", {"archive": "../../etc/shadow"})
    assert "There is no ../../etc/shadow" in page.content.decode()
    assert Journal.all(agent.paths.operations) == []


def test_an_upgrade_that_nobody_has_looked_at_does_not_begin(
    agent: Node, as_person: Browser, olga: User
) -> None:
    page = as_person(olga).post("/console/releases/upgrade/", {"examination": "none"})
    assert "There is no operation" in page.content.decode()


def test_the_password_is_asked_for_before_it_begins(agent: Node, as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    session = browser.session
    del session["proven_at"]
    session.save()
    answer = browser.post("/console/releases/upgrade/", {"examination": "none"})
    assert answer.headers["Location"].startswith("/profile/proof/")
