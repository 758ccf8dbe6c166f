"""The journal of one operation: cut anywhere, locked by whoever performs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.answers import Progress
from appliance.agent.journal import Journal, Unknown


def test_a_journal_tells_its_story(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "restart", {"service": "web"}, by="olga")
    journal.progress("web@1: restarting", 0, 2)
    state = journal.state()
    assert (state.kind, state.asked_by, state.state) == ("restart", "olga", "running")
    assert state.progress == Progress("web@1: restarting", 0, 2)
    journal.end("done", "web is restarted.")
    assert journal.state().state == "done"
    assert journal.state().ended_at
    assert Journal.find(tmp_path, journal.id) == journal
    assert oct(journal.path.stat().st_mode & 0o777) == "0o600"


@given(cut=st.integers(min_value=0), texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
@settings(max_examples=60)
def test_a_journal_cut_anywhere_by_a_power_cut_is_read_up_to_there_and_goes_on(
    cut: int, texts: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.begin(Path(folder), "restart", {}, by="olga")
        first = journal.path.stat().st_size
        for text in texts:
            journal.progress(text)
        whole, before = journal.path.read_bytes(), journal.entries()
        journal.path.write_bytes(whole[: first + cut % (len(whole) - first + 1)])
        left = journal.entries()
        assert left == before[: len(left)]
        journal.progress("after")
        assert journal.entries()[:-1] == left
        assert journal.entries()[-1]["text"] == "after"


def test_a_journal_is_looked_for_and_not_opened_by_path(tmp_path: Path) -> None:
    (tmp_path / "operations").mkdir()
    Journal.begin(tmp_path, "restart", {}, by="")
    with pytest.raises(Unknown):
        Journal.find(tmp_path / "operations", f"../{next(tmp_path.glob('*.jsonl')).stem}")


def test_the_lock_passes_to_whoever_inherits_it(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "restart", {}, by="")
    assert not journal.is_performed()
    lock = journal.take()
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    os.close(lock)
    assert journal.is_performed()
    assert journal.take(patience=0) is None
    child.communicate(b"\n")
    assert not journal.is_performed()
