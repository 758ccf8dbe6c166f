"""What an operation says while nothing is heard."""

from __future__ import annotations

from pathlib import Path

from appliance.agent.journal import Journal
from backup.progress import Meter, told_of_silence
from tests.appliance.boxes import wait_until


def told(journal: Journal) -> list[str]:
    return [entry["text"] for entry in journal.entries() if entry["entry"] == "progress"]


def test_silence_is_told_again_and_again_and_ends_with_the_block(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "backup", {}, by="a test")
    with told_of_silence(journal, "offsite", seconds=0.05):
        wait_until(lambda: len(told(journal)) >= 2)
    said = told(journal)
    assert all(line.startswith("Nothing has been heard of offsite for ") for line in said)
    assert all(line.endswith("It is waited for.") for line in said)
    assert journal.state().state == "running"


def test_who_speaks_is_not_told_to_be_silent(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "backup", {}, by="a test")
    with told_of_silence(journal, "offsite", seconds=3600):
        journal.progress("Database")
    assert told(journal) == ["Database"]


def test_the_end_is_told_at_once_and_once() -> None:
    """At the end of a database come hundreds of empty files."""
    said: list[tuple[str, int]] = []
    meter = Meter(
        "Database", lambda text, done, *_: said.append((text.partition(",")[0], done)), total=9 << 20
    )
    for done in (1 << 20, 8 << 20, *[9 << 20] * 500):
        meter.at(done)
    assert said[0] == ("Database: 1.0 MiB of 9.0 MiB", 1)
    assert said[1:] == [("Database: 9.0 MiB of 9.0 MiB", 9)] * (len(said) - 1)
    assert len(said) < 50
