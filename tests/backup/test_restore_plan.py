"""With which set a restore begins."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from appliance.agent.codec import Malformed, encode
from backup import sets
from backup.operations.restore import decide
from backup.sets import BackupSet
from backup.settings import BackupRefused
from backup.timeline import Timeline

from .made_up import NOW, a_set

LOG_ENDS = "000000010000000000000001", "000000010000000000000002"


def begun_with(*known: BackupSet, milliseconds: int) -> str:
    """The label, for a moment so long after the second in which the newest set ended had begun."""
    moment = NOW + timedelta(milliseconds=milliseconds)
    later = NOW + timedelta(days=1)
    plan = decide(known, label="", moment=moment, version="0.1.0", now=later, timeline=Timeline(1))
    return plan.begin_with.label


def test_no_moment_is_recovered_from_a_set_that_had_not_ended() -> None:
    """pgBackRest tells the second in which it ended; PostgreSQL refuses every moment before the very end."""
    before = a_set(label="before", ended_at=NOW - timedelta(minutes=1), last_wal=LOG_ENDS[0])
    newest = a_set(
        label="newest", ended_at=NOW, done_at=NOW + timedelta(milliseconds=700), last_wal=LOG_ENDS[1]
    )
    assert begun_with(before, newest, milliseconds=5) == "before"
    assert begun_with(before, newest, milliseconds=699) == "before"
    assert begun_with(before, newest, milliseconds=700) == "newest"
    with pytest.raises(BackupRefused, match="The time line begins at"):
        begun_with(newest, milliseconds=5)


def test_of_an_older_set_the_second_has_to_be_over() -> None:
    old = a_set(label="old", ended_at=NOW, last_wal=LOG_ENDS[0])
    with pytest.raises(BackupRefused, match="The time line begins at"):
        begun_with(old, milliseconds=999)
    assert begun_with(old, milliseconds=1000) == "old"


def test_what_a_newer_release_tells_of_a_set_hides_it_from_nobody() -> None:
    line = json.dumps({**cast("dict[str, Any]", encode(a_set())), "told_later": {"by": "0.2.0"}})
    assert sets._header(line, "a manifest") == a_set()
    with pytest.raises(Malformed, match="a manifest"):
        sets._header("[]", "a manifest")
