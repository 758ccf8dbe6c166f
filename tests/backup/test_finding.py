"""One thing is found in a set and put back, through the portal's own commands; the rest is not touched."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from appliance.agent import operations, search_results
from appliance.agent.journal import Journal, Unknown
from appliance.node import Node
from backup import search_child, second_box, sets
from backup.operations import find
from backup.settings import BackupRefused
from tests.appliance.boxes import boxctl, query
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, ended, perform


def test_a_file_that_is_gone_comes_back_with_its_bytes_and_for_its_owner_alone(kept: Kept) -> None:
    kept.forget_files()
    kept.add_person("anna")
    kept.add_person("olga", is_administrator=True)
    key = kept.add_private_file("anna")
    back_up(kept)
    before = query(kept.node, "select id, name, blob_id from files_file")
    query(
        kept.node,
        "delete from feed_postfile; delete from files_file;"
        " update files_blob set preview_id = null, thumbnail_id = null;"
        f" delete from files_blob where key = '{key}'",
    )
    kept.lose(key)

    # An administrator does not find what is private.
    by_olga = perform(kept, "find", kind="files.file", text="plan", reader="olga")
    assert "no things were found" in by_olga.progress.text

    state = perform(kept, "find", kind="files.file", text="PLAN", reader="anna")
    assert state.state == "done", state.progress.text
    seen = search_results.read(kept.node.paths, state.id, "anna")
    (thing,) = seen.things
    assert (thing.title, thing.now) == ("plan.txt", "gone")
    with pytest.raises(Unknown, match="no such search"):
        search_results.read(kept.node.paths, state.id, "olga")
    assert not second_box.place_of(kept.node, search_child.PLACE).exists()

    for _ in range(2):
        done = perform(kept, "put-back", id=state.id, number=1, reader="anna")
        assert done.state == "done", done.progress.text
    assert "/files/" in done.progress.text
    assert query(kept.node, "select id, name, blob_id from files_file") == before
    assert kept.stored(key) == kept.contents[key]
    assert query(kept.node, "select count(*) from feed_postfile") == "1"


def test_a_kind_that_nobody_offers_and_a_search_for_nothing_are_refused(kept: Kept) -> None:
    said = boxctl(kept.node, "backup", "find", "files.file", " ", "--as", "anna")
    assert "a word of it is enough" in said.stderr
    said = boxctl(kept.node, "backup", "put-back", "nonsense", "1", "--as", "anna")
    assert "no such search" in said.stderr


def test_what_somebody_looks_for_themselves_is_their_own_and_told_to_them_alone(kept: Kept) -> None:
    """Also that it was found, and put back: others see the same course of things, as long as it may take."""
    kept.forget_files()
    kept.add_person("anna")
    kept.add_person("boris")
    key = kept.add_private_file("anna")
    # For all to see, and still not boris's own.
    query(kept.node, "update files_file set is_private = false, audience = audience || '{UA}'")
    query(kept.node, "update feed_post set is_private = false, audience = audience || '{UA}'")
    back_up(kept)
    query(kept.node, "delete from feed_postfile; delete from files_file")
    states = {}
    for who in ("anna", "boris"):
        asked = {"kind": "files.file", "text": "plan", "reader": who, "is_own": True}
        journal = operations.begin(kept.node.paths, "find", asked, by="somebody")
        ended(kept, journal)
        states[who] = operations.state_for(journal, "")
        seen = search_results.read(kept.node.paths, journal.id, who)
        assert [thing.now for thing in seen.things] == (["gone"] if who == "anna" else [])
        assert operations.state_for(journal, who).progress.text.startswith("In the newest set")
        assert journal.noted("looking")
        lasted = states[who].ended_at - states[who].began_at  # type: ignore[operator]
        assert lasted.total_seconds() >= find.SECONDS_AT_A_TIME
    for state in states.values():
        assert (state.state, state.progress.text) == ("done", "")

    by_anna = next(
        one for one in Journal.all(kept.node.paths.operations) if one.arguments["reader"] == "anna"
    )
    done = perform(kept, "put-own-back", id=by_anna.id, number=1, reader="anna", is_own=True)
    assert "/files/" in done.progress.text
    assert query(kept.node, "select count(*) from feed_postfile") == "1"
    assert kept.stored(key) == kept.contents[key]
    assert done.id not in {one.id for one in operations.list_states(kept.node.paths, 100)}


@pytest.mark.parametrize(
    ("is_own", "has_looked", "took", "waited"),
    [(True, True, 17, [13]), (True, True, 29.5, [0.5]), (True, False, 17, []), (False, True, 17, [])],
)
def test_a_search_for_oneself_takes_whole_quarters_of_a_minute_once_it_looks(
    kept: Kept,
    monkeypatch: pytest.MonkeyPatch,
    is_own: bool,
    has_looked: bool,
    took: float,
    waited: list[float],
) -> None:
    journal = Journal.begin(
        kept.node.paths.operations, "find", {"is_own": is_own, "reader": "nobody"}, by="a test"
    )
    monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(journal.path))
    # The program loses its path, and this process keeps its own.
    monkeypatch.setenv("PYTHONPATH", "")
    now, pauses = iter([100.0, 100.0 + took]), list[float]()
    monkeypatch.setattr(find, "time", SimpleNamespace(monotonic=lambda: next(now), sleep=pauses.append))

    def breaks_off(_node: Node, journal: Journal) -> int:
        if has_looked:
            journal.append("looking")
        raise BackupRefused("The disk is gone.")

    monkeypatch.setattr(find, "find", breaks_off)
    with pytest.raises(SystemExit):
        find.main()
    assert pauses == waited
    assert journal.state().state == "failed"


def test_what_is_nobodys_own_is_not_looked_for(kept: Kept) -> None:
    """It breaks off, which is told to whoever has asked and to nobody else."""
    kept.add_person("anna")
    if not sets.known(kept.node, kept.target):
        back_up(kept)
    asked = {"kind": "org.department", "text": "sales", "reader": "anna", "is_own": True}
    journal = operations.begin(kept.node.paths, "find", asked, by="anna")
    assert ended(kept, journal).state == "failed"
    assert operations.state_for(journal, "anna").state == "failed"
    other = operations.state_for(journal, "boris")
    assert (other.state, other.progress.text) == ("done", "")
