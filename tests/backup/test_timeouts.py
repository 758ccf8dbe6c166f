"""One figure says how long a target is waited for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance import config
from appliance.node import Node
from backup import pgbackrest, serve, timeouts
from backup.timeouts import Patience
from tests.backup.conftest import PATIENCE, Kept


def test_by_default_it_is_two_minutes_for_files_and_five_for_the_database() -> None:
    waits = Patience(config.Box().backup.patience_seconds)
    assert (waits.seconds, waits.connecting, waits.reading_files) == (120, 5, 30)
    assert (waits.database.seconds, waits.reading_database, waits.log) == (300, 20, 180)
    assert set(waits.database.after.values()) == {300}


@given(st.integers(20, 3600))
def test_nothing_is_ended_before_it_could_try_again_or_while_it_may_wait_for_the_log(seconds: int) -> None:
    waits = Patience(seconds)
    assert 2 * (waits.connecting + waits.reading_files) <= max(waits.seconds, 20)
    assert 2 * (waits.connecting + waits.reading_database) <= waits.database.seconds
    assert min(waits.database.after.values()) > waits.log >= 180
    # What pgBackRest takes: `io-timeout` up to an hour, `archive-timeout` up to a day.
    assert waits.reading_database <= 3600
    assert waits.log <= 86400


def test_what_root_says_of_it_comes_to_the_engines(kept: Kept) -> None:
    def told() -> set[str]:
        lines = pgbackrest.config_file(kept.node).read_text(encoding="utf-8").splitlines()
        return {line for line in lines if line.startswith(("io-timeout", "archive-timeout"))}

    assert told() == {f"io-timeout={PATIENCE.reading_database}", f"archive-timeout={PATIENCE.log}"}
    file = kept.node.paths.box_toml
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(config.set_value(before, "backup.patience_seconds", 1200, from_console=False))
        patient = Node.load(kept.node.paths)
        assert timeouts.of(patient) == Patience(1200)
        # What the service does every half a minute.
        serve.renew_config(patient)
        assert told() == {"io-timeout=200", "archive-timeout=1800"}
    finally:
        file.write_text(before)
        serve.renew_config(kept.node)
