"""Whom the directory has let go since the moment that the box was brought back to does not get in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.bridges.directory.after_restore import NotSynchronised, sync_before_opening
from box.bridges.directory.models import Connection, Run
from box.core.accounts.models import User
from box.core.registry.capabilities import before_opening
from tests.box.bridges.directory.companies import connected, synchronised
from tests.directory import entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db

UNGUARDED = {"guard_people": 1000, "guard_percent": 100.0, "guard_base_percent": 100.0}


@pytest.fixture(autouse=True)
def _anew(slapd: Slapd) -> Iterator[None]:
    slapd.keep("nobody")
    yield
    if not slapd.is_running:
        slapd.start()


def test_who_was_let_go_meanwhile_is_shut_out_before_the_box_opens(slapd: Slapd) -> None:
    unit = slapd.unit("Restored")
    left, stays = (slapd.person(f"r{number}", unit.dn, givenName="R") for number in range(2))
    slapd.seed(unit, left, stays)
    connection = connected(slapd, unit.dn, rules=UNGUARDED)
    synchronised(connection)
    assert User.objects.active().filter(login__in=["r0", "r1"]).count() == 2
    # As in a box that was brought back to a moment before: a run was going, and the person was there.
    Run.objects.create(connection=connection, mode=Run.Mode.SYNC, why=Run.Why.SCHEDULE)
    slapd.apply(entries.delete(left.dn))
    assert before_opening["directory"]() == f"{connection.name}: done"
    assert [user.login for user in User.objects.active().filter(login__in=["r0", "r1"])] == ["r1"]


def test_a_directory_that_does_not_answer_is_told(slapd: Slapd) -> None:
    connected(slapd, slapd.unit("Away").dn, servers=["127.0.0.1:1"])
    with pytest.raises(NotSynchronised, match="Corp: failed"):
        sync_before_opening()


def test_without_a_directory_nobody_is_asked() -> None:
    assert not Connection.objects.exists()
    assert sync_before_opening() == "no directory"
