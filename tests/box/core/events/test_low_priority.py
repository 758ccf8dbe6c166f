"""Who works at low priority lowers nobody else, leaves no connection, and fails aloud."""

from __future__ import annotations

import os
from threading import get_native_id

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from box.core.accounts.models import User
from box.core.events.low_priority import NICENESS, run_at_low_priority


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


def test_only_the_work_is_lowered() -> None:
    before, found = niceness(), list[int]()
    run_at_low_priority(lambda: found.append(niceness()))
    assert found == [max(NICENESS, before)]
    assert niceness() == before


def test_who_is_lowered_further_stays_there() -> None:
    found = list[int]()

    def lowered() -> None:
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS + 5)
        run_at_low_priority(lambda: found.append(niceness()))

    run_at_low_priority(lowered)
    assert found == [NICENESS + 5]


def test_where_nobody_may_be_lowered_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    found = list[int]()
    run_at_low_priority(lambda: found.append(1))
    assert found == [1]


def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise LookupError("as asked")

    with pytest.raises(LookupError, match="as asked"):
        run_at_low_priority(fail)


@pytest.mark.django_db(transaction=True)
def test_its_connection_ends_with_it() -> None:
    found = list[BaseDatabaseWrapper]()

    def ask() -> None:
        User.objects.exists()
        found.append(connections["default"])
        assert found[0].connection

    run_at_low_priority(ask)
    assert found[0].connection is None
    assert found[0] is not connections["default"]
