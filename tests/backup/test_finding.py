"""One thing is found in a set and put back, through the portal's own commands; the rest is not touched."""

from __future__ import annotations

import pytest

from appliance.agent import found
from appliance.agent.journal import Unknown
from appliance.services.database.setup import query
from backup import beside, searching
from tests.appliance.boxes import boxctl
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, perform


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
    seen = found.read(kept.node.paths, state.id, "anna")
    (thing,) = seen.things
    assert (thing.title, thing.now) == ("plan.txt", "gone")
    with pytest.raises(Unknown, match="no such search"):
        found.read(kept.node.paths, state.id, "olga")
    assert not beside.place_of(kept.node, searching.PLACE).exists()

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
